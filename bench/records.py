"""The cuts that default programs find in a given processor time, and those of peers in the same time.

    python bench/records.py [GRAPH ...] [--seconds 1] [--seeds 10] [--lanes 1] [--solver auto] [--shuffled] [--peers]

The program is what `bioasm import --solver` writes, on one thread; the best of all lanes counts. Its lengths are scaled to the
budget once, by runs of another seed, and then are the same for all seeds, so that a seed repeats its result on any machine.
`--shuffled` numbers the vertices at random, so that no grid is recognised. A budget holds a whole call, but neither import
nor compilation. Each cut is counted again from the edges. Peers (`solvers.py`) that are not installed are told as absent.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import common
import numpy as np
from numpy.typing import NDArray
from solvers import SOLVERS, Pairs, Solve, processor_time

if TYPE_CHECKING:
    from bioasm.isa.program import Program

Array = NDArray[Any]

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


def pairs(graph: Graph) -> Pairs:
    """The energy whose minimum is the largest cut."""
    return Pairs(np.zeros(graph.n), graph.u, graph.v, graph.w)


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


def measured(graph: Graph, solve: Solve, seed: int, effort: float) -> Found:
    """One call by the clock of the processor."""
    began = processor_time()
    spins = solve(seed, effort)
    return Found(cut(graph, spins), processor_time() - began)


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
    versions = "numpy", "llvmlite", "dwave-samplers", "openjij", "simulated-bifurcation", "torch"
    common.start(f"Cuts in {given.seconds:g} s of processor time, {given.seeds} seeds", *versions)
    absent = set()
    for row_of in ("graph", "program", "median", "worst", "best", "s", "effort"), ("---",) * 7:
        print("| " + " | ".join(row_of) + " |")
    for name in given.graphs:
        graph = graph_of(name, given.shuffled)
        sides: dict[str, Callable[[], Solve]] = {given.solver: partial(ours, graph, given.solver, given.lanes)}
        peers = {side: partial(make, pairs(graph)) for side, make in SOLVERS.items() if given.peers}
        for side, make in {**sides, **peers}.items():
            try:
                solve = make()
            except ImportError as missing:
                absent.add(f"{side} ({missing.name})")
                continue
            print("| " + " | ".join(row(name, side, graph, solve, given)) + " |", flush=True)
    if absent:
        print(f"\nabsent: {', '.join(sorted(absent))}")


if __name__ == "__main__":
    main()
