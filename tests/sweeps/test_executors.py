"""Executors of a sweep: the same bytes on each, processes that are killed, and an end that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.results.reading import load
from bioasm.sweeps.run import State
from tests.command import bioasm as command
from tests.sweeps.support import GRID, TRIANGLE, files, threads, written


def test_processes_give_the_same_folder(done: Path, tmp_path: Path) -> None:
    asked = (
        "sweep",
        written(tmp_path, TRIANGLE),
        "--set",
        "T=1:2:3",
        "--seeds",
        2,
        "--lanes",
        8,
        "--pieces",
        3,
        "-o",
        tmp_path / "f",
    )
    for there in (0, 6):
        assert f"3 T x 2 seeds: 6 points, {there} of them in" in command(*asked, "--plan").text
        assert command(*asked, "--workers", 1).code == 0
    assert {n: b for n, b in files(tmp_path / "f").items() if n.startswith("results")}.keys()
    for name, ours in _readings(tmp_path / "f").items():
        assert np.array_equal(ours, _readings(done)[name])


def _readings(folder: Path) -> dict[str, Any]:
    """The final states by settings and seed: the command's program has places, and so other names of files."""
    lines = (folder / "table.csv").read_text().splitlines()[1:]
    return {",".join(line.split(",")[:2]): load(folder / line.rpartition(",")[2]).state for line in lines}


def test_script_is_not_imported_by_processes_nor_is_what_lies_about(tmp_path: Path) -> None:
    """A script needs no guard, and files of the present folder do not stand for modules."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "random.py").write_text("open('imported', 'w').close()\n")
    script = f"import bioasm\nprint(bioasm.sweep({TRIANGLE!r}, 'f', seeds=2, workers=1).table['status'])\n"
    (tmp_path / "script.py").write_text(script)
    asked = [sys.executable, tmp_path / "script.py"]
    told = subprocess.run(asked, cwd=tmp_path / "there", capture_output=True, text=True, timeout=300)
    assert (told.stdout, told.stderr) == ("['finished', 'finished']\n", "")
    assert not (tmp_path / "there" / "imported").exists()


def test_interrupted_command_goes_on(tmp_path: Path) -> None:
    source = written(tmp_path, TRIANGLE.replace("20 sweeps", "300000 sweeps"))
    arguments = ["sweep", source, "--seeds", "40", "--workers", "1", "-o", tmp_path / "f"]
    asked = [sys.executable, "-m", "bioasm", *map(str, arguments)]
    process = subprocess.Popen(asked, stderr=subprocess.PIPE, start_new_session=True)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("f/results/*.npz")) and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: its workers as well
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in told
    assert b"the same command goes on" in told
    assert 0 < len(list(tmp_path.glob("f/results/*.npz"))) < 40
    assert (tmp_path / "f" / "table.csv").read_text().count("missing") > 0


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are listed in /proc")
@pytest.mark.long
def test_killed_command_leaves_no_process_and_goes_on(tmp_path: Path) -> None:
    source = written(tmp_path, TRIANGLE.replace("20 sweeps", "300000 sweeps"))
    arguments = ["sweep", source, "--seeds", "6", "--workers", "2", "-o", tmp_path / "f"]
    process = subprocess.Popen([sys.executable, "-m", "bioasm", *map(str, arguments)], stderr=subprocess.PIPE)
    _until(lambda: any(tmp_path.glob("f/results/*.npz")))
    started = _descendants(process.pid)
    process.kill()
    process.communicate()
    assert len(started) > 2
    _until(lambda: not any(Path(f"/proc/{one}/exe").exists() for one in started))
    assert command(*arguments).code == 0
    assert len(list(tmp_path.glob("f/results/*.npz"))) == 6


def _descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*children, *(one for child in children for one in _descendants(child))]


def _until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.skipif(find_spec("distributed") is None, reason="Dask is not installed")
@pytest.mark.long
def test_dask_gives_the_same_folder_though_a_worker_is_killed(tmp_path: Path) -> None:
    from distributed import LocalCluster

    text, grid = TRIANGLE.replace("20 sweeps", "100000 sweeps"), {**GRID, "seeds": 6}
    bioasm.sweep(text, tmp_path / "one", executor=threads, **grid)
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        killed: list[int] = []

        def kill(state: State) -> bool:
            if state.done >= 3 and not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)
            return True

        swept = bioasm.sweep(text, tmp_path / "f", executor=f"dask:{cluster.scheduler_address}", observer=kill, **grid)
    assert killed
    assert not swept.missing
    assert files(tmp_path / "f") == files(tmp_path / "one")


@pytest.mark.skipif(find_spec("submitit") is None, reason="submitit is not installed")
@pytest.mark.long
def test_submitit_gives_the_same_folder(done: Path, tmp_path: Path) -> None:
    bioasm.sweep(TRIANGLE, tmp_path / "f", executor="submitit-local", **GRID)
    assert files(tmp_path / "f") == files(done)


@pytest.mark.long
def test_pool_goes_on_though_a_process_is_killed(done: Path, tmp_path: Path) -> None:
    killed: list[int] = []

    def kill(state: State) -> bool:
        import multiprocessing

        if state.done >= 2 and not killed:
            killed.append(next(p.pid for p in multiprocessing.active_children() if p.pid))
            os.kill(killed[0], signal.SIGKILL)
        return True

    bioasm.sweep(TRIANGLE, tmp_path / "f", workers=2, observer=kill, **GRID)
    assert killed
    assert files(tmp_path / "f") == files(done)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="processes are listed in /proc")
def test_interrupted_sweep_leaves_no_worker(tmp_path: Path) -> None:
    """In a process that goes on, such as a notebook, what runs is the server and its helper, for the next sweep."""
    (tmp_path / "script.py").write_text(INTERRUPTED.format(text=TRIANGLE.replace("20 sweeps", "3000 sweeps")))
    asked = [sys.executable, tmp_path / "script.py"]
    told = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert told.stderr == ""
    left = told.stdout.splitlines()
    assert len(left) == 2
    assert [sum(helper in line for line in left) for helper in ("forkserver", "resource_tracker")] == [1, 1]


INTERRUPTED = """
import os, time
from contextlib import suppress
from pathlib import Path
import bioasm

def children(pid):
    found = [int(child) for task in Path(f"/proc/{{pid}}/task").iterdir() for child in (task / "children").read_text().split()]
    return [*found, *(one for child in found for one in children(child))]

def commands():
    found = []
    for pid in children(os.getpid()):
        with suppress(OSError):
            found.append(Path(f"/proc/{{pid}}/cmdline").read_text().replace(chr(0), " "))
    return found

def interrupt(state):
    if state.done:
        raise KeyboardInterrupt
    return True

try:
    bioasm.sweep('''{text}''', "f", seeds=40, workers=2, observer=interrupt)
except KeyboardInterrupt:
    until = time.monotonic() + 60  # the server collects what ended when it gets a processor
    while len(commands()) != 2 and time.monotonic() < until:
        time.sleep(0.05)
    print(*commands(), sep=chr(10))
"""


class Terse(ThreadPoolExecutor):
    """An executor that can't be told to cancel jobs, as that of a Dask client."""

    def shutdown(self, wait: bool = True) -> None:  # type: ignore[override]
        super().shutdown(wait, cancel_futures=True)


def test_executor_without_an_option_to_cancel_is_left(tmp_path: Path) -> None:
    swept = bioasm.sweep(TRIANGLE, tmp_path / "f", executor=lambda: Terse(1), seeds=30, observer=lambda state: state.done < 1)
    assert swept.missing
    assert not swept.failures


@pytest.mark.skipif(find_spec("distributed") is None, reason="Dask is not installed")
@pytest.mark.long
def test_dask_is_left_without_jobs_and_connections(tmp_path: Path) -> None:
    from distributed import LocalCluster

    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
    with LocalCluster(**options) as cluster:
        own, where = set(cluster.scheduler.clients), f"dask:{cluster.scheduler_address}"
        stops: list[Any] = [lambda state: state.done < 1, None]  # in the midst of the sweep, and at its end
        for stop in stops:
            swept = bioasm.sweep(TRIANGLE, tmp_path / "f", executor=where, seeds=30, observer=stop)
            assert set(cluster.scheduler.clients) == own
            assert not cluster.scheduler.tasks
            assert bool(swept.missing) == (stop is not None)


@pytest.mark.skipif(find_spec("submitit") is None, reason="submitit is not installed")
@pytest.mark.parametrize("script", [None, "echo 'sbatch: error: invalid partition' >&2; exit 1"])
def test_queue_that_takes_no_jobs_is_told(script: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Slurm is not there, and where it refuses."""
    (tmp_path / "bin").mkdir()
    for name in ("srun", "sbatch") if script else ():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    told = command("sweep", written(tmp_path, TRIANGLE), "--executor", "slurm", "-o", tmp_path / "f")
    assert told.code == 1
    assert "B406" in told.stderr
    assert ("invalid partition" if script else "srun") in told.stderr
