"""Computer algebra on expressions: linear parts, symbolic derivatives, substitution, simplification, printing."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from bioasm.models.dimensions import spell_quantity, unit_of
from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol, rebuilt
from bioasm.models.values import evaluate, fold
from bioasm.units import NO_UNIT, Exponents, power, product, quotient

__all__ = ["derivative", "evaluate", "fold", "linear_in", "read_now", "reads", "simplify", "spell"]

ZERO, ONE, TWO = Number(0.0), Number(1.0), Number(2.0)


# --- building ---------------------------------------------------------------------------------------
# Identities (x + 0, 1*x, x^1) are simplified; everything else keeps the form in which it was written.


def is_number(node: Expression, value: float) -> bool:
    """Whether a node is the literal `value`."""
    return isinstance(node, Number) and node.value == value


def add(left: Expression, right: Expression) -> Expression:
    """left + right."""
    if is_number(left, 0):
        return right
    if is_number(right, 0):
        return left
    return Binary("+", left, right)


def subtract(left: Expression, right: Expression) -> Expression:
    """left - right."""
    if is_number(right, 0):
        return left
    return negate(right) if is_number(left, 0) else Binary("-", left, right)


def multiply(left: Expression, right: Expression) -> Expression:
    """left * right."""
    if is_number(left, 0) or is_number(right, 0):
        return ZERO
    if is_number(left, 1):
        return right
    return left if is_number(right, 1) else Binary("*", left, right)


def divide(left: Expression, right: Expression) -> Expression:
    """left / right."""
    if is_number(left, 0):
        return ZERO
    return left if is_number(right, 1) else Binary("/", left, right)


def raised(base: Expression, exponent: Expression) -> Expression:
    """base ^ exponent."""
    if is_number(exponent, 0):
        return ONE
    return base if is_number(exponent, 1) else Binary("^", base, exponent)


def negate(operand: Expression) -> Expression:
    """-operand."""
    if is_number(operand, 0):
        return ZERO
    if isinstance(operand, Negation) and operand.operator == "-":
        return operand.operand
    return Negation("-", operand)


_BUILT: dict[str, Callable[[Expression, Expression], Expression]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "^": raised,
}


def reads(expression: Expression, name: str) -> bool:
    """Whether an expression reads a name."""
    return any(isinstance(node, Symbol) and node.name == name for node in expression.walk())


def read_now(expression: Expression) -> set[str]:
    """The free symbols outside of `held` and `delayed`, whose values do not change within a step."""
    if isinstance(expression, Symbol):
        return {expression.name}
    if isinstance(expression, Call) and expression.function in ("held", "delayed"):
        return set()
    return set().union(*(read_now(part) for part in expression.parts()))


# --- linear parts -----------------------------------------------------------------------------------


def linear_in(expression: Expression, name: str) -> tuple[Expression, Expression] | None:
    """Linear coefficients (a, b): expression = a + b*name, both free of the name; None where it is not linear as written."""
    if not reads(expression, name):
        return expression, ZERO
    if isinstance(expression, Symbol):
        return ZERO, ONE
    if isinstance(expression, Negation):
        return _linear_negation(expression, name)
    if isinstance(expression, Binary):
        return _linear_binary(expression, name)
    return _linear_call(expression, name) if isinstance(expression, Call) else None


def _linear_negation(node: Negation, name: str) -> tuple[Expression, Expression] | None:
    inner = linear_in(node.operand, name) if node.operator == "-" else None
    return None if inner is None else (negate(inner[0]), negate(inner[1]))


def _linear_binary(node: Binary, name: str) -> tuple[Expression, Expression] | None:
    if node.operator not in "+-*/^":
        return None
    if node.operator == "^":
        return linear_in(node.left, name) if is_number(node.right, 1) else None
    left, right = linear_in(node.left, name), linear_in(node.right, name)
    if left is None or right is None:
        return None
    if node.operator in "+-":
        build = _BUILT[node.operator]
        return build(left[0], right[0]), build(left[1], right[1])
    return _linear_product(node, left, right)


def _linear_product(
    node: Binary, left: tuple[Expression, Expression], right: tuple[Expression, Expression]
) -> tuple[Expression, Expression] | None:
    build = _BUILT[node.operator]
    if is_number(right[1], 0):
        return build(left[0], node.right), build(left[1], node.right)
    if node.operator == "*" and is_number(left[1], 0):
        return build(node.left, right[0]), build(node.left, right[1])
    return None


def _linear_call(node: Call, name: str) -> tuple[Expression, Expression] | None:
    """Linear coefficients of a call: only `where` has them, if its condition is free of the name."""
    if node.function != "where" or reads(node.arguments[0], name):
        return None
    sides = [linear_in(argument, name) for argument in node.arguments[1:]]
    if sides[0] is None or sides[1] is None:
        return None
    constant, slope = zip(sides[0], sides[1], strict=True)
    return _where(node.arguments[0], *constant), _where(node.arguments[0], *slope)


def _where(condition: Expression, yes: Expression, no: Expression) -> Expression:
    return yes if yes == no else Call("where", (condition, yes, no))


# --- derivatives ------------------------------------------------------------------------------------


def derivative(expression: Expression, name: str) -> Expression:
    """Symbolic derivative d expression / d name; one-sided where a function has a corner or jumps.

    Arguments of `held` and `delayed` are constants.
    """
    if isinstance(expression, Symbol):
        return ONE if expression.name == name else ZERO
    if not reads(expression, name):
        return ZERO
    if isinstance(expression, Negation):
        return negate(derivative(expression.operand, name))
    if isinstance(expression, Binary):
        return _binary_derivative(expression, name)
    assert isinstance(expression, Call)
    return _call_derivative(expression, name)


def _binary_derivative(node: Binary, name: str) -> Expression:
    left, right = node.left, node.right
    if node.operator not in "+-*/^":
        return ZERO
    dl, dr = derivative(left, name), derivative(right, name)
    if node.operator in "+-":
        return _BUILT[node.operator](dl, dr)
    if node.operator == "*":
        return add(multiply(dl, right), multiply(left, dr))
    if node.operator == "/":
        return subtract(divide(dl, right), divide(multiply(left, dr), multiply(right, right)))
    by_base = multiply(multiply(right, raised(left, subtract_one(right))), dl)
    by_exponent = ZERO if is_number(dr, 0) else multiply(multiply(node, Call("log", (left,))), dr)
    return add(by_base, by_exponent)


def subtract_one(exponent: Expression) -> Expression:
    """exponent - 1, as a number where it is one."""
    return Number(exponent.value - 1) if isinstance(exponent, Number) else Binary("-", exponent, ONE)


def _call_derivative(node: Call, name: str) -> Expression:
    arguments = node.arguments
    slopes = [derivative(argument, name) for argument in arguments]
    if node.function in _SLOPES:
        return multiply(_SLOPES[node.function](arguments[0]), slopes[0])
    if node.function == "where":
        return _where(arguments[0], slopes[1], slopes[2])
    if node.function == "clip":
        inner, low, high = arguments
        within = _where(Binary("<", inner, low), slopes[1], slopes[0])
        return _where(Binary(">=", Call("max", (inner, low)), high), slopes[2], within)
    if node.function in ("min", "max"):
        return _extreme_derivative(node, slopes)
    return ZERO  # floor and ceil are piecewise constant; held and delayed are constants


def _extreme_derivative(node: Call, slopes: list[Expression]) -> Expression:
    """Derivative of max (min), argument by argument: the slope of the larger (smaller) of the result so far and the next."""
    best, slope = node.arguments[0], slopes[0]
    for argument, further in zip(node.arguments[1:], slopes[1:], strict=True):
        better = Binary(">" if node.function == "max" else "<", argument, best)
        slope = _where(better, further, slope)
        best = Call(node.function, (best, argument))
    return slope


def _exprelr_slope(x: Expression) -> Expression:
    """d/dx x/(e^x - 1) = (r/x)(1 - r - x), r = exprelr(x); by its series -1/2 + x/6 near 0."""
    r = Call("exprelr", (x,))
    far = multiply(divide(r, x), subtract(subtract(ONE, r), x))
    near = add(Number(-0.5), divide(x, Number(6.0)))
    return _where(Binary("<", Call("abs", (x,)), Number(1e-5)), near, far)


_SLOPES: dict[str, Callable[[Expression], Expression]] = {
    "exp": lambda x: Call("exp", (x,)),
    "log": lambda x: divide(ONE, x),
    "sqrt": lambda x: divide(Number(0.5), Call("sqrt", (x,))),
    "abs": lambda x: Call("where", (Binary("<", x, ZERO), Number(-1.0), ONE)),
    "sin": lambda x: Call("cos", (x,)),
    "cos": lambda x: negate(Call("sin", (x,))),
    "tanh": lambda x: subtract(ONE, raised(Call("tanh", (x,)), TWO)),
    "exprelr": _exprelr_slope,
}


# --- simplification ---------------------------------------------------------------------------------


def simplify(expression: Expression) -> Expression:
    """Constant folding and removal of zeros and ones; the value stays the same to within rounding."""
    node = rebuilt(expression, simplify)
    if isinstance(node, Binary):
        return _simple_binary(node)
    if isinstance(node, Negation) and node.operator == "-":
        inner = node.operand
        return Number(-inner.value, inner.unit) if isinstance(inner, Number) else negate(inner)
    return _simple_call(node) if isinstance(node, Call) else node


def _simple_binary(node: Binary) -> Expression:
    if node.operator not in _BUILT:
        return node
    left, right = node.left, node.right
    if isinstance(left, Number) and isinstance(right, Number):
        value = fold(node)
        if value is not None:
            return Number(value, _folded_unit(node.operator, left, right))
    return _BUILT[node.operator](left, right)


def _folded_unit(operator: str, left: Number, right: Number) -> Exponents:
    if operator == "^":
        return power(left.unit, Fraction(right.value).limit_denominator(1000))
    if operator in "*/":
        return (product if operator == "*" else quotient)(left.unit, right.unit)
    return left.unit


def _simple_call(node: Call) -> Expression:
    if node.function == "where":
        condition, yes, no = node.arguments
        value = fold(condition)
        return (yes if value else no) if value is not None else _where(condition, yes, no)
    if all(isinstance(a, Number) for a in node.arguments) and node.function not in ("held", "delayed"):
        value = fold(node)
        if value is not None:
            return Number(value, _call_unit(node))
    return node


def _call_unit(node: Call) -> Exponents:
    try:
        return unit_of(node, {}) or NO_UNIT
    except ValueError:
        return NO_UNIT


# --- spelling ---------------------------------------------------------------------------------------


def spell(expression: Expression) -> str:
    """Pretty printer: the expression in the language's notation, which parses back to the same tree.

    Only a number whose unit is no literal of up to two divisors parses back as a product of the same value.
    """
    return _spelled(expression)[0]


# Operator precedence; a part of lower precedence than its context is put in parentheses.
_BINDING = {"or": 1, "and": 2, "not": 3, **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 4)}
_BINDING |= {"+": 5, "-": 5, "*": 6, "/": 6, "negation": 7, "^": 8}
_ATOM = 9


def _spelled(node: Expression) -> tuple[str, int]:
    """The printed expression and its precedence."""
    if isinstance(node, Symbol):
        return node.name, _ATOM
    if isinstance(node, Number):
        return _spelled_number(node)
    if isinstance(node, Call):
        return f"{node.function}({', '.join(map(spell, node.arguments))})", _ATOM
    if isinstance(node, Negation):
        return _spelled_negation(node)
    assert isinstance(node, Binary)
    return _spelled_binary(node)


def _spelled_number(node: Number) -> tuple[str, int]:
    """A number below zero is spelled with its sign, and one whose unit has no literal as a product."""
    if node.value < 0:
        return f"-{_within(Number(-node.value, node.unit), _BINDING['negation'])}", _BINDING["negation"]
    number, unit = spell_quantity(node.value, node.unit)
    if unit.startswith("("):
        return f"{number}*{unit}", _BINDING["*"]
    if unit.startswith("1/"):
        return f"{number}{unit[1:]}", _BINDING["*"]
    return f"{number} {unit}".rstrip(), _BINDING["^"] if unit else _ATOM


def _spelled_negation(node: Negation) -> tuple[str, int]:
    word, binding = ("-", _BINDING["negation"]) if node.operator == "-" else ("not ", _BINDING["not"])
    return word + _within(node.operand, binding), binding


def _spelled_binary(node: Binary) -> tuple[str, int]:
    operator, binding = node.operator, _BINDING[node.operator]
    if operator == "^":
        return f"{_within(node.left, _ATOM)}^{_within(node.right, _BINDING['negation'])}", binding
    left = binding + 1 if binding == 4 else binding  # comparisons are not associative
    right = _bare_unit(node) or _within(node.right, binding + 1)
    return f"{_within(node.left, left)} {operator} {right}", binding


def _bare_unit(node: Binary) -> str | None:
    """The divisor unit of `x/unit`, spelled without a 1; behind a number it would be parsed as part of the literal."""
    if node.operator != "/" or isinstance(node.left, Number):
        return None
    text = spell(node.right) if is_number(node.right, 1) else ""
    return text[2:] if text.startswith("1 ") and len(text) > 3 and "/" not in text else None


def _within(node: Expression, binding: int) -> str:
    text, own = _spelled(node)
    return text if own >= binding else f"({text})"
