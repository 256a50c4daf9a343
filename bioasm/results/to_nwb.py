"""A Result as NWB: units with their spike times; for each lane a time series of each recording and event."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO
from uuid import NAMESPACE_OID, uuid5

import numpy as np

from bioasm.diagnostics import error
from bioasm.diagnostics.jsontext import dumps
from bioasm.extras import require
from bioasm.files import whole
from bioasm.results.files import provenance, seekable
from bioasm.results.result import Result


def to_nwb(result: Result, path: str | Path | None = None) -> Any:
    """The NWBFile, written to `path` where one is given.

    Its session starts at the time of the call, because a simulation has no date. Raises BioasmError B314 for a run in sweeps,
    B302 where `path` can't be written.
    """
    file = _checked(result)
    if path is not None:
        with whole(path) as stream:
            _write(file, stream)
    return file


def write_nwb(result: Result, stream: BinaryIO) -> None:
    """Write the NWBFile to a stream."""
    _write(_checked(result), stream)


def _checked(result: Result) -> Any:
    """The NWBFile. Raises BioasmError B314 for a run in sweeps."""
    require("pynwb", "nwb", "an NWB file")
    if result.counts_sweeps:
        hint = "save it as .h5, which takes runs of any clock"
        raise error("B314", f"model {result.model} counts in sweeps, and NWB holds times in seconds", hint=hint)
    file = _file(result)
    _add_units(file, result)
    _add_series(file, result)
    _add_events(file, result)
    return file


def _file(result: Result) -> Any:
    from pynwb import NWBFile

    known = f"{result.program_sha256} {result.driver} {result.seed} {result.lanes}"
    return NWBFile(
        session_description=f"BioASM: model {result.model} on driver {result.driver}, seed {result.seed}",
        identifier=str(uuid5(NAMESPACE_OID, known)),
        session_start_time=datetime.now(UTC),
        notes=dumps(provenance(result)),
    )


def _add_units(file: Any, result: Result) -> None:
    if not result.n:
        return  # pynwb can't write empty columns
    file.add_unit_column("neuron", "the number of the neuron in the program")
    file.add_unit_column("lane", "which copy of the program it belongs to")
    key = result.spikes.lane * max(1, result.n) + result.spikes.i
    order = np.argsort(key, kind="stable")
    edges = np.searchsorted(key[order], np.arange(result.lanes * result.n + 1))
    for unit in range(result.lanes * result.n):
        times = result.spikes.t[order[edges[unit] : edges[unit + 1]]]
        file.add_unit(spike_times=times, neuron=unit % result.n, lane=unit // result.n)


def _add_series(file: Any, result: Result) -> None:
    from pynwb import TimeSeries

    for name, recording in result.recordings.items():
        unit = result.about.get("units", {}).get(name, "") or "1"
        for lane in range(result.lanes):
            called = f"{name} lane {lane}" if result.lanes > 1 else name
            comments = f"neurons {recording.neurons.tolist()}"
            given = {"data": recording.values[lane], "unit": unit, "timestamps": recording.t, "comments": comments}
            file.add_acquisition(TimeSeries(name=called.replace("/", " "), **given))


def _add_events(file: Any, result: Result) -> None:
    """Add a TimeSeries for each event and lane: neurons as data, at the times of the event."""
    from pynwb import TimeSeries

    for name, times in result.events.items():
        for lane in range(result.lanes):
            called = f"{name} lane {lane}" if result.lanes > 1 else name
            mine = times.lane == lane
            given = {"data": times.i[mine], "unit": "n/a", "timestamps": times.t[mine], "comments": "neurons of an event"}
            file.add_acquisition(TimeSeries(name=called.replace("/", " "), **given))


def _write(file: Any, stream: BinaryIO) -> None:
    """Write an HDF5 file to a stream or path through pynwb."""
    import h5py
    from pynwb import NWBHDF5IO

    with seekable(stream) as made, h5py.File(made, "w") as container, NWBHDF5IO(file=container, mode="w") as writer:
        writer.write(file)
