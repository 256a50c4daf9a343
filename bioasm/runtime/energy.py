"""The energy E(s) = -1/2 s'Js - h's - sum_t w_t prod s and its gradient, evaluated from scratch in numpy."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Data, Dense, Sparse, Terms
from bioasm.isa.table import SINGLE
from bioasm.runtime.single import rounded, single_product

Array = NDArray[Any]

_DENSE_BELOW = 4096  # the most neurons for which J is held as a dense matrix


@dataclass(frozen=True, eq=False)
class Couplings:
    """The couplings that LDJ, LDH and LDT loaded, as the program holds them. None: not loaded.

    With `single` (LDJS), J is dense and the products J s are summed in float32.
    """

    j: Dense | Sparse | None = None
    h: Dense | None = None
    terms: Terms | None = None
    single: bool = False

    @property
    def loaded(self) -> bool:
        """Whether anything was loaded."""
        return any(part is not None for part in (self.j, self.h, self.terms))

    def with_part(self, mnemonic: str, data: Data) -> Couplings:
        """Replace the part of the couplings that one load instruction set."""
        name = PARTS[mnemonic]
        part: Any = {name: data}
        return replace(self, **part, single=mnemonic == SINGLE if name == "j" else self.single)


PARTS = {"LDJ": "j", SINGLE: "j", "LDH": "h", "LDT": "terms"}  # the part of the couplings that an instruction loads


def mirrored(j: Sparse) -> tuple[Array, Array, Array]:
    """COO arrays (row, column, value) of a sparse matrix, entries of a symmetric one on both sides of the diagonal."""
    row, column, value = np.asarray(j.row), np.asarray(j.column), np.asarray(j.value)
    if not j.symmetric:
        return row, column, value
    off = row != column
    return (
        np.concatenate([row, column[off]]),
        np.concatenate([column, row[off]]),
        np.concatenate([value, value[off]]),
    )


class Entries:
    """Sparse matrix in COO form, for products with many states."""

    def __init__(self, n: int, row: Array, column: Array, value: Array) -> None:
        self.n, self.row, self.column, self.value = n, row, column, np.asarray(value, np.float64)

    def times(self, s: Array) -> Array:
        """J s for states (count, n), as (count, n)."""
        each = (np.bincount(self.row, self.value * one[self.column], minlength=self.n) for one in s)
        return np.array(list(each)).reshape(s.shape)


class Landscape:
    """The energy of n neurons by their couplings: J (n, n), biases h (n,), and terms as (weight, indices)."""

    def __init__(self, n: int, couplings: Couplings | None = None) -> None:
        given = couplings or Couplings()
        self.n, self.loaded = n, given.loaded
        self.j = None if given.j is None else _matrix(given.j)
        self._rounded = None
        if given.single and isinstance(given.j, Dense):
            self._rounded = rounded(given.j.array)
            self.j = self._rounded[:n, :n].astype(np.float64)
        self.h = np.zeros(n) if given.h is None else np.asarray(given.h.array, np.float64)
        self.terms = [] if given.terms is None else _weighted(given.terms)

    def times(self, s: Array) -> Array:
        """J s for states (count, n), as (count, n)."""
        if self.j is None:
            return np.zeros(s.shape)
        return self.j.times(s) if isinstance(self.j, Entries) else s @ self.j.T

    def products(self, s: Array) -> Array:
        """J s as the dynamics takes it: as `times`, or in single precision where J was loaded so."""
        with np.errstate(all="ignore"):
            return self.times(s) if self._rounded is None else single_product(self._rounded, s)

    def energy(self, s: Array, products: Array | None = None) -> Array:
        """E without offset of states (count, n), as (count,), from J s where that was computed before."""
        s = np.asarray(s, np.float64)
        with np.errstate(all="ignore"):
            total = -0.5 * ((self.times(s) if products is None else products) * s).sum(axis=1) - s @ self.h
            for weight, index in self.terms:
                total = total - weight * s[:, index].prod(axis=1)
        return np.asarray(total)

    def slope(self, s: Array, products: Array | None = None) -> Array:
        """J s + h and the terms' part of -dE/ds for states (count, n), as (count, n), from J s where that was computed before.
        J is taken as it was given."""
        with np.errstate(all="ignore"):
            total = (self.times(s) if products is None else products) + self.h
            for weight, index in self.terms:
                for i in index:
                    part = np.full(len(s), weight)
                    for other in index[index != i]:
                        part = part * s[:, other]
                    total[:, i] += part
        return np.asarray(total)

    def neighbours(self) -> list[tuple[Array, Array]]:
        """Adjacency lists of (J + J')/2 without its diagonal: for each neuron its neighbours and the weights."""
        row, column, value = self._entries()
        off = row != column
        row, column, value = row[off], column[off], value[off] / 2
        row, column = np.concatenate([row, column]), np.concatenate([column, row])
        value = np.concatenate([value, value])
        order = np.lexsort((column, row))
        place = row[order] * self.n + column[order]
        first = np.flatnonzero(np.diff(place, prepend=-1))
        summed = np.add.reduceat(value[order], first) if first.size else value
        rows, columns = np.divmod(place[first], self.n)
        bounds = np.searchsorted(rows, np.arange(self.n + 1))
        return [(columns[a:b], summed[a:b]) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]

    def _entries(self) -> tuple[Array, Array, Array]:
        if self.j is None:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        if isinstance(self.j, Entries):
            return self.j.row, self.j.column, self.j.value
        row, column = np.nonzero(self.j)
        return row, column, self.j[row, column]


def _weighted(terms: Terms) -> list[tuple[float, Array]]:
    """The weight of each term and the indices of its variables."""
    bounds = zip(terms.start[:-1], terms.start[1:], terms.value, strict=True)
    return [(float(w), np.asarray(terms.index[a:b], np.int64)) for a, b, w in bounds]


def _matrix(data: Dense | Sparse) -> Array | Entries:
    """A matrix in float64; a large sparse one by its entries."""
    if isinstance(data, Dense):
        return np.asarray(data.array, np.float64)
    row, column, value = mirrored(data)
    n = data.shape[0]
    if n > _DENSE_BELOW:
        return Entries(n, row.astype(np.int64), column.astype(np.int64), value)
    matrix = np.zeros((n, n))
    matrix[row, column] = value
    return matrix
