"""The protocol `Dynamics` between instructions and back ends: every instruction is defined over its methods.

Arrays of neurons are (lanes, n), float64 unless said otherwise; neurons are numbered consecutively over all populations. Times
are whole steps from the start. Energies are without the program's offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bioasm.network.references import EventRef, InputRef, ParameterRef, PortRef, ProjectionRef, VariableRef
from bioasm.results import Spikes
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.energy import Couplings

Array = NDArray[Any]

# Called after a step with the number of steps done; False asks for the run to end there.
Watch = Callable[[int], bool]
# Called when the steps asked for are done: executes what follows and returns how many more there are, 0 to come back.
More = Callable[[], int]


class Recorded(NamedTuple):
    """The samples of one recorded variable, `values` (lanes, samples, neurons): every `every` steps from `start` on."""

    ref: VariableRef
    every: int
    start: int
    neurons: Array
    values: Array


@dataclass
class Samples:
    """Recorder of a variable in Python: interval and first step, neurons, and the samples so far, each (lanes, neurons)."""

    ref: VariableRef
    every: int
    start: int
    neurons: Array
    active: bool = True
    taken: list[Array] = field(default_factory=list)

    def is_due(self, step: int) -> bool:
        """Whether a sample is taken before the step that starts here."""
        return self.active and (step - self.start) % self.every == 0

    def recorded(self, lanes: int) -> Recorded:
        """The samples so far."""
        shape = len(self.taken), lanes, len(self.neurons)
        values = np.array(self.taken, np.float64).reshape(shape).transpose(1, 0, 2)
        return Recorded(self.ref, self.every, self.start, self.neurons, values)


@dataclass
class Best:
    """Best state per lane: states (lanes, n) int8, spins or s > 1/2, and energies (lanes,), infinite where none was seen."""

    energy: Array
    state: Array

    @classmethod
    def none(cls, lanes: int, n: int) -> Best:
        """The value before any state was seen."""
        return cls(np.full(lanes, np.inf), np.zeros((lanes, n), np.int8))

    def see(self, energy: Array, state: Array) -> None:
        """Keep states (lanes, n) where their energies (lanes,) are lower than the best so far."""
        better = energy < self.energy
        self.energy = np.where(better, energy, self.energy)
        self.state = np.where(better[:, None], state, self.state).astype(np.int8)


class Guide(NamedTuple):
    """States of another run to go on from, every so many steps.

    `states` are (lanes, samples, neurons) by variable, a sample every `spacing` steps, which divides `every`.
    """

    states: Mapping[VariableRef, Array]
    every: int
    spacing: int


def no_spikes() -> Spikes:
    """The spikes of a run without any."""
    return Spikes(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))


def sorted_spikes(steps: Array, neuron: Array, lane: Array, seconds: float) -> Spikes:
    """Spikes of a Result, sorted by lane, time and neuron, from spikes in any order; `seconds` is the length of a step."""
    order = np.lexsort((neuron, steps, lane))
    return Spikes(steps[order] * seconds, neuron[order], lane[order])


class Dynamics(Protocol):
    """Neurons in several lanes: the operations that the core instructions need."""

    @property
    def n(self) -> int:
        """All neurons."""

    @property
    def lanes(self) -> int:
        """Independent copies of them."""

    @property
    def step(self) -> int:
        """Steps done."""

    @property
    def step_length(self) -> float:
        """One step in the model's clock: seconds, or 1 sweep."""

    @property
    def energy_neurons(self) -> tuple[int, int]:
        """The first of the neurons that have an energy, and how many there are."""

    def parameter_problem(self) -> str | None:
        """The fault of the parameters, found when the neurons are made, or None."""

    def load(self, couplings: Couplings) -> None:
        """Take over new couplings; the best state starts anew."""

    def set_noise(self, level: float) -> None:
        """The level of noise from the next step on: volts, or a temperature."""

    def set_offset(self, offset: float) -> None:
        """Set the offset that is added to the energies of the trace from now on."""

    def reset(self) -> None:
        """Set all neurons that are not clamped to their initial state. The clock goes on."""

    def read(self, ref: VariableRef) -> Array:
        """Present values of a variable, (lanes, neurons)."""

    def neurons_of(self, ref: VariableRef) -> int:
        """How many neurons have a variable."""

    def energy(self) -> Array:
        """E of the present state, (lanes,)."""

    def best(self) -> Best:
        """The best state so far; of spins the present state included."""

    def final_as_best(self) -> Array:
        """The present state in the form of a best state, used where no energy was computed."""

    def trace(self) -> Array:
        """Energies over the run, (lanes, entries), each with the offset that held then."""

    def spikes(self) -> Spikes:
        """All spikes so far, sorted by lane, time and neuron; times in seconds."""

    def non_finite(self) -> str | None:
        """The quantity that left the finite range, or None."""


class Driven(Dynamics, Protocol):
    """Neurons with parameters that change and inputs from outside, that can be recorded and clamped.

    Where a reference is to a part, values are those of its neurons alone, and the other neurons keep theirs
    (`bioasm.runtime.parts`); indices of neurons still count from 0 in the owner.
    """

    def set_parameter(self, ref: ParameterRef | ProjectionRef, value: Array | float) -> str | None:
        """Set a parameter of all neurons, one number or (n,), or of a synapse; returns what is wrong, or None."""

    def set_weight(self, ref: ProjectionRef, values: ConnectionValues) -> None:
        """Set the weights of a projection, or the factors of those of a matrix."""

    def set_states(self, states: Array) -> None:
        """LDS: set the clampable variable of all neurons that are not clamped, (lanes, n)."""

    def set_state(self, ref: VariableRef, value: Array | float) -> None:
        """SET of a state: one number, one a neuron (n,) or (lanes, n); clamped neurons keep their level."""

    def set_input(self, ref: InputRef, value: Array | float, how: str) -> None:
        """INP: add a number, or one a neuron, to an input; set the input; or scale it."""

    def set_waveform(self, ref: InputRef, rows: Array, period: int) -> None:
        """PLAY: rows (1 or n numbers), one every `period` steps from now."""

    def set_spike_train(self, ref: PortRef, steps: Array, neurons: Array, weight: Array | float) -> None:
        """EVT: spikes at `steps` from now, in ascending order, to `neurons` of the port's owner."""

    def set_poisson(self, ref: PortRef, rate: Array | float, weight: Array | float) -> None:
        """RATE: Poisson spike trains; `rate` in hertz."""

    def clamp(self, neurons: Array, levels: Array) -> None:
        """CLAMP: hold neurons, each at its level."""

    def free(self, neurons: Array | slice) -> None:
        """FREE: end the clamping of neurons."""

    def record(self, ref: VariableRef, every: int, neurons: Array) -> None:
        """Start recording a variable; samples are taken before a step."""

    def stop_recording(self, ref: VariableRef | EventRef) -> None:
        """Stop all recordings of a variable or event; recorded data are kept."""

    def record_event(self, ref: EventRef) -> None:
        """Start or resume recording the steps and neurons of an event."""

    def recorded_events(self) -> Mapping[EventRef, Spikes]:
        """The recorded times of each event that the program records, sorted and numbered as spikes."""

    @property
    def recorders(self) -> int:
        """How many recordings are under way."""

    def recorded(self) -> Iterable[Recorded]:
        """All recordings in the order in which they began."""


class Levelled(Dynamics, Protocol):
    """Neurons whose lanes can have levels of noise of their own."""

    def set_levels(self, levels: Array) -> None:
        """SIG with a level for each lane (lanes,), from the next step on."""


class Merging(Dynamics, Protocol):
    """Spins that support MERGE: optimal recombination of the best state with other states."""

    def merge(self, shift: int) -> None:
        """MERGE: each lane's best state takes over components of its spins, or of the best state `shift` lanes on."""


class Exchanging(Dynamics, Protocol):
    """Spins that support exchange between lanes. `mirrored`: whether a state and its complement have the same energy."""

    mirrored: bool

    def exchange_components(self, phase: int, mirrored: bool) -> None:
        """CXCH: heat bath over the components in which neighbouring lanes differ.

        If `mirrored`, a coin for each pair decides whether one is compared with the other's complement.
        """

    def exchange_wholes(self, phase: int) -> None:
        """CXCH by whole states."""

    def copy_better(self, shift: int) -> None:
        """COPY: each lane takes the spins of the lane `shift` places on where that one's energy is lower."""


class Resampling(Dynamics, Protocol):
    """Spins that support BLK: exact resampling of blocks."""

    def resample(self, blocks: Sequence[Array]) -> None:
        """BLK: block Gibbs sampling; each block, an order of spins (int32), is drawn given all other spins, in turn."""


class Advancing(Driven, Protocol):
    """Back ends that the interpreter advances by many steps. One may ignore `more`, and is then called again."""

    def advance(self, steps: int, watch: Watch, more: More) -> None:
        """Run `steps` steps, then as many as `more` asks for; stops early where `watch` returns False."""
