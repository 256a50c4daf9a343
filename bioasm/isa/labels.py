"""Names that a problem's variables have outside of the program, kept in its metadata as JSON."""

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
    """The names as JSON: tuples as lists, numbers of numpy as numbers, frozensets, bytes, complex and not finite numbers as an
    object with their type; any other object as its text.

    None where two would become the same, or they are too long for metadata.
    """
    said = plain_names(names)
    try:
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        fits = len(text.encode()) < limit("metadata_bytes") // 2 and len(set(names_of({NAMES: text}))) == len(said)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if fits else None


def plain_names(names: Iterable[Hashable]) -> list[Any]:
    """Names in JSON's forms, from which `name_from` makes them again."""
    return [_plain(name) for name in names]


def _plain(name: Hashable) -> Any:
    """A name in JSON's forms."""
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
    """The names that metadata hold, each once; none where they hold no sound list of them."""
    try:
        said = json.loads(metadata.get(NAMES, "[]"))
        names: tuple[Hashable, ...] = name_from(said) if isinstance(said, list) else ()
        return names if len(set(names)) == len(names) else ()
    except (TypeError, ValueError, LookupError, RecursionError):
        return ()


def name_from(value: Any) -> Any:
    """A name from JSON's forms. Raises ValueError for an object that is none."""
    if isinstance(value, dict):
        ((kind, said),) = value.items()
        return _TYPED[kind](said)
    return tuple(name_from(item) for item in value) if isinstance(value, list) else value
