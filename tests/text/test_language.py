"""What texts mean: statements, numbers and units, names, labels, directives, includes, places, pykoppu's texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioasm.diagnostics import BioasmError, Span
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Dense, Name, Program, Quantity, Register, Section, Target
from bioasm.text.assemble import assemble
from bioasm.units import Dimension


def operands(text: str) -> tuple[object, ...]:
    return assemble(text).instructions[-1].operands


def mnemonics(program: Program) -> list[str]:
    return [instruction.mnemonic for instruction in program.instructions]


# --- numbers ----------------------------------------------------------------------------------------

NUMBERS = [
    ("MOV r0, 5", 5.0, Dimension.NONE),
    ("MOV r0, -5", -5.0, Dimension.NONE),
    ("MOV r0, +5", 5.0, Dimension.NONE),
    ("MOV r0, 5.", 5.0, Dimension.NONE),
    ("MOV r0, .5", 0.5, Dimension.NONE),
    ("MOV r0, 2e-3", 2e-3, Dimension.NONE),
    ("MOV r0, 1_000.5", 1000.5, Dimension.NONE),
    ("MOV r0, 5 %", 0.05, Dimension.NONE),
    ("RUN 0.1ms", 1e-4, Dimension.TIME),
    ("RUN 0.1 ms", 1e-4, Dimension.TIME),
    ("RUN 0.1\tMs", 1e5, Dimension.TIME),
    ("RUN 50 sweeps", 50.0, Dimension.SWEEPS),
    ("RUN 1 SWEEP", 1.0, Dimension.SWEEPS),
    ("RUN 2 s", 2.0, Dimension.TIME),
    ("SIG 10 mV", 0.01, Dimension.VOLTAGE),
    ("SIG 3 uV", 3e-6, Dimension.VOLTAGE),
    ("SIG 3 µV", 3e-6, Dimension.VOLTAGE),
    ("SIG 3 μV", 3e-6, Dimension.VOLTAGE),
    ("CUR 300 pA", 3e-10, Dimension.CURRENT),
    ("CUR 0.1 nA", 1e-10, Dimension.CURRENT),
    ("SET R, 50 Mohm", 5e7, Dimension.RESISTANCE),
    ("SET R, 50 MΩ", 5e7, Dimension.RESISTANCE),
    ("POI 20 Hz, 1 mV", 1e-3, Dimension.VOLTAGE),
    ("MOV r0, -0.0", -0.0, Dimension.NONE),
    ("MOV r0, 1e-320", 1e-320, Dimension.NONE),
]


@pytest.mark.parametrize(("text", "value", "dimension"), NUMBERS, ids=[row[0] for row in NUMBERS])
def test_numbers_and_units(text: str, value: float, dimension: Dimension) -> None:
    operand = operands(text)[-1]
    assert isinstance(operand, Quantity)
    assert (operand.value.hex(), operand.dimension) == (value.hex(), dimension)


def test_a_number_with_its_unit_is_rounded_once() -> None:
    above_half = "1000.00000000000011102230246251565404236316680908203125" + "0" * 40 + "1"
    operand = operands(f"SIG {above_half} mV")[0]
    assert operand == Quantity(1.0000000000000002, Dimension.VOLTAGE)


# --- lines ------------------------------------------------------------------------------------------

SAME = [
    "ALC 4\nRD",
    "ALC 4\nRD\n",
    "  alc   4  ; four\n\n\n; nothing\n\tRd\t",
    "ALC 4\r\nRD\r\n",
    "ALC 4\rRD\r",
    "\ufeffALC 4\nRD",
    "ALC 4;\nRD;",
    '; "not closed\nALC 4 ; [ { "\nRD',
]


@pytest.mark.parametrize("text", SAME, ids=range(len(SAME)))
def test_blanks_comments_and_line_ends_mean_nothing(text: str) -> None:
    program = assemble(text)
    assert mnemonics(program) == ["ALC", "RD"]
    assert program.instructions[0].operands == (Quantity(4),)


@pytest.mark.parametrize("text", ["", "\n", "; only a comment", "\ufeff", " \t\n\r\n"])
def test_texts_that_say_nothing(text: str) -> None:
    assert assemble(text).instructions == ()


def test_places_of_instructions() -> None:
    program = assemble("; one\na: b:  ALC 4 ; x\n\n  LDJ [[1,\n2]]\n\tRD\n", source="p.basm")
    assert [i.span for i in program.instructions] == [
        Span("p.basm", 2, 8, 13), Span("p.basm", 4, 3, 11), Span("p.basm", 6, 2, 4),
    ]  # fmt: skip
    assert not program.has_spans
    assert assemble("RD", debug=True).has_spans


# --- names ------------------------------------------------------------------------------------------


def test_labels() -> None:
    program = assemble("a: b:\nRST\nc: JMP a\nJMP end\nend:")
    assert program.labels == {"a": 0, "b": 0, "c": 1, "end": 3}
    assert [i.operands for i in program.instructions] == [(), (Target(0),), (Target(3),)]


def test_label_may_be_called_like_an_instruction_in_lower_case() -> None:
    program = assemble("MOV r0, 2\nloop: LOOP r0, loop")
    assert program.labels == {"loop": 1}


def test_names_are_case_sensitive() -> None:
    program = assemble(".const T = 1\n.const t = 2\nSIG T\nSIG t")
    assert [i.operands for i in program.instructions] == [(ConstantRef("T"),), (ConstantRef("t"),)]
    assert list(program.constants) == ["T", "t"]


@pytest.mark.parametrize("name", ["x", "_", "x1", "größe", "τ", "a.b.c", "变量", "x" * 255, "file_1", "mV", "r32", "e"])
def test_names(name: str) -> None:
    assert operands(f".const {name} = 1\nSIG {name}") == (ConstantRef(name),)


def test_names_may_be_used_before_they_are_defined() -> None:
    program = assemble("SIG T\nLDH h\n.const T = 2\n.data h = [1]")
    assert [i.operands for i in program.instructions] == [(ConstantRef("T"),), (DataRef(0),)]


def test_a_word_is_a_constant_then_a_datum_then_a_name() -> None:
    text = '.const c = 1\n.data d = [1]\nSET a, c\nSET a, d\nSET a, e\nSET c, r1\nSET a, "c"'
    found = [i.operands for i in assemble(text).instructions]
    assert found == [
        (Name("a"), ConstantRef("c")),
        (Name("a"), DataRef(0)),
        (Name("a"), Name("e")),
        (Name("c"), Register(1)),
        (Name("a"), Name("c")),
    ]


def test_outputs_may_be_texts() -> None:
    assert operands('OUT r0, "the cut; [1]"') == (Register(0), Name("the cut; [1]"))


def test_names_with_an_at_sign_are_not_kept() -> None:
    program = assemble(".data @1 = [1, 2]\n@2: LDH @1\nLDH @1\nJMP @2")
    assert program.labels == {}
    assert [block.name for block in program.data] == [None]
    assert [i.operands for i in program.instructions] == [(DataRef(0),), (DataRef(0),), (Target(0),)]


def test_data_are_numbered_in_the_order_of_the_text() -> None:
    program = assemble("LDH [1]\n.data a = [2]\nLDH [3]\nLDH a\n.data b = [4]")
    values = [block.value for block in program.data]
    assert [v.array[0] for v in values if isinstance(v, Dense)] == [1, 2, 3, 4]
    assert [block.name for block in program.data] == [None, "a", None, "b"]


# --- directives -------------------------------------------------------------------------------------


def test_metadata_keep_their_order_and_their_letters() -> None:
    text = '.meta "a key" "x"\n.TITLE "π; \\"quoted\\" \\\\ \\n\\u00e9"\n.author "n"\n.source "s"\n.meta k.1 ""'
    assert list(assemble(text).metadata.items()) == [
        ("a key", "x"), ("title", 'π; "quoted" \\ \né'), ("author", "n"), ("source", "s"), ("k.1", ""),
    ]  # fmt: skip


def test_constants_keep_their_dimension() -> None:
    program = assemble(".const T = 3.0\n.const d = 5 ms")
    assert dict(program.constants) == {"T": Quantity(3.0), "d": Quantity(0.005, Dimension.TIME)}


def test_sections_are_carried_along() -> None:
    program = assemble('.section 0x80 0 "aGVsbG8="\n.section 129 2 ""')
    assert program.sections == (Section(0x80, 0, b"hello"), Section(129, 2, b""))


def test_given_places() -> None:
    program = assemble('.loc "a.basm" 7 3 9\nRST\nRST\n.loc\nRST\n.loc "b" 1 2\nRST', source="own")
    assert program.has_spans
    assert [i.span for i in program.instructions] == [
        Span("a.basm", 7, 3, 9), Span("own", 3, 1, 4), None, Span("b", 1, 2),
    ]  # fmt: skip


# --- includes ---------------------------------------------------------------------------------------


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def included(folder: Path, files: dict[str, str]) -> Program:
    main = write(folder, files) / "main.basm"
    return assemble(main.read_text(), source=str(main), folder=folder)


def test_include_stands_for_its_lines(tmp_path: Path) -> None:
    program = included(
        tmp_path,
        {
            "main.basm": 'ALC 3\n.include "lib/a.basm"\nJMP go\nSIG T',
            "lib/a.basm": '.title "not this one"\n.include "b.basm"\ngo: RST',
            "lib/b.basm": ".const T = 2\nRUN 1 ms\n",
        },
    )
    assert mnemonics(program) == ["ALC", "RUN", "RST", "JMP", "SIG"]
    assert program.labels == {"go": 2}
    assert program.metadata == {}
    assert program.instructions[1].span == Span(str(tmp_path / "lib" / "b.basm"), 2, 1, 9)


def include_fault(folder: Path, files: dict[str, str]) -> tuple[str, str, int]:
    with pytest.raises(BioasmError) as caught:
        included(folder, files)
    found = caught.value.diagnostics[0]
    assert found.span is not None
    return found.code, Path(found.span.source).name, found.span.line


def test_includes_in_a_circle(tmp_path: Path) -> None:
    itself = {"main.basm": 'RST\n.include "main.basm"'}
    assert include_fault(tmp_path, itself) == ("B012", "main.basm", 2)
    pair = {"main.basm": '.include "a.basm"', "a.basm": '\n\n.include "main.basm"'}
    assert include_fault(tmp_path, pair) == ("B012", "a.basm", 3)


def test_includes_nested_too_deep(tmp_path: Path) -> None:
    depth = limit("includes") + 1
    files = {f"{k}.basm": f'.include "{k + 1}.basm"' for k in range(depth + 1)}
    assert include_fault(tmp_path, {"main.basm": '.include "0.basm"', **files})[0] == "B111"


def test_includes_that_double_at_each_level(tmp_path: Path) -> None:
    files = {f"{k}.basm": f'.include "{k + 1}.basm"\n' * 2 for k in range(40)}
    found = include_fault(tmp_path, {"main.basm": '.include "0.basm"', **files, "40.basm": "; no more"})
    assert found[0] == "B111"


def test_errors_of_an_included_file_are_placed_in_it(tmp_path: Path) -> None:
    found = include_fault(tmp_path, {"main.basm": '.include "a.basm"', "a.basm": "RST\nFOO"})
    assert found == ("B002", "a.basm", 2)


def test_same_name_in_two_files(tmp_path: Path) -> None:
    found = include_fault(tmp_path, {"main.basm": 'x: RST\n.include "a.basm"', "a.basm": "x: RST"})
    assert found == ("B008", "a.basm", 1)


def test_include_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.basm").write_bytes(b"\xff\xfe")
    assert include_fault(tmp_path, {"main.basm": '.include "a.basm"'}) == ("B013", "main.basm", 1)


@pytest.mark.parametrize("name", ["/dev/zero", ".", "a\\u0000b", "x" * 5000, ""])
def test_include_of_what_is_no_file(tmp_path: Path, name: str) -> None:
    assert include_fault(tmp_path, {"main.basm": f'.include "{name}"'})[0] == "B301"


# --- pykoppu ----------------------------------------------------------------------------------------


def test_text_printed_by_pykoppu() -> None:
    program = assemble(
        "ALC 4\n"
        "LDJ [[0.0, -1.0, -1.0, 0.0], [-1.0, 0.0, 0.0, -1.0], [-1.0, 0.0, 0.0, -1.0], [0.0, -1.0, -1.0, 0.0]]\n"
        "LDH [0.0, -0.0, 0.5, 0.25]\nSIG 0.01\nRUN 0.3333333333333333\nSIG 0.0\nRUN 0.3333333333333333\nRD "
    )
    assert mnemonics(program) == ["ALC", "LDJ", "LDH", "SIG", "RUN", "SIG", "RUN", "RD"]
    assert program.instructions[4].operands == (Quantity(1 / 3),)
    assert program.instructions[7].operands == ()
    couplings = program.data[0].value
    assert isinstance(couplings, Dense)
    assert couplings.array.shape == (4, 4)
    assert couplings.array.tolist()[0] == [0, -1, -1, 0]


def test_opcodes_in_pykoppus_order() -> None:
    program = assemble("ALC 1\nLDJ [[0.0]]\nLDH [0.0]\nSIG 0.1\nRUN 0.5\nRST \nRD ")
    assert [i.row.opcode for i in program.instructions] == [1, 2, 3, 4, 5, 6, 7]


# --- limits -----------------------------------------------------------------------------------------


def test_more_instructions_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    from bioasm.isa import limits

    monkeypatch.setitem(limits.LIMITS, "instructions", limits.Limit(3, "for this test"))
    assert len(assemble("RST\n" * 3).instructions) == 3
    with pytest.raises(BioasmError) as caught:
        assemble("RST\n" * 4)
    assert (caught.value.diagnostics[0].code, caught.value.diagnostics[0].span) == ("B111", Span("<text>", 4, 1, 4))


@pytest.mark.parametrize(("name", "line"), [("data", "LDH [1]"), ("sections", '.section 9 0 ""')])
def test_more_of_something_than_its_limit(monkeypatch: pytest.MonkeyPatch, name: str, line: str) -> None:
    from bioasm.isa import limits

    monkeypatch.setitem(limits.LIMITS, name, limits.Limit(2, "for this test"))
    with pytest.raises(BioasmError) as caught:
        assemble(f"{line}\n" * 3)
    assert caught.value.diagnostics[0].code == "B111"
