"""Physical dimensions and units: how `10 mV` or `8 mV/ms` becomes a number in SI units and back, exactly.

This is the one grammar of units, for programs, `--set` and the texts of models.
"""

from __future__ import annotations

import re
from enum import Enum
from fractions import Fraction
from functools import cache, lru_cache
from math import isinf
from typing import NamedTuple

from bioasm.wholes import rounded


class Dimension(Enum):
    """The dimension of a number. The values are written into bytecode and never change."""

    NONE = 0
    TIME = 1
    VOLTAGE = 2
    CURRENT = 3
    SWEEPS = 4
    FREQUENCY = 5
    RESISTANCE = 6
    CAPACITANCE = 7
    CONDUCTANCE = 8
    CHARGE = 9
    CURRENT_DENSITY = 10
    CONDUCTANCE_DENSITY = 11
    CAPACITANCE_DENSITY = 12
    CONCENTRATION = 13
    LENGTH = 14
    AREA = 15
    TEMPERATURE = 16

    @property
    def symbol(self) -> str:
        """The symbol of its SI unit; empty for a pure number."""
        return BASE_SYMBOLS[self]

    def __str__(self) -> str:
        return "number" if self is Dimension.NONE else self.name.lower()


BASE_SYMBOLS = {
    Dimension.NONE: "",
    Dimension.TIME: "s",
    Dimension.VOLTAGE: "V",
    Dimension.CURRENT: "A",
    Dimension.SWEEPS: "sweeps",
    Dimension.FREQUENCY: "Hz",
    Dimension.RESISTANCE: "ohm",
    Dimension.CAPACITANCE: "F",
    Dimension.CONDUCTANCE: "S",
    Dimension.CHARGE: "C",
    Dimension.CURRENT_DENSITY: "A/m2",
    Dimension.CONDUCTANCE_DENSITY: "S/m2",
    Dimension.CAPACITANCE_DENSITY: "F/m2",
    Dimension.CONCENTRATION: "mol/m3",
    Dimension.LENGTH: "m",
    Dimension.AREA: "m2",
    Dimension.TEMPERATURE: "K",
}

# A unit as the exponents of metre, kilogram, second, ampere, kelvin and mole; halves occur in white noise (s^-1/2).
Exponents = tuple[Fraction, Fraction, Fraction, Fraction, Fraction, Fraction]


def exponents(m: int = 0, kg: int = 0, s: int = 0, a: int = 0, k: int = 0, mol: int = 0) -> Exponents:
    """Exponents from whole numbers."""
    return Fraction(m), Fraction(kg), Fraction(s), Fraction(a), Fraction(k), Fraction(mol)


NO_UNIT = exponents()
EXPONENTS: dict[Dimension, Exponents] = {
    Dimension.NONE: NO_UNIT,
    Dimension.TIME: exponents(s=1),
    Dimension.VOLTAGE: exponents(m=2, kg=1, s=-3, a=-1),
    Dimension.CURRENT: exponents(a=1),
    Dimension.FREQUENCY: exponents(s=-1),
    Dimension.RESISTANCE: exponents(m=2, kg=1, s=-3, a=-2),
    Dimension.CAPACITANCE: exponents(m=-2, kg=-1, s=4, a=2),
    Dimension.CONDUCTANCE: exponents(m=-2, kg=-1, s=3, a=2),
    Dimension.CHARGE: exponents(s=1, a=1),
    Dimension.CURRENT_DENSITY: exponents(m=-2, a=1),
    Dimension.CONDUCTANCE_DENSITY: exponents(m=-4, kg=-1, s=3, a=2),
    Dimension.CAPACITANCE_DENSITY: exponents(m=-4, kg=-1, s=4, a=2),
    Dimension.CONCENTRATION: exponents(m=-3, mol=1),
    Dimension.LENGTH: exponents(m=1),
    Dimension.AREA: exponents(m=2),
    Dimension.TEMPERATURE: exponents(k=1),
}

_DIMENSIONS = {unit: dimension for dimension, unit in EXPONENTS.items()}
_MOST_UNITS = 4096  # what is worked out of units is kept for so many


class Compound(NamedTuple):
    """The dimension of a number where it has no name of its own, such as V/s."""

    unit: Exponents

    @property
    def symbol(self) -> str:
        """Its SI unit as it is written."""
        return spell_unit(self.unit)

    def __str__(self) -> str:
        return f"value in {self.symbol}"


Measured = Dimension | Compound


def dimension_of(unit: Exponents) -> Measured:
    """The dimension of a number of this unit."""
    return _DIMENSIONS.get(unit) or Compound(unit)


def exponents_of(measured: Measured) -> Exponents:
    """The unit of what a number measures; none for sweeps."""
    return measured.unit if isinstance(measured, Compound) else EXPONENTS.get(measured, NO_UNIT)


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


# --- symbols ----------------------------------------------------------------------------------------

# Prefixes are case-sensitive where that matters (m is milli, M is mega).
PREFIXES = {"": 0, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "k": 3, "M": 6, "G": 9}


class Unit(NamedTuple):
    """A unit as it is written: what it measures and the power of ten that leads to the SI unit."""

    dimension: Measured
    exponent: int


class Measure(NamedTuple):
    """The dimension of one symbol of a unit, such as `mS` or `cm2`: exponents, and the power of ten that leads to SI."""

    unit: Exponents
    exponent: int


# Symbols that stand alone or with a prefix: the exponents, the power of ten of the bare symbol, and how often a prefix
# counts (centimetres squared: twice).
_SYMBOLS: dict[str, tuple[Exponents, int, int]] = {
    **{
        symbol: (EXPONENTS[dimension], 0, 1)
        for dimension, symbol in BASE_SYMBOLS.items()
        if dimension in EXPONENTS and symbol and "/" not in symbol and dimension is not Dimension.AREA
    },
    "\u03a9": (EXPONENTS[Dimension.RESISTANCE], 0, 1),
    "\u2126": (EXPONENTS[Dimension.RESISTANCE], 0, 1),
    "m2": (exponents(m=2), 0, 2),
    "m3": (exponents(m=3), 0, 3),
    "mol": (exponents(mol=1), 0, 1),
    "M": (EXPONENTS[Dimension.CONCENTRATION], 3, 1),
    "J": (exponents(m=2, kg=1, s=-2), 0, 1),
    "g": (exponents(kg=1), -3, 1),
}


def _measures() -> dict[str, Measure]:
    prefixed = {
        prefix + symbol: Measure(unit, exponent + times * power)
        for symbol, (unit, exponent, times) in _SYMBOLS.items()
        for prefix, power in PREFIXES.items()
        if symbol != "g" or prefix == "k"  # of masses a unit needs no more than the kilogram
    }
    centi = {f"c{symbol}": Measure(_SYMBOLS[symbol][0], -2 * _SYMBOLS[symbol][2]) for symbol in ("m", "m2", "m3")}
    return prefixed | centi


MEASURES: dict[str, Measure] = _measures()


# --- reading ----------------------------------------------------------------------------------------

_PART = (
    r"\s*([*/]?)\s*(?:(1)|([^\W\d]+[23]?)(?:\s*(?:\^|\*\*)\s*(?:([+-]?[0-9]+(?:\.[0-9]+)?)|\(([+-]?[0-9]+/0*[1-9][0-9]*)\)))?)\s*"
    r"(?=[*/]|\Z)"
)
_LONGEST = 256


@cache
def _part() -> re.Pattern[str]:
    """Compiled when a unit is first read, for most symbols are known as they are."""
    return re.compile(_PART)


def parse_unit(text: str) -> tuple[Exponents, int]:
    """The unit written as `text`, such as `mS/cm2`, `1/ms` or `ohm*cm`: its exponents and the power of ten to SI.

    Raises ValueError with the part that is no unit.
    """
    unit, exponent, at = NO_UNIT, 0, 0
    while at < len(text) or not at:
        found = _part().match(text, at) if len(text) <= _LONGEST else None
        if found is None or (found[1] == "") != (at == 0):
            raise ValueError(re.split(r"[*/]", text[at:].lstrip(" *\t/"))[0].strip() if text.strip() else text)
        factor, tens = _measure(found)
        unit = (quotient if found[1] == "/" else product)(unit, factor)
        exponent += -tens if found[1] == "/" else tens
        at = found.end()
    return unit, exponent


def _measure(part: re.Match[str]) -> tuple[Exponents, int]:
    """One symbol of a unit with its exponent."""
    _, one, symbol, decimal, ratio = part.groups()
    if one:
        return NO_UNIT, 0
    if symbol not in MEASURES:
        raise ValueError(part[0].strip(" \t*/"))
    measure, times = MEASURES[symbol], Fraction(decimal or ratio or 1)
    tens = measure.exponent * times
    if tens != int(tens):
        raise ValueError(part[0].strip(" \t*/"))
    return power(measure.unit, times), int(tens)


def _units() -> dict[str, Unit]:
    named = {symbol: _DIMENSIONS[m.unit] for symbol, m in MEASURES.items() if m.unit in _DIMENSIONS}
    plain = {symbol: Unit(dimension, MEASURES[symbol].exponent) for symbol, dimension in named.items()}
    words = {"sweep": Unit(Dimension.SWEEPS, 0), "sweeps": Unit(Dimension.SWEEPS, 0), "%": Unit(Dimension.NONE, -2)}
    return plain | _densities() | words


def _densities() -> dict[str, Unit]:
    areas = ("m2", "cm2", "mm2", "um2", "\u00b5m2", "\u03bcm2")
    of_areas = (Dimension.CURRENT_DENSITY, Dimension.CONDUCTANCE_DENSITY, Dimension.CAPACITANCE_DENSITY)
    found = {
        f"{prefix}{symbol}/{area}": Unit(dimension, power - MEASURES[area].exponent)
        for symbol, dimension in zip("ASF", of_areas, strict=True)
        for prefix, power in PREFIXES.items()
        for area in areas
    }
    return found | {f"{prefix}mol/m3": Unit(Dimension.CONCENTRATION, power) for prefix, power in PREFIXES.items()}


def unit_as_written(text: str) -> Unit:
    """The unit that the grammar of units reads; `/ms` is 1/ms. Raises ValueError with the part that is no unit."""
    unit, exponent = parse_unit(f"1{text}" if text.startswith("/") else text)
    return Unit(dimension_of(unit), exponent)


# The units that have one symbol, or are usual: what is proposed, and forgiven where only upper and lower case differ.
UNITS: dict[str, Unit] = _units()


@lru_cache(_MOST_UNITS)
def find_unit(text: str) -> Unit | None:
    """The unit written as `text`. Case is forgiven where only one unit can be meant (`MS` is not: ms or Ms)."""
    exact = UNITS.get(text)
    if exact is not None:
        return exact
    try:
        return unit_as_written(text)
    except ValueError:
        meant = {unit for symbol, unit in UNITS.items() if symbol.lower() == text.lower()}
        return meant.pop() if len(meant) == 1 else None


def to_si(number: str, unit: Unit | None = None) -> float:
    """The float nearest to the decimal `number` in `unit`, rounded once.

    Raises ValueError where `number` is no decimal number or does not fit a float, Rounded where it is a whole number that
    is none.
    """
    digits, marked, power = number.replace("_", "").lower().partition("e")
    try:  # the unit moves the decimal point of the spelling, so that the value is rounded once
        value = float(f"{digits}e{int(power if marked else 0) + (unit.exponent if unit else 0)}")
    except ValueError:
        raise ValueError(f"{number!r} is no number") from None
    if isinf(value):
        raise ValueError(f"{number} is too large for a 64-bit float")
    fault = rounded(number, unit.exponent if unit else 0)
    if fault is not None:
        raise fault
    return value


# --- spelling ---------------------------------------------------------------------------------------

# In which unit a number of a dimension is printed, with the prefixes that fit: as it is usual, where that is not SI.
_USUAL = {
    Dimension.CURRENT_DENSITY: "A/cm2",
    Dimension.CONDUCTANCE_DENSITY: "S/cm2",
    Dimension.CAPACITANCE_DENSITY: "F/cm2",
    Dimension.CONCENTRATION: "M",
}
_SPELLED_PREFIXES = ("f", "p", "n", "u", "m", "k", "M", "G")
# The unit that a number of a dimension is most likely in.
_LIKELY = {
    Dimension.TIME: "ms",
    Dimension.VOLTAGE: "mV",
    Dimension.CURRENT: "nA",
    Dimension.FREQUENCY: "Hz",
    Dimension.RESISTANCE: "Mohm",
    Dimension.CAPACITANCE: "pF",
    Dimension.CONDUCTANCE: "nS",
    Dimension.CHARGE: "pC",
    Dimension.CURRENT_DENSITY: "uA/cm2",
    Dimension.CONDUCTANCE_DENSITY: "mS/cm2",
    Dimension.CAPACITANCE_DENSITY: "uF/cm2",
    Dimension.CONCENTRATION: "mM",
    Dimension.LENGTH: "um",
    Dimension.AREA: "um2",
    Dimension.TEMPERATURE: "K",
}
_BASES = ("m", "kg", "s", "A", "K", "mol")
# What compound units are made of in messages, best known first.
_NAMED = ("V", "s", "A", "S", "F", "ohm", "m2", "m", "C", "K", "mol", "mM")
_SMALL = ("ms", "mV", "nA", "nS", "pF", "um", "um2", "mM", "mK", "mol", "um3", "mJ")


def likely_unit(measured: Measured) -> str:
    """The unit that a number without one is most likely in; empty for pure numbers and sweeps."""
    if isinstance(measured, Compound):
        return literal_units().get(measured.unit) or measured.symbol
    return _LIKELY.get(measured, "")


@lru_cache(_MOST_UNITS)
def spell_unit(unit: Exponents) -> str:
    """The unit as it can be written, `1` for a pure number; `parse_unit` reads it again."""
    if unit in _DIMENSIONS:
        return _DIMENSIONS[unit].symbol or "1"
    return _compounds().get(unit) or "*".join(
        f"{base}^{_decimal(part)}" if part != 1 else base for base, part in zip(_BASES, unit, strict=True) if part
    )


def _decimal(part: Fraction) -> str:
    """An exponent as it can be written: a whole number, a decimal, or a ratio in parentheses."""
    if part.denominator == 1:
        return str(part)
    return repr(float(part)) if part.denominator in (2, 4, 8) and abs(part) < 1000 else f"({part})"


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


@cache
def literal_units() -> dict[Exponents, str]:
    """Units as they stand behind a number: one or none over up to two, each of two letters or more."""
    firsts, below = ("1", *_SMALL), ("", *(f"/{symbol}" for symbol in _SMALL))
    found: dict[Exponents, str] = {}
    for text in sorted(
        (a + b + c for a in firsts for b in below for c in below if b or not c), key=lambda u: (u.count("/"), u[0] != "1")
    ):
        found.setdefault(parse_unit(text)[0], text)
    return found


@cache
def _products() -> dict[Exponents, str]:
    """Products of two small units, as they stand behind a number of a program."""
    pairs = [f"{a}*{b}" for a in reversed(_SMALL) for b in reversed(_SMALL)]
    return {parse_unit(text)[0]: text for text in pairs}


def _spell_compound(value: float, unit: Exponents) -> tuple[str, str]:
    ratio, times = literal_units().get(unit), _products().get(unit)
    usual = _in_unit(value, times if ratio is None or (times and "mJ" in ratio) else ratio)
    number, symbol = usual or (spell_number(value), spell_unit(unit))
    return number, symbol.removeprefix("1")


def in_literal_unit(value: float, unit: Exponents) -> tuple[str, str] | None:
    """A number in a usual compound unit, which reads back as exactly these; None where there is none."""
    return _in_unit(value, literal_units().get(unit))


def _in_unit(value: float, text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    from decimal import Decimal

    scaled = Decimal(repr(value)).scaleb(-parse_unit(text)[1]).normalize()
    plain = format(scaled, "f")
    number = plain if len(plain) <= 12 else str(scaled)
    try:
        return (number, text) if to_si(number, unit_as_written(text)) == value else None
    except ValueError:
        return None


def spell(value: float, dimension: Measured) -> tuple[str, str]:
    """A number and a unit symbol that read back as exactly `value` and are as short as can be.

    `spell(0.01, VOLTAGE)` is `("10", "mV")`; a pure number has an empty symbol.
    """
    if isinstance(dimension, Compound):
        return _spell_compound(value, dimension.unit)
    plain = spell_number(value)
    if dimension in (Dimension.NONE, Dimension.SWEEPS):
        return plain, dimension.symbol
    from decimal import Decimal  # importing it takes longer than a program without units takes to print

    choices = [(plain, dimension.symbol)]
    for symbol in (prefix + _USUAL.get(dimension, dimension.symbol) for prefix in _SPELLED_PREFIXES):
        scaled = Decimal(repr(value)).scaleb(-UNITS[symbol].exponent)
        number = format(scaled.normalize(), "f")
        if len(number) <= 9 and to_si(number, UNITS[symbol]) == value:
            choices.append((number, symbol))
    usual = choices[1:] if dimension in _USUAL else []
    return min(usual or choices, key=lambda choice: _length(*choice))


def _length(number: str, symbol: str) -> tuple[int, int]:
    """How long a spelling is; numbers below 1 and of five digits before the point count as longer than they are."""
    return len(number) + number.startswith("0.") + 2 * (len(number.lstrip("-").partition(".")[0]) > 4), len(symbol)


def spell_number(value: float) -> str:
    """The shortest decimal that reads back as `value`; whole numbers without a point."""
    if value == int(value) and abs(value) < 1e16:
        return "-0.0" if value == 0 and str(value).startswith("-") else str(int(value))
    return repr(value)
