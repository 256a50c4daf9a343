"""The arrays of sweeps in fields of 16 bits: scratch for each lane, and J as bits where it has two values off its diagonal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.vm.couplings import Prepared, in_lines
from bioasm.vm.layout import NARROW_BITS, NARROW_BOUND, NARROW_BYTES, NARROW_OF_A_LANE, NARROW_ROW, Ctx
from bioasm.vm.state import State

Array = NDArray[Any]
_ROWS = 512  # of a piece


def bind_narrow(state: State, ready: Prepared) -> None:
    """Let single lanes be swept in fields of 16 bits where J is of bytes, there are no terms and every field fits."""
    fits = ready.storage == "dense-i1" and ready.reach < NARROW_BOUND and len(ready.term_start) == 1
    state.ctx[Ctx.NARROW] = 0
    if fits and state.width == 1:
        columns = -(-state.n // NARROW_ROW) * NARROW_ROW
        state.ctx[[Ctx.NARROW, Ctx.NARROW_COLUMNS, Ctx.NARROW_LOW]] = NARROW_BYTES, columns, 0
        state.bind("NARROW", in_lines(state.blocks * NARROW_OF_A_LANE * columns, np.dtype(np.int16)))
        low, high = _extremes(ready.values)
        if ready.reach + abs(low) < NARROW_BOUND and _is_of_two(ready.values, low, high):
            state.ctx[[Ctx.NARROW, Ctx.NARROW_LOW, Ctx.NARROW_STEP]] = NARROW_BITS, low, high - low
            state.bind("J_BITS", _bits(ready.values, high, columns))


def _extremes(matrix: Array) -> tuple[int, int]:
    """The least and the largest entry off the diagonal, whose entries are 0."""
    n = len(matrix)
    if n < 2:
        return 0, 0
    off = matrix.ravel()[1:].reshape(n - 1, n + 1)[:, :-1]
    return int(off.min()), int(off.max())


def _is_of_two(matrix: Array, low: int, high: int) -> bool:
    """Whether every entry off the diagonal is one of two."""
    n = len(matrix)
    found = sum(int(np.count_nonzero(rows == value)) for rows in _pieces(matrix) for value in {low, high})
    return found == n * n - (n if 0 not in (low, high) else 0)


def _bits(matrix: Array, high: int, columns: int) -> Array:
    """Words of 32 bits, (n, columns / 32), whose bit says that an entry off the diagonal is the higher one."""
    bits, used = np.zeros((len(matrix), columns // 8), np.uint8), -(-len(matrix) // 8)
    for rows, into in zip(_pieces(matrix), _pieces(bits), strict=True):
        into[:, :used] = np.packbits(rows == high, axis=1, bitorder="little")
    own = np.arange(len(matrix))
    bits[own, own // 8] &= ~(1 << own % 8).astype(np.uint8)
    return bits.view(np.uint32)


def _pieces(matrix: Array) -> Iterator[Array]:
    """A matrix in pieces of rows, so that nothing as large as all is made of it."""
    return (matrix[first : first + _ROWS] for first in range(0, len(matrix), _ROWS))
