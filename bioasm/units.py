"""Physical dimensions and units: how `10 mV` becomes a number in SI units and back, exactly."""

from __future__ import annotations

from enum import Enum
from fractions import Fraction
from math import isinf
from typing import NamedTuple


class Dimension(Enum):
    """What a number measures. The values are written into bytecode and never change."""

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

# Prefixes are case-sensitive where that matters (m is milli, M is mega).
PREFIXES = {"": 0, "f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "μ": -6, "m": -3, "k": 3, "M": 6, "G": 9}


class Unit(NamedTuple):
    """A unit as it is written: what it measures and the power of ten that leads to the SI unit."""

    dimension: Dimension
    exponent: int


class Measure(NamedTuple):
    """What one symbol of a unit measures, such as `mS` or `cm2`: exponents, and the power of ten that leads to SI."""

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
_AREAS = ("m2", "cm2", "mm2", "um2", "\u00b5m2", "\u03bcm2")


def _units() -> dict[str, Unit]:
    known = {unit: dimension for dimension, unit in EXPONENTS.items() if unit != NO_UNIT}
    plain = {
        symbol: Unit(known[measure.unit], measure.exponent) for symbol, measure in MEASURES.items() if measure.unit in known
    }
    densities = {
        f"{symbol}/{area}": Unit(dimension, MEASURES[symbol].exponent - MEASURES[area].exponent)
        for dimension in (Dimension.CURRENT_DENSITY, Dimension.CONDUCTANCE_DENSITY, Dimension.CAPACITANCE_DENSITY)
        for symbol in (prefix + BASE_SYMBOLS[dimension][0] for prefix in PREFIXES)
        for area in _AREAS
    }
    molar = {f"{prefix}mol/m3": Unit(Dimension.CONCENTRATION, power) for prefix, power in PREFIXES.items()}
    words = {"sweep": Unit(Dimension.SWEEPS, 0), "sweeps": Unit(Dimension.SWEEPS, 0), "%": Unit(Dimension.NONE, -2)}
    return plain | densities | molar | words


UNITS: dict[str, Unit] = _units()
# In which unit a number of a dimension is printed, with the prefixes that fit: as it is usual, where that is not SI.
_USUAL = {
    Dimension.CURRENT_DENSITY: "A/cm2",
    Dimension.CONDUCTANCE_DENSITY: "S/cm2",
    Dimension.CAPACITANCE_DENSITY: "F/cm2",
    Dimension.CONCENTRATION: "M",
}
_SPELLED_PREFIXES = ("f", "p", "n", "u", "m", "k", "M", "G")


def find_unit(text: str) -> Unit | None:
    """The unit written as `text`. Case is forgiven where only one unit can be meant (`MS` is not: ms or Ms)."""
    exact = UNITS.get(text)
    if exact is not None:
        return exact
    meant = {unit for symbol, unit in UNITS.items() if symbol.lower() == text.lower()}
    return meant.pop() if len(meant) == 1 else None


def to_si(number: str, unit: Unit | None = None) -> float:
    """The float nearest to the decimal `number` in `unit`, rounded once.

    Raises ValueError where `number` is no decimal number or does not fit a float.
    """
    digits, marked, power = number.replace("_", "").lower().partition("e")
    try:  # the unit moves the decimal point of the spelling, so that the value is rounded once
        value = float(f"{digits}e{int(power if marked else 0) + (unit.exponent if unit else 0)}")
    except ValueError:
        raise ValueError(f"{number!r} is no number") from None
    if isinf(value):
        raise ValueError(f"{number} is too large for a 64-bit float")
    return value


def spell(value: float, dimension: Dimension) -> tuple[str, str]:
    """A number and a unit symbol that read back as exactly `value` and are as short as can be.

    `spell(0.01, VOLTAGE)` is `("10", "mV")`; a pure number has an empty symbol.
    """
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
