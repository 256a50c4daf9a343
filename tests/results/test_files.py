"""Results as files: every array under its path in the JSON object, the rest as provenance."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.results.files import WRITERS, save, suffix_of, write_npz
from bioasm.results.json import to_object
from tests.command import bioasm
from tests.results.samples import result

ARRAYS = {
    "results/0/value": (3,),
    "results/1/value": (),
    "energy": (),
    "best_energy": (),
    "best_state": (3,),
    "state": (3,),
    "energy_trace": (4,),
    "spikes/t": (3,),
    "spikes/i": (3,),
    "spike_count": (3,),
    "recordings/s/t": (2,),
    "recordings/s/neurons": (2,),
    "recordings/s/values": (2, 2),
}


def saved(path: Path, lanes: int = 1) -> dict[str, np.ndarray]:
    save(result(lanes), path)
    with np.load(path) as file:
        return dict(file)


@pytest.mark.parametrize(("name", "shape"), ARRAYS.items())
def test_npz_holds_the_array(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    assert saved(tmp_path / "r.npz")[name].shape == shape


def test_npz_holds_nothing_else(tmp_path: Path) -> None:
    assert set(saved(tmp_path / "r.npz")) == {*ARRAYS, "provenance"}


def test_npz_lanes_come_first_and_spikes_gain_lane(tmp_path: Path) -> None:
    arrays = saved(tmp_path / "r.npz", lanes=2)
    assert arrays["energy_trace"].shape == (2, 4)
    assert arrays["spikes/lane"].tolist() == [0, 0, 1]


def test_provenance_and_arrays_make_the_json_object(tmp_path: Path) -> None:
    arrays = saved(tmp_path / "r.npz")
    provenance = json.loads(str(arrays.pop("provenance")))
    told = to_object(result())
    assert provenance["seed"] == told["seed"]
    assert provenance["results"] == [{"what": "spins"}, {"what": "energy"}, {"what": "answer", "value": 42.0}]
    scalars = {"driver", "model", "n", "lanes", "seed", "program_sha256", "versions", "timing", "status", "steps"}
    assert scalars <= set(provenance)
    assert {name.split("/")[0] for name in arrays} | set(provenance) == set(told)


def test_npz_needs_no_pickle(tmp_path: Path) -> None:
    save(result(), tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz", allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "fiuU" for name in file.files)


def test_npz_is_the_same_bytes_each_time() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    write_npz(result(), first)
    write_npz(result(), second)
    assert first.getvalue() == second.getvalue()


def test_json_file_is_the_json_object(tmp_path: Path) -> None:
    save(result(), tmp_path / "r.json")
    assert json.loads((tmp_path / "r.json").read_text()) == to_object(result())


def test_hdf5_file(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    save(result(), tmp_path / "r.h5")
    with h5py.File(tmp_path / "r.h5") as file:
        assert {name: file[name].shape for name in ARRAYS} == ARRAYS
        assert json.loads(file.attrs["provenance"])["seed"] == 7


def test_hdf5_without_h5py_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.extras.find_spec", lambda name: None)
    with pytest.raises(BioasmError, match="B312.*needs h5py"):
        save(result(), tmp_path / "r.h5")


@pytest.mark.parametrize("name", ["r", "r.npz", "r.NPZ"])
def test_npz_is_the_default(name: str) -> None:
    assert WRITERS[suffix_of(name)] is write_npz


@pytest.mark.parametrize("name", ["r.txt", "r.xls", "r.npz.gz"])
def test_other_suffixes_are_refused(name: str) -> None:
    with pytest.raises(BioasmError, match="B306") as refusal:
        suffix_of(name)
    assert refusal.value.exit_code == 2


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.npz"
    path.write_bytes(b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(BioasmError, match="B302.*no space left"):
        save(result(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_zarr_folder_is_replaced_and_another_folder_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zarr")
    monkeypatch.chdir(tmp_path)
    Path("p.basm").write_text("MODEL ising\nALC 3\nRUN 10 sweeps\n")
    for _ in range(2):
        assert bioasm("run", "p.basm", "-o", "x.zarr").code == 0
    Path("mine.zarr").mkdir()
    Path("mine.zarr/letter").write_text("dear")
    told = bioasm("run", "p.basm", "-o", "mine.zarr")
    assert (told.code, "can't write mine.zarr: is a directory without a zarr.json" in told.stderr) == (1, True)
    with pytest.raises(BioasmError, match="B302.*is a directory without"):
        save(result(), "mine.zarr")
    assert Path("mine.zarr/letter").read_text() == "dear"
