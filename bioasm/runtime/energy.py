"""The energy E(s) = -1/2 s'Js - h's - sum_t w_t prod s and its derivative, evaluated anew each time, in plain numpy."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Dense, Sparse, Terms

Array = NDArray[Any]

_DENSE_BELOW = 4096  # up to so many neurons J is held as a full matrix


class Entries:
    """A matrix by its entries, for products with many states."""

    def __init__(self, n: int, row: Array, column: Array, value: Array) -> None:
        self.n, self.row, self.column, self.value = n, row, column, np.asarray(value, np.float64)

    def times(self, s: Array) -> Array:
        """J s for states (count, n), as (count, n)."""
        each = (np.bincount(self.row, self.value * one[self.column], minlength=self.n) for one in s)
        return np.array(list(each)).reshape(s.shape)


class Landscape:
    """What LDJ, LDH and LDT loaded over n neurons. `loaded` says whether anything was."""

    def __init__(self, n: int) -> None:
        self.n, self.loaded = n, False
        self.j: Array | Entries | None = None
        self.h = np.zeros(n)
        self.terms: list[tuple[float, Array]] = []  # weight, indices

    def loading(self, part: str, data: Dense | Sparse | Terms) -> Landscape:
        """The landscape with what an instruction (LDJ, LDH or LDT) loads in place of what it loaded before."""
        made = copy(self)
        made._take(part, data)
        return made

    def _take(self, part: str, data: Dense | Sparse | Terms) -> None:
        self.loaded = True
        if isinstance(data, Terms):
            bounds = zip(data.start[:-1], data.start[1:], data.value, strict=True)
            self.terms = [(float(w), np.asarray(data.index[a:b], np.int64)) for a, b, w in bounds]
        elif isinstance(data, Sparse):
            self.j = _sparse(data)
        elif part == "LDJ":
            self.j = np.asarray(data.array, np.float64)
        else:
            self.h = np.asarray(data.array, np.float64)

    def times(self, s: Array) -> Array:
        """J s for states (count, n), as (count, n)."""
        if self.j is None:
            return np.zeros(s.shape)
        return self.j.times(s) if isinstance(self.j, Entries) else s @ self.j.T

    def energy(self, s: Array) -> Array:
        """E without offset of states (count, n), as (count,)."""
        s = np.asarray(s, np.float64)
        with np.errstate(all="ignore"):
            total = -0.5 * (self.times(s) * s).sum(axis=1) - s @ self.h
            for weight, index in self.terms:
                total = total - weight * s[:, index].prod(axis=1)
        return np.asarray(total)

    def slope(self, s: Array) -> Array:
        """J s + h and the terms' part of -dE/ds for states (count, n), as (count, n). J is taken as it was given."""
        with np.errstate(all="ignore"):
            total = self.times(s) + self.h
            for weight, index in self.terms:
                for i in index:
                    part = np.full(len(s), weight)
                    for other in index[index != i]:
                        part = part * s[:, other]
                    total[:, i] += part
        return np.asarray(total)

    def neighbours(self) -> list[tuple[Array, Array]]:
        """For each neuron the others that it is coupled to and the weights, of (J + J')/2 without its diagonal."""
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


def _sparse(data: Sparse) -> Array | Entries:
    row, column, value = (np.asarray(a) for a in (data.row, data.column, data.value))
    row, column = row.astype(np.int64), column.astype(np.int64)
    if data.symmetric:
        off = row != column
        row, column, value = (
            np.concatenate([row, column[off]]),
            np.concatenate([column, row[off]]),
            np.concatenate([value, value[off]]),
        )
    n = data.shape[0]
    if n > _DENSE_BELOW:
        return Entries(n, row, column, value)
    matrix = np.zeros((n, n))
    matrix[row, column] = value
    return matrix
