"""Files of benchmark libraries: symmetric QUBOs of Biq Mac, MQLib and the OR-Library, and QPLIB."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NoReturn

import numpy as np

from bioasm.diagnostics import BioasmError, Diagnostic, Span, error
from bioasm.problems.accounts import Problem, polynomial_problem
from bioasm.problems.graph import COMMENT_MARKS, read_entries, report_repeats
from bioasm.problems.numbers import Faults, without_comments
from bioasm.problems.polynomial import BIT, Monomials, Polynomial, check_neurons, collect
from bioasm.problems.qubo import from_entries

_BOUNDED = frozenset("NB")
_HINT_CONSTRAINTS = "write it as an LP file, whose linear constraints become penalties: bioasm import model.lp"


def read_symmetric(content: bytes, source: str) -> Polynomial:
    """`n m`, then m lines `i j q` with i <= j, counted from 1, of a symmetric Q: x'Qx, where an entry off the diagonal counts
    twice. The OR-Library's files have a line before with their number of problems, which must be 1.

    Raises BioasmError B304, B111.
    """
    text = _without_count(content, source)
    faults = Faults(source, text)
    entries = read_entries(text, faults, "variables", "entries", needs_value=True)
    i, j = np.minimum(entries.i, entries.j), np.maximum(entries.i, entries.j)
    report_repeats(i, j, entries.line, faults, "entry", first=1)
    faults.stop()
    return from_entries(entries.n, i, j, np.where(i == j, entries.value, 2 * entries.value))


def _without_count(content: bytes, source: str) -> bytes:
    """The text with the first line blanked where it is the OR-Library's number of problems."""
    lines = without_comments(content, COMMENT_MARKS).split(b"\n")
    first = next((k for k, line in enumerate(lines) if line.strip()), 0)
    words = lines[first].split()
    if len(words) != 1 or not words[0].isdigit():
        return content
    if words[0] != b"1":
        text = f"the file holds {words[0].decode()} problems, and one is read"
        hint = "cut it: each begins with a line `n m`"
        raise BioasmError(Diagnostic("B304", text, Span(source, first + 1), hint, words[0].decode()))
    return b"\n".join([*([b""] * (first + 1)), *lines[first + 1 :]])


# --- QPLIB ------------------------------------------------------------------------------------------


class _Lines:
    """The lines of a QPLIB file without comments, one after the other."""

    def __init__(self, content: bytes, source: str) -> None:
        self.source, self.number = source, 0
        self.lines = content.decode("utf-8", "replace").split("\n")

    def fail(self, why: str, hint: str | None = None) -> NoReturn:
        """Raise BioasmError B304 at the line that was read last."""
        excerpt = self.lines[self.number - 1] if 0 < self.number <= len(self.lines) else ""
        raise error("B304", why, span=Span(self.source, self.number, 1, len(excerpt) + 1), hint=hint, excerpt=excerpt)

    def next(self, what: str, least: int = 1) -> list[str]:
        """The words of the next line."""
        words: list[str] = []
        while not words and self.number < len(self.lines):
            self.number += 1
            line = self.lines[self.number - 1].lstrip()
            words = [] if line[:1] in ("!", "%") else line.split("#")[0].split()
        if len(words) < least:
            self.fail(f"{what} should stand here")
        return words

    def count(self, what: str, most: int) -> int:
        """A whole number up to `most`."""
        word = self.next(what)[0]
        if not word.isdecimal() or len(word) > 15 or int(word) > most:
            self.fail(f"{what} should be a whole number up to {most:,}")
        return int(word)

    def value(self, what: str, at: int = 0) -> float:
        """A finite number."""
        return self.number_of(self.next(what)[at], what)

    def number_of(self, word: str, what: str) -> float:
        """The finite number that a word says."""
        try:
            value = float(word)
        except ValueError:
            value = np.inf
        if not np.isfinite(value):
            self.fail(f"{what} should be a finite number, not {word}")
        return value

    def row(self, n: int, ends: int, what: str) -> tuple[list[int], str]:
        """A line of so many variables, counted from 1, and a word."""
        words = self.next(what, ends + 1)
        found = [int(word) - 1 if word.isdecimal() and len(word) < 16 else -1 for word in words[:ends]]
        if not all(0 <= end < n for end in found):
            self.fail(f"{what}: variables are 1 to {n:,}")
        return found, words[ends]


def read_qplib(content: bytes, source: str, maximize: bool) -> Problem:
    """A problem of QPLIB over bits without constraints (QBN, and QBB, whose bounds bits have already): 1/2 x'Qx + b'x + q.

    Raises BioasmError B304 for other types, with the way, and for what is wrong in the file; B111.
    """
    lines = _Lines(content, source)
    title = " ".join(lines.next("the name"))
    _demand_kind(lines, lines.next("the type")[0].upper())
    kind = lines.lines[lines.number - 1].split()[0].upper()
    sense = lines.next("minimize or maximize")[0].lower()
    if sense not in ("minimize", "maximize"):
        lines.fail("`minimize` or `maximize` should stand here")
    n = lines.count("the number of variables", 1 << 53)
    if n < 1:
        lines.fail("a problem has at least one variable")
    check_neurons(n, "variables")
    pieces = [*(_quadratic(lines, n) if kind[0] != "L" else []), *_linear(lines, n)]
    energy = collect(n, BIT, pieces, [lines.value("the constant")])
    return polynomial_problem(energy, source, (sense == "maximize") != maximize, _names(lines, n), (f"{title} of QPLIB.",))


def _demand_kind(lines: _Lines, kind: str) -> None:
    if len(kind) != 3:
        lines.fail("the type is three letters, as in QBN")
    if kind[1] != "B":
        lines.fail(f"type {kind}: not all variables are bits", "bits can be solved; write whole numbers in bits first")
    if kind[2] not in _BOUNDED:
        lines.fail(f"type {kind}: the problem has constraints", _HINT_CONSTRAINTS)


def _quadratic(lines: _Lines, n: int) -> list[Monomials]:
    """The lower triangle of Q, of which half counts: a pair once as it is given, the diagonal half."""
    count = lines.count("the number of quadratic terms", n * n)
    rows = [lines.row(n, 2, "a term `i j value`") for _ in range(count)]
    values = np.array([lines.number_of(word, "a coefficient") for _, word in rows])
    ends = np.sort(np.array([row for row, _ in rows], np.int64).reshape(-1, 2), axis=1)
    same = ends[:, 0] == ends[:, 1]
    return [Monomials(ends[same][:, :1], values[same] / 2), Monomials(ends[~same], values[~same])]


def _linear(lines: _Lines, n: int) -> list[Monomials]:
    """b: a default and the values that differ from it."""
    biases = np.full(n, lines.value("the default of the linear terms"))
    for _ in range(lines.count("the number of linear terms", n)):
        (variable,), word = lines.row(n, 1, "a term `i value`")
        biases[variable] = lines.number_of(word, "a coefficient")
    return [Monomials(np.arange(n)[:, None], biases)]


def _names(lines: _Lines, n: int) -> tuple[Hashable, ...]:
    """The names at the end of the file, behind infinity, the start of the variables and that of their duals; x1, x2 without."""
    names = [f"x{k}" for k in range(1, n + 1)]
    try:
        lines.next("infinity")
        for _ in ("start", "duals"):
            lines.next("a default")
            for _ in range(lines.count("the number of values", n)):
                lines.next("a value")
        for _ in range(lines.count("the number of names", n)):
            (variable,), names[variable] = lines.row(n, 1, "a name")
    except BioasmError:
        return ()
    return tuple(names) if len(set(names)) == n else ()
