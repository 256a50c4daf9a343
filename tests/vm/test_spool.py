"""Outputs that go to files while a run goes on: the same arrays, bounded memory, and nothing lost to kills and full disks."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.demand.footprint import Demand
from bioasm.diagnostics import BioasmError
from bioasm.drivers import cpu
from bioasm.results.files import split
from bioasm.results.reading import load
from bioasm.vm import outputs, spool, spooled
from tests.command import bioasm as command

LIF = """
ALC 20
REC v, 0.1 ms
SIG 8 mV
RUN 50 ms
RD spikes
LDJ J
REC spike_count, 1 ms, [3]
RUN 50 ms
RD spikes
RD energy_trace
"""
J = np.ones((20, 20)) - np.eye(20)
SPINS = "MODEL ising\nALC 500\nREC s, 1 sweeps\nSIG 2\nRUN {} sweeps\n"
MEGABYTE = 1 << 20


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("lanes", [1, 3, 20])
def test_the_arrays_are_those_of_a_run_in_memory(lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "_HELD", 1000)
    monkeypatch.setattr(spool, "PIECE", 4096)
    plain = bioasm.run(LIF, data={"J": J}, seed=1, lanes=lanes)
    spooled = bioasm.run(LIF, data={"J": J}, seed=1, lanes=lanes, spool="s")
    assert isinstance(spooled.recordings["v"].values.base, np.memmap)
    wanted, found = split(plain)[0], split(spooled)[0]
    assert wanted.keys() == found.keys()
    assert len(plain.spikes.t) > 100
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    left = {path.name for path in Path("s").glob("samples.*")}
    assert left <= ({"samples.0.0.npy", "samples.1.0.npy"} if lanes == 1 else set())


@pytest.mark.parametrize("suffix", ["npz", "h5"])
def test_files_are_the_same_bytes(suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if suffix == "h5":
        pytest.importorskip("h5py")
    Path("p.basm").write_text(SPINS.format(200))
    found = {}
    for held in (1 << 26, 1000):
        monkeypatch.setattr(outputs, "_HELD", held)
        assert command("run", "p.basm", "--seed", "1", "--lanes", "7", "-o", f"{held}.{suffix}").code == 0
        found[held] = {name: array.tobytes() for name, array in split(load(f"{held}.{suffix}"))[0].items()}
    assert found[1000] == found[1 << 26]
    assert not list(Path().glob("*.spool"))


def test_small_and_short_runs_touch_no_disk() -> None:
    bioasm.run(LIF, data={"J": J}, seed=1, spool="s")
    assert not Path("s").exists()


def started(*line: str, sweeps: int, limit: str = "pass") -> subprocess.Popen[str]:
    """A run in a process of its own, under a limit of the module `resource`."""
    Path("p.basm").write_text(SPINS.format(sweeps))
    code = f"import resource, sys; {limit}; from bioasm.__main__ import start; sys.exit(start())"
    words = [sys.executable, "-c", code, "run", "p.basm", "--seed", "1", "-q", *line]
    environment = {**os.environ, "PYTHONPATH": str(Path(bioasm.__file__).parent.parent)}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


@pytest.mark.skipif(sys.platform != "linux", reason="memory of a process is read from /proc")
def test_memory_stays_bounded() -> None:
    """240 MB of recordings, which a Result in memory would hold twice."""
    run, peak = started("-o", "r.npz", sweeps=60_000), 0
    while run.poll() is None:
        found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{run.pid}/status").read_text())
        peak = max(peak, int(found[1]) if found else 0)
        time.sleep(0.01)
    assert run.communicate()[1] == ""
    assert run.returncode == 0
    assert peak * 1024 < 200 * MEGABYTE
    result = load("r.npz")
    assert result.recordings["s"].values.shape == (1, 60_000, 500)
    assert set(np.unique(result.recordings["s"].values[0, ::1000])) == {-1.0, 1.0}
    assert not Path("r.npz.spool").exists()


def test_a_kill_leaves_what_was_written_readable() -> None:
    run, left = started("-o", "r.npz", sweeps=2_000_000), Path("r.npz.spool/samples.0.0.npy")
    while run.poll() is None and not left.exists():
        time.sleep(0.01)
    time.sleep(0.1)
    run.kill()
    run.communicate()
    samples, told = np.load(left), json.loads(Path("r.npz.spool/run.json").read_text())
    whole = bioasm.run(SPINS.format(100), seed=1).recordings["s"]
    np.testing.assert_array_equal(samples[:100, :, 0], whole.values[0])
    assert set(np.unique(samples[-1])) == {-1.0, 1.0}
    assert told["recordings"] == [{"name": "s", "every": 1, "start": 0, "neurons": list(range(500))}]
    assert (told["seed"], told["n"], told["lanes"]) == (1, 500, 1)
    refused = command("run", "p.basm", "-o", "r.npz")
    assert refused.code == 1
    assert "error[B302]: can't write r.npz.spool: it is there already" in refused.stderr


def test_ctrl_c_saves_what_there_is() -> None:
    run, left = started("-o", "r.npz", sweeps=2_000_000), Path("r.npz.spool/samples.0.0.npy")
    while run.poll() is None and not left.exists():
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    run.communicate()
    assert run.returncode == 130
    result = load("r.npz")
    assert result.status == "interrupted"
    assert result.recordings["s"].values.shape == (1, result.steps, 500)
    assert not Path("r.npz.spool").exists()


@pytest.mark.parametrize(("lanes", "sweeps"), [("1", 40_000), ("6", 3_000)])
def test_a_full_disk_keeps_what_was_written(lanes: str, sweeps: int) -> None:
    """A limit on the size of files stands in for a full disk."""
    limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({100 * MEGABYTE}, {100 * MEGABYTE}))"
    run = started("-o", "r.npz", "--lanes", lanes, sweeps=sweeps, limit=limit)
    errors = run.communicate()[1]
    assert run.returncode == 1
    assert re.search(r"error\[B302\]: can't write r.npz.spool/samples.0.0.npy: file too large", errors)
    assert "what was written while the program ran is in r.npz.spool" in errors
    samples = np.load("r.npz.spool/samples.0.0.npy")
    assert 50 * MEGABYTE < samples.nbytes < 100 * MEGABYTE
    assert set(np.unique(samples[..., 0])) == {-1.0, 1.0}


def test_a_disk_that_is_too_small_is_told_before_the_run() -> None:
    Path("p.basm").write_text("MODEL ising\nALC 1000000\nREC s\nRUN 8000000 sweeps\n")
    told = command("run", "p.basm", "-o", "r.npz")
    assert told.code == 1
    assert "error[B403]: a run writes about 1.28e+05 GB, and the disk of r.npz.spool has" in told.stderr


def test_a_checkpoint_and_a_driver_without_spools_refuse_one() -> None:
    with pytest.raises(BioasmError, match="B406.*a run with a checkpoint keeps no spool"):
        bioasm.run(LIF, data={"J": J}, spool="s", checkpoint=Path("c"))
    with pytest.raises(BioasmError, match="B406.*spool is 3; it is a path"):
        bioasm.run(LIF, data={"J": J}, spool=3)
    pytest.importorskip("brian2")
    with pytest.raises(BioasmError, match="B502.*driver brian2 keeps what a run puts out in memory"):
        bioasm.run(LIF, data={"J": J}, spool="s", driver="brian2")


def test_of_two_runs_with_one_file_each_keeps_what_is_its_own() -> None:
    long = started("-o", "r.npz", sweeps=2_000_000)
    left = Path("r.npz.spool/samples.0.0.npy")
    while long.poll() is None and not left.exists():
        time.sleep(0.01)
    about = Path("r.npz.spool/run.json").read_text()
    assert json.loads(about)["process"] == long.pid
    taken = spool.Spool(Path("r.npz.spool"), {})
    with pytest.raises(BioasmError, match="B302.*can't write r.npz.spool: it is there already"):
        taken.move("spikes", [np.zeros((1, 2), np.int64)])
    assert not Path("r.npz.spool/spikes.npy").exists()
    long.kill()
    long.communicate()
    assert Path("r.npz.spool/run.json").exists()


def test_a_folder_of_another_run_is_not_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("p.basm").write_text(SPINS.format(10))
    check = cpu.check_spool

    def late(folder: Path, needed: Demand) -> None:
        check(folder, needed)
        folder.mkdir()
        (folder / "run.json").write_text('{"process": 1}')

    monkeypatch.setattr(cpu, "check_spool", late)
    assert command("run", "p.basm", "-o", "r.npz", "--seed", "1").code == 0
    assert Path("r.npz.spool/run.json").exists()
    assert load("r.npz").steps == 10


def test_a_working_directory_that_changes_does_not_matter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(outputs, "_HELD", 1000)
    (tmp_path / "elsewhere").mkdir()

    def leave(_: object) -> bool:
        os.chdir(tmp_path / "elsewhere")
        return True

    result = bioasm.run(SPINS.format(3000), seed=1, spool="s", observer=leave)
    assert result.recordings["s"].values.shape == (1, 3000, 500)
    assert (tmp_path / "s" / "run.json").exists()
    assert not (tmp_path / "elsewhere" / "s").exists()


def test_lanes_are_brought_to_the_front_once(tmp_path: Path) -> None:
    taken = spool.Spool(tmp_path / "s", {})
    taken.move("energies.0", [np.arange(6.0).reshape(3, 2)])
    first = spooled.lanes_first(taken, "energies.6", [("energies.0", [])], 2)
    written = (tmp_path / "s" / "energies.6.npy").stat().st_mtime_ns
    again = spooled.lanes_first(taken, "energies.6", [("energies.0", [])], 2)
    assert first.tolist() == again.tolist() == [[0, 2, 4], [1, 3, 5]]
    assert (tmp_path / "s" / "energies.6.npy").stat().st_mtime_ns == written


def test_a_disk_that_is_full_at_the_end_keeps_no_halves(tmp_path: Path) -> None:
    taken = spool.Spool(tmp_path / "s", {})
    taken.move("spikes", [np.array([[1, 5], [0, 6]])])

    def make() -> str:
        taken.place("spikes.t", (3,)).put(0, np.ones(2))
        if not taken.full:
            taken.full = True
            raise BioasmError([])
        return "in memory"

    assert spooled.once_more(taken, make) == "in memory"
    assert {path.name for path in (tmp_path / "s").iterdir()} == {"spikes.npy"}
