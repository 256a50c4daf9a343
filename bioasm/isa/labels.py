"""Names that a problem's variables have outside of the program, kept in its metadata as JSON."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from math import isfinite
from typing import Any

from bioasm.isa.limits import limit

NAMES = "names"
VALUES = "values"
SENSE = "sense"
BITS = "bits"
MAXIMIZE = "maximize"


def names_to_text(names: Sequence[Hashable]) -> str | None:
    """The names as JSON, tuples as lists, numbers of numpy as numbers; one that JSON has no form for as its text.

    None where two would become the same, or they are too long for metadata.
    """
    said = [_plain(name) for name in names]
    try:
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        fits = len(text.encode()) < limit("metadata_bytes") // 2 and names_of({NAMES: text}) == tuple(said)
    except (TypeError, ValueError, RecursionError):
        return None
    return text if fits else None


def _plain(name: Hashable) -> Hashable:
    """A name that JSON gives back as it is: numbers, texts, None, and tuples of these."""
    if isinstance(name, tuple):
        return tuple(_plain(item) for item in name)
    value: Hashable = name.item() if hasattr(name, "dtype") and hasattr(name, "item") else name
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float) else str(value)


def names_of(metadata: Mapping[str, str]) -> tuple[Hashable, ...]:
    """The names that metadata hold, each once; none where they hold no sound list of them."""
    try:
        said = json.loads(metadata.get(NAMES, "[]"))
        names: tuple[Hashable, ...] = _hashable(said) if isinstance(said, list) else ()
        return names if len(set(names)) == len(names) else ()
    except (TypeError, ValueError, RecursionError):
        return ()


def _hashable(value: Any) -> Any:
    return tuple(_hashable(item) for item in value) if isinstance(value, list) else value
