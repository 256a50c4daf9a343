"""The cuts that default programs find in a given processor time, and those of peers in the same time.

    python bench/records.py [GRAPH ...] [--seconds 1] [--seeds 10] [--lanes 1] [--solver auto] [--shuffled] [--peers]

The program is what `bioasm import --solver` writes, on one thread; the best of all lanes counts. Its lengths are scaled to the
budget once, by runs of another seed, and then are the same for all seeds, so that a seed repeats its result on any machine.
`--shuffled` numbers the vertices at random, so that no grid is recognised. A budget holds a whole call, but neither import
nor compilation. Each cut is counted again from the edges. Peers that are not installed are told as absent: dwave-samplers
(annealing), openjij (annealing, and quantum annealing simulated), simulated-bifurcation (discrete, ten agents).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import common
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bioasm.isa.program import Program

Array = NDArray[Any]
Solve = Callable[[int, float], Array]  # of a seed and an effort: the spins found

GRAPHS = ("G22", "G55", "G67", "G70", "G72", "G77", "G81", "K2000")
LENGTHS = ("sweeps", "first", "cycles", "alone", "together")  # constants that an effort multiplies, where there are no `tries`
OTHER_SEED = 10**6


class Graph(NamedTuple):
    """Edges u[k], v[k] (from 0) of weight w[k] between n vertices."""

    n: int
    u: Array
    v: Array
    w: Array


class Found(NamedTuple):
    """A cut, counted from the edges, and the processor time of the call in seconds."""

    cut: float
    seconds: float


def graph_of(name: str, shuffled: bool) -> Graph:
    """A generated graph, its vertices numbered anew where it is to be shuffled."""
    from bioasm.problems.instances import RUDY_ARGUMENTS
    from bioasm.problems.rudy import generate

    made = generate(RUDY_ARGUMENTS[name])
    order = np.random.default_rng(5).permutation(made.n) if shuffled else np.arange(made.n)
    ends = np.sort(order[np.stack([made.u, made.v])], axis=0)
    return Graph(made.n, ends[0], ends[1], made.weight)


def cut(graph: Graph, spins: Array) -> float:
    """The weight of the edges between the two sides."""
    return float(graph.w[spins[graph.u] != spins[graph.v]].sum())


def ours(graph: Graph, solver: str, lanes: int) -> Solve:
    """The program that import writes, its lengths multiplied by the effort."""
    import bioasm
    from bioasm.problems.accounts import cut_problem
    from bioasm.problems.graph import Graph as Weighted
    from bioasm.problems.write import Effort, write_program

    problem, account = cut_problem(Weighted(*graph), "graph", "bench")
    return scaled(bioasm.assemble(write_program(problem, account, "ising", Effort(solver=solver)).text), lanes)


def scaled(program: Program, lanes: int) -> Solve:
    """Runs of a program whose lengths are multiplied by the effort."""
    import bioasm

    lengths = {name: program.constants[name].value for name in LENGTHS if name in program.constants}
    if "tries" in program.constants:
        lengths = {"tries": program.constants["tries"].value}

    def solve(seed: int, effort: float) -> Array:
        own = {name: max(1, round(effort * length)) for name, length in lengths.items()}
        result = bioasm.run(program, seed=seed, lanes=lanes, threads=1, set=own)
        return np.asarray(result.best_state)[int(np.argmin(result.best_energy))]

    return solve


def dwave(graph: Graph) -> Solve:
    """Simulated annealing of dwave-samplers; an effort of 1 is 1000 sweeps."""
    from dwave.samplers import SimulatedAnnealingSampler

    sampler, bonds = SimulatedAnnealingSampler(), _bonds(graph)

    def solve(seed: int, effort: float) -> Array:
        found = sampler.sample_ising({}, bonds, num_reads=1, num_sweeps=max(1, round(1000 * effort)), seed=seed)
        return _in_order(found.first.sample, graph.n)

    return solve


def openjij(graph: Graph, kind: str) -> Solve:
    """Simulated annealing (SASampler) or simulated quantum annealing (SQASampler) of openjij; an effort of 1 is 1000 sweeps."""
    import openjij

    sampler, bonds = getattr(openjij, kind)(), _bonds(graph)

    def solve(seed: int, effort: float) -> Array:
        found = sampler.sample_ising({}, bonds, num_reads=1, num_sweeps=max(1, round(1000 * effort)), seed=seed)
        return _in_order(found.first.sample, graph.n)

    return solve


def bifurcation(graph: Graph) -> Solve:
    """The package simulated-bifurcation, discrete, ten agents; an effort of 1 is 1000 steps."""
    import simulated_bifurcation
    import torch

    torch.set_num_threads(1)
    matrix = np.zeros((graph.n, graph.n), np.float32)
    matrix[graph.u, graph.v] = matrix[graph.v, graph.u] = graph.w / 2

    def solve(seed: int, effort: float) -> Array:
        torch.manual_seed(seed)
        steps = max(1, round(1000 * effort))
        found = simulated_bifurcation.minimize(
            torch.from_numpy(matrix),
            domain="spin",
            agents=10,
            max_steps=steps,
            mode="discrete",
            verbose=False,
            early_stopping=False,
        )
        return np.asarray(found[0])

    return solve


PEERS: dict[str, Callable[[Graph], Solve]] = {
    "dwave SA": dwave,
    "openjij SA": partial(openjij, kind="SASampler"),
    "openjij SQA": partial(openjij, kind="SQASampler"),
    "simulated-bifurcation": bifurcation,
}


def _bonds(graph: Graph) -> dict[tuple[int, int], float]:
    return dict(zip(zip(graph.u.tolist(), graph.v.tolist(), strict=True), graph.w.tolist(), strict=True))


def _in_order(sample: dict[int, int], n: int) -> Array:
    return np.array([sample.get(i, 1) for i in range(n)])


def measured(graph: Graph, solve: Solve, seed: int, effort: float) -> Found:
    """One call by the clock of the processor."""
    began = time.process_time()
    spins = solve(seed, effort)
    return Found(cut(graph, spins), time.process_time() - began)


def row(name: str, side: str, graph: Graph, solve: Solve, given: argparse.Namespace) -> tuple[str, ...]:
    """Medians over seeds, the worst and the best cut, and the effort that was fitted."""
    effort = common.fitted(lambda effort: measured(graph, solve, OTHER_SEED, effort).seconds, given.seconds)
    found = [measured(graph, solve, seed, effort) for seed in range(1, 1 + given.seeds)]
    cuts = sorted(f.cut for f in found)
    spent = statistics.median(f.seconds for f in found)
    return name, side, f"{statistics.median(cuts):g}", f"{cuts[0]:g}", f"{cuts[-1]:g}", f"{spent:.2f}", f"{effort:.3g}"


def main() -> None:
    """Measure all graphs, ours and where asked for the peers that are installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graphs", nargs="*", default=GRAPHS)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--lanes", type=int, default=1)
    parser.add_argument("--solver", default="auto")
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--peers", action="store_true")
    given = parser.parse_args()
    common.start(
        f"Cuts in {given.seconds:g} s of processor time, {given.seeds} seeds", "numpy", "numba", "dwave-samplers", "openjij"
    )
    absent = set()
    for row_of in ("graph", "program", "median", "worst", "best", "s", "effort"), ("---",) * 7:
        print("| " + " | ".join(row_of) + " |")
    for name in given.graphs:
        graph = graph_of(name, given.shuffled)
        sides: dict[str, Callable[[Graph], Solve]] = {given.solver: partial(ours, solver=given.solver, lanes=given.lanes)}
        for side, make in {**sides, **(PEERS if given.peers else {})}.items():
            try:
                solve = make(graph)
            except ImportError as missing:
                absent.add(f"{side} ({missing.name})")
                continue
            print("| " + " | ".join(row(name, side, graph, solve, given)) + " |", flush=True)
    if absent:
        print(f"\nabsent: {', '.join(sorted(absent))}")


if __name__ == "__main__":
    main()
