"""Back substitution of eliminated spins: states of the whole problem from those of the spins that are left."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Dense
from bioasm.verifier.gate import Verified

Array = NDArray[Any]


class Elimination:
    """The eliminated spins of LDE: rows (m, 8) of z, h and three pairs of a spin and its coupling.

    `n` counts all spins. `kept` (n - m,) are the indices of the remaining spins, in the order of the program's neurons.
    """

    def __init__(self, rows: Array, left: int) -> None:
        self.n = left + len(rows)
        self._spin, self._bias = rows[:, 0].astype(np.int64), rows[:, 1].astype(np.float64)
        # An unused pair has J = 0, so that any spin may be read for it.
        self._other, self._j = np.maximum(rows[:, 2::2], 0).astype(np.int64), rows[:, 3::2].astype(np.float64)
        self.kept = np.setdiff1d(np.arange(self.n), self._spin, assume_unique=True)
        self._levels = self._by_level()

    def whole(self, states: Array) -> Array:
        """Back substitution: states (lanes, n) of all spins from (lanes, n - m) of the remaining ones, in the same dtype."""
        found = np.ones((len(states), self.n), states.dtype)
        found[:, self.kept] = states
        for rows in self._levels:
            field = self._bias[rows] + (self._j[rows] * found[:, self._other[rows]]).sum(axis=2)
            found[:, self._spin[rows]] = np.where(field < 0, -1, 1)
        return found

    def left(self, states: Array) -> Array:
        """Projection of states (lanes, n) of all spins to the remaining ones, (lanes, n - m)."""
        return states[:, self.kept]

    def _by_level(self) -> list[Array]:
        """Level scheduling: groups of rows that depend on spins of earlier groups only, by the longest chain of each row."""
        level = np.zeros(self.n, np.int64).tolist()
        for z, others in zip(self._spin[::-1].tolist(), self._other[::-1].tolist(), strict=True):
            level[z] = 1 + max(level[other] for other in others)
        levels = np.array(level)[self._spin]
        order = np.argsort(levels, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(levels[order])) + 1) if len(order) else []


def elimination(verified: Verified) -> Elimination | None:
    """The spins eliminated from a program's problem, None where there are none."""
    index = verified.network.eliminated
    if index is None:
        return None
    value = verified.program.data[index].value
    assert isinstance(value, Dense)
    return Elimination(value.array, verified.n)
