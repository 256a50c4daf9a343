"""Units of the model language: how they are written and read, and what an expression measures."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bioasm.models.dimensions import UnitFault, quantity, spell_quantity, unit_of
from bioasm.models.expression import Number
from bioasm.units import (
    EXPONENTS,
    MEASURES,
    NO_UNIT,
    Dimension,
    Exponents,
    dimension_of,
    exponents,
    parse_unit,
    power,
    product,
    quotient,
    spell_unit,
)
from tests.models.language.support import expression

V, A, S, OHM = (EXPONENTS[d] for d in (Dimension.VOLTAGE, Dimension.CURRENT, Dimension.TIME, Dimension.RESISTANCE))


@pytest.mark.parametrize(
    ("text", "unit", "tens"),
    [
        ("V", V, 0),
        ("mV", V, -3),
        ("1", NO_UNIT, 0),
        ("1/ms", EXPONENTS[Dimension.FREQUENCY], 3),
        ("Hz", EXPONENTS[Dimension.FREQUENCY], 0),
        ("mS/cm2", EXPONENTS[Dimension.CONDUCTANCE_DENSITY], 1),
        ("uF/cm2", EXPONENTS[Dimension.CAPACITANCE_DENSITY], -2),
        ("uA/cm2", EXPONENTS[Dimension.CURRENT_DENSITY], -2),
        ("pA/um2", EXPONENTS[Dimension.CURRENT_DENSITY], 0),
        ("mM", EXPONENTS[Dimension.CONCENTRATION], 0),
        ("mol/m3", EXPONENTS[Dimension.CONCENTRATION], 0),
        ("uM", EXPONENTS[Dimension.CONCENTRATION], -3),
        ("cm", exponents(m=1), -2),
        ("cm2", exponents(m=2), -4),
        ("mm2", exponents(m=2), -6),
        ("um3", exponents(m=3), -18),
        ("ohm*cm", product(OHM, exponents(m=1)), -2),
        ("V*A", product(V, A), 0),
        ("V/A/s", quotient(quotient(V, A), S), 0),
        ("m^-2", exponents(m=-2), 0),
        ("s^-0.5", (*NO_UNIT[:2], Fraction(-1, 2), *NO_UNIT[3:]), 0),
        ("s**2", exponents(s=2), 0),
        ("kg", exponents(kg=1), 0),
        ("Mohm", OHM, 6),
        ("kΩ", OHM, 3),
        ("µA", A, -6),
        ("μA", A, -6),
        ("J/mol/K", (Fraction(2), Fraction(1), Fraction(-2), Fraction(0), Fraction(-1), Fraction(-1)), 0),
    ],
)
def test_a_unit_is_read(text: str, unit: Exponents, tens: int) -> None:
    assert parse_unit(text) == (unit, tens)


@pytest.mark.parametrize(
    "text", ["", "x", "mVV", "2", "1/", "/ms", "mV/", "m V", "ms^x", "cV", "cA2", "m4", "ms^0.5", "%", "-V"]
)
def test_what_is_no_unit(text: str) -> None:
    with pytest.raises(ValueError):
        parse_unit(text)


@pytest.mark.parametrize("dimension", list(EXPONENTS))
def test_dimensions_have_their_units(dimension: Dimension) -> None:
    unit = EXPONENTS[dimension]
    assert dimension_of(unit) is dimension
    assert parse_unit(spell_unit(unit)) == (unit, 0)


UNITS = st.tuples(*[st.fractions(min_value=-4, max_value=4, max_denominator=2)] * 6)


@given(UNITS)
@example(exponents(m=3, mol=-1))
@example(exponents(m=3))
@example(exponents(m=2, kg=1, s=-3, a=-1, mol=-1))
def test_every_unit_is_spelled_as_it_is_read(unit: Exponents) -> None:
    assert parse_unit(spell_unit(unit)) == (unit, 0)


@given(UNITS, UNITS)
def test_products_and_quotients_undo_each_other(one: Exponents, other: Exponents) -> None:
    assert quotient(product(one, other), other) == one
    assert power(power(one, Fraction(2)), Fraction(1, 2)) == one


@pytest.mark.parametrize(
    ("number", "unit", "value"),
    [
        ("50", "mV", 0.05),
        ("0.1", "ms", 1e-4),
        ("120", "mS/cm2", 1200.0),
        ("1", "uF/cm2", 0.01),
        ("0.07", "1/ms", 70.0),
        ("0.1", "1/ms/mV", 1e5),
        ("2.5e-3", "nA", 2.5e-12),
        ("1.5e+2", "um2", 1.5e-10),
        ("6.3", "1", 6.3),
        (".5", "mM", 0.5),
    ],
)
def test_a_quantity_is_rounded_once(number: str, unit: str, value: float) -> None:
    assert quantity(number, unit)[0] == value


@given(st.floats(min_value=1e-300, max_value=1e300), st.sampled_from(sorted(MEASURES)), st.sampled_from(sorted(MEASURES)))
def test_a_quantity_is_spelled_as_it_is_read(value: float, one: str, other: str) -> None:
    unit = quotient(parse_unit(one)[0], parse_unit(other)[0])
    number, text = spell_quantity(value, unit)
    if text.startswith("("):
        assert float(number) == value
    else:
        assert quantity(number, text or "1") == (value, unit)


# --- literals in expressions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "value", "unit"),
    [
        ("20 mV", 0.02, V),
        ("20mV", 0.02, V),
        ("2e-2 V", 0.02, V),
        ("2 V/ms", 2000.0, quotient(V, S)),
        ("2 mV/ms", 2.0, quotient(V, S)),
        ("0.1/ms", 100.0, EXPONENTS[Dimension.FREQUENCY]),
        ("0.1 /ms", 100.0, EXPONENTS[Dimension.FREQUENCY]),
        ("0.1/ms/mV", 1e5, quotient(NO_UNIT, product(S, V))),
        ("0.07/ms", 70.0, EXPONENTS[Dimension.FREQUENCY]),
        ("0.3 mV*ms", 0.3e-6, product(V, S)),
        ("0.3 mV*ms^2", 0.3e-9, product(V, power(S, Fraction(2)))),
        ("0.7/ms^2", 0.7e6, power(S, Fraction(-2))),
        ("10 uA/cm2", 0.1, EXPONENTS[Dimension.CURRENT_DENSITY]),
        ("120 mS/cm2", 1200.0, EXPONENTS[Dimension.CONDUCTANCE_DENSITY]),
        ("1e3", 1000.0, NO_UNIT),
        ("1e+3", 1000.0, NO_UNIT),
        ("1E-3 s", 1e-3, S),
        ("2.", 2.0, NO_UNIT),
        (".5", 0.5, NO_UNIT),
        ("ms", 1e-3, S),
        ("mV", 1e-3, V),
        ("0.5 kHz", 500.0, EXPONENTS[Dimension.FREQUENCY]),
    ],
)
def test_a_literal_is_one_number(said: str, value: float, unit: Exponents) -> None:
    assert expression(said) == Number(value, unit)


@pytest.mark.parametrize(
    ("said", "unit"),
    [
        ("v/mV", NO_UNIT),
        ("20 mV/tau", quotient(V, S)),
        ("p^2/ms", quotient(NO_UNIT, S)),
        ("p/2/ms", quotient(NO_UNIT, S)),
        ("v*v", product(V, V)),
        ("v^2", product(V, V)),
        ("v^0.5", power(V, Fraction(1, 2))),
        ("v^-1", quotient(NO_UNIT, V)),
        ("v^(1/3)", power(V, Fraction(1, 3))),
        ("sqrt(v*v)", V),
        ("p^q", NO_UNIT),
        ("2^p", NO_UNIT),
        ("abs(-v)", V),
        ("min(v, u, 3 mV)", V),
        ("max(v, u)", V),
        ("clip(v, 0 mV, u)", V),
        ("where(v > u, v, u)", V),
        ("where(v > 0 and u > 0, 1, 2)", NO_UNIT),
        ("where(not v > 0 or p == 1, v, u)", V),
        ("exp(v/u)", NO_UNIT),
        ("exprelr(p)*v", V),
        ("held(v)", V),
        ("floor(v/mV)*1 mV", V),
        ("pi*v", V),
        ("dt", S),
        ("t/ms", NO_UNIT),
        ("v/(1 nA)", OHM),
        ("1 nS*v", A),
        ("-v + u", V),
        ("+v", V),
    ],
)
def test_what_an_expression_measures(said: str, unit: Exponents) -> None:
    known = {"v": V, "u": V, "tau": S, "p": NO_UNIT, "q": NO_UNIT, "r": NO_UNIT}
    assert unit_of(expression(said), known) == unit


def test_a_unit_that_is_not_known_is_not_guessed() -> None:
    assert unit_of(expression("v*u"), {"v": None, "u": V}) is None
    assert unit_of(expression("v + u"), {"v": None, "u": V}) is None


def test_units_that_do_not_agree_are_a_fault_at_their_place() -> None:
    node = expression("v + u")
    with pytest.raises(UnitFault, match="a value in A can't be added to a value in V") as fault:
        unit_of(node, {"v": V, "u": A})
    assert fault.value.at == (11, 9, 14)
