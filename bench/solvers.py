"""Open solvers of energies of spins in pairs, each as a function of a seed and an effort, to be measured beside ours."""

from __future__ import annotations

import os
import subprocess
import tempfile
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Solve = Callable[[int, float], Array]  # of a seed and an effort: the spins found


class Pairs(NamedTuple):
    """The energy sum of h[i] s[i] + sum of w[k] s[u[k]] s[v[k]] of spins s, indices from 0, every pair once."""

    h: Array
    u: Array
    v: Array
    w: Array

    @property
    def n(self) -> int:
        """The number of spins."""
        return len(self.h)

    @property
    def fields(self) -> dict[int, float]:
        """The fields that are not zero, by spin."""
        return {i: float(h) for i, h in enumerate(self.h) if h}

    @property
    def bonds(self) -> dict[tuple[int, int], float]:
        """The couplings by pair of spins."""
        return dict(zip(zip(self.u.tolist(), self.v.tolist(), strict=True), self.w.tolist(), strict=True))


def processor_time() -> float:
    """Processor seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def dwave(model: Pairs) -> Solve:
    """Simulated annealing of dwave-samplers; an effort of 1 is 1000 sweeps."""
    from dwave.samplers import SimulatedAnnealingSampler

    sampler, fields, bonds = SimulatedAnnealingSampler(), model.fields, model.bonds

    def solve(seed: int, effort: float) -> Array:
        found = sampler.sample_ising(fields, bonds, num_reads=1, num_sweeps=_count(effort), seed=seed)
        return _in_order(found.first.sample, model.n)

    return solve


def openjij(model: Pairs, kind: str) -> Solve:
    """Simulated annealing (SASampler) or simulated quantum annealing (SQASampler) of openjij; an effort of 1 is 1000 sweeps."""
    import openjij

    sampler, fields, bonds = getattr(openjij, kind)(), model.fields, model.bonds

    def solve(seed: int, effort: float) -> Array:
        found = sampler.sample_ising(fields, bonds, num_reads=1, num_sweeps=_count(effort), seed=seed)
        return _in_order(found.first.sample, model.n)

    return solve


def bifurcation(model: Pairs) -> Solve:
    """The package simulated-bifurcation, discrete, ten agents; an effort of 1 is 1000 steps."""
    import simulated_bifurcation
    import torch

    torch.set_num_threads(1)
    matrix, fields = np.zeros((model.n, model.n), np.float32), torch.from_numpy(model.h.astype(np.float32))
    matrix[model.u, model.v] = matrix[model.v, model.u] = model.w / 2
    couplings = torch.from_numpy(matrix)
    limits = {"agents": 10, "mode": "discrete", "verbose": False, "early_stopping": False}

    def solve(seed: int, effort: float) -> Array:
        torch.manual_seed(seed)
        found, _ = simulated_bifurcation.minimize(couplings, fields, domain="spin", max_steps=_count(effort), **limits)
        return np.asarray(found)

    return solve


def mqlib(model: Pairs, heuristic: str) -> Solve:
    """A heuristic of MQLib, whose command the variable MQLIB names; an effort of 1 is a second by its clock.

    A field is a coupling to one more spin, and the cut of the negated couplings is the one that it makes large.
    """
    command = os.environ.get("MQLIB")
    if not command:
        raise ImportError("MQLIB names no command", name="MQLIB")
    fields = np.flatnonzero(model.h)
    u, v = np.concatenate([model.u, fields]) + 1, np.concatenate([model.v, np.full(len(fields), model.n)]) + 1
    weights = np.concatenate([model.w, model.h[fields]])
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name, "graph.txt")
    rows = "".join(f"{a} {b} {w:.17g}\n" for a, b, w in zip(u, v, weights, strict=True))
    path.write_text(f"{model.n + (len(fields) > 0)} {len(u)}\n{rows}")

    def solve(seed: int, effort: float) -> Array:
        order = [command, "-h", heuristic, "-fM", str(path), "-nv", "-ps", "-s", str(seed % 65536), "-r", f"{effort:.4f}"]
        told = subprocess.run(order, capture_output=True, text=True, check=True).stdout
        spins = np.array(told.split("Solution:")[1].split(), int)
        return spins[: model.n] * spins[-1]

    weakref.finalize(solve, folder.cleanup)
    return solve


def _count(effort: float) -> int:
    return max(1, round(1000 * effort))


def _in_order(sample: dict[int, int], n: int) -> Array:
    return np.array([sample.get(i, 1) for i in range(n)])


SOLVERS: dict[str, Callable[[Pairs], Solve]] = {
    "dwave SA": dwave,
    "openjij SA": partial(openjij, kind="SASampler"),
    "openjij SQA": partial(openjij, kind="SQASampler"),
    "simulated-bifurcation": bifurcation,
    "MQLib BURER2002": partial(mqlib, heuristic="BURER2002"),
    "MQLib PALUBECKIS2006": partial(mqlib, heuristic="PALUBECKIS2006"),
    "MQLib LU2010": partial(mqlib, heuristic="LU2010"),
}
