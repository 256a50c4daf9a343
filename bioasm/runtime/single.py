"""J s in single precision in numpy: sums of float32 in the order of docs/machine.md, with the bits of the compiled products."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_PARTS = 8  # partial sums of a row, and the rows and columns of a block
_HALVED_FROM = 384  # neurons from which the lower half of a symmetric J counts for both


def rounded(matrix: Array) -> Array:
    """A matrix rounded to float32, in which every block of eight is filled up with zeros."""
    n = len(matrix)
    padded = np.zeros((-(-n // _PARTS) * _PARTS,) * 2, np.float32)
    padded[:n, :n] = matrix
    return padded


def single_product(j: Array, s: Array) -> Array:
    """J s for a `rounded` J and states (count, n), each product and sum in float32; returned in float64."""
    count, n = s.shape
    states = np.zeros((count, len(j)), np.float32)
    states[:, :n] = s
    mirrored = n >= _HALVED_FROM and np.array_equal(j, j.T)
    sums = _sums_of_rows(j, states, mirrored)
    if mirrored:
        for k in range(_PARTS, n):
            above = k - k % _PARTS  # row k counts for the blocks above its own
            sums[:, :above] = fused(j[k, :above], states[:, k, None], sums[:, :above])
    return sums[:, :n].astype(np.float64)


def _sums_of_rows(j: Array, states: Array, mirrored: bool) -> Array:
    """Each row's sum over its columns, to the end of the diagonal's block where the others are `mirrored`, as (count, rows)."""
    parts = np.zeros((len(states), len(j), _PARTS), np.float32)
    for first in range(0, len(j), _PARTS):
        rows, columns = slice(first if mirrored else 0, None), slice(first, first + _PARTS)
        parts[:, rows] = fused(j[rows, columns], states[:, None, columns], parts[:, rows])
    for apart in (4, 2, 1):
        parts = parts[:, :, :apart] + parts[:, :, apart : 2 * apart]
    return parts[:, :, 0]


def fused(x: Array, y: Array, z: Array) -> Array:
    """x y + z of float32 with one rounding.

    The product is exact in float64. The sum is rounded to odd there, which leaves nothing for the second rounding to spoil.
    """
    product, other = x.astype(np.float64) * y, np.asarray(z, np.float64)
    total = product + other
    with np.errstate(invalid="ignore"):
        part = total - product
        error = (product - (total - part)) + (other - part)
        even = (total.view(np.int64) & 1 == 0) & (error != 0) & np.isfinite(total)
    return np.where(even, np.nextafter(total, np.copysign(np.inf, error)), total).astype(np.float32)
