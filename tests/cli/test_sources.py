"""Messages show the source line also where a finding comes without it, and no line of other files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bioasm.cli.sources import Sources
from bioasm.diagnostics import Diagnostic, Span
from tests.command import bioasm

pytestmark = pytest.mark.usefixtures("folder")

SHAPE = "ALC 3\nLDH [1, 2]\n"


@pytest.mark.parametrize("command", ["check", "run", "info"])
@pytest.mark.parametrize("name", ["shape.basm", "shape.txt", "-"])
def test_the_verifiers_findings_have_a_caret(command: str, name: str) -> None:
    if name != "-":
        Path(name).write_text(SHAPE)
    told = bioasm(command, name, stdin=SHAPE)
    assert "\n  LDH [1, 2]\n  ^^^" in told.stderr


def test_included_texts_are_shown() -> None:
    Path("part.basm").write_text(SHAPE)
    Path("whole.basm").write_text('.include "part.basm"\n')
    assert "part.basm:2:1: error[B106]" in bioasm("check", "whole.basm").stderr
    assert "\n  LDH [1, 2]\n" in bioasm("check", "whole.basm").stderr


def test_bytecode_with_places_shows_its_text() -> None:
    Path("shape.basm").write_text(SHAPE)
    bioasm("asm", "-g", "shape.basm", "-o", "shape.bbc")
    assert "shape.basm:2:1: error[B106]" in bioasm("check", "shape.bbc").stderr
    assert "\n  LDH [1, 2]\n" in bioasm("check", "shape.bbc").stderr


def test_bytecode_can_not_make_messages_show_other_files() -> None:
    Path("secret").write_text("one\npassword\n")
    Path("spy.basm").write_text('ALC 3\n.loc "secret" 2 1\nLDH [1, 2]\n')
    bioasm("asm", "spy.basm", "-o", "spy.bbc")
    told = bioasm("check", "spy.bbc").stderr
    assert "secret:2:1: error[B106]" in told
    assert "password" not in told


@pytest.mark.parametrize("line", [0, -1, 4, 10**9])
def test_a_line_that_is_not_there(line: int) -> None:
    Path("three.basm").write_text("one\ntwo\nthree")
    assert Sources().line(Span("three.basm", line)) is None


@pytest.mark.parametrize(("line", "text"), [(1, "one"), (2, "  two"), (3, "three \ufffd")])
def test_a_line_is_found(line: int, text: str) -> None:
    Path("three.basm").write_bytes(b"\xef\xbb\xbfone\r\n  two\r\nthree \xff")
    assert Sources().line(Span("three.basm", line)) == text


@pytest.mark.parametrize("name", ["absent.basm", "folder.basm", "nul\0.basm"])
def test_what_is_no_file_has_no_lines(name: str) -> None:
    Path("folder.basm").mkdir()
    assert Sources().line(Span(name, 1)) is None


def test_an_excerpt_that_is_there_stays() -> None:
    Path("a.basm").write_text("new\n")
    (shown,) = Sources().with_excerpts([Diagnostic("B001", "x", Span("a.basm", 1), excerpt="old")])
    assert shown.excerpt == "old"
