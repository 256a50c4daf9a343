"""What the tests of the verifier share: programs from text or by hand, and the codes that they are refused with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import DataBlock, Dense, Instruction, Operand, Program, Quantity, Sparse, Terms
from bioasm.isa.table import BY_MNEMONIC
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify


def instruction(mnemonic: str, *operands: Operand | float) -> Instruction:
    """An instruction; plain numbers stand for bare quantities."""
    made = tuple(Quantity(float(o)) if isinstance(o, int | float) else o for o in operands)
    return Instruction(BY_MNEMONIC[mnemonic], made)


def program(*instructions: Instruction, data: Sequence[Any] = (), **rest: Any) -> Program:
    """A program by hand. Data may be arrays, sparse matrices or terms."""
    blocks = (d if isinstance(d, Sparse | Terms | Dense) else Dense(np.asarray(d)) for d in data)
    return Program(instructions, data=tuple(DataBlock(b) for b in blocks), **rest)


def codes(made: str | Program) -> list[str]:
    """The codes of all errors that keep a program from passing; none where it passes."""
    try:
        verify(assemble(made) if isinstance(made, str) else made)
    except BioasmError as refused:
        return [d.code for d in refused.diagnostics]
    return []
