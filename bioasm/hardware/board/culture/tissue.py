"""Simulated culture at its electrodes: stimulation currents as input, extracellular voltages as output."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.board.culture.geometry import make_geometry
from bioasm.hardware.board.culture.neurons import Neurons
from bioasm.hardware.board.culture.parameters import CultureParameters

Array = NDArray[Any]

_TEMPLATE_MS = 1.6


def spike_template(samples_per_ms: int) -> Array:
    """A biphasic spike over 1.6 ms with its trough of -1 at 0.4 ms and a hump of 0.35 after it, (samples,)."""
    t = np.arange(round(_TEMPLATE_MS * samples_per_ms)) / samples_per_ms
    shape = 0.35 * np.exp(-(((t - 0.9) / 0.25) ** 2)) - np.exp(-(((t - 0.4) / 0.13) ** 2))
    return np.asarray(shape / -shape.min(), np.float32)


class Culture:
    """Neurons behind `electrodes`, sampled `samples_per_ms` times a millisecond. The same seed gives the same data.

    Neurons and `advance` use whole milliseconds; the division of a time into calls is irrelevant. `spike_count` counts the
    neurons' spikes, whether electrodes detect them or not.
    """

    def __init__(self, electrodes: int, samples_per_ms: int, seed: int, parameters: CultureParameters | None = None) -> None:
        self.parameters = p = parameters or CultureParameters()
        self.electrodes, self.samples_per_ms = electrodes, samples_per_ms
        rng = np.random.default_rng([seed, 0])
        self._weight, self._crosstalk = make_geometry(electrodes, p, rng)
        self.units = len(self._weight)
        troughs = rng.uniform(p.smallest_spike_uv, p.largest_spike_uv, self.units)
        self._seen = np.asarray(troughs[:, None] * self._weight, np.float32)
        self._template = spike_template(samples_per_ms)
        self.neurons = Neurons(self.units, p, seed)
        self._noise, self._slow = np.random.default_rng([seed, 2]), np.random.default_rng([seed, 3])
        self._field = self._slow.standard_normal(electrodes + 1)
        self._tail = np.zeros((len(self._template), electrodes), np.float32)
        self._left = np.zeros(electrodes)  # residual artefacts, uV
        self._drive = np.zeros(self.units)  # pending depolarisation from past stimulation, mV
        self._share = 1 - float(np.exp(-1 / p.excitation_tau_ms))  # share of it that is added in a step
        self.spike_count = np.zeros(self.units, np.int64)

    def advance(self, samples: int) -> Array:
        """The electrodes' voltages in uV over `samples`, a whole number of milliseconds: (samples, electrodes) of float32."""
        steps, rest = divmod(samples, self.samples_per_ms)
        if rest:
            raise ValueError(f"{samples} samples are no whole number of milliseconds")
        trace = self._noise.standard_normal((samples, self.electrodes), np.float32)
        trace *= np.float32(self.parameters.noise_uv)
        trace += self._field_potential(steps)
        self._add_spikes(trace, self._spikes(steps))
        self._add_residue(trace)
        return trace

    def stimulated(self, currents: Array) -> None:
        """Apply the stimulators' currents of the last millisecond: (samples, electrodes) in uA, cathodic below 0.

        Cathodic charge excites, through fibres and synapses and so over some milliseconds; anodic charge does not. Each phase
        leaves a residue on its electrode that decays.
        """
        p, per_ms = self.parameters, self.samples_per_ms
        cathodic = np.maximum(0.0, -currents).sum(axis=0) / per_ms  # uA times ms are nC
        # the current that a neuron needs grows with the square of its distance (Stoney et al. 1968, Tehovnik 1996)
        self._drive += p.excitation_mv_per_nc * (self._weight**2 @ cathodic)
        decay = np.exp(-np.arange(per_ms - 1, -1, -1) / (per_ms * p.artefact_tau_ms))
        # both phases add to it, so half of their charge counts
        self._left += 0.5 * p.artefact_uv_per_nc * (decay @ np.abs(currents)) / per_ms

    def seen_by_neighbours(self, current: Array) -> Array:
        """Crosstalk at the other electrodes while currents (electrodes,) in uA flow, uV."""
        return np.asarray(current * (self.parameters.access_kohm * 1e3) @ self._crosstalk)

    # --- neurons ----------------------------------------------------------------------------------------

    def _spikes(self, steps: int) -> list[tuple[int, int]]:
        """Advance the neurons; returns the first sample of each spike, and its neuron."""
        found = []
        for step in range(steps):
            fired, when = self.neurons.step(self._drive * self._share)
            self._drive *= 1 - self._share
            self.spike_count[fired] += 1
            starts = step * self.samples_per_ms + np.floor(when * self.samples_per_ms).astype(np.int64)
            found += list(zip(starts.tolist(), fired.tolist(), strict=True))
        return found

    # --- what electrodes see ------------------------------------------------------------------------------

    def _add_spikes(self, trace: Array, spikes: list[tuple[int, int]]) -> None:
        """Add the spikes' waveforms to the trace; the part beyond its end is kept for the next call."""
        length, samples = len(self._template), len(trace)
        whole = np.zeros((samples + length, self.electrodes), np.float32)
        whole[:length] = self._tail
        for start, unit in spikes:
            whole[start : start + length] += self._template[:, None] * self._seen[unit]
        trace += whole[:samples]
        self._tail = whole[samples:]

    def _field_potential(self, steps: int) -> Array:
        """The slow field, (samples, electrodes): one common part and one of each electrode, straight lines between steps."""
        p = self.parameters
        keep = np.exp(-1.0 / p.field_tau_ms)
        spread = np.sqrt(1 - keep**2)
        points = np.empty((steps + 1, self.electrodes + 1))
        points[0] = self._field
        drawn = self._slow.standard_normal((steps, self.electrodes + 1))
        for step in range(steps):
            points[step + 1] = keep * points[step] + spread * drawn[step]
        self._field = points[-1]
        field = p.field_uv * (0.8 * points[:, :1] + 0.6 * points[:, 1:])
        between = (np.arange(self.samples_per_ms) / self.samples_per_ms)[None, :, None]
        lines = field[:-1, None] * (1 - between) + field[1:, None] * between
        return np.asarray(lines.reshape(-1, self.electrodes), np.float32)

    def _add_residue(self, trace: Array) -> None:
        """Add the decaying stimulation artefacts of electrodes, and their crosstalk to neighbours."""
        if not self._left.any():
            return
        tau = self.samples_per_ms * self.parameters.artefact_tau_ms
        decay = np.exp(-np.arange(1, len(trace) + 1) / tau)[:, None]
        trace += decay * (self._left + self._left @ self._crosstalk)
        self._left *= decay[-1]
        self._left[self._left < 0.01] = 0.0
