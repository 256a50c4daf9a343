"""How fast a ladder of lanes forgets at its coldest temperature: component exchange, whole swaps, isoenergetic moves.

    python bench/ladder.py [--size 64] [--lanes 24] [--cold 0.4] [--rounds 4000]

A glass of bonds +1 and -1 on a square lattice that is closed in both directions. Every side has the same ladder of temperatures
and the same two sweeps in a round; isoenergetic moves want two lanes at each temperature, and components may have them. What
is watched in the coldest lane is the energy, and the products of pairs of spins half a lattice apart, which a state and its
complement have in common: these change only where large parts turn. An integrated autocorrelation time is that of Sokal's
window (6 of its own lengths), in rounds, and times the processor time of a round; it is a lower bound (>) where the run is
shorter than 50 of them. Energies are counted again from the bonds at the end of every run.
"""

from __future__ import annotations

import argparse
import time
from typing import Any, NamedTuple

import common
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

PAIRS = 64
WINDOW, ENOUGH = 6, 50
PROGRAM = """
.const cold = {cold}
.const hot = {hot}
.const T = "cold*(hot/cold)^(floor(lane/{copies})/max(lanes/{copies} - 1, 1))"
.data J = sparse({n}) symmetric {{ {bonds} }}
    MODEL ising
    ALC {n}
    LDJ J
    SIG T
    MOV r0, {settle}
settle:
    RUN 1
    CXCH 0, {even}
    RUN 1
    CXCH 1, {odd}
    LOOP r0, settle
    REC s, 2 sweeps, {watched}
    MOV r0, rounds
again:
    RUN 1
    CXCH 0, {even}
    RUN 1
    CXCH 1, {odd}
    LOOP r0, again
    RD energy
    RD spins
"""
SIDES = {  # lanes at each temperature, and the exchanges of even and of odd pairs
    "components": (1, "mirrored", "mirrored"),
    "whole": (1, "whole", "whole"),
    "isoenergetic": (2, "mirrored", "whole"),
    "components, two lanes each": (2, "mirrored", "mirrored"),
}


class Found(NamedTuple):
    """Autocorrelation times in rounds, of the energy and of pairs, and processor time of a round in seconds."""

    energy: float
    pairs: float
    round: float


def glass(size: int, seed: int) -> list[tuple[int, int, int]]:
    """The bonds of a lattice, each +1 or -1."""
    sign = np.random.default_rng(seed).choice((-1, 1), (size, size, 2))
    ends = ((x, y, k, ((x + 1 - k) % size, (y + k) % size)) for x in range(size) for y in range(size) for k in (0, 1))
    return [(size * x + y, size * a + b, int(sign[x, y, k])) for x, y, k, (a, b) in ends]


def watched(size: int) -> Array:
    """Spins spread over half of the lattice, PAIRS at most, then the one half a lattice away from each."""
    n = size**2
    here = np.random.default_rng(7).choice(n // 2, min(PAIRS, n // 2), replace=False)
    return np.concatenate([here, n // 2 + here])


def integrated(series: Array) -> float:
    """The integrated autocorrelation time of series (time, observables), averaged before the window is chosen."""
    deviation = series - series.mean(axis=0)
    size = 1 << (2 * len(series) - 1).bit_length()
    power = np.abs(np.fft.rfft(deviation, size, axis=0)) ** 2
    covariance = np.fft.irfft(power, size, axis=0)[: len(series)].sum(axis=1)
    if covariance[0] <= 0:
        return float("inf")
    tau = 0.5 + np.cumsum(covariance[1:] / covariance[0])
    within = np.arange(1, len(tau) + 1) >= WINDOW * tau
    return float(tau[within.argmax()] if within.any() else tau[-1])


def measure(side: str, bonds: list[tuple[int, int, int]], given: argparse.Namespace, seed: int) -> Found:
    """One run, without compilation and without the rounds in which it settles."""
    import bioasm

    copies, even, odd = SIDES[side]
    ends = watched(given.size)
    written = PROGRAM.format(
        n=given.size**2, bonds=" | ".join(f"{i} {j} {w}" for i, j, w in bonds), cold=given.cold, hot=given.hot, copies=copies,
        even=even, odd=odd, settle=given.rounds // 4, watched=ends.tolist(),
    )  # fmt: skip
    text, lanes = f".const rounds = {given.rounds}\n{written}", given.lanes * copies
    began = time.process_time()
    bioasm.run(text, seed=seed, lanes=lanes, set={"rounds": 1}, threads=1)
    middle = time.process_time()
    result = bioasm.run(text, seed=seed, lanes=lanes, threads=1)
    spent = (time.process_time() - middle) - (middle - began)
    _recount(result, bonds)
    (recording,) = result.recordings.values()
    here, there = np.split(np.asarray(recording.values)[0], 2, axis=1)  # (rounds, pairs), of the coldest lane
    energy = np.asarray(result.energy_trace)[0][-2 * given.rounds :: 2]
    return Found(integrated(energy[:, None]), integrated(here * there), spent / given.rounds)


def _recount(result: Any, bonds: list[tuple[int, int, int]]) -> None:
    """Count the energies of all lanes from the bonds; an AssertionError where a program told others."""
    told, spins = (np.asarray(reading.value, np.float64) for reading in result.results)
    i, j, w = np.array(bonds).T
    np.testing.assert_array_equal(-(spins[:, i] * spins[:, j] * w).sum(axis=1), told)


def row(side: str, found: list[Found], rounds: int) -> tuple[str, ...]:
    """Medians over seeds."""
    energy, pairs, second = (float(np.median([getattr(f, name) for f in found])) for name in Found._fields)
    told = [(">" if ENOUGH * tau > rounds else "") for tau in (energy, pairs)]
    times = [f"{mark}{tau:.1f}" for mark, tau in zip(told, (energy, pairs), strict=True)]
    costs = [f"{mark}{1e3 * tau * second:.1f}" for mark, tau in zip(told, (energy, pairs), strict=True)]
    return side, *times, f"{1e3 * second:.2f}", *costs


def main() -> None:
    """Measure all sides in turn, on one lattice, with each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("size", 64), ("lanes", 24), ("rounds", 4000), ("seeds", 3), ("glass", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, cold in (("cold", 0.4), ("hot", 1.6)):
        parser.add_argument(f"--{name}", type=float, default=cold)
    given = parser.parse_args()
    common.start("the coldest lane of a ladder: integrated autocorrelation times", "numpy", "llvmlite")
    bonds = glass(given.size, given.glass)
    seeds = iter(range(1, given.seeds + 1))
    found: dict[str, list[Found]] = {side: [] for side in SIDES}
    for side in SIDES:  # kernels are compiled before the clock starts
        measure(side, bonds, argparse.Namespace(**{**vars(given), "rounds": 8}), 1)
    for seed in seeds:
        for side in SIDES:
            found[side].append(measure(side, bonds, given, seed))
    head = "moves", "energy [rounds]", "pairs [rounds]", "round [ms]", "energy [ms]", "pairs [ms]"
    common.table(head, [row(side, found[side], given.rounds) for side in SIDES])


if __name__ == "__main__":
    main()
