"""Exact elimination of spins with at most three neighbours, a star-triangle reduction that keeps every minimum.

The least energy over a spin z, whose field is f = v + sum of v_k s_k, is -|f|. As a function of at most three spins without
a bias, or of at most two with one, that is a constant and products of two: they are added to the rest of the problem, and z
has the sign of -f. A bias counts as a neighbour that is always +1.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.problems.numbers import Floats
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial, collect

_MOST = 3  # neighbours
_ROUNDING = 8 * float(np.finfo(np.float64).eps)  # of the larger part; a sum that is smaller is one that cancels


class Reduced(NamedTuple):
    """A problem without the spins that were eliminated, and the table of these that LDE takes, (m, 8)."""

    problem: Polynomial
    eliminated: Floats


def reduce(problem: Polynomial) -> Reduced:
    """Eliminate spins of a polynomial over spins as long as there are some with few neighbours; one spin stays at least.

    The spins that are left keep their order. Spins in products of three and more stay. Sums of coefficients that are no
    binary fractions are rounded.
    """
    if not _has_few_neighbours(problem):
        return Reduced(problem, np.zeros((0, 2 + 2 * _MOST)))
    work = _Work(problem)
    rows = list(work.eliminate())
    return Reduced(work.left(problem), np.array(rows, np.float64).reshape(len(rows), 2 + 2 * _MOST))


def _has_few_neighbours(problem: Polynomial) -> bool:
    """Whether there is a spin that can be eliminated at all: of a dense problem that is told without a walk over its pairs."""
    ends = np.concatenate([problem.part(order).index.ravel() for order in (1, 2)])
    few = np.bincount(ends, minlength=problem.n) <= _MOST
    return problem.n > 1 and bool((few & _may_go(problem)).any())


def _may_go(problem: Polynomial) -> NDArray[np.bool_]:
    """Which spins (n,) are in no product of three and more."""
    found = np.ones(problem.n, np.bool_)
    for order, part in problem.parts.items():
        if order > 2:
            found[part.index.ravel()] = False
    return found


class _Work:
    """Couplings of each spin by its neighbours; number n stands for the neighbour that is always +1."""

    def __init__(self, problem: Polynomial) -> None:
        self.n, self.constant = problem.n, [problem.constant]
        self.couplings: list[dict[int, float]] = [{} for _ in range(problem.n + 1)]
        for i, v in zip(problem.part(1).index[:, 0].tolist(), problem.part(1).value.tolist(), strict=True):
            self._add(i, self.n, v)
        for (i, j), v in zip(problem.part(2).index.tolist(), problem.part(2).value.tolist(), strict=True):
            self._add(i, j, v)
        self.may_go = _may_go(problem)
        self.free = self.may_go.tolist()  # those that may go and have not gone

    def _add(self, i: int, j: int, v: float) -> None:
        """Add v s_i s_j; a sum that is 0, or nothing but rounding, is no coupling."""
        old = self.couplings[i].get(j, 0.0)
        total = old + v
        for a, b in ((i, j), (j, i)):
            self.couplings[a][b] = total
            if abs(total) <= _ROUNDING * max(abs(old), abs(v)):
                del self.couplings[a][b]

    def eliminate(self) -> Iterator[tuple[float, ...]]:
        """The rows of LDE, spins with the fewest neighbours first."""
        waiting = [(len(self.couplings[z]), z) for z in range(self.n) if self.free[z] and len(self.couplings[z]) <= _MOST]
        heapq.heapify(waiting)
        left = self.n
        while waiting and left > 1:
            degree, z = heapq.heappop(waiting)
            if not self.free[z] or degree != len(self.couplings[z]):
                continue
            self.free[z], left = False, left - 1
            around = sorted(self.couplings[z].items())
            self._take_out(z, around)
            for k, _ in around:
                if k < self.n and self.free[k] and len(self.couplings[k]) <= _MOST:
                    heapq.heappush(waiting, (len(self.couplings[k]), k))
            yield self._row(z, around)

    def _take_out(self, z: int, around: list[tuple[int, float]]) -> None:
        for k, _ in around:
            del self.couplings[k][z]
        self.couplings[z] = {}
        spins, values = [k for k, _ in around], [v for _, v in around] + [0.0] * (_MOST - len(around))
        constant, *pairs = _least(*values)
        self.constant.append(constant)
        for (first, second), v in zip(((0, 1), (0, 2), (1, 2)), pairs, strict=True):
            if second < len(spins) and v:
                self._add(spins[first], spins[second], v)

    def _row(self, z: int, around: list[tuple[int, float]]) -> tuple[float, ...]:
        """z, h, and three pairs of a spin and its J, in the signs of the machine."""
        bias = sum(v for k, v in around if k == self.n)
        pairs = [(k, -v) for k, v in around if k < self.n]
        pairs += [(-1, 0.0)] * (_MOST - len(pairs))
        return (z, -bias or 0.0, *(number for pair in pairs for number in pair))

    def left(self, problem: Polynomial) -> Polynomial:
        """The remaining problem, its spins numbered anew."""
        gone = self.may_go & ~np.array(self.free)
        number = np.cumsum(~gone) - 1
        pairs = [(i, j, v) for i in range(self.n) for j, v in self.couplings[i].items() if i < j]
        table = np.array(pairs, np.float64).reshape(len(pairs), 3)
        ends, value = table[:, :2].astype(np.int64), table[:, 2]
        biased = ends[:, 1] == self.n
        pieces = [
            Monomials(number[ends[biased, :1]], value[biased]),
            Monomials(number[ends[~biased]], value[~biased]),
            *(Monomials(number[part.index], part.value) for order, part in problem.parts.items() if order > 2),
        ]
        return collect(int((~gone).sum()), SPIN, pieces, self.constant)


def _least(a: float, b: float, c: float) -> tuple[float, float, float, float]:
    """-|a s1 + b s2 + c s3| as a constant and the coefficients of s1 s2, s1 s3 and s2 s3.

    Up to a common sign there are four states, so that four numbers say it all.
    """
    p, q1, q2, q3 = -abs(a + b + c), -abs(a + b - c), -abs(a - b + c), -abs(-a + b + c)
    return (p + q1 + q2 + q3) / 4, (p + q1 - q2 - q3) / 4, (p - q1 + q2 - q3) / 4, (p - q1 - q2 + q3) / 4
