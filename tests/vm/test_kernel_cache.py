"""Kernels on disk: found again, refused where damaged, and done without where nothing can be kept."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import OrderedDict
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from bioasm import cachedir
from bioasm.vm import background, compiler, kernel_cache
from bioasm.vm.compiler import Compiler
from tests.vm.support import finish, has_ended, machine, outs, run, wait_until

ROOT = Path(__file__).parents[2]
KEY = ("ising", "none", "whole")
LOOP = ("machine", "", "")
TEXT = "MODEL ising\nALC 3\nRUN 2\nRD steps\n"
LONG = "MODEL ising\nALC 9\nSIG 1\nRUN 40\nRD energy\nRD steps\n"
PROGRAM = """
from bioasm.drivers.cpu import CpuDriver
from bioasm.verifier.gate import verify
from bioasm.text.assemble import assemble
import sys
result = CpuDriver().run(verify(assemble("MODEL ising\\nALC 3\\nRUN 2\\nRD\\n")))
print(result.state.tolist(), "bioasm.vm.jit" in sys.modules)
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
    path = kernel_cache._path(request.param)
    if path is None or not path.exists():
        pytest.skip("this machine has no private folder for the cache")
    return Compiled(request.param, path.name, path.read_bytes())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no kernel in memory."""
    (tmp_path / "cache").mkdir(mode=0o700)
    monkeypatch.setenv("BIOASM_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(kernel_cache, "_kept", OrderedDict())
    return tmp_path / "cache"


def put(path: Path, content: bytes) -> None:
    """A file that no one else may write."""
    path.write_bytes(content)
    path.chmod(0o600)


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """Which kernels were asked to be compiled; compiling itself is left to the kernels that are in memory."""
    asked: list[tuple[str, str, str]] = []
    have = {key: kernel_cache.kernel(*key) for key in (KEY, LOOP)}

    def stand_in(key: tuple[str, str, str], notice: kernel_cache.Notice | None) -> kernel_cache.Kernel:
        asked.append(key)
        return have[key]

    monkeypatch.setattr(kernel_cache, "_compile", stand_in)
    return asked


def test_a_kept_kernel_is_loaded(compiled: Compiled, compilations: list, folder: Path) -> None:
    put(folder / compiled.name, compiled.content)
    assert outs(run(TEXT)) == [2]
    assert compilations == [key for key in (LOOP, KEY) if key != compiled.key]


def test_a_kernel_is_loaded_once(compiled: Compiled, folder: Path) -> None:
    put(folder / compiled.name, compiled.content)
    assert kernel_cache.kernel(*compiled.key) is kernel_cache.kernel(*compiled.key)


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
    names = {kernel_cache._path(key).name for key in (KEY, ("ising", "none", "real"), ("lif_critical", "none", "uniform"))}
    monkeypatch.setattr(kernel_cache, "_fingerprint", lambda: b"another compiler")
    assert len(names | {kernel_cache._path(KEY).name}) == 4


@pytest.mark.parametrize("name", ["BIOASM_CPU_NAME", "BIOASM_CPU_FEATURES"])
def test_the_name_depends_on_the_processor_that_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = kernel_cache._path(KEY)
    monkeypatch.setenv(name, "generic")
    assert kernel_cache._path(KEY) != before


def test_a_kernel_in_the_place_of_another_is_not_loaded(compiled: Compiled, compilations: list, folder: Path) -> None:
    """The file is whole and its checksum right, but it was made for another key."""
    other = KEY if compiled.key == LOOP else LOOP
    place = kernel_cache._path(other)
    assert place is not None
    put(place, compiled.content)
    assert outs(run(TEXT)) == [2]
    assert other in compilations


def test_a_process_older_than_the_sources_keeps_no_kernels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "_BEGAN", 0.0)
    assert kernel_cache._path(KEY) is None
    monkeypatch.setattr(kernel_cache, "_BEGAN", max(path.stat().st_ctime for path in kernel_cache._sources()))
    assert kernel_cache._path(KEY) is not None


# --- what stays in memory ---------------------------------------------------------------------------


def load(key: tuple[str, str, str]) -> weakref.ref:
    """A weak reference to the owner of a kernel's machine code, loaded from the file of KEY under another name."""
    content = kernel_cache.read_kept(kernel_cache._path(KEY), kernel_cache._key(KEY))
    kernel = kernel_cache._link(content)
    kernel_cache._kept[key] = kernel
    return weakref.ref(kernel.owner)


def test_kernels_that_no_machine_uses_are_unloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    run(TEXT)
    if kernel_cache._path(KEY) is None:
        pytest.skip("this machine has no private folder for the cache")
    monkeypatch.setattr(kernel_cache, "_kept", OrderedDict())
    monkeypatch.setattr(kernel_cache, "_MOST", 3)
    owners = [load(("network", "", str(k))) for k in range(5)]
    used = kernel_cache._kept["network", "", "0"]
    run(TEXT)  # two more
    gc.collect()
    assert list(kernel_cache._kept) == [("network", "", "4"), LOOP, KEY]
    assert [owner() is not None for owner in owners] == [True, False, False, False, True]
    assert used.owner is owners[0]()


def test_a_machine_keeps_its_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others push a kernel out while a run is under way, and it goes on."""
    whole = outs(run(LONG))
    monkeypatch.setattr(kernel_cache, "_kept", OrderedDict())
    this = machine(LONG)
    this._budget = 3
    this.run_slice()
    kernel_cache._kept.clear()
    gc.collect()
    assert [r.value for r in finish(this).outputs.readings] == whole


FLAT = """
import gc, tracemalloc
from bioasm import assemble
from bioasm.drivers import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.verifier.gate import verify
from bioasm.vm import kernel_cache

kernel_cache._MOST = 1
tracemalloc.start()
for k in range(100):
    text = f"MODEL ising\\nALC {3 + k % 7}\\nSIG {k + 1}\\nRUN 2\\nRD steps\\n"
    CpuDriver().run(verify(assemble(text)), RunOptions(seed=k, threads=1))
    if k % 20 == 19:
        gc.collect()
        print(tracemalloc.get_traced_memory()[0])
"""


def test_memory_stays_flat_over_many_programs() -> None:
    """A hundred texts in turn in a fresh process, kernels loaded anew for each: nothing of a program stays behind it.

    Python's table of interned strings grows at one moment by a megabyte, so that one of the steps may.
    """
    told = subprocess.run([sys.executable, "-c", FLAT], capture_output=True, text=True, check=True)
    sizes = [int(line) for line in told.stdout.split()]
    grown = sorted(after - before for before, after in pairwise(sizes[1:]))
    assert grown[1] < 20_000, sizes  # 1 kB a program


# --- compilation ------------------------------------------------------------------------------------

GREET = f"import sys, time; sys.stdout.buffer.write({compiler._GREETING!r}); sys.stdout.flush()\n"
ANSWER = GREET + "for line in sys.stdin: sys.stdout.buffer.write(b'\\3' + bytes(7) + b'abc'); sys.stdout.flush()"


def test_a_compiler_that_can_not_be_started_is_done_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(kernel_cache, "COMPILER", Compiler())
    monkeypatch.setattr(compiler.sys, "executable", "/nowhere/python")
    monkeypatch.setattr(kernel_cache, "_built_here", lambda key: asked.append(key) or "kernel")
    assert kernel_cache._compile(KEY, None) == "kernel"
    assert asked == [KEY]


@pytest.mark.parametrize(
    "child",
    ["import sys; sys.exit(1)", "print('x' * 9)", GREET, GREET + "sys.stdin.readline()", GREET + "input(); print('x' * 9)"],
)
def test_a_compiler_that_fails_gives_nothing(child: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_CHILD", child)
    broken = Compiler()
    assert broken.compile(KEY) == b""
    assert broken._child is None


def test_a_compiler_is_replaced_after_some_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_CHILD", ANSWER)
    monkeypatch.setattr(compiler, "MOST", 2)
    several, children = Compiler(), []
    for _ in range(5):
        assert several.compile(KEY) == b"abc"
        children.append(several._child.pid)
    assert len(set(children)) == 3
    assert children[0] == children[1] != children[2]
    several.close()
    assert several._child.poll() is not None


def test_a_compiler_is_replaced_where_another_processor_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It read its settings when it started, and a kernel would be kept under the name of others."""
    monkeypatch.setattr(compiler, "_CHILD", ANSWER)
    one, children = Compiler(), []
    for setting in ("1", "1", "2"):
        monkeypatch.setenv("BIOASM_CPU_NAME", setting)
        assert one.compile(KEY) == b"abc"
        children.append(one._child.pid)
    assert children[0] == children[1] != children[2]
    one.close()


def test_an_interpreter_that_does_not_greet_is_done_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is no Python, but what embeds one; it is waited for once."""
    script, starts = tmp_path / "host", tmp_path / "starts"
    script.write_text(f"#!/bin/sh\necho >> {starts}\nsleep 50\n")
    script.chmod(0o700)
    monkeypatch.setattr(compiler.sys, "executable", str(script))
    monkeypatch.setattr(compiler, "_GREETING_SECONDS", 0.5)
    silent, began = Compiler(), time.monotonic()
    assert [silent.compile(KEY), silent.compile(KEY)] == [b"", b""]
    assert time.monotonic() - began < 30
    assert starts.read_text() == "\n"


def test_a_compiler_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_CHILD", ANSWER)
    monkeypatch.setattr(compiler, "_ANSWER_SECONDS", 0.3)
    stopped = Compiler()
    assert stopped.compile(KEY) == b"abc"
    os.kill(stopped._child.pid, signal.SIGSTOP)
    assert stopped.compile(KEY) == b""
    assert stopped.compile(KEY) == b"abc"
    stopped.close()


def test_a_compiler_that_ended_idle_before_it_was_asked_is_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first child ends once it was asked, as one does whose idle time is over."""
    mark = f"from pathlib import Path\nmark = Path({str(tmp_path / 'mark')!r})\n"
    mark += "if not mark.exists(): mark.touch(); input(); sys.exit()\n"
    monkeypatch.setattr(compiler, "_CHILD", ANSWER.replace("for line", mark + "for line"))
    idle = Compiler()
    assert idle.compile(KEY) == b"abc"
    idle.close()


def test_a_compiler_runs_with_the_flags_of_its_host() -> None:
    script = """
from bioasm.vm import compiler
compiler._CHILD = f'''import sys
sys.stdout.buffer.write({compiler._GREETING!r})
sys.stdout.flush()
input()
flags = repr((sys.flags, sys.warnoptions, sys._xoptions)).encode()
sys.stdout.buffer.write(len(flags).to_bytes(8, "little") + flags)'''
import sys
print(compiler.Compiler().compile(("", "", "")).decode() == repr((sys.flags, sys.warnoptions, sys._xoptions)))
"""
    command = [sys.executable, "-O", "-s", "-B", "-X", "utf8", "-W", "ignore", "-c", script]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_process_forked_while_a_kernel_compiles_waits_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "_CHILD", ANSWER)
    kernel_cache.COMPILER._stop()
    assert kernel_cache.COMPILER.compile(KEY) == b"abc"
    child = kernel_cache.COMPILER._child
    monkeypatch.setattr(background, "_abandoned", [threading.current_thread()])
    with background._one_at_a_time, kernel_cache._lock, kernel_cache.COMPILER._lock:
        process = os.fork()
        if process == 0:
            _in_forked_process()
    assert os.waitpid(process, 0)[1] == 0
    assert child.poll() is None
    assert kernel_cache.COMPILER.compile(KEY) == b"abc"
    assert kernel_cache.COMPILER._child is child
    kernel_cache.COMPILER._stop()


def _in_forked_process() -> None:
    """Exit code 0 where a kernel can be compiled, by a child of its own; a signal ends one that waits."""
    signal.alarm(20)
    try:
        content = background.in_background(lambda: kernel_cache.COMPILER.compile(KEY), lambda: True)
        kernel_cache.COMPILER.close()
        with kernel_cache._lock:
            os._exit(0 if content == b"abc" and not background.still_working() else 1)
    finally:
        os._exit(2)


def test_a_compiler_ends_in_the_middle_of_its_work_when_its_host_is_killed(tmp_path: Path) -> None:
    script = """
import sys
from bioasm.vm import compiler
compiler._CHILD = '''import os, sys, time
from bioasm.vm import compiler
def slow(line):
    print(os.getpid(), file=open("started", "w"), flush=True)
    time.sleep(50)
compiler._object_code_or_nothing = slow
compiler.serve()'''
compiler.COMPILER.compile(("", "", ""))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment) as host:
        started = tmp_path / "started"
        assert wait_until(lambda: started.exists() and started.read_text().endswith("\n"))
        host.kill()
    assert wait_until(lambda: has_ended(int(started.read_text())))


def test_sources_that_changed_are_compiled_by_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_cache, "_changed_since", lambda: True)
    monkeypatch.setattr(kernel_cache.COMPILER, "compile", lambda *_: pytest.fail("a child would read other sources"))
    monkeypatch.setattr(kernel_cache, "_built_here", lambda key: "kernel")
    assert kernel_cache._built(KEY) == "kernel"


# --- whole processes ----------------------------------------------------------------------------------------


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "BIOASM_CACHE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, text=True, **streams)


def test_two_processes_compile_at_once_and_a_third_does_not(folder: Path) -> None:
    both = [start(folder), start(folder)]
    first = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], first
    assert first[0] == first[1]
    assert first[0][0].endswith("False\n")  # the compiler is imported where kernels are compiled, in a process of its own
    assert [p.suffix for p in folder.glob("kernel-*")] == [".o", ".o"]
    third = start(folder)
    out, _ = third.communicate()
    assert out == first[0][0]
