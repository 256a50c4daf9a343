"""Models as blocks of a program's text: read, kept, printed and laid out as they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.binary.writer import program_hash, to_bytes
from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import LIMITS, Limit
from bioasm.isa.modeltext import check_model_text, model_text
from bioasm.isa.program import ModelText, Program
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.text.format import format_text
from bioasm.verifier.gate import verify

BLOCK = """{
  "a model; with a semicolon, {braces} and \\"quotes\\"
  over two lines"
  ; a comment } with a brace and an odd "
  parameters:
    tau = 20 ms > 0   "time constant"

  state:
    v = 0 mV
  step:
    dv/dt = -v/tau
}"""


def faults(text: str) -> list[Diagnostic]:
    try:
        assemble(text, source="t.basm")
    except BioasmError as refused:
        return list(refused.diagnostics)
    return []


# --- reading ----------------------------------------------------------------------------------------

KEPT = [
    ("{}", "{}"),
    ("{ }", "{ }"),
    ("{ v = 1 }", "{ v = 1 }"),
    ("{\n}", "{\n}"),
    ("{\n\n\n}", "{\n\n\n}"),
    ("{  \n  }", "{\n  }"),
    ("{\t\n x \t \n}", "{\n x\n}"),
    ("{\r\n a\r\n}", "{\n a\n}"),
    ('{ "}" }', '{ "}" }'),
    ('{ "{" }', '{ "{" }'),
    ('{ "\\"}" }', '{ "\\"}" }'),
    ('{ "\\\\" }', '{ "\\\\" }'),
    ("{ ; }\n}", "{ ; }\n}"),
    ("{ ; {\n}", "{ ; {\n}"),
    ('{ ; "\n}', '{ ; "\n}'),
    ('{ "; }" }', '{ "; }" }'),
    ('{ "a\n  b" }', '{ "a\n  b" }'),
    ('{ "a  \n  b" }', '{ "a\n  b" }'),
    ("{ [1, 2] (3) <= 'x' }", "{ [1, 2] (3) <= 'x' }"),
    ("{ RUN 1\nALC 2\n.title }", "{ RUN 1\nALC 2\n.title }"),
    ("{ ä日本 𝕏 }", "{ ä日本 𝕏 }"),
    (BLOCK, BLOCK),
]


@pytest.mark.parametrize(("block", "kept"), KEPT)
@pytest.mark.parametrize("kind", ["model", "mechanism"])
def test_blocks_are_kept_as_written(kind: str, block: str, kept: str) -> None:
    (found,) = assemble(f".{kind} name {block}\nOUT 1\n").models
    assert (found.kind, found.name, found.text, found.body) == (kind, "name", f".{kind} name {kept}", kept)


@pytest.mark.parametrize(("block", "kept"), KEPT)
def test_blocks_come_back_from_disassembly(block: str, kept: str) -> None:
    program = assemble(f".model name {block}\nOUT 1\n")
    again = assemble(disassemble(program))
    assert [m[:3] for m in again.models] == [m[:3] for m in program.models]
    assert to_bytes(again) == to_bytes(program)
    assert disassemble(again) == disassemble(program)


@pytest.mark.parametrize(("block", "kept"), KEPT)
def test_layout_keeps_blocks(block: str, kept: str) -> None:
    text = f"   .MODEL   name   {block}   ; said\nOUT 1\n"
    laid_out = format_text(text)
    assert laid_out.startswith(f".model name {kept}")
    assert format_text(laid_out) == laid_out
    assert program_hash(assemble(laid_out)) == program_hash(assemble(text))


def test_the_place_is_that_of_the_head() -> None:
    program = assemble(f"OUT 1\n\n  .model abc {BLOCK}\n", source="t.basm")
    assert program.models[0].span == ("t.basm", 3, 3, 13)


def test_lines_below_a_block_keep_their_numbers() -> None:
    found = faults(f".model abc {BLOCK}\nRUX 1\n")
    assert [(d.code, d.span and d.span.line) for d in found] == [("B002", BLOCK.count("\n") + 2)]


def test_models_stand_anywhere_and_keep_their_order() -> None:
    program = assemble("OUT 1\n.mechanism b {}\nOUT 2\n.model a {}\n.mechanism c {}\n")
    assert [(m.kind, m.name) for m in program.models] == [("mechanism", "b"), ("model", "a"), ("mechanism", "c")]
    assert len(program.instructions) == 2


@pytest.mark.parametrize("name", ["MODEL", "Mechanism", "mODEL"])
def test_directives_may_be_in_capitals(name: str) -> None:
    (found,) = assemble(f".{name} x {{}}").models
    assert found.text == f".{name.lower()} x {{}}"


def test_models_and_other_names_do_not_meet() -> None:
    program = assemble(".const x = 1\n.model y {}\n.data z = [1]\nx_1: OUT x\n.mechanism x_1 {}\n")
    assert [m.name for m in program.models] == ["y", "x_1"]


def test_models_of_included_files_are_those_of_the_program(tmp_path: Path) -> None:
    (tmp_path / "cells.basm").write_text(f"; cells\n.model inner {BLOCK}\n", encoding="utf-8")
    program = assemble('.include "cells.basm"\n.model outer {}\n', folder=tmp_path)
    assert [m.name for m in program.models] == ["inner", "outer"]
    span = program.models[0].span
    assert span is not None
    assert (Path(span.source).name, span.line) == ("cells.basm", 2)


def test_a_file_included_twice_defines_its_models_twice(tmp_path: Path) -> None:
    (tmp_path / "cells.basm").write_text(".model inner {}\n", encoding="utf-8")
    with pytest.raises(BioasmError) as refused:
        assemble('.include "cells.basm"\n.include "cells.basm"\n', folder=tmp_path)
    assert [d.code for d in refused.value.diagnostics] == ["B008"]


def test_a_program_without_models_is_as_before() -> None:
    assert assemble("OUT 1\n").models == ()
    assert Program(()).models == ()


# --- faults in a model ------------------------------------------------------------------------------

SLIP = '.model bad {\n  "a model"\n  state:\n    v = 0 mV\n  step:\n    dv/dt = -w/(1 s)\n}\n'


@pytest.mark.parametrize("above", ["", "; a comment\n\n", "OUT 1\nOUT 2\n"])
@pytest.mark.parametrize("indent", ["", "    "])
def test_faults_point_into_the_programs_file(above: str, indent: str) -> None:
    with pytest.raises(BioasmError) as refused:
        verify(assemble(above + indent + SLIP, source="t.basm"))
    (found,) = refused.value.diagnostics
    assert found.span is not None
    assert found.span[:3] == ("t.basm", above.count("\n") + 6, 14)
    assert found.excerpt == "    dv/dt = -w/(1 s)"


def test_faults_point_into_an_included_file(tmp_path: Path) -> None:
    (tmp_path / "cells.basm").write_text("\n\n" + SLIP, encoding="utf-8")
    with pytest.raises(BioasmError) as refused:
        verify(assemble('.include "cells.basm"\nOUT 1\n', folder=tmp_path))
    (found,) = refused.value.diagnostics
    assert found.span is not None
    assert (Path(found.span.source).name, found.span.line) == ("cells.basm", 8)


def test_faults_on_the_first_line_keep_their_column() -> None:
    with pytest.raises(BioasmError) as refused:
        verify(assemble('      .model bad { "x" \n sate:\n v = 1\n}\n'))
    assert {d.span.line for d in refused.value.diagnostics if d.span} <= {1, 2, 3, 4}


def test_all_models_are_read_also_those_that_nothing_uses() -> None:
    other = SLIP.replace("bad", "worse")
    with pytest.raises(BioasmError) as refused:
        verify(assemble(SLIP + other + "OUT 1\n"))
    assert [d.span.line for d in refused.value.diagnostics if d.span] == [6, 13]


GOOD = '.model {} {{\n  "a model"\n  state:\n    v = 0 mV\n  step:\n    dv/dt = -v/(1 s)\n}}\n'


def test_a_model_of_the_program_stands_in_place_of_one_that_ships() -> None:
    verified = verify(assemble(GOOD.format("lif_critical") + "ALC 2\nRUN 1 ms\n"))
    assert verified.model.summary == "a model"
    assert [(w.code, w.severity, w.span and w.span.line) for w in verified.warnings] == [("B129", "warning", 1)]


def test_a_model_of_another_name_warns_of_nothing() -> None:
    assert verify(assemble(GOOD.format("mine") + "MODEL mine\nALC 2\nRUN 1 ms\n")).warnings == ()


# --- what is refused --------------------------------------------------------------------------------

REFUSED = [
    (".model", "B001", 1, 1),
    (".model x", "B001", 1, 1),
    (".model {}", "B001", 1, 1),
    (".model 3 {}", "B001", 1, 8),
    ('.model "x" {}', "B001", 1, 8),
    (".model x y {}", "B001", 1, 1),
    (".model x = {}", "B001", 1, 12),
    (".model x [1]", "B001", 1, 1),
    (".model x {} y", "B001", 1, 13),
    (".model x {} {}", "B001", 1, 13),
    ("a: .model x {}", "B001", 1, 1),
    (".model x.y {}", "B015", 1, 8),
    (".model r3 {}", "B015", 1, 8),
    (".model RUN {}", "B015", 1, 8),
    (".model sparse {}", "B015", 1, 8),
    (".model x {}\n.model x {}", "B008", 2, 8),
    (".model x {}\n.mechanism x {}", "B008", 2, 12),
    (".modell x {}", "B011", 1, 1),
    (".data x {}", "B001", 1, 9),
    (".const x {}", "B001", 1, 10),
    (".title {}", "B001", 1, 1),
    ("RUN {}", "B001", 1, 5),
    ("{}", "B001", 1, 1),
    (".model x {\n state:\n", "B001", 1, 10),
    (".model x {\n a { b }\n}", "B001", 2, 4),
    ('.model x {\n "open\n}\n', "B001", 2, 2),
    ('.model x {\n ; "\n "open }\n', "B001", 3, 2),
]


@pytest.mark.parametrize(("text", "code", "line", "column"), REFUSED)
def test_refused(text: str, code: str, line: int, column: int) -> None:
    found = faults(text)
    assert [(d.code, d.span and d.span[1:3]) for d in found] == [(code, (line, column))]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (".modell x {}", "did you mean .model?"),
        (".model x {}\n.model x {}", "it is defined at t.basm:1"),
        ('.model x {\n "a"\n state:\n', "a text in quotes that is not closed"),
    ],
)
def test_hints(text: str, words: str) -> None:
    assert words in (faults(text)[0].hint or "")


def test_reading_goes_on_after_a_block_that_is_not_closed() -> None:
    found = faults(".model x {\n state:\n  v = 1\n  dv/dt = 2\n\n.const T = 1 kq\nRUX 1\n")
    assert [(d.code, d.span and d.span.line) for d in found] == [("B001", 1), ("B005", 6), ("B002", 7)]


def test_reading_goes_on_after_braces_in_braces() -> None:
    found = faults(".model x {\n a { b }\n}\nRUX 1\n")
    assert [(d.code, d.span and d.span.line) for d in found] == [("B001", 2), ("B002", 4)]


def test_limit_on_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "models", Limit(3, "a test"))
    lines = [f".model m{k} {{}}" for k in range(4)]
    assert faults("\n".join(lines[:3])) == []
    assert [(d.code, d.span and d.span.line) for d in faults("\n".join(lines))] == [("B111", 4)]


def test_limit_on_the_text_of_a_model() -> None:
    room = LIMITS["model_bytes"].value - len(".model x {}")
    assert faults(f".model x {{{'a' * room}}}") == []
    assert [d.code for d in faults(f".model x {{{'a' * (room + 1)}}}")] == ["B111"]
    assert [d.code for d in faults(f".model x {{{'é' * (room // 2 + 1)}}}")] == ["B111"]


# --- texts made by hand -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "code"),
    [
        (ModelText("model", "x", ".model x {}"), None),
        (ModelText("mechanism", "x", ".mechanism x {\n}"), None),
        (ModelText("neuron", "x", ".neuron x {}"), "B128"),
        (ModelText("model", "x", ".mechanism x {}"), "B128"),
        (ModelText("model", "x", ".model y {}"), "B128"),
        (ModelText("model", "x", ".model x  {}"), "B128"),
        (ModelText("model", "x", ".model x {} "), "B128"),
        (ModelText("model", "x", ".model x {}{}"), "B128"),
        (ModelText("model", "x", ".model x {{}}"), "B128"),
        (ModelText("model", "x", ".model x {"), "B128"),
        (ModelText("model", "x", '.model x {"}'), "B128"),
        (ModelText("model", "x", ".model x { \n}"), "B128"),
        (ModelText("model", "x", ".model x {\r}"), "B128"),
        (ModelText("model", "x", ".model x {\ud800}"), "B128"),
        (ModelText("model", "", ".model  {}"), "B015"),
        (ModelText("model", "a.b", ".model a.b {}"), "B015"),
        (ModelText("model", "r1", ".model r1 {}"), "B015"),
    ],
)
def test_form_of_a_text(model: ModelText, code: str | None) -> None:
    assert [f.code for f in check_model_text(model)] == ([] if code is None else [code])
    if code is not None:
        with pytest.raises(BioasmError, match=code):
            disassemble(Program((), models=(model,)))
        with pytest.raises(BioasmError, match=code):
            verify(Program((), models=(model,)))


def test_two_models_of_one_name_are_refused() -> None:
    same = ModelText("model", "x", GOOD.format("x").rstrip("\n"))
    with pytest.raises(BioasmError, match="B008"):
        verify(Program((), models=(same, same)))


def test_too_many_models_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "models", Limit(2, "a test"))
    texts = tuple(ModelText("model", f"x{k}", f".model x{k} {{}}") for k in range(3))
    with pytest.raises(BioasmError, match="B111"):
        verify(Program((), models=texts))


# --- any block --------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["a", " ", "  ", "\n", "\t", ";", '"', "\\", "{", "}", "v = 1", '"text"', "; said\n", "é", "[", "]", "\r\n"]
)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_block_is_kept_or_refused(inner: str) -> None:
    text = f".model m {{{inner}}}\nOUT 1\n"
    found = faults(text)
    if found:
        assert {d.code for d in found} <= {"B001", "B002", "B003", "B005", "B010", "B011", "B111"}
        return
    program = assemble(text)
    assert to_bytes(assemble(disassemble(program))) == to_bytes(program)
    assert program_hash(assemble(format_text(text))) == program_hash(program)
    for model in program.models:
        assert not list(check_model_text(model))
        assert model.text == model_text(model.kind, model.name, model.body)
