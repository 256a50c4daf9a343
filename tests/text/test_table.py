"""Every row of the instruction table in text: its example, and what is refused in the place of each operand."""

from __future__ import annotations

from math import inf

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.isa.kinds import Kind
from bioasm.isa.program import Name, Quantity, Register
from bioasm.isa.table import ROWS, Row
from bioasm.text.assemble import assemble
from bioasm.units import Dimension

PROLOGUE = ".const one = 1\n.data D = [1]\nend:\n"
GOOD = {"register": "r0", "number": "one", "data": "D", "label": "end", "name": "word"}
UNITS = {
    Dimension.TIME: "ms",
    Dimension.VOLTAGE: "mV",
    Dimension.CURRENT: "nA",
    Dimension.SWEEPS: "sweeps",
    Dimension.FREQUENCY: "Hz",
}

SLOTS = [(row, number) for row in ROWS for number in range(len(row.slots))]
SLOT_IDS = [f"{row.mnemonic}-{row.slots[number].name}" for row, number in SLOTS]


def good(kind: Kind) -> str:
    return "1" if kind.forms[0] == "number" else GOOD[kind.forms[0]]


def line(row: Row, number: int, spelled: str) -> str:
    """The instruction with `spelled` as operand `number` and something that fits in the other places."""
    operands = [good(slot.kind) for slot in row.slots]
    operands[number] = spelled
    return f"{row.mnemonic} {', '.join(operands)}"


def refused(text: str) -> tuple[str, int, int]:
    with pytest.raises(BioasmError) as caught:
        assemble(PROLOGUE + text)
    first = caught.value.diagnostics[0]
    assert first.span is not None
    assert first.excerpt == text
    return first.code, first.span.line, first.span.column


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_example_assembles_to_the_row(row: Row) -> None:
    program = assemble(row.example)
    assert any(instruction.row is row for instruction in program.instructions)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_mnemonic_in_any_case(row: Row) -> None:
    text = f"{row.mnemonic.lower()} {', '.join(good(slot.kind) for slot in row.slots)}"
    assert assemble(PROLOGUE + text).instructions[0].row is row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_too_many_operands(row: Row) -> None:
    operands = [good(slot.kind) for slot in row.slots] + ["7"]
    text = f"{row.mnemonic} {', '.join(operands)}"
    assert refused(text) == ("B003", 4, len(text))


@pytest.mark.parametrize("row", [row for row in ROWS if row.required], ids=lambda row: row.mnemonic)
def test_too_few_operands(row: Row) -> None:
    operands = [good(slot.kind) for slot in row.slots][: row.required - 1]
    assert refused(f"{row.mnemonic} {', '.join(operands)}".strip()) == ("B003", 4, 1)


@pytest.mark.parametrize(("row", "number"), SLOTS, ids=SLOT_IDS)
def test_each_form_that_fits_is_taken_and_each_other_refused(row: Row, number: int) -> None:
    forms = row.slots[number].kind.forms
    column = line(row, number, "?").index("?") + 1
    for form, spelled in GOOD.items():
        text = line(row, number, spelled)
        if form in forms:
            assert len(assemble(PROLOGUE + text).instructions) == 1
        elif "name" not in forms or form == "register":
            code = "B007" if form == "name" and forms != ("register",) else "B004"
            assert refused(text) == (code, 4, column)


@pytest.mark.parametrize(("row", "number"), SLOTS, ids=SLOT_IDS)
def test_number_is_held_to_its_unit(row: Row, number: int) -> None:
    kind = row.slots[number].kind
    column = line(row, number, "?").index("?") + 1
    for dimension, unit in UNITS.items():
        text = line(row, number, f"1 {unit}")
        if "number" not in kind.forms:
            assert refused(text) == ("B004", 4, column)
        elif dimension not in kind.dimensions:
            assert refused(text) == ("B006", 4, column)
        elif not kind.whole:
            operand = assemble(PROLOGUE + text).instructions[0].operands[number]
            assert isinstance(operand, Quantity)
            assert operand.dimension is dimension


@pytest.mark.parametrize(("row", "number"), SLOTS, ids=SLOT_IDS)
def test_number_is_held_to_its_range(row: Row, number: int) -> None:
    kind = row.slots[number].kind
    column = line(row, number, "?").index("?") + 1
    outside = [kind.low - 1] if kind.low > -inf else []
    outside += [kind.high + 1] if kind.high < inf else []
    outside += [1.5] if kind.whole else []
    for value in outside:
        assert refused(line(row, number, f"{value!r}")) == ("B014", 4, column)
    for value in (kind.low, kind.high):
        if abs(value) < inf:
            operand = assemble(PROLOGUE + line(row, number, f"{value!r}")).instructions[0].operands[number]
            assert operand == Quantity(value)


@pytest.mark.parametrize(("row", "number"), SLOTS, ids=SLOT_IDS)
def test_constant_is_held_to_the_range_of_its_place(row: Row, number: int) -> None:
    kind = row.slots[number].kind
    if "number" in kind.forms and kind.low > -inf:
        text = line(row, number, "low")
        with pytest.raises(BioasmError) as caught:
            assemble(f".const low = {kind.low - 1}\nend:\n.data D = [1]\n{text}")
        assert [d.code for d in caught.value.diagnostics if d.span and d.excerpt == text][0] == "B014"
    elif "name" in kind.forms and "number" not in kind.forms:
        operand = assemble(PROLOGUE + line(row, number, "one")).instructions[0].operands[number]
        assert operand == Name("one")


@pytest.mark.parametrize("index", [0, 9, 10, 31])
def test_registers(index: int) -> None:
    assert assemble(f"mov R{index}, 1").instructions[0].operands[0] == Register(index)


@pytest.mark.parametrize("word", ["r32", "r01", "r", "r100"])
def test_words_that_are_no_registers(word: str) -> None:
    assert refused(f"MOV {word}, 1")[0] == "B004"
