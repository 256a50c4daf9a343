"""Runs of the machine and of the reference side by side, and how far they are apart."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.results import Result
from bioasm.verifier.gate import verify
from tests.vm.network_reference import NetworkReference
from tests.vm.support import program, run

ROUNDING = 1e-12


@lru_cache(maxsize=64)
def machine_run(text: str, lanes: int, seed: int = 1) -> Result:
    """A program's result, computed once for all tests that look at it."""
    return run(text, seed, lanes)


@lru_cache(maxsize=64)
def reference_run(text: str, lane: int, seed: int = 1) -> NetworkReference:
    """The same program in the reference, one lane."""
    return NetworkReference(verify(program(text)), seed, lane).execute()


class Difference(NamedTuple):
    """What was compared, and how far apart it is in units of the largest value."""

    what: str
    apart: float


def apart(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    """The largest difference over the largest size; infinite where shapes differ or something is no number."""
    if found.shape != expected.shape or not np.isfinite(found).all() or not np.isfinite(expected).all():
        return float("inf")
    largest = np.abs(expected).max(initial=0.0)
    return float(np.abs(found - expected).max(initial=0.0) / (largest or 1.0))


def recording(text: str, lanes: int, lane: int, what: str, seed: int = 1) -> Difference:
    """How far a recorded variable is from what it should be."""
    expected = np.array(reference_run(text, lane, seed).recorders[what][3])
    return Difference(what, apart(machine_run(text, lanes, seed).recordings[what].values[lane], expected))


def readings(text: str, lanes: int, lane: int, seed: int = 1) -> Iterator[Difference]:
    """The same for everything that RD put out."""
    expected = reference_run(text, lane, seed).readings
    found = machine_run(text, lanes, seed).results
    for one, (what, value) in zip(found, expected, strict=True):
        assert one.what == what
        yield Difference(what, apart(np.asarray(one.value, float)[lane], value.astype(float)))


def spikes_of(result: Result, lane: int) -> list[tuple[int, int]]:
    """(step, neuron) of all spikes of a lane, in order."""
    mine = result.spikes.lane == lane
    steps = np.rint(result.spikes.t[mine] / result.seconds_per_step).astype(int)
    return sorted(zip(steps.tolist(), result.spikes.i[mine].tolist(), strict=True))
