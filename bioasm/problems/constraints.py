"""Constrained quadratic models as quadratic models of bits: constraints as penalties (Lucas 2014), slack with plain names."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from typing import Any

import numpy as np

_GENERATED = re.compile(r"c[0-9a-f]{6}")  # what dimod calls a constraint without a label, at random
_FARTHEST = np.iinfo(np.int64)
_TIMES = 10  # as dimod's cqm_to_bqm: of the largest bias


def penalised(model: Any) -> Any:
    """The BinaryQuadraticModel of a ConstrainedQuadraticModel of bits and spins, the same for the same model each time.

    Spins become bits x = (1 + s)/2. Bits of slack are called `slack_LABEL_0`, ... by the label of their constraint, or by its
    number where it was given none. Raises ValueError for a constraint that can't become a penalty.
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
        _add(found, constraint, weight, _stem(found, number, label))
    return found


def _weight(model: Any) -> float:
    """What a penalty weighs: 10 times the largest bias of the objective, 1 where it has none."""
    biases = [*model.linear.values(), *model.quadratic.values()]
    return _TIMES * max(map(abs, biases), default=0.0) or 1.0


def _stem(model: Any, number: int, label: Hashable) -> str:
    """What the slack of a constraint is called by, unlike any variable there is."""
    stem = str(number if _GENERATED.fullmatch(str(label)) else label)
    while any(str(name).startswith(f"slack_{stem}_") for name in model.variables):
        stem += "'"
    return stem


def _add(model: Any, constraint: Any, weight: float, stem: str) -> None:
    left, bound, sense = constraint.lhs, constraint.rhs, constraint.sense.value
    if not left.is_linear():
        raise ValueError("CQM must not have any quadratic constraints")
    terms = list(_terms(left))
    if sense == "==":
        model.add_linear_equality_constraint(terms, weight, left.offset - bound)
        return
    low, high = (bound, _FARTHEST.max) if sense == ">=" else (_FARTHEST.min, bound)
    model.add_linear_inequality_constraint(terms, weight, stem, constant=left.offset, lb=low, ub=high)


def _terms(left: Any) -> Iterator[tuple[Hashable, float]]:
    return ((name, left.get_linear(name)) for name in left.variables)
