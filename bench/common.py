"""What the benchmarks share: one pinned core, one BLAS thread, runs in turn, medians, versions."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from bioasm.isa.program import Program

Sample = TypeVar("Sample")

# two OpenBLAS threads on a small machine can be 20 times slower than one, which would flatter us
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def start(title: str, *packages: str) -> None:
    """Settle threads and core, then print what is measured on which machine with which versions."""
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.environ.update(ONE_THREAD)
        os.execv(sys.executable, [sys.executable, *sys.argv])  # numpy reads them when it is loaded: begin again
    where = pin()
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"# {title}\n{time.strftime('%Y-%m-%d')}, {processor()}, {os.cpu_count()} cores, {where}")
    print(f"Python {platform.python_version()}, {versions}, bioasm {revision()}\n", flush=True)


def pin() -> str:
    """Keep this process and its children on one core, where the system can; says which."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned"
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return f"pinned to core {core}"


def version(package: str) -> str:
    """The installed version of a package, or the word that it is absent."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def revision() -> str:
    """The commit that is measured, marked where the tree was changed since."""
    question = ["git", "describe", "--always", "--dirty"]
    told = subprocess.run(question, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    return told.stdout.strip() or version("bioasm")


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())


def command() -> str:
    """The `bioasm` command of this environment."""
    return str(Path(sys.executable).with_name("bioasm"))


def instance(name: str) -> Program:
    """The max-cut program that `bioasm import` writes for a graph of the G-set.

    Most are generated. Those that can't be (G14) are read as NAME.txt in the folder $GSET, or in ../shared/data/gset.
    Raises CalledProcessError where the graph can't be had.
    """
    from bioasm.text.assemble import assemble

    file = Path(os.environ.get("GSET") or Path(__file__).parents[2] / "shared/data/gset") / f"{name}.txt"
    arguments = [command(), "import", *([str(file)] if file.exists() else ["--generate", name])]
    return assemble(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout, source=name)


def clocked(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds that `work` takes: of wall clock, or by another `clock`."""
    before = clock()
    work()
    return clock() - before


def in_turn(sides: dict[str, Callable[[], Sample]], rounds: int) -> dict[str, list[Sample]]:
    """Call the sides in turn, A B A B, so that a slow minute of the machine falls on all; each clocks itself."""
    samples: dict[str, list[Sample]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            samples[name].append(side())
    return samples


def fitted(taken: Callable[[float], float], seconds: float) -> float:
    """The effort that takes so many seconds: a small one, then four that the ones before scale, at most eightfold."""
    taken(0.001)  # kernels are compiled
    least, effort = taken(0.001), 0.05
    for _ in range(4):
        effort *= min(max(seconds - least, 0.05 * seconds) / max(taken(effort) - least, 1e-3), 8.0)
    return effort


def ratio(above: list[float], below: list[float]) -> float:
    """The median of the ratios of neighbouring runs."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a Markdown table."""
    for row in (header, tuple("---" for _ in header), *rows):
        print("| " + " | ".join(row) + " |", flush=True)
    print()
