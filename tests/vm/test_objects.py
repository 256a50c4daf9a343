"""Kernels on disk: found again, refused where damaged, and done without where nothing can be kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from bioasm import cachedir
from bioasm.vm import objects
from tests.vm.support import outs, run

KEY = ("ising", "none", "whole")
LOOP = ("machine", "", "")
TEXT = "MODEL ising\nALC 3\nRUN 2\nRD steps\n"
PROGRAM = """
from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.verify import verify
from bioasm.text.assemble import assemble
import sys
result = CpuDriver().run(verify(assemble("MODEL ising\\nALC 3\\nRUN 2\\nRD\\n")))
print(result.state.tolist(), "numba" in sys.modules)
"""


class Compiled(NamedTuple):
    """A kernel on disk."""

    key: tuple[str, str, str]
    name: str
    content: bytes


@pytest.fixture(scope="module", params=[KEY, LOOP], ids=["dynamics", "loop"])
def compiled(request: pytest.FixtureRequest) -> Compiled:
    """The key, name and content of a kernel's file."""
    run(TEXT)
    path = objects._path(request.param)
    if path is None or not path.exists():
        pytest.skip("this machine has no private folder for the cache")
    return Compiled(request.param, path.name, path.read_bytes())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no kernel in memory."""
    (tmp_path / "cache").mkdir(mode=0o700)
    monkeypatch.setenv("BIOASM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(objects, "_kept", {})
    return tmp_path / "cache"


def put(path: Path, content: bytes) -> None:
    """A file that no one else may write."""
    path.write_bytes(content)
    path.chmod(0o600)


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Which kernels were asked to be compiled; compiling itself is left to the kernels that are in memory."""
    asked: list[tuple[str, str, str]] = []
    have = {key: objects.kernel(*key) for key in (KEY, LOOP)}

    def stand_in(key: tuple[str, str, str], notice: objects.Notice | None) -> tuple[objects.Kernel, None]:
        asked.append(key)
        return have[key], None

    monkeypatch.setattr(objects, "_compile", stand_in)
    return asked


def test_a_kept_kernel_is_loaded(compiled: Compiled, compilations: list, folder: Path) -> None:
    put(folder / compiled.name, compiled.content)
    assert outs(run(TEXT)) == [2]
    assert compilations == [key for key in (LOOP, KEY) if key != compiled.key]


def test_a_kernel_is_loaded_once(compiled: Compiled, folder: Path) -> None:
    put(folder / compiled.name, compiled.content)
    assert objects.kernel(*compiled.key) is objects.kernel(*compiled.key)


DAMAGE = {
    "empty": lambda content: b"",
    "one byte": lambda content: content[:1],
    "cut": lambda content: content[: len(content) // 2],
    "longer": lambda content: content + b"x",
    "no checksum": lambda content: content[32:],
    "another byte": lambda content: content[:1000] + bytes([content[1000] ^ 1]) + content[1001:],
    "another checksum": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_kernel_is_compiled_again(compiled: Compiled, compilations: list, folder: Path, damage: str) -> None:
    put(folder / compiled.name, DAMAGE[damage](compiled.content))
    assert outs(run(TEXT)) == [2]
    assert compilations == [LOOP, KEY]


def test_a_folder_in_the_place_of_a_kernel_does_no_harm(compiled: Compiled, compilations: list, folder: Path) -> None:
    (folder / compiled.name).mkdir()
    assert outs(run(TEXT)) == [2]
    assert compilations == [LOOP, KEY]


@pytest.mark.parametrize("made", ["a file", "open to others", "missing parent that is a file"])
def test_a_folder_that_can_not_be_used_does_no_harm(
    compilations: list, folder: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    place = folder / "other"
    if made == "open to others":
        place.mkdir()
        place.chmod(0o777)
    else:
        place.write_bytes(b"")
    monkeypatch.setenv("BIOASM_CACHE_DIR", str(place / "below" if made.startswith("missing") else place))
    assert cachedir.cache_dir() is None
    assert outs(run(TEXT)) == [2]
    assert compilations == [LOOP, KEY]


def test_the_name_tells_what_the_kernel_depends_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {objects._path(key).name for key in (KEY, ("ising", "none", "real"), ("lif_critical", "none", "uniform"))}
    monkeypatch.setattr(objects, "_fingerprint", lambda: b"another compiler")
    assert len(names | {objects._path(KEY).name}) == 4


@pytest.mark.parametrize("name", ["NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_OPT", "NUMBA_BOUNDSCHECK"])
def test_the_name_depends_on_what_numba_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = objects._path(KEY)
    monkeypatch.setenv(name, "generic")
    assert objects._path(KEY) != before


def test_the_name_depends_on_the_file_that_numba_reads(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    before = objects._path(KEY)
    (tmp_path / ".numba_config.yaml").write_text("cpu_name: generic\n")
    assert objects._path(KEY) != before


def test_a_kernel_in_the_place_of_another_is_not_loaded(compiled: Compiled, folder: Path, compilations: list) -> None:
    """The file is whole and its checksum right, but it was made for another key."""
    other = KEY if compiled.key == LOOP else LOOP
    place = objects._path(other)
    assert place is not None
    put(place, compiled.content)
    assert outs(run(TEXT)) == [2]
    assert other in compilations


def test_a_process_older_than_the_sources_keeps_no_kernels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_BEGAN", 0.0)
    assert objects._path(KEY) is None
    monkeypatch.setattr(objects, "_BEGAN", max(path.stat().st_ctime for path in objects._sources()))
    assert objects._path(KEY) is not None


# --- whole processes ----------------------------------------------------------------------------------------


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "BIOASM_CACHE_DIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, text=True, **streams)


def test_two_processes_compile_at_once_and_a_third_does_not(folder: Path) -> None:
    both = [start(folder), start(folder)]
    first = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], first
    assert first[0] == first[1]
    assert first[0][0].endswith("True\n")
    assert [p.suffix for p in folder.glob("kernel-*")] == [".o", ".o"]
    third = start(folder)
    out, _ = third.communicate()
    assert out == first[0][0].replace("True", "False")
