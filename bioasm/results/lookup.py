"""What a Result holds under a name: readings first, then recordings, then the fixed names of the JSON object."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioasm.diagnostics import did_you_mean
from bioasm.results.content import content, reading_value
from bioasm.results.result import Result


def names(result: Result) -> list[str]:
    """Every name there is, each once."""
    return list(dict.fromkeys([*(reading.what for reading in result.results), *result.recordings, *content(result)]))


def find(result: Result, name: str) -> Any:
    """One reading of that name as it is, several as an array (numbers) or a list.

    Raises KeyError, which names what there is.
    """
    values = [reading_value(result, reading) for reading in result.results if reading.what == name]
    if len(values) == 1:
        return values[0]
    if values:
        return np.array(values) if all(np.ndim(value) == 0 for value in values) else values
    if name in result.recordings:
        return result.recordings[name]
    fields = content(result)
    if name in fields:
        return fields[name]
    known = names(result)
    raise KeyError(f"no {name!r} in this result: {did_you_mean(name, known) or 'there are ' + ', '.join(known)}")
