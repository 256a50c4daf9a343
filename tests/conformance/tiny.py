"""A complete driver of a page: Ising spins in plain numpy, with the core instructions only.

It shares nothing with the cpu driver, not even its noise, and passes the conformance kit: an example to write one by.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from bioasm import __version__
from bioasm.binary.writer import program_hash
from bioasm.diagnostics import error
from bioasm.drivers import Driver, Observer, Progress, RunOptions
from bioasm.isa.program import DataRef, Dense, Name, Sparse
from bioasm.results import Reading, Result, Spikes
from bioasm.verifier.gate import Verified

SLICE = 64  # sweeps between two questions to the observer


class Stop(Exception):
    """The run ends early, with this status."""


class TinyDriver(Driver):
    """Runs spins one lane beside the other."""

    name = "tiny"
    summary = "Ising spins in numpy"
    abilities = frozenset({"core"})
    models = frozenset({"ising"})

    def _run(self, verified: Verified, options: RunOptions, observer: Observer | None) -> Result:
        if options.lanes < 1 or not 0 <= options.seed < 1 << 64 or options.threads == 0 or options.resume:
            raise error("B406", "the tiny driver can't run with these options")
        began = time.perf_counter()
        run = Run(verified, options, observer)
        try:
            for instruction in verified.program.instructions:
                run.spend()
                getattr(run, instruction.mnemonic.lower())(*map(run.operand, instruction.operands))
            status = "finished"
        except Stop as stop:
            status = str(stop)
        return run.result(status, time.perf_counter() - began)


class Run:
    """One run: what the instructions do, one method each."""

    def __init__(self, verified: Verified, options: RunOptions, observer: Observer | None) -> None:
        self.verified, self.options, self.observer, self.fuel = verified, options, observer, options.fuel
        self.n, self.steps, self.end, self.offset, self.noise_level = 0, 0, 0, 0.0, 1.0
        self.metropolis = options.parameters.get("rule", 0.0) == 1.0
        self.readings: list[Reading] = []
        self.trace: list[np.ndarray] = []
        self.spins = self.start = np.zeros((options.lanes, 0))

    def operand(self, operand: Any) -> Any:
        """A number, a word or an array."""
        if isinstance(operand, Name):
            return operand.text
        if not isinstance(operand, DataRef):
            return self.verified.program.quantity(operand).value
        value = self.verified.program.data[operand.index].value
        return np.asarray(value.array, float) if isinstance(value, Dense) else whole(value)

    def spend(self) -> None:
        """Use one of the fuel."""
        if self.fuel == 0:
            raise Stop("out of fuel")
        self.fuel -= 1

    # --- instructions -------------------------------------------------------------------------------

    def model(self, name: str) -> None:
        """The gate has seen to it that the model is ours."""

    def set(self, parameter: str, value: Any) -> None:
        self.metropolis = value in ("metropolis", 1.0)

    def alc(self, n: float) -> None:
        self.n, lanes = int(n), self.options.lanes
        keys = [self.options.seed | lane << 64 for lane in range(lanes)]
        self.random = [np.random.Generator(np.random.Philox(key=key)) for key in keys]
        self.start = np.array([np.where(r.random(self.n) < 0.5, -1.0, 1.0) for r in self.random])
        self.j, self.h = np.zeros((self.n, self.n)), np.zeros(self.n)
        self.rst()
        self.forget()

    def rst(self) -> None:
        self.spins = self.start.copy()

    def ldj(self, j: np.ndarray) -> None:
        self.j = (j + j.T) / 2
        self.forget()

    def ldh(self, h: np.ndarray) -> None:
        self.h = h
        self.forget()

    def ldo(self, offset: float) -> None:
        self.offset = offset

    def sig(self, level: float) -> None:
        self.noise_level = level

    def rd(self, what: str = "state") -> None:
        self.readings.append(Reading(what, self.read(what)))

    def run(self, sweeps: float) -> None:
        self.end = self.steps + int(sweeps)
        self.see()
        while self.steps < self.end:
            self.spend()
            self.sweep()
            self.see()
            self.trace.append(self.energy())
            self.steps += 1
            if self.steps % SLICE == 0 and self.observer and not self.observer(self.progress()):
                raise Stop("interrupted")

    # --- what they mean -----------------------------------------------------------------------------

    def progress(self) -> Progress:
        """Where the run is."""
        return Progress(self.steps, self.end, float(self.best_energy.min()) + self.offset)

    def sweep(self) -> None:
        """Visit every spin once."""
        chance = np.array([r.random(self.n) for r in self.random])
        for i in range(self.n):
            s = self.spins[:, i]
            gain = 2 * s * (self.spins @ self.j[i] - self.j[i, i] * s + self.h[i])
            with np.errstate(all="ignore"):
                odds = np.exp(-gain / self.noise_level) if self.noise_level else np.where(gain < 0, np.inf, gain == 0)
                flips = chance[:, i] < (odds if self.metropolis else np.where(odds == np.inf, 1.0, odds / (1 + odds)))
            self.spins[:, i] = np.where(flips, -s, s)

    def energy(self) -> np.ndarray:
        """E of the present state, a lane each."""
        return self.offset - 0.5 * np.einsum("li,ij,lj->l", self.spins, self.j, self.spins) - self.spins @ self.h

    def forget(self) -> None:
        """The best state belongs to the couplings."""
        self.best_energy, self.best = np.full(self.options.lanes, np.inf), self.spins.copy()

    def see(self) -> None:
        """Keep the present state where it is the best of its lane."""
        energy = self.energy() - self.offset
        better = energy < self.best_energy
        self.best_energy = np.where(better, energy, self.best_energy)
        self.best = np.where(better[:, None], self.spins, self.best)

    def read(self, what: str) -> Any:
        """An observable, of its own and not to be changed by what follows."""
        if what in ("time", "steps"):
            return float(self.steps)
        if what == "noise":
            return self.noise_level
        if what in ("state", "spins"):
            return self.spins.copy()
        if what == "energy_trace":
            return np.array(self.trace).T.reshape(self.options.lanes, -1)
        self.see()
        parts = {"energy": self.energy, "best_energy": lambda: self.best_energy + self.offset}
        return parts[what]() if what in parts else self.best.astype(np.int8)

    def result(self, status: str, seconds: float) -> Result:
        """All of the run."""
        lanes, none = self.options.lanes, np.zeros(0, np.int64)
        allocated = self.n > 0
        return Result(
            driver=TinyDriver.name,
            model="ising",
            n=self.n,
            lanes=lanes,
            seed=self.options.seed,
            program_sha256=program_hash(self.verified.program),
            versions={"bioasm": __version__, "numpy": np.__version__},
            timing={"total": seconds},
            results=tuple(self.readings),
            state=self.spins,
            energy=self.read("energy") if allocated else np.full(lanes, self.offset),
            best_energy=self.read("best_energy") if allocated else np.full(lanes, np.nan),
            best_state=self.read("best_state") if allocated else np.zeros((lanes, 0), np.int8),
            energy_trace=self.read("energy_trace"),
            spikes=Spikes(np.zeros(0), none, none),
            spike_count=np.zeros((lanes, self.n), np.int64),
            steps=self.steps,
            status=status,
        )


def whole(value: Any) -> np.ndarray:
    """A sparse matrix with all its entries."""
    assert isinstance(value, Sparse)
    matrix = np.zeros(value.shape)
    matrix[value.row, value.column] = value.value
    if value.symmetric:
        matrix[value.column, value.row] = value.value
    return matrix
