"""Lookup in a Result by name: readings first, then recordings and events, then the fixed names of the JSON object."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioasm.diagnostics import did_you_mean
from bioasm.results.content import content, reading_value
from bioasm.results.result import Result


def names(result: Result) -> list[str]:
    """All distinct names."""
    read = [reading.what for reading in result.results]
    return list(dict.fromkeys([*read, *result.recordings, *result.events, *content(result)]))


def find(result: Result, name: str) -> Any:
    """The value of a name: a single reading unchanged, several as an array (numbers) or a list.

    Raises KeyError with the known names.
    """
    values = [reading_value(result, reading) for reading in result.results if reading.what == name]
    if len(values) == 1:
        return values[0]
    if values:
        return np.array(values) if all(np.ndim(value) == 0 for value in values) else values
    if name in result.recordings:
        return result.recordings[name]
    if name in result.events:
        return result.events[name]
    fields = content(result)
    if name in fields:
        return fields[name]
    known = names(result)
    raise KeyError(f"no {name!r} in this result: {did_you_mean(name, known) or 'there are ' + ', '.join(known)}")
