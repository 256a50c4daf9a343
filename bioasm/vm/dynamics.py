"""Base class of compiled networks and spins as `Dynamics`: clocks, energies, recordings and spikes of a State."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.network.references import EventRef, InputRef, VariableRef
from bioasm.results import Spikes
from bioasm.runtime.dynamics import Best, Dynamics, Recorded
from bioasm.vm.layout import Ctx, Real
from bioasm.vm.outputs import Outputs, Samples
from bioasm.vm.state import Origin, State

Array = NDArray[Any]


class InputArrays(NamedTuple):
    """An input's constant of one number, its default (one), and the cells that hold the sum of both."""

    added: Array
    default: Array
    sums: tuple[Array, ...]


class CompiledDynamics(Dynamics, ABC):
    """Neurons in a State, with callbacks that the machine sets.

    `refresh` recomputes fields and energies, and returns whether it could; `combine` calls the kernel of MERGE on all lanes,
    `resample_block` that of BLK, and `exchange_parts` that of CXCH on pairs. `notice` is called during long work, and
    returns False where the run is asked to stop.

    `family`, `storage` and `variant` name the kernel; `stale` says that `bind` must be called before it runs.
    """

    family: str
    spiking: bool
    storage = "none"

    def __init__(self, state: State) -> None:
        self.state = state
        self.outputs = Outputs(state, self.spiking, self.cells_of)
        self.refresh: Callable[[], bool] = lambda: False
        self.combine: Callable[[], None] = lambda: None
        self.exchange_parts: Callable[[int], None] = lambda _: None
        self.resample_block: Callable[[], None] = lambda: None
        self.notice: Callable[[str], bool] = lambda _: True

    @property
    def stale(self) -> bool:
        """Whether `bind` must be called before the kernel runs."""
        return False

    @property
    def fields(self) -> str:
        """What numbers the fields of spins are, by which kernels of their moves are named; nothing for others."""
        return ""

    @property
    def key(self) -> tuple[str, str, str]:
        """The key of the present kernel: its family, storage of J and variant."""
        return self.family, self.storage, self.variant

    @property
    @abstractmethod
    def variant(self) -> str:
        """The source or kind of the kernel; with the family and the storage of J its key."""

    def bind(self) -> None:  # noqa: B027  (spins are never stale)
        """Bind the kernel's arrays."""

    @abstractmethod
    def variable(self, ref: VariableRef) -> int:
        """The number of a variable in kernels."""

    @abstractmethod
    def cells_of(self, ref: VariableRef) -> Array | None:
        """The array of cells of float64 that holds a variable, None where it must be computed."""

    @abstractmethod
    def cells_read(self, ref: VariableRef) -> Array | None:
        """The array of cells of any type from which RD reads a variable, None where it must be computed."""

    @abstractmethod
    def written_by_reset(self) -> list[Array] | None:
        """The arrays that `reset` writes, None where it does more, or may write other values each time."""

    def input_arrays(self, ref: InputRef) -> InputArrays:
        """The arrays of an input to which one number is added."""
        raise AssertionError(f"{ref} is an input of no neurons")

    def note_input(self, ref: InputRef, origin: Origin) -> None:
        """Note that an instruction has added one number to an input, which the kernels have done."""

    @property
    @abstractmethod
    def energy_neurons(self) -> tuple[int, int]:
        """The first of the neurons that have an energy, and how many there are."""

    # --- checkpoints --------------------------------------------------------------------------------

    @abstractmethod
    def live(self) -> dict[str, Array]:
        """Mutable arrays of a run, without those of the state, for checkpoints."""

    @abstractmethod
    def chosen(self) -> dict[str, Array]:
        """The values to which parameters and inputs were set, for checkpoints."""

    @abstractmethod
    def origins(self) -> dict[str, list[Origin]]:
        """The instructions whose effects a checkpoint replays."""

    # --- clamps ---------------------------------------------------------------------------------------

    @abstractmethod
    def _note_clamps(self) -> None:
        """Recompute values derived from the set of clamped neurons."""

    def held(self) -> Array:
        """1 for each clamped neuron, (n,)."""
        return self.state["HOLD"]

    def hold(self, held: Array) -> None:
        """Clamp the neurons of a checkpoint's mask at their present values."""
        self.state["HOLD"][:] = held
        self._note_clamps()

    def free(self, neurons: Array | slice) -> None:
        """FREE: end the clamping of neurons."""
        self.state["HOLD"][neurons] = 0
        self._note_clamps()

    # --- clock and noise ----------------------------------------------------------------------------

    @property
    def n(self) -> int:
        """All neurons."""
        return self.state.n

    @property
    def lanes(self) -> int:
        """The number of lanes, without the padding of the last block."""
        return self.state.lanes

    @property
    def step(self) -> int:
        """Steps or sweeps done."""
        return int(self.state.ctx[Ctx.STEP])

    @property
    def step_length(self) -> float:
        """One step in the model's clock: seconds, or 1 sweep."""
        return float(self.state.real[Real.DT])

    def set_noise(self, level: float) -> None:
        """The level of noise from the next step on."""
        self.state.real[[Real.NOISE, Real.NOISE_SET]] = level, 1.0

    def set_levels(self, levels: Array) -> None:
        """The level of noise of each lane (lanes,) from the next step on, where lanes have their own."""
        self.state["LEVEL"][:] = self.state.rows_of_places(levels)
        self.state.real[Real.NOISE_SET] = 1.0

    def set_offset(self, offset: float) -> None:
        """Set the offset that is added to energies from now on."""
        self.state.real[Real.OFFSET] = offset

    # --- energies, spikes, recordings ---------------------------------------------------------------

    def energy(self) -> Array:
        """E of the present state, (lanes,); NaN where the run was stopped while its kernel was compiled."""
        if not self.refresh():
            return np.full(self.lanes, np.nan)
        return np.asarray(self.state["ENERGY"][: self.lanes])

    def best(self) -> Best:
        """The best state so far; the initial state of spins counts too."""
        if self.state.ctx[Ctx.DIRTY] and not self.spiking:
            self.refresh()
        n = self.energy_neurons[1]
        state = self.state.from_cells(self.state["BEST"]) if n else np.zeros((self.lanes, 0), np.int8)
        return Best(self.state["BEST_ENERGY"][: self.lanes], state)

    def trace(self) -> Array:
        """Energies with the offset of all feedback times or sweeps, (lanes, entries)."""
        return self.outputs.energies()

    def spikes(self) -> Spikes:
        """All spikes so far, sorted by lane, time and neuron."""
        return self.outputs.all_spikes(self.step_length)

    def record(self, ref: VariableRef, every: int, neurons: Array) -> None:
        """Start recording a variable."""
        self.outputs.record(Samples(ref, self.variable(ref), every, self.state.origin.step, neurons, self.state.origin.pc))

    def stop_recording(self, ref: VariableRef | EventRef) -> None:
        """End all recordings of a variable or event."""
        self.outputs.stop(ref)

    def record_event(self, ref: EventRef) -> None:
        """Start recording an event."""
        self.outputs.hear(ref)

    def recorded_events(self) -> dict[EventRef, Spikes]:
        """The recorded times of each event."""
        return self.outputs.all_events(self.step_length)

    @property
    def recorders(self) -> int:
        """How many recordings are under way."""
        return sum(samples.active for samples in self.outputs.samples)

    def recorded(self) -> list[Recorded]:
        """All recordings."""
        return self.outputs.recorded()
