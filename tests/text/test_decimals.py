"""Plain decimal numbers read in machine words: the floats that Python reads, and None for everything else."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bioasm.decimals import blocks_of_lines, plain_decimals


def word(draw: random.Random) -> str:
    """A number of 1 to 15 digits, perhaps with a point and a minus."""
    digits = "".join(draw.choice("0123456789") for _ in range(draw.randint(1, 15)))
    point = draw.randint(1, len(digits)) if draw.random() < 0.6 else len(digits)
    pointed = f"{digits[:point]}.{digits[point:]}" if point < len(digits) else digits
    return pointed if draw.random() < 0.7 else f"-{pointed}"


def test_every_number_is_the_nearest_float() -> None:
    draw = random.Random(1)
    words = [word(draw) for _ in range(5000)] + [
        "-0",
        "0.0",
        "-0.00",
        "999999999999999",
        "0.99999999999999",
        "12345678",
        "123456789",
    ]
    found = plain_decimals("\t ".join(words).encode() + b"\n")
    assert found is not None
    assert found.values.tobytes() == np.array([float(w) for w in words]).tobytes()
    assert found.pointed.tolist() == [k for k, w in enumerate(words) if "." in w]
    assert found.per_line().tolist() == [len(words)]


@pytest.mark.parametrize(
    "text",
    ["1-2", "--1", "1.", ".5", "1.2.3", "-.5", "1 - 2", "1 . 2", "1e5", "- 1", "1-", "-", ".", "1.-2", "+1", "1,2", "x", "\xb2"]
    + ["1234567890123456", "12345678.90123456"],
)
def test_other_words_are_left_to_slower_readers(text: str) -> None:
    assert plain_decimals(text.encode() + b"\n") is None


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("", []),
        ("\n\n", [0, 0]),
        ("1 2\n\n3\n", [2, 0, 1]),
        ("1 2\n3 -4\n", [2, 2]),
        ("1 2 3\n4\n", [3, 1]),
        ("1\n2 3 4\n", [1, 3]),
    ],
)
def test_numbers_of_each_line(text: str, counts: list[int]) -> None:
    found = plain_decimals(text.encode())
    assert found is not None
    assert found.per_line().tolist() == counts


def test_blocks_are_whole_lines() -> None:
    lines = [f"{k} {k * k}" for k in range(60000)]
    blocks = list(blocks_of_lines("\n".join(lines).encode()))
    assert len(blocks) > 1
    assert b"".join(blocks).decode().split("\n") == [*lines, ""]
