"""Units of programs: what they measure, and that what is printed reads back as the same number."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.api.run import run
from bioasm.binary import layout
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Quantity
from bioasm.models.dimensions import quantity
from bioasm.settings import parse_quantity
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.text.format import format_text
from bioasm.units import BASE_SYMBOLS, MEASURES, UNITS, Dimension, dimension_of, find_unit, spell, to_si
from tests.binary.support import code_of, put_together, replaced, take_apart

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


# --- compound units ---------------------------------------------------------------------------------

SYMBOLS = st.sampled_from(sorted(symbol for symbol in MEASURES if len(symbol) > 1))
RAISED = st.tuples(SYMBOLS, st.sampled_from(["", "", "^2", "^-1", "**3"])).map("".join)


@st.composite
def compounds(draw: st.DrawFn) -> str:
    """A unit that a text of a model may declare: one to four symbols, times and over each other, perhaps raised."""
    first = draw(st.one_of(RAISED, st.just("1")))
    rest = draw(st.lists(st.tuples(st.sampled_from(["*", "/", " / ", "*"]), RAISED).map("".join), max_size=3))
    return "".join([first, *(rest or ["/ms"])])


@given(st.floats(min_value=-1e9, max_value=1e9), compounds())
def test_what_a_model_may_declare_a_program_may_write(number: float, unit: str) -> None:
    value, measured = quantity(repr(abs(number)), unit)
    wanted = Quantity(value, dimension_of(measured))
    program = assemble(f".const a = {abs(number)!r} {unit}\nMOV r0, {abs(number)!r} {unit}\n")
    assert program.constants == {"a": wanted}
    assert program.instructions[0].operands[1] == wanted
    assert parse_quantity("a", f"{abs(number)!r} {unit}") == wanted


@given(st.floats(min_value=-1e9, max_value=1e9), compounds())
def test_compound_units_go_through_text_layout_and_bytecode(number: float, unit: str) -> None:
    text = f".const a = {number!r} {unit}\nMOV r0, {number!r} {unit}\nOUT r0\n"
    program = assemble(text)
    code = to_bytes(program)
    for again in (assemble(disassemble(program)), from_bytes(code), assemble(format_text(text))):
        assert again.constants == program.constants
        assert to_bytes(again) == code
    assert format_text(format_text(text)) == format_text(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [("8 mV/ms", "8 mV/ms"), ("0.1/ms", "100 Hz"), ("3/mV", "3/mV"), ("2 nA*ms/mV", "2 nF"), ("4 mV*ms", "4 ms*mV")],
)
def test_compound_units_are_printed_as_one_writes_them(text: str, said: str) -> None:
    assert f".const a = {said}\n" in disassemble(assemble(f".const a = {text}\nOUT 1\n"))


@pytest.mark.parametrize("unit", ["mV/", "mV//ms", "mV*", "mV/x", "mV^", "ms^0.5", "mV/2", "/", "mV^(1/0)"])
def test_what_is_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(BioasmError) as caught:
        assemble(f".const a = 1 {unit}\nOUT 1\n")
    assert {d.code for d in caught.value.diagnostics} <= {"B001", "B005"}


SLOPES = """
.model slope {
 parameters:
  d = 1 mV/ms
  w = 2/ms/mV
 inputs:
  I : V/s
 state:
  v = 0 mV
 receive:
  weight : mV/ms
  v += weight * (1 ms)
 step:
  dv/dt = d + I using euler
}
MODEL slope
ALC 1
"""


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_parameters_inputs_and_weights_take_compound_units(driver: str) -> None:
    lines = "SET d, 8 mV/ms\nSET w, 3/ms/mV\nINP I, -2 V/s\nEVT slope, [[0, 0]], 5 mV/ms\nRUN 1 ms\nRD v\n"
    (outcome,) = run(SLOPES + lines, driver=driver).results
    assert outcome.value == pytest.approx([(8 - 2 + 5) * 1e-3])


@pytest.mark.parametrize("line", ["SET d, 8 mV", "SET d, 8 V/A", "INP I, 3 mV", "EVT slope, [[0, 0]], 5 mV"])
def test_other_units_are_refused_by_name(line: str) -> None:
    with pytest.raises(BioasmError) as caught:
        run(SLOPES + f"{line}\nRUN 1 ms\n")
    assert [d.code for d in caught.value.diagnostics] == ["B006"]
    assert "value in V/s" in caught.value.diagnostics[0].message


@pytest.mark.parametrize("wrong", [b"V/x", b"A*V", b"1/s", b"mV "])
def test_a_unit_in_bytecode_is_spelled_as_it_is_written(wrong: bytes) -> None:
    code = to_bytes(assemble("MOV r0, 8 mV/ms\nOUT r0\n"))
    assert b"V/s" in code
    assert code_of(put_together([replace(p, content=p.content.replace(b"V/s", wrong)) for p in take_apart(code)])) == "B209"


def test_a_unit_in_bytecode_is_one_of_its_names() -> None:
    code = to_bytes(assemble("MOV r0, 8 mV/ms\nOUT r0\n"))
    assert code_of(replaced(code, layout.CONSTANTS, 9, b"\x01")) == "B209"
