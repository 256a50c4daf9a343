"""Range analysis: whether an expression is within [0, 1], or is 0 or 1, for all values of its names."""

from __future__ import annotations

from bioasm.models.expression import Call, Expression, Number


def in_unit_range(expression: Expression) -> bool:
    """Whether an expression, with definitions substituted, is provably in [0, 1]: numbers, `clip` to them, `where` of such.

    Conservative: False for a state or a parameter, whose value may change.
    """
    if isinstance(expression, Number):
        return 0.0 <= expression.value <= 1.0
    if isinstance(expression, Call) and expression.function in ("clip", "where"):
        return all(in_unit_range(bound) for bound in expression.arguments[1:])
    return False


def is_zero_or_one(expression: Expression) -> bool:
    """Whether an expression, with definitions substituted, is provably 0 or 1: these numbers, and `where` of such."""
    if isinstance(expression, Number):
        return expression.value in (0.0, 1.0)
    if isinstance(expression, Call) and expression.function == "where":
        return all(is_zero_or_one(choice) for choice in expression.arguments[1:])
    return False
