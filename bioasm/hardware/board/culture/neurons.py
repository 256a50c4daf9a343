"""The neurons of the culture: leaky integrate-and-fire with noise and sparse synapses, one step a millisecond."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.board.culture.parameters import CultureParameters

Array = NDArray[Any]


def synapses(units: int, parameters: CultureParameters, rng: np.random.Generator) -> Array:
    """The matrix (to, from) of jumps in mV: each neuron reaches `partners` others, and is exciting or inhibiting."""
    weights = np.zeros((units, units))
    for source in range(units):
        others = np.delete(np.arange(units), source)
        chosen = rng.choice(others, min(parameters.partners, units - 1), replace=False)
        excites = rng.random() < parameters.excitatory_share
        weights[chosen, source] = parameters.excitation_mv if excites else -parameters.inhibition_mv
    return weights


class Neurons:
    """The membranes v (units,) in mV above rest; advanced with the exact update of an Ornstein-Uhlenbeck process."""

    def __init__(self, units: int, parameters: CultureParameters, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 1])
        self._weights = synapses(units, parameters, self._rng)
        self._threshold, self._refractory = parameters.threshold_mv, parameters.refractory_ms
        self._keep = float(np.exp(-1.0 / parameters.tau_ms))
        self._spread = parameters.noise_mv * float(np.sqrt(1 - self._keep**2))
        self.v = self._rng.standard_normal(units) * parameters.noise_mv
        self._rest = np.zeros(units, np.int64)  # remaining refractory steps
        self._arriving = np.zeros(units)

    def step(self, jump: Array) -> tuple[Array, Array]:
        """Step of 1 ms with jumps of the membranes in mV (units,): the units that spiked, and when within it (0 to 1)."""
        v = self.v
        v *= self._keep
        v += self._spread * self._rng.standard_normal(v.size) + self._arriving + jump
        when = self._rng.random(v.size)
        self._rest -= 1
        fired = np.flatnonzero((v > self._threshold) & (self._rest <= 0))
        self._arriving = self._weights[:, fired].sum(axis=1)
        v[fired] = 0.0
        self._rest[fired] = self._refractory
        return fired, when[fired]
