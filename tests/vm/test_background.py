"""Compilations that are given up: the caller stops at once, and what was computed before is kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from bioasm.drivers import RunOptions, find_driver
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm import background, kernel_cache
from bioasm.vm.background import Abandoned, in_background, still_working
from tests.vm.support import has_ended

ROOT = Path(__file__).parent.parent.parent


def test_the_result_or_what_was_raised_comes_back() -> None:
    assert in_background(lambda: 3, lambda: True) == 3
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0, lambda: True)


def test_waiting_ends_when_it_should_and_the_work_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_LOOK_EVERY", 0.01)
    release, done = threading.Event(), threading.Event()
    with pytest.raises(Abandoned):
        in_background(lambda: release.wait(60) and done.set(), lambda: False)
    assert still_working()
    release.set()
    assert done.wait(60)


def test_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_LOOK_EVERY", 0.01)
    release, order = threading.Event(), []
    with pytest.raises(Abandoned):
        in_background(lambda: release.wait(60) and order.append("first"), lambda: False)
    threading.Timer(0.1, release.set).start()
    in_background(lambda: order.append("second"), lambda: True)
    assert order == ["first", "second"]


def test_work_may_recurse_deeply() -> None:
    def deep(levels: int) -> int:
        return 0 if levels == 0 else 1 + deep(levels - 1)

    limit = sys.getrecursionlimit()
    try:
        sys.setrecursionlimit(20_000)
        assert in_background(lambda: deep(15_000), lambda: True) == 15_000
    finally:
        sys.setrecursionlimit(limit)


TWO_KERNELS = 'MODEL ising\nALC 40\nSIG 1\nRUN 6 sweeps\nRD energy\nLDJ j\nRUN 5 sweeps\n.data j = file "j.npy"\n'


def test_a_run_given_up_while_it_compiles_keeps_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "j.npy", 1.5 - np.eye(40) * 1.5)
    verified = verify(assemble(TWO_KERNELS, folder=tmp_path))
    whole = find_driver("cpu")().run(verified, RunOptions(seed=1))
    monkeypatch.setattr(background, "_LOOK_EVERY", 0.01)
    monkeypatch.setattr(kernel_cache, "_load", lambda *_: None)
    release, compilations = threading.Event(), []
    monkeypatch.setattr(kernel_cache, "_built", lambda key: compilations.append(key) or release.wait(60))
    for key in [key for key in kernel_cache._kept if "dense" in key[1]]:
        monkeypatch.delitem(kernel_cache._kept, key)
    told = []

    def observer(progress) -> bool:
        told.append(progress.message)
        return not progress.message

    options = RunOptions(seed=1, checkpoint=tmp_path / "c")
    cut = find_driver("cpu")().run(verified, options, observer)
    release.set()
    assert len(compilations) == 1
    assert (cut.status, cut.steps) == ("interrupted", 6)
    assert any("compiling" in message for message in told)
    assert [r.what for r in cut.results] == ["energy"]
    assert cut.results[0].value == whole.results[0].value
    monkeypatch.undo()
    resumed = find_driver("cpu")().run(verified, RunOptions(seed=1, checkpoint=tmp_path / "c", resume=True))
    assert (resumed.status, resumed.steps) == ("finished", 11)
    assert (resumed.state == whole.state).all()
    assert (resumed.energy == whole.energy).all()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_real_compilation(tmp_path: Path, number: int) -> None:
    script = """
import os, sys, time
from bioasm.vm import kernel_cache
real = kernel_cache._built
def slow(key):
    from bioasm.vm.kernels.build import build
    child = kernel_cache.COMPILER._running(kernel_cache.settings())
    print("compiling", child.pid, file=sys.stderr, flush=True)
    return real(key)
kernel_cache._built = slow
from bioasm.__main__ import start
sys.argv = ["bioasm", "run", "x.basm", "--seed", "1", "--json"]
code = start()
print("not left behind")
sys.exit(code)
"""
    (tmp_path / "x.basm").write_text("POP a, dynapsim, 3\nRUN 1 ms\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "BIOASM_CACHE_DIR": str(tmp_path / "cold")}
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # fmt: skip
        assert process.stderr is not None
        said, child = process.stderr.readline().split()
        assert said == "compiling"
        process.send_signal(number)
        began = time.monotonic()
        out, _ = process.communicate(timeout=120)
        seconds = time.monotonic() - began
        assert has_ended(int(child))
    assert process.returncode == 130
    assert '"status": "interrupted"' in out
    assert "not left behind" not in out
    assert not list((tmp_path / "cold").glob("kernel-*"))  # it did not wait for the compiler
    assert seconds < 30
