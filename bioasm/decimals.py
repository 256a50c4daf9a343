"""Plain decimal numbers of a text, eight digits at a time in machine words (SWAR); each is the nearest 64-bit float.

A word is digits, a minus before them or not, and perhaps a point between two of them: at most 15 digits, so that digits and the
power of ten that divides them are exact and one division rounds (Clinger 1990). Everything else is left to slower readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

PLAIN = b"0123456789.- \t\n\v\f\r"
_BLOCK = 1 << 18  # bytes
_DIGITS = 15
_WORD = 8  # digits of a machine word
# A digit and its neighbour are joined, then two pairs, then two fours: what to multiply with, to shift by and to keep.
_JOINED = ((2561, 8, 0x00FF00FF00FF00FF), (6553601, 16, 0x0000FFFF0000FFFF), (42949672960001, 32, 0xFFFFFFFF))
_ZERO, _MINUS, _POINT, _BLANK, _NEWLINE = b"0-. \n"


class Decimals(NamedTuple):
    """The numbers of a text with the bytes that their digits begin and end at, the places of its line feeds, and which numbers
    have a point."""

    values: Array
    begins: Array
    ends: Array
    feeds: Array
    pointed: Array

    def per_line(self) -> Array:
        """How many numbers each line has that a line feed ends."""
        import numpy as np

        lines = len(self.feeds)
        each = len(self.begins) // max(1, lines)
        if each * lines == len(self.begins) and each and self._are_alike(each):
            return np.full(lines, each)
        return np.diff(np.searchsorted(self.begins, self.feeds), prepend=0)

    def _are_alike(self, each: int) -> bool:
        first, last = self.begins[each::each], self.ends[each - 1 :: each]
        return bool((last <= self.feeds).all() and (first > self.feeds[:-1]).all())


def blocks_of_lines(content: bytes) -> Iterator[bytes]:
    """A text in blocks of whole lines, whose arrays stay small; the last line gets a line feed where it has none."""
    at = 0
    while at < len(content):
        end = content.find(b"\n", at + _BLOCK) + 1
        yield content[at:end] if end else content[at:] + b"\n" * (content[-1] != _NEWLINE)
        at = end or len(content)


def plain_decimals(block: bytes) -> Decimals | None:
    """The numbers of a text; None where a word is anything but a plain decimal number."""
    import numpy as np

    if block.translate(None, PLAIN):
        return None
    padded = b" " * _WORD + block + b" "  # a machine word ends at each digit
    text = np.frombuffer(padded, np.uint8)
    is_digit = (text - np.uint8(_ZERO)) < 10
    edges = np.flatnonzero(is_digit[1:] != is_digit[:-1])
    edges += 1
    begins, ends = edges[::2], edges[1::2]
    before = text[begins - 1]
    minus, fraction = before == _MINUS, before == _POINT
    if not (_are_placed(block, text, begins, minus) and _are_points(block, begins, ends, fraction)):
        return None
    values = _converted(padded, begins, ends, minus, fraction)
    if values is None:
        return None
    feeds = np.flatnonzero(text[_WORD:-1] == _NEWLINE)
    (after,) = np.nonzero(fraction)
    if after.size:
        begins, ends = np.delete(begins, after), np.delete(ends, after - 1)
    return Decimals(values, begins - _WORD, ends - _WORD, feeds, after - 1 - np.arange(after.size))


def _are_placed(block: bytes, text: Array, begins: Array, minus: Array) -> bool:
    """Whether each minus begins a word."""
    signs = block.count(b"-")
    return not signs or (int(minus.sum()) == signs and bool((text[begins[minus] - 2] <= _BLANK).all()))


def _are_points(block: bytes, begins: Array, ends: Array, fraction: Array) -> bool:
    """Whether each point has digits on both sides, which have no other."""
    points = block.count(b".")
    if not points:
        return True
    if int(fraction.sum()) != points or fraction[0] or (fraction[1:] & fraction[:-1]).any():
        return False
    return bool((ends[:-1][fraction[1:]] + 1 == begins[1:][fraction[1:]]).all())


def _converted(padded: bytes, begins: Array, ends: Array, minus: Array, fraction: Array) -> Array | None:
    """The numbers of words, runs of digits without the fractions that belong to them; None where one has too many digits."""
    import numpy as np

    digits = ends - begins
    after = np.flatnonzero(fraction)
    if digits.size and max(digits.max(), (digits[after] + digits[after - 1]).max(initial=0)) > _DIGITS:
        return None
    words: Array = np.ndarray(len(padded) - _WORD + 1, "<u8", padded, strides=(1,))
    found = _eight(words[ends - _WORD], np.minimum(digits, _WORD))
    (long,) = np.nonzero(digits > _WORD)
    if long.size:
        found[long] += np.uint64(10**_WORD) * _eight(words[ends[long] - 2 * _WORD], digits[long] - _WORD)
    if not after.size:
        values = found.astype(np.float64)
        return np.negative(values, out=values, where=minus)
    tens = np.array([10**k for k in range(_DIGITS + 1)], np.uint64)[digits[after]]
    found[after - 1] = found[after - 1] * tens + found[after]
    values = found.astype(np.float64)
    values[after - 1] /= tens.astype(np.float64)
    return np.negative(values, out=values, where=minus)[~fraction]


def _eight(words: Array, digits: Array) -> Array:
    """The numbers that the last `digits` (1 to 8) bytes of machine words spell: digits, pairs and fours are joined in turn."""
    import numpy as np

    gone = ((_WORD - digits) << 3).astype(np.uint64)
    words &= np.uint64(0x0F0F0F0F0F0F0F0F)
    words >>= gone
    words <<= gone
    for factor, shift, mask in _JOINED:
        words *= np.uint64(factor)
        words >>= np.uint64(shift)
        words &= np.uint64(mask)
    return words
