"""Validation of data blocks: real, finite, consistent, within limits.

Arrays are scanned in blocks, so that a memory-mapped matrix of any size needs little memory and no copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from bioasm.isa.findings import Finding, Found
from bioasm.isa.limits import limit
from bioasm.isa.program import DataBlock, Dense, Random, Sparse, Terms
from bioasm.isa.storage import EXACT, are_floats
from bioasm.verifier.random_values import check_random

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE = 1 << 18  # entries of a block


def check_block(index: int, block: DataBlock) -> Found:
    """Findings about one data block."""
    what = f"data {block.name!r}" if block.name else f"data block {index}"
    check = next((check for kind, check in _CHECKS.items() if isinstance(block.value, kind)), None)
    if check is None:
        yield Finding("B010", f"{what} is neither dense, sparse, terms nor random values")
    else:
        yield from check(what, block.value)


def pieces(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Blocking: the entries of an array of one or two dimensions, in memory order."""
    if array.ndim == 2 and array.flags.f_contiguous:
        array = array.T
    if array.ndim == 2 and not array.flags.c_contiguous:
        for row in array:
            yield from pieces(row)
        return
    flat = array.reshape(-1)
    for start in range(0, flat.size, PIECE):
        yield flat[start : start + PIECE]


def all_finite(array: NDArray[Any]) -> bool:
    """Whether no entry is NaN or infinite."""
    import numpy as np

    return array.dtype.kind != "f" or all(bool(np.isfinite(piece).all()) for piece in pieces(array))


def _check_dense(what: str, value: Dense) -> Found:
    shape = value.array.shape
    if len(shape) not in (1, 2):
        yield Finding("B106", f"{what} has {len(shape)} dimensions; data are vectors or matrices")
    else:
        yield from _check_array(what, value.array)


def _check_array(what: str, array: NDArray[Any], kinds: str = "iufb") -> Found:
    """Check that entries are real numbers (with `kinds` "iu": integers), finite, and within the limit of their number."""
    if array.dtype.kind not in kinds or array.dtype.itemsize > 8 or not array.dtype.isnative:
        wanted = "numbers" if "f" in kinds else "whole numbers"
        yield Finding("B010", f"{what} holds entries of type {array.dtype}; wanted are {wanted} of at most 64 bits")
    elif array.size > limit("data_entries"):
        yield Finding("B111", f"{what} has {array.size} entries; the limit is {limit('data_entries')}")
    elif not all_finite(array):
        yield Finding("B109", f"{what} holds NaN or an infinity")
    elif array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        yield from _first(_check_exact(what, piece) for piece in pieces(array))


def _check_exact(what: str, piece: NDArray[Any]) -> Found:
    """Check that integers are exact as 64-bit floats, in which everything is computed. Comparing extrema mostly suffices."""
    if piece.size and (int(piece.min()) < -EXACT or int(piece.max()) > EXACT):
        exact = are_floats(piece)
        for value in piece[~exact][:1]:
            text = f"{what} holds {int(value)}, which has more than the 53 binary digits of a 64-bit float"
            yield Finding("B115", text, f"the nearest number that is a 64-bit float is {int(float(value))}")


def _check_arrays(what: str, value: Sparse | Terms, whole: tuple[str, ...]) -> Found:
    for name in (*whole, "value"):
        array = getattr(value, name)
        if array.ndim != 1:
            yield Finding("B106", f"{what}: `{name}` is no vector")
        else:
            yield from _check_array(f"{what}: `{name}`", array, "iu" if name in whole else "iufb")


def _check_sparse(what: str, value: Sparse) -> Found:
    yield from _check_sides(what, value)
    flawed = list(_check_arrays(what, value, ("row", "column")))
    yield from flawed
    if flawed:
        return
    if not value.row.size == value.column.size == value.value.size:
        yield Finding("B010", f"{what}: rows, columns and values differ in number")
    else:
        yield from _first(_check_entries(what, value, start) for start in range(0, value.row.size, PIECE))


def _check_sides(what: str, value: Sparse) -> Found:
    rows, columns = value.shape
    if not (1 <= rows <= limit("neurons") and 1 <= columns <= limit("neurons")):
        yield Finding("B111", f"{what} is {rows} x {columns}; a side is 1 to {limit('neurons')}")
    elif value.symmetric and rows != columns:
        yield Finding("B106", f"{what} is {rows} x {columns} and can't be symmetric")


def _check_entries(what: str, value: Sparse, start: int) -> Found:
    """Check a block of entries from `start` on, with the entry before it, so that the order is checked across blocks."""
    here = slice(max(start - 1, 0), start + PIECE)
    row, column = value.row[here].astype("i8"), value.column[here].astype("i8")
    rows, columns = value.shape
    if row.min() < 0 or column.min() < 0 or row.max() >= rows or column.max() >= columns:
        yield Finding("B110", f"{what}: an entry lies outside of {rows} x {columns}")
    elif value.symmetric and (row > column).any():
        yield Finding("B010", f"{what} is symmetric: only entries on or above the diagonal stand in it")
    else:
        place = row * columns + column
        if (place[1:] <= place[:-1]).any():
            yield Finding("B010", f"{what}: entries are not sorted by row and column, or one stands twice")


def _check_terms(what: str, value: Terms) -> Found:
    if not 1 <= value.size <= limit("neurons"):
        yield Finding("B111", f"{what} is over {value.size} variables; 1 to {limit('neurons')} are possible")
    flawed = list(_check_arrays(what, value, ("start", "index")))
    yield from flawed
    if flawed:
        return
    start, count = value.start, value.value.size
    if start.size != count + 1 or start[0] != 0 or start[-1] != value.index.size:
        yield Finding("B010", f"{what}: the starts of the terms do not fit their indices and values")
    else:
        yield from _first(_check_orders(what, value, here) for here in range(0, count, PIECE // 64))


def _check_orders(what: str, value: Terms, here: int) -> Found:
    """Check a block of terms from number `here` on."""
    import numpy as np

    start = value.start[here : here + PIECE // 64 + 1].astype("i8")
    orders = np.diff(start)
    if orders.min() < 1 or start[0] < 0 or start[-1] > value.index.size:
        yield Finding("B010", f"{what}: a term has no index, or the starts of the terms do not increase")
    elif orders.max() > limit("term_order"):
        yield Finding("B111", f"{what}: a term has order {orders.max()}; the limit is {limit('term_order')}")
    else:
        yield from _check_indices(what, value.size, start, value.index[start[0] : start[-1]].astype("i8"))


def _check_indices(what: str, size: int, start: NDArray[Any], index: NDArray[Any]) -> Found:
    import numpy as np

    first = np.zeros(index.size, dtype=bool)
    first[start[:-1] - start[0]] = True
    if index.min() < 0 or index.max() >= size:
        yield Finding("B110", f"{what}: the index of a variable is negative or not below {size}")
    elif ((index[1:] <= index[:-1]) & ~first[1:]).any():
        yield Finding("B010", f"{what}: the indices of a term do not increase")


def _first(found: Iterator[Found]) -> Found:
    """The first finding of all."""
    for several in found:
        for finding in several:
            yield finding
            return


_CHECKS: dict[type, Callable[[str, Any], Found]] = {
    Dense: _check_dense,
    Sparse: _check_sparse,
    Terms: _check_terms,
    Random: check_random,
}
