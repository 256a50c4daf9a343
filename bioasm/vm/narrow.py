"""The arrays of sweeps in fields of 16 bits: scratch for each lane, and the signs of J as bits where it is of -1, 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.vm.couplings import Prepared
from bioasm.vm.layout import NARROW_BOUND, NARROW_BYTES, NARROW_ROW, NARROW_SIGNS, Ctx
from bioasm.vm.state import State

Array = NDArray[Any]
_LINE = 64  # bytes of a line of the cache, which no vector should straddle
_OF_A_LANE = 4  # rows of scratch: fields, spins, thresholds of two sweeps


def bind_narrow(state: State, ready: Prepared) -> None:
    """Let single lanes be swept in fields of 16 bits where J is of bytes, there are no terms and every field fits."""
    fits = ready.storage == "dense-i1" and ready.reach < NARROW_BOUND and len(ready.term_start) == 1
    state.ctx[Ctx.NARROW] = 0
    if fits and state.width == 1:
        columns = -(-state.n // NARROW_ROW) * NARROW_ROW
        small = bool((np.abs(ready.values) <= 1).all())
        state.ctx[[Ctx.NARROW, Ctx.NARROW_COLUMNS]] = NARROW_SIGNS if small else NARROW_BYTES, columns
        state.bind("NARROW", _in_lines(state.blocks * _OF_A_LANE * columns))
        state.bind("J_SIGN", _signs(ready.values, columns) if small else np.zeros(1, np.uint32))


def _in_lines(count: int) -> Array:
    """Zeros of 16 bits that begin with a line of the cache."""
    room = np.zeros(2 * count + _LINE, np.uint8)
    first = -room.ctypes.data % _LINE
    return room[first : first + 2 * count].view(np.int16)


def _signs(matrix: Array, columns: int) -> Array:
    """Words of 32 bits, (n, columns / 32, 2): bit k of the first says that an entry is 1, of the second that it is -1."""
    words = np.zeros((len(matrix), columns // NARROW_ROW, 2, NARROW_ROW // 8), np.uint8)
    for sign, one in enumerate((1, -1)):
        bits = np.packbits(matrix == one, axis=1, bitorder="little")
        flat = np.zeros((len(matrix), columns // 8), np.uint8)
        flat[:, : bits.shape[1]] = bits
        words[:, :, sign] = flat.reshape(len(matrix), -1, NARROW_ROW // 8)
    return words.view(np.uint32)
