"""The gate, the program verifier: a verified program runs without further checks of its form.

A verified program refers only to existing neurons, data, registers and instructions, loads finite data of the right shapes,
stays within the limits, and reads nothing before it was written, on any path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.deferred import is_unread
from bioasm.isa.findings import Finding, Findings, Found
from bioasm.isa.formulas import lane_constants
from bioasm.isa.limits import limit
from bioasm.isa.modeltext import check_model_text
from bioasm.isa.names import name_fault
from bioasm.isa.program import DataRef, Program
from bioasm.models import MODELS
from bioasm.models.base import Model
from bioasm.network.namespace import NameSpace
from bioasm.network.network import Network
from bioasm.network.references import ParameterRef, ProjectionRef, Resolved
from bioasm.verifier.analysis import ProgramAnalysis, analyse_program
from bioasm.verifier.catalogue import Catalogue
from bioasm.verifier.data import check_block
from bioasm.verifier.dataflow import Flow
from bioasm.verifier.landscape import check_landscape
from bioasm.verifier.lane_places import against
from bioasm.verifier.operands import check_operands, is_number
from bioasm.verifier.path_rules import check_flow
from bioasm.verifier.random_values import check_arguments
from bioasm.verifier.resolve import parameter, resolve
from bioasm.verifier.semantics import check_meaning
from bioasm.verifier.semantics.bare import check_bare, is_core


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Verified:
    """A verified program: its network (one population of no neurons without ALC and POP), and warnings.

    `instructions` are those of the program, one for one, with references in place of names.
    """

    program: Program
    network: Network
    warnings: tuple[Diagnostic, ...] = ()
    instructions: tuple[Resolved, ...] = ()

    @property
    def names(self) -> NameSpace:
        """The names of the network."""
        return NameSpace(self.network)

    def parameter(self, word: str) -> ParameterRef | ProjectionRef | None:
        """Resolve a word to a parameter; None for an unknown or ambiguous one."""
        return parameter(self.names, word)

    @property
    def model(self) -> Model:
        """The model of the first population."""
        return self.network.populations[0].model

    @property
    def n(self) -> int:
        """All neurons."""
        return self.network.n


def verify(program: Program, parameters: Mapping[str, float] | None = None) -> Verified:
    """Verify a program, in time linear in its length.

    `parameters` replace defaults of parameters for this run, in SI units, by their whole names: `tau` for the population
    that ALC makes, else `cells.tau`; `dt` for the step of all.
    Raises BioasmError with the errors found, at most `limit("diagnostics")` of them.
    """
    findings = Findings()
    findings.of_program(_check_sizes(program))
    _stop_at_errors(findings)
    findings.of_program(chain(_check_names(program), _check_models(program)))
    unread = {index for index, block in enumerate(program.data) if is_unread(block.value)}
    _check_data(program, findings, set(range(len(program.data))) - unread)
    sound = not findings.errors
    catalogue = Catalogue(program)
    findings.errors += catalogue.diagnostics[: limit("diagnostics")]
    if catalogue.diagnostics:
        _stop_at_errors(findings)
    analysis = analyse_program(program, catalogue, parameters or {}, sound=sound)
    _check_instructions(analysis, findings, sound=sound)
    _stop_at_errors(findings)
    _check_data(program, findings, unread)
    _stop_at_errors(findings)
    _warn_of_replaced(program, findings)
    _warn_of_unreachable(program, analysis.flow, findings)
    assert analysis.context is not None
    network = analysis.context.network
    for index, finding in check_landscape(program, analysis.flow, network):
        findings.of_instruction(index, program.instructions[index], [finding])
    _warn_of_nothing(program, findings)
    instructions = resolve(analysis.context.names, program)
    findings.errors += against(program, instructions, lane_constants(program))
    _stop_at_errors(findings)
    return Verified(program, network, tuple(findings.warnings), instructions)


def _check_instructions(analysis: ProgramAnalysis, findings: Findings, *, sound: bool) -> None:
    """Checks of single instructions; semantic checks only where data and names are valid."""
    program, context, core = analysis.program, analysis.context, is_core(analysis.program)
    for index, instruction in enumerate(program.instructions):
        flawed = findings.of_instruction(index, instruction, check_operands(program, instruction))
        findings.of_instruction(index, instruction, analysis.found.get(index, ()))
        if not flawed and context is not None:
            findings.of_instruction(index, instruction, check_flow(analysis, context, index))
            if sound:
                flawed = findings.of_instruction(index, instruction, check_meaning(context, instruction))
            if sound and not flawed and not core:
                findings.of_instruction(index, instruction, check_bare(context, instruction))
        if findings.full:
            break


def _check_data(program: Program, findings: Findings, chosen: set[int]) -> None:
    """Check the data blocks `chosen`; a fault is located at the first use of its block."""
    uses: dict[int, int] = {}
    for at, instruction in enumerate(program.instructions):
        for operand in instruction.operands:
            if isinstance(operand, DataRef):
                uses.setdefault(operand.index, at)
    for index in sorted(chosen):
        block = program.data[index]
        found = list(check_block(index, block)) or check_arguments(program, block)
        if index in uses:
            findings.of_instruction(uses[index], program.instructions[uses[index]], found)
        else:
            findings.of_program(found)


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
        "models": len(program.models),
        "sections": len(program.sections),
        "metadata_bytes": sum(len(word.encode("utf-8", "replace")) for word in chain(*program.metadata.items())),
    }
    for name, count in counts.items():
        if count > limit(name):
            yield Finding("B111", f"the program has {count} {name.replace('_', ' ')}; the limit is {limit(name)}")


def _check_names(program: Program) -> Found:
    """Check that names are valid and unique, constants finite, and labels within the program."""
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


def _check_models(program: Program) -> Found:
    """Check that texts of models are one block each, with distinct names."""
    for model in program.models:
        yield from check_model_text(model)
    seen: set[str] = set()
    for name in (model.name for model in program.models):
        if name in seen:
            yield Finding("B008", f"two models or mechanisms of the program are called {name!r}")
        seen.add(name)


# --- warnings ---------------------------------------------------------------------------------------


def _warn_of_replaced(program: Program, findings: Findings) -> None:
    """A warning for each of the program's own models that shadows one of the library."""
    for text in program.models:
        if text.name in MODELS:
            message = f"{text.kind} {text.name} of the program replaces the built-in one"
            findings.warnings.append(Diagnostic("B129", message, text.span, severity="warning"))


def _warn_of_nothing(program: Program, findings: Findings) -> None:
    """A warning for a program without instructions, which a failed command in a pipe leaves."""
    if not program.instructions:
        message = "the program has no instructions, and a run of it gives no result"
        findings.warnings.append(Diagnostic("B133", message, severity="warning"))


def _warn_of_unreachable(program: Program, flow: Flow, findings: Findings) -> None:
    """Dead code: one warning for each range of unreachable instructions."""
    before = True
    for index, instruction in enumerate(program.instructions):
        here = flow.reached(index)
        if before and not here:
            found = Finding("B117", "no path leads to this instruction", severity="warning")
            findings.of_instruction(index, instruction, [found])
        before = here
