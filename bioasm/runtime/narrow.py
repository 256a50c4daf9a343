"""Lossless narrowing: arrays with one number a connection in the narrowest dtype that holds all of them exactly.

They are filled block by block and widened where a block needs it, so that no wider copy of the whole is ever held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

WEIGHTS = (np.int8, np.int16, np.float32, np.float64)
DELAYS = (np.uint8, np.uint16, np.int32)
_MOST_OF_TWO_BYTES = 1 << 16


def neuron_type(n: int) -> type[Any]:
    """The dtype of indices of `n` neurons: uint16 where it suffices."""
    return np.uint16 if n <= _MOST_OF_TWO_BYTES else np.int32


def bytes_of(dtype: np.dtype[Any]) -> int:
    """Upper bound of the bytes of a weight that is given in a dtype."""
    return next((np.dtype(one).itemsize for one in WEIGHTS if np.can_cast(dtype, one)), 8)


def delay_bytes(steps: float) -> int:
    """Bytes of a delay of at most `steps` steps."""
    return next((np.dtype(one).itemsize for one in DELAYS if steps < np.iinfo(one).max), 8)


def narrowed(parts: Iterable[Array], count: int, types: Sequence[type[Any]]) -> Array:
    """`count` numbers, given in blocks, in the first dtype of `types` that holds all of them bit for bit."""
    kept, end, at = np.empty(count, types[0]), 0, 0
    for part in parts:
        needed = narrowest(part, types, at)
        if needed > at:
            at, before = needed, kept[:end]
            kept = np.empty(count, types[at])
            kept[:end] = before
        kept[end : end + len(part)] = part
        end += len(part)
    return kept


def narrow_weights(parts: Iterable[Array], count: int) -> Array:
    """Float64 weights in blocks: one number (1,) where all have the same bits, else the narrowest array (count,)."""
    waiting = iter(parts)
    alike: list[Array] = []
    for part in waiting:
        alike.append(part)
        if not _all_are(part, alike[0][0]):
            return narrowed((block for blocks in (_repeated(alike), waiting) for block in blocks), count, WEIGHTS)
        if len(alike) > 1:
            alike[-1] = np.broadcast_to(alike[0][:1], part.shape)  # which takes no memory
    return alike[0][:1].copy() if alike else np.ones(1)


def _repeated(blocks: list[Array]) -> Iterable[Array]:
    while blocks:
        yield blocks.pop(0)


def narrowest(part: Array, types: Sequence[type[Any]], least: int = 0) -> int:
    """Index in `types` of the first dtype from `least` on that holds every number of a block."""
    last = len(types) - 1
    with np.errstate(invalid="ignore", over="ignore"):
        return next((at for at in range(least, last) if _same_bits(part.astype(types[at]).astype(part.dtype), part)), last)


def _same_bits(one: Array, other: Array) -> bool:
    """Bitwise comparison of two arrays of float64 or int64, which distinguishes 0 from -0."""
    return bool((one.view(np.int64) == other.view(np.int64)).all())


def _all_are(part: Array, number: np.float64) -> bool:
    return bool((part.view(np.int64) == number.view(np.int64)).all())
