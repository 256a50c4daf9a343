"""Interval proof on expressions: whether a value lies between 0 and 1 whatever its names stand for."""

from __future__ import annotations

from bioasm.models.expression import Call, Expression, Number


def in_unit_range(expression: Expression) -> bool:
    """Whether an expression, its definitions put in, is certain to be in 0..1: numbers, `clip` to them, `where` of such.

    False says that it is not proven, as for a state or a parameter, whose value may change.
    """
    if isinstance(expression, Number):
        return 0.0 <= expression.value <= 1.0
    if isinstance(expression, Call) and expression.function in ("clip", "where"):
        return all(in_unit_range(bound) for bound in expression.arguments[1:])
    return False
