"""Dimensional analysis: the unit of an expression from those of its names, and units as text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from bioasm.models.expression import COMPARISONS, NOWHERE, Binary, Call, Expression, Negation, Number, Place, Symbol
from bioasm.models.values import fold
from bioasm.units import (
    NO_UNIT,
    Dimension,
    Exponents,
    Unit,
    dimension_of,
    exponents,
    in_literal_unit,
    parse_unit,
    power,
    product,
    quotient,
    spell,
    spell_number,
    spell_unit,
    to_si,
)

PER_SECOND = exponents(s=-1)
SECOND = exponents(s=1)
WHITE_NOISE: Exponents = tuple(part / 2 for part in PER_SECOND)  # type: ignore[assignment]
BUILT_IN: dict[str, Exponents] = {"dt": SECOND, "t": SECOND}
_BASES = ("m", "kg", "s", "A", "K", "mol")


class UnitFault(ValueError):
    """A mismatch of units: a message, the place of the expression at fault, and a hint."""

    def __init__(self, message: str, at: Place, hint: str | None = None) -> None:
        super().__init__(message)
        self.at, self.hint = at, hint


# --- spelling ---------------------------------------------------------------------------------------


def quantity(number: str, unit: str) -> tuple[float, Exponents]:
    """Parse a number and a unit: the value in SI units, rounded once, and its unit. Raises ValueError for invalid ones."""
    measured, exponent = parse_unit(unit)
    return to_si(number, Unit(Dimension.NONE, exponent)), measured


def spell_quantity(value: float, unit: Exponents) -> tuple[str, str]:
    """Spell a nonnegative number and its unit so that they parse back exactly.

    The unit is empty for a pure number, and a product in parentheses where no literal has it.
    """
    measured = dimension_of(unit)
    if isinstance(measured, Dimension):
        return spell(value, measured)
    literal = in_literal_unit(value, unit)
    if literal is not None:
        return literal
    factors = [f"(1 {base})^({part})" for base, part in zip(_BASES, unit, strict=True) if part]
    return spell_number(value), "*".join(factors)


# --- the unit of an expression ----------------------------------------------------------------------


def unit_of(expression: Expression, units: Mapping[str, Exponents | None]) -> Exponents | None:
    """Dimensional analysis of an expression whose names have these `units`; None where the unit of a name is not known.

    Raises UnitFault where units do not agree.
    """
    return _UNITS[type(expression)](expression, units)


def _number(node: Number, units: Mapping[str, Exponents | None]) -> Exponents | None:
    return node.unit


def _symbol(node: Symbol, units: Mapping[str, Exponents | None]) -> Exponents | None:
    if node.name in units:
        return units[node.name]
    return WHITE_NOISE if node.name.partition("_")[0] == "xi" else BUILT_IN.get(node.name)


def _negation(node: Negation, units: Mapping[str, Exponents | None]) -> Exponents | None:
    return unit_of(node.operand, units)


def _binary(node: Binary, units: Mapping[str, Exponents | None]) -> Exponents | None:
    if node.operator == "^":
        return _power(node, units)
    left, right = unit_of(node.left, units), unit_of(node.right, units)
    if left is None or right is None:
        return NO_UNIT if node.operator in COMPARISONS else None
    if node.operator in "*/":
        return (product if node.operator == "*" else quotient)(left, right)
    if node.operator in COMPARISONS:
        if left != right and not _is_zero(node.left) and not _is_zero(node.right):
            raise _mismatch("compared with", (node.left, left), (node.right, right), node.at)
        return NO_UNIT
    if left != right:
        words = {"+": "added to", "-": "subtracted from"}
        first, second = ((node.left, left), (node.right, right))
        raise _mismatch(words[node.operator], second, first, node.at)
    return left


def _is_zero(node: Expression) -> bool:
    return isinstance(node, Number) and node.value == 0 and node.unit == NO_UNIT


def _mismatch(what: str, one: tuple[Expression, Exponents], other: tuple[Expression, Exponents], at: Place) -> UnitFault:
    message = f"{in_words(one[1])} can't be {what} {in_words(other[1])}"
    return UnitFault(message, at, _number_hint(*one, other[1]) or _number_hint(*other, one[1]))


def in_words(unit: Exponents) -> str:
    """A unit in words, for messages."""
    if unit == NO_UNIT:
        return "a pure number"
    return f"a value in {'1/s' if unit == PER_SECOND else spell_unit(unit)}"


def _number_hint(node: Expression, unit: Exponents, wanted: Exponents) -> str | None:
    return number_hint(node, wanted) if unit == NO_UNIT else None


def number_hint(node: Expression, wanted: Exponents) -> str | None:
    """The hint for a bare number where a unit is wanted; None for any other expression."""
    sign, bare = ("-", node.operand) if isinstance(node, Negation) else ("", node)
    return f"write the number with its unit: {sign}{bare.value:g} {example_unit(wanted)}" if isinstance(bare, Number) else None


def example_unit(unit: Exponents) -> str:
    """The customary spelling of a unit, for hints."""
    usual = {"V": "mV", "A": "nA", "s": "ms", "S": "nS", "A/m2": "uA/cm2", "S/m2": "mS/cm2", "F/m2": "uF/cm2"}
    spelled = spell_unit(unit)
    return usual.get(spelled, spelled)


def _power(node: Binary, units: Mapping[str, Exponents | None]) -> Exponents | None:
    base, exponent = unit_of(node.left, units), unit_of(node.right, units)
    if exponent is not None and exponent != NO_UNIT:
        raise UnitFault(f"an exponent is a pure number, not {in_words(exponent)}", _at(node.right))
    if base is None or base == NO_UNIT:
        return base
    value = fold(node.right)
    if value is None:
        hint = "divide the base by a quantity, such as (v/mV)^n, or write the exponent as a number"
        raise UnitFault(f"{in_words(base)} can be raised to a number only", _at(node.right), hint)
    return power(base, Fraction(value).limit_denominator(1000))


def _call(node: Call, units: Mapping[str, Exponents | None]) -> Exponents | None:
    found = [unit_of(argument, units) for argument in node.arguments]
    if node.function in _SAME:
        return _same(node, found)
    if node.function == "where":
        return _agree("the two values of where", node.arguments[1:], found[1:])
    if node.function == "sqrt":
        return None if found[0] is None else power(found[0], Fraction(1, 2))
    if node.function in _PURE:
        return _pure(node, found[0])
    return None


_SAME = {"min": "values of min", "max": "values of max", "clip": "value and the bounds of clip"}
_SAME |= dict.fromkeys(("abs", "held", "delayed"), "")
_PURE = frozenset({"exp", "log", "sin", "cos", "tanh", "floor", "ceil", "exprelr"})


def _same(node: Call, found: list[Exponents | None]) -> Exponents | None:
    return _agree(f"the {_SAME[node.function]}", node.arguments, found)


def _agree(what: str, nodes: Iterable[Expression], found: list[Exponents | None]) -> Exponents | None:
    known = [(node, unit) for node, unit in zip(nodes, found, strict=True) if unit is not None]
    for node, unit in known[1:]:
        first, wanted = known[0]
        if unit != wanted:
            message = f"{what} measure different things: {in_words(wanted)} and {in_words(unit)}"
            raise UnitFault(message, _at(node), _number_hint(node, unit, wanted) or _number_hint(first, wanted, unit))
    return known[0][1] if known else None


def _pure(node: Call, unit: Exponents | None) -> Exponents:
    if unit is not None and unit != NO_UNIT:
        hint = f"divide it by a quantity, such as x/(1 {example_unit(unit)})"
        raise UnitFault(f"{node.function} takes a pure number, not {in_words(unit)}", _at(node.arguments[0]), hint)
    return NO_UNIT


def _at(node: Expression) -> Place:
    return getattr(node, "at", NOWHERE)


_UNITS: dict[type, Callable[..., Exponents | None]] = {
    Number: _number,
    Symbol: _symbol,
    Negation: _negation,
    Binary: _binary,
    Call: _call,
}
