"""A Result as a tree of named values, the common source of the JSON object and of files."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.labels import NAMES
from bioasm.results.result import Reading, Recording, Result, Spikes

WHOLE_NUMBERS = frozenset({"spins", "best_state", "spike_count", "steps"})


def content(result: Result) -> dict[str, Any]:
    """The Result as a tree. With one lane, except of a piece, arrays have no lane axis; spins, bits and counts are integers.

    Leaves are arrays, NumPy scalars, numbers, strings, and the plain dicts and lists of provenance.
    """
    return {
        **_provenance(result),
        "results": [_reading(result, reading) for reading in result.results],
        "energy": _lanes(result, result.energy),
        "best_energy": _lanes(result, result.best_energy),
        "best_state": _named(result, "best_state", result.best_state),
        "state": _named(result, "state", result.state),
        "energy_trace": _lanes(result, result.energy_trace),
        "spikes": _spikes(result, result.spikes),
        "spike_count": _named(result, "spike_count", result.spike_count),
        "recordings": {name: _recording(result, recording) for name, recording in result.recordings.items()},
        **({"events": {name: _spikes(result, times) for name, times in result.events.items()}} if result.events else {}),
        **({"about": dict(result.about)} if result.about else {}),
        **({"piece": result.piece.content()} if result.piece is not None else {}),
    }


def _provenance(result: Result) -> dict[str, Any]:
    from bioasm.diagnostics.render import to_object

    words = {key: value for key, value in result.metadata.items() if key != NAMES}
    return {
        "driver": result.driver,
        "model": result.model,
        "n": result.n,
        "lanes": result.lanes,
        "seed": result.seed,
        "program_sha256": result.program_sha256,
        "versions": dict(result.versions),
        "status": result.status,
        "steps": result.steps,
        "time": result.time,
        "clock": result.clock_unit,
        "timing": dict(result.timing),
        "diagnostics": [to_object(d) for d in result.diagnostics],
        **({"names": json.loads(result.metadata[NAMES])} if NAMES in result.metadata and result.names else {}),
        **({"metadata": words} if words else {}),
        **({"extras": dict(result.extras)} if result.extras else {}),
    }


def reading_value(result: Result, reading: Reading) -> Any:
    """The value of a reading for the tree: as integers where possible, and without a lane axis for one lane."""
    return _reading(result, reading)["value"]


def _reading(result: Result, reading: Reading) -> dict[str, Any]:
    value = reading.value
    if isinstance(value, Spikes):
        return {"what": reading.what, "value": _spikes(result, value)}
    return {"what": reading.what, "value": _named(result, reading.what, value)}


def _spikes(result: Result, spikes: Spikes) -> dict[str, Any]:
    lane = {} if _is_alone(result) else {"lane": spikes.lane}
    return {"t": spikes.t, "i": spikes.i, **lane}


def _recording(result: Result, recording: Recording) -> dict[str, Any]:
    return {"t": recording.t, "neurons": recording.neurons, "values": _lanes(result, recording.values)}


def _named(result: Result, name: str, value: Any) -> Any:
    without_axis = _lanes(result, value)
    return _as_whole(without_axis) if _is_whole(result, name) else without_axis


def _lanes(result: Result, value: Any) -> Any:
    """Drop the lane axis of a single lane."""
    return value[0] if _is_alone(result) and isinstance(value, np.ndarray) and value.ndim else value


def _is_alone(result: Result) -> bool:
    """Whether there is a single lane, not counting pieces of several."""
    return result.lanes == 1 and result.piece is None


def _is_whole(result: Result, name: str) -> bool:
    """Whether the values of a name are integers by definition: counts, 0/1 states, and the states of spin models."""
    return name in WHOLE_NUMBERS or (name == "state" and result.counts_sweeps)


def _as_whole(value: Any) -> Any:
    """Values as integers; unchanged where one is fractional (OUT may use any name)."""
    array: NDArray[Any] = np.asarray(value)
    if array.dtype.kind != "f" or not np.array_equal(array, np.floor(array)):
        return value
    return array.astype(np.int64)[()]
