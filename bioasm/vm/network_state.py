"""Compiled networks as `Dynamics`: what instructions set and read of all populations of a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.models.algebra import spell
from bioasm.models.base import Parameter
from bioasm.models.expression import Symbol
from bioasm.models.ranges import in_unit_range
from bioasm.network.network import Network
from bioasm.network.references import (
    SPIKE_COUNT,
    STATE,
    InputRef,
    ParameterRef,
    PortRef,
    ProjectionRef,
    VariableRef,
)
from bioasm.runtime.energy import Couplings
from bioasm.runtime.setup import feedback_problem
from bioasm.verifier.gate import Verified
from bioasm.verifier.resolve import shown
from bioasm.vm.codegen.frame import Frame
from bioasm.vm.codegen.source import Generated
from bioasm.vm.codegen.steps import frozen_field, hold_field
from bioasm.vm.couplings import bind_couplings, prepare_for_feedback
from bioasm.vm.dynamics import CompiledDynamics
from bioasm.vm.initial import definition
from bioasm.vm.layout import LIMB_COLUMNS, LIMBS, Block, Ctx, Real
from bioasm.vm.network_arrays import NetworkArrays
from bioasm.vm.network_values import NetworkValues
from bioasm.vm.projections import Projections
from bioasm.vm.state import Origin, State
from bioasm.vm.stimuli import Stimuli

Array = NDArray[Any]


class Populations(CompiledDynamics):
    """All populations of a program in a State: their arrays, values, stimuli and projections.

    `parameters` are one number or one a neuron, by the names that generated source has for them.
    """

    spiking = True
    family = "network"
    frames: type[Frame] = Frame  # how the steps of the source are built

    def __init__(self, state: State, network: Network, verified: Verified, parameters: Mapping[str, float]) -> None:
        super().__init__(state)
        self.network, self.storage = network, ""
        state.real[Real.DT] = parameters["dt"]
        self.arrays = NetworkArrays(state, network, verified, parameters, self.frames)
        self.names = self.arrays.names
        self.parameters: dict[str, Array | float] = {
            i.qualified(p.name): parameters[f"{i.name}.{p.name}"]
            for i in self.names.by_name.values()
            for p in i.model.parameters
        }
        self.stimuli = Stimuli(self.arrays)
        self.values = NetworkValues(self.arrays, self.stimuli, self.parameters)
        self.projections = Projections(self.arrays, parameters, lambda message: self.notice(message))
        self.arrays.note_first()
        self.placed = np.zeros(state.n, np.uint8)  # 1: LDS or CLAMP has put the neuron where it starts
        self._start()
        self.load(Couplings())

    # --- the kernel -----------------------------------------------------------------------------------

    @property
    def stale(self) -> bool:
        """Whether `bind` must be called before the kernel runs: parameters, clamps or couplings have changed."""
        return self.arrays.stale

    @property
    def generated(self) -> Generated:
        """The source that was bound last."""
        assert self.arrays.generated is not None
        return self.arrays.generated

    @property
    def variant(self) -> str:
        """The source or kind of the kernel; with the family and the storage of J its key."""
        return self.generated.source

    def bind(self) -> None:
        """Let the source for the present parameters and clamps find its numbers and arrays."""
        self.projections.connect()
        self.arrays.bind(self.parameters)

    def variable(self, ref: VariableRef) -> int:
        """The number of a variable."""
        return self.arrays.numbered.index(self.names.qualified(ref))

    def cells_of(self, ref: VariableRef) -> Array | None:
        """The array of cells that holds a variable, None where it must be computed."""
        name = self.names.qualified(ref)
        return self.state.fields[name] if name in self.arrays.systems[self.arrays.system_of(name)].states else None

    def neurons_of(self, ref: VariableRef) -> int:
        """How many neurons have a variable."""
        return self.network.populations[self.network.by_name[ref.owner].population].n

    @property
    def coupled(self) -> int | None:
        """The index of the population with the feedback J s + h."""
        return self.arrays.coupled

    @property
    def energy_neurons(self) -> tuple[int, int]:
        """The first neuron of those with the feedback J s + h, and how many there are."""
        if self.coupled is None:
            return 0, 0
        population = self.network.populations[self.coupled]
        return population.first, population.n

    # --- parameters ---------------------------------------------------------------------------------

    def set_parameter(self, ref: ParameterRef | ProjectionRef, value: Array | float) -> str | None:
        """Set a parameter for every neuron, one number or (n,), or a projection's weight; returns what is wrong with it."""
        if isinstance(ref, ProjectionRef):
            self.projections.set_weight(ref.owner, float(value))
            return None
        several = np.asarray(value, np.float64)
        alike = several.ndim == 0 or len(np.unique(several)) <= 1
        self.parameters[self.names.parameter(ref)] = float(several.flat[0]) if alike and several.size else several.copy()
        self.arrays.stale = True
        if self.state.ctx[Ctx.STEP] == 0:
            self._start()  # neurons start as their parameters are when they first run
        return self.parameter_problem()

    def parameter_problem(self) -> str | None:
        """What is wrong with the parameters as they are now; None where nothing is."""
        if self.coupled is None:
            return self.projections.parameter_problem()
        population = self.network.populations[self.coupled]
        feedback = population.model.feedback
        assert feedback is not None
        every = float(self.parameters[f"p{self.coupled}.{feedback.every}"])
        problem = feedback_problem(population.model, every, float(self.state.real[Real.DT]))
        if problem is not None:
            return problem
        s = f"p{self.coupled}.{feedback.source}"
        if population.n and not np.isfinite(self.values.initial(s, self.coupled)).all():
            return f"the state {feedback.source} = {spell(definition(population.model, feedback.source))} has no value"
        return self.projections.parameter_problem()

    # --- reading and resetting ------------------------------------------------------------------------

    def reset(self) -> None:
        """All states as they start, nothing under way; what is clamped stays where it is held."""
        self.placed &= self.state["HOLD"]
        self._start()

    def _start(self) -> None:
        """All states but those that the program has put where they are."""
        for k, (system, own) in enumerate(zip(self.arrays.systems, self.network.populations, strict=True)):
            placed = self.state.per_neuron_to_cells(self.placed[own.first : own.first + own.n]) == 1
            clamp = system.population.qualified(system.population.model.clamp)
            for name in system.states:
                start = self.state.to_cells(self.values.initial(name, k))
                keep = placed & (name == clamp)
                self.state.fields[name][:] = np.where(keep, self.state.fields[name], start)
            if frozen_field(k) in self.state.fields:
                self.state.fields[frozen_field(k)][:] = 0.0
        for name, array in self.state.fields.items():
            if name.startswith(("ring:", "delayed:", "mark:", "events:")):  # `arrived:` is empty between steps
                array[:] = 0
        self.state["FEEDBACK_CURRENT"][:] = 0.0

    def read(self, ref: VariableRef) -> Array:
        """A variable, (lanes, neurons), of one part of the network or of all populations."""
        if ref == STATE:
            return np.concatenate([self._state_of(k) for k in range(len(self.arrays.systems))], axis=1)
        if ref == SPIKE_COUNT:
            return self.state.from_cells(self.state["SPIKE_COUNT"])
        name, population = self.names.qualified(ref), self.network.by_name[ref.owner].population
        if ref.name == "spike_count":
            one = self.network.populations[population]
            return self.state.from_cells(self.state["SPIKE_COUNT"])[:, one.first : one.first + one.n]
        if self.stimuli.is_fed(name, population):
            return self.state.from_cells(self.state["FEEDBACK_CURRENT"])
        return self.values.now(name, population)

    def _state_of(self, population: int) -> Array:
        """What a population's model calls its state."""
        one = self.names.populations[population]
        name = one.qualified(shown(one.model, STATE.name))
        return self.values.now(name, population)

    def final_as_best(self) -> Array:
        """The present state as 0/1, for a run in which no energy was ever seen."""
        return (self.read(STATE) > 0.5).astype(np.int8)

    def non_finite(self) -> str | None:
        """The first variable that is not finite, in words; None where all are."""
        for k, system in enumerate(self.arrays.systems):
            for name in system.states:
                if not np.isfinite(self.state.fields[name]).all():
                    return self._in_words(k, name)
        return None

    def _in_words(self, population: int, qualified: str) -> str:
        identity, _, name = qualified.partition(".")
        one = next(i for i in self.arrays.systems[population].instances if i.id == identity)
        summary = next(s.summary for s in one.model.states if s.name == name)
        called = name if len(self.names.by_name) == 1 else f"{one.name}.{name}"
        return f"{called} ({summary})" if summary else called

    # --- checkpoints --------------------------------------------------------------------------------

    def live(self) -> dict[str, Array]:
        """The fields that a run changes, and who was put where they start."""
        fields = self.arrays.live()
        mine = [name for name in fields if self.stimuli.is_live(name.removeprefix("field."))]
        return {"placed": self.placed} | {name: fields[name] for name in mine}

    def chosen(self) -> dict[str, Array]:
        """Parameters, weights and constant inputs."""
        values = {f"value.{name}": np.asarray(value, np.float64) for name, value in self.parameters.items()}
        return values | self.stimuli.chosen() | self.projections.chosen()

    def origins(self) -> dict[str, list[Origin]]:
        """Which instructions made what a checkpoint makes anew."""
        return self.stimuli.origins()

    def parameters_of(self) -> Iterator[tuple[str, Parameter, int]]:
        """The qualified name of each parameter, the parameter, and how many neurons have it."""
        for instance in self.names.by_name.values():
            n = self.network.populations[self.names.population_of(instance)].n
            yield from ((instance.qualified(p.name), p, n) for p in instance.model.parameters)

    def follow_live(self) -> None:
        """Make anew what follows from the arrays that a checkpoint has filled."""
        self.stimuli.note_rates()
        self.arrays.stale = True

    # --- stimuli --------------------------------------------------------------------------------------

    def set_input(self, ref: InputRef, value: Array | float, how: str) -> None:
        """INP: add a number, or one a neuron, to an input; set the input; or scale it."""
        self.stimuli.set_input(self.names.qualified(ref), value, how)

    def set_waveform(self, ref: InputRef, rows: Array, period: int) -> None:
        """PLAY: rows, one every `period` steps from now."""
        self.stimuli.set_waveform(self.names.qualified(ref), rows, period)

    def set_spike_train(self, ref: PortRef, steps: Array, neurons: Array, weight: Array | float) -> None:
        """EVT: spikes at steps from now."""
        self.stimuli.set_spike_train(self.names.target(ref), steps, neurons, weight)

    def set_poisson(self, ref: PortRef, rate: Array | float, weight: Array | float) -> None:
        """RATE: Poisson spikes, hertz."""
        self.stimuli.set_poisson(self.names.target(ref), rate, weight)

    # --- couplings and clamps -----------------------------------------------------------------------

    def load(self, couplings: Couplings) -> None:
        """Take J, h and terms over. The best state belongs to the couplings, so it starts anew."""
        state = self.state
        if self.coupled is None:
            state.ctx[Ctx.DIRTY] = 1
            return
        n = int(state.ctx[Ctx.COUPLED_N])
        ready = prepare_for_feedback(n, couplings, self._unit_states)
        self.storage = ready.storage
        self.arrays.stale = True
        bind_couplings(state, ready)
        columns = -(-n // LIMB_COLUMNS) * LIMB_COLUMNS
        limbs = state.places * LIMBS * columns if ready.storage == "dense-i1" and state.width == 1 else 1
        state.bind("LIMB", np.zeros(limbs, np.int16))
        state.ctx[Ctx.COUPLED] = int(couplings.loaded)
        state.ctx[Ctx.SYMMETRIC] = int(ready.symmetric)
        self.forget_best()

    @property
    def _unit_states(self) -> bool:
        """Whether the text of the population with the feedback proves that s is in 0..1."""
        k = self.coupled or 0
        feedback = self.network.populations[k].model.feedback
        assert feedback is not None
        return in_unit_range(self.arrays.systems[k].flat(Symbol(f"p{k}.{feedback.source}")))

    def forget_best(self) -> None:
        """No state has been seen."""
        self.state["BEST_ENERGY"][:] = np.inf
        self.state["BLOCK"][:, Block.SYNCED] = 0

    def set_states(self, states: Array) -> None:
        """Go on from values (lanes, n) of the variables that CLAMP holds; clamped neurons stay."""
        self.placed[:] = 1
        free = np.flatnonzero(self.state["HOLD"] == 0)
        self._write_states(free, states[:, free])

    def clamp(self, neurons: Array, levels: Array) -> None:
        """Hold neurons (numbered through), each at its level."""
        self.state["HOLD"][neurons] = 1
        self.placed[neurons] = 1
        self._write_states(neurons, levels[None, :])
        self._note_clamps()

    def _write_states(self, neurons: Array, values: Array) -> None:
        """Put values, a row for all lanes or one for each, into the variables that CLAMP holds of neurons numbered through."""
        rows = values[np.arange(self.state.places) % len(values)]
        for k, population in enumerate(self.network.populations):
            mine = (neurons >= population.first) & (neurons < population.first + population.n)
            if mine.any():
                array = self.state.fields[f"p{k}.{population.model.clamp}"]
                places = self.state.places_of(array)
                places[:, neurons[mine] - population.first] = rows[:, mine]
                array[:] = self.state.to_cells(places)

    def _note_clamps(self) -> None:
        hold = self.state["HOLD"]
        self.state.ctx[Ctx.CLAMPED] = int(hold.any())
        for k, population in enumerate(self.network.populations):
            own = hold[population.first : population.first + population.n]
            self.state.fields[hold_field(k)][:] = self.state.per_neuron_to_cells(own)
        self.forget_best()
        self.arrays.stale = True
