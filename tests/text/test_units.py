"""Units of programs: what they measure, and that what is printed reads back as the same number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.units import BASE_SYMBOLS, UNITS, Dimension, find_unit, spell, to_si

D = Dimension
MEASURED = [dimension for dimension in Dimension if dimension not in (D.NONE, D.SWEEPS)]


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("120 mS/cm2", 1200.0, D.CONDUCTANCE_DENSITY),
        ("10 uA/cm2", 0.1, D.CURRENT_DENSITY),
        ("10uA/cm2", 0.1, D.CURRENT_DENSITY),
        ("3 A/m2", 3.0, D.CURRENT_DENSITY),
        ("1 uF/cm2", 0.01, D.CAPACITANCE_DENSITY),
        ("2 pF/um2", 2.0, D.CAPACITANCE_DENSITY),
        ("5 mM", 5.0, D.CONCENTRATION),
        ("5 uM", 5e-3, D.CONCENTRATION),
        ("5 M", 5000.0, D.CONCENTRATION),
        ("5 mol/m3", 5.0, D.CONCENTRATION),
        ("6 um", 6e-6, D.LENGTH),
        ("6 cm", 6e-2, D.LENGTH),
        ("113.1 um2", 113.1e-12, D.AREA),
        ("2 cm2", 2e-4, D.AREA),
        ("2 mm2", 2e-6, D.AREA),
        ("279.45 K", 279.45, D.TEMPERATURE),
        ("10 mV", 0.01, D.VOLTAGE),
        ("50 %", 0.5, D.NONE),
    ],
)
def test_a_number_with_its_unit(text: str, value: float, dimension: Dimension) -> None:
    (quantity,) = assemble(f".const a = {text}\n").constants.values()
    assert (quantity.value, quantity.dimension) == (value, dimension)


@pytest.mark.parametrize(
    ("value", "dimension", "said"),
    [
        (1200.0, D.CONDUCTANCE_DENSITY, "120 mS/cm2"),
        (0.1, D.CURRENT_DENSITY, "10 uA/cm2"),
        (0.01, D.CAPACITANCE_DENSITY, "1 uF/cm2"),
        (2.0, D.CONCENTRATION, "2 mM"),
        (113.1e-12, D.AREA, "113.1 um2"),
        (6e-6, D.LENGTH, "6 um"),
        (279.45, D.TEMPERATURE, "279.45 K"),
        (50e6, D.RESISTANCE, "50 Mohm"),
    ],
)
def test_numbers_are_printed_as_they_are_usual(value: float, dimension: Dimension, said: str) -> None:
    assert " ".join(spell(value, dimension)) == said


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(MEASURED))
def test_what_is_printed_reads_back_as_the_same_number(value: float, dimension: Dimension) -> None:
    number, symbol = spell(value, dimension)
    unit = find_unit(symbol)
    assert unit is not None
    assert (to_si(number, unit), unit.dimension) == (value, dimension)


@given(st.floats(min_value=-1e12, max_value=1e12), st.sampled_from(sorted(UNITS)))
def test_programs_keep_numbers_with_every_unit(number: float, symbol: str) -> None:
    program = assemble(f".const a = {number!r} {symbol}\n")
    assert assemble(disassemble(program)).constants == program.constants


@pytest.mark.parametrize("dimension", MEASURED)
def test_every_dimension_has_its_symbol(dimension: Dimension) -> None:
    assert UNITS[BASE_SYMBOLS[dimension]] == (dimension, 0)
