"""Evaluation of expressions: constant folding, and vectorised with numpy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache, reduce
from typing import TYPE_CHECKING, Any

from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol, rebuilt

if TYPE_CHECKING:
    from numpy.typing import NDArray


def exprelr(x: float) -> float:
    """x/(e^x - 1), 1 at 0."""
    return 1.0 if x == 0 else x / math.expm1(x)


_SCALAR: dict[str, Callable[..., Any]] = {
    **{name: getattr(math, name) for name in ("exp", "sqrt", "sin", "cos", "tanh")},
    "log": math.log,
    "abs": abs,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
    "exprelr": exprelr,
    "held": lambda x: x,
    "delayed": lambda x: x,
    "min": min,
    "max": max,
    "clip": lambda x, low, high: min(max(x, low), high),
    "where": lambda condition, yes, no: yes if condition else no,
}
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
}


def fold(expression: Expression, values: Mapping[str, float] | None = None) -> float | None:
    """Constant folding: the value of an expression over names with values; None with other names or no finite value."""
    try:
        value = _value(expression, values or {}, _SCALAR)
        return float(value) if math.isfinite(value) else None
    except (KeyError, ArithmeticError, ValueError, TypeError):
        return None


def _value(node: Expression, values: Mapping[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Any:
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Symbol):
        return values[node.name]
    if isinstance(node, Binary):
        left, right = _value(node.left, values, functions), _value(node.right, values, functions)
        return _OPERATORS[node.operator](left, right)
    if isinstance(node, Negation):
        inner = _value(node.operand, values, functions)
        return -inner if node.operator == "-" else inner == False  # noqa: E712  # of arrays too
    assert isinstance(node, Call)
    return functions[node.function](*(_value(argument, values, functions) for argument in node.arguments))


def evaluate(expression: Expression, values: Mapping[str, float | NDArray[Any]]) -> float | NDArray[Any]:
    """Vectorised evaluation of an expression over SI values: float64, in the shape to which the values broadcast.

    Division by zero and overflow give infinities and NaN as IEEE 754 says. Both sides of a `where` are evaluated; `held` and
    `delayed` are the identity. Raises KeyError for a name without a value.

    Scalars are evaluated as arrays, because numpy computes powers of scalars by a routine with other rounding.
    """
    return evaluator(expression)(values)


def evaluator(expression: Expression) -> Callable[[Mapping[str, float | NDArray[Any]]], float | NDArray[Any]]:
    """`evaluate` of an expression as a function of the values, for many evaluations."""
    import numpy as np

    tree = _floats(expression)

    def of(values: Mapping[str, float | NDArray[Any]]) -> float | NDArray[Any]:
        given = {name: np.asarray(value, np.float64) for name, value in values.items()}
        shape = np.broadcast_shapes(*(value.shape for value in given.values()))
        arrays = {name: np.atleast_1d(value) for name, value in given.items()}
        with np.errstate(all="ignore"):
            found = np.asarray(_value(tree, arrays, _array_functions()))
        return found if shape else found.item()

    return of


def _floats(node: Expression) -> Expression:
    """The expression with numpy scalars as literals, whose division by zero raises no exception."""
    import numpy as np

    if isinstance(node, Number):
        return Number(np.float64(node.value), node.unit)
    return rebuilt(node, _floats)


@cache
def _array_functions() -> dict[str, Callable[..., Any]]:
    import numpy as np

    def relative(x: Any) -> Any:
        safe = np.where(x == 0, 1.0, x)
        return np.where(x == 0, 1.0, safe / np.expm1(safe))

    return _SCALAR | {
        **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "floor", "ceil")},
        "exprelr": relative,
        "min": lambda *x: reduce(np.minimum, x),
        "max": lambda *x: reduce(np.maximum, x),
        "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
        "where": np.where,
    }
