"""Symbolic differentiation of an expression, for linearising integration methods."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol

ZERO, ONE, HALF = Number(0.0), Number(1.0), Number(0.5)


def derivative(expression: Expression, name: str) -> Expression:
    """d expression / d name; conditions and rounding functions have derivative 0."""
    match expression:
        case Symbol(found):
            return ONE if found == name else ZERO
        case Negation("-", operand):
            return _minus(ZERO, derivative(operand, name))
        case Binary(operator, left, right) if operator in _BINARY:
            return _BINARY[operator](left, right, derivative(left, name), derivative(right, name))
        case Call(function, arguments) if function in _CALLS:
            slopes = [derivative(a, name) for a in arguments]
            return _CALLS[function](arguments, slopes) if any(s != ZERO for s in slopes) else ZERO
    return ZERO


def _plus(a: Expression, b: Expression) -> Expression:
    return b if a == ZERO else a if b == ZERO else Binary("+", a, b)


def _minus(a: Expression, b: Expression) -> Expression:
    return a if b == ZERO else Negation("-", b) if a == ZERO else Binary("-", a, b)


def _times(a: Expression, b: Expression) -> Expression:
    if ZERO in (a, b):
        return ZERO
    return b if a == ONE else a if b == ONE else Binary("*", a, b)


def _over(a: Expression, b: Expression) -> Expression:
    return ZERO if a == ZERO else Binary("/", a, b)


def _of_quotient(a: Expression, b: Expression, da: Expression, db: Expression) -> Expression:
    return _minus(_over(da, b), _over(_times(a, db), Binary("*", b, b)))


def _of_power(a: Expression, b: Expression, da: Expression, db: Expression) -> Expression:
    by_base = _times(_times(b, Binary("^", a, Binary("-", b, ONE))), da) if da != ZERO else ZERO
    by_exponent = _times(_times(Binary("^", a, b), Call("log", (a,))), db) if db != ZERO else ZERO
    return _plus(by_base, by_exponent)


_BINARY: dict[str, Callable[[Expression, Expression, Expression, Expression], Expression]] = {
    "+": lambda a, b, da, db: _plus(da, db),
    "-": lambda a, b, da, db: _minus(da, db),
    "*": lambda a, b, da, db: _plus(_times(da, b), _times(a, db)),
    "/": _of_quotient,
    "^": _of_power,
}


def _chain(outer: Callable[[Expression], Expression]) -> Callable[[tuple[Expression, ...], list[Expression]], Expression]:
    return lambda arguments, slopes: _times(outer(arguments[0]), slopes[0])


def _call(function: str, *arguments: Expression) -> Expression:
    return Call(function, arguments)


def _of_exprelr(x: Expression) -> Expression:
    """e (1 - x - e)/x for e = exprelr(x), and -1/2 at 0."""
    e = _call("exprelr", x)
    away = Binary("/", Binary("*", e, Binary("-", Binary("-", ONE, x), e)), x)
    return _call("where", Binary("==", x, ZERO), Negation("-", HALF), away)


def _of_choice(operator: str) -> Callable[[tuple[Expression, ...], list[Expression]], Expression]:
    """The derivative of min or max: that of the argument that is chosen."""

    def slope(arguments: tuple[Expression, ...], slopes: list[Expression]) -> Expression:
        def two(x: tuple[Expression, Expression], y: tuple[Expression, Expression]) -> tuple[Expression, Expression]:
            better = Binary(operator, x[0], y[0])
            return _call("where", better, x[0], y[0]), _call("where", better, x[1], y[1])

        return reduce(two, zip(arguments, slopes, strict=True))[1]

    return slope


def _of_clip(arguments: tuple[Expression, ...], slopes: list[Expression]) -> Expression:
    x, low, high = arguments
    above = _call("where", Binary(">", x, high), slopes[2], slopes[0])
    return _call("where", Binary("<", x, low), slopes[1], above)


_CALLS: dict[str, Callable[[tuple[Expression, ...], list[Expression]], Expression]] = {
    "exp": _chain(lambda x: _call("exp", x)),
    "log": _chain(lambda x: Binary("/", ONE, x)),
    "sqrt": _chain(lambda x: Binary("/", HALF, _call("sqrt", x))),
    "sin": _chain(lambda x: _call("cos", x)),
    "cos": _chain(lambda x: Negation("-", _call("sin", x))),
    "tanh": _chain(lambda x: Binary("-", ONE, Binary("^", _call("tanh", x), Number(2.0)))),
    "abs": _chain(lambda x: _call("where", Binary("<", x, ZERO), Negation("-", ONE), ONE)),
    "exprelr": _chain(_of_exprelr),
    "min": _of_choice("<"),
    "max": _of_choice(">"),
    "clip": _of_clip,
    "where": lambda arguments, slopes: _call("where", arguments[0], slopes[1], slopes[2]),
}
