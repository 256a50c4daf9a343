"""Dimensional analysis: the unit of an expression from those of its names, and units as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache, lru_cache

from bioasm.models.expression import COMPARISONS, NOWHERE, Binary, Call, Expression, Negation, Number, Place, Symbol
from bioasm.models.values import fold
from bioasm.units import EXPONENTS, MEASURES, NO_UNIT, Dimension, Exponents, exponents, spell, spell_number, to_si

PER_SECOND = exponents(s=-1)
SECOND = exponents(s=1)
WHITE_NOISE: Exponents = tuple(part / 2 for part in PER_SECOND)  # type: ignore[assignment]
BUILT_IN: dict[str, Exponents] = {"dt": SECOND, "t": SECOND}
_BASES = ("m", "kg", "s", "A", "K", "mol")
_DIMENSIONS = {unit: dimension for dimension, unit in EXPONENTS.items()}
_MEASURE = re.compile(r"([^\W\d]+[23]?)(?:(?:\^|\*\*)([+-]?[0-9]+(?:\.[0-9]+)?))?")
# What compound units are made of in messages, best known first.
_NAMED = ("V", "s", "A", "S", "F", "ohm", "m2", "m", "C", "K", "mol", "mM")

_MOST_UNITS = 4096  # what is worked out of units is kept for so many


class UnitFault(ValueError):
    """Units that do not agree: a message, the place of the expression at fault, and a hint."""

    def __init__(self, message: str, at: Place, hint: str | None = None) -> None:
        super().__init__(message)
        self.at, self.hint = at, hint


# --- arithmetic -------------------------------------------------------------------------------------


@lru_cache(_MOST_UNITS)
def product(left: Exponents, right: Exponents) -> Exponents:
    """The unit of left * right."""
    return tuple(a + b for a, b in zip(left, right, strict=True))  # type: ignore[return-value]


@lru_cache(_MOST_UNITS)
def quotient(left: Exponents, right: Exponents) -> Exponents:
    """The unit of left / right."""
    return tuple(a - b for a, b in zip(left, right, strict=True))  # type: ignore[return-value]


@lru_cache(_MOST_UNITS)
def power(base: Exponents, exponent: Fraction) -> Exponents:
    """The unit of base ^ exponent."""
    return tuple(a * exponent for a in base)  # type: ignore[return-value]


def dimension_of(unit: Exponents) -> Dimension:
    """What a program calls this unit; NONE where it has no name for it."""
    return _DIMENSIONS.get(unit, Dimension.NONE)


# --- spelling ---------------------------------------------------------------------------------------


def parse_unit(text: str) -> tuple[Exponents, int]:
    """The unit written as `text`, such as `mS/cm2`, `1/ms` or `ohm*cm`: its exponents and the power of ten to SI.

    Raises ValueError with the part that is no unit.
    """
    unit, exponent = NO_UNIT, 0
    for sign, part in re.findall(r"(^|[*/])\s*((?:\*\*|[^*/])*)", text.strip()):
        factor, tens = _measure(part.strip())
        unit = (quotient if sign == "/" else product)(unit, factor)
        exponent += -tens if sign == "/" else tens
    return unit, exponent


def _measure(part: str) -> tuple[Exponents, int]:
    if part == "1":
        return NO_UNIT, 0
    found = _MEASURE.fullmatch(part)
    if found is None or found[1] not in MEASURES:
        raise ValueError(part)
    measure, times = MEASURES[found[1]], Fraction(found[2] or 1)
    if measure.exponent * times != int(measure.exponent * times):
        raise ValueError(part)
    return power(measure.unit, times), int(measure.exponent * times)


def quantity(number: str, unit: str) -> tuple[float, Exponents]:
    """The number in SI units, rounded once, and its unit. Raises ValueError where one of them is none."""
    measured, exponent = parse_unit(unit)
    digits, marked, tens = number.lower().partition("e")
    return to_si(f"{digits}e{int(tens if marked else 0) + exponent}"), measured


@lru_cache(_MOST_UNITS)
def spell_unit(unit: Exponents) -> str:
    """The unit as it can be written, `1` for a pure number; `parse_unit` reads it again."""
    if unit in _DIMENSIONS:
        return _DIMENSIONS[unit].symbol or "1"
    return _compounds().get(unit) or "*".join(
        f"{base}^{_decimal(part)}" if part != 1 else base for base, part in zip(_BASES, unit, strict=True) if part
    )


def _decimal(part: Fraction) -> str:
    return str(part) if part.denominator == 1 else repr(float(part))


@cache
def _compounds() -> dict[Exponents, str]:
    """Units of two or three named ones, the simplest spelling of each."""
    named = {symbol: parse_unit(symbol)[0] for symbol in _NAMED}
    found: dict[Exponents, str] = {}
    pairs = [(a, b) for a in named for b in named]
    for a, unit in named.items():
        found.setdefault(quotient(NO_UNIT, unit), f"1/{a}")
    for a, b in pairs:
        found.setdefault(quotient(named[a], named[b]), f"{a}/{b}")
    for a, b in pairs:
        found.setdefault(product(named[a], named[b]), f"{a}*{b}")
        found.setdefault(quotient(NO_UNIT, product(named[a], named[b])), f"1/{a}/{b}")
    return found


def spell_quantity(value: float, unit: Exponents) -> tuple[str, str]:
    """A number that is not negative and its unit, which read back as exactly these.

    The unit is empty for a pure number, and a product in parentheses where no literal has it.
    """
    if unit in _DIMENSIONS:
        return spell(value, _DIMENSIONS[unit])
    text = _literal_units().get(unit)
    if text is not None:
        from decimal import Decimal

        scaled = Decimal(repr(value)).scaleb(-parse_unit(text)[1]).normalize()
        plain = format(scaled, "f")
        number = plain if len(plain) <= 12 else str(scaled)
        if quantity(number, text) == (value, unit):
            return number, text
    factors = [f"(1 {base})^({part})" for base, part in zip(_BASES, unit, strict=True) if part]
    return spell_number(value), "*".join(factors)


_SMALL = ("ms", "mV", "nA", "nS", "pF", "um", "um2", "mM", "mK", "mol", "um3", "mJ")


@cache
def _literal_units() -> dict[Exponents, str]:
    """Units as they stand behind a number: one or none over up to two, each of two letters or more."""
    firsts, below = ("1", *_SMALL), ("", *(f"/{symbol}" for symbol in _SMALL))
    found: dict[Exponents, str] = {}
    for text in sorted(
        (a + b + c for a in firsts for b in below for c in below if b or not c), key=lambda u: (u.count("/"), u[0] != "1")
    ):
        found.setdefault(parse_unit(text)[0], text)
    return found


# --- the unit of an expression ----------------------------------------------------------------------


def unit_of(expression: Expression, units: Mapping[str, Exponents | None]) -> Exponents | None:
    """The unit of an expression whose names have these `units`; None where the unit of a name it needs is not known.

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
    """What to write where a bare number stands in the place of one with a unit; None for anything but a number."""
    sign, bare = ("-", node.operand) if isinstance(node, Negation) else ("", node)
    return f"write the number with its unit: {sign}{bare.value:g} {example_unit(wanted)}" if isinstance(bare, Number) else None


def example_unit(unit: Exponents) -> str:
    """The unit as people use it, for hints."""
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
