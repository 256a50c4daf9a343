"""Numbers in lines: what is read, and where it says that something is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.problems.numbers import Faults, read_numbers, whole, without_comments


def read(text: bytes):
    return read_numbers(text, Faults("file", text))


@pytest.mark.parametrize(
    ("text", "values", "lines", "counts"),
    [
        (b"1 2\n3 4 5\n", [1, 2, 3, 4, 5], [1, 2], [2, 3]),
        (b"1 2 \r\n\r\n 3\r\n", [1, 2, 3], [1, 3], [2, 1]),
        (b"\n\n\t-1.5e3", [-1500], [3], [1]),
        (b"", [], [], []),
        (b" \n\t\n", [], [], []),
        (b"+.5 5.", [0.5, 5], [1], [2]),
        (b"7", [7], [1], [1]),
        (b"1e-400", [0], [1], [1]),
    ],
)
def test_numbers_and_their_lines(text, values, lines, counts):
    found = read(text)
    assert found.values.tolist() == values
    assert found.line.tolist() == lines
    assert found.count.tolist() == counts


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        (b"1 2\n3 x4 5\n", 2, 3, "x4"),
        (b"1 2\n\n  0x10\n", 3, 3, "0x10"),
        (b"1_000 2", 1, 1, "1_000"),
        (b"1,2", 1, 1, "1,2"),
        (b"1 --2", 1, 3, "--2"),
        (b"1 1d5", 1, 3, "1d5"),
        (b"1 \xc3\xa9", 1, 3, "é"),
        (b"1 2e", 1, 3, "2e"),
        (b"1 ++3", 1, 3, "++3"),
    ],
)
def test_a_word_that_is_no_number_is_shown_where_it_stands(text, line, column, word):
    with pytest.raises(BioasmError) as caught:
        read(text)
    (found,) = caught.value.diagnostics
    assert (found.code, found.span.line, found.span.column) == ("B304", line, column)
    assert f"'{word}'" in found.message


@pytest.mark.parametrize("word", [b"nan", b"inf", b"-inf", b"1e999", b"NaN", b"infinity"])
def test_numbers_that_are_not_finite_are_refused(word):
    with pytest.raises(BioasmError) as caught:
        read(b"1 2\n3 " + word + b"\n")
    assert caught.value.diagnostics[0].span.line == 2


def test_control_characters_do_not_reach_the_message():
    with pytest.raises(BioasmError) as caught:
        read(b"1 a\x00\x1b[31m")
    assert caught.value.diagnostics[0].message.isprintable()


def test_several_words_are_reported_but_not_endlessly():
    with pytest.raises(BioasmError) as caught:
        read(b"x\n" * 1000)
    lines = [d.span.line for d in caught.value.diagnostics]
    assert lines == list(range(1, 21))


def test_a_long_word_is_shortened():
    with pytest.raises(BioasmError) as caught:
        read(b"1" * 50 + b"x" * 5000)
    assert len(caught.value.diagnostics[0].message) < 80


def test_comments_go_and_lines_keep_their_numbers():
    text = b"# a\n1 2\n  % b 7\nc 3\n4\n"
    plain = without_comments(text, b"#%c")
    assert read(plain).values.tolist() == [1, 2, 4]
    assert read(plain).line.tolist() == [2, 5]


def test_a_comment_mark_inside_a_line_is_no_comment():
    text = b"1 2 # three\n"
    with pytest.raises(BioasmError, match="B304"):
        read(without_comments(text, b"#"))


def test_whole_numbers():
    values = np.array([0.0, 1.0, 1.5, 3.0, 4.0, -1.0])
    assert whole(values, 1, 3).tolist() == [False, True, False, True, False, False]
