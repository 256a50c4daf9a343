"""Ising spins: sequential sweeps in plain numpy, every field computed anew at every visit.

Brian2 has nothing to offer for sweeps; what makes this a reference is that it shares neither code nor method with the
compiled kernels, which keep fields up to date flip by flip.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.stream import Stream, exponentials, logistics
from bioasm.runtime.dynamics import Best, More, Samples, Watch
from bioasm.runtime.energy import Landscape
from bioasm.runtime.random import initial_spins

Array = NDArray[Any]

_COLDEST = 1e-300  # stands for a temperature of 0, where only the sign of the random number is left
_KEPT = 1 << 20  # spins that may wait for their energies to be computed


class OwnNumbers:
    """Logistic or exponential numbers from a generator of numpy's, for runs that bring their own noise."""

    def __init__(self, seed: int, cells: int, metropolis: bool) -> None:
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.cells, self.metropolis = cells, metropolis

    def row(self, step: int) -> Array:
        """The numbers of a sweep."""
        if self.metropolis:
            return self.random.standard_exponential(self.cells)
        return self.random.logistic(size=self.cells)


class Spins:
    """Spins -1 or +1, held as (n, lanes)."""

    has_spikes = False
    step_length = 1.0

    def __init__(self, n: int, lanes: int, seed: int, rule: float, own_noise: bool = False) -> None:
        self.n, self.lanes, self.step = n, lanes, 0
        lane, neuron = np.arange(lanes, dtype=np.uint32), np.arange(n, dtype=np.uint32)
        self.start = initial_spins(seed, lane[None, :], neuron[:, None]).astype(np.float64)
        self.spin = self.start.copy()
        self.held = np.zeros(n, bool)
        numbers = exponentials if rule else logistics
        self.numbers = OwnNumbers(seed, n * lanes, bool(rule)) if own_noise else Stream(seed, lanes, n, numbers)
        self.level, self.offset = 1.0, 0.0
        self._trace: list[Array] = []
        self._waiting: list[Array] = []
        self.recorders: list[Samples] = []
        self.load(Landscape(n))

    # --- what instructions do -------------------------------------------------------------------------

    def load(self, landscape: Landscape) -> None:
        """Take over new couplings. A sweep sees (J + J')/2 without its diagonal, an energy J as it is."""
        self._settle()
        self.landscape = landscape
        self.around = [(c, w, landscape.h[i]) for i, (c, w) in enumerate(landscape.neighbours())]
        self.terms = _terms_of_each(landscape)
        self._best = Best.none(self.lanes, self.n)

    def set_noise(self, level: float) -> None:
        """The temperature from the next sweep on."""
        self.level = level

    def set_offset(self, offset: float) -> None:
        """What is added to the energies of the trace from now on."""
        self._settle()
        self.offset = offset

    def reset(self) -> None:
        """Every spin where it started; clamped ones stay."""
        self._settle()
        self.spin = np.where(self.held[:, None], self.spin, self.start)

    def clamp(self, neurons: Array, value: Array | float) -> None:
        """Hold spins at -1 or +1."""
        self._settle()
        self.held[neurons] = True
        self.spin[neurons] = np.broadcast_to(np.asarray(value, np.float64), len(neurons))[:, None]
        self._best = Best.none(self.lanes, self.n)

    def free(self, neurons: Array | slice) -> None:
        """Let spins go."""
        self._settle()
        self.held[neurons] = False
        self._best = Best.none(self.lanes, self.n)

    def record(self, samples: Samples) -> None:
        """Begin to take samples."""
        self.recorders.append(samples)

    # --- time -----------------------------------------------------------------------------------------

    def advance(self, steps: int, watch: Watch, more: More) -> None:
        """Run so many sweeps, or fewer where the watch asks for it."""
        for _ in range(steps):
            self._take_samples()
            self._sweep()
            self.step += 1
            self._waiting.append(self.spin.T.copy())
            if len(self._waiting) * self.spin.size > _KEPT:
                self._settle()
            if not watch(self.step):
                return

    def _sweep(self) -> None:
        """Visit every spin once: it flips where s f < T e / 2, with its local field f and a random number e."""
        numbers = self.numbers.row(self.step).reshape(self.lanes, self.n).T.astype(np.float64)
        bounds = (0.5 * max(self.level, _COLDEST)) * numbers
        spin = self.spin
        for i, (others, weights, bias) in enumerate(self.around):
            if self.held[i]:
                continue
            field = weights @ spin[others] + bias
            for weight, rest in self.terms[i]:
                field = field + weight * spin[rest].prod(axis=0)
            own = spin[i]
            spin[i] = np.where(own * field < bounds[i], -own, own)

    def _take_samples(self) -> None:
        self.recorders = [s for s in self.recorders if s.active]
        for samples in self.recorders:
            if (self.step - samples.start) % samples.every == 0:
                samples.taken.append(self.spin[samples.neurons].T.copy())

    # --- energies -------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Compute the energies of all sweeps since the last time."""
        if not self._waiting:
            return
        states, self._waiting = np.array(self._waiting), []
        energies = self.landscape.energy(states.reshape(-1, self.n)).reshape(len(states), self.lanes)
        self._trace.extend(energies + self.offset)
        lowest = energies.argmin(axis=0)
        lanes = np.arange(self.lanes)
        self._best.see(energies[lowest, lanes], states[lowest, lanes])

    @property
    def trace(self) -> list[Array]:
        """Energies after each sweep, with the offset."""
        self._settle()
        return self._trace

    @property
    def best(self) -> Best:
        """The best of all sweeps so far."""
        self._settle()
        return self._best

    def look(self) -> None:
        """The present state counts, also where no sweep led to it."""
        self.best.see(self.energy(), self.spin.T)

    def energy(self) -> Array:
        """E of the present spins without the offset, (lanes,)."""
        return self.landscape.energy(self.spin.T)

    @property
    def landscape_neurons(self) -> tuple[int, int]:
        """All spins have an energy."""
        return 0, self.n

    def final_as_best(self) -> Array:
        """The present spins."""
        return self.variable("s")

    def neurons_of(self, name: str) -> int:
        """How many spins there are."""
        return self.n

    def variable(self, name: str) -> Array:
        """The spins, (lanes, n); they have no other variable."""
        return self.spin.T.copy()

    def spikes(self) -> tuple[Array, Array, Array]:
        """Spins send none."""
        none = np.zeros(0, np.int64)
        return none, none, none

    def fault(self) -> str | None:
        """What left the finite range."""
        return None if np.isfinite(self.energy()).all() else "an energy"


def _terms_of_each(landscape: Landscape) -> list[list[tuple[float, Array]]]:
    """For each spin the weights of its terms and the other spins in them."""
    terms: list[list[tuple[float, Array]]] = [[] for _ in range(landscape.n)]
    for weight, index in landscape.terms:
        for i in index:
            terms[i].append((weight, index[index != i]))
    return terms
