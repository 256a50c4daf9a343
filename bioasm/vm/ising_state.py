"""The host's half of Ising spins: their arrays and what can be read from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.network.references import STATE, VariableRef
from bioasm.runtime.energy import Couplings
from bioasm.runtime.random import initial_spins
from bioasm.runtime.setup import rule_problem
from bioasm.vm.couplings import bind_couplings, prepare_for_energy
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.layout import DRAWN, Ctx, Real
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
        self.loaded = False  # whether any coupling was
        self._start()
        self.load(Couplings())

    def parameter_problem(self) -> str | None:
        """What is wrong with parameters that registers or options have set, seen at ALC; None where nothing is."""
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

    def neurons_of(self, ref: VariableRef) -> int:
        """How many spins have a variable."""
        return self.state.n

    def non_finite(self) -> str | None:
        """What is not finite, in words; None where all is."""
        return None if np.isfinite(self.state["ENERGY"]).all() else "an energy"

    def live(self) -> dict[str, Array]:
        """Arrays that a run changes, without those of the state: none."""
        return {}

    def chosen(self) -> dict[str, Array]:
        """What was set of mechanisms and inputs: there are none."""
        return {}

    def origins(self) -> dict[str, list[Origin]]:
        """Which instructions made what a checkpoint makes anew: none."""
        return {}

    def follow_live(self) -> None:
        """Nothing follows from the arrays that a checkpoint has filled."""

    @property
    def variant(self) -> str:
        """`whole` where fields are integers, else `real`."""
        return "whole" if self.state["FIELD"].dtype == np.int32 else "real"

    def load(self, couplings: Couplings) -> None:
        """Take J, h and terms over. The best state belongs to the couplings, so it starts anew."""
        state = self.state
        ready = prepare_for_energy(state.n, couplings)
        self.storage, self.loaded = ready.storage, couplings.loaded
        bind_couplings(state, ready)
        kind = np.int32 if ready.whole else np.float64
        state.bind("FIELD", np.zeros(state.cells, kind))
        state.bind("THRESHOLD", np.zeros(2 * state.cells, kind))
        state.bind("DELTA", np.zeros(state.places, kind))
        state.bind("CHANGE", np.zeros(state.places, np.int64 if ready.whole else np.float64))
        state.bind("PRODUCT", np.zeros((len(ready.term_start) - 1) * state.places, np.int8))
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
        lanes, neurons = np.arange(state.places, dtype=np.uint32), np.arange(state.n, dtype=np.uint32)
        start = state.to_cells(initial_spins(state.seed, lanes[:, None], neurons[None, :]))
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

    def clamp(self, neurons: Array, levels: Array) -> None:
        """Hold spins at -1 or +1."""
        self.state["HOLD"][neurons] = 1
        spins = self.state.places_of(self.state["SPIN"])
        spins[:, neurons] = levels
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
