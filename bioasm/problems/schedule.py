"""Annealing schedules: from which temperature to which, and how many sweeps, derived from the size of the couplings."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from bioasm.problems.polynomial import Polynomial

# One temperature above the typical local field melts every order; at a fraction of the smallest coupling nothing moves.
# Measured on the G-set (docs/problems.md).
HOT = 1.25
COLD = 0.3
COLD_PER_ROOT_DEGREE = 0.1
WIDEST = 1000.0

TEMPERATURES = 200
MOST_SWEEPS = 1000
# What one default run may cost, in nanoseconds, where a visit costs UPDATE and something for each neighbour: less where
# J is a matrix, whose rows lie in one piece.
BUDGET = 2e9
UPDATE = 8.0
PER_NEIGHBOUR = 0.08
PER_NEIGHBOUR_IN_MATRIX = 0.004


@dataclass(frozen=True, slots=True)
class Schedule:
    """`steps` temperatures that fall geometrically from `hot` towards `cold`, `sweeps` sweeps at each."""

    hot: float
    cold: float
    steps: int
    sweeps: int


def schedule_for(problem: Polynomial) -> Schedule:
    """The default schedule of a problem over spins."""
    parts = problem.parts.values()
    if not parts:
        return Schedule(1.0, 0.5, 1, 1)
    members = sum(part.order * len(part.value) for part in parts) / problem.n
    neighbours = sum(part.order * (part.order - 1) * len(part.value) for part in parts) / problem.n
    field = _typical_field(problem)
    smallest = max(min(float(np.abs(part.value).min()) for part in parts), field / WIDEST)
    cold = smallest * max(COLD, COLD_PER_ROOT_DEGREE * sqrt(members))
    hot = max(HOT * field, 2 * cold)
    return Schedule(_rounded(hot), _rounded(cold), TEMPERATURES, _sweeps(problem, neighbours))


def _typical_field(problem: Polynomial) -> float:
    """The root mean square, over spins at random, of the field that a spin feels."""
    parts = problem.parts.values()
    unit = max(float(np.abs(part.value).max()) for part in parts)
    return unit * sqrt(sum(part.order * float(((part.value / unit) ** 2).sum()) for part in parts) / problem.n)


def _sweeps(problem: Polynomial, neighbours: float) -> int:
    share = PER_NEIGHBOUR_IN_MATRIX if problem.is_dense else PER_NEIGHBOUR
    sweep = problem.n * (UPDATE + share * neighbours)
    return int(min(max(BUDGET / (TEMPERATURES * sweep), 1), MOST_SWEEPS))


def _rounded(temperature: float) -> float:
    """Two digits are as exact as a schedule needs, and read better."""
    return float(f"{temperature:.2g}")
