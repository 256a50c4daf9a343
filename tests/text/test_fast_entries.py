"""Entries of sparse literals by byte classes: the same arrays as word by word, and nothing where a word is unusual."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm import decimals
from bioasm.text.fast_entries import plain_entries
from bioasm.text.numbers import to_array


def word_by_word(body: str) -> list[np.ndarray]:
    entries = [line.split() for line in body.replace("|", "\n").split("\n") if line.split()]
    row, column, value = (to_array([entry[k] for entry in entries]) for k in range(3))
    return [row.astype(np.int32), column.astype(np.int32), value]


@pytest.mark.parametrize(
    "body",
    [
        "0 1 -1\n2 3 5\n",
        "0 1 -0.5|2 3 .25 | 4 5 5.\n\n 6\t7 -0\n",
        "007 1 -9007199254740993\n0 2 999999999999999999",
        "\n".join(f"{k} {k + 1} {(-1) ** k * k}" for k in range(300)),
        "\n".join(f"{k} {k + 1} {k / 7}"[:24] for k in range(300)),
    ],
)
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_the_arrays_are_those_of_the_words(body: str, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decimals, "_BLOCK", block)
    found = plain_entries(body)
    assert found is not None
    for one, other in zip(found, word_by_word(body), strict=True):
        assert one.dtype == other.dtype and one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    "body",
    [
        "0 1",
        "0 1 2 3",
        "0 1 2 3 4 5",
        "0 1 1e3",
        "0 1 +1",
        "0 1 5-3",
        "0 1 -",
        "0 1 5-3\n0 1 -",
        "0 1.0 2",
        "0 1 1.2.3",
        "0 1 .",
    ]
    + ["0 1 --1", "0 1 1_0", "0 1 x", "0 1 \u0661", "0 1 1234567890123456789", "0 1 9007199254740992.0", "0 1\n2", "0 1 -."],
)
def test_what_is_unusual_is_left_to_the_slow_way(body: str) -> None:
    assert plain_entries(body) is None


def test_no_entries() -> None:
    found = plain_entries(" \n")
    assert found is not None and [part.size for part in found] == [0, 0, 0]
