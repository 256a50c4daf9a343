"""Sweeps: the grid, the folder that goes on, and jobs that fail or die."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

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
from tests.sweeps.support import GRID, TRIANGLE, files, threads, written

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


def test_name_with_two_lists_of_values_is_refused(tmp_path: Path) -> None:
    told = command("sweep", written(tmp_path, TRIANGLE), "--set", "T=1", "--set", "T=2", "-o", tmp_path / "f")
    assert told.code == 2
    assert "--set T=1,2,5" in told.stderr


def test_each_point_is_the_run_of_its_settings_and_seed(done: Path) -> None:
    swept = Sweep(_plan(done), bioasm.sweep(TRIANGLE, done, executor=threads, **GRID).store)
    assert [(dict(p.settings)["T"], p.seed) for p in swept.points] == [(t, s) for t in ("1.0", "1.5", "2.0") for s in (0, 1)]
    for at, point in enumerate(swept.points):
        alone = bioasm.run(TRIANGLE, set=dict(point.settings), seed=point.seed, lanes=8)
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

    half = bioasm.sweep(TRIANGLE, tmp_path / "f", executor=threads, observer=until, **GRID)
    kept = len(files(tmp_path / "f"))
    assert half.missing
    calls: list[State] = []
    bioasm.sweep(TRIANGLE, tmp_path / "f", executor=threads, observer=lambda state: calls.append(state) is None, **GRID)
    assert kept < len(files(tmp_path / "f"))
    assert calls[0].before >= 3
    assert files(tmp_path / "f") == files(done)


def test_finished_folder_runs_and_writes_nothing(done: Path) -> None:
    """So that one that is only to be read is no fault."""
    before = {path: path.stat().st_mtime_ns for path in (done, *done.rglob("*"))}
    bioasm.sweep(TRIANGLE, done, executor=lambda: pytest.fail("nothing is to be run"), **GRID)
    assert {path: path.stat().st_mtime_ns for path in (done, *done.rglob("*"))} == before


def test_folder_of_another_sweep_is_refused(done: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    for folder, options, word in ((done, {**GRID, "lanes": 9}, "lanes"), (tmp_path, GRID, "no folder of a sweep")):
        before = files(folder)
        with pytest.raises(BioasmError, match=f"B604(.|\n)*{word}"):
            bioasm.sweep(TRIANGLE, folder, executor=threads, **options)
        assert files(folder) == before


# --- what goes wrong ----------------------------------------------------------------------------------


def test_job_that_fails_is_told_and_others_go_on(tmp_path: Path) -> None:
    text = TRIANGLE.replace("RUN sweeps", "MOV r1, T\nSUB r1, r1, 1.2\nRUN r1")
    swept = bioasm.sweep(text, tmp_path / "f", executor=threads, set={"T": "1:2:3"})
    assert list(swept.failures) == [0]
    assert swept.failures[0][0]["code"] == "B402"
    assert swept.table["status"] == ["failed", "finished", "finished"]
    assert (tmp_path / "f" / "table.csv").read_bytes() == to_csv(swept.table)
    assert len(list((tmp_path / "f" / "failed").glob("*.npz"))) == 1
    told = command("sweep", written(tmp_path, text), "--set", "T=1:2:3", "-o", tmp_path / "g", "--workers", 1)
    assert told.code == 1
    assert "T=1.0, seed 0: B402: RUN got -0.2" in told.stderr


def test_pieces_that_do_not_fit_are_told_and_others_go_on(tmp_path: Path) -> None:
    plan = prepared(TRIANGLE, {}, 2, lanes=4, pieces=2)
    store, (first, other) = Store(tmp_path / "f", plan), plan.points()
    store.begin()
    for job, lanes, seed in zip(first.jobs, ("0:2/4", "2:4/4"), (0, 9), strict=True):
        store.keep(job, content(bioasm.run(TRIANGLE, lanes=lanes, seed=seed)))
    swept = bioasm.sweep(TRIANGLE, tmp_path / "f", seeds=2, lanes=4, pieces=2, executor=threads)
    assert (swept.missing, swept.failures[0][0]["code"]) == ([first], "B602")
    store.keep(first.jobs[1], content(bioasm.run(TRIANGLE, lanes="2:4/4", seed=0)))
    mended = bioasm.sweep(TRIANGLE, tmp_path / "f", seeds=2, lanes=4, pieces=2, executor=threads)
    assert (mended.missing, mended.failures, store.result(other).exists()) == ([], {}, True)


@pytest.mark.parametrize(
    "options",
    [{"set": {"U": [1]}}, {"set": {"T": []}}, {"seeds": 0}, {"seeds": [1, 1]}, {"pieces": 2}, {"executor": "abacus"},
     {"driver": "x"}, {"set": {"T": "0:1:60000"}, "seeds": 60000}, {"set": {"T": [None]}}, {"set": 1}, {"seeds": [0.5]},
     {"lanes": "4"}, {"lanes": 1 << 17}, {"set": {"T": [1, 2, 1]}}, {"set": {"T": "1:1:3"}}],
)  # fmt: skip
def test_what_can_be_known_is_refused_before(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(BioasmError):
        bioasm.sweep(TRIANGLE, tmp_path / "f", **options)
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    ("name", "wrong"), [("T", "1,2,-1,3"), ("T", "1,nan,2"), ("T", "1,2 furlongs,3"), ("sweeps", "1,2,-1,3")]
)
def test_each_value_is_checked_before(tmp_path: Path, name: str, wrong: str) -> None:
    with pytest.raises(BioasmError):
        bioasm.sweep(TRIANGLE, tmp_path / "f", executor=threads, set={name: wrong})
    assert not (tmp_path / "f").exists()


def test_wrong_program_is_refused_before(tmp_path: Path) -> None:
    with pytest.raises(BioasmError, match="B101"):
        bioasm.sweep("MODEL ising\nRUN 1\n", tmp_path / "f")
    assert not (tmp_path / "f").exists()


def test_executor_that_can_not_be_had_leaves_no_folder(tmp_path: Path) -> None:
    def none() -> Executor:
        raise error("B406", "no scheduler answers")

    with pytest.raises(BioasmError, match="no scheduler answers"):
        bioasm.sweep(TRIANGLE, tmp_path / "f", executor=none)
    assert not (tmp_path / "f").exists()


def test_inseparable_program_is_not_cut(tmp_path: Path) -> None:
    with pytest.raises(BioasmError, match="B601"):
        bioasm.sweep(TRIANGLE + "JLT r0, 0, end\nOUT 1\nend:\n", tmp_path / "f", lanes=4, pieces=2)


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
    swept = bioasm.sweep(TRIANGLE, tmp_path / "f", executor=lambda: Dying(1, [99]), seeds=3)
    assert [swept.failures[at][0]["code"] for at in swept.failures] == ["B605"]
    assert swept.table["status"] == ["finished", "failed", "finished"]
    again = bioasm.sweep(TRIANGLE, tmp_path / "g", executor=lambda: Dying(1, times), seeds=3) if (times := [2]) else None
    assert again is not None
    assert again.table["status"] == ["finished"] * 3


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
        bioasm.sweep(TRIANGLE, tmp_path / "f", executor=threads, **options)
    assert refused.value.diagnostics[0].code == code and says in refused.value.diagnostics[0].message
    assert not (tmp_path / "f").exists()
