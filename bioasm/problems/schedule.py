"""Annealing schedules: from which temperature to which, and how many sweeps, derived from the fields that spins feel."""

from __future__ import annotations

from dataclasses import dataclass
from math import log10, sqrt

import numpy as np

from bioasm.problems.minima import settled_below
from bioasm.problems.numbers import Floats
from bioasm.problems.polynomial import Polynomial

# One temperature above the typical local field melts every order; at a fraction of the smallest coupling nothing moves.
# Measured on the G-set (docs/problems.md).
HOT = 1.25
HOT_OF_STRONG = 0.6
COLD = 0.3
COLD_PER_ROOT_DEGREE = 0.1
# Random coefficients of one scale, however small the least of them, need no lower temperatures than this range reaches.
ONE_SCALE = 1000.0
# Below it floats lose their digits.
COLDEST = 1e-307
# From here on a schedule is called wide.
WIDE = 1e4

TEMPERATURES = 200
PER_DECADE = 50
MOST_SWEEPS = 1000
DESCENT = 20
# What one default run may cost, in nanoseconds, where a visit costs UPDATE and something for each neighbour: less where
# J is a matrix, whose rows lie in one piece.
BUDGET = 2e9
UPDATE = 8.0
PER_NEIGHBOUR = 0.08
PER_NEIGHBOUR_IN_MATRIX = 0.004


@dataclass(frozen=True, slots=True)
class Schedule:
    """`steps` temperatures that fall geometrically from `hot` towards `cold`, `sweeps` sweeps at each; then `descent`
    sweeps at temperature zero."""

    hot: float
    cold: float
    steps: int
    sweeps: int
    descent: int = DESCENT

    @property
    def is_wide(self) -> bool:
        """Whether the temperatures range over so much that the schedule is unusual."""
        return self.hot > WIDE * self.cold


def schedule_for(problem: Polynomial) -> Schedule:
    """The default schedule of a problem over spins."""
    if not problem.parts:
        return Schedule(1.0, 0.5, 1, 1, 1)
    cold = max(_cold(problem), COLDEST)
    hot = max(HOT * typical_field(problem), HOT_OF_STRONG * _strong_field(problem), 2 * cold)
    steps = max(TEMPERATURES, round(PER_DECADE * log10(hot / cold)))
    return Schedule(_rounded(hot), _rounded(cold), steps, _sweeps(problem, steps))


def _cold(problem: Polynomial) -> float:
    """The last temperature: by the smallest coefficient, or by the weakest spin where that is far below it."""
    parts = problem.parts.values()
    members = sum(part.order * len(part.value) for part in parts) / problem.n
    smallest = max(min(float(np.abs(part.value).min()) for part in parts), typical_field(problem) / ONE_SCALE)
    settled = settled_below(problem)
    return settled if settled < COLD * smallest else smallest * max(COLD, COLD_PER_ROOT_DEGREE * sqrt(members))


def typical_field(problem: Polynomial) -> float:
    """The root mean square, over spins at random, of the field that a spin feels."""
    parts = problem.parts.values()
    unit = max(float(np.abs(part.value).max()) for part in parts)
    return unit * sqrt(sum(part.order * float(((part.value / unit) ** 2).sum()) for part in parts) / problem.n)


def _strong_field(problem: Polynomial) -> float:
    """The same of couplings alone, and with each spin weighted by the square of its field: where a few spins are coupled
    much more strongly than all others, it is the field among those."""
    couplings = [part for order, part in problem.parts.items() if order > 1]
    if not couplings:
        return 0.0
    unit = max(float(np.abs(part.value).max()) for part in couplings)
    square: Floats = np.zeros(problem.n)
    for part in couplings:
        for column in part.index.T:
            square += np.bincount(column, (part.value / unit) ** 2, problem.n)
    return unit * sqrt(float((square**2).sum() / square.sum()))


def _sweeps(problem: Polynomial, steps: int) -> int:
    """Sweeps at each of `steps` temperatures, so that all together keep to the budget."""
    share = PER_NEIGHBOUR_IN_MATRIX if problem.is_dense else PER_NEIGHBOUR
    neighbours = sum(part.order * (part.order - 1) * len(part.value) for part in problem.parts.values()) / problem.n
    sweep = problem.n * (UPDATE + share * neighbours)
    return int(min(max(BUDGET / (steps * sweep), 1), MOST_SWEEPS))


def _rounded(temperature: float) -> float:
    """Two digits are as exact as a schedule needs, and read better."""
    return float(f"{temperature:.2g}")
