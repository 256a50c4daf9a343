"""Hamming distance of two results in bits: 0 for bit-identical ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.results import Result, Spikes
from bioasm.results.result import ALONG_LANES

Array = NDArray[Any]


def deviating_bits(first: Result, second: Result) -> int | None:
    """The number of differing bits of all numbers of two results; None where their arrays don't match."""
    ours, theirs = list(_arrays(first)), list(_arrays(second))
    if [(name, a.shape, a.dtype) for name, a in ours] != [(name, a.shape, a.dtype) for name, a in theirs]:
        return None
    return sum(_apart(a, b) for (_, a), (_, b) in zip(ours, theirs, strict=True))


def _apart(a: Array, b: Array) -> int:
    one, other = (np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in (a, b))
    toggled = one ^ other
    return int(np.unpackbits(toggled[toggled != 0]).sum())


def _arrays(result: Result) -> Iterator[tuple[str, Array]]:
    """All arrays of a result by name, in a fixed order."""
    for name, recording in result.recordings.items():
        yield name, np.asarray(recording.values)
    for name, happened in {"spikes": result.spikes, **result.events}.items():
        yield from _spikes(name, happened)
    yield from ((name, np.asarray(getattr(result, name))) for name in ALONG_LANES)
    for k, reading in enumerate(result.results):
        if isinstance(reading.value, Spikes):
            yield from _spikes(f"{k} {reading.what}", reading.value)
        else:
            yield f"{k} {reading.what}", np.asarray(reading.value)


def _spikes(name: str, spikes: Spikes) -> Iterator[tuple[str, Array]]:
    yield from ((f"{name} {part}", np.asarray(getattr(spikes, part))) for part in ("t", "i", "lane"))
