"""What a sweep costs beside its jobs, for jobs of about a second on two processes, and what points side by side save.

    python bench/sweeps.py [--jobs 16] [--seconds 1.5] [--rounds 3]
    python bench/sweeps.py --together

Ideal are two processes that have imported and compiled all, and do half of the jobs each, without a sweep. Each round runs
them bare, then the whole command `bioasm sweep` with the same jobs, and then a sweep of one job for each worker, which tells
the start: the interpreter, imports, the check of the program. So what else the machine does meets all three. `efficiency` is
the time of the bare processes divided by that of the command, by the clock and in processor time as Linux tells it, with and
without the start. The last line has the medians over the rounds. `--seconds` are of processor time. `--together` tells what
points take as lanes of one run, and as a run each.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from bioasm.sweeps import prepared, run_plan
from bioasm.sweeps.plan import Plan
from bioasm.sweeps.values import axes_of
from bioasm.sweeps.worker import pack, run_task

TEXT = """
.const sweeps = {sweeps} sweeps
.data J = file "J.npy"
MODEL ising
ALC 200
LDJ J
SIG 1
RUN sweeps
RD best_energy
"""
SPINS = """
.const S = 1
MODEL ising
ALC {n}
LDJ J
SIG S
RUN {sweeps} sweeps
"""
LIF = """
.const S = 2 mV
POP a, lif_critical, {n}
RATE a, 100 Hz, 2 mV
SIG S
RUN {ms} ms
"""
WORKERS = 2
SUBREAPER = 36  # of prctl: processes whose parent has ended become children of this one


def written(folder: Path, sweeps: int) -> Path:
    """The program of the jobs, in a file."""
    couplings = np.random.default_rng(1).normal(size=(200, 200))
    np.save(folder / "J.npy", (couplings + couplings.T) * (1 - np.eye(200)))
    (folder / "p.basm").write_text(TEXT.format(sweeps=sweeps))
    return folder / "p.basm"


def bare(program: Path, count: int) -> tuple[float, float]:
    """Processor time and wall time of jobs in processes that are ready before it begins."""
    shares = [range(first, count, WORKERS) for first in range(min(WORKERS, count))]
    command = [sys.executable, __file__, "--bare", str(program)]
    started = [
        subprocess.Popen([*command, ",".join(map(str, share))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for share in shares
    ]
    for process in started:
        _line(process)
    began = time.perf_counter()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    spent = sum(float(_line(process)) for process in started)
    wall = time.perf_counter() - began
    for process in started:
        process.communicate()
    return spent, wall


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def share(program: Path, seeds: Sequence[int]) -> None:
    """One of the bare processes: compile, wait for the word, and tell the processor time of the jobs."""
    tasks = [(this, point.jobs) for this in [prepared(program, {}, seeds)] for point in this.points()]
    run_task(pack(*tasks[0], warm=True))
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.process_time()
    for task in tasks:
        run_task(pack(*task))
    print(time.process_time() - began, flush=True)


def calibrated(folder: Path, seconds: float) -> Path:
    """The program whose job takes so much processor time, with all processes at work."""
    bare(written(folder, 20000), WORKERS)  # compiles
    spent, _ = bare(written(folder, 200_000), WORKERS)
    return written(folder, max(1000, round(200_000 * seconds * WORKERS / spent)))


def processor_time(command: Sequence[str]) -> tuple[float, float]:
    """Processor time of a command with all its descendants, and wall time until it ended."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1)
    began, spent = time.perf_counter(), 0.0
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    wall = 0.0
    with suppress(ChildProcessError):
        while True:
            pid, _, used = os.wait4(-1, 0)
            spent += used.ru_utime + used.ru_stime
            wall = time.perf_counter() - began if pid == child.pid else wall
    child.returncode = 0
    return spent, wall


def swept(program: Path, jobs: int) -> tuple[float, float]:
    """Processor time and wall time of a sweep of as many seeds as jobs."""
    with tempfile.TemporaryDirectory() as folder:
        asked = ["--seeds", str(jobs), "--workers", str(WORKERS), "-o", f"{folder}/f"]
        return processor_time([sys.executable, "-m", "bioasm", "sweep", str(program), *asked])


def threads() -> Executor:
    """One thread of this process."""
    return ThreadPoolExecutor(1)


def spent(this: Plan) -> float:
    """Processor time of a sweep in this process."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        run_plan(this, Path(folder) / "f", threads)
        return time.process_time() - began


def together() -> None:
    """Points of a few neurons as lanes of one run, and one by one."""
    rng = np.random.default_rng(1)
    for n in (4, 16, 64, 200):
        couplings = np.triu(rng.integers(0, 2, (n, n)) * 2 - 1, 1).astype(float)
        for name, text, values, data in (
            ("spins", SPINS.format(n=n, sweeps=4_000_000 // n), "1:4:16", {"J": couplings + couplings.T}),
            ("membranes", LIF.format(n=n, ms=200_000 // n), "1:4:16 mV", None),
        ):
            this = replace(prepared(text, axes_of({"S": values}), 1, data), apart="")
            alone = replace(this, apart="measured")
            spent(this), spent(alone)  # compiles
            one, other = spent(this), spent(alone)
            print(f"{name}, {n:3} neurons, 16 values: alone {other:.2f} s, together {one:.2f} s, {other / one:.1f} times")


def beside(program: Path, count: int) -> tuple[float, ...]:
    """One round: the four efficiencies, and the start, by the clock and in processor time."""
    (jobs, ideal), (spent, wall) = bare(program, count), swept(program, count)
    each = jobs / count
    more, start = (
        now - there for now, there in zip(swept(program, WORKERS), (WORKERS * each, ideal * WORKERS / count), strict=True)
    )
    found = (ideal / wall, ideal / (wall - start), jobs / spent, jobs / (spent - more), start, more)
    print(
        f"bare {ideal:.2f} s ({jobs:.2f} s of processor time), sweep {wall:.2f} s ({spent:.2f} s): {_told(found)}", flush=True
    )
    return found


def _told(found: Sequence[float]) -> str:
    wall, later, spent, busy, start, more = found
    return (
        f"efficiency {wall:.3f} by the clock, {later:.3f} without the start of {start:.2f} s; "
        f"in processor time {spent:.3f}, and {busy:.3f} without that of {more:.2f} s"
    )


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--jobs", type=int, default=16)
    asked.add_argument("--seconds", type=float, default=1.5)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--together", action="store_true")
    asked.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.bare:
        share(Path(given.bare[0]), [int(seed) for seed in given.bare[1].split(",")])
    elif given.together:
        together()
    else:
        with tempfile.TemporaryDirectory() as name:
            program = calibrated(Path(name), given.seconds)
            found = [beside(program, given.jobs) for _ in range(given.rounds)]
        print(f"medians: {_told([median(one) for one in zip(*found, strict=True)])}")


if __name__ == "__main__":
    main()
