"""Insertion of instructions into programs, with relocation of jumps and labels."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from bioasm.isa.program import Instruction, Operand, Program, Target


def with_inserted(program: Program, places: Sequence[int], added: Sequence[Instruction]) -> Program:
    """The program with `added` before each of some places, in increasing order; a jump to such a place passes over them."""
    moved = [index + len(added) * bisect_right(places, index) for index in range(len(program.instructions) + 1)]
    body = [aimed(instruction, moved) for instruction in program.instructions]
    for place in reversed(places):
        body[place:place] = added
    labels = {name: moved[index] for name, index in program.labels.items()}
    return replace(program, instructions=tuple(body), labels=labels)


def aimed(instruction: Instruction, moved: Sequence[int]) -> Instruction:
    """The instruction with its jump relocated."""
    operands: tuple[Operand, ...] = tuple(Target(moved[o.index]) if isinstance(o, Target) else o for o in instruction.operands)
    return replace(instruction, operands=operands)
