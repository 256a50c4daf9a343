"""Base class of back ends in Python: the clock, energies with their best state, and recordings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.network.references import STATE, EventRef, VariableRef
from bioasm.results import Spikes
from bioasm.runtime.dynamics import Best, Recorded, Samples
from bioasm.runtime.energy import Couplings, Landscape

Array = NDArray[Any]


class PythonDynamics(ABC):
    """Base of back ends, which add the numbers of neurons and lanes, the clock, `read` and `advance`."""

    n: int
    lanes: int
    step: int
    step_length: float

    def __init__(self) -> None:
        self.offset = 0.0
        self.samples: list[Samples] = []
        self.heard: dict[EventRef, list[tuple[int, bool]]] = {}
        self._trace: list[Array] = []
        self.load(Couplings())

    @property
    @abstractmethod
    def energy_neurons(self) -> tuple[int, int]:
        """The first of the neurons that have an energy, and how many there are."""

    @abstractmethod
    def read(self, ref: VariableRef) -> Array:
        """Present values of a variable, (lanes, neurons)."""

    @abstractmethod
    def energy_state(self) -> Array:
        """The present state s that the energy is a function of, (lanes, neurons with an energy)."""

    # --- energies -------------------------------------------------------------------------------------

    def load(self, couplings: Couplings) -> None:
        """Take over new couplings; the best state starts anew."""
        self.landscape = Landscape(self.energy_neurons[1], couplings)
        self.forget_best()

    def forget_best(self) -> None:
        """Reset the best state."""
        self._best = Best.none(self.lanes, self.energy_neurons[1])

    def set_offset(self, offset: float) -> None:
        """Set the offset that is added to the energies of the trace from now on."""
        self.offset = offset

    def energy(self) -> Array:
        """E of the present state without the offset, (lanes,)."""
        s = self.energy_state()
        return self.landscape.energy(s, self.landscape.products(s))

    def best(self) -> Best:
        """The best state so far, and its energy."""
        return self._best

    def trace(self) -> Array:
        """Energies so far with the offset, (lanes, entries)."""
        return np.array(self._trace, np.float64).reshape(len(self._trace), self.lanes).T.copy()

    def final_as_best(self) -> Array:
        """The present state as 0/1."""
        return (self.read(STATE) > 0.5).astype(np.int8)

    def feed_back(self, largest: float) -> Array:
        """Feedback current J s + h, (lanes, n), scaled down so that no magnitude in a lane exceeds `largest` (amperes).

        The energy of s goes into the trace, and s > 1/2 is a candidate for the best state.
        """
        s = self.energy_state()
        one, products = (s > 0.5).astype(np.float64), self.landscape.products(s)
        current = self.landscape.slope(s, products)
        self._trace.append(self.landscape.energy(s, products) + self.offset)
        self._best.see(self.landscape.energy(one), one)
        found = np.abs(current).max(axis=1, keepdims=True)
        return np.asarray(np.where(found > largest, current * (largest / np.maximum(found, largest)), current))

    # --- recordings -----------------------------------------------------------------------------------

    def record(self, ref: VariableRef, every: int, neurons: Array) -> None:
        """Start recording a variable, a sample each `every` steps."""
        self.samples.append(Samples(ref, every, self.step, neurons))

    def stop_recording(self, ref: VariableRef | EventRef) -> None:
        """Stop all recordings of a variable or event."""
        if isinstance(ref, EventRef):
            self.heard.setdefault(ref, []).append((self.step, False))
        for samples in self.samples:
            samples.active = samples.active and not samples.ref.is_recorded_as(ref)

    def record_event(self, ref: EventRef) -> None:
        """Start recording an event with the present step."""
        self.heard.setdefault(ref, []).append((self.step, True))

    def is_heard(self, ref: EventRef, steps: Array) -> Array:
        """Whether an event was recorded in each of these steps, (steps,) bool."""
        changes = [(-1, False), *self.heard.get(ref, ())]
        begun, heard = (np.array(column) for column in zip(*changes, strict=True))
        return np.asarray(heard[np.searchsorted(begun, steps, side="right") - 1])

    def recorded_events(self) -> dict[EventRef, Spikes]:
        """The recorded times of each event: none, where models have none."""
        return {}

    @property
    def recorders(self) -> int:
        """How many recordings are under way."""
        return sum(samples.active for samples in self.samples)

    def recorded(self) -> list[Recorded]:
        """All recordings in the order in which they began."""
        return [samples.recorded(self.lanes) for samples in self.samples]

    def take_samples(self, known: Mapping[VariableRef, Array] | None = None) -> None:
        """Take the samples that are due before the present step; `known` are variables that have been read already."""
        for samples in self.samples:
            if samples.is_due(self.step):
                values = (known or {}).get(samples.ref)
                samples.taken.append((self.read(samples.ref) if values is None else values)[:, samples.neurons])
