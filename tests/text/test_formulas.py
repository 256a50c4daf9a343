"""Constants that follow from others: what a formula may say, `--set`, both forms of a program, and lanes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bioasm.binary import layout
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.isa.formulas import followers
from bioasm.isa.program import Program, Quantity
from bioasm.settings import program_with_lanes, with_constants
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.text.format import format_text
from bioasm.units import Dimension
from tests.binary.support import Piece, code_of, put_together, take_apart
from tests.binary.test_models import listed

TEXT = """.const g = 5
.const J = 0.5 mV
.const Jin = "-g*J"
.const background = "2*(20 mV)/(J*(20 ms))"
.const n = "floor(10*g + 1/2)"
.const twice = "2*Jin"

POP cells, lif, n
RATE cells, background, J
SET cells.V_reset, Jin
"""


def program(text: str = TEXT) -> Program:
    return assemble(text, source="t.basm")


def values(made: Program) -> dict[str, float]:
    return {name: quantity.value for name, quantity in made.constants.items()}


def test_a_formula_has_a_value_and_a_unit() -> None:
    made = program()
    assert made.constants["Jin"] == Quantity(-2.5e-3, Dimension.VOLTAGE)
    assert made.constants["background"].dimension is Dimension.FREQUENCY
    assert made.constants["background"].value == pytest.approx(4000, rel=1e-15)
    assert made.constants["n"] == Quantity(50.0)


def test_set_reaches_what_follows() -> None:
    made = with_constants(program(), {"g": "4", "J": "1 mV"})
    assert values(made) == pytest.approx({"g": 4, "J": 1e-3, "Jin": -4e-3, "background": 2000, "n": 40, "twice": -8e-3})


def test_a_constant_that_is_set_follows_no_more() -> None:
    made = with_constants(with_constants(program(), {"Jin": "1 mV"}), {"g": "4"})
    assert (made.constants["Jin"].value, made.constants["twice"].value, made.constants["n"].value) == (1e-3, 2e-3, 40)
    assert "Jin" not in made.formulas


def test_bytecode_and_its_text_keep_formulas() -> None:
    content = to_bytes(program())
    again = from_bytes(content)
    assert again.formulas == program().formulas
    assert values(with_constants(again, {"g": "4"}))["twice"] == -4e-3
    assert to_bytes(assemble(disassemble(again))) == content
    assert '.const Jin = "-g*J"' in disassemble(again)
    assert format_text(TEXT).splitlines() == TEXT.splitlines()


def test_a_formula_that_does_not_give_its_value_is_written_as_the_number() -> None:
    made = replace(program(), constants={**program().constants, "n": Quantity(7.0)})
    assert ".const n = 7\n" in disassemble(from_bytes(to_bytes(made)))


def test_programs_without_formulas_have_no_such_section() -> None:
    assert layout.FORMULAS not in [piece.kind for piece in take_apart(to_bytes(program("POP cells, lif, 1\n")))]


def with_section(*words: str) -> bytes:
    """The program's bytecode with these words as its formulas."""
    pieces = [p for p in take_apart(to_bytes(program())) if p.kind != layout.FORMULAS]
    return put_together([*pieces, Piece(layout.FORMULAS, 1, listed(*words))])


@pytest.mark.parametrize("words", [("none", "1"), ("n", "1", "Jin", "2"), ("n",), ("n", "1", "n", "2"), ("n", "1" * 5000)])
def test_other_words_in_the_section_are_refused(words: tuple[str, ...]) -> None:
    assert code_of(with_section("Jin", "g")) is None
    assert code_of(with_section(*words)) in ("B209", "B111")


@pytest.mark.parametrize(
    ("formula", "code", "said"),
    [
        ("g +", "B020", "formula"),
        ("", "B020", "formula"),
        ("g + J", "B022", "can't be added to a pure number"),
        ("exp(J)", "B022", "exp"),
        ("late*2", "B021", "`late` is not known in this formula"),
        ("t*2", "B021", "`t`"),
        ("g > 2", "B022", "condition"),
        ("where(g > 2, J, J/0)", "B109", "no finite value"),
        ("log(-g)", "B109", "no finite value"),
        ("held(g)", "B027", "`held`"),
        ("g + sin(", "B020", "formula"),
        ("+".join(["g"] * 3000), "B111", "4096 bytes"),
    ],
)
def test_what_is_wrong_is_told_at_the_formula(formula: str, code: str, said: str) -> None:
    with pytest.raises(BioasmError) as caught:
        program(f'.const g = 5\n.const J = 1 mV\n.const x = "{formula}"\n.const late = 1\n')
    (found,) = caught.value.diagnostics
    assert found.code == code and said in f"{found.message} {found.hint}"
    assert found.span is not None and (found.span.line, found.span.column) == (3, 12)


def test_where_is_worked_out_for_both_sides_and_set_may_leave_no_value() -> None:
    made = program('.const a = 4\n.const x = "log(a)"\n')
    with pytest.raises(BioasmError, match="the constant x: `log.a.` has no finite value"):
        with_constants(made, {"a": "-1"})


def test_lanes_have_no_values_of_what_others_follow_from() -> None:
    assert followers(program(), "g") == ["Jin", "n", "twice"]
    with pytest.raises(BioasmError, match="Jin follows from g"):
        program_with_lanes(program(), {}, {"g": ("4", "5")})
    assert program_with_lanes(program(), {}, {"background": ("4 Hz", "5 Hz")}).longest == 2


def test_set_leaves_alone_what_does_not_follow() -> None:
    assembled_elsewhere = from_bytes(to_bytes(replace(program(), constants={**program().constants, "n": Quantity(49.0)})))
    assert values(with_constants(assembled_elsewhere, {}))["n"] == 49
    assert values(with_constants(assembled_elsewhere, {"J": "1 mV"}))["n"] == 49
    assert values(with_constants(assembled_elsewhere, {"g": "4"}))["n"] == 40


def test_a_formula_of_bytecode_that_can_not_be_read_is_told_when_constants_are_set() -> None:
    with pytest.raises(BioasmError, match="the constant n"):
        with_constants(from_bytes(with_section("n", "g +")), {"J": "1 mV"})
