"""Semantic checks of instructions against the program's network: one checker a mnemonic.

A checker yields findings. Its operands have passed the type check against the instruction table, and data are valid.
Values of registers are checked at run time.
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
    """Semantic findings about one instruction whose operands fit the instruction table."""
    checker = CHECKERS.get(instruction.row.mnemonic)
    if checker is not None:
        flawed = list(checker(context, *instruction.operands))
        yield from flawed or check_drawn(context, instruction)
