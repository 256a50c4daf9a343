"""Programs become texts that say exactly them; formatted texts mean what they meant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bioasm.binary.writer import program_hash, to_bytes
from bioasm.diagnostics import BioasmError, Span
from bioasm.isa.kinds import Kind
from bioasm.isa.names import name_fault
from bioasm.isa.program import (
    ConstantRef,
    Data,
    DataBlock,
    DataRef,
    Dense,
    Instruction,
    Name,
    Operand,
    Program,
    Quantity,
    Register,
    Section,
    Sparse,
    Target,
    Terms,
)
from bioasm.isa.table import BY_MNEMONIC, ROWS, Row
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.text.format import format_text
from bioasm.units import Dimension

PROGRAMS = sorted((Path(__file__).parents[2] / "programs").glob("*.basm"))


def assert_exact(program: Program) -> str:
    """The program's text, after it was seen to say the program bit for bit and to be laid out already."""
    text = disassemble(program)
    back = assemble(text)
    assert to_bytes(back) == to_bytes(program)
    assert program_hash(back) == program_hash(program)
    assert (back.constants, back.labels, back.metadata) == (program.constants, program.labels, program.metadata)
    assert list(back.constants) == list(program.constants)
    assert disassemble(back) == text
    assert format_text(text) == text
    return text


def instruction(mnemonic: str, *operands: Operand, span: Span | None = None) -> Instruction:
    return Instruction(BY_MNEMONIC[mnemonic], operands, span)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_examples(row: Row) -> None:
    program = assemble(row.example)
    assert_exact(program)
    assert to_bytes(assemble(format_text(row.example))) == to_bytes(program)


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_programs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    program = assemble(text, folder=path.parent)
    assert_exact(program)
    formatted = format_text(text)
    assert format_text(formatted) == formatted
    assert program_hash(assemble(formatted, folder=path.parent)) == program_hash(program)


def test_with_places() -> None:
    program = assemble("a: ALC 3\nRD energy\nLDH [1,\n2, 3]\n", source="x y.basm", debug=True)
    text = assert_exact(program)
    assert text.startswith('.loc "x y.basm" 1 4 9\na:  ALC 3\n.loc "x y.basm" 2 1 10\n    RD energy\n')
    assert [i.span for i in assemble(text).instructions] == [i.span for i in program.instructions]


def test_places_that_are_not_known() -> None:
    known = Span("f", 3, 1, 4)
    program = Program((instruction("RST", span=known), instruction("RST"), instruction("RST", span=known)), has_spans=True)
    assert [i.span for i in assemble(assert_exact(program)).instructions] == [known, None, known]
    assert assemble(disassemble(Program((), has_spans=True))).has_spans


DATA: dict[str, Data] = {
    **{f"vector {kind}": Dense(np.array([0, 1, 100], dtype=kind)) for kind in ("i1", "i2", "i4", "i8", "f4", "f8")},
    "bool": Dense(np.array([True, False])),
    "u1": Dense(np.array([0, 255], dtype="u1")),
    "u4": Dense(np.array([7], dtype="u4")),
    "f2": Dense(np.array([0.5, 1], dtype="f2")),
    "minus zero f4": Dense(np.array([-0.0, 0.0], dtype="f4")),
    "minus zero f8": Dense(np.array([-0.0, 0.0])),
    "tiny": Dense(np.array([1e-320, -5e-324])),
    "huge": Dense(np.array([1.7976931348623157e308])),
    "third f4": Dense(np.array([1 / 3], dtype="f4")),
    "third": Dense(np.array([1 / 3])),
    "large whole": Dense(np.array([2**53 + 1, -(2**63), 2**63 - 1])),
    "large whole floats": Dense(np.array([2.0**60, 1e300])),
    "whole floats": Dense(np.array([2.0**60, 3.0])),
    "no entries": Dense(np.zeros(0)),
    "no entries i1": Dense(np.zeros(0, dtype="i1")),
    "rows without entries": Dense(np.zeros((3, 0), dtype="i1")),
    "one by one": Dense(np.array([[3.5]])),
    "row": Dense(np.array([[1, 2, 3]])),
    "column": Dense(np.arange(30.0).reshape(30, 1)),
    "fortran order": Dense(np.asfortranarray(np.arange(12.0).reshape(3, 4))),
    "every second": Dense(np.arange(20.0)[::2]),
    "long": Dense(np.linspace(0, 1, 333)),
    "matrix": Dense(np.random.default_rng(1).normal(size=(20, 20))),
    "sparse": Sparse((3, 3), np.array([0, 1], "i4"), np.array([2, 0], "i4"), np.array([0.5, 2.0])),
    "sparse f4": Sparse((3, 3), np.array([0], "i4"), np.array([2], "i4"), np.array([0.1], "f4")),
    "symmetric": Sparse((3, 3), np.array([0, 1], "i4"), np.array([2, 1], "i4"), np.array([1, 2], "i1"), True),
    "rectangle": Sparse((2, 5), np.array([1], "i4"), np.array([4], "i4"), np.array([300], "i2")),
    "sparse with int64 indices": Sparse((9, 9), np.array([0, 1]), np.array([8, 8]), np.array([-1, 1], "i1")),
    "no sparse entries": Sparse((3, 3), np.zeros(0, "i4"), np.zeros(0, "i4"), np.zeros(0), True),
    "many sparse entries": Sparse((99, 99), np.arange(99, dtype="i4"), np.arange(99, dtype="i4"), np.linspace(-1, 1, 99)),
    "terms": Terms(4, np.array([0, 3, 5]), np.array([0, 1, 3, 2, 3], "i4"), np.array([-1, 0.25])),
    "no terms": Terms(4, np.array([0]), np.zeros(0, "i4"), np.zeros(0, "i1")),
    "many terms": Terms(99, np.arange(0, 198, 2), np.repeat(np.arange(99, dtype="i4"), 2)[1:-1], np.arange(98.0)),
}


@pytest.mark.parametrize("name", [None, "J"])
@pytest.mark.parametrize("value", DATA.values(), ids=DATA.keys())
def test_data(value: Data, name: str | None) -> None:
    block = DataBlock(value, name)
    assert_exact(Program((instruction("LDJ", DataRef(0)),), data=(block,)))
    assert_exact(Program((), data=(block,)))


USES = [[0, 1, 2], [2, 1, 0], [1, 1, 0], [0, 0, 0], [], [2], [1, 2], [0, 2, 1], [2, 2], [1, 0]]


@pytest.mark.parametrize("uses", USES, ids=str)
@pytest.mark.parametrize("names", [(None, None, None), ("a", None, "c"), (None, "b", None)], ids=str)
@pytest.mark.parametrize("size", [2, 200])
def test_numbers_of_data_are_kept(uses: list[int], names: tuple[str | None, ...], size: int) -> None:
    blocks = tuple(DataBlock(Dense(np.arange(size) + k), name) for k, name in enumerate(names))
    assert_exact(Program(tuple(instruction("LDH", DataRef(k)) for k in uses), data=blocks))


@pytest.mark.parametrize("labels", [{}, {"a": 1}, {"end": 2}, {"b": 1, "a": 1}, {"z": 2, "y": 2, "x": 0}], ids=str)
@pytest.mark.parametrize("targets", [(0,), (1, 0), (2, 1), (2, 2)], ids=str)
def test_labels_are_kept_and_none_is_added(labels: dict[str, int], targets: tuple[int, ...]) -> None:
    jumps = tuple(instruction("JMP", Target(index)) for index in targets)
    assert_exact(Program((*jumps, instruction("RST"))[:2], labels=labels))


def test_labels_and_data_without_names_do_not_meet() -> None:
    vector = Dense(np.arange(300))
    jump, load = instruction("JMP", Target(1)), instruction("LDH", DataRef(1))
    assert_exact(Program((jump, load), data=(DataBlock(vector), DataBlock(vector))))


def test_a_word_that_is_also_a_constant_stays_a_word() -> None:
    operands = [Name("rule"), ConstantRef("rule"), Name("fast"), Name("a b"), Name("r1"), Name("J"), Name("RUN")]
    block = DataBlock(Dense(np.array([1])), "J")
    sets = tuple(instruction("SET", Name("rule"), operand) for operand in operands)
    text = assert_exact(Program(sets, constants={"rule": Quantity(1)}, data=(block,)))
    assert 'SET rule, "rule"' in text
    assert "SET rule, fast" in text


@pytest.mark.parametrize("text", ['"', "\\", "\n\r\t\0\x7f\x85", "\u2028\u2029\ufeff", "🧠 é", "; [ {", "", "a" * 3000])
def test_texts_of_metadata(text: str) -> None:
    assert_exact(Program((), metadata={"title": text, "key": text, "a key": text} | ({text: "x"} if text else {})))


def test_sections() -> None:
    assert_exact(Program((instruction("RST"),), sections=(Section(0x80, 0, bytes(range(256))), Section(0x4321, 2, b""))))


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-320, 1e300, 1 / 3, 2.0**60, 1e22, 123456789.125, -5.0])
@pytest.mark.parametrize("dimension", Dimension, ids=str)
def test_numbers(value: float, dimension: Dimension) -> None:
    moved = instruction("MOV", Register(0), Quantity(value, dimension))
    assert_exact(Program((moved,), constants={"c": Quantity(value, dimension)}))


REFUSED = {
    "B015": Program((), constants={"a b": Quantity(1)}),
    "B008": Program((), constants={"a": Quantity(1)}, labels={"a": 0}),
    "B112": Program((instruction("JMP", Target(2)),)),
    "B208": Program((instruction("LDH", DataRef(0)),)),
    "B109": Program((instruction("SIG", Quantity(float("nan"))),)),
    "B003": Program((instruction("RST", Register(0)),)),
    "B106": Program((), data=(DataBlock(Dense(np.zeros((0, 3)))),)),
    "B010": Program((), data=(DataBlock(Dense(np.array([1j]))),)),
}


@pytest.mark.parametrize(("code", "program"), REFUSED.items(), ids=REFUSED.keys())
def test_programs_without_a_text(code: str, program: Program) -> None:
    with pytest.raises(BioasmError) as caught:
        disassemble(program)
    assert caught.value.diagnostics[0].code == code


def test_data_that_are_not_finite_have_no_text() -> None:
    with pytest.raises(BioasmError) as caught:
        disassemble(Program((), data=(DataBlock(Dense(np.array([np.inf]))),)))
    assert caught.value.diagnostics[0].code == "B109"


# --- generated programs -----------------------------------------------------------------------------

names = st.from_regex(r"[a-z_][a-z0-9_.]{2,8}", fullmatch=True).filter(lambda w: name_fault(w) is None)
finite = st.floats(allow_nan=False, allow_infinity=False)
kinds = st.sampled_from(["i1", "i2", "i4", "i8", "f4", "f8"])


@st.composite
def dense(draw: st.DrawFn) -> Dense:
    shape = draw(st.one_of(st.tuples(st.integers(0, 9)), st.tuples(st.integers(1, 5), st.integers(0, 5))))
    kind = draw(kinds)
    size = int(np.prod(shape))
    whole = st.integers(np.iinfo(kind).min, np.iinfo(kind).max) if kind[0] == "i" else None
    entries = st.floats(allow_nan=False, allow_infinity=False, width=8 * int(kind[1])) if whole is None else whole
    values = draw(st.lists(entries, min_size=size, max_size=size))
    return Dense(np.array(values, dtype=kind).reshape(shape))


@st.composite
def sparse(draw: st.DrawFn) -> Sparse:
    rows, columns = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    symmetric = draw(st.booleans())
    columns = rows if symmetric else columns
    place = st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1))
    places = sorted(draw(st.sets(place.map(lambda p: (min(p), max(p)) if symmetric else p))))
    values = np.array(draw(st.lists(finite, min_size=len(places), max_size=len(places))))
    row, column = (np.array([p[k] for p in places], dtype="i4") for k in (0, 1))
    return Sparse((rows, columns), row, column, values, symmetric)


@st.composite
def terms(draw: st.DrawFn) -> Terms:
    sets = draw(st.lists(st.sets(st.integers(0, 7), min_size=1).map(sorted), max_size=5))
    values = np.array(draw(st.lists(finite, min_size=len(sets), max_size=len(sets))))
    start = np.cumsum([0, *map(len, sets)])
    return Terms(8, start, np.array([i for one in sets for i in one], dtype="i4"), values)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    count = draw(st.integers(0, 8))
    words = draw(st.lists(names, unique=True, max_size=8))
    constants = {w: Quantity(draw(st.integers(1, 9)) * 1.0) for w in words[:2]}
    blocks = draw(st.lists(st.one_of(dense(), sparse(), terms()), max_size=4))
    data = tuple(DataBlock(value, draw(st.sampled_from([None, w]))) for value, w in zip(blocks, words[2:], strict=False))
    labels = {w: draw(st.integers(0, count)) for w in words[6:]}
    rows = draw(st.lists(st.sampled_from(ROWS), min_size=count, max_size=count))
    scene = (tuple(constants), len(data), count)
    instructions = [Instruction(row, tuple(draw(operands(slot.kind, scene)) for slot in row.slots)) for row in rows]
    usable = [i for i in instructions if None not in i.operands]
    padding = [instruction("RST")] * (count - len(usable))
    metadata = draw(st.dictionaries(st.text(min_size=1, max_size=9), st.text(max_size=20), max_size=3))
    return Program((*usable, *padding), constants, data, labels, metadata)


def operands(kind: Kind, scene: tuple[tuple[str, ...], int, int]) -> st.SearchStrategy[Operand | None]:
    constants, blocks, count = scene
    choices: list[st.SearchStrategy[Operand | None]] = []
    if "register" in kind.forms:
        choices.append(st.integers(0, 31).map(Register))
    if "number" in kind.forms:
        high = min(kind.high, 1e300)
        values = st.integers(int(max(kind.low, -(2**60))), int(min(high, 2**60))).map(float)
        if not kind.whole:
            values |= st.floats(max(kind.low, -1e300), high, allow_nan=False)
        choices.append(st.builds(Quantity, values, st.sampled_from(kind.dimensions)))
        choices += [st.sampled_from(constants).map(ConstantRef)] if constants and kind.low <= 1 and kind.high >= 9 else []
    if "data" in kind.forms and blocks:
        choices.append(st.integers(0, blocks - 1).map(DataRef))
    if "label" in kind.forms:
        choices.append(st.integers(0, count).map(Target))
    if "name" in kind.forms:
        choices.append(st.one_of(names, st.text(min_size=1, max_size=20)).map(Name))
    return st.one_of(choices) if choices else st.none()


@settings(max_examples=100, deadline=None)
@given(programs())
def test_generated_programs(program: Program) -> None:
    assert_exact(program)


def test_parts_of_populations_and_rules_in_words_are_kept() -> None:
    text = 'POP c, lif, 9\nSYN s, c[:5], c[ 2 : 4 ]\nSYN t, c[3], c\nCON s, "all without autapses"\nCON t, all\nRUN 1 ms\n'
    program = assemble(text)
    written = disassemble(program)
    assert "SYN s, c[:5], c[ 2 : 4 ]" in written
    assert to_bytes(assemble(written)) == to_bytes(program)
