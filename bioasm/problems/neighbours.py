"""The graph of a problem's pairs in compressed sparse rows."""

from __future__ import annotations

import numpy as np

from bioasm.problems.numbers import Integers


def neighbours(n: int, pairs: Integers) -> tuple[Integers, Integers]:
    """The neighbours of each of `n` spins with bonds pairs (m, 2): starts (n + 1,), neighbours (2 * m,)."""
    both = np.concatenate([pairs, pairs[:, ::-1]])
    order = np.argsort(both[:, 0], kind="stable")
    return np.searchsorted(both[order, 0], np.arange(n + 1)), both[order, 1]
