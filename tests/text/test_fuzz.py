"""Any text at all gives a program or named errors, and what is accepted survives formatting and printing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bioasm.binary.writer import program_hash
from bioasm.diagnostics import BioasmError
from bioasm.isa.limits import limit
from bioasm.isa.table import ROWS
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.text.format import format_text

PIECES = [
    *"[]{}(),;:=.@\"'|+-\\% \t\n\r\0", "\n", "\n", ", ", "; c\n", "é", "0", "1", "2", "-1", "1e3", "1e999", ".5",
    "ms", "mV", "sweeps", "r0", "r31", "r32", "a", "b", "a:", "@1", "@1:", ".const a = 1\n", ".data b = [1]\n", ".data",
    '.title "x"', ".include", ".loc", ".section", "file", "sparse(2)", "symmetric", "{ 0 1 1 }", "terms(2) { 0 1 }", "f8",
    "[1, 2]", "[[1, 2], [3, 4]]", '"x"', "energy", "0x10",
    *[f"{row.mnemonic} " for row in ROWS], *[row.example for row in ROWS],
]  # fmt: skip


def assert_sound(text: str) -> None:
    try:
        program = assemble(text, source="fuzz")
    except BioasmError as caught:
        assert 1 <= len(caught.diagnostics) <= limit("diagnostics")
        lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for d in caught.diagnostics:
            assert d.span is not None
            assert 1 <= d.span.line <= len(lines)
            assert 1 <= d.span.column <= d.span.end_column <= len(lines[d.span.line - 1]) + 1
    else:
        assert program_hash(assemble(disassemble(program))) == program_hash(program)
        formatted = format_text(text)
        assert format_text(formatted) == formatted
        assert program_hash(assemble(formatted)) == program_hash(program)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_characters(text: str) -> None:
    assert_sound(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_pieces_of_programs(text: str) -> None:
    assert_sound(text)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_programs_with_a_fault(data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.sampled_from(ROWS), min_size=1, max_size=3))
    text = "".join(f"{row.example}\n" for row in rows)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 4)))
    assert_sound(text[:start] + data.draw(st.sampled_from(PIECES)) + text[end:])
