"""Folders of a sweep that can't be read or written, or that are damaged: a diagnostic, and nothing lost."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pytest

import bioasm
from bioasm.diagnostics import BioasmError, error
from bioasm.sweeps.run import Sweeper
from tests.command import bioasm as command
from tests.sweeps.support import GRID, TRIANGLE, files, threads, written


@pytest.fixture
def half(done: Path, tmp_path: Path) -> Path:
    """A folder that lacks the result of a point."""
    folder = tmp_path / "half"
    shutil.copytree(done, folder)
    next(folder.glob("results/*.npz")).unlink()
    return folder


def swept(folder: Path) -> bioasm.sweeps.Sweep:
    """The sweep of that folder, which goes on."""
    return bioasm.sweep(TRIANGLE, folder, executor=threads, **GRID)


def refusal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a sweep that may run no job is refused with."""
    monkeypatch.setattr(Sweeper, "_on", lambda self, executor: pytest.fail("a job was run"))
    with pytest.raises(BioasmError) as refused:
        swept(folder)
    return str(refused.value)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root and Windows heed no permissions")
@pytest.mark.parametrize("where", ["", "results"])
def test_half_a_folder_that_is_only_to_be_read_is_left_alone(where: str, half: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(half)
    (half / where).chmod(0o555)
    try:
        assert "B302" in (told := refusal(half, monkeypatch))
        assert "only to be read" in told
    finally:
        (half / where).chmod(0o755)
    after = files(half)
    assert {**after, "table.csv": b""} == {**before, "table.csv": b""}  # a table that can be written tells what is missing


@pytest.mark.parametrize("name", ["results", "pieces", "failed"])
def test_file_in_place_of_a_folder_is_told(name: str, half: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(half / name)
    (half / name).write_text("mine")
    told = refusal(half, monkeypatch)
    assert "B302" in told
    assert f"{half / name}: " in told
    assert (half / name).read_text() == "mine"


def test_plan_tells_that_results_can_not_be_listed(tmp_path: Path) -> None:
    asked = ("sweep", written(tmp_path, TRIANGLE), "-o", tmp_path / "f", "--workers", 1)
    assert command(*asked).code == 0
    shutil.rmtree(tmp_path / "f" / "results")
    (tmp_path / "f" / "results").write_text("mine")
    told = command(*asked, "--plan")
    assert told.code == 1
    assert f"B301]: can't read {tmp_path / 'f' / 'results'}" in told.stderr


@pytest.mark.parametrize(("make", "word"), [(Path.write_text, "no folder of a sweep"), (None, "not a directory")])
def test_file_in_the_way_of_the_folder_is_told(make: Any, word: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("mine")
    told = command("sweep", written(tmp_path, TRIANGLE), "-o", tmp_path / "x" if make else tmp_path / "x" / "f")
    assert told.code == 1
    assert word in told.stderr
    assert (tmp_path / "x").read_text() == "mine"


# --- the table ----------------------------------------------------------------------------------------


def test_table_that_can_not_be_read_is_written_anew(done: Path, half: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "table.csv":
            raise PermissionError(errno.EACCES, "Permission denied")
        return read(path)

    (half / "table.csv").write_bytes(b"\xff\0 nonsense")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", refuse)
        assert not swept(half).missing
    assert files(half) == files(done)


def test_folder_in_place_of_the_table_is_told_behind_all_jobs(done: Path, half: Path) -> None:
    (half / "table.csv").unlink()
    (half / "table.csv").mkdir()
    with pytest.raises(BioasmError, match=r"B302.*table\.csv: is a directory"):
        swept(half)
    (half / "table.csv").rmdir()
    assert files(half).keys() | {"table.csv"} == files(done).keys()


def test_what_ended_the_sweep_is_told_rather_than_the_table(half: Path) -> None:
    (half / "table.csv").unlink()
    (half / "table.csv").mkdir()

    def none() -> Executor:
        raise error("B406", "no scheduler answers")

    with pytest.raises(BioasmError, match="no scheduler answers"):
        bioasm.sweep(TRIANGLE, half, executor=none, **GRID)


# --- a full disk, and damaged files -------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are POSIX's")
def test_full_disk_is_told_and_the_folder_goes_on(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the plan fits, and a result does not."""
    source = written(tmp_path, TRIANGLE)
    asked = ["sweep", str(source), "--seeds", "3", "--workers", "1", "-o", str(tmp_path / "f")]

    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    told = subprocess.run([sys.executable, "-m", "bioasm", *asked], preexec_fn=limited, capture_output=True, text=True)
    assert told.returncode == 1
    assert "B302" in told.stderr
    assert "file too large" in told.stderr
    assert sorted(path.name for path in tmp_path.rglob("*") if path.suffix in (".npz", ".part")) == []
    assert command(*asked).code == 0
    assert len(list(tmp_path.glob("f/results/*.npz"))) == 3


def test_damaged_result_is_told_and_is_run_again_without_its_file(done: Path, tmp_path: Path) -> None:
    folder = tmp_path / "f"
    shutil.copytree(done, folder)
    spoiled = next(folder.glob("results/*.npz"))
    spoiled.write_bytes(b"junk")
    (folder / "table.csv").unlink()
    with pytest.raises(BioasmError, match=f"(?s)B313.*{spoiled.name}.*the same command runs its job again"):
        swept(folder)
    spoiled.unlink()
    assert not swept(folder).missing
    assert files(folder) == files(done)
