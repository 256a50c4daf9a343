"""Processes that stand still for a while, and a time of day that jumps: no run changes, and nothing waits for ever."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.command import bioasm

pytestmark = [
    pytest.mark.usefixtures("folder"),
    pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system can't stop processes"),
]
ROOT = Path(__file__).parent.parent.parent
SPINS = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nSIG 1\nRUN 1000000 sweeps\nRD spins\nRD energy\n"
TWIN = "ALC 4\nCUR 0.5 nA\nRUN {seconds} s\nRD spike_count\n"
PATIENCE = 120  # seconds; kernels may have to be compiled first
# Where the time of day may be asked for: what is told to people, what files say of themselves, and what expires on a date.
TELLS_DATES = {
    "vm/kernel_cache.py",
    "serve/tokens.py",
    "serve/jobs.py",
    "serve/audit.py",
    "serve/store.py",
    "cli/jobs.py",
    "results/to_nwb.py",
}


def test_no_wait_goes_by_the_time_of_day() -> None:
    wall = re.compile(r"\btime\.time\(|\bfrom time import .*\btime\b|datetime\.(now|today|utcnow)|time_ns\(")
    sources = {path.relative_to(ROOT / "bioasm").as_posix(): path.read_text() for path in (ROOT / "bioasm").rglob("*.py")}
    assert {name for name, text in sources.items() if wall.search(text)} <= TELLS_DATES


def told(outcome: dict[str, Any]) -> dict[str, Any]:
    """What a run gave, without how long it took and what the line was like."""
    return {name: outcome[name] for name in ("status", "seed", "steps", "results", "spike_count", "energy") if name in outcome}


@pytest.mark.parametrize("options", ["--driver cpu --checkpoint out.ckpt --every 0.02", "--driver cpu --time-limit 100",
                                     "--driver intan --port emu:rhd2132?seed=1 --substrate twin"])  # fmt: skip
def test_a_time_of_day_that_jumps_changes_nothing(options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("p.basm").write_text(TWIN.format(seconds=3))
    line = ["run", "p.basm", "--seed", "3", "--json", *options.split()]
    right = bioasm(*line)
    jumps = random.Random(1)
    monkeypatch.setattr(time, "time", lambda: 1.7e9 + jumps.uniform(-1e8, 1e8))
    found = bioasm(*line)
    assert (found.code, found.stderr) == (right.code, right.stderr) == (0, "")
    assert told(found.json) == told(right.json)


@contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command line as a process."""
    line, environment = [sys.executable, "-m", "bioasm", *words], {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as started:
        try:
            yield started
        finally:
            with suppress(ProcessLookupError):
                started.kill()


def stand_still(one: subprocess.Popen[bytes], seconds: float) -> None:
    """Stop a process, and let it go on."""
    one.send_signal(signal.SIGSTOP)
    time.sleep(seconds)
    one.send_signal(signal.SIGCONT)


def test_a_run_that_stood_still_goes_on() -> None:
    Path("p.basm").write_text(SPINS)
    right = bioasm("run", "p.basm", "--seed", 5, "--json")
    with process("run", "p.basm", "--seed", "5", "--json") as running:
        for _ in range(4):
            time.sleep(0.3)  # while it starts, while it runs
            stand_still(running, 0.1)
        out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (0, b"")
    assert told(json.loads(out)) == told(right.json)


def wait_until(true: Callable[[], bool]) -> None:
    """Wait for something that a file tells once it is there."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            if true():
                return
        time.sleep(0.02)
    raise AssertionError("it did not happen")


@contextmanager
def board() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """An emulated board and its port."""
    pytest.importorskip("serial", reason="pyserial is not installed")
    with process("emulate", "--socket", "0", "-q", "--wall") as emulated:
        assert emulated.stdout is not None
        yield emulated, emulated.stdout.readline().decode().strip()


# On the host's side, what stands still, when and for how long; and how the run ends.
STILL = {
    "the board, shorter than anyone waits": ("board", 0.7, {(0, "finished")}),
    "the board, longer than anyone waits": ("board", 3.0, {(0, "finished"), (3, "lost")}),
    "the host, longer than anyone waits": ("host", 3.0, {(0, "finished"), (3, "lost")}),
}


@pytest.mark.parametrize("name", STILL)
def test_an_end_of_the_link_that_stands_still(name: str) -> None:
    which, seconds, ends = STILL[name]
    Path("p.basm").write_text("ALC 4\nRUN 2 s\nRD spike_count\n")
    line = ["run", "p.basm", "--seed", "5", "--json", "--driver", "intan", "--substrate", "culture"]
    with board() as (emulated, port), process(*line, "--port", port, "--record", "kept") as host:
        wait_until(lambda: b'"kind":"run"' in Path("kept/events.jsonl").read_bytes())
        stand_still(emulated if which == "board" else host, seconds)
        began = time.monotonic()
        out, err = host.communicate(timeout=60)
        assert time.monotonic() - began < 30
        assert b"Traceback" not in err
        assert (host.returncode, json.loads(out)["status"]) in ends, err
        again = bioasm("run", "p.basm", "--seed", 5, "--json", "--driver", "intan", "--port", port, "--substrate", "twin")
        assert (again.code, again.json["status"]) == (0, "finished"), again.stderr
