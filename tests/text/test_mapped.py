"""Files that are mapped into memory and are shortened, written over or exchanged while they are used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bioasm import mapped
from bioasm.binary.reader import read
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, find_driver
from bioasm.isa.program import mapped_files
from bioasm.mapped import MappedFile, files_behind
from bioasm.text.assemble import assemble
from bioasm.text.files import read_file
from bioasm.verifier.gate import verify

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="the handler of SIGBUS is for Linux")
N = 64
TEXT = f'MODEL ising\nALC {N}\nLDJ file "J.npy"\nSIG 5\nRUN 10 sweeps\nRUN 5000000 sweeps\n'


@pytest.fixture
def everything_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files are mapped as well."""
    monkeypatch.setattr(mapped, "IN_MEMORY", 0)


def couplings(folder: Path, n: int = N) -> Path:
    upper = np.triu(np.random.default_rng(1).normal(size=(n, n)), 1)
    np.save(folder / "J.npy", upper + upper.T)
    return folder / "J.npy"


def test_small_files_are_read(tmp_path: Path) -> None:
    value = read_file(couplings(tmp_path))
    assert list(files_behind([value.array])) == []


@pytest.mark.usefixtures("everything_mapped")
@pytest.mark.parametrize("order", ["C", "F"])
def test_large_ones_are_mapped_and_known_through_views(tmp_path: Path, order: str) -> None:
    array = np.asarray(np.arange(24.0).reshape(4, 6), order=order)
    np.save(tmp_path / "x.npy", array)
    value = read_file(tmp_path / "x.npy")
    assert (value.array == array).all()
    for view in (value.array, value.array[1:], value.array.T, value.array[:, ::2].reshape(-1, 1)[:0]):
        found = list(files_behind([view]))
        assert all(isinstance(file, MappedFile) and file.path.endswith("x.npy") for file in found)
    assert len(list(files_behind([value.array, value.array[1:].T]))) == 2


@pytest.mark.usefixtures("everything_mapped")
@pytest.mark.parametrize("count", [0, 1])
def test_empty_and_short_arrays(tmp_path: Path, count: int) -> None:
    np.save(tmp_path / "x.npy", np.ones(count))
    assert read_file(tmp_path / "x.npy").array.tolist() == [1.0] * count


def test_an_array_longer_than_its_file(tmp_path: Path) -> None:
    path = couplings(tmp_path)
    os.truncate(path, 1000)
    with pytest.raises(BioasmError, match="B303.*the file ends before its array of 32768 bytes"):
        read_file(path)


@pytest.mark.usefixtures("everything_mapped")
def test_indices_of_a_mapped_program_are_copied(tmp_path: Path) -> None:
    text = "MODEL ising\nALC 9\nLDJ sparse(9) { 0 1 2 | 3 4 5 }\n"
    (tmp_path / "x.bbc").write_bytes(to_bytes(assemble(text)))
    value = read(tmp_path / "x.bbc").data[0].value
    assert list(files_behind([value.row, value.column, value.value])) == []


CHANGES = {
    "shortened": lambda path: os.truncate(path, 4096),
    "emptied": lambda path: open(path, "w").close(),
    "written over": lambda path: path.write_bytes(bytes(path.stat().st_size)),
}


@needs_linux
@pytest.mark.usefixtures("everything_mapped")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("form", ["npy", "bbc"])
@pytest.mark.parametrize("lanes", [1, 40])
def test_a_run_whose_data_change_ends_with_what_it_has(tmp_path: Path, change: str, form: str, lanes: int) -> None:
    path = couplings(tmp_path)
    program = assemble(TEXT, folder=tmp_path)
    if form == "bbc":
        path = tmp_path / "x.bbc"
        path.write_bytes(to_bytes(program))
        program = read(path)
    assert [file.path for file in mapped_files(program)] == [str(path)]
    seen = []

    def observer(progress) -> bool:
        if not progress.message:
            seen.append(progress.steps)
        if len(seen) == 3 and not progress.message:
            CHANGES[change](path)
        return True

    options = RunOptions(seed=1, lanes=lanes, threads=2, checkpoint=tmp_path / "c", checkpoint_every=0.0)
    with pytest.raises(BioasmError, match="B310") as caught:
        find_driver("cpu")().run(verify(program), options, observer)
    partial = caught.value.partial
    assert partial.status == "failed"
    assert partial.steps >= max(seen) > 10
    assert f"after step {max(seen):,};" in caught.value.diagnostics[0].message
    assert partial.diagnostics[-1].code == "B310"
    saved = np.load(tmp_path / "c")
    assert saved is not None  # of a slice before the change, or of none after it


@needs_linux
@pytest.mark.usefixtures("everything_mapped")
@pytest.mark.parametrize("change", CHANGES)
def test_brian2_as_well(tmp_path: Path, change: str) -> None:
    pytest.importorskip("brian2")
    path = couplings(tmp_path)
    program = assemble(TEXT, folder=tmp_path)
    calls = []

    def observer(progress) -> bool:
        calls.append(progress.steps)
        if len(calls) == 1:
            CHANGES[change](path)
        return True

    with pytest.raises(BioasmError, match="B310"):
        find_driver("brian2")().run(verify(program), RunOptions(seed=1), observer)


@pytest.mark.usefixtures("everything_mapped")
def test_a_file_that_another_replaces_stays_what_it_was(tmp_path: Path) -> None:
    path = couplings(tmp_path)
    value = read_file(path)
    before = value.array.copy()
    np.save(tmp_path / "new.npy", np.zeros(3))
    os.replace(tmp_path / "new.npy", path)
    assert not any(file.changed for file in files_behind([value.array]))
    assert (value.array == before).all()


SCRIPT = """
import os, sys, signal
from bioasm import mapped
mapped.IN_MEMORY = 0
from bioasm.cli.main import main
import bioasm.verifier.data as data
whole = data.all_finite
def cut(array):
    os.truncate(sys.argv[-1], 4096)
    return whole(array)
data.all_finite = cut
code = main(sys.argv[1:-1])
print("code", code)
"""


@needs_linux
@pytest.mark.parametrize("command", ["check x.bbc", "info x.bbc", "run x.bbc --seed 1", "verify x.bbc --against cpu"])
def test_a_command_whose_file_is_cut_off_beneath_it_tells(tmp_path: Path, command: str) -> None:
    couplings(tmp_path)
    (tmp_path / "x.bbc").write_bytes(to_bytes(assemble(TEXT.replace("5000000", "10"), folder=tmp_path)))
    line = [sys.executable, "-c", SCRIPT, *command.split(), "x.bbc"]
    told = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
    assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "code 1"), told.stderr
    assert "error[B310]: x.bbc was changed while it was used" in told.stderr


@needs_linux
def test_other_faults_of_the_bus_are_not_ours(tmp_path: Path) -> None:
    couplings(tmp_path)
    script = """
import os, signal, sys
from pathlib import Path
from bioasm import mapped
mapped.IN_MEMORY = 0
from bioasm.text.files import read_file
kept = read_file(Path("J.npy"))
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGBUS)
else:
    import mmap
    with open("J.npy", "rb") as stream:
        other = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    os.truncate("J.npy", 0)
    other[5000]
print("alive")
"""
    for way in ("kill", "read"):
        couplings(tmp_path)
        told = subprocess.run([sys.executable, "-c", script, way], cwd=tmp_path, capture_output=True, text=True)
        assert (told.returncode, told.stdout) == (-signal.SIGBUS, "")
