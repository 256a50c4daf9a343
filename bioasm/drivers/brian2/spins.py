"""Ising spins: sequential sweeps in plain numpy, every field computed anew at every visit.

Brian2 has nothing to offer for sweeps; what makes this a reference is that it shares neither code nor method with the
compiled kernels, which keep fields up to date flip by flip.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.network.references import STATE, VariableRef
from bioasm.results import Spikes
from bioasm.runtime.dynamics import Best, More, Watch, no_spikes
from bioasm.runtime.energy import Couplings, Landscape
from bioasm.runtime.python_dynamics import PythonDynamics
from bioasm.runtime.random import initial_spins
from bioasm.runtime.setup import rule_problem
from bioasm.runtime.streams import Stream, exponentials, logistics

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


class Spins(PythonDynamics):
    """Spins -1 or +1, held as (n, lanes)."""

    step_length = 1.0

    def __init__(self, n: int, lanes: int, seed: int, rule: float, own_noise: bool = False) -> None:
        self.n, self.lanes, self.step = n, lanes, 0
        lane, neuron = np.arange(lanes, dtype=np.uint32), np.arange(n, dtype=np.uint32)
        self.start = initial_spins(seed, lane[None, :], neuron[:, None]).astype(np.float64)
        self.spin = self.start.copy()
        self.held = np.zeros(n, bool)
        numbers = exponentials if rule else logistics
        self.numbers = OwnNumbers(seed, n * lanes, bool(rule)) if own_noise else Stream(seed, lanes, n, numbers)
        self.rule, self.level = rule, 1.0
        self._waiting: list[Array] = []
        super().__init__()

    # --- what instructions do -------------------------------------------------------------------------

    def parameter_problem(self) -> str | None:
        """What is wrong with the rule that registers or options have set; None where nothing is."""
        return rule_problem(self.rule)

    def load(self, couplings: Couplings) -> None:
        """Take over new couplings. A sweep sees (J + J')/2 without its diagonal, an energy J as it is."""
        self._settle()
        super().load(couplings)
        self.around = [(c, w, self.landscape.h[i]) for i, (c, w) in enumerate(self.landscape.neighbours())]
        self.terms = _terms_of_each(self.landscape)

    def set_noise(self, level: float) -> None:
        """The temperature from the next sweep on."""
        self.level = level

    def set_offset(self, offset: float) -> None:
        """What is added to the energies of the trace from now on."""
        self._settle()
        super().set_offset(offset)

    def reset(self) -> None:
        """Back to the initial spins; clamped ones stay."""
        self.best()
        self.spin = np.where(self.held[:, None], self.spin, self.start)

    def set_states(self, states: Array) -> None:
        """Go on from spins (lanes, n); clamped ones stay."""
        self.best()
        self.spin = np.where(self.held[:, None], self.spin, states.T)

    def clamp(self, neurons: Array, levels: Array) -> None:
        """Hold spins at -1 or +1."""
        self._settle()
        self.held[neurons] = True
        self.spin[neurons] = levels[:, None]
        self.forget_best()

    def free(self, neurons: Array | slice) -> None:
        """Let spins go."""
        self._settle()
        self.held[neurons] = False
        self.forget_best()

    # --- time -----------------------------------------------------------------------------------------

    def advance(self, steps: int, watch: Watch, more: More) -> None:
        """Run so many sweeps, or fewer where the watch asks for it."""
        for _ in range(steps):
            self.take_samples()
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

    def trace(self) -> Array:
        """Energies after each sweep, with the offset."""
        self._settle()
        return super().trace()

    def best(self) -> Best:
        """The best of all sweeps so far, and the present state, also where no sweep led to it: called before it is replaced."""
        self._settle()
        self._best.see(self.energy(), self.spin.T)
        return self._best

    @property
    def energy_neurons(self) -> tuple[int, int]:
        """All spins have an energy."""
        return 0, self.n

    def energy_state(self) -> Array:
        """The present spins."""
        return self.spin.T

    def final_as_best(self) -> Array:
        """The present spins."""
        return self.read(STATE)

    def neurons_of(self, ref: VariableRef) -> int:
        """How many spins there are."""
        return self.n

    def read(self, ref: VariableRef) -> Array:
        """The spins, (lanes, n); they have no other variable."""
        return self.spin.T.copy()

    def spikes(self) -> Spikes:
        """Spins send none."""
        return no_spikes()

    def non_finite(self) -> str | None:
        """What left the finite range."""
        return None if np.isfinite(self.energy()).all() else "an energy"


def _terms_of_each(landscape: Landscape) -> list[list[tuple[float, Array]]]:
    """For each spin the weights of its terms and the other spins in them."""
    terms: list[list[tuple[float, Array]]] = [[] for _ in range(landscape.n)]
    for weight, index in landscape.terms:
        for i in index:
            terms[i].append((weight, index[index != i]))
    return terms
