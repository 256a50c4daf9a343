"""The host's half of Ising spins: their arrays and what can be read from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.network.references import STATE, VariableRef
from bioasm.runtime.energy import Couplings
from bioasm.runtime.random import STREAM_EXCHANGE, STREAM_MERGE, initial_spins, lane_key, threefry
from bioasm.runtime.setup import rule_problem
from bioasm.runtime.streams import exponentials
from bioasm.vm.background import Abandoned, Lookout
from bioasm.vm.block_arrays import BlockArrays
from bioasm.vm.couplings import bind_couplings, prepare_for_energy
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.layout import DRAWN, Ctx, Real
from bioasm.vm.narrow import bind_narrow
from bioasm.vm.packing import bind_packed
from bioasm.vm.state import Origin, State

Array = NDArray[Any]


class Spins(CompiledDynamics):
    """Ising spins in a State."""

    spiking = False
    family = "ising"

    def __init__(self, state: State, name: str, parameters: dict[str, float]) -> None:
        """`name` is the population's, by which its parameters are kept."""
        super().__init__(state)
        self.rule = parameters.get(f"{name}.rule", 0.0)  # a model of the program's own need not offer both
        state.ctx[Ctx.RULE] = int(self.rule)
        state.bind("VARIABLE_N", np.full(1, state.n))
        state.bind("POPULATION", np.array([[0, state.n]], np.int64))
        state.bind("SPIN", np.zeros(state.cells, np.int8))
        state.bind("BEST", np.zeros(state.cells, np.int8))
        state.bind("ENERGY", np.zeros(state.places))
        state.bind("BEST_ENERGY", np.full(state.places, np.inf))
        state.bind("HOLD", np.zeros(state.n, np.uint8))
        state.bind("DRAWN", np.zeros(2 * DRAWN * state.blocks, np.float32))
        self.packed = False  # whether the kernel is that of packed spins
        self.loaded = False  # whether any coupling was
        self._block_arrays: BlockArrays | None = None
        self._look = Lookout(lambda: self.notice("drawing blocks"))
        self._start()
        self.load(Couplings())

    def parameter_problem(self) -> str | None:
        """The fault of parameters that registers or options have set, seen at ALC, or None."""
        return rule_problem(self.rule)

    @property
    def energy_neurons(self) -> tuple[int, int]:
        """The first spin of those that have an energy, and how many have: all."""
        return 0, self.state.n

    def variable(self, ref: VariableRef) -> int:
        """The number of a variable: there is only one."""
        return 0

    def cells_of(self, ref: VariableRef) -> Array | None:
        """The array of float64 that holds a variable: spins are narrower."""
        return None

    def cells_read(self, ref: VariableRef) -> Array | None:
        """The spins."""
        return self.state["SPIN"]

    def written_by_reset(self) -> list[Array] | None:
        """The spins; None without couplings, where best states are seen without a kernel."""
        return [self.state["SPIN"]] if self.loaded else None

    def neurons_of(self, ref: VariableRef) -> int:
        """How many spins have a variable."""
        return self.state.n

    def non_finite(self) -> str | None:
        """The quantity that is not finite, in words; None where all are."""
        return None if np.isfinite(self.state["ENERGY"]).all() else "an energy"

    def live(self) -> dict[str, Array]:
        """Arrays that a run changes, without those of the state: none. Fields are computed first if spins are packed.

        A run of packed spins leaves no fields, and a checkpoint is for kernels that need them too. Energies stay as the run had
        them: computed anew they may have other last digits.
        """
        if self.packed and self.loaded and not self.state.ctx[Ctx.DIRTY]:
            self.state.ctx[Ctx.DIRTY] = 1
            kept = {name: self.state[name].copy() for name in ("ENERGY", "BEST", "BEST_ENERGY")}
            self.refresh()
            for name, values in kept.items():
                self.state[name][:] = values
        return {}

    def chosen(self) -> dict[str, Array]:
        """The values that mechanisms and inputs were set to: there are none."""
        return {}

    def origins(self) -> dict[str, list[Origin]]:
        """Which instructions made what a checkpoint makes anew: none."""
        return {}

    @property
    def variant(self) -> str:
        """`real` fields, `whole` ones, or whole ones of packed spins: `packed`."""
        return "packed" if self.packed else self.fields

    @property
    def fields(self) -> str:
        """`whole` where fields are integers, else `real`."""
        return "whole" if self.state["FIELD"].dtype == np.int32 else "real"

    def load(self, couplings: Couplings) -> None:
        """Take J, h and terms over. The best state belongs to the couplings, so it starts anew."""
        state, self._block_arrays = self.state, None
        ready = prepare_for_energy(state.n, couplings)
        self.storage, self.loaded = ready.storage, couplings.loaded
        even = not (np.diff(ready.term_start) & 1).any()
        self.mirrored = even and not ready.h.any()  # whether a state and its complement have one energy
        bind_couplings(state, ready)
        kind = np.int32 if ready.whole else np.float64
        self.packed = bind_packed(state, ready)
        state.bind("FIELD", np.zeros(state.cells, kind))
        state.bind("THRESHOLD", np.zeros(0 if self.packed else 2 * (state.cells + state.blocks), kind))
        state.bind("DELTA", np.zeros(state.places, kind))
        state.bind("CHANGE", np.zeros(state.places, np.int64 if ready.whole else np.float64))
        state.bind("PRODUCT", np.zeros((len(ready.term_start) - 1) * state.places, np.int8))
        bind_narrow(state, ready)
        state.real[Real.SCALE] = ready.scale
        state.real[Real.CONSTANT] = ready.constant
        self.forget_best()

    def forget_best(self) -> None:
        """No state has been seen."""
        self.state["BEST_ENERGY"][:] = np.inf

    def _count(self) -> None:
        """Let the present spins count for the best state, also where no sweep led to them, before others replace them."""
        if self.loaded and self.state.ctx[Ctx.DIRTY]:
            self.refresh()
        elif not self.loaded:  # every energy is 0, which needs no kernel
            first = self.state["BEST_ENERGY"] == np.inf
            cells = self.state.to_cells(np.repeat(first[:, None], self.state.n, axis=1))
            self.state["BEST"][cells], self.state["BEST_ENERGY"][first] = self.state["SPIN"][cells], 0.0

    def reset(self) -> None:
        """Every spin at random, from the seed; clamped ones stay where they are held."""
        self._count()
        self._start()

    def _start(self) -> None:
        state = self.state
        neurons = np.arange(state.n, dtype=np.uint32)
        start = state.to_cells(initial_spins(state.seed, state.numbers[:, None], neurons[None, :]))
        held = state.per_neuron_to_cells(state["HOLD"]) == 1
        state["SPIN"][:] = np.where(held, state["SPIN"], start)
        state.ctx[Ctx.DIRTY] = 1

    def set_states(self, states: Array) -> None:
        """Go on from spins (lanes, n); clamped ones stay."""
        self._count()
        spins = self.state.places_of(self.state["SPIN"])
        free = self.state["HOLD"] == 0
        spins[: self.state.lanes, free] = states[:, free]
        self.state["SPIN"][:] = self.state.to_cells(spins)
        self.state.ctx[Ctx.DIRTY] = 1

    def merge(self, shift: int) -> None:
        """MERGE: components of the difference from the spins, or from the best state of the lane `shift` places on.

        With one lane there is no other. Nothing is merged where no couplings were loaded: then all energies are equal.
        """
        self._count()
        if self.loaded and np.isfinite(self.state["BEST_ENERGY"][: self.lanes]).all():
            self._prepare_merge(shift % self.lanes)
            self.combine()
            self.state.ctx[Ctx.DIRTY] = 1

    def _prepare_merge(self, shift: int) -> None:
        state = self.state
        self._make_scratch()
        if state["MERGE_KEY"].dtype != np.uint32:
            state.bind("MERGE_KEY", np.stack(lane_key(state.seed, state.numbers, STREAM_MERGE)))
        other = state["SPIN"]
        if shift:
            best = state.places_of(state["BEST"]).copy()
            best[: self.lanes] = np.roll(best[: self.lanes], -shift, axis=0)
            other = state.to_cells(best)
        state.bind("MERGE_OTHER", other)
        state.ctx[Ctx.MERGE_SIGN] = 0 if not self.mirrored else 2 if shift else 1

    def _make_scratch(self) -> None:
        """Arrays for the labels of spins and the search of components, where there are none yet."""
        if self.state["MERGE_LABEL"].dtype != np.int32:
            for name in ("MERGE_LABEL", "MERGE_QUEUE"):
                self.state.bind(name, np.zeros(self.state.blocks * self.state.n, np.int32))

    def exchange_components(self, phase: int, mirrored: bool) -> None:
        """CXCH: the kernel swaps components of neighbouring lanes. Nothing is exchanged where no couplings were loaded."""
        self._count()
        state = self.state
        if self.loaded:
            rows = np.ascontiguousarray(state.places_of(state["SPIN"]))
            self._prepare_exchange(rows, mirrored)
            self.exchange_parts(phase)
            self._go_on_from(rows)
        state.ctx[Ctx.EXCHANGES] += 1

    def _prepare_exchange(self, rows: Array, mirrored: bool) -> None:
        state = self.state
        self._make_scratch()
        if state["EXCHANGE_KEY"].dtype != np.uint32:
            state.bind("EXCHANGE_KEY", np.stack(lane_key(state.seed, state.numbers, STREAM_EXCHANGE)))
        state.bind("EXCHANGE_ROW", rows)
        state.bind("EXCHANGE_LEVEL", self.temperatures)
        state.ctx[[Ctx.EXCHANGE_LANES, Ctx.EXCHANGE_MIRRORED]] = self.lanes, int(mirrored)

    @property
    def temperatures(self) -> Array:
        """The temperature of each lane, (lanes,)."""
        own = self.state.levels
        return np.full(self.lanes, self.state.real[Real.NOISE]) if own is None else own[: self.lanes].copy()

    def exchange_wholes(self, phase: int) -> None:
        """CXCH by whole states: an exponential number decides for each pair."""
        self._count()
        state, energy = self.state, self.energy()
        lower = np.arange(phase, self.lanes - 1, 2)
        key = lane_key(state.seed, state.numbers[lower], STREAM_EXCHANGE)
        count = int(state.ctx[Ctx.EXCHANGES])
        number = exponentials(*threefry(key, (np.uint32(0), np.uint32(count >> 1))))[count & 1]
        rows = np.ascontiguousarray(state.places_of(state["SPIN"]))
        held = (rows[lower] != rows[lower + 1])[:, state["HOLD"] == 1].any(axis=1)
        temperature, delta = self.temperatures, energy[lower + 1] - energy[lower]
        scaled = (temperature[lower + 1] - temperature[lower]) * delta
        with np.errstate(over="ignore", invalid="ignore"):
            swapped = lower[(scaled <= temperature[lower] * temperature[lower + 1] * number) & ~held]
        rows[swapped], rows[swapped + 1] = rows[swapped + 1], rows[swapped]
        self._go_on_from(rows)
        state.ctx[Ctx.EXCHANGES] += 1

    def copy_better(self, shift: int) -> None:
        """COPY: spins of the lane `shift` places on, where its energy is lower; clamped ones stay."""
        self._count()
        lanes, energy = np.arange(self.lanes), self.energy()
        other = (lanes + shift) % self.lanes
        taker = lanes[energy[other] < energy]
        rows, free = np.ascontiguousarray(self.state.places_of(self.state["SPIN"])), self.state["HOLD"] == 0
        rows[np.ix_(taker, free)] = rows[np.ix_(other[taker], free)]
        self._go_on_from(rows)

    def _go_on_from(self, rows: Array) -> None:
        """Take the spins of all places, (places, n)."""
        self.state["SPIN"][:] = self.state.to_cells(rows)
        self.state.ctx[Ctx.DIRTY] = 1

    def resample(self, blocks: Sequence[Array]) -> None:
        """BLK: draw one block after another, given all other spins. A run that is asked to stop meanwhile has drawn none."""
        self._count()
        plan, state = self.graph_of_blocks, self.state
        spins, moves = state["SPIN"].copy(), int(state.ctx[Ctx.PLAN_MOVES])
        state.ctx[Ctx.DIRTY] = 1
        try:
            for order in blocks:
                if state.ctx[Ctx.PLAN_MOVES] > moves:
                    self._look()
                plan.prepare(order)
                self.resample_block()
                state.ctx[Ctx.PLAN_MOVES] += 1
        except Abandoned:
            state["SPIN"][:], state.ctx[Ctx.PLAN_MOVES] = spins, moves
            raise

    @property
    def graph_of_blocks(self) -> BlockArrays:
        """The arrays of the kernel of BLK for the couplings of this moment."""
        if self._block_arrays is None:
            self._block_arrays = BlockArrays(self.state, self.storage)
        return self._block_arrays

    def clamp(self, neurons: Array, levels: Array) -> None:
        """Hold spins at -1 or +1, (neurons,) or (lanes, neurons)."""
        self.state["HOLD"][neurons] = 1
        spins = self.state.places_of(self.state["SPIN"])
        spins[:, neurons] = self.state.rows_of_places(levels) if levels.ndim == 2 else levels
        self.state["SPIN"][:] = self.state.to_cells(spins)
        self._note_clamps()

    def _note_clamps(self) -> None:
        self.state.ctx[Ctx.CLAMPED] = int(self.state["HOLD"].any())
        self.state.ctx[Ctx.DIRTY] = 1
        self.forget_best()

    def read(self, ref: VariableRef) -> Array:
        """The spins, (lanes, n)."""
        return self.state.from_cells(self.state["SPIN"])

    def final_as_best(self) -> Array:
        """The present spins, for a run in which no energy was ever seen."""
        return self.read(STATE)
