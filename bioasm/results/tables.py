"""Tidy data: a Result as one long table with a row for each spike, event, sample, energy and emitted number.

Columns: `what` (spike, energy_trace, best_energy, the name of a reading, a recording or an event), `lane`, `time` (NaN where
there is none), `neuron` (-1 where there is none), `value` and `unit`. Times are in the clock of the run, seconds or sweeps.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.extras import require
from bioasm.results.result import Reading, Recording, Result, Spikes

COLUMNS = ("what", "lane", "time", "neuron", "value", "unit")
_ROWS = 100_000  # rows written at a time
Array = NDArray[Any]


class Part(NamedTuple):
    """Rows of one name: equally long columns."""

    what: str
    lane: Array
    time: Array
    neuron: Array
    value: Array
    unit: str = ""


def parts(result: Result) -> Iterator[Part]:
    """All rows, in the order results, best energy, energy trace, spikes, events, recordings.

    Readings of events by RD are omitted, because the events themselves have rows with the same name.
    """
    for reading in result.results:
        if reading.what not in result.events:
            yield _of_reading(result, reading)
    yield _numbers("best_energy", result.best_energy)
    yield _of_trace(result)
    yield _of_spikes("spike", result.spikes)
    for name, times in result.events.items():
        yield _of_spikes(name, times)
    for name, recording in result.recordings.items():
        yield _of_recording(name, recording, result.about.get("units", {}).get(name, ""))


def _of_reading(result: Result, reading: Reading) -> Part:
    if isinstance(reading.value, Spikes):
        return _of_spikes(reading.what, reading.value)
    values = np.asarray(reading.value, np.float64)
    if values.ndim == 0:
        return _numbers(reading.what, values[None], of_lanes=False)
    return _matrix(reading.what, values.reshape(len(values), -1)) if values.ndim > 1 else _numbers(reading.what, values)


def _numbers(what: str, values: Array, *, of_lanes: bool = True) -> Part:
    """Rows of one number a lane; a number of OUT belongs to all lanes, and has lane -1."""
    lane = np.arange(len(values)) if of_lanes else np.full(1, -1)
    return Part(what, lane, np.full(len(values), np.nan), np.full(len(values), -1), values)


def _matrix(what: str, values: Array) -> Part:
    """Rows of one number for each lane and neuron."""
    lane, neuron = (index.ravel() for index in np.indices(values.shape))
    return Part(what, lane, np.full(values.size, np.nan), neuron, values.ravel())


def _of_trace(result: Result) -> Part:
    lanes, entries = result.energy_trace.shape
    times = np.tile(result.trace_times, lanes)
    lane, none = np.repeat(np.arange(lanes), entries), np.full(times.size, -1)
    return Part("energy_trace", lane, times, none, result.energy_trace.ravel())


def _of_spikes(what: str, spikes: Spikes) -> Part:
    return Part(what, spikes.lane, spikes.t, spikes.i, np.ones(len(spikes.t)))


def _of_recording(name: str, recording: Recording, unit: str) -> Part:
    lane, sample, column = (index.ravel() for index in np.indices(recording.values.shape))
    return Part(name, lane, recording.t[sample], recording.neurons[column], recording.values.ravel(), unit)


# --- frames and files --------------------------------------------------------------------------------


def columns(result: Result) -> dict[str, Array]:
    """The whole table as columns."""
    found = [part for part in parts(result) if len(part.value)]
    joined: dict[str, Array] = {
        name: np.concatenate([np.asarray(getattr(part, name), kind) for part in found]) if found else np.zeros(0, kind)
        for name, kind in (("lane", np.int64), ("time", np.float64), ("neuron", np.int64), ("value", np.float64))
    }
    counts = [len(part.value) for part in found]
    joined["what"] = np.repeat(np.array([part.what for part in found], object), counts)
    joined["unit"] = np.repeat(np.array([part.unit for part in found], object), counts)
    return {name: joined[name] for name in COLUMNS}


def to_pandas(result: Result) -> Any:
    """The table as a pandas DataFrame, `what` and `unit` as categories, with the provenance in its `attrs`."""
    require("pandas", "table", "a DataFrame")
    import pandas as pd

    from bioasm.results.files import provenance

    frame = pd.DataFrame(columns(result)).astype({"what": "category", "unit": "category"})
    frame.attrs["provenance"] = provenance(result)
    return frame


def write_csv(result: Result, stream: BinaryIO) -> None:
    """Comma-separated values with a header; a missing time or neuron is empty."""
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for part in parts(result):
        for first in range(0, len(part.value), _ROWS):
            writer.writerows(_rows(part, slice(first, first + _ROWS)))
    text.flush()
    text.detach()


def _rows(part: Part, chosen: slice) -> Iterator[tuple[Any, ...]]:
    given = (column[chosen].tolist() for column in (part.lane, part.time, part.neuron, part.value))
    for lane, time, neuron, value in zip(*given, strict=True):
        when = time if time == time else ""
        yield part.what, lane if lane >= 0 else "", when, neuron if neuron >= 0 else "", value, part.unit


def write_parquet(result: Result, stream: BinaryIO) -> None:
    """The table in Parquet, with the provenance in the metadata of the file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from bioasm.diagnostics.jsontext import dumps
    from bioasm.results.files import PROVENANCE, provenance

    found = columns(result)
    arrays = [pa.array(values).dictionary_encode() if name in ("what", "unit") else pa.array(values)
              for name, values in found.items()]  # fmt: skip
    table = pa.table(arrays, names=list(found))
    pq.write_table(table.replace_schema_metadata({PROVENANCE: dumps(provenance(result))}), stream)
