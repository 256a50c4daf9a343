"""What a sweep costs beside its jobs: processor time and workers' idle time, for jobs of about a second on two processes.

    python bench/sweeps.py [--jobs 16] [--seconds 1.5]
    python bench/sweeps.py --together

`efficiency` is the processor time of the jobs run one after another in one process, divided by that of the whole command
`bioasm sweep` with all its processes, as Linux tells it. `start` is what does not grow with the jobs (the interpreter, imports,
the check of the program), found from a sweep of one job for each worker. On an idle machine with as many processors as workers
the efficiency is the share of ideal speed, but for idle workers. `busy` is the share of the workers' wall time in which they
were at a job; on a machine that does other things it says little. `--together` tells what points take as lanes of one run,
and as a run each.
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


def alone(this: Plan) -> float:
    """Processor time of the jobs in this process, one after another."""
    began = time.process_time()
    for point in this.points():
        run_task(pack(this, point.jobs))
    return time.process_time() - began


def calibrated(folder: Path, seconds: float) -> int:
    """How many sweeps take so long."""
    alone(prepared(written(folder, 1000), {}, 1))  # compiles
    return max(1000, round(20000 * seconds / alone(prepared(written(folder, 20000), {}, 1))))


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


def swept(program: Path, jobs: int) -> tuple[float, float, float]:
    """Processor time, wall time, and wall time of the jobs of a sweep of as many seeds as jobs."""
    with tempfile.TemporaryDirectory() as folder:
        asked = ["--seeds", str(jobs), "--workers", str(WORKERS), "-o", f"{folder}/f"]
        spent, wall = processor_time([sys.executable, "-m", "bioasm", "sweep", str(program), *asked])
        log = (Path(folder) / "f" / "log.csv").read_text().splitlines()
    return spent, wall, sum(float(line.split(",")[1]) for line in log)


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


def beside(folder: Path, count: int, seconds: float) -> None:
    """What a sweep costs beside its jobs."""
    program = written(folder, calibrated(folder, seconds))
    few, jobs, (spent, wall, at_jobs) = swept(program, WORKERS)[0], alone(prepared(program, {}, count)), swept(program, count)
    each = (spent - few) / (count - WORKERS)
    start, more = few - WORKERS * each, each - jobs / count
    print(f"{count} jobs of {jobs / count:.2f} s of processor time each, {WORKERS} workers")
    print(f"processor time: jobs alone {jobs:.2f} s, sweep {spent:.2f} s: start {start:.2f} s, {more * 1e3:.0f} ms more a job")
    print(f"efficiency {jobs / (spent - start):.3f} without the start, {jobs / spent:.3f} with it (processor time)")
    print(f"wall {wall:.2f} s, busy {at_jobs / (WORKERS * wall):.3f}")


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--jobs", type=int, default=16)
    asked.add_argument("--seconds", type=float, default=1.5)
    asked.add_argument("--together", action="store_true")
    given = asked.parse_args()
    if given.together:
        together()
        return
    with tempfile.TemporaryDirectory() as name:
        beside(Path(name), given.jobs, given.seconds)


if __name__ == "__main__":
    main()
