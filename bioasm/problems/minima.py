"""Local fields at local minima, by parallel descent: the temperature at which even the weakest spin is settled.

The coefficients of a problem don't tell it. Penalties that cancel (x_i x_j with a large weight, in spins s_i s_j + s_i + s_j)
leave a spin to coefficients that are many decades smaller, and those may appear nowhere as a coefficient of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import numpy as np

from bioasm.problems.numbers import Floats, Mask
from bioasm.problems.polynomial import Monomials, Polynomial

# A spin is settled where its worse state has this probability or less, in the mean over the minima.
EXCITED = 0.05
STATES = 16
ROUNDS = 24
# States times rounds times coefficients: about a second.
MOST_VISITS = 5e7
# Of the spins that would flip, the share that does, in turn: a large one moves far, a small one ends oscillations.
SHARES = (0.5, 0.1)
# What is smaller than the largest sum of coefficients by this factor is lost in the energy, a 64-bit float.
ROUNDING = 2.0**-45


def settled_below(problem: Polynomial) -> float:
    """The highest temperature, to 5 percent, at which each spin is settled; infinite where no spin feels a field.

    Fields that vanish don't count: such a spin is free at any temperature.
    """
    unit = max((float(np.abs(part.value).max()) for part in problem.parts.values()), default=1.0)
    size = np.zeros(problem.n)
    for part in problem.parts.values():
        for column in part.index.T:
            size += np.bincount(column, np.abs(part.value / unit), problem.n)
    smallest = float(size.max(initial=0.0)) * ROUNDING
    gaps = np.array([_gaps(field, state, smallest) for field, state in _minima(_without_free(problem, size > 0, unit))])
    decided = np.isfinite(gaps).any(axis=0)
    return unit * _temperature(gaps[:, decided]) if decided.any() else float("inf")


def _without_free(problem: Polynomial, coupled: Mask, unit: float) -> Polynomial:
    """The problem of the spins that have a coefficient, in units of the largest."""
    place = np.cumsum(coupled) - 1
    columns = {order: np.ascontiguousarray(part.index.T) for order, part in problem.parts.items()}  # read again and again
    parts = {order: Monomials(place[columns[order]].T, part.value / unit) for order, part in problem.parts.items()}
    return Polynomial(int(coupled.sum()), problem.domain, 0.0, parts)


def _gaps(field: Floats, state: Floats, smallest: float) -> Floats:
    """The energy that a flip of each spin costs, infinite where it costs none."""
    cost = -2 * state * field
    return np.where(cost > smallest, cost, np.inf)


def _temperature(gaps: Floats) -> float:
    """The temperature at which the spin that is excited most is so with the probability EXCITED."""
    counted = np.isfinite(gaps).sum(axis=0)
    temperature = float(gaps[np.isfinite(gaps)].max())
    for factor in (2.0, 1.05):
        while (np.exp(-gaps / temperature).sum(axis=0) / counted).max() > EXCITED:
            temperature /= factor
        temperature *= factor
    return temperature


def _minima(problem: Polynomial) -> Iterator[tuple[Floats, Floats]]:
    """The field of each spin, and the state, after descents from random states. A few spins may still be unsettled."""
    rng = np.random.default_rng(1)
    states, rounds = _effort(problem)
    for _ in range(states):
        state = np.where(rng.random(problem.n) < 0.5, -1.0, 1.0)
        field = _fields(problem, state)
        for k in range(rounds):
            unsettled = state * field > 0
            if not unsettled.any():
                break
            state[unsettled & (rng.random(problem.n) < SHARES[k % len(SHARES)])] *= -1
            field = _fields(problem, state)
        yield field, state


def _effort(problem: Polynomial) -> tuple[int, int]:
    """How many states are drawn, and the rounds of descent of each."""
    visits = sum(part.order * len(part.value) for part in problem.parts.values())
    rounds = int(min(max(MOST_VISITS / visits, 8), STATES * ROUNDS))
    return max(rounds // ROUNDS, 1), min(rounds, ROUNDS)


def _fields(problem: Polynomial, state: Floats) -> Floats:
    """The derivative of the energy by each spin: a flip changes the energy by -2 times spin and field."""
    field = np.zeros(problem.n)
    for part in problem.parts.values():
        spins = [state[column] for column in part.index.T]
        for k, column in enumerate(part.index.T):
            others = spins[:k] + spins[k + 1 :]
            field += np.bincount(column, reduce(np.multiply, others, part.value), problem.n)
    return field
