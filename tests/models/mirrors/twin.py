"""pykoppu's CPU twin: LIF neurons near threshold, driven by their own normalised potential through J and h.

SI units. Step: feedback when it is due (every 1 ms, first at once), Euler-Maruyama, strict threshold, reset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tests.models.mirrors import Array, pairs


@dataclass(frozen=True)
class Twin:
    """Parameters, in ohm, s, V, A."""

    R: float = 50e6
    tau: float = 20e-3
    El: float = -70e-3
    Vr: float = -70e-3
    Vt: float = -50e-3
    I_off: float = 0.36e-9
    limit: float = 1.5e-9
    every: int = 10
    dt: float = 1e-4


@dataclass
class Run:
    """v after each step (steps, n), rows (step, neuron) of spikes, energy of each feedback, s at the end."""

    v: Array
    spikes: Array
    energy: Array
    state: Array


def normalised(v: Array, p: Twin) -> Array:
    """The potential between El and Vt as a number in [0, 1]."""
    return np.clip((v - p.El) / (p.Vt - p.El), 0.0, 1.0)


def simulate(
    J: Array, h: Array, schedule: Sequence[tuple[float, int]], noise: Array | None = None, p: Twin | None = None
) -> Run:
    """Runs rows of (sigma in V, steps) one after another; `noise` (steps, n) are standard normal numbers, none is zeros."""
    p = Twin() if p is None else p
    n, total = len(h), sum(steps for _, steps in schedule)
    sigma = np.repeat([s for s, _ in schedule], [steps for _, steps in schedule])
    draws = np.zeros((total, n)) if noise is None else noise
    v, drive = np.full(n, p.El), np.zeros(n)
    trace, raster, energy = np.empty((total, n)), np.zeros((total, n), dtype=bool), []
    for k in range(total):
        if k % p.every == 0:
            s = normalised(v, p)
            raw = J @ s + h
            drive = raw * min(1.0, p.limit / max(np.abs(raw).max(), 1e-300))
            energy.append(-0.5 * s @ J @ s - h @ s)
        slope = (-(v - p.El) + p.R * (p.I_off + drive)) / p.tau
        v = v + p.dt * slope + sigma[k] * np.sqrt(2 / p.tau) * np.sqrt(p.dt) * draws[k]
        raster[k] = v > p.Vt
        v = np.where(raster[k], p.Vr, v)
        trace[k] = v
    return Run(trace, pairs(raster), np.array(energy), normalised(v, p))
