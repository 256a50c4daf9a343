"""Round-trip printing of numbers and data: parsing the text gives the same bits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from bioasm.diagnostics import error
from bioasm.isa.program import ConstantRef, Data, Dense, Quantity, Random, Sparse, Terms
from bioasm.isa.storage import TYPES, narrow
from bioasm.text.document import Item
from bioasm.text.printer import spelled
from bioasm.units import spell

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LINE = 100
# Bytecode widens types that it does not store; so does text, so that both give the same program.
_WIDENED = {"b1": "i1", "u1": "i2", "u2": "i4", "u4": "i8", "u8": "i8", "f2": "f4"}


def spell_quantity(quantity: Quantity) -> Item:
    """A number with its unit. Raises BioasmError B109 where it is not finite."""
    if not isfinite(quantity.value):
        raise error("B109", f"the number {quantity.value} has no form in text")
    number, symbol = spell(quantity.value, quantity.dimension)
    return Item("number", number, extra=symbol)


def spell_data(value: Data) -> Item:
    """A data literal, preceded by its type where that is not the narrowest. Raises BioasmError B109, B106, B010."""
    if isinstance(value, Random):
        return Item("random", _random(value))
    kind = _kind(value.array if isinstance(value, Dense) else value.value)
    if isinstance(value, Dense):
        return Item("dense", _dense(value.array), extra=kind)
    if isinstance(value, Sparse):
        return Item("sparse", _sparse(value), extra=kind)
    return Item("terms", _terms(value), extra=kind)


def _kind(array: NDArray[Any]) -> str:
    """The type of the entries for the text; empty where it is the default on reading."""
    name = array.dtype.str[1:]
    name = _WIDENED.get(name, name)
    if name not in TYPES:
        raise error("B010", f"entries of type {array.dtype} have no form in text")
    return "" if narrow(array).dtype.str[1:] == name else name


def _words(array: NDArray[Any]) -> list[str]:
    """The shortest round-trip decimal of every entry; float32 entries as float64."""
    import numpy as np

    if array.dtype.kind != "f":
        return list(map(str, map(int, array.ravel().tolist())))
    if not np.isfinite(array).all():
        raise error("B109", "data that hold NaN or an infinity have no form in text")
    return [_float(number) for number in array.ravel().tolist()]


def _float(number: float) -> str:
    word = repr(number)
    return word[:-2] if word.endswith(".0") and word != "-0.0" else word


# --- layouts ----------------------------------------------------------------------------------------


def _dense(array: NDArray[Any]) -> str:
    words = _words(array)
    if array.ndim == 1:
        return _list(words)
    rows, columns = array.shape
    if not rows:
        raise error("B106", f"a matrix of {rows} x {columns} has no form in text")
    lines = [f"[{', '.join(words[k * columns : (k + 1) * columns])}]" for k in range(rows)]
    whole = f"[{', '.join(lines)}]"
    return whole if rows * columns <= 16 and len(whole) <= _LINE else "[" + ",\n ".join(lines) + "]"


def _list(words: Sequence[str]) -> str:
    """A vector; a long one is wrapped into lines of about the same number of entries."""
    widest = max(map(len, words), default=0) + 2
    each = max(1, _LINE // widest)
    lines = [", ".join(words[k : k + each]) for k in range(0, len(words), each)]
    return "[" + ",\n ".join(lines) + "]"


def _sparse(value: Sparse) -> str:
    rows, columns = value.shape
    size = f"{rows}" if rows == columns else f"{rows}, {columns}"
    entries = zip(_words(value.row), _words(value.column), _words(value.value), strict=True)
    return _braces(f"sparse({size}){' symmetric' if value.symmetric else ''}", map(" ".join, entries))


def _terms(value: Terms) -> str:
    index, start, weights = _words(value.index), value.start.tolist(), _words(value.value)
    terms = (" ".join([*index[start[k] : start[k + 1]], weight]) for k, weight in enumerate(weights))
    return _braces(f"terms({value.size})", terms)


def _random(value: Random) -> str:
    words = [a.name if isinstance(a, ConstantRef) else spelled(spell_quantity(a)) for a in value.arguments]
    return f"{value.distribution}({', '.join(words)}){' per lane' if value.per_lane else ''}"


def _braces(head: str, entries: Iterable[str]) -> str:
    """Entries on one line where they are few, else one a line."""
    each = list(entries)
    whole = " | ".join(each)
    if len(each) <= 8 and len(head) + len(whole) < _LINE:
        return f"{head} {{ {whole} }}" if whole else f"{head} {{ }}"
    return f"{head} {{ " + f"\n{' ' * (len(head) + 3)}".join(each) + " }"
