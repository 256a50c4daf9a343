"""Lossless narrowing of data: the narrowest dtype that holds all entries exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bioasm.wholes import Rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = ("i1", "i2", "i4", "i8", "f4", "f8")
DIGITS = {"f4": 24, "f8": 53}  # significand bits of a float
EXACT = 1 << DIGITS["f8"]  # every integer up to here is a float64


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
        array = array.astype(np.float32)  # bounds of integers do not fit a float16
    for name in TYPES:
        if holds(name, array):
            return array.astype(name, copy=False)
    raise ValueError(f"entries of type {array.dtype} can't be stored exactly")


def holds(name: str, array: NDArray[Any]) -> bool:
    """Whether the type called `name` holds every entry of `array` exactly."""
    import numpy as np

    if not array.size:
        return True
    if array.dtype.kind != "f":
        if name[0] == "i":
            bounds = np.iinfo(name)
            return int(array.min()) >= bounds.min and int(array.max()) <= bounds.max
        return bool(are_floats(array, DIGITS[name]).all())
    if name[0] == "f":
        with np.errstate(over="ignore"):
            return np.array_equal(array.astype(name), array, equal_nan=True)
    side = 2.0 ** (8 * int(name[1]) - 1)
    return bool(array.min() >= -side and array.max() < side) and all_whole(array)


def are_floats(array: NDArray[Any], digits: int = DIGITS["f8"]) -> NDArray[Any]:
    """Which integers of an array a float with `digits` significand bits holds exactly: by the width to their lowest set bit."""
    import numpy as np

    with np.errstate(over="ignore"):
        size = np.where(array < 0, -array, array).astype(np.uint64)  # correct for the lowest int64 too, by wrap-around
        last = size & (~size + np.uint64(1))
    found: NDArray[Any] = size // np.maximum(last, np.uint64(1)) < np.uint64(1 << digits)
    return found


def all_whole(array: NDArray[Any]) -> bool:
    """Whether all entries are integers; -0.0 does not count, because an integer dtype can't hold it."""
    import numpy as np

    return bool((np.floor(array) == array).all() and not (np.signbit(array) & (array == 0)).any())


def check_exact(array: NDArray[Any]) -> None:
    """Raise Rounded for the first integer of an array that a 64-bit float would round."""
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8 and array.size:
        for value in array[~are_floats(array)][:1].tolist():
            raise Rounded(value)
