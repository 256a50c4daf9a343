"""Rows of whole numbers and a value as text, digit by digit for many rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.problems.numbers import Floats, Integers

Array = NDArray[Any]
_ROWS = 1 << 15  # at a time, whose letters stay in a cache


def spelled_rows(columns: Integers, values: Floats, spell: Callable[[float], str]) -> Iterator[str]:
    """Texts of many lines, `i j ... value`, for columns (t, order) of numbers from 0 on."""
    for first in range(0, len(values), _ROWS):
        rows = slice(first, first + _ROWS)
        yield _block(columns[rows], values[rows], spell)


def _block(columns: Integers, values: Floats, spell: Callable[[float], str]) -> str:
    """One text: letters side by side, of which those that stand for nothing are left out."""
    space, feed = (np.full((len(values), 1), ord(letter), np.uint8) for letter in " \n")
    parts = [part for column in columns.T for part in (_digits(column), space)]
    letters = np.concatenate([*parts, _words(values, spell), feed], axis=1)
    text: bytes = letters[letters != 0][:-1].tobytes()
    return text.decode("ascii")


def _digits(column: Integers) -> Array:
    """The digits of numbers, (rows, digits of the largest); 0 before the first of a number."""
    width = len(str(int(column.max())))
    letters: Array = np.empty((len(column), width), np.uint8)
    left: Array = column.astype(np.uint32 if width < 10 else np.uint64)
    for place in range(width - 1, -1, -1):
        tens = left // 10
        letters[:, place] = np.where(left > 0, ord("0") + (left - 10 * tens), 0)
        left = tens
    letters[column == 0, -1] = ord("0")
    return letters


def _words(values: Floats, spell: Callable[[float], str]) -> Array:
    """The spelled values, (rows, letters of the longest); 0 behind shorter ones."""
    different, which = np.unique(values, return_inverse=True)
    spelled = np.array([spell(value).encode() for value in different.tolist()])
    letters: Array = spelled.view(np.uint8).reshape(len(different), -1)
    return letters[which]
