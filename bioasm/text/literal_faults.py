"""Error location in data literals: a slow scan entry by entry, run after the fast parser failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import isfinite

from bioasm.wholes import rounded

_TOKEN = re.compile(r"[][,]|[^][,\s]+")
_ENTRY = re.compile(r"[^|\n]+")
_PIECE = re.compile(r"\S+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SHOWN = 30


class LiteralFault(Exception):
    """A fault of a literal, at offsets `start` to `end` of its text."""

    def __init__(self, code: str, message: str, start: int, end: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.start, self.end, self.hint = code, message, start, end, hint


class TypeFault(Exception):
    """Entries that the type before their literal can't store exactly."""


def dense_fault(text: str) -> LiteralFault:
    """The first fault of a dense literal with blanked comments."""
    return next(_dense_faults(text), LiteralFault("B010", "the literal can't be read", 0, 1))


def _dense_faults(text: str) -> Iterator[LiteralFault]:
    yield from _order_faults(text)
    yield from _row_faults(text)


def _order_faults(text: str) -> Iterator[LiteralFault]:
    """Token faults of a dense literal: invalid numbers, and misplaced numbers, commas or brackets."""
    before = ""
    for token in _TOKEN.finditer(text):
        word, place = token[0], token.span()
        if word not in "[],":
            yield from _number_fault(word, place[0])
        if word in ",]" and before in ("[", ",") and not (word == "]" and before == "["):
            yield LiteralFault("B010", "a number is missing here", *place)
        elif word not in ",]" and before not in ("", "[", ","):
            yield LiteralFault("B010", f"a comma is missing before `{word[:_SHOWN]}`", *place)
        before = word


def _number_fault(word: str, start: int) -> Iterator[LiteralFault]:
    place = start, start + len(word)
    shown = f"`{word[:_SHOWN]}{'...' if len(word) > _SHOWN else ''}`"
    if not _NUMBER.fullmatch(word):
        hint = "data hold plain numbers in SI units: no names, no units" if word[0].isalnum() else None
        yield LiteralFault("B010", f"{shown} is no number", *place, hint)
    elif not isfinite(float(word)):
        yield LiteralFault("B009", f"{shown} is too large for a 64-bit float", *place)
    else:
        fault = rounded(word)
        if fault is not None:
            yield LiteralFault("B115", str(fault), *place, fault.hint)


def _row_faults(text: str) -> Iterator[LiteralFault]:
    """Shape faults of a dense literal: numbers mixed with rows, and rows of different lengths."""
    inside = 1
    rows = list(re.finditer(r"\[([^][]*)\]", text[inside:-1]))
    loose = _PIECE.search(re.sub(r"\[[^][]*\]", lambda row: " " * len(row[0]), text[inside:-1]).replace(",", " "))
    if rows and loose:
        start, end = loose.start() + inside, loose.end() + inside
        yield LiteralFault("B010", "a literal holds numbers or rows in brackets, not both", start, end)
    for count, row in enumerate(rows):
        if _length(row[1]) != _length(rows[0][1]):
            message = f"row {count + 1} has {_entries(_length(row[1]))}, the first has {_length(rows[0][1])}"
            yield LiteralFault("B010", message, row.start() + inside, row.end() + inside)


def _length(row: str) -> int:
    return row.count(",") + 1 if row.strip() else 0


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def entries_fault(text: str, start: int, end: int, sides: tuple[int, ...], *, symmetric: bool = False) -> LiteralFault:
    """The first fault of the entries at `start` to `end` of a sparse literal (two `sides`) or of terms (one)."""
    faults = _sparse_faults if len(sides) == 2 else _term_faults
    return next(faults(text, start, end, sides, symmetric), LiteralFault("B010", "the literal can't be read", 0, 1))


def _sparse_faults(text: str, start: int, end: int, sides: tuple[int, ...], symmetric: bool) -> Iterator[LiteralFault]:
    seen: set[tuple[int, ...]] = set()
    for pieces in _all_pieces(text, start, end):
        place = pieces[0].start(), pieces[-1].end()
        for piece, side in zip(pieces, sides, strict=False):
            yield from _index_fault(piece, side)
        if len(pieces) != 3:
            yield LiteralFault("B010", f"an entry is `row column value`, not {_numbers(len(pieces))}", *place)
            continue
        yield from _number_fault(pieces[2][0], pieces[2].start())
        named = int(pieces[0][0]), int(pieces[1][0])
        key = tuple(sorted(named)) if symmetric else named
        if key in seen:
            hint = "`symmetric` mirrors each entry: write one of the pair" if symmetric else None
            yield LiteralFault("B010", f"the entry {named[0]} {named[1]} stands twice", *place, hint)
        seen.add(key)


def _term_faults(text: str, start: int, end: int, sides: tuple[int, ...], _: bool) -> Iterator[LiteralFault]:
    for pieces in _all_pieces(text, start, end):
        *indices, weight = pieces
        seen: set[int] = set()
        for piece in indices:
            yield from _index_fault(piece, sides[0])
            if int(piece[0]) in seen:
                yield LiteralFault("B010", f"the index {piece[0]} stands twice in its term", *piece.span())
            seen.add(int(piece[0]))
        yield from _number_fault(weight[0], weight.start())
        if not indices:
            yield LiteralFault("B010", "a term is its indices and then its weight; here is one number", *weight.span())


def _all_pieces(text: str, start: int, end: int) -> Iterator[list[re.Match[str]]]:
    for entry in _ENTRY.finditer(text, start, end):
        pieces = list(_PIECE.finditer(text, entry.start(), entry.end()))
        if pieces:
            yield pieces


def _index_fault(piece: re.Match[str], side: int) -> Iterator[LiteralFault]:
    word = piece[0]
    if not re.fullmatch(r"[+-]?[0-9]+", word):
        yield LiteralFault("B010", f"`{word[:_SHOWN]}` is no whole number; an index is wanted here", *piece.span())
    elif len(word) > 18 or not 0 <= int(word) < side:
        hint = "indices count from 0"
        yield LiteralFault("B010", f"the index {word[:_SHOWN]} is not in 0 to {side - 1}", *piece.span(), hint)


def _numbers(count: int) -> str:
    return "1 number" if count == 1 else f"{count} numbers"
