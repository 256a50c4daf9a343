"""Interval arithmetic: bounds of an expression from those of its names.

Sums, products, quotients and roots are monotone as floats round them, so that bounds hold to the last bit; other functions get
a margin. A condition in `where` is ignored: the result is the hull of both sides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import product

from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol

Interval = tuple[float, float]
EVERY: Interval = (-math.inf, math.inf)
_MARGIN = 1e-12  # relative, of functions whose last bits are not monotone


def bounds(node: Expression, names: Mapping[str, Interval]) -> Interval:
    """The interval (low, high) that contains every value of an expression that is not NaN."""
    if isinstance(node, Number):
        return node.value, node.value
    if isinstance(node, Symbol):
        return names[node.name]
    if isinstance(node, Negation):
        low, high = bounds(node.operand, names)
        return -high, -low
    if isinstance(node, Binary):
        found = _OPERATORS[node.operator](bounds(node.left, names), bounds(node.right, names))
    else:
        assert isinstance(node, Call)
        found = _call(node, names)
    return EVERY if any(map(math.isnan, found)) else found


def _call(node: Call, names: Mapping[str, Interval]) -> Interval:
    if node.function == "where":
        _, *sides = node.arguments
        return _hull([end for side in sides for end in bounds(side, names)])
    given = [bounds(argument, names) for argument in node.arguments]
    if node.function in _EACH:
        low, high = zip(*given, strict=True)
        return _EACH[node.function](*low), _EACH[node.function](*high)
    return _FUNCTIONS[node.function](*given)


def _hull(ends: list[float]) -> Interval:
    return EVERY if any(map(math.isnan, ends)) else (min(ends), max(ends))


def _widened(interval: Interval) -> Interval:
    low, high = interval
    return low - abs(low) * _MARGIN, high + abs(high) * _MARGIN


# --- operators ----------------------------------------------------------------------------------------


def _times(one: Interval, other: Interval) -> Interval:
    return _hull([0.0 if 0.0 in (a, b) else a * b for a, b in product(one, other)])


def _over(one: Interval, other: Interval) -> Interval:
    if other[0] <= 0 <= other[1]:
        return EVERY
    return _hull([a / b for a, b in product(one, other)])


def _power(one: Interval, other: Interval) -> Interval:
    """Interval power: corners for a positive base; else only for one positive integer exponent, with the minimum at 0."""
    low, exponent = one[0], other[0]
    if low > 0 or (low == 0 and exponent > 0):
        return _widened(_hull([_safe(math.pow, a, b) for a, b in product(one, other)]))
    if exponent != other[1] or exponent <= 0 or exponent % 1 != 0:
        return EVERY
    sizes = [_safe(math.pow, abs(end), exponent) for end in one]
    signs = [-1.0 if end < 0 and exponent % 2 == 1 else 1.0 for end in one]
    lowest = [0.0] if exponent % 2 == 0 and one[1] >= 0 else []
    return _widened(_hull([sign * size for sign, size in zip(signs, sizes, strict=True)] + lowest))


_OPERATORS: dict[str, Callable[[Interval, Interval], Interval]] = {
    "+": lambda one, other: (one[0] + other[0], one[1] + other[1]),
    "-": lambda one, other: (one[0] - other[1], one[1] - other[0]),
    "*": _times,
    "/": _over,
    "^": _power,
}

# --- functions ----------------------------------------------------------------------------------------


def _safe(function: Callable[..., float], *arguments: float) -> float:
    """A total version of a function: infinite on overflow, NaN outside of its domain."""
    try:
        return function(*arguments)
    except OverflowError:
        return math.inf
    except ValueError:
        return math.nan


def _rising(function: Callable[[float], float], least: float = -math.inf) -> Callable[[Interval], Interval]:
    """Bounds of a nondecreasing function on arguments from `least` on."""
    return lambda x: _widened((_safe(function, max(x[0], least)), _safe(function, max(x[1], least))))


def _abs(x: Interval) -> Interval:
    low, high = x
    return 0.0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high))


def _logarithm(x: float) -> float:
    return -math.inf if x <= 0 else math.log(x)


def _exprelr(x: float) -> float:
    """x/(e^x - 1) with its limits, a decreasing function."""
    if x == -math.inf:
        return math.inf
    return 1.0 if x == 0 else x / math.expm1(x) if x < 700 else 0.0


_FUNCTIONS: dict[str, Callable[..., Interval]] = {
    "exp": _rising(math.exp),
    "log": _rising(_logarithm),
    "sqrt": _rising(math.sqrt, 0.0),
    "tanh": _rising(math.tanh),
    "floor": _rising(lambda x: x if math.isinf(x) else float(math.floor(x))),
    "ceil": _rising(lambda x: x if math.isinf(x) else float(math.ceil(x))),
    "abs": _abs,
    "sin": lambda x: _widened((-1.0, 1.0)),
    "cos": lambda x: _widened((-1.0, 1.0)),
    "exprelr": lambda x: _widened((_exprelr(x[1]), _exprelr(x[0]))),
}
_EACH: dict[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "clip": lambda x, low, high: min(max(x, low), high),
}
