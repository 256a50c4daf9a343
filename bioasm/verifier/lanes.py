"""Separability over lanes: a forward taint analysis of registers that hold numbers read over all lanes.

A run of some of the lanes is a piece of the whole run where no such number influences what the lanes do. So a program is
separable if none flows into a jump or an operand of an instruction, except register arithmetic and OUT, whose results can be
recomputed from the numbers of all lanes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.program import ConstantRef, Data, DataRef, Dense, Operand, Quantity, Register, Sparse, Target, Terms
from bioasm.isa.table import ROWS, Trait
from bioasm.models.base import SPINS
from bioasm.network.references import Reference, Resolved, RunRef, VariableRef
from bioasm.verifier.gate import Verified
from bioasm.verifier.landscape import LOADS

_EXACT = 1 << 31  # sums of integers below this bound are exact
LOWEST = frozenset({"energy", "best_energy"})  # what GET reads as the lowest of all lanes
# Instructions that compute a register from their operands alone.
_ARITHMETIC = frozenset(r.mnemonic for r in ROWS if Trait.WRITES in r.traits and Trait.NEURONS not in r.traits)
Facts = Mapping[int, int]  # tainted registers, with the first reading over lanes that reached them


class Meeting(NamedTuple):
    """A synchronisation of all lanes: an instruction that uses a register, and the reading over lanes that it depends on."""

    use: int
    register: int
    reading: int


class LaneFlow(NamedTuple):
    """Result of the taint analysis. `meetings` make a program inseparable, in program order. `traced` are the instructions that
    write or read a tainted register; none where no OUT depends on one."""

    meetings: tuple[Meeting, ...]
    traced: frozenset[int]


def is_over_lanes(instruction: Resolved) -> bool:
    """Whether an instruction reads one number over all lanes into a register."""
    if instruction.mnemonic == "PEEK":
        return True
    what = instruction.operands[1] if instruction.mnemonic == "GET" else None
    return isinstance(what, VariableRef) or (isinstance(what, RunRef) and what.name in LOWEST)


def lane_flow(verified: Verified) -> LaneFlow:
    """Taint analysis of a program, in time linear in its length where few registers are tainted."""
    instructions = verified.instructions
    if not any(map(is_over_lanes, instructions)):
        return LaneFlow((), frozenset())
    facts = _facts(instructions)
    meetings = tuple(meeting for at, i in enumerate(instructions) for meeting in _meetings(at, i, facts[at]))
    told = any(i.mnemonic == "OUT" and bool(_held(i.operands, facts[at] or {})) for at, i in enumerate(instructions))
    traced = (at for at, i in enumerate(instructions) if told and _is_traced(i, facts[at]))
    return LaneFlow(meetings, frozenset(traced))


def check_separable(verified: Verified) -> None:
    """Raise BioasmError B601 at each reading over lanes that influences the lanes, and where lanes take states of others."""
    readings = [_refusal(verified, meeting) for meeting in _one_for_each_reading(lane_flow(verified).meetings)]
    taking = [_taking(i) for i in verified.instructions if takes_from_others(verified, i)]
    if readings or taking:
        raise BioasmError(*readings, *taking)


def sums_depend_on_lanes(verified: Verified) -> bool:
    """Whether the order of a sum, and so its rounding, may depend on the number of lanes (docs/machine.md).

    This concerns energies of spins and feedback from J, where the program loads numbers that are not integers.
    """
    loaded = [i.operands[0] for i in verified.instructions if i.mnemonic in LOADS]
    if verified.model.kind != SPINS:
        return bool(loaded)
    return not all(isinstance(o, DataRef) and _is_whole(verified.program.data[o.index].value) for o in loaded)


def _is_whole(value: Data) -> bool:
    """Whether all numbers of a datum are integers with exact sums."""
    if not isinstance(value, Dense | Sparse | Terms):
        return False
    numbers = value.array if isinstance(value, Dense) else value.value
    return numbers.dtype.kind in "iub" or bool((numbers == np.rint(numbers)).all() and (np.abs(numbers) < _EXACT).all())


def takes_from_others(verified: Verified, instruction: Resolved) -> bool:
    """Whether an instruction moves states between lanes: CXCH, or MERGE or COPY with a nonzero or unknown shift."""
    if instruction.mnemonic == "CXCH":
        return True
    if instruction.mnemonic not in ("MERGE", "COPY") or not instruction.operands:
        return False
    (shift,) = instruction.operands
    return not isinstance(shift, Quantity | ConstantRef) or verified.program.quantity(shift).value != 0


def _taking(instruction: Resolved) -> Diagnostic:
    by = "CXCH" if instruction.mnemonic == "CXCH" else f"{instruction.mnemonic} with a shift"
    text = f"{by} gives a lane the states of another"
    return Diagnostic("B601", text, instruction.span, "run all lanes in one: --lanes L")


def _one_for_each_reading(meetings: tuple[Meeting, ...]) -> list[Meeting]:
    first: dict[int, Meeting] = {}
    for meeting in meetings:
        first.setdefault(meeting.reading, meeting)
    return [first[reading] for reading in sorted(first)]


def _refusal(verified: Verified, meeting: Meeting) -> Diagnostic:
    reading, use = verified.instructions[meeting.reading], verified.instructions[meeting.use]
    line = f" in line {use.span.line}" if use.span is not None else f", instruction {meeting.use}"
    what = reading.operands[1]
    word = what.word if isinstance(what, RunRef | VariableRef) else ""
    text = f"{reading.mnemonic} {word} reads over all lanes, and {use.mnemonic}{line} depends on it (r{meeting.register})"
    return Diagnostic("B601", text, reading.span, "run all lanes in one: --lanes L; or let the program OUT what it reads")


# --- the flow ---------------------------------------------------------------------------------------


def _facts(instructions: tuple[Resolved, ...]) -> list[Facts | None]:
    """Worklist algorithm: the tainted registers before each instruction; None where no path leads to it."""
    end = len(instructions)
    facts: list[Facts | None] = [None] * (end + 1)
    facts[0] = {}
    work = deque([0])
    while work:
        here = work.popleft()
        while here < end:
            instruction = instructions[here]
            after = _after(here, instruction, facts[here] or {})
            target = next((o.index for o in instruction.operands if isinstance(o, Target)), end)
            if Trait.JUMPS in instruction.row.traits and _join(facts, target, after):
                work.append(target)
            if Trait.ENDS in instruction.row.traits or not _join(facts, here + 1, after):
                break
            here += 1
    return facts


def _join(facts: list[Facts | None], index: int, after: Facts) -> bool:
    """Join the taints after an instruction with those before a successor, keeping the first reading; true where they grew."""
    before = facts[index]
    if before is None:
        facts[index] = after
        return True
    if after is before or all(before.get(register, reading + 1) <= reading for register, reading in after.items()):
        return False
    facts[index] = {r: min(f[r] for f in (before, after) if r in f) for r in before.keys() | after.keys()}
    return True


def _after(here: int, instruction: Resolved, before: Facts) -> Facts:
    if Trait.WRITES not in instruction.row.traits:
        return before
    to, *given = instruction.operands
    assert isinstance(to, Register)
    found = here if is_over_lanes(instruction) else min(_held(given, before).values(), default=None)
    if found == before.get(to.index):
        return before
    others = {register: reading for register, reading in before.items() if register != to.index}
    return others if found is None else others | {to.index: found}


def _held(operands: tuple[Operand | Reference, ...] | list[Operand | Reference], facts: Facts) -> dict[int, int]:
    """The tainted registers among operands."""
    return {o.index: facts[o.index] for o in operands if isinstance(o, Register) and o.index in facts}


def _meetings(at: int, instruction: Resolved, before: Facts | None) -> Iterator[Meeting]:
    if not before or instruction.mnemonic == "OUT" or instruction.mnemonic in _ARITHMETIC:
        return
    read = instruction.operands[1:] if Trait.WRITES in instruction.row.traits else instruction.operands
    yield from (Meeting(at, register, reading) for register, reading in _held(read, before).items())


def _is_traced(instruction: Resolved, before: Facts | None) -> bool:
    if before is None:
        return False
    mine = Trait.WRITES in instruction.row.traits or instruction.mnemonic == "OUT"
    return is_over_lanes(instruction) or (mine and bool(_held(instruction.operands, before)))
