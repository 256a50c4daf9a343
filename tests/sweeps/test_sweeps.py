"""Sweeps: the grid, the folder that goes on, jobs that fail or die, and the same bytes on every executor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError, error
from bioasm.results.reading import load
from bioasm.sweeps import Sweep, prepared
from bioasm.sweeps.plan import Plan
from bioasm.sweeps.run import State
from bioasm.sweeps.store import Store
from bioasm.sweeps.table import to_csv
from bioasm.sweeps.values import values
from bioasm.sweeps.worker import content, pack, run_task, unpacked
from tests.command import bioasm as command

TEXT = """
.const T = 2
.const sweeps = 20 sweeps
MODEL ising
ALC 3
LDJ [[0, -1, -1], [-1, 0, -1], [-1, -1, 0]]
SIG T
RUN sweeps
GET r0, energy
OUT r0, lowest
"""
GRID: dict[str, Any] = {"set": {"T": "1:2:3"}, "seeds": 2, "lanes": 8, "pieces": 3}


def threads() -> Executor:
    return ThreadPoolExecutor(1)


def files(folder: Path) -> dict[str, bytes]:
    """What is in the folder of a sweep, but for the seconds that jobs took and what an executor keeps for itself."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != "log.csv" and not name.startswith("queue")}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sweep, run in threads of this process."""
    folder = tmp_path_factory.mktemp("sweep") / "f"
    bioasm.sweep(TEXT, folder, executor=threads, **GRID)
    return folder


# --- values and points --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1:2:3", ("1.0", "1.5", "2.0")),
        ("1:2:3 mV", ("1.0 mV", "1.5 mV", "2.0 mV")),
        ("1mV:2mV:2", ("1.0 mV", "2.0 mV")),
        ("0.1:0.3:3", ("0.1", "0.2", "0.3")),
        ("-1e-3:1e-3:2", ("-0.001", "0.001")),
        ("1, 2 mV,metropolis", ("1", "2 mV", "metropolis")),
        ("5", ("5",)),
    ],
)
def test_values_are_listed_or_spaced(text: str, found: tuple[str, ...]) -> None:
    assert values("x", text) == found


@pytest.mark.parametrize(
    "text", ["1:2", "1:2:1", "1:2:x", "1:2:0.5", "1mV:2s:3", "1,,2", "1:2:3 furlongs", "1:2:999999", "a:b:3"]
)
def test_values_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(BioasmError):
        values("x", text)


def test_each_point_is_the_run_of_its_settings_and_seed(done: Path) -> None:
    swept = Sweep(_plan(done), bioasm.sweep(TEXT, done, executor=threads, **GRID).store)
    assert [(dict(p.settings)["T"], p.seed) for p in swept.points] == [(t, s) for t in ("1.0", "1.5", "2.0") for s in (0, 1)]
    for at, point in enumerate(swept.points):
        alone = bioasm.run(TEXT, set=dict(point.settings), seed=point.seed, lanes=8)
        assert swept.store.result(point).read_bytes() == content(alone)
        assert swept.table["lowest"][at] == alone["lowest"]
    assert not swept.missing
    assert not swept.failures
    assert list((done / "pieces").iterdir()) == []


def _plan(folder: Path) -> Plan:
    about = json.loads((folder / "sweep.json").read_text())
    axes = {name: tuple(found) for name, found in about["settings"].items()}
    return Plan((folder / "program.bbc").read_bytes(), axes, tuple(about["seeds"]), about["lanes"], about["pieces"])


def test_table_has_a_row_for_each_point(done: Path) -> None:
    lines = (done / "table.csv").read_text().splitlines()
    assert lines[0] == "T,seed,status,steps,best_energy,mean_best_energy,lowest,file"
    assert len(lines) == 7
    assert all(load(done / line.rpartition(",")[2]).lanes == 8 for line in lines[1:])
    assert (done / "table.csv").read_bytes() == to_csv(Sweep(_plan(done), Store(done, _plan(done))).table)


# --- a folder that goes on ----------------------------------------------------------------------------


def test_half_a_folder_goes_on(done: Path, tmp_path: Path) -> None:
    def until(state: State) -> bool:
        return state.done < 4

    half = bioasm.sweep(TEXT, tmp_path / "f", executor=threads, observer=until, **GRID)
    kept = len(files(tmp_path / "f"))
    assert half.missing
    calls: list[State] = []
    bioasm.sweep(TEXT, tmp_path / "f", executor=threads, observer=lambda state: calls.append(state) is None, **GRID)
    assert kept < len(files(tmp_path / "f"))
    assert calls[0].before >= 3
    assert files(tmp_path / "f") == files(done)


def test_finished_folder_runs_and_writes_nothing(done: Path) -> None:
    """So that one that is only to be read is no fault."""
    before = {path: path.stat().st_mtime_ns for path in (done, *done.rglob("*"))}
    bioasm.sweep(TEXT, done, executor=lambda: pytest.fail("nothing is to be run"), **GRID)
    assert {path: path.stat().st_mtime_ns for path in (done, *done.rglob("*"))} == before


def test_folder_of_another_sweep_is_refused(done: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    for folder, options, word in ((done, {**GRID, "lanes": 9}, "lanes"), (tmp_path, GRID, "no folder of a sweep")):
        before = files(folder)
        with pytest.raises(BioasmError, match=f"B604(.|\n)*{word}"):
            bioasm.sweep(TEXT, folder, executor=threads, **options)
        assert files(folder) == before


# --- what goes wrong ----------------------------------------------------------------------------------


def test_job_that_fails_is_told_and_others_go_on(tmp_path: Path) -> None:
    text = TEXT.replace("RUN sweeps", "MOV r1, T\nSUB r1, r1, 1.2\nRUN r1")
    swept = bioasm.sweep(text, tmp_path / "f", executor=threads, set={"T": "1:2:3"})
    assert list(swept.failures) == [0]
    assert swept.failures[0][0]["code"] == "B402"
    assert swept.table["status"] == ["failed", "finished", "finished"]
    assert (tmp_path / "f" / "table.csv").read_bytes() == to_csv(swept.table)
    assert len(list((tmp_path / "f" / "failed").glob("*.npz"))) == 1
    told = command("sweep", _written(tmp_path, text), "--set", "T=1:2:3", "-o", tmp_path / "g", "--workers", 1)
    assert told.code == 1
    assert "T=1.0, seed 0: B402: RUN got -0.2" in told.stderr


def test_pieces_that_do_not_fit_are_told_and_others_go_on(tmp_path: Path) -> None:
    plan = prepared(TEXT, {}, 2, lanes=4, pieces=2)
    store, (first, other) = Store(tmp_path / "f", plan), plan.points()
    store.begin()
    for job, lanes, seed in zip(first.jobs, ("0:2/4", "2:4/4"), (0, 9), strict=True):
        store.keep(job, content(bioasm.run(TEXT, lanes=lanes, seed=seed)))
    swept = bioasm.sweep(TEXT, tmp_path / "f", seeds=2, lanes=4, pieces=2, executor=threads)
    assert (swept.missing, swept.failures[0][0]["code"]) == ([first], "B602")
    store.keep(first.jobs[1], content(bioasm.run(TEXT, lanes="2:4/4", seed=0)))
    mended = bioasm.sweep(TEXT, tmp_path / "f", seeds=2, lanes=4, pieces=2, executor=threads)
    assert (mended.missing, mended.failures, store.result(other).exists()) == ([], {}, True)


def _written(folder: Path, text: str) -> Path:
    (folder / "p.basm").write_text(text)
    return folder / "p.basm"


@pytest.mark.parametrize(
    "options",
    [{"set": {"U": [1]}}, {"set": {"T": []}}, {"seeds": 0}, {"seeds": [1, 1]}, {"pieces": 2}, {"executor": "abacus"},
     {"driver": "x"}, {"set": {"T": "0:1:60000"}, "seeds": 60000}, {"set": {"T": [None]}}, {"set": 1}, {"seeds": [0.5]},
     {"lanes": "4"}, {"lanes": 1 << 17}],
)  # fmt: skip
def test_what_can_be_known_is_refused_before(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(BioasmError):
        bioasm.sweep(TEXT, tmp_path / "f", **options)
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("name", "wrong"), [("T", "1,2,-1,3"), ("T", "1,nan,2"), ("T", "1,2 furlongs,3"), ("sweeps", "1,2,-1,3")]
)
def test_each_value_is_checked_before(tmp_path: Path, name: str, wrong: str) -> None:
    with pytest.raises(BioasmError):
        bioasm.sweep(TEXT, tmp_path / "f", executor=threads, set={name: wrong})
    assert not (tmp_path / "f").exists()


def test_wrong_program_is_refused_before(tmp_path: Path) -> None:
    with pytest.raises(BioasmError, match="B101"):
        bioasm.sweep("MODEL ising\nRUN 1\n", tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_executor_that_can_not_be_had_leaves_no_folder(tmp_path: Path) -> None:
    def none() -> Executor:
        raise error("B406", "no scheduler answers")

    with pytest.raises(BioasmError, match="no scheduler answers"):
        bioasm.sweep(TEXT, tmp_path / "f", executor=none)
    assert not (tmp_path / "f").exists()


def test_inseparable_program_is_not_cut(tmp_path: Path) -> None:
    with pytest.raises(BioasmError, match="B601"):
        bioasm.sweep(TEXT + "JLT r0, 0, end\nOUT 1\nend:\n", tmp_path / "f", lanes=4, pieces=2)


def test_job_travels_as_plain_bytes(done: Path) -> None:
    plan = _plan(done)
    task = next(plan.points()).jobs[:1]
    head, _, program = pack(plan, task).partition(b"\n")
    assert json.loads(head)["lanes"] == [0, 2, 8]
    assert program == plan.program
    ((told, npz),) = unpacked(run_task(pack(plan, task)))
    assert told["status"] == "finished"
    assert npz[:2] == b"PK"
    ((told, npz),) = unpacked(run_task(b'{"settings": [{}], "seed": 1}\nnonsense'))
    assert (told["status"], npz) == ("failed", b"")


class Dying(Executor):
    """Runs jobs at once, and breaks at those of a seed as a pool does whose process died."""

    def __init__(self, seed: int, times: list[int]) -> None:
        self.seed, self.times = seed, times

    def submit(self, function: Any, /, *args: Any, **kwargs: Any) -> Future[bytes]:
        from concurrent.futures.process import BrokenProcessPool

        future: Future[bytes] = Future()
        asked = json.loads(args[0].partition(b"\n")[0])
        if asked["seed"] == self.seed and not asked["warm"] and self.times[0] > 0:
            self.times[0] -= 1
            future.set_exception(BrokenProcessPool("a process died"))
        else:
            future.set_result(function(*args))
        return future


def test_job_whose_process_dies_is_found_and_others_go_on(tmp_path: Path) -> None:
    swept = bioasm.sweep(TEXT, tmp_path / "f", executor=lambda: Dying(1, [99]), seeds=3)
    assert [swept.failures[at][0]["code"] for at in swept.failures] == ["B605"]
    assert swept.table["status"] == ["finished", "failed", "finished"]
    again = bioasm.sweep(TEXT, tmp_path / "g", executor=lambda: Dying(1, times), seeds=3) if (times := [2]) else None
    assert again is not None
    assert again.table["status"] == ["finished"] * 3


# --- the executors ------------------------------------------------------------------------------------


def test_processes_give_the_same_folder(done: Path, tmp_path: Path) -> None:
    asked = (
        "sweep",
        _written(tmp_path, TEXT),
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
    script = f"import bioasm\nprint(bioasm.sweep({TEXT!r}, 'f', seeds=2, workers=1).table['status'])\n"
    (tmp_path / "script.py").write_text(script)
    asked = [sys.executable, tmp_path / "script.py"]
    told = subprocess.run(asked, cwd=tmp_path / "there", capture_output=True, text=True, timeout=300)
    assert (told.stdout, told.stderr) == ("['finished', 'finished']\n", "")
    assert not (tmp_path / "there" / "imported").exists()


def test_interrupted_command_goes_on(tmp_path: Path) -> None:
    source = _written(tmp_path, TEXT.replace("20 sweeps", "300000 sweeps"))
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
    source = _written(tmp_path, TEXT.replace("20 sweeps", "300000 sweeps"))
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

    text, grid = TEXT.replace("20 sweeps", "100000 sweeps"), {**GRID, "seeds": 6}
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
    bioasm.sweep(TEXT, tmp_path / "f", executor="submitit-local", **GRID)
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

    bioasm.sweep(TEXT, tmp_path / "f", workers=2, observer=kill, **GRID)
    assert killed
    assert files(tmp_path / "f") == files(done)


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        ({"pieces": 2, "lanes": 4, "driver": "intan"}, "B502", "runs all lanes, and no piece of them"),
        ({"seeds": 10**12}, "B406", "1,000,000,000,000 seeds are more jobs than"),
    ],
)
def test_what_no_job_could_do_is_refused_before_the_first(
    options: dict[str, Any], code: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(BioasmError) as refused:
        bioasm.sweep(TEXT, tmp_path / "f", executor=threads, **options)
    assert refused.value.diagnostics[0].code == code and says in refused.value.diagnostics[0].message
    assert not (tmp_path / "f").exists()
