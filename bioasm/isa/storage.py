"""How entries of data are stored: in the narrowest type that holds them all exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

TYPES = ("i1", "i2", "i4", "i8", "f4", "f8")
EXACT = 1 << 53  # up to here every whole number is a float64


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
        return max(abs(int(array.min())), abs(int(array.max()))) <= (1 << 24 if name == "f4" else EXACT)
    if name[0] == "f":
        with np.errstate(over="ignore"):
            return np.array_equal(array.astype(name), array, equal_nan=True)
    side = 2.0 ** (8 * int(name[1]) - 1)
    return bool(array.min() >= -side and array.max() < side) and all_whole(array)


def all_whole(array: NDArray[Any]) -> bool:
    """Whether all entries are whole; -0.0 is not, because no whole number is it."""
    import numpy as np

    return bool((np.floor(array) == array).all() and not (np.signbit(array) & (array == 0)).any())
