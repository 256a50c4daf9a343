"""Constrained quadratic models as quadratic models of bits: constraints as penalties (Lucas 2014), slack with plain names."""

from __future__ import annotations

import re
from collections.abc import Hashable
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import numpy as np

_GENERATED = re.compile(r"c[0-9a-f]{6}")  # what dimod calls a constraint without a label, at random
_FARTHEST = np.iinfo(np.int64)
_MOST_STEPS = 10**6  # of slack in 1
_TIMES = 10  # as dimod's cqm_to_bqm: of the largest bias


def penalised(model: Any) -> Any:
    """The BinaryQuadraticModel of a ConstrainedQuadraticModel of bits and spins, the same for the same model each time.

    Spins become bits x = (1 + s)/2. Bits of slack are called `slack_LABEL_0`, ... by the label of their constraint, or by its
    number where it was given none. A soft constraint weighs what it says. An inequality of decimal fractions becomes one of
    whole numbers. Raises ValueError for one that can't become a penalty, or that no state keeps.
    """
    import dimod

    said = model.spin_to_binary(inplace=False)
    found = dimod.BinaryQuadraticModel(dimod.BINARY)
    found.add_linear_from((name, 0.0) for name in said.variables)
    found.add_linear_from(said.objective.linear)
    found.add_quadratic_from(said.objective.quadratic)
    found.offset += said.objective.offset
    weight = _weight(found)
    for number, (label, constraint) in enumerate(said.constraints.items()):
        own = _weight_of_soft(constraint, label) if constraint.lhs.is_soft() else weight
        _add(found, label, constraint, own, _stem(found, number, label))
    return found


def _weight(model: Any) -> float:
    """The weight of a penalty: 10 times the largest bias of the objective, 1 where it has none."""
    biases = [*model.linear.values(), *model.quadratic.values()]
    return _TIMES * max(map(abs, biases), default=0.0) or 1.0


def _weight_of_soft(constraint: Any, label: Hashable) -> float:
    """The weight of a soft constraint, whose penalty is quadratic, or linear with a violation of 0 or 1, which is its square.

    Raises ValueError for another: no quadratic function of bits is proportional to a violation of 2 and more.
    """
    left = constraint.lhs
    if left.penalty() == "linear" and not _misses_by_one(constraint):
        hint = "give penalty='quadratic', or a violation of at most 1"
        raise ValueError(f"the soft constraint {label!r} has a linear penalty, and may be violated by more than 1: {hint}")
    return float(left.weight())


def _misses_by_one(constraint: Any) -> bool:
    """Whether all numbers of a constraint are whole, and the most that it can be violated by is 1."""
    factors = np.array([constraint.lhs.get_linear(name) for name in constraint.lhs.variables])
    gap = constraint.lhs.offset - constraint.rhs
    low, high = gap + factors[factors < 0].sum(), gap + factors[factors > 0].sum()
    most = {"<=": high, ">=": -low}.get(constraint.sense.value, max(high, -low))
    return bool(most <= 1 and float(gap).is_integer() and np.array_equal(factors, np.round(factors)))


def _stem(model: Any, number: int, label: Hashable) -> str:
    """The stem of the names of a constraint's slack variables, unlike those of any variable there is."""
    stem = str(number if _GENERATED.fullmatch(str(label)) else label)
    while any(str(name).startswith(f"slack_{stem}_") for name in model.variables):
        stem += "'"
    return stem


def _add(model: Any, label: Hashable, constraint: Any, weight: float, stem: str) -> None:
    """Add the penalty of a constraint: nothing where each state keeps it. Raises ValueError where none does."""
    left, sense = constraint.lhs, constraint.sense.value
    if not left.is_linear():
        raise ValueError("CQM must not have any quadratic constraints")
    factors = [float(left.get_linear(name)) for name in left.variables]
    steps, gap, scale = _in_steps(label, factors, left.offset, constraint.rhs)
    low, high = (gap + sum(step for step in steps if sign * step > 0) for sign in (-1, 1))
    if (sense != "<=" and high < 0) or (sense != ">=" and low > 0):
        raise ValueError(f"no state keeps the constraint {label!r}")
    if sense == "==":
        model.add_linear_equality_constraint(
            list(zip(left.variables, factors, strict=True)), weight, left.offset - constraint.rhs
        )
    elif (low if sense == ">=" else -high) < 0:
        bounds = (0, _FARTHEST.max) if sense == ">=" else (_FARTHEST.min, 0)
        own = weight / scale**2 if left.is_soft() else weight
        terms = list(zip(left.variables, steps, strict=True))
        model.add_linear_inequality_constraint(terms, own, stem, constant=gap, lb=bounds[0], ub=bounds[1])


def _in_steps(label: Hashable, factors: list[float], offset: float, bound: float) -> tuple[list[int], int, float]:
    """A constraint in the whole numbers that bits of slack count: factors, offset - bound, and by what both were multiplied.

    Decimal fractions are taken as they are spelled. Raises ValueError for more than 6 decimal places.
    """
    if not np.isfinite([*factors, offset, bound]).all():
        raise ValueError(f"a number of the constraint {label!r} is not finite")
    exact = [Fraction(repr(number)) for number in (*factors, float(offset), float(bound))]
    whole = lcm(*(number.denominator for number in exact))
    if whole > _MOST_STEPS:
        raise ValueError(f"numbers of the constraint {label!r} have more than 6 decimal places: round them")
    *steps, gap = (int(number * whole) for number in (*exact[:-2], exact[-2] - exact[-1]))
    shared = gcd(*steps, gap) if whole > 1 else 1
    return [step // shared for step in steps], gap // shared, whole / shared
