"""Checks of the dataflow facts at an instruction: allocation, initialised registers, and the order of settings."""

from __future__ import annotations

from collections.abc import Callable

from bioasm.isa.findings import Finding, Found
from bioasm.isa.limits import limit
from bioasm.isa.program import DataRef, Instruction, Name
from bioasm.models.base import StateVariable
from bioasm.network.namespace import PARAMETER, pathways
from bioasm.verifier.analysis import ProgramAnalysis
from bioasm.verifier.context import CheckContext
from bioasm.verifier.dataflow import ALLOCATED, CHOSEN, REGISTERS, UNALLOCATED, UNCHOSEN
from bioasm.verifier.network_builder import count


def check_flow(analysis: ProgramAnalysis, context: CheckContext, index: int) -> Found:
    """Findings about one instruction that hold on some path to it."""
    flow = analysis.flow
    if not flow.reached(index):
        return
    instruction, facts = analysis.program.instructions[index], flow.facts[index]
    missing = flow.missing(index)
    if missing & ALLOCATED:
        yield _without_neurons(context, instruction.mnemonic)
    for register in range(limit("registers")) if missing & REGISTERS else ():
        if missing >> register & 1:
            yield Finding("B113", f"a path leads here on which nothing has been written into r{register}")
    if instruction.mnemonic in _PLACED:
        yield from _PLACED[instruction.mnemonic](context, instruction, facts)
    if instruction.mnemonic == "SET" and index >= analysis.fixed:
        yield from _check_fixed(context, instruction)


def _without_neurons(context: CheckContext, what: str) -> Finding:
    hint = "put `ALC n` before it, outside of any branch" if context.network.implicit else "put the POPs before it"
    made = "ALC" if context.network.implicit else "POP"
    return Finding("B101", f"{what} needs neurons, and a path leads here without {made}", hint)


def _check_alc(context: CheckContext, instruction: Instruction, facts: int) -> Found:
    if not context.network.implicit:
        yield Finding("B102", "POP adds the neurons of this program, and ALC can't stand beside it")
        return
    n = context.first.n
    if not facts & UNALLOCATED:
        yield Finding("B102", "a path leads here on which neurons were allocated already")
    elif count(context.program, instruction.operands[0]) != n:
        yield Finding("B102", f"another ALC allocates {n} neurons; all paths must allocate as many")
    if not facts & (CHOSEN | UNCHOSEN):
        yield Finding("B104", "some paths lead here through MODEL and some do not", "put MODEL at the top")


def _check_model(context: CheckContext, instruction: Instruction, facts: int) -> Found:
    name = instruction.operands[0]
    if not context.network.implicit:
        yield Finding("B104", "POP says the model of each population, and MODEL can't stand beside it")
        return
    if not facts & UNALLOCATED:
        yield Finding("B104", "a path leads here on which neurons were allocated already", "put MODEL at the top")
    if not facts & UNCHOSEN:
        yield Finding("B104", "a path leads here on which the model was chosen already")
    elif isinstance(name, Name) and name.text != context.first.model.name and context.catalogue.neuron(name.text):
        yield Finding("B104", f"another MODEL chooses {context.first.model.name}; all paths must choose the same")


def _check_set(context: CheckContext, instruction: Instruction, facts: int) -> Found:
    """Check that structural parameters of the neurons that ALC makes are set before it."""
    name, value = instruction.operands
    found = context.names.settable(name.text) if isinstance(name, Name) else None
    if found is not None and isinstance(found.thing, StateVariable):
        if not facts & ALLOCATED and not isinstance(value, DataRef) and found.part is None:
            yield _without_neurons(context, f"SET {found.thing.name}")
        return
    if isinstance(value, DataRef) or found is None or found.part is not None or not context.names.is_bare(found.instance):
        return
    if found.thing.structural and not facts & UNALLOCATED:
        yield Finding("B118", f"{found.thing.name} must be set before ALC", "put the SET above ALC")


_PLACED: dict[str, Callable[[CheckContext, Instruction, int], Found]] = {
    "ALC": _check_alc,
    "MODEL": _check_model,
    "SET": _check_set,
}


def _check_fixed(context: CheckContext, instruction: Instruction) -> Found:
    """Check that structural parameters of other parts are set before an instruction needs the complete network."""
    name = instruction.operands[0]
    word = name.text if isinstance(name, Name) else ""
    found = context.names.member(PARAMETER, word)
    projection = context.names.projected(word)
    is_delay = projection is not None and projection[1] in pathways(projection[0])
    is_fixed = found is not None and found.part is None and found.thing.structural and not context.names.is_bare(found.instance)
    if is_delay or is_fixed:
        hint = "put the SET above the first instruction that jumps or uses neurons, such as LDJ, INP, REC and RUN"
        yield Finding("B118", f"{word} must be set before the network runs", hint)
