"""Constrained quadratic models as quadratic models of bits: constraints as penalties (Lucas 2014), slack with plain names."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import numpy as np

Steps = tuple[list[int], int, float]

_GENERATED = re.compile(r"c[0-9a-f]{6}")  # what dimod calls a constraint without a label, at random
_FARTHEST = np.iinfo(np.int64)
_MOST_STEPS = 10**6  # of slack in 1
_ROUNDING = 1e-12  # of all numbers of a sum
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
    left = constraint.lhs
    if not left.is_linear():
        raise ValueError("CQM must not have any quadratic constraints")
    factors = [float(left.get_linear(name)) for name in left.variables]
    whole = _in_steps(label, factors, left.offset, constraint.rhs)
    if constraint.sense.value == "==":
        gap = left.offset - constraint.rhs
        _check_equality(label, factors, gap, whole)
        model.add_linear_equality_constraint(list(zip(left.variables, factors, strict=True)), weight, gap)
    elif whole is None:
        raise ValueError(f"numbers of the constraint {label!r} have more than 6 decimal places: round them")
    else:
        own = weight / whole[2] ** 2 if left.is_soft() else weight
        _add_inequality(model, label, constraint, whole, own, stem)


def _add_inequality(model: Any, label: Hashable, constraint: Any, whole: Steps, weight: float, stem: str) -> None:
    steps, gap, _ = whole
    from_below = constraint.sense.value == ">="
    low, high = _reach(steps, gap)
    if (high if from_below else -low) < 0:
        raise _never(label)
    if (low if from_below else -high) < 0:
        least, most = (0, _FARTHEST.max) if from_below else (_FARTHEST.min, 0)
        terms = list(zip(constraint.lhs.variables, steps, strict=True))
        model.add_linear_inequality_constraint(terms, weight, stem, constant=gap, lb=least, ub=most)


def _never(label: Hashable) -> ValueError:
    return ValueError(f"no state keeps the constraint {label!r}")


def _reach(factors: Sequence[float], gap: float) -> tuple[float, float]:
    """The least and the greatest value of a sum of bits and a gap."""
    low, high = (gap + sum(factor for factor in factors if sign * factor > 0) for sign in (-1, 1))
    return low, high


def _check_equality(label: Hashable, factors: list[float], gap: float, whole: Steps | None) -> None:
    """Refuse an equality whose sum does not reach 0, or steps over it, where its numbers are whole. Raises ValueError."""
    if whole is None:
        low, high = _reach(factors, gap)
        rounding = _ROUNDING * (abs(gap) + sum(map(abs, factors)))
        missed = low > rounding or high < -rounding
    else:
        steps, gap, _ = whole
        low, high = _reach(steps, gap)
        missed = low > 0 or high < 0 or gap % (gcd(*steps) or 1) != 0
    if missed:
        raise _never(label)


def _in_steps(label: Hashable, factors: list[float], offset: float, bound: float) -> Steps | None:
    """A constraint in the whole numbers that bits of slack count: factors, offset - bound, and by what both were multiplied.

    Decimal fractions are taken as they are spelled; None for more than 6 decimal places.
    """
    if not np.isfinite([*factors, offset, bound]).all():
        raise ValueError(f"a number of the constraint {label!r} is not finite")
    exact = [Fraction(repr(number)) for number in (*factors, float(offset), float(bound))]
    whole = lcm(*(number.denominator for number in exact))
    if whole > _MOST_STEPS:
        return None
    *steps, gap = (int(number * whole) for number in (*exact[:-2], exact[-2] - exact[-1]))
    shared = gcd(*steps, gap) if whole > 1 else 1
    return [step // shared for step in steps], gap // shared, whole / shared
