"""Data literals in the text (dense, sparse, terms), parsed by vectorised string operations.

A literal is parsed at once. Only on failure is it scanned entry by entry, for the place of the fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from bioasm.isa.limits import limit
from bioasm.isa.program import Data, Dense, Sparse, Terms
from bioasm.isa.storage import narrow
from bioasm.text.document import Item
from bioasm.text.entries import repeated, sorted_sparse, sorted_terms
from bioasm.text.fast_entries import plain_entries
from bioasm.text.literal_faults import LiteralFault, TypeFault, dense_fault, entries_fault
from bioasm.text.numbers import stored_as, to_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMMENT = re.compile(r";[^\n]*")
_ROW_BREAK = re.compile(r"\]\s*+,\s*+\[")
_SPARSE = re.compile(r"sparse\s*\(([^)]*)\)\s*(symmetric)?\s*\{(.*)\}", re.DOTALL | re.IGNORECASE)
_TERMS = re.compile(r"terms\s*\(([^)]*)\)\s*\{(.*)\}", re.DOTALL | re.IGNORECASE)
_NUMERIC = b"0123456789+-.eE"
_SPACE = b" \t\n"


def read_literal(item: Item) -> Data:
    """Parse a literal of form `dense`, `sparse` or `terms`, in the narrowest type or that in `item.extra`.

    Raises LiteralFault with the offset of the first fault in the literal; TypeFault where the type can't hold the entries.
    """
    text = _COMMENT.sub(lambda c: " " * len(c[0]), item.text) if ";" in item.text else item.text
    try:
        return _READERS[item.form](text, item.extra)
    except (ValueError, OverflowError):
        raise LiteralFault("B010", "the literal can't be read", 0, 1) from None


def _typed(words: list[str], kind: str) -> NDArray[Any]:
    return _stored(to_array(words), kind)


def _stored(array: NDArray[Any], kind: str) -> NDArray[Any]:
    if not kind:
        return narrow(array)
    try:
        return stored_as(kind, array)
    except ValueError:
        raise TypeFault(f"not all entries can be stored exactly in {kind}") from None


# --- dense ------------------------------------------------------------------------------------------


def _dense(text: str, kind: str) -> Dense:
    try:
        words, shape = _dense_words(text)
        return Dense(_typed(words, kind).reshape(shape))
    except (ValueError, OverflowError):
        raise dense_fault(text) from None


def _dense_words(text: str) -> tuple[list[str], tuple[int, ...]]:
    """The words of numbers in row-major order, and the shape. Raises ValueError for misplaced brackets."""
    _only(text, _NUMERIC + b",[]" + _SPACE)
    inner = text[1:-1].strip()
    if "[" not in inner:
        words = inner.split(",") if inner else []
        return words, (len(words),)
    rows = _ROW_BREAK.split(inner[1:-1])
    widths = {row.count(",") for row in rows}
    if inner[0] != "[" or inner[-1] != "]" or inner.count("[") != len(rows) or inner.count("]") != len(rows):
        raise ValueError("brackets do not fit")
    if len(widths) != 1:
        raise ValueError("rows differ in length")
    if not any(row.strip() for row in rows):
        return [], (len(rows), 0)
    return ",".join(rows).split(","), (len(rows), widths.pop() + 1)


def _only(text: str, allowed: bytes) -> None:
    if not text.isascii() or text.encode("ascii").translate(None, allowed):
        raise ValueError("a character that is in no number")


# --- sparse and terms -------------------------------------------------------------------------------


def _sparse(text: str, kind: str) -> Sparse:
    found = _SPARSE.fullmatch(text)
    if found is None:
        raise ValueError("not a sparse literal")
    sides = _sides(found, 2)
    shape, symmetric = (sides[0], sides[-1]), found[2] is not None
    if symmetric and shape[0] != shape[1]:
        message = f"a matrix of {shape[0]} x {shape[1]} can't be symmetric"
        raise LiteralFault("B010", message, found.start(2), found.end(2))
    try:
        matrix = _sparse_matrix(found[3], shape, symmetric, kind)
        if repeated(matrix).any():
            raise ValueError("an entry stands twice")
        return matrix
    except (ValueError, OverflowError):
        raise entries_fault(text, found.start(3), found.end(3), shape, symmetric=symmetric) from None


def _sparse_matrix(body: str, shape: tuple[int, int], symmetric: bool, kind: str) -> Sparse:
    plain = plain_entries(body)
    if plain is not None:
        rows, columns = _in_range(plain[0], shape[0]), _in_range(plain[1], shape[1])
        return sorted_sparse(shape, rows, columns, _stored(plain[2], kind), symmetric=symmetric)
    entries = _entries(body)
    if any(len(entry) != 3 for entry in entries):
        raise ValueError("an entry is a row, a column and a value")
    row, column, words = zip(*entries, strict=True) if entries else ((), (), ())
    rows, columns = _indices(row, shape[0]), _indices(column, shape[1])
    return sorted_sparse(shape, rows, columns, _typed(list(words), kind), symmetric=symmetric)


def _terms(text: str, kind: str) -> Terms:
    found = _TERMS.fullmatch(text)
    if found is None:
        raise ValueError("not a terms literal")
    size = _sides(found, 1)[0]
    try:
        return _all_terms(found[2], size, kind)
    except (ValueError, OverflowError):
        raise entries_fault(text, found.start(2), found.end(2), (size,)) from None


def _all_terms(body: str, size: int, kind: str) -> Terms:
    import numpy as np

    entries = _entries(body)
    words = [entry.pop() for entry in entries]
    orders = np.array(list(map(len, entries)), dtype=np.int64)
    if orders.size and orders.min() < 1:
        raise ValueError("a term has no index")
    return sorted_terms(size, orders, _indices(list(chain.from_iterable(entries)), size), _typed(words, kind))


def _entries(body: str) -> list[list[str]]:
    """Tokenise a sparse literal: the words of each entry; line ends or bars separate entries, empty ones are skipped."""
    _only(body, _NUMERIC + b"|" + _SPACE)
    return list(filter(None, map(str.split, body.replace("|", "\n").split("\n"))))


def _indices(words: Sequence[str], size: int) -> NDArray[Any]:
    return _in_range(to_array(words), size)


def _in_range(array: NDArray[Any], size: int) -> NDArray[Any]:
    if array.dtype.kind != "i" or (array.size and not 0 <= array.min() <= array.max() < size):
        raise ValueError("an index is no whole number, or out of range")
    return array


def _sides(found: re.Match[str], most: int) -> list[int]:
    """The matrix sizes in parentheses. Raises LiteralFault for invalid ones."""
    words = found[1].split(",")
    place = found.start(1), found.end(1)
    if len(words) > most or not all(re.fullmatch(r"\s*[0-9]{1,18}\s*", word) for word in words):
        form = "`sparse(n)` or `sparse(rows, columns)`" if most == 2 else "`terms(n)`"
        raise LiteralFault("B010", f"the size is written {form} with whole numbers", *place)
    sides = [int(word) for word in words]
    if not all(1 <= side <= limit("neurons") for side in sides):
        raise LiteralFault("B111", f"a size is 1 to {limit('neurons')}", *place)
    return sides


_READERS: dict[str, Callable[[str, str], Data]] = {"dense": _dense, "sparse": _sparse, "terms": _terms}
