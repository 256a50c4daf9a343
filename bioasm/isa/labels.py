"""Serialisation of a problem's variable names as JSON in the program's metadata."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from bioasm.isa.limits import limit

NAMES = "names"
VALUES = "values"
SENSE = "sense"
BITS = "bits"
MAXIMIZE = "maximize"


def names_to_text(names: Sequence[Hashable]) -> str | None:
    """The names as JSON (`plain_names`).

    None where two names would collide, or the text is too long for metadata.
    """
    said = plain_names(names)
    try:
        text = _json(said)
        fits = len(text.encode()) < limit("metadata_bytes") // 2 and len(set(names_of({NAMES: text}))) == len(said)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if fits else None


def _json(said: list[Any], escaped: bool = False) -> str:
    """JSON in UTF-8, with escapes where a name has surrogates, as names from file systems may."""
    text = json.dumps(said, ensure_ascii=escaped, separators=(",", ":"), allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _json(said, escaped=True)
    return text


def plain_names(names: Iterable[Hashable]) -> list[Any]:
    """Names as JSON values, which `name_from` turns back.

    Tuples are lists, numbers of numpy numbers, and frozensets, bytes, complex and not finite numbers an object with their type.
    Any other object becomes its text, numbered where that is another's name already: `node`, `node #2`.
    """
    said = [(_plain(name), isinstance(name, str)) for name in names]
    taken = {name: 1 for name, own in said if own}
    return [_unlike(name, taken) if isinstance(name, str) and not own else name for name, own in said]


def _unlike(text: str, taken: dict[str, int]) -> str:
    """Deduplication: the text, with a number where it is taken; `taken` counts the uses of each text."""
    found = text
    while found in taken:
        taken[text] += 1
        found = f"{text} #{taken[text]}"
    taken[found] = 1
    return found


def _plain(name: Hashable) -> Any:
    """A name as a JSON value."""
    if isinstance(name, tuple):
        return [_plain(item) for item in name]
    value: Any = name.item() if hasattr(name, "dtype") and hasattr(name, "item") else name
    if isinstance(value, frozenset):
        return {"frozenset": sorted((_plain(item) for item in value), key=repr)}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, complex) or isinstance(value, float) and not isfinite(value):
        return {type(value).__name__: str(value)}
    return value if value is None or isinstance(value, str | int | float) else str(value)


_TYPED: dict[str, Callable[[Any], Hashable]] = {
    "frozenset": lambda items: frozenset(map(name_from, items)),
    "bytes": bytes.fromhex,
    "complex": complex,
    "float": float,
}


def names_of(metadata: Mapping[str, str]) -> tuple[Hashable, ...]:
    """The names in metadata; none where it has no valid list of distinct names."""
    try:
        said = json.loads(metadata.get(NAMES, "[]"))
        names: tuple[Hashable, ...] = name_from(said) if isinstance(said, list) else ()
        return names if len(set(names)) == len(names) else ()
    except (TypeError, ValueError, LookupError, RecursionError):
        return ()


def name_from(value: Any) -> Any:
    """A name from its JSON value. Raises ValueError for an object that is no name."""
    if isinstance(value, dict):
        ((kind, said),) = value.items()
        return _TYPED[kind](said)
    return tuple(name_from(item) for item in value) if isinstance(value, list) else value
