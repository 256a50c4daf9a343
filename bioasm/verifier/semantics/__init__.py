"""Semantic checks of instructions against the program's network: one checker a mnemonic.

A checker yields findings and may rely on its operands having the forms, dimensions and ranges of the instruction table,
and on data being sound in themselves. What only the run can know (the value of a register) is left to the run.
"""

from __future__ import annotations

from collections.abc import Callable

from bioasm.isa.findings import Found
from bioasm.isa.program import Instruction
from bioasm.verifier.context import CheckContext
from bioasm.verifier.semantics import energy, inputs, parameters, reading
from bioasm.verifier.semantics.drawn import check_drawn
from bioasm.verifier.semantics.timing import check_run, whole_multiple

__all__ = ["CHECKERS", "CheckContext", "check_meaning", "whole_multiple"]

CHECKERS: dict[str, Callable[..., Found]] = {
    "RUN": check_run,
    **energy.CHECKERS,
    **parameters.CHECKERS,
    **inputs.CHECKERS,
    **reading.CHECKERS,
}


def check_meaning(context: CheckContext, instruction: Instruction) -> Found:
    """Findings about the meaning of one instruction whose operands fit the instruction table."""
    checker = CHECKERS.get(instruction.row.mnemonic)
    if checker is not None:
        flawed = list(checker(context, *instruction.operands))
        yield from flawed or check_drawn(context, instruction)
