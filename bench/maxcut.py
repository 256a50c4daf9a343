"""Cuts that the default max-cut program finds, and the time it takes, beside dwave-samplers in the same time.

    python bench/maxcut.py [SEEDS]      (in the environment of bench/README.md; 10 seeds unless told)

Ours is what a user does: `bioasm import --generate G1`, then a run with default settings, one seed after the other.
Its time is the whole of `driver.run` with a warm kernel cache. Then dwave-samplers' simulated annealing with its
defaults repeats reads until it has used as much time (at least one), and keeps its best. "of best known" takes our
median.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

import common
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler
from ising import couplings, half_weight, quadratic_model

from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.program import Program, Sparse
from bioasm.runtime.options import RunOptions
from bioasm.verifier.gate import verify

BEST_KNOWN = {"G1": 11624, "G14": 3064, "G22": 13359, "G43": 6660}


class Found(NamedTuple):
    """A cut and the seconds that it took."""

    cut: float
    seconds: float


def ours(program: Program) -> Callable[[int], Found]:
    """A run of the program with a seed; kernels are compiled by a run before."""
    verified, driver = verify(program), CpuDriver()
    driver.run(verified, RunOptions(seed=0))

    def run(seed: int) -> Found:
        before = time.perf_counter()
        result = driver.run(verified, RunOptions(seed=seed))
        return Found(-float(result.best_energy.min()), time.perf_counter() - before)

    return run


def theirs(graph: Sparse) -> Callable[[int, float], Found]:
    """Reads of dwave-samplers with a seed until the seconds are used up."""
    model, half = quadratic_model(graph), half_weight(graph)
    sampler = SimulatedAnnealingSampler()

    def run(seed: int, seconds: float) -> Found:
        before, best, read = time.perf_counter(), -np.inf, 0
        while read == 0 or time.perf_counter() - before < seconds:
            sample = sampler.sample(model, num_reads=1, seed=1000 * seed + read)
            best, read = max(best, half - sample.first.energy), read + 1
        return Found(float(best), time.perf_counter() - before)

    return run


def measure(name: str, seeds: range) -> tuple[str, ...]:
    """One row of the table, or of dashes where the graph is not at hand."""
    try:
        program = common.instance(name)
    except subprocess.CalledProcessError:
        return name, str(BEST_KNOWN[name]), *"-------"
    run, repeat = ours(program), theirs(couplings(program))
    mine, other = [], []
    for seed in seeds:
        mine.append(run(seed))
        other.append(repeat(seed, mine[-1].seconds))
    share = statistics.median(found.cut for found in mine) / BEST_KNOWN[name]
    return name, str(BEST_KNOWN[name]), *summary(mine), f"{share:.2%}", *summary(other)


def summary(found: list[Found]) -> tuple[str, str, str]:
    """Median and best cut, and median seconds."""
    cuts = [f.cut for f in found]
    return f"{statistics.median(cuts):.1f}", f"{max(cuts):.0f}", f"{statistics.median(f.seconds for f in found):.2f}"


def main() -> None:
    """Measure all graphs and print the table."""
    seeds = range(1, 1 + int(sys.argv[1] if len(sys.argv) > 1 else 10))
    common.start(f"Max-cut with default settings, {len(seeds)} seeds", "dwave-samplers", "dimod", "numpy", "llvmlite")
    rows = [measure(name, seeds) for name in BEST_KNOWN]
    sides = (f"{side}: {what}" for side in ("bioasm", "dwave") for what in ("median", "best", "s"))
    header = ["graph", "best known", *sides]
    header.insert(5, "of best known")
    common.table(tuple(header), rows)


if __name__ == "__main__":
    main()
