"""Processor time to reach a known optimum with probability 0.99, ours and peers': spin glasses, MAX-3-SAT, a tour by penalties.

    python bench/targets.py [TASK ...] [--tries 10] [--seconds 1] [--efforts 0.1 1]

A try of a side takes about `--seconds` times each of `--efforts`: lengths of our program's loops and a peer's sweeps are
fitted to it. Of `--tries` tries the share p that reaches the optimum gives the time t ln(0.01)/ln(1 - p), at least t, of which
the best effort counts. Every energy is computed again from the terms. A complete solver (CP-SAT, one worker) is told the same
terms, and its time is the median until it has the optimum. Optima are planted, in MAX-3-SAT by an assignment that breaks no
clause; that of the tour is found by dynamic programming (Held-Karp). Peers that are not installed are told as absent.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import common
import numpy as np
from numpy.typing import NDArray
from records import OTHER_SEED, scaled
from solvers import SOLVERS, Pairs, Solve, processor_time

Array = NDArray[Any]
Terms = dict[tuple[int, ...], float]
UNREACHED = "none reached it"


class Task(NamedTuple):
    """Spins s whose energy is the sum of weight times product of spins, and the least energy that they can have."""

    n: int
    terms: Terms
    target: float

    def energy(self, spins: Array) -> float:
        """The energy of a state."""
        return sum(weight * float(np.prod(spins[list(members)])) for members, weight in self.terms.items())


# --- problems whose optimum is known --------------------------------------------------------------------


def planted_2d(side: int, seed: int) -> Task:
    """A torus of plaquettes like a chessboard, each with one bond against the planted state, which is a least one of all."""
    rng, terms = np.random.default_rng(seed), {}
    at = lambda x, y: (x % side) * side + y % side  # noqa: E731
    corners = [(x, y) for x in range(side) for y in range(side) if (x + y) % 2 == 0]
    for x, y in corners:
        ring = [at(x, y), at(x + 1, y), at(x + 1, y + 1), at(x, y + 1)]
        against = int(rng.integers(4))
        for k in range(4):
            terms[ring[k], ring[(k + 1) % 4]] = 1.0 if k == against else -1.0
    return hidden(side * side, terms, rng)


def planted_3d(side: int, seed: int) -> Task:
    """A torus of unit cubes that share no bond; in each, three bonds that meet nowhere are against the planted state.

    So all six faces are frustrated, and a bond can satisfy two of them: no state breaks fewer than three bonds of a cube.
    """
    rng, terms = np.random.default_rng(seed), {}
    at = lambda p: ((p[0] % side) * side + p[1] % side) * side + p[2] % side  # noqa: E731
    for base in itertools.product(range(side), repeat=3):
        if len({b % 2 for b in base}) > 1:
            continue
        turn = rng.permutation(3)
        flip = rng.integers(0, 2, 3)
        skew = {_edge([0, 0, 0], 0), _edge([0, 1, 0], 2), _edge([1, 0, 1], 1)}
        for corner in itertools.product((0, 1), repeat=3):
            for axis in range(3):
                if corner[axis] == 0:
                    other = tuple(c + (k == axis) for k, c in enumerate(corner))
                    ends = [_turned(p, turn, flip) for p in (corner, other)]
                    places = [at([base[k] + p[k] for k in range(3)]) for p in ends]
                    terms[tuple(places)] = 1.0 if _edge(corner, axis) in skew else -1.0
    return hidden(side**3, terms, rng)


def _edge(corner: Any, axis: int) -> tuple[Any, int]:
    return tuple(corner), axis


def _turned(point: Any, turn: Array, flip: Array) -> list[int]:
    return [int(point[turn[k]]) ^ int(flip[k]) for k in range(3)]


def hidden(n: int, terms: Terms, rng: np.random.Generator) -> Task:
    """The problem with the planted state, all spins up, hidden behind another at random."""
    sign = rng.choice([-1.0, 1.0], n)
    turned = {members: weight * float(np.prod(sign[list(members)])) for members, weight in terms.items()}
    return Task(n, turned, sum(terms.values()))


def max_3_sat(n: int, clauses: int, seed: int) -> Task:
    """Weighted clauses of three literals, none of which a planted assignment breaks."""
    rng, terms = np.random.default_rng(seed), defaultdict[tuple[int, ...], float](float)
    planted = rng.choice([-1, 1], n)
    for _ in range(clauses):
        members = np.sort(rng.choice(n, 3, replace=False))
        signs = rng.choice([-1, 1], 3)
        while not (signs == planted[members]).any():
            signs = rng.choice([-1, 1], 3)
        weight = float(rng.integers(1, 11))
        for order in range(4):
            for chosen in itertools.combinations(range(3), order):
                part = weight / 8 * (-1) ** order * np.prod(signs[list(chosen)])
                terms[tuple(int(members[k]) for k in chosen)] += float(part)
    return Task(n, {members: weight for members, weight in terms.items() if weight}, 0.0)


def tour(cities: int, seed: int) -> Task:
    """A tour through cities at random: a bit for each city and place, the first city at the first place, broken rules dear."""
    rng = np.random.default_rng(seed)
    place = rng.integers(0, 100, (cities, 2))
    far = np.rint(np.linalg.norm(place[:, None] - place[None], axis=2))
    m, bits = cities - 1, defaultdict[tuple[int, ...], float](float)
    penalty = float(far.max())
    for line in [[(c, p) for p in range(m)] for c in range(m)] + [[(c, p) for c in range(m)] for p in range(m)]:
        bits[()] += penalty
        for k, one in enumerate(line):
            bits[(one[0] * m + one[1],)] -= penalty
            for other in line[k + 1 :]:
                bits[one[0] * m + one[1], other[0] * m + other[1]] += 2 * penalty
    for c, d in itertools.permutations(range(m), 2):
        for p in range(m - 1):
            bits[c * m + p, d * m + p + 1] += far[c + 1, d + 1]
    for c in range(m):
        bits[(c * m,)] += far[0, c + 1]
        bits[(c * m + m - 1,)] += far[0, c + 1]
    return Task(m * m, of_bits(bits), held_karp(far))


def of_bits(bits: Terms) -> Terms:
    """Terms of bits (1 + s)/2 as terms of spins."""
    terms = defaultdict[tuple[int, ...], float](float)
    for members, weight in bits.items():
        for order in range(len(members) + 1):
            for chosen in itertools.combinations(sorted(members), order):
                terms[chosen] += weight / 2 ** len(members)
    return {members: weight for members, weight in terms.items() if weight}


def held_karp(far: Array) -> float:
    """The length of the shortest tour, by dynamic programming over subsets of cities, those of one size after another."""
    m = len(far) - 1
    masks = np.arange(1 << m)
    size = sum(masks >> k & 1 for k in range(m))
    best = np.full((m, 1 << m), np.inf, np.float32)
    for k in range(m):
        best[k, 1 << k] = far[0, k + 1]
    for count in range(2, m + 1):
        of_size = masks[size == count]
        for k in range(m):
            ending = of_size[of_size >> k & 1 == 1]
            before = ending ^ (1 << k)
            for j in range(m):
                if j != k:
                    best[k, ending] = np.minimum(best[k, ending], best[j, before] + np.float32(far[j + 1, k + 1]))
    return float((best[:, -1] + far[0, 1:]).min())


TASKS: dict[str, Callable[[], Task]] = {
    "2D glass 32 x 32": partial(planted_2d, 32, 1),
    "3D glass 6 x 6 x 6": partial(planted_3d, 6, 1),
    "3D glass 8 x 8 x 8": partial(planted_3d, 8, 1),
    "MAX-3-SAT 150, 600 clauses": partial(max_3_sat, 150, 600, 1),
    "tour of 20": partial(tour, 20, 1),
}


# --- sides ----------------------------------------------------------------------------------------------


def ours(task: Task) -> Solve:
    """The program that import writes, one lane."""
    import bioasm
    from bioasm.api.problem import Problem
    from bioasm.problems.write import Effort, write_program

    problem = Problem.polynomial(task.terms, spins=True, names=range(task.n))
    return scaled(bioasm.assemble(write_program(problem.energy, problem.account, "ising", Effort(solver="auto")).text), 1)


def in_pairs(task: Task) -> Pairs:
    """The task in pairs: products of three get a spin more each, as dimod does it, beside twice the largest weight."""
    import dimod

    whole = {members: w for members, w in task.terms.items() if members}
    model = dimod.make_quadratic(whole, 2.0 * max(map(abs, whole.values())), "SPIN")
    number = {name: i for i, name in enumerate([*range(task.n), *(set(model.variables) - set(range(task.n)))])}
    fields = np.zeros(len(number))
    for name, weight in model.linear.items():
        fields[number[name]] = weight
    ends = np.sort([(number[a], number[b]) for a, b in model.quadratic], axis=1).T
    return Pairs(fields, ends[0], ends[1], np.array(list(model.quadratic.values())))


def peer(task: Task, make: Callable[[Pairs], Solve]) -> Solve:
    """A solver of pairs on the task."""
    solve = make(in_pairs(task))
    return lambda seed, effort: solve(seed, effort)[: task.n]


def openjij_of_terms(task: Task) -> Solve:
    """Annealing of openjij with products of three as they are."""
    import openjij

    sampler, whole = openjij.SASampler(), {members: w for members, w in task.terms.items() if members}

    def solve(seed: int, effort: float) -> Array:
        sweeps = max(1, round(1000 * effort))
        sample = sampler.sample_hubo(whole, vartype="SPIN", num_reads=1, num_sweeps=sweeps, seed=seed).first.sample
        return np.array([sample.get(i, 1) for i in range(task.n)])

    return solve


def sides_of(task: Task) -> dict[str, Callable[[], Solve]]:
    """Ours and the peers."""
    peers: dict[str, Callable[[], Solve]] = {name: partial(peer, task, make) for name, make in SOLVERS.items()}
    if max(map(len, task.terms)) > 2:
        peers["openjij SA"] = partial(openjij_of_terms, task)
    return {"bioasm": partial(ours, task), **peers}


def cp_sat(task: Task, seed: int, seconds: float) -> float:
    """Processor seconds until CP-SAT, told the products as bits, has the optimum; infinite where it is not had in time."""
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    bit, objective, unit = [model.new_bool_var("") for _ in range(task.n)], [], 8
    for members, weight in task.terms.items():  # a product of spins is 1 - 2 (odd number of bits that are 0)
        if len(members) == 1:
            objective.append((-2 * weight, bit[members[0]].negated()))
        elif members:
            odd = model.new_bool_var("")
            model.add_bool_xor([*(bit[i].negated() for i in members), odd.negated()])
            objective.append((-2 * weight, odd))
    total = sum(round(unit * w) * b for w, b in objective)
    model.minimize(total)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers, solver.parameters.random_seed = 1, seed
    solver.parameters.max_deterministic_time = 4 * seconds
    began, when = time.process_time(), [math.inf]

    class Watch(cp_model.CpSolverSolutionCallback):
        """Stops at the optimum."""

        def on_solution_callback(self) -> None:
            """Counts the energy again."""
            spins = np.array([1 if self.value(b) else -1 for b in bit])
            if task.energy(spins) <= task.target + 1e-6:
                when[0] = min(when[0], time.process_time() - began)
                self.stop_search()

    solver.solve(model, Watch())
    return when[0]


# --- measuring ------------------------------------------------------------------------------------------


def timed(solve: Solve, seed: int, effort: float) -> tuple[Array, float]:
    """The spins of a try and its processor time."""
    began = processor_time()
    spins = solve(seed, effort)
    return spins, processor_time() - began


def time_to_target(task: Task, solve: Solve, given: argparse.Namespace) -> tuple[str, str]:
    """The time of the best effort, and how many tries of each got there."""
    best, told = math.inf, []
    for share in given.efforts:
        effort = common.fitted(lambda effort: timed(solve, OTHER_SEED, effort)[1], share * given.seconds)
        tries = [timed(solve, seed, effort) for seed in range(1, 1 + given.tries)]
        hits = sum(task.energy(spins) <= task.target + 1e-6 for spins, _ in tries)
        each = statistics.mean(seconds for _, seconds in tries)
        told.append(f"{hits}/{given.tries} in {each:.2g} s")
        if hits:
            missed = min(1 - hits / given.tries, 1 - 1e-9)
            best = min(best, each * max(1.0, math.log(0.01) / math.log(missed)) if missed > 0 else each)
    return f"{best:.2g}" if best < math.inf else UNREACHED, ", ".join(told)


def row_of_cp_sat(task: Task, given: argparse.Namespace) -> tuple[str, str]:
    """The median time of a few seeds."""
    found = [cp_sat(task, seed, 10 * given.seconds) for seed in (1, 2, 3)]
    middle = statistics.median(found)
    return f"{middle:.2g}" if middle < math.inf else UNREACHED, f"{sum(map(math.isfinite, found))}/3"


def main() -> None:
    """Measure every side on every task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=list(TASKS))
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--efforts", type=float, nargs="*", default=[0.1, 1.0])
    given = parser.parse_args()
    common.start("Time to target", "numpy", "llvmlite", "dwave-samplers", "openjij", "ortools")
    print("| problem | side | time to 0.99 [s] | tries that reached it |\n| --- | --- | --- | --- |")
    for name in given.tasks:
        task = TASKS[name]()
        for side, make in sides_of(task).items():
            try:
                found = time_to_target(task, make(), given)
            except ImportError as missing:
                found = "absent", str(missing.name)
            print("| " + " | ".join((name, side, *found)) + " |", flush=True)
        try:
            print("| " + " | ".join((name, "CP-SAT", *row_of_cp_sat(task, given))) + " |", flush=True)
        except ImportError:
            print(f"| {name} | CP-SAT | absent | |")


if __name__ == "__main__":
    main()
