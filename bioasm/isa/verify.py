"""The gate: what passes here can be run without further checks of its shape.

A program that passes names only neurons, data, registers and instructions that there are, loads finite data of the
right shapes, stays within the limits, and reads nothing that was not written before, whichever path it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.data import check_block
from bioasm.isa.findings import Finding, Findings, Found
from bioasm.isa.flow import ALLOCATED, CHOSEN, REGISTERS, UNALLOCATED, UNCHOSEN, Flow, analyse, known_values, reached
from bioasm.isa.limits import limit
from bioasm.isa.names import name_fault
from bioasm.isa.operands import check_operands, is_number
from bioasm.isa.program import ConstantRef, DataRef, Instruction, Name, Program, Quantity
from bioasm.isa.semantics import Scene, check_meaning
from bioasm.models import DEFAULT_MODEL, MODELS, Model


@dataclass(frozen=True, eq=False, slots=True)
class Verified:
    """A program that passed the gate: its model, its number of neurons (0 without ALC), and warnings."""

    program: Program
    model: Model
    n: int
    warnings: tuple[Diagnostic, ...] = ()


def verify(program: Program, parameters: Mapping[str, float] | None = None) -> Verified:
    """Let a program through the gate, in time linear in its length.

    `parameters` replace defaults of the model's parameters for this run, in SI units.
    Raises BioasmError with the errors found, at most `limit("diagnostics")` of them.
    """
    findings = Findings()
    findings.of_program(_check_sizes(program))
    _stop_at_errors(findings)
    findings.of_program(_check_names(program))
    for index, block in enumerate(program.data):
        findings.of_program(check_block(index, block))
    sound = not findings.errors
    flow = analyse(program)
    scene = _scene(program, flow, parameters or {})
    for index, instruction in enumerate(program.instructions):
        flawed = findings.of_instruction(index, instruction, check_operands(program, instruction))
        if not flawed:
            findings.of_instruction(index, instruction, _check_flow(program, flow, index, scene))
            if sound:  # the meaning of operands may be asked for where data and names are in order
                findings.of_instruction(index, instruction, check_meaning(scene, instruction))
        if findings.full:
            break
    _stop_at_errors(findings)
    _warn_of_unreachable(program, flow, findings)
    return Verified(program, scene.model, scene.n or 0, tuple(findings.warnings))


def _stop_at_errors(findings: Findings) -> None:
    if findings.errors:
        raise BioasmError(*findings.errors)


# --- the program as a whole -------------------------------------------------------------------------


def _check_sizes(program: Program) -> Found:
    counts = {
        "instructions": len(program.instructions),
        "constants": len(program.constants),
        "data": len(program.data),
        "names": sum(1 for _ in _named(program)),
        "sections": len(program.sections),
        "metadata_bytes": sum(len(word.encode("utf-8", "replace")) for word in chain(*program.metadata.items())),
    }
    for name, count in counts.items():
        if count > limit(name):
            yield Finding("B111", f"the program has {count} {name.replace('_', ' ')}; the limit is {limit(name)}")


def _check_names(program: Program) -> Found:
    """Names are sound and stand for one thing each; constants are finite and labels stay in the program."""
    seen: set[str] = set()
    for what, name in _named(program):
        fault = name_fault(name)
        if fault:
            yield Finding("B015", f"{what} is {name!r}: {fault}")
        if name in seen:
            yield Finding("B008", f"the name {name!r} stands for two things")
        seen.add(name)
    for name, quantity in program.constants.items():
        if not is_number(quantity.value):
            yield Finding("B109", f"the constant {name} is {quantity.value}; it must be a finite number")
    for name, index in program.labels.items():
        if not 0 <= index <= len(program.instructions):
            yield Finding("B112", f"the label {name} stands at instruction {index}, outside of the program")


def _named(program: Program) -> Iterator[tuple[str, str]]:
    yield from (("the name of a constant", name) for name in program.constants)
    yield from (("the name of a label", name) for name in program.labels)
    yield from (("the name of a datum", block.name) for block in program.data if block.name is not None)


def _scene(program: Program, flow: Flow, parameters: Mapping[str, float]) -> Scene:
    """The model, the number of neurons and the parameters that hold for all of the program."""
    model = _model(program, flow)
    defaults: dict[str, float | None] = {p.name: parameters.get(p.name, p.default) for p in model.parameters}
    return Scene(program, model, _neurons(program, flow), defaults | known_values(program, flow))


def _model(program: Program, flow: Flow) -> Model:
    """The model that the first MODEL names; others must name the same."""
    for _, instruction in reached(program, flow, "MODEL"):
        name = instruction.operands[0] if instruction.operands else None
        if isinstance(name, Name) and name.text in MODELS:
            return MODELS[name.text]
    return MODELS[DEFAULT_MODEL]


def _neurons(program: Program, flow: Flow) -> int | None:
    """What the first ALC allocates; None where that can't be known."""
    for _, instruction in reached(program, flow, "ALC"):
        return _count(program, instruction)
    return None


def _count(program: Program, instruction: Instruction) -> int | None:
    operand = instruction.operands[0] if instruction.operands else None
    if isinstance(operand, ConstantRef):
        operand = program.constants.get(operand.name)
    if isinstance(operand, Quantity) and is_number(operand.value) and operand.value == int(operand.value):
        return int(operand.value)
    return None


# --- paths ------------------------------------------------------------------------------------------


def _check_flow(program: Program, flow: Flow, index: int, scene: Scene) -> Found:
    """What is wrong with one instruction on some path to it."""
    if not flow.reached(index):
        return
    instruction, facts = program.instructions[index], flow.facts[index]
    missing = flow.missing(index)
    if missing & ALLOCATED:
        yield Finding("B101", f"{instruction.mnemonic} needs neurons, and a path leads here without ALC",
                      "put `ALC n` before it, outside of any branch")  # fmt: skip
    for register in range(limit("registers")) if missing & REGISTERS else ():
        if missing >> register & 1:
            yield Finding("B113", f"a path leads here on which nothing has been written into r{register}")
    if instruction.mnemonic in _PLACED:
        yield from _PLACED[instruction.mnemonic](scene, instruction, facts)


def _check_alc(scene: Scene, instruction: Instruction, facts: int) -> Found:
    if not facts & UNALLOCATED:
        yield Finding("B102", "a path leads here on which neurons were allocated already")
    elif _count(scene.program, instruction) != scene.n:
        yield Finding("B102", f"another ALC allocates {scene.n} neurons; all paths must allocate as many")
    if not facts & (CHOSEN | UNCHOSEN):
        yield Finding("B104", "some paths lead here through MODEL and some do not", "put MODEL at the top")


def _check_model(scene: Scene, instruction: Instruction, facts: int) -> Found:
    name = instruction.operands[0]
    if not facts & UNALLOCATED:
        yield Finding("B104", "a path leads here on which neurons were allocated already", "put MODEL at the top")
    if not facts & UNCHOSEN:
        yield Finding("B104", "a path leads here on which the model was chosen already")
    elif isinstance(name, Name) and name.text in MODELS and name.text != scene.model.name:
        yield Finding("B104", f"another MODEL chooses {scene.model.name}; all paths must choose the same")


def _check_set(scene: Scene, instruction: Instruction, facts: int) -> Found:
    name, value = instruction.operands
    parameter = scene.model.parameter(name.text) if isinstance(name, Name) else None
    if parameter is None or isinstance(value, DataRef):
        return
    if parameter.structural and not facts & UNALLOCATED:
        yield Finding("B118", f"{parameter.name} must be set before ALC", "put the SET above ALC")


_PLACED = {"ALC": _check_alc, "MODEL": _check_model, "SET": _check_set}


def _warn_of_unreachable(program: Program, flow: Flow, findings: Findings) -> None:
    """One warning for each stretch of instructions that no path leads to."""
    before = True
    for index, instruction in enumerate(program.instructions):
        here = flow.reached(index)
        if before and not here:
            findings.warn(index, instruction, Finding("B117", "no path leads to this instruction"))
        before = here
