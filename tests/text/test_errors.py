"""What is said about wrong texts: the code, the exact place, the hint, and that one error hides no other."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.text.assemble import assemble


def faults(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(BioasmError) as caught:
        assemble(text, source="t.basm")
    return caught.value.diagnostics


ONE_FAULT = [
    # text, code, line, column, end column, part of the message, part of the hint
    ("FOO 1", "B002", 1, 1, 4, "`FOO`", ""),
    ("RUNN 1", "B002", 1, 1, 5, "`RUNN`", "RUN"),
    ("  run 1 2", "B001", 1, 9, 10, "`2` can't stand here", "commas"),
    ("ADD r0 r1, 2", "B001", 1, 8, 10, "`r1`", "commas"),
    ("RUN 1,", "B001", 1, 6, 7, "missing after the comma", ""),
    ("ADD r0,, 1", "B001", 1, 8, 9, "`,`", "one operand"),
    ("ADD , r0", "B001", 1, 5, 6, "`,`", "one operand"),
    ("NEG r0, -r1", "B001", 1, 9, 10, "`-`", "NEG"),
    ("5", "B001", 1, 1, 2, "`5`", "label: MNEMONIC"),
    ("= 5", "B001", 1, 1, 2, "`=`", "label: MNEMONIC"),
    ("MOV r0 = 5", "B001", 1, 8, 9, "`=`", ".const"),
    ("RUN 5 # five", "B001", 1, 7, 8, "`#`", "semicolon"),
    ("RUN 5 // five", "B001", 1, 7, 8, "`/`", "semicolon"),
    ("MOV r0, (1)", "B001", 1, 9, 10, "`(`", "arithmetic is done by ADD, MUL"),
    ("RD 'state'", "B001", 1, 4, 5, "`'`", "double quotes"),
    ("MOV r0, 2 * 3", "B001", 1, 11, 12, "`*`", "arithmetic is done by ADD, MUL"),
    ("a b: RST", "B001", 1, 4, 5, "`:`", "a label is one name"),
    ("RST ]", "B001", 1, 5, 6, "`]`", ""),
    ("RST }", "B001", 1, 5, 6, "`}`", ""),
    ("RUN \x00", "B001", 1, 5, 6, "U+0000", ""),
    ("RUN\u20035", "B001", 1, 4, 5, "U+2003", ""),
    ('RD "state', "B001", 1, 4, 5, "quotes is not closed", ""),
    ('.title "a\\q"', "B001", 1, 8, 13, "backslash", "escapes"),
    ('.title "\\ud800"', "B001", 1, 8, 16, "backslash", "escapes"),
    ("LDJ [1, 2", "B001", 1, 5, 6, "`[` is not closed", ""),
    ("LDJ sparse(2) { 0 0 1", "B001", 1, 15, 16, "`{` is not closed", ""),
    ("LDJ [[[1]]]", "B010", 1, 5, 6, "two levels", ""),
    ("LDJ sparse(2) { { } }", "B010", 1, 15, 16, "braces", ""),
    ("LDJ sparse(2)", "B001", 1, 11, 12, "`(`", "ADD"),
    ("RUN 5 mq", "B005", 1, 5, 9, "`mq`", "SI prefix"),
    ("RUN 5 sweps", "B005", 1, 5, 12, "`sweps`", "sweeps"),
    ("RUN 5 MS", "B006", 1, 5, 9, "conductance", "did you mean ms?"),
    ("SIG 1 ms", "B006", 1, 5, 9, "1 ms is a time", "those of V"),
    ("ALC 4 mV", "B006", 1, 5, 9, "voltage", "no unit"),
    ("SIG 1e999", "B009", 1, 5, 10, "`1e999`", ""),
    ("SIG 0x10", "B009", 1, 5, 9, "`0x10`", ""),
    ("SIG 1e9999999999999999999 mV", "B009", 1, 5, 29, "1e9999", ""),
    ("SIG -1", "B014", 1, 5, 7, "at least 0", ""),
    ("ALC 0", "B014", 1, 5, 6, "at least 1", ""),
    ("ALC 2.5", "B014", 1, 5, 8, "whole number", ""),
    ("ALC n", "B007", 1, 5, 6, "no constant `n`", ""),
    ("LDJ K", "B007", 1, 5, 6, "no datum `K`", ""),
    (".const rate = 1\nSIG ratte", "B007", 2, 5, 10, "no constant `ratte`", "rate"),
    ("loop_start: RST\nJMP loop_strat", "B007", 2, 5, 15, "no label", "loop_start"),
    (".const x = 1\nJMP x", "B004", 2, 5, 6, "`x` is a constant", "JMP label"),
    ("x: LDJ x", "B004", 1, 8, 9, "`x` is a label", "LDJ couplings"),
    ("ADD x, 1, 2", "B004", 1, 5, 6, "`x` is none", "r0 to r31"),
    ("LDJ r0", "B004", 1, 5, 7, "`r0` is a register", ""),
    ('LDJ "J"', "B004", 1, 5, 8, "is a name", ""),
    ("RUN [1]", "B004", 1, 5, 8, "data", "RUN duration"),
    ("RD r0", "B004", 1, 4, 6, "register", ""),
    ("RUN", "B003", 1, 1, 4, "1 operand, not 0", "RUN duration"),
    ("RST 1", "B003", 1, 5, 6, "0 operands, not 1", "RST"),
    ("REC v, 1 ms, [0], 2", "B003", 1, 19, 20, "1 to 3 operands, not 4", ""),
    ("a: RST\n\na: RST", "B008", 3, 1, 3, "`a` is a label already", "t.basm:1"),
    (".const a = 1\na: RST", "B008", 2, 1, 3, "`a` is a constant already", "t.basm:1"),
    (".data a = [1]\n.const a = 1", "B008", 2, 8, 9, "`a` is a datum already", ""),
    ('.title "a"\n.title "b"', "B008", 2, 1, 7, "`title`", ""),
    (".const r7 = 1", "B015", 1, 8, 10, "register", ""),
    (".const RUN = 1", "B015", 1, 8, 11, "lower case", ""),
    (".const sparse = 1", "B015", 1, 8, 14, "word of the language", ""),
    (".const @x = 1", "B015", 1, 8, 10, "`@x`", ""),
    ("R3: RST", "B015", 1, 1, 4, "register", ""),
    (f".const {'x' * 256} = 1", "B015", 1, 8, 264, "255 bytes", ""),
    (".foo 1", "B011", 1, 1, 5, "`.foo`", ""),
    (".dat J = [1]", "B011", 1, 1, 5, "`.dat`", ".data"),
    (".const x 1", "B001", 1, 1, 7, ".const NAME = number", ""),
    (".const x = [1]", "B001", 1, 12, 15, ".const NAME = number", ""),
    (".data J = 5", "B001", 1, 11, 12, ".data NAME = data", ""),
    (".const 5 = 5", "B001", 1, 8, 9, ".const NAME", ""),
    (".const x =", "B001", 1, 10, 11, "value is missing", ""),
    (".title x", "B001", 1, 8, 9, '.title "text"', ""),
    (".meta k", "B001", 1, 1, 6, ".meta KEY", ""),
    ('a: .title "x"', "B001", 1, 1, 3, "label", ""),
    (".const x = 5 mq", "B005", 1, 12, 16, "`mq`", ""),
    ('.section 1 2 "!"', "B001", 1, 14, 17, "base64", ""),
    ('.section 1.5 2 ""', "B009", 1, 10, 13, "whole number", ""),
    ('.loc "f" -1 2', "B009", 1, 10, 12, "whole number", ""),
    ('.loc "f" 1', "B001", 1, 1, 5, ".loc", ""),
    ('LDJ file "a.txt"', "B303", 1, 5, 17, ".npy", ""),
    ('LDJ file "none.npy"', "B301", 1, 5, 20, "none.npy", ""),
    ('LDJ file "a\\u0000.npy"', "B301", 1, 5, 23, "", ""),
    ('.include "none.basm"', "B301", 1, 10, 21, "none.basm", ""),
    ('RD ""', "B111", 1, 4, 6, "1 to 255 bytes", ""),
    ("RUN " + "1," * 3000, "B111", 1, 1, 2, "statement is longer", ""),
    ("LDJ [[1, 2],\n     [3, x]]", "B010", 2, 10, 11, "`x`", "no names"),
    ("LDJ [[1, 2],\n     [3]]", "B010", 2, 6, 9, "row 2 has 1 entry, the first has 2", ""),
    (".data J = sparse(3) { 0 1 1 ; two below\n  0 3 1 }", "B010", 2, 5, 6, "0 to 2", "from 0"),
    ("LDJ [[1]], 5\nRST", "B003", 1, 12, 13, "1 operand, not 2", ""),
    ("SPK [[1,\n2]], x", "B007", 2, 6, 7, "`x`", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line", "column", "end", "message", "hint"), ONE_FAULT, ids=range(len(ONE_FAULT)))
def test_fault(text: str, code: str, line: int, column: int, end: int, message: str, hint: str) -> None:
    found = faults(text)
    assert len(found) == 1
    span = found[0].span
    assert span is not None
    assert (found[0].code, span.source, span.line, span.column, span.end_column) == (code, "t.basm", line, column, end)
    assert message in found[0].message
    assert hint in (found[0].hint or "")
    assert found[0].excerpt == text.split("\n")[line - 1][: len(found[0].excerpt or "")]


@pytest.mark.parametrize("text", [fault[0] for fault in ONE_FAULT], ids=range(len(ONE_FAULT)))
def test_no_message_names_a_terminal(text: str) -> None:
    found = faults(text)
    assert found
    for d in found:
        said = d.message + (d.hint or "")
        for terminal in ("MNEMONIC'", "EQUALS", "COMMA", "$END", "DENSE", "Token", "Expected", "__ANON"):
            assert terminal not in said


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_errors_of_a_text_are_reported_at_their_lines(end: str) -> None:
    lines = ["RUN 1 2", "ALC 3", "FOO", "LDJ [[1, 2", "3, 4]", "RUN 5", 'RD "x', "SIG -1", "JMP nowhere", "RST"]
    found = sorted(faults(end.join(lines)), key=lambda d: d.span.line if d.span else 0)
    assert [(d.span.line, d.code) for d in found if d.span] == [
        (1, "B001"), (3, "B002"), (4, "B001"), (7, "B001"), (8, "B014"), (9, "B007"),
    ]  # fmt: skip


def test_no_more_errors_than_the_limit() -> None:
    assert len(faults("FOO\n" * 1000)) == limit("diagnostics")


def test_names_defined_on_a_broken_line_are_not_unknown() -> None:
    found = faults(".const T = 5 5\nagain: RUN 1 2\nSIG T\nJMP again")
    assert [d.span.line for d in found if d.span] == [1, 2]


def test_names_are_not_unknown_when_an_include_is_missing() -> None:
    assert [d.code for d in faults('.include "none"\nSIG T\nJMP again')] == ["B301"]


def test_text_after_an_unclosed_bracket_is_read_again_at_the_next_instruction() -> None:
    found = faults("LDJ [[1, 2],\n[3, 4]\nRUN 5 mq\n")
    assert {d.code for d in found} == {"B001", "B005"}


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(BioasmError) as caught:
        assemble("RUN 1 ; \ud800")
    assert caught.value.diagnostics[0].code == "B013"


def test_columns_count_characters_not_bytes() -> None:
    found = faults('RD "äöü" 5')
    assert found[0].span is not None
    assert found[0].span.column == 10


def test_excerpt_of_a_very_long_line_is_cut() -> None:
    found = faults("LDJ [" + "1, " * 50000 + "x]")
    assert found[0].code == "B010"
    assert found[0].span is not None
    assert found[0].span.column == 6 + 150000
    assert len(faults("FOO " + "1, " * 100 + "1")[0].excerpt or "") <= 200


HARD = {
    "brackets": "[" * 100_000,
    "closing brackets": "]" * 100_000,
    "mixed brackets": "LDJ [[" * 50_000,
    "braces": "{[" * 50_000,
    "braces on lines": "{\n[\n" * 50_000,
    "quotes": '"' * 100_001,
    "quotes on lines": '"\n' * 50_000,
    "backslashes": '"' + "\\" * 100_000,
    "labels": "a:" * 50_000,
    "one word": "x" * 1_000_000,
    "one number": "RUN " + "1" * 1_000_000,
    "digits and dots": "RUN " + "1." * 100_000,
    "exponents": "RUN " + "1e" * 100_000,
    "underscores": "RUN 1" + "_" * 100_000 + "x",
    "blanks": " " * 1_000_000 + "x",
    "tabs before a semicolon": "\t" * 1_000_000 + ";",
    "commas": "LDJ [" + "," * 100_000 + "]",
    "minus": "LDJ [" + "-" * 100_000 + "]",
    "big literal": "LDJ [" + "9" * 100_000 + "]",
    "rows": "LDJ [" + "[]," * 30_000 + "]",
    "sparse heads": "LDJ " + "sparse(" * 50_000,
    "sparse blanks": "LDJ sparse" + " " * 100_000 + "(",
    "dots": "." * 100_000,
    "ats": "@" * 100_000,
    "carriage returns": "\r" * 100_000 + "x",
    "controls": "".join(map(chr, range(32))) * 1000,
}


@pytest.mark.parametrize("text", HARD.values(), ids=HARD.keys())
def test_hard_texts_are_refused_in_linear_time(text: str) -> None:
    try:
        program = assemble(text)
    except BioasmError as caught:
        assert caught.diagnostics
    else:
        assert len(program.instructions) == 0
