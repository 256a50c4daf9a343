"""Operands whose constants may differ between lanes: those that act on cells.

Lanes execute the same instructions at the same time and have one set of registers. So a constant may have a value for each lane
only where it is the noise of SIG, a parameter or state of neurons, a weight or another parameter or state of connections, an
input, a level that CLAMP holds, the rate or weight of spikes from outside. Whatever decides durations, allocation, connections
or random draws is the same in all lanes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from bioasm.diagnostics import Diagnostic
from bioasm.isa.program import ConstantRef, DataRef, Operand, Program, Random
from bioasm.isa.table import Trait
from bioasm.network.painting import Painted
from bioasm.network.pairwise import Pairwise
from bioasm.network.references import ParameterRef, ProjectionRef, Reference, Resolved, RunRef

# The operands that may differ between lanes.
_PLACES = {
    "SIG": (0,),
    **dict.fromkeys(("SET", "CUR", "INP", "CLAMP"), (1,)),
    **dict.fromkeys(("SPK", "EVT"), (2,)),
    **dict.fromkeys(("POI", "RATE"), (1, 2)),
}
HINT = "a sweep with a run for each value can change it: bioasm sweep --set NAME=VALUES"


def is_fixed(ref: ParameterRef | ProjectionRef) -> bool:
    """Whether a parameter fixes the structure of the network: `dt`, a delay, or a structural one of a model."""
    return ref.parameter.structural or not ref.owner


def names_one(operand: Operand | Reference | None, constants: Collection[str]) -> bool:
    """Whether an operand is one of these constants."""
    return isinstance(operand, ConstantRef) and operand.name in constants


def against(program: Program, instructions: Sequence[Resolved], constants: Collection[str]) -> Iterator[Diagnostic]:
    """Diagnostics of the uses of constants that rule out values of the lanes' own."""
    for instruction in instructions if constants else ():
        yield from _against(program, instructions, instruction, constants)


def _against(
    program: Program, instructions: Sequence[Resolved], instruction: Resolved, constants: Collection[str]
) -> Iterator[Diagnostic]:
    """Diagnostics of an instruction's uses of constants that rule out values of the lanes' own."""
    for place, operand in enumerate(instruction.operands):
        if isinstance(operand, ConstantRef) and names_one(operand, constants) and (reason := _reason(instruction, place)):
            yield _refusal(instruction, operand.name, reason)
        if isinstance(operand, Painted | Pairwise):
            of = "the membrane" if isinstance(operand, Painted) else "connections"
            for read in sorted(operand.constants.keys() & set(constants)):
                yield _refusal(instruction, read, f"what a formula of {of} reads is alike in all lanes")
        if isinstance(operand, DataRef):
            for drawn in sorted(_arguments(program, operand).intersection(constants)):
                yield _refusal(instruction, drawn, "random values are drawn with the same numbers for all lanes")
        if instruction.mnemonic in ("GET", "RD") and isinstance(operand, RunRef) and operand.name == "noise":
            for level in _levels(instructions, constants):
                yield _refusal(instruction, level, f"{instruction.mnemonic} noise reads one number")


def _refusal(instruction: Resolved, name: str, reason: str) -> Diagnostic:
    text = f"{name} can't have values of the lanes' own, for {instruction.mnemonic} takes it: {reason}"
    return Diagnostic("B603", text, instruction.span, HINT)


def _reason(instruction: Resolved, place: int) -> str:
    """The reason why an operand is the same in all lanes; empty where it may differ."""
    first = instruction.operands[0]
    if Trait.WRITES in instruction.row.traits or Trait.JUMPS in instruction.row.traits or instruction.mnemonic == "OUT":
        return "registers, jumps and OUT are one for all lanes"
    if place not in _PLACES.get(instruction.mnemonic, ()):
        return "what it decides is alike in all lanes"
    if instruction.mnemonic == "SET" and isinstance(first, ParameterRef | ProjectionRef) and is_fixed(first):
        return "it is fixed before the run"
    return ""


def _arguments(program: Program, operand: DataRef) -> set[str]:
    """The constants among the arguments of a datum of random values."""
    value = program.data[operand.index].value
    return {a.name for a in value.arguments if isinstance(a, ConstantRef)} if isinstance(value, Random) else set()


def _levels(instructions: Sequence[Resolved], constants: Collection[str]) -> list[str]:
    """The constants among these that SIG uses."""
    named = (i.operands[0] for i in instructions if i.mnemonic == "SIG")
    return sorted({level.name for level in named if isinstance(level, ConstantRef)}.intersection(constants))
