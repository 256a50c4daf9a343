"""Results in the hands of other libraries: tables, Dataset, neo, NWB; and what is told where one is not installed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.results import Reading, Result
from bioasm.results.files import save
from bioasm.units import Dimension
from tests.results.samples import result, spikes


def spiking(lanes: int = 1) -> Result:
    """A run of three neurons in seconds, whose recording is in volts."""
    about = {"units": {"s": "V"}, "thresholds": {"s": -0.05}}
    return result(lanes, model="cells", clock=Dimension.TIME, seconds_per_step=1e-3, about=about)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_csv_has_a_row_for_everything(tmp_path: Path) -> None:
    save(spiking(2), tmp_path / "r.csv")
    found = rows(tmp_path / "r.csv")
    counts = {what: sum(row["what"] == what for row in found) for what in ("spins", "answer", "spike", "energy_trace", "s")}
    assert counts == {"spins": 6, "answer": 1, "spike": 3, "energy_trace": 8, "s": 8}
    assert found[-1] == {"what": "s", "lane": "1", "time": "1.0", "neuron": "2", "value": "1.0", "unit": "V"}


def test_a_number_that_was_emitted_belongs_to_no_lane_and_no_time(tmp_path: Path) -> None:
    save(spiking(2), tmp_path / "r.csv")
    (row,) = [row for row in rows(tmp_path / "r.csv") if row["what"] == "answer"]
    assert (row["lane"], row["time"], row["neuron"], row["value"]) == ("", "", "", "42.0")


def test_a_frame_is_the_same_table() -> None:
    pytest.importorskip("pandas")
    frame = spiking(2).to_pandas()
    assert list(frame.columns) == ["what", "lane", "time", "neuron", "value", "unit"]
    assert frame[frame.what == "spike"].time.tolist() == [1e-3, 2e-3, 3e-3]
    assert frame.attrs["provenance"]["seed"] == 7


def test_parquet_gives_the_frame_back(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    pd = pytest.importorskip("pandas")
    save(spiking(2), tmp_path / "r.parquet")
    frame = pd.read_parquet(tmp_path / "r.parquet")
    pd.testing.assert_frame_equal(frame, spiking(2).to_pandas(), check_dtype=False, check_categorical=False)


def test_parquet_keeps_the_provenance(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    save(spiking(), tmp_path / "r.parquet")
    assert json.loads(pq.read_schema(tmp_path / "r.parquet").metadata[b"provenance"])["driver"] == "fake"


def test_a_dataset_has_dimensions_and_units() -> None:
    pytest.importorskip("xarray")
    data = spiking(2).to_xarray()
    assert data.s.dims == ("lane", "s_time", "s_neuron")
    assert data.s.attrs == {"units": "V"}
    assert data.energy_trace.sel(lane=1).values.tolist() == [0, 1, 2, 3]
    assert data.s.sel(s_neuron=2).shape == (2, 2)


def test_hdf5_has_units_as_attributes(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    save(spiking(), tmp_path / "r.h5")
    with h5py.File(tmp_path / "r.h5") as file:
        assert file["recordings/s/values"].attrs["units"] == "V"
        assert file["recordings/s/t"].attrs["units"] == "s"
        assert file["spikes/t"].attrs["units"] == "s"


def test_a_block_has_a_train_for_each_neuron() -> None:
    pytest.importorskip("neo")
    block = spiking(2).to_neo()
    assert len(block.segments) == 2
    trains = block.segments[0].spiketrains
    assert [len(train) for train in trains] == [1, 0, 1]
    assert trains[2].rescale("ms").magnitude.tolist() == [2.0]
    (signal,) = block.segments[0].analogsignals
    assert (signal.shape, str(signal.dimensionality)) == ((2, 2), "V")


def test_nwb_holds_units_and_series(tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb")
    save(spiking(2), tmp_path / "r.nwb")
    with pynwb.NWBHDF5IO(str(tmp_path / "r.nwb"), "r") as stream:
        file = stream.read()
        assert len(file.units) == 6
        assert file.units["spike_times"][2].tolist() == [2e-3]
        assert file.units["lane"][5] == 1
        assert file.acquisition["s lane 1"].unit == "V"
        assert json.loads(file.notes)["seed"] == 7
    assert [path.name for path in tmp_path.iterdir()] == ["r.nwb"]


def test_nwb_is_written_where_a_link_points(tmp_path: Path) -> None:
    """As every file is, and so never in the place of a device."""
    pytest.importorskip("pynwb")
    (tmp_path / "link.nwb").symlink_to(tmp_path / "r.nwb")
    save(spiking(2), tmp_path / "link.nwb")
    assert (tmp_path / "link.nwb").is_symlink()
    with (tmp_path / "r.nwb").open("rb") as stream:
        assert stream.read(8) == b"\x89HDF\r\n\x1a\n"


def test_nwb_of_no_neurons(tmp_path: Path) -> None:
    pytest.importorskip("pynwb")
    h5py = pytest.importorskip("h5py")
    bioasm.run("; nothing\nHLT\n", seed=1).save(tmp_path / "r.nwb")
    with h5py.File(tmp_path / "r.nwb") as file:
        assert "session_start_time" in file and "units" not in file


def test_columns_of_variables_are_unlike_those_of_the_table() -> None:
    problem = bioasm.Problem.polynomial({("energy",): -1, ("occurrences",): 1})
    frame = bioasm.solve(problem, seed=1, lanes=3).samples().to_pandas()
    assert frame.to_dict("list") == {"energy_": [1], "occurrences_": [0], "energy": [-1.0], "occurrences": [3]}


@pytest.mark.parametrize("call", ["to_neo", "to_nwb"])
def test_sweeps_are_no_seconds(call: str) -> None:
    pytest.importorskip({"to_neo": "neo", "to_nwb": "pynwb"}[call])
    with pytest.raises(BioasmError, match="B314.*counts in sweeps"):
        getattr(result(), call)()


@pytest.mark.parametrize(
    ("call", "package", "extra"),
    [
        ("to_pandas", "pandas", "table"),
        ("to_xarray", "xarray", "xarray"),
        ("to_neo", "neo", "neo"),
        ("to_nwb", "pynwb", "nwb"),
    ],
)
def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch, call: str, package: str, extra: str) -> None:
    monkeypatch.setattr("bioasm.extras.find_spec", lambda name: None)
    with pytest.raises(BioasmError, match=f"B312.*needs {package}") as caught:
        getattr(spiking(), call)()
    assert caught.value.diagnostics[0].hint == f"pip install 'bioasm[{extra}]'"


@pytest.mark.parametrize("suffix", [".npz", ".json", ".h5", ".zarr"])
@pytest.mark.parametrize("lanes", [1, 3])
def test_what_was_saved_can_be_loaded(tmp_path: Path, suffix: str, lanes: int) -> None:
    pytest.importorskip({".h5": "h5py", ".zarr": "zarr"}.get(suffix, "numpy"))
    from bioasm.results.json import to_object
    from bioasm.results.reading import load

    noise = {"t": np.array([0.0, 2.0]), "level": np.array([5.0, 1.0]), "unit": "K"}
    read = (Reading("spikes", spikes(lanes)), *result(lanes).results)
    before = result(lanes, results=read, about={"units": {"s": "V"}, "noise": noise}, clock=Dimension.SWEEPS,
                    metadata={"names": '["a", "b", "c"]', "title": "t"})  # fmt: skip
    save(before, tmp_path / f"r{suffix}")
    again = load(tmp_path / f"r{suffix}")
    assert to_object(again) == to_object(before)
    assert [np.shape(getattr(r.value, "t", r.value)) for r in again.results][0] == (3,)
    assert again.best_state.shape == (lanes, 3)
    assert again.about["noise"]["level"].tolist() == [5.0, 1.0]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"PK\x03\x04nonsense", b"\x89HDF\r\n"])
@pytest.mark.parametrize("suffix", [".npz", ".json", ".h5"])
def test_what_is_no_result_is_told(tmp_path: Path, suffix: str, content: bytes) -> None:
    from bioasm.results.reading import load

    path = tmp_path / f"r{suffix}"
    path.write_bytes(content)
    with pytest.raises(BioasmError, match="B313.*no result of a run"):
        load(path)


def test_a_missing_file_and_another_suffix_are_told(tmp_path: Path) -> None:
    from bioasm.results.reading import load

    for name, code in (("r.npz", "B301"), ("r.json", "B301"), ("r.h5", "B301"), ("r.zarr", "B301"), ("r.xls", "B306")):
        with pytest.raises(BioasmError, match=code):
            load(tmp_path / name)


def test_a_saved_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    (tmp_path / "r.zarr").mkdir()
    for name in ("old", "zarr.json"):  # a folder without the second is no result, and stays
        (tmp_path / "r.zarr" / name).touch()
    save(spiking(), tmp_path / "r.zarr")
    assert not (tmp_path / "r.zarr/old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["r.zarr"]
