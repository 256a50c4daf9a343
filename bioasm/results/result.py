"""The one Result that every driver returns, with where it came from."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import Diagnostic
from bioasm.isa.labels import BITS, MAXIMIZE, SENSE, VALUES, names_of
from bioasm.models import MODELS
from bioasm.units import Dimension


@dataclass(frozen=True, eq=False, slots=True)
class Spikes:
    """All spikes, sorted by lane, time and neuron: `t` in seconds (float64), `i` and `lane` whole numbers."""

    t: NDArray[np.float64]
    i: NDArray[np.int64]
    lane: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """Samples of one variable: `values` (lanes, times, neurons), `t` (times,) in the model's clock, `neurons` the indices."""

    t: NDArray[np.float64]
    neurons: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """One entry of the results list: what RD or OUT emitted. The first axis of an array is the lane."""

    what: str
    value: NDArray[Any] | float | Spikes


@dataclass(frozen=True, eq=False)
class Result:
    """The outcome of a run.

    Shapes: `energy`, `best_energy` (lanes,); `state`, `best_state`, `spike_count` (lanes, n); `energy_trace` (lanes, entries).
    Energies include the program's offset. `best_energy` is NaN and `best_state` the final one where no energy was ever seen.
    `status` is `finished`, `time limit`, `target reached`, `interrupted`, `out of fuel`, `failed` or `lost`;
    what had been computed by then is in the Result.
    `seconds_per_step` is the length of a step in seconds, 1 where the model counts in sweeps. `clock` is what it counts in;
    NONE where that is for the shipped model of that name to say. `metadata` are the words of the program about itself.
    """

    driver: str
    model: str
    n: int
    lanes: int
    seed: int
    program_sha256: str
    versions: Mapping[str, str]
    timing: Mapping[str, float]
    results: tuple[Reading, ...]
    state: NDArray[np.float64]
    energy: NDArray[np.float64]
    best_energy: NDArray[np.float64]
    best_state: NDArray[np.int8]
    energy_trace: NDArray[np.float64]
    spikes: Spikes
    spike_count: NDArray[np.int64]
    recordings: Mapping[str, Recording] = field(default_factory=dict)
    steps: int = 0
    seconds_per_step: float = 1.0
    status: str = "finished"
    diagnostics: tuple[Diagnostic, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)
    clock: Dimension = Dimension.NONE
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[Hashable, ...]:
        """The names of the variables where the program gives them (`.meta names`), one a neuron; else none."""
        names = names_of(self.metadata)
        return names if len(names) == self.n else ()

    @property
    def in_bits(self) -> bool:
        """Whether the problem speaks of bits 0 and 1, where the model has spins: a bit is (1 + s)/2."""
        return self.metadata.get(VALUES) == BITS

    @property
    def maximizes(self) -> bool:
        """Whether the problem's objective is minus the energy."""
        return self.metadata.get(SENSE) == MAXIMIZE

    @property
    def time(self) -> float:
        """How long the dynamics ran, in the model's clock: seconds or sweeps."""
        return self.steps * self.seconds_per_step

    @property
    def counts_sweeps(self) -> bool:
        """Whether the run counted in sweeps, as models of spins do, and not in seconds."""
        if self.clock is not Dimension.NONE or self.model not in MODELS:
            return self.clock is Dimension.SWEEPS
        return MODELS[self.model].clock is Dimension.SWEEPS

    @property
    def energy_history(self) -> list[float]:
        """The energy trace of lane 0 as a list (pykoppu's second item)."""
        return [float(e) for e in self.energy_trace[0]]

    @property
    def spike_data(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Spike times in milliseconds and neuron indices of lane 0 (pykoppu's third item)."""
        mine = self.spikes.lane == 0
        return self.spikes.t[mine] * 1e3, self.spikes.i[mine]
