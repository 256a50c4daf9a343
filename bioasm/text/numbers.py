"""Numbers of data: from their spelling to the narrowest array that holds them exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = ("i1", "i2", "i4", "i8", "f4", "f8")
_INT64 = 1 << 63
_EXACT = 1 << 53  # up to here every whole number is a float64


def to_array(words: Sequence[str]) -> NDArray[Any]:
    """Decimal numbers as int64 where all are whole and fit, else as float64, each rounded once.

    Raises ValueError or OverflowError where a word is no number or too large for a float.
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
    return _whole_again(words, array)


def _whole_again(words: Sequence[str], array: NDArray[Any]) -> NDArray[Any]:
    """The array in int64 where entries are whole, some spelled as floats, and too large to be exact in float64."""
    import numpy as np

    if not array.size or abs(array).max() < _EXACT or not _all_whole(array):
        return array
    values = [_whole(word) for word in words]
    fits = all(-_INT64 <= v < _INT64 for v in (min(values), max(values)))
    return np.array(values, dtype=np.int64) if fits else array


def _whole(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        return int(float(word))


def _all_whole(array: NDArray[Any]) -> bool:
    """Whether all entries are whole; -0.0 is not, because no whole number is it."""
    import numpy as np

    return bool((np.floor(array) == array).all() and not (np.signbit(array) & (array == 0)).any())


def narrow(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers in the first of `TYPES` that holds them all exactly; the array itself where that is its type.

    Raises ValueError where none does: the entries are not real numbers or have more digits than a float64.
    """
    import numpy as np

    if array.dtype.kind == "b":
        return array.view(np.int8)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        raise ValueError(f"entries of type {array.dtype} can't be stored")
    if array.dtype.itemsize == 2 and array.dtype.kind == "f":
        array = array.astype(np.float32)  # bounds of whole numbers do not fit a float16
    for name in TYPES:
        if _holds(name, array):
            return array.astype(name, copy=False)
    raise ValueError(f"entries of type {array.dtype} can't be stored exactly")


def _holds(name: str, array: NDArray[Any]) -> bool:
    """Whether the type called `name` holds every entry of `array` exactly."""
    import numpy as np

    if not array.size:
        return True
    if array.dtype.kind != "f":
        if name[0] == "i":
            bounds = np.iinfo(name)
            return int(array.min()) >= bounds.min and int(array.max()) <= bounds.max
        return max(abs(int(array.min())), abs(int(array.max()))) <= (1 << 24 if name == "f4" else _EXACT)
    if name[0] == "f":
        with np.errstate(over="ignore"):
            return np.array_equal(array.astype(name), array, equal_nan=True)
    side = 2.0 ** (8 * int(name[1]) - 1)
    return bool(array.min() >= -side and array.max() < side) and _all_whole(array)


def stored_as(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """The numbers in the type called `name`. Raises ValueError where it does not hold them all exactly."""
    import numpy as np

    with np.errstate(all="ignore"):
        stored = array.astype(name)
    if array.size and not _same(stored, array):
        raise ValueError(f"not every entry can be stored exactly in {name}")
    return stored


def _same(stored: NDArray[Any], array: NDArray[Any]) -> bool:
    """Whether two arrays hold the same numbers, -0.0 and 0.0 told apart, whole numbers compared as such."""
    import numpy as np

    if stored.dtype.kind == array.dtype.kind:
        same_signs = stored.dtype.kind != "f" or np.array_equal(np.signbit(stored), np.signbit(array))
        return np.array_equal(stored, array) and bool(same_signs)
    if stored.dtype.kind == "f":
        return all(int(a) == b for a, b in zip(stored.tolist(), array.tolist(), strict=True))
    return _holds(stored.dtype.str[1:], array)
