"""Rounding error bounds of computed energies; zero where sums are exact."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import DataRef, Dense, Random, Register
from bioasm.isa.table import SINGLE
from bioasm.runtime.energy import PARTS
from bioasm.verifier.gate import Verified

Array = NDArray[Any]

_ROUNDING = 2.0**-42  # relative to the sum of all |couplings|: energies are updated incrementally for up to 1024 sweeps
_EXACT_BITS = 50  # sums of multiples of a unit are exact while they take no more binary digits
_PIECE = 1 << 20  # numbers examined at a time


def rounding(verified: Verified, target: float) -> float:
    """Rounding error bound of a computed energy near `target`.

    Sums are exact where all couplings and offsets are whole multiples of one power of two that is not too small beside them.
    """
    pieces = [np.abs(piece).sum() for array in _summands(verified) for piece in _pieces(array)]
    total = float(np.sum(pieces)) if pieces else 0.0
    if any(i.mnemonic == "LDO" and isinstance(i.operands[0], Register) for i in verified.instructions):
        return _ROUNDING * (total + abs(target))
    if not 0.0 < total < math.inf:
        return 0.0
    unit = math.ldexp(1.0, max(-1022, math.frexp(total)[1] - _EXACT_BITS))
    exact = all((np.remainder(piece, unit) == 0.0).all() for array in _summands(verified) for piece in _pieces(array))
    return _lost(verified) + (0.0 if exact else _ROUNDING * total)


def _lost(verified: Verified) -> float:
    """What couplings of LDJS lose where they are rounded to float32; energies of 0/1 states are sums of float64 of the rest."""
    single = (array for mnemonic, array in _loaded(verified) if mnemonic == SINGLE)
    return float(sum(np.abs(piece - piece.astype(np.float32)).sum() for array in single for piece in _pieces(array)))


def _summands(verified: Verified) -> Iterator[Array]:
    """The arrays that LDJ, LDJS, LDH, LDT and LDO load."""
    return (array for _, array in _loaded(verified))


def _loaded(verified: Verified) -> Iterator[tuple[str, Array]]:
    """The arrays that are loaded, each after the instruction that does it."""
    for instruction in verified.instructions:
        operand = instruction.operands[0] if instruction.operands else None
        if instruction.mnemonic in PARTS and isinstance(operand, DataRef):
            data = verified.program.data[operand.index].value
            assert not isinstance(data, Random)
            yield instruction.mnemonic, data.array if isinstance(data, Dense) else data.value
        elif instruction.mnemonic == "LDO" and not isinstance(operand, Register):
            yield instruction.mnemonic, np.array([verified.program.quantity(operand).value])  # type: ignore[arg-type]


def _pieces(array: Array) -> Iterator[Array]:
    """Blocking: an array in float64, a block of rows at a time to bound the copies."""
    rows = max(1, _PIECE // max(1, array[:1].size))
    return (np.asarray(array[at : at + rows], np.float64) for at in range(0, len(array), rows))
