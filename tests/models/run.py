"""How the tests of the shipped models run programs on the machine, and read traces and spikes out of results."""

from __future__ import annotations

from typing import Any

import numpy as np

import bioasm
from bioasm.results import Result
from tests.models.mirrors import Array


def run(text: str) -> Result:
    """The result of a program on the cpu driver."""
    return bioasm.run(text if "\n" in text else f"{text}\n", seed=1)


def trace(result: Result, name: str) -> Array:
    """A recorded variable: values before each step (steps, n)."""
    return result.recordings[name].values[0]


def spikes(result: Result, first: int = 0, n: int | None = None) -> Array:
    """Rows (step, neuron) of the spikes of n neurons from `first`, in the order of time."""
    steps = np.round(result.spikes.t / result.seconds_per_step).astype(int)
    mine = (result.spikes.i >= first) & (result.spikes.i < (first + n if n is not None else result.n))
    return np.stack([steps[mine], result.spikes.i[mine] - first], axis=1)


def steps_of(result: Result, neuron: int = 0) -> list[int]:
    """The steps in which a neuron spiked."""
    return [int(step) for step, i in spikes(result) if i == neuron]


def reading(result: Result, what: str) -> Array:
    """What RD of a name put out (n,)."""
    (value,) = [one.value for one in result.results if one.what == what]
    return np.asarray(value)[0]


def literal(values: Any) -> str:
    """An array as a literal of a program, exact."""
    return repr(np.asarray(values, dtype=float).tolist())


def same_spikes(found: Array, expected: Array) -> bool:
    """Whether two lists of (step, neuron) are the same, whatever their order within a step."""
    return sorted(map(tuple, found.tolist())) == sorted(map(tuple, np.asarray(expected).tolist()))
