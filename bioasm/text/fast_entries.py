"""Entries of sparse literals straight into arrays: lines of three plain numbers, tokenised in blocks by byte classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bioasm.decimals import blocks_of_lines, plain_decimals
from bioasm.isa.storage import EXACT

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PLAIN = b"0123456789.- \t\n|"
_TOO_MANY = 1 << 31  # for an index
_DIGITS = 18  # of a word that is certainly an int64


def plain_entries(body: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None:
    """Rows, columns (int32) and values (int64 where all words are whole, else float64) of lines or bars with three words each.

    None where a word is no plain decimal number or anything else is unusual: the slow way reads that, or tells what is wrong.
    """
    import numpy as np

    content = body.encode("ascii") if body.isascii() else b"?"
    if content.translate(None, _PLAIN):
        return None
    dtype = np.float64 if "." in body else np.int64
    found, empty = [], (np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, dtype))
    for block in blocks_of_lines(content.replace(b"|", b"\n")):
        entries = _entries(block, dtype)
        if entries is None or abs(entries[:, :2]).max(initial=0) >= _TOO_MANY:
            return None
        if dtype is np.float64 and abs(entries).max(initial=0) >= EXACT:
            return None
        found.append((entries[:, 0].astype(np.int32), entries[:, 1].astype(np.int32), entries[:, 2].copy()))
    row, column, value = (np.concatenate(parts) for parts in zip(empty, *found, strict=True))
    return row, column, value


def _entries(block: bytes, dtype: type) -> NDArray[Any] | None:
    """The entries of a block, (entries, 3); None where they are not all plain."""
    import numpy as np

    plain = plain_decimals(block)
    if plain is not None:
        lines = plain.per_line()
        alike = ((lines == 3) | (lines == 0)).all() and (plain.pointed % 3 == 2).all()
        return plain.values.reshape(-1, 3).astype(dtype, copy=False) if alike else None
    text = np.frombuffer(block, np.uint8)
    inside = text > ord(" ")
    edges = np.flatnonzero(np.diff(inside, prepend=False, append=False))
    begins, ends = edges[::2], edges[1::2]
    of_lines = np.diff(np.searchsorted(begins, np.flatnonzero(text == ord("\n"))), prepend=0)
    if not (np.isin(of_lines, (0, 3)).all() and _are_numbers(text, begins)):
        return None
    if not begins.size:
        return np.zeros((0, 3), dtype)
    if dtype is np.int64 and (ends - begins).max() > _DIGITS:
        return None
    words: NDArray[Any] = np.fromstring(block, dtype, sep=" ")
    return words.reshape(-1, 3) if words.size == begins.size else None


def _are_numbers(text: NDArray[Any], begins: NDArray[Any]) -> bool:
    """Whether each word is digits, with a minus before them or not, and the third of an entry perhaps with one point."""
    import numpy as np

    is_digit = np.append((text >= ord("0")) & (text <= ord("9")), False)
    minus, points = np.flatnonzero(text == ord("-")), np.flatnonzero(text == ord("."))
    begin_words = np.zeros(text.size + 1, bool)
    begin_words[begins] = True
    if not (begin_words[minus].all() and (is_digit[minus + 1] | (text[minus + 1] == ord("."))).all()):
        return False
    word = np.searchsorted(begins, points, "right") - 1
    beside = is_digit[points - 1] | is_digit[points + 1]
    placed = (word % 3 == 2).all() and (np.diff(word) > 0).all() and beside.all()
    return bool(placed)
