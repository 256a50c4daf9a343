"""Sorting of sparse entries (COO, any order) into the canonical index and value arrays of a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bioasm.isa.program import Sparse, Terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

INDEX_TYPE = "i4"  # holds every index below the limit on neurons


def sorted_sparse(
    shape: tuple[int, int], row: NDArray[Any], column: NDArray[Any], value: NDArray[Any], *, symmetric: bool = False
) -> Sparse:
    """Sort COO entries into a sparse matrix; with `symmetric` each entry may be in either triangle.

    Duplicates become adjacent, where `repeated` finds them.
    """
    import numpy as np

    if symmetric:
        row, column = np.minimum(row, column), np.maximum(row, column)
    place = row.astype(np.int64) * shape[1] + column
    if (place[1:] < place[:-1]).any():
        order = np.argsort(place, kind="stable")
        row, column, value = row[order], column[order], value[order]
    return Sparse(shape, row.astype(INDEX_TYPE, copy=False), column.astype(INDEX_TYPE, copy=False), value, symmetric)


def repeated(matrix: Sparse) -> NDArray[Any]:
    """Mask of sorted entries (entries,): true where row and column equal those of the entry before."""
    import numpy as np

    same = (matrix.row[1:] == matrix.row[:-1]) & (matrix.column[1:] == matrix.column[:-1])
    return np.concatenate([np.zeros(min(1, matrix.row.size), dtype=bool), same])


def summed(matrix: Sparse) -> Sparse:
    """The matrix with duplicate entries summed, as file formats define them."""
    import numpy as np

    again = repeated(matrix)
    if not again.any():
        return matrix
    first = np.flatnonzero(~again)
    wide = matrix.value.astype(np.float64 if matrix.value.dtype.kind == "f" else np.int64)
    value = np.add.reduceat(wide, first)
    return Sparse(matrix.shape, matrix.row[first], matrix.column[first], value, matrix.symmetric)


def sorted_terms(size: int, orders: NDArray[Any], index: NDArray[Any], value: NDArray[Any]) -> Terms:
    """Higher-order terms: term k has `orders[k]` of the indices, in any order within a term.

    Raises ValueError for a repeated index in a term.
    """
    import numpy as np

    start = np.concatenate([[0], np.cumsum(orders)]).astype(np.int64)
    term = np.repeat(np.arange(orders.size), orders)
    index = index[np.lexsort((index, term))]
    if ((index[1:] == index[:-1]) & (term[1:] == term[:-1])).any():
        raise ValueError("an index stands twice in a term")
    return Terms(size, start, index.astype(INDEX_TYPE), value)
