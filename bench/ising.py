"""Spin updates of simulated annealing with one lane and with many: `bioasm` against dwave-samplers' compiled sampler.

    python bench/ising.py          (in the environment of bench/README.md)

Both sides anneal the same max-cut instances sweep for sweep: spins in order, the same rule of acceptance (metropolis
against Metropolis, glauber against Gibbs), the inverse temperature rising linearly from 1/3 to 5 where the energy is
minus the cut, so that both accept alike. Ours is a program: a loop of `SIG` and `RUN 1`, one thread; times are of one lane.

What a call costs beside its sweeps is taken out on both sides in the same way: each is called with few and with many
sweeps, and the difference of the two times is divided by the difference in updates.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import common
import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler

from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.program import Program, Sparse
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

FEW, MANY, ROUNDS = 100, 2100, 7
LANES = 64
COLD, HOT = 5.0, 1 / 3
RULES = {"metropolis": "Metropolis", "glauber": "Gibbs"}
ANNEAL = """\
.data J = sparse({n}) symmetric {{ {entries} }}
    MODEL ising
    SET   rule, {rule}
    ALC   {n}
    LDJ   J
    MOV   r0, {sweeps}
    MOV   r1, {hot}
next:
    DIV   r2, 1, r1
    SIG   r2
    RUN   1 sweep
    ADD   r1, r1, {step}
    LOOP  r0, next
"""


def couplings(program: Program) -> Sparse:
    """The couplings of a max-cut program: each edge once, J = -w/2."""
    return next(block.value for block in program.data if isinstance(block.value, Sparse) and block.value.symmetric)


def quadratic_model(graph: Sparse) -> dimod.BinaryQuadraticModel:
    """The same energy for dwave-samplers, whose sign is the other one."""
    edges = (graph.row.astype(int), graph.column.astype(int), -graph.value.astype(float))
    return dimod.BinaryQuadraticModel.from_numpy_vectors(np.zeros(graph.shape[0]), edges, 0.0, "SPIN")


def half_weight(graph: Sparse) -> float:
    """Half of the sum of the weights: the cut is this minus the energy without offset."""
    return -float(graph.value.astype(float).sum())


def ours(graph: Sparse, rule: str, lanes: int) -> Callable[[int], float]:
    """The bioasm side: anneals in so many sweeps and returns minus the final energy, of the best lane."""
    entries = "\n".join(f"{i} {j} {w}" for i, j, w in zip(graph.row, graph.column, graph.value, strict=True))

    def program(sweeps: int) -> str:
        step = (COLD - HOT) / (sweeps - 1)
        return ANNEAL.format(n=graph.shape[0], entries=entries, rule=rule, sweeps=sweeps, hot=HOT, step=step)

    verified = {sweeps: verify(assemble(program(sweeps))) for sweeps in (FEW, MANY)}
    driver = CpuDriver()
    return lambda sweeps: -float(driver.run(verified[sweeps], RunOptions(seed=1, threads=1, lanes=lanes)).energy.min())


def theirs(graph: Sparse, rule: str) -> Callable[[int], float]:
    """The dwave-samplers side: the same."""
    model = quadratic_model(graph)
    sampler = SimulatedAnnealingSampler()
    schedule = {"beta_range": (HOT, COLD), "beta_schedule_type": "linear", "proposal_acceptance_criteria": RULES[rule]}
    return lambda sweeps: -sampler.sample(model, num_reads=1, num_sweeps=sweeps, seed=1, **schedule).first.energy


def nanoseconds(anneal: Callable[[int], float], n: int) -> float:
    """Processor time of one spin update, of `n` in a sweep, without what a call costs beside its sweeps."""
    few, many = (common.clocked(lambda sweeps=sweeps: anneal(sweeps), time.process_time) for sweeps in (FEW, MANY))
    return (many - few) / (MANY - FEW) / n * 1e9


def measure(name: str, rule: str, lanes: int) -> tuple[str, ...]:
    """One row of the table: medians of both sides, the ratio, and the cuts that one anneal of each reached."""
    graph = couplings(common.instance(name))
    n = graph.shape[0]
    anneals = {"ours": ours(graph, rule, lanes), "theirs": theirs(graph, rule)}
    updates = {"ours": n * lanes, "theirs": n}
    cuts = [f"{half_weight(graph) + anneal(MANY):.0f}" for anneal in anneals.values()]
    sides = {side: lambda anneal=anneal, n=updates[side]: nanoseconds(anneal, n) for side, anneal in anneals.items()}
    samples = common.in_turn(sides, ROUNDS)
    middle = [f"{statistics.median(values):.2f}" for values in samples.values()]
    return name, rule, str(lanes), *middle, f"{common.ratio(samples['theirs'], samples['ours']):.2f}", *cuts


def main() -> None:
    """Measure all instances and rules and print the table."""
    common.start(
        f"Simulated annealing with one lane and {LANES}, {MANY} sweeps", "dwave-samplers", "dimod", "numpy", "llvmlite"
    )
    rows = [measure(name, rule, lanes) for lanes in (1, LANES) for name in ("G22", "G11") for rule in RULES]
    header = ("graph", "rule", "lanes", "bioasm, ns/update", "dwave, ns/update", "ratio", "cut, bioasm", "cut, dwave")
    common.table(header, rows)


if __name__ == "__main__":
    main()
