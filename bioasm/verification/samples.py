"""Statistics of a run that are compared over lanes: one number, or one a neuron, for each lane."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.results import Result, Spikes

Array = NDArray[Any]


def samples(result: Result) -> dict[str, Array]:
    """Quantities by name, (lanes, columns), NaN where a lane has none."""
    found: dict[str, Array] = {}
    for name, recording in result.recordings.items():
        if recording.values.shape[1]:
            found[f"{name}: mean over time"] = recording.values.mean(axis=1)
            found[f"{name}: variance over time"] = recording.values.var(axis=1)
    if result.energy_trace.shape[1]:
        found["energy_trace: mean over time"] = result.energy_trace.mean(axis=1)[:, None]
    found |= {"energy": result.energy[:, None], "best_energy": result.best_energy[:, None], "state": result.state}
    if result.spikes.t.size or result.spike_count.any():
        found |= _of_spikes(result)
    found |= {f"{name}: rate": _event_rate(result, times) for name, times in result.events.items()}
    return found | _readings(result)


def _event_rate(result: Result, times: Spikes) -> Array:
    """Rates of an event in each neuron (Hz), (lanes, n)."""
    counted = np.bincount(times.lane * result.n + times.i, minlength=result.lanes * result.n).astype(float)
    return counted.reshape(result.lanes, result.n) / (result.time or 1.0)


def _of_spikes(result: Result) -> dict[str, Array]:
    rate = result.spike_count / result.time if result.time else result.spike_count.astype(float)
    mean, variation = _intervals(result)
    return {"rate": rate, "interspike interval: mean": mean, "interspike interval: variation": variation}


def _intervals(result: Result) -> tuple[Array, Array]:
    """Mean and coefficient of variation of all neurons' interspike intervals, (lanes, 1) each."""
    spikes, found = result.spikes, np.full((2, result.lanes, 1), np.nan)
    for lane in range(result.lanes):
        mine = spikes.lane == lane
        order = np.lexsort((spikes.t[mine], spikes.i[mine]))
        times, neurons = spikes.t[mine][order], spikes.i[mine][order]
        intervals = np.diff(times)[np.diff(neurons) == 0]
        if intervals.size:
            found[0, lane] = intervals.mean()
        if intervals.size > 1:
            found[1, lane] = intervals.std() / intervals.mean()
    return found[0], found[1]


def _readings(result: Result) -> dict[str, Array]:
    """Readings of RD with the lane as first axis; registers are common to all lanes and give no samples."""
    found = {}
    for at, reading in enumerate(result.results):
        value = reading.value
        if not isinstance(value, Spikes | float | int):
            array = np.asarray(value, np.float64)
            if array.ndim and array.shape[0] == result.lanes:
                found[f"results[{at}]: {reading.what}"] = array.reshape(result.lanes, -1)
    return found
