"""Evaluation of a model's expressions in numpy: initial values, definitions that are read or recorded, feedback sources."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol

_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": np.divide,
    "^": np.power,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "and": np.logical_and,
    "or": np.logical_or,
}


def _exprelr(x: Any) -> Any:
    x = np.asarray(x, np.float64)
    return np.where(x == 0.0, 1.0, x / np.where(x == 0.0, 1.0, np.expm1(x)))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "floor", "ceil", "where")},
    "min": lambda *a: np.minimum.reduce(np.broadcast_arrays(*a)),
    "max": lambda *a: np.maximum.reduce(np.broadcast_arrays(*a)),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "exprelr": _exprelr,
    "held": lambda x: x,  # the identity between two steps
    "delayed": lambda x: x,
}


def evaluate(expression: Expression, value_of: Callable[[str], Any]) -> Any:
    """Evaluate an expression in SI units; `value_of` returns the value of a name, a number or an array."""
    match expression:
        case Number(value):
            return float(value)
        case Symbol(name):
            return np.pi if name == "pi" else value_of(name)
        case Negation(sign, operand):
            inner = evaluate(operand, value_of)
            return np.logical_not(inner) if sign == "not" else -inner
        case Binary(sign, left, right):
            return _BINARY[sign](evaluate(left, value_of), evaluate(right, value_of))
        case Call(function, arguments):
            return _FUNCTIONS[function](*(evaluate(a, value_of) for a in arguments))
    raise TypeError(f"{type(expression).__name__} is no expression")
