"""What the interpreter asks of neurons, whatever simulates them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from bioasm.runtime.energy import Landscape

Array = NDArray[Any]

# Called after a step with the number of steps done; False asks for the run to end there.
Watch = Callable[[int], bool]
# Called when the steps asked for are done: executes what follows and returns how many more there are, 0 to come back.
More = Callable[[], int]


@dataclass
class Samples:
    """One recorded variable: which, how often from which step on, of whom, and the samples so far, each (lanes, neurons)."""

    variable: str
    every: int
    start: int
    neurons: Array
    active: bool = True
    taken: list[Array] = field(default_factory=list)


@dataclass
class Best:
    """The state of lowest energy that was seen, a lane each; energies are infinite where none was."""

    energy: Array
    state: Array

    @classmethod
    def none(cls, lanes: int, n: int) -> Best:
        """Nothing was seen."""
        return cls(np.full(lanes, np.inf), np.zeros((lanes, n), np.int8))

    def see(self, energy: Array, state: Array) -> None:
        """Keep states (lanes, n) where their energies (lanes,) are below all that was seen."""
        better = energy < self.energy
        self.energy = np.where(better, energy, self.energy)
        self.state = np.where(better[:, None], state, self.state).astype(np.int8)


class Guide(NamedTuple):
    """States of another run to go on from, every so many steps.

    `states` are (lanes, samples, neurons) by the name of the variable, a sample every `spacing` steps, which divides `every`.
    """

    states: Mapping[str, Array]
    every: int
    spacing: int


class Dynamics(Protocol):
    """Neurons of one model in several lanes. Arrays of neurons are (lanes, n); times are steps from the start."""

    n: int
    lanes: int
    step: int
    step_length: float
    has_spikes: bool

    @property
    def best(self) -> Best:
        """The best that was seen, energies without offset."""

    @property
    def trace(self) -> list[Array]:
        """Energies of all lanes, each with the offset that held then."""

    def load(self, landscape: Landscape) -> None:
        """Take over new couplings; the best state starts anew."""

    def set_noise(self, level: float) -> None:
        """The level of noise from the next step on."""

    def set_offset(self, offset: float) -> None:
        """What is added to the energies of the trace from now on."""

    def reset(self) -> None:
        """Back to the initial state."""

    def clamp(self, neurons: Array, value: Array | float) -> None:
        """Hold neurons at a value."""

    def free(self, neurons: Array | slice) -> None:
        """Let neurons go."""

    def record(self, samples: Samples) -> None:
        """Begin to take samples."""

    def advance(self, steps: int, watch: Watch, more: More) -> None:
        """Run so many steps, and then as many as `more` asks for; fewer where the watch asks for it."""

    def neurons_of(self, name: str) -> int:
        """How many neurons have a variable."""

    def variable(self, name: str) -> Array:
        """A variable of all neurons now."""

    def energy(self) -> Array:
        """E of the present state without the offset, (lanes,)."""

    @property
    def landscape_neurons(self) -> tuple[int, int]:
        """The first of the neurons that have an energy, and how many there are."""

    def look(self) -> None:
        """Let the present state count for the best, where the model says that it does."""

    def final_as_best(self) -> Array:
        """What stands for the best state where no energy was ever seen."""

    def spikes(self) -> tuple[Array, Array, Array]:
        """Steps, neurons and lanes of all spikes so far, in any order."""

    def fault(self) -> str | None:
        """What left the finite range, or None."""


class Driven(Dynamics, Protocol):
    """Neurons with parameters that change and with inputs. A name of None is the input of currents, or the first port."""

    def set_parameter(self, name: str, value: Array | float) -> str | None:
        """Set a parameter of all neurons, one number or (n,); returns what is wrong with it, or None."""

    def set_input(self, name: str | None, value: Array | float, how: str = ...) -> None:
        """The constant of CUR or INP."""

    def play(self, name: str | None, rows: Array, period: int) -> None:
        """The rows of WAVE or PLAY, one every `period` steps from now."""

    def send(self, target: str | None, steps: Array, neurons: Array, weight: Array | float) -> None:
        """The spikes of SPK or EVT, in steps from now."""

    def bombard(self, target: str | None, rate: Array | float, weight: Array | float) -> None:
        """The Poisson spikes of POI or RATE."""
