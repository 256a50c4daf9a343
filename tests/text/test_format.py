"""The layout of programs: what is changed, what is kept, and that it is done once and for all."""

from __future__ import annotations

import pytest

from bioasm.binary.writer import program_hash
from bioasm.diagnostics import BioasmError
from bioasm.text.assemble import assemble
from bioasm.text.format import format_text

LAYOUTS = [
    ("", ""),
    ("\n\n", ""),
    ("; a", "; a\n"),
    ("run   5", "RUN 5\n"),
    ("RD ", "RD\n"),
    ("\n\nRST\n\n\n\nRST\n\n", "RST\n\nRST\n"),
    ("add R1,r2 ,3", "ADD r1, r2, 3\n"),
    ("run 0.10ms", "RUN 0.10 ms\n"),
    ("run 1_000 MS", "RUN 1_000 MS\n"),
    ("SIG 1E-3", "SIG 1E-3\n"),
    (".CONST T=3.0", ".const T = 3.0\n"),
    (".data   J=[1,2]", ".data J = [1,2]\n"),
    ('.Title   "a  b"', '.title "a  b"\n'),
    ("RST;x", "RST                              ;x\n"),
    ("RST ; x\nRUN 5 ; y", "RST                              ; x\nRUN 5                            ; y\n"),
    ("a:RST", "a:  RST\n"),
    ("a : RST", "a:  RST\n"),
    ("abc: RST", "abc:\n    RST\n"),
    ("a: b: RST", "a:\nb:  RST\n"),
    ("a:\nRST", "a:\n    RST\n"),
    ("a:\n  ; c\n; d\nRST", "a:\n    ; c\n; d\n    RST\n"),
    ("  RST\nRST", "    RST\n    RST\n"),
    ("RST\n  RST", "RST\nRST\n"),
    (" .const x = 1", ".const x = 1\n"),
    ('  RST\n  .include "a"', '    RST\n    .include "a"\n'),
    ("ldj F8[[1]]", "LDJ f8 [[1]]\n"),
    ('ldj FILE  "a"  "b"', 'LDJ file "a" "b"\n'),
    ("LDJ [[1,\n     2]]", "LDJ [[1,\n     2]]\n"),
    ("LDJ   [[1,\n       2]]", "LDJ [[1,\n     2]]\n"),
    ("a:\nLDJ [[1,\n     2]]", "a:\n    LDJ [[1,\n         2]]\n"),
    ("LDJ   [[1,\n2]]", "LDJ [[1,\n2]]\n"),
    ("LDJ [1, ; one \n 2] ; two", "LDJ [1, ; one\n 2]  ; two\n"),
    ("SPK  [[1,\n      2]],  [3,\n             4]", "SPK [[1,\n     2]], [3,\n           4]\n"),
    ("LDJ [1,\n\n 2]", "LDJ [1,\n\n 2]\n"),
    ("frobnicate 1", "FROBNICATE 1\n"),
    ("RST\r\nRST", "RST\nRST\n"),
]


@pytest.mark.parametrize(("text", "wanted"), LAYOUTS, ids=range(len(LAYOUTS)))
def test_layout(text: str, wanted: str) -> None:
    assert format_text(text) == wanted


@pytest.mark.parametrize("text", [text for text, _ in LAYOUTS], ids=range(len(LAYOUTS)))
def test_twice_is_once(text: str) -> None:
    once = format_text(text)
    assert format_text(once) == once


def test_meaning_comments_and_spelling_are_kept() -> None:
    text = """
; max-cut ; of a path
.const T0=3.0e0   ; hot
.data J = sparse(3) symmetric { 0 1 -5e-1 ; first
                                1 2 -.5 }
  model ISING
  alc 3
ldj J
go:sig T0;c
  run 0_5 sweeps
  jmp go
end: ; the end
""".replace("ISING", "ising")
    formatted = format_text(text)
    assert program_hash(assemble(formatted)) == program_hash(assemble(text))
    for kept in ("; max-cut ; of a path", "3.0e0", "; hot", "-5e-1 ; first", "-.5", ";c", "0_5", "; the end"):
        assert kept in formatted


def test_comment_far_to_the_right_moves_nobody() -> None:
    long = f"OUT r0, {'x' * 70}"
    assert format_text(f"RST ; a\n{long} ; b") == f"{'RST':<33}; a\n{long}  ; b\n"


def test_text_with_syntax_errors_is_not_formatted() -> None:
    with pytest.raises(BioasmError) as caught:
        format_text("RST\nRUN 1 2\nRUN [", source="x.basm")
    assert [(d.span.source, d.span.line) for d in caught.value.diagnostics if d.span] == [("x.basm", 2), ("x.basm", 3)]
