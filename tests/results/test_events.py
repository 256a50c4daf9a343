"""Events of models in results: in every kind of file and library, one that never happened among them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from bioasm.results import Reading, Result, Spikes
from bioasm.results.files import save
from bioasm.results.json import to_object
from bioasm.results.reading import load
from bioasm.results.summary import summary
from bioasm.results.transfer import pack_result, unpack_result
from bioasm.units import Dimension
from tests.results.samples import result, spikes

NEVER = Spikes(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))


def happening(lanes: int) -> Result:
    """A run of three neurons that warned three times, the last time in the last lane; RD had read the first ones."""
    events = {"cells.warn": spikes(lanes), "cells.never": NEVER}
    read = (Reading("cells.warn", Spikes(*(column[:2] for column in (spikes(1).t, spikes(1).i, spikes(1).lane)))),)
    return result(lanes, events=events, results=read, model="cells", clock=Dimension.TIME, seconds_per_step=1e-3)


def told(times: Spikes) -> list[tuple[float, int, int]]:
    return list(zip(times.t.tolist(), times.i.tolist(), times.lane.tolist(), strict=True))


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("suffix", ["npz", "json", "h5", "zarr"])
def test_files_give_events_back(tmp_path: Path, suffix: str, lanes: int) -> None:
    pytest.importorskip({"h5": "h5py", "zarr": "zarr"}.get(suffix, "numpy"))
    before = happening(lanes)
    save(before, tmp_path / f"r.{suffix}")
    again = load(tmp_path / f"r.{suffix}")
    assert to_object(again) == to_object(before)
    assert {name: told(times) for name, times in again.events.items()} == {"cells.warn": told(spikes(lanes)), "cells.never": []}


def test_bytes_of_a_board_give_events_back() -> None:
    again = unpack_result(pack_result(happening(3)))
    assert {name: told(times) for name, times in again.events.items()} == {"cells.warn": told(spikes(3)), "cells.never": []}


def test_a_table_has_each_time_once(tmp_path: Path) -> None:
    save(happening(3), tmp_path / "r.csv")
    with (tmp_path / "r.csv").open(newline="") as stream:
        found = [row for row in csv.DictReader(stream) if row["what"] == "cells.warn"]
    assert [(float(r["time"]), int(r["neuron"]), int(r["lane"])) for r in found] == told(spikes(3))


def test_parquet_is_the_same_table(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    save(happening(1), tmp_path / "r.parquet")
    frame = pd.read_parquet(tmp_path / "r.parquet")
    assert frame[frame.what == "cells.warn"].time.tolist() == [1e-3, 2e-3, 3e-3]


def test_a_dataset_has_a_dimension_for_each_event() -> None:
    pytest.importorskip("xarray")
    data = happening(3).to_xarray()
    columns = (data[f"cells.warn_{part}"].values.tolist() for part in ("time", "neuron", "lane"))
    assert list(zip(*columns, strict=True)) == told(spikes(3))
    assert data.sizes["cells.never"] == 0


def test_a_block_has_an_event_in_each_segment() -> None:
    pytest.importorskip("neo")
    block = happening(3).to_neo()
    found = [[(one.name, one.rescale("ms").magnitude.tolist(), list(one.labels)) for one in s.events] for s in block.segments]
    assert [events[0] for events in found] == [
        ("cells.warn", [1.0, 2.0], ["0", "2"]),
        ("cells.warn", [], []),
        ("cells.warn", [3.0], ["1"]),
    ]
    assert [events[1] for events in found] == [("cells.never", [], [])] * 3


def test_nwb_has_neurons_at_times(tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb")
    save(happening(1), tmp_path / "r.nwb")
    with pynwb.NWBHDF5IO(str(tmp_path / "r.nwb"), "r") as stream:
        found = stream.read().acquisition
        assert list(found["cells.warn"].data[:]) == [0, 2, 1]
        assert found["cells.warn"].timestamps[:].tolist() == [1e-3, 2e-3, 3e-3]
        assert len(found["cells.never"].data) == 0


def test_a_summary_calls_them_events() -> None:
    lines = summary(happening(1)).splitlines()
    assert lines[0] == "cells.warn   2 events: 0.001 s neuron 0, 0.002 s neuron 2"
    assert "events       cells.warn 3, cells.never 0" in lines
