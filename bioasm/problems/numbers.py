"""Text of numbers in lines, read at the speed of compiled code and still with exact places of what is wrong."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bioasm.decimals import blocks_of_lines, plain_decimals
from bioasm.diagnostics import BioasmError, Diagnostic, Span
from bioasm.isa.limits import limit
from bioasm.wholes import Rounded, rounded_words

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_NEWLINE = 10

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Faults:
    """The faults of one problem file. `stop` raises those found, in the order of lines."""

    source: str
    content: bytes
    found: list[Diagnostic] = field(default_factory=list)

    def add(self, line: int, message: str, hint: str | None = None, column: int = 1, end: int | None = None) -> None:
        """Note what is wrong on a line (from 1); without a column the whole line is meant."""
        self._add("B304", line, message, hint, column, end)

    def _add(self, code: str, line: int, message: str, hint: str | None, column: int, end: int | None) -> None:
        excerpt = self.line(line)
        span = Span(self.source, line, column, end or len(excerpt) + 1)
        self.found.append(Diagnostic(code, message, span, hint, excerpt))

    def add_fault(self, line: int, fault: Rounded) -> None:
        """Note that a line holds a whole number that no 64-bit float is (B115)."""
        self._add("B115", line, str(fault), fault.hint, 1, None)

    def add_rounded(self, content: bytes) -> None:
        """Note the whole numbers of a text, whose lines are those of the file, that no 64-bit float is (B115)."""
        for start, end, fault in rounded_words(content)[: limit("diagnostics")]:
            column = start - content.rfind(b"\n", 0, start)
            self._add("B115", content.count(b"\n", 0, start) + 1, str(fault), fault.hint, column, column + end - start)

    def add_each(self, where: Mask, lines: Integers, message: Callable[[int], str], hint: str | None = None) -> None:
        """Note `message(k)` for each row k of a table that is marked, up to the number that is shown."""
        for k in np.flatnonzero(where)[: limit("diagnostics")].tolist():
            self.add(int(lines[k]), message(k), hint)

    def line(self, number: int) -> str:
        """The text of a line without what ends it."""
        start = 0
        for _ in range(number - 1):
            start = self.content.index(b"\n", start) + 1
        return self.content[start:].split(b"\n", 1)[0].decode("utf-8", "replace").rstrip()

    def stop(self) -> None:
        """Raise BioasmError with all that was found, if anything was."""
        if self.found:
            self.found.sort(key=lambda d: d.span.line if d.span else 0)
            raise BioasmError(*self.found[: limit("diagnostics")])


@dataclass(frozen=True, eq=False, slots=True)
class NumberLines:
    """The numbers of a text: `values` of all of them, and for each line that is not blank its number in the text
    (from 1), where its numbers start in `values` and how many it has."""

    values: Floats
    line: Integers
    start: Integers
    count: Integers

    def column(self, which: Integers | slice, k: int) -> Floats:
        """The k-th number of the chosen lines; each must have that many."""
        picked: Floats = self.values[self.start[which] + k]
        return picked


def without_comments(content: bytes, marks: bytes) -> bytes:
    """The text with all lines blanked that begin with one of `marks`; the lines keep their numbers."""
    if not any(mark in content for mark in marks):
        return content
    return re.sub(rb"(?m)^[ \t]*[" + re.escape(marks) + rb"][^\n]*", b"", content)


def read_numbers(content: bytes, faults: Faults) -> NumberLines:
    """All numbers of a text that holds only numbers, separated by blanks and line ends.

    Raises BioasmError B304 with the places of what is no finite number, B115 with those of what would be rounded.
    """
    plain = _plain(content)
    if plain is not None:
        return plain
    starts, line_of = _words(content)
    values = _parse(content)
    if values is None or len(values) != len(starts):
        _report_words(content, starts, line_of, faults)
    assert values is not None
    endless = ~np.isfinite(values)
    faults.add_each(endless, line_of, lambda k: f"{_word(content, int(starts[k]))} is no finite number")
    faults.add_rounded(content)
    faults.stop()
    first = np.flatnonzero(np.diff(line_of, prepend=0))
    return NumberLines(values, line_of[first], first, np.diff(first, append=len(values)))


def _plain(content: bytes) -> NumberLines | None:
    """The numbers of a text of plain decimal ones, block by block; None where there is anything else."""
    values, counts = [], []
    for block in blocks_of_lines(content):
        found = plain_decimals(block)
        if found is None:
            return None
        values.append(found.values)
        counts.append(found.per_line().astype(np.int32))
    if not values:
        return None
    count = np.concatenate(counts)
    (filled,) = np.nonzero(count)
    per_line = count[filled].astype(np.int64)
    return NumberLines(np.concatenate(values), filled + 1, np.cumsum(per_line) - per_line, per_line)


def _words(content: bytes) -> tuple[Integers, Integers]:
    """Where each word starts (byte), and on which line (from 1)."""
    text = np.frombuffer(content, dtype=np.uint8)
    blank = (text == 32) | ((text >= 9) & (text <= 13))
    starts = np.flatnonzero(~blank & np.concatenate(([True], blank[:-1]))) if len(text) else np.zeros(0, np.int64)
    line_of = np.searchsorted(np.flatnonzero(text == _NEWLINE), starts) + 1
    return starts, line_of


def _parse(content: bytes) -> Floats | None:
    """The numbers up to the first word that is none; None where there is no number at all."""
    if not content.strip():
        return np.zeros(0)  # where numpy would find a -1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return np.fromstring(content.decode("latin-1"), dtype=np.float64, sep=" ")
        except ValueError:
            return None


def _word(content: bytes, start: int) -> str:
    """The word that starts at a byte, shortened where it is long."""
    word = content[start : start + 80].split(None, 1)[0].decode("utf-8", "replace")
    shown = "".join(c if c.isprintable() else "\ufffd" for c in word)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def _report_words(content: bytes, starts: Integers, line_of: Integers, faults: Faults) -> None:
    """Raise for the words that are no numbers; it is known that there are some."""
    text = content.split()
    wrong = [k for k, word in enumerate(text) if not _NUMBER.match(word)] if len(text) == len(starts) else [0]
    for k in wrong[: limit("diagnostics")]:
        start = int(starts[k])
        column = start - (content.rfind(b"\n", 0, start) + 1) + 1
        word = _word(content, start)
        faults.add(int(line_of[k]), f"'{word}' is no number", column=column, end=column + len(word))
    faults.stop()


def whole(values: Floats, low: int, high: int) -> Mask:
    """Which values are whole numbers from low to high."""
    mask: Mask = (values == np.floor(values)) & (values >= low) & (values <= high)
    return mask
