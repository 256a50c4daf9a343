"""Decimal numbers to arrays, and conversion to a requested type where that is exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bioasm.isa.storage import EXACT, all_whole, holds
from bioasm.wholes import rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INT64 = 1 << 63


def to_array(words: Sequence[str]) -> NDArray[Any]:
    """Decimal numbers as int64 where all are integers and fit, else as float64, each rounded once.

    Raises ValueError or OverflowError where a word is no number or too large for a float, Rounded for an integer that neither
    int64 nor float64 can hold.
    """
    import numpy as np

    values: list[float]
    try:
        values = list(map(int, words))
        if all(-_INT64 <= v < _INT64 for v in (min(values, default=0), max(values, default=0))):
            return np.array(values, dtype=np.int64)
    except ValueError:
        values = list(map(float, words))
    array = np.array(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise OverflowError("a number is too large for a 64-bit float")
    return _checked(words, _whole_again(words, array))


def _checked(words: Sequence[str], array: NDArray[Any]) -> NDArray[Any]:
    """The array; raises Rounded where an integer was rounded."""
    if array.dtype.kind == "f" and array.size and abs(array).max() >= EXACT:
        for fault in filter(None, map(rounded, words)):
            raise fault
    return array


def _whole_again(words: Sequence[str], array: NDArray[Any]) -> NDArray[Any]:
    """Retry in int64 for integers above 2**53 with some spelled as floats; float64 would round them."""
    import numpy as np

    if not array.size or abs(array).max() < EXACT or not all_whole(array):
        return array
    values = [_whole(word) for word in words]
    fits = all(-_INT64 <= v < _INT64 for v in (min(values), max(values)))
    return np.array(values, dtype=np.int64) if fits else array


def _whole(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        return int(float(word))


def stored_as(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """The numbers in the dtype `name`. Raises ValueError where it can't hold them all exactly."""
    import numpy as np

    with np.errstate(all="ignore"):
        stored = array.astype(name)
    if array.size and not _same(stored, array):
        raise ValueError(f"not every entry can be stored exactly in {name}")
    return stored


def _same(stored: NDArray[Any], array: NDArray[Any]) -> bool:
    """Exact equality of two arrays: -0.0 differs from 0.0, and integers are compared as integers."""
    import numpy as np

    if stored.dtype.kind == array.dtype.kind:
        same_signs = stored.dtype.kind != "f" or np.array_equal(np.signbit(stored), np.signbit(array))
        return np.array_equal(stored, array) and bool(same_signs)
    if stored.dtype.kind == "f":
        return all(int(a) == b for a, b in zip(stored.tolist(), array.tolist(), strict=True))
    return holds(stored.dtype.str[1:], array)
