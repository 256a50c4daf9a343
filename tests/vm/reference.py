"""The definitions of both models once more, in plain numpy: what the machine is held against.

A `Twin` and a `Spins` execute a straight-line program instruction by instruction for one lane. They are written from the
models' descriptions and from the order of steps of the source material, not from the kernels; they share with the machine
only `bioasm.runtime.random`, so that trajectories can be compared and not only statistics.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import DataRef, Dense, Instruction, Name, Program, Sparse, Terms
from bioasm.runtime import random as noise

Array = NDArray[Any]


def full(data: Dense | Sparse) -> Array:
    """A matrix of couplings with all its entries, float64."""
    if isinstance(data, Dense):
        return np.asarray(data.array, np.float64)
    matrix = np.zeros(data.shape)
    matrix[data.row, data.column] = data.value
    if data.symmetric:
        matrix[data.column, data.row] = data.value
    return matrix


def poisson_counts(u: Array, expected: Any) -> Array:
    """Poisson numbers by inversion: how many k >= 1 have u below the chance of k or more; for small expected numbers."""
    term = np.exp(-np.asarray(expected, np.float64)) * np.ones(len(u))
    counts, up_to, k = np.zeros(len(u)), term.copy(), 0
    while (more := u < 1 - up_to).any():
        k += 1
        counts += more
        term = term * expected / k
        up_to += term
    return counts


def as_dict(data: Terms) -> dict[tuple[int, ...], float]:
    """Weights by indices; those of equal indices are kept apart by the order that they stand in."""
    found: dict[tuple[int, ...], float] = {}
    for k, weight in enumerate(data.value):
        index = tuple(int(i) for i in data.index[data.start[k] : data.start[k + 1]])
        found[index] = found.get(index, 0.0) + float(weight)
    return found


class Reference(ABC):
    """What both models share: one lane of a program without control flow."""

    dt = 1.0
    sigma = 1.0

    def __init__(self, program: Program, seed: int, lane: int) -> None:
        self.program, self.seed, self.lane = program, seed, lane
        self.n, self.step, self.clock, self.offset = 0, 0, 0.0, 0.0
        self.j: Array | None = None
        self.h: Array | None = None
        self.t: dict[tuple[int, ...], float] | None = None
        self.trace: list[float] = []
        self.best_energy, self.best_state = math.inf, np.zeros(0)
        self.recorded: list[Array] = []

    def execute(self) -> Any:
        """Do all instructions."""
        for instruction in self.program.instructions:
            done = getattr(self, f"do_{instruction.mnemonic.lower()}", None)
            if done is not None:
                done(*[self.operand(instruction, o) for o in instruction.operands])
        return self

    def operand(self, instruction: Instruction, operand: Any) -> Any:
        """An operand as a number, a word, an array, or a datum of couplings."""
        if isinstance(operand, Name):
            return operand.text
        if isinstance(operand, DataRef):
            value = self.program.data[operand.index].value
            whole = instruction.mnemonic in ("LDJ", "LDT")
            return value if whole else np.asarray(value.array, np.float64)  # type: ignore[union-attr]
        return self.program.quantity(operand).value

    def do_ldo(self, offset: float) -> None:
        self.offset = offset

    def do_sig(self, level: float) -> None:
        self.sigma = level

    def do_run(self, duration: float) -> None:
        self.clock += duration
        end = math.ceil(self.clock / self.dt - 1e-4)
        while self.step < end:
            self.one_step()
            self.step += 1

    @abstractmethod
    def one_step(self) -> None:
        """What happens between one step and the next."""

    def energy(self, s: Array) -> float:
        """E without the offset."""
        total = 0.0
        if self.j is not None:
            total -= 0.5 * float(s @ self.j @ s)
        if self.h is not None:
            total -= float(self.h @ s)
        for index, weight in (self.t or {}).items():
            total -= weight * float(np.prod(s[list(index)]))
        return total

    def see(self, s: Array, energy: float) -> None:
        """Keep a state where it is the best."""
        if energy < self.best_energy:
            self.best_energy, self.best_state = energy, s.copy()


class Twin(Reference):
    """The LIF twin (source-systems.md 1.1)."""

    sigma = 2e-3

    def __init__(self, program: Program, seed: int, lane: int = 0) -> None:
        super().__init__(program, seed, lane)
        self.p: dict[str, Any] = {
            "R": 50e6,
            "tau": 20e-3,
            "El": -70e-3,
            "Vt": -50e-3,
            "Vr": -70e-3,
            "I_offset": 0.36e-9,
            "I_max": 1.5e-9,
            "dt": 1e-4,
            "feedback_interval": 1e-3,
        }
        self.spikes: list[tuple[int, int]] = []
        self.current: Any = 0.0
        self.wave: tuple[Array, int, int] | None = None
        self.train: list[tuple[int, int]] = []
        self.jump: Any = 0.0
        self.poisson: tuple[Any, Any] = (0.0, 0.0)

    def do_set(self, name: str, value: Any) -> None:
        self.p[name] = value
        self.dt = self.p["dt"]
        if self.n and self.step == 0:
            self.do_rst()

    def do_alc(self, n: float) -> None:
        self.dt = self.p["dt"]
        self.n = int(n)
        self.held = np.zeros(self.n, bool)
        self.v = np.zeros(self.n)
        self.do_rst()

    def do_rst(self) -> None:
        self.v = np.where(self.held, self.v, self.p["El"] * np.ones(self.n))
        self.feedback = np.zeros(self.n)

    def do_ldj(self, data: Any) -> None:
        self.j, self.best_energy = full(data), math.inf

    def do_ldh(self, h: Array) -> None:
        self.h, self.best_energy = h, math.inf

    def do_ldt(self, data: Terms) -> None:
        self.t, self.best_energy = as_dict(data), math.inf

    def do_cur(self, current: Any) -> None:
        self.current = current

    def do_wave(self, rows: Array, period: float) -> None:
        self.wave = rows, round(period / self.dt), self.step

    def do_spk(self, train: Array, jump: Any) -> None:
        self.train = [(self.step + round(t / self.dt), int(i)) for t, i in train]
        self.jump = jump * np.ones(self.n)

    def do_poi(self, rate: Any, jump: Any) -> None:
        self.poisson = rate * self.dt * np.ones(self.n), jump * np.ones(self.n)

    def do_clamp(self, neurons: Any, value: Any) -> None:
        neurons = np.atleast_1d(neurons).astype(int)
        self.held[neurons] = True
        self.v[neurons] = value
        self.best_energy = math.inf

    def do_free(self, neurons: Any = None) -> None:
        self.held[slice(None) if neurons is None else np.atleast_1d(neurons).astype(int)] = False
        self.best_energy = math.inf

    @property
    def s(self) -> Array:
        """The state, 0 to 1."""
        return np.clip((self.v - self.p["El"]) / (self.p["Vt"] - self.p["El"]), 0.0, 1.0)

    def feed_back(self) -> None:
        """What happens at every feedback time once couplings are loaded."""
        if self.j is None and self.h is None and self.t is None:
            return
        s = self.s
        self.trace.append(self.energy(s) + self.offset)
        self.feedback = (self.j @ s if self.j is not None else 0.0) + (self.h if self.h is not None else np.zeros(self.n))
        for index, weight in (self.t or {}).items():
            for i in index:
                self.feedback[i] += weight * np.prod([s[k] for k in index if k != i])
        largest = np.abs(self.feedback).max()
        if largest > self.p["I_max"]:
            self.feedback = self.feedback * (self.p["I_max"] / largest)
        one = (s > 0.5).astype(float)
        self.see(one, self.energy(one))

    def played(self) -> Any:
        """The current of WAVE."""
        if self.wave is None:
            return 0.0
        rows, period, start = self.wave
        row = (self.step - start) // period
        return rows[row] if row < len(rows) else 0.0

    def one_step(self) -> None:
        p, neurons = self.p, np.arange(self.n)
        if self.step % round(p["feedback_interval"] / self.dt) == 0:
            self.feed_back()
        self.recorded.append(self.v.copy())
        i_in = self.feedback + self.current + self.played()
        drift = (-(self.v - p["El"]) + p["R"] * (p["I_offset"] + i_in)) / p["tau"]
        xi = noise.normal(self.seed, self.lane, neurons, self.step).astype(np.float64)
        moved = self.v + self.dt * drift + math.sqrt(self.dt) * self.sigma * np.sqrt(2 / p["tau"]) * xi
        self.v = np.where(self.held, self.v, moved)
        fired = (self.v > p["Vt"]) & ~self.held
        for step, i in self.train:
            if step == self.step and not self.held[i]:
                self.v[i] += self.jump[i]
        expected, jump = self.poisson
        u = noise.uniform(self.seed, self.lane, neurons, self.step, noise.STREAM_POISSON)
        self.v = self.v + np.where(self.held, 0.0, jump * poisson_counts(u, expected))
        self.v = np.where(fired, p["Vr"], self.v)
        self.spikes += [(self.step, int(i)) for i in np.flatnonzero(fired)]


class Spins(Reference):
    """Single-spin sweeps (bioasm/models/library/ising.basm)."""

    metropolis = False

    def __init__(self, program: Program, seed: int, lane: int = 0) -> None:
        super().__init__(program, seed, lane)
        self.changed = True

    def do_set(self, name: str, value: Any) -> None:
        self.metropolis = value in ("metropolis", 1.0)

    def do_alc(self, n: float) -> None:
        self.n = int(n)
        self.held = np.zeros(self.n, bool)
        self.v = noise.initial_spins(self.seed, self.lane, np.arange(self.n))

    def do_rst(self) -> None:
        self.look()
        self.v = np.where(self.held, self.v, noise.initial_spins(self.seed, self.lane, np.arange(self.n)))
        self.changed = True

    def look(self) -> None:
        """Count the present state, where none of its sweeps did."""
        if self.changed:
            self.see(self.v, self.energy(self.v.astype(float)))
            self.changed = False

    def forget(self) -> None:
        """The best state belongs to the problem with its clamps."""
        self.best_energy, self.changed = math.inf, True

    def do_ldj(self, data: Any) -> None:
        self.j = (full(data) + full(data).T) / 2
        self.forget()

    def do_ldh(self, h: Array) -> None:
        self.h = h
        self.forget()

    def do_ldt(self, data: Terms) -> None:
        self.t = as_dict(data)
        self.forget()

    def do_clamp(self, neurons: Any, value: Any) -> None:
        neurons = np.atleast_1d(neurons).astype(int)
        self.held[neurons] = True
        self.v[neurons] = value
        self.forget()

    def do_free(self, neurons: Any = None) -> None:
        self.held[slice(None) if neurons is None else np.atleast_1d(neurons).astype(int)] = False
        self.forget()

    def do_run(self, duration: float) -> None:
        self.look()
        super().do_run(duration)

    def field(self, i: int) -> float:
        """What the rest of the system asks of spin i: dE of its flip is 2 s_i f_i."""
        s = self.v.astype(float)
        total = 0.0 if self.j is None else float(self.j[i] @ s) - self.j[i, i] * s[i]
        total += 0.0 if self.h is None else float(self.h[i])
        for index, weight in (self.t or {}).items():
            if i in index:
                total += weight * float(np.prod([s[k] for k in index if k != i]))
        return total

    def one_step(self) -> None:
        self.recorded.append(self.v.copy())
        draw = noise.exponential if self.metropolis else noise.logistic
        e = draw(self.seed, self.lane, np.arange(self.n), self.step).astype(np.float64)
        for i in range(self.n):
            gain = 2 * self.v[i] * self.field(i)
            flips = gain < self.sigma * e[i] if self.sigma > 0 else gain < 0 or (gain == 0 and e[i] > 0)
            if flips and not self.held[i]:
                self.v[i] = -self.v[i]
        energy = self.energy(self.v.astype(float))
        self.trace.append(energy + self.offset)
        self.see(self.v, energy)
