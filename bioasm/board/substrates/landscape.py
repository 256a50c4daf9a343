"""The energy landscape that a program loaded, in float64: E(s) = -1/2 s'Js - h's - terms + offset, and the current -dE/ds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Data, Dense, Sparse, Terms

Array = NDArray[Any]


class Landscape:
    """Couplings J (n, n), biases h (n,) and terms, as LDJ, LDH, LDT and LDO set them; zero before."""

    def __init__(self, n: int) -> None:
        self.j, self.h, self.offset = np.zeros((n, n)), np.zeros(n), 0.0
        self.terms: list[tuple[Array, float]] = []
        self.loaded = False

    def load(self, mnemonic: str, data: Data) -> None:
        """Take over what LDJ, LDH or LDT names."""
        if isinstance(data, Terms):
            bounds = zip(data.start[:-1], data.start[1:], data.value, strict=True)
            self.terms = [(np.asarray(data.index[a:b], np.int64), float(w)) for a, b, w in bounds]
        elif mnemonic == "LDJ":
            self.j = matrix(data)
        elif isinstance(data, Dense):
            self.h = np.asarray(data.array, np.float64)
        self.loaded = True

    def current(self, s: Array) -> Array:
        """-dE/ds = J s + h + terms, with J as given, (n,)."""
        total = self.j @ s + self.h
        for index, weight in self.terms:
            for place, i in enumerate(index):
                total[i] += weight * np.prod(np.delete(s[index], place))
        return np.asarray(total)

    def energy(self, s: Array) -> float:
        """E(s), with the offset."""
        terms = sum(weight * float(np.prod(s[index])) for index, weight in self.terms)
        with np.errstate(over="ignore", invalid="ignore"):
            return float(-0.5 * s @ self.j @ s - self.h @ s - terms + self.offset)


def matrix(data: Dense | Sparse) -> Array:
    """A matrix of couplings as an array (n, n)."""
    if isinstance(data, Dense):
        return np.asarray(data.array, np.float64)
    full = np.zeros(data.shape)
    full[data.row, data.column] = data.value
    if data.symmetric:
        full[data.column, data.row] = data.value
    return full
