"""Reference definitions in a page of numpy: the energy, the LIF twin without noise, and the Boltzmann distribution.

Written from the models' descriptions and from nothing else, so that a driver is held against the definition and not against
another driver's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

DT = 1e-4
R, TAU, EL, VT, VR = 50e6, 20e-3, -70e-3, -50e-3, -70e-3
I_OFFSET, I_MAX = 0.36e-9, 1.5e-9
FEEDBACK_STEPS = 10


@dataclass(frozen=True, eq=False)
class Landscape:
    """E(s) = -1/2 s'Js - h's - sum_t w_t prod s + offset, with J (n, n), h (n,) and terms as weights by indices."""

    j: Array
    h: Array
    terms: Mapping[tuple[int, ...], float] = field(default_factory=dict)
    offset: float = 0.0

    @property
    def n(self) -> int:
        """The number of variables."""
        return len(self.h)

    @property
    def text(self) -> str:
        """The instructions that load it."""
        lines = [f"LDJ {self.j.tolist()}", f"LDH {self.h.tolist()}", f"LDO {self.offset!r}"]
        if self.terms:
            entries = " | ".join(f"{' '.join(map(str, index))} {weight!r}" for index, weight in self.terms.items())
            lines.append(f"LDT terms({self.n}) {{ {entries} }}")
        return "\n".join(lines) + "\n"

    def energy(self, s: Any) -> Array:
        """E of states (..., n), as (...)."""
        s = np.asarray(s, np.float64)
        total = self.offset - 0.5 * np.einsum("...i,ij,...j->...", s, self.j, s) - s @ self.h
        for index, weight in self.terms.items():
            total = total - weight * s[..., list(index)].prod(axis=-1)
        return np.asarray(total)

    def feedback(self, s: Array) -> Array:
        """J s + h and the terms' part, scaled down so that no entry is larger than I_MAX; amperes (n,)."""
        current = self.j @ s + self.h
        for index, weight in self.terms.items():
            for i in index:
                current[i] += weight * np.prod([s[k] for k in index if k != i])
        largest = np.abs(current).max()
        return current * (I_MAX / largest) if largest > I_MAX else current


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A run of the twin: `v` (steps + 1, n) before each step and at the end, energies, spikes as (step, neuron), best."""

    v: Array
    energies: list[float]
    spikes: list[tuple[int, int]]
    best_energy: float


def state(v: Array) -> Array:
    """The state of membranes, 0 to 1."""
    return np.clip((v - EL) / (VT - EL), 0.0, 1.0)


def twin(
    landscape: Landscape, steps: int, current: Any = 0.0, jumps: Array | None = None, held: Mapping[int, float] | None = None
) -> Trajectory:
    """Run the LIF twin without noise from its initial state.

    `current` is amperes that broadcast to (steps, n), `jumps` volts (steps, n) that arrive after the threshold was tested,
    `held` the voltages of clamped neurons.
    """
    n, free = landscape.n, np.ones(landscape.n, bool)
    currents = np.broadcast_to(np.asarray(current, np.float64), (steps, n))
    v, feedback = np.full(n, EL), np.zeros(n)
    for neuron, voltage in (held or {}).items():
        v[neuron], free[neuron] = voltage, False
    seen, energies, spikes, best = [v], list[float](), list[tuple[int, int]](), np.inf
    for step in range(steps):
        if step % FEEDBACK_STEPS == 0:
            s = state(v)
            energies.append(float(landscape.energy(s)))
            best = min(best, float(landscape.energy(s > 0.5)))
            feedback = landscape.feedback(s)
        drive = R * (I_OFFSET + feedback + currents[step])
        moved = np.where(free, v + DT * (EL - v + drive) / TAU, v)
        fired = free & (moved > VT)
        moved = moved + (jumps[step] * free if jumps is not None else 0.0)
        v = np.where(fired, VR, moved)
        spikes += [(step, int(i)) for i in np.flatnonzero(fired)]
        seen.append(v)
    return Trajectory(np.array(seen), energies, spikes, best)


def all_spins(n: int) -> Array:
    """All 2**n states of n spins, (2**n, n)."""
    return np.array(list(product((-1.0, 1.0), repeat=n)))


def boltzmann(landscape: Landscape, temperature: float) -> Array:
    """The probability of each of `all_spins(n)` at a temperature."""
    energies = landscape.energy(all_spins(landscape.n))
    weights = np.exp(-(energies - energies.min()) / temperature)
    return np.asarray(weights / weights.sum())
