"""Compiled networks as `Dynamics`: settings and readings of all populations of a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.models.algebra import spell
from bioasm.models.base import Parameter
from bioasm.models.expression import Symbol
from bioasm.models.ranges import in_unit_range, is_zero_or_one
from bioasm.network.network import Network, Population
from bioasm.network.references import (
    SPIKE_COUNT,
    STATE,
    EventRef,
    InputRef,
    ParameterRef,
    PortRef,
    ProjectionRef,
    VariableRef,
)
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.energy import Couplings
from bioasm.runtime.parts import overlaid, place
from bioasm.runtime.setup import feedback_problem, recorded_events
from bioasm.verifier.gate import Verified
from bioasm.verifier.resolve import shown
from bioasm.vm.cable_arrays import lay_out, look
from bioasm.vm.codegen.frame import Frame
from bioasm.vm.codegen.source import Generated
from bioasm.vm.codegen.steps import frozen_field, hold_field
from bioasm.vm.codegen.system import COUPLED, System, level_field
from bioasm.vm.couplings import bind_couplings, has_exact_fields, prepare_for_feedback
from bioasm.vm.dynamics import CompiledDynamics, InputArrays
from bioasm.vm.initial import definition
from bioasm.vm.layout import LIMB_COLUMNS, LIMBS, Block, Ctx, Real
from bioasm.vm.names import NameTable
from bioasm.vm.network_arrays import NetworkArrays
from bioasm.vm.network_values import NetworkValues
from bioasm.vm.projections import Projections
from bioasm.vm.state import Origin, State
from bioasm.vm.stimuli import Stimuli
from bioasm.vm.synapses import Synapse

Array = NDArray[Any]
_UNDER_WAY = ("ring:", "delayed:", "mark:", "events:", "spiked:", "spikes_of:", COUPLED)  # `arrived:` is empty between steps


class Populations(CompiledDynamics):
    """All populations of a program in a State: their arrays, values, stimuli and projections.

    `parameters` are one number, one a neuron or a row for each place, by qualified name.
    """

    spiking = True
    family = "network"
    frames: type[Frame] = Frame  # the Frame class of the source

    def __init__(
        self,
        state: State,
        network: Network,
        verified: Verified,
        parameters: Mapping[str, float],
        apart: Mapping[str, frozenset[str]] = MappingProxyType({}),
    ) -> None:
        """`apart` are, by projection, the names of its parameters and states with values of the lanes' own."""
        super().__init__(state)
        self.network, self.storage = network, ""
        state.real[Real.DT] = parameters["dt"]
        self.arrays = NetworkArrays(state, network, NameTable(network, verified, apart), parameters, self.frames)
        self.names = self.arrays.names
        self.parameters: dict[str, Array | float] = {
            i.qualified(p.name): parameters[f"{i.name}.{p.name}"]
            for i in self.names.by_name.values()
            for p in i.model.parameters
        }
        self.parameters |= {
            i.qualified(p.name): parameters.get(f"{name}.{p.name}", p.default)
            for name, i in self.names.synapses.items()
            for p in i.model.parameters
        }
        self.stimuli = Stimuli(self.arrays)
        self.values = NetworkValues(self.arrays, self.stimuli, self.parameters)
        self.projections = Projections(self.arrays, parameters, self.parameters, lambda message: self.notice(message))
        for one in network.cables:
            lay_out(self.arrays, one)
        self.arrays.note_first()
        self._add_events(recorded_events(verified))
        self.placed = np.zeros(state.n, np.uint8)  # 1: LDS, CLAMP or SET has set the neuron's initial state
        self.given = np.zeros(sum(size for _, size in self._states), np.uint8)  # 1: SET has given the neuron this state
        self._start()
        self.load(Couplings())

    def _add_events(self, refs: tuple[EventRef, ...]) -> None:
        """Allocate the events that the program records, each with a range of ids in kernels."""
        homes = [self.network.populations[self.names.population_of(self.names.by_name[ref.owner])] for ref in refs]
        if refs:
            self.outputs.add_events({ref: (home.first, home.n) for ref, home in zip(refs, homes, strict=True)})
        self.state.wholes |= {f"id:{self.names.event(one.ref)}": one.first_id for one in self.outputs.events}

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
        """Bind the numbers and arrays of the source for the present parameters and clamps."""
        self.projections.connect()
        self.stimuli.bind_waves()
        self.arrays.bind(self.parameters | self._levels())

    def _levels(self) -> dict[str, Array]:
        """The noise levels (places, 1) of each population by field; empty where all lanes have the same."""
        if self.state.levels is None:
            return {}
        return {level_field(f"p{k}"): self.values.levels(k) for k in range(len(self.network.populations))}

    def set_levels(self, levels: Array) -> None:
        """The level of noise of each lane, (lanes,)."""
        super().set_levels(levels)
        self.arrays.stale = True

    def variable(self, ref: VariableRef) -> int:
        """The number of a variable."""
        return self.arrays.numbered.index(self.names.qualified(ref))

    def cells_of(self, ref: VariableRef) -> Array | None:
        """The array of cells that holds a variable, None where it must be computed."""
        if ref.owner in self.projections.synapses:
            return self._synapse(ref.owner).cells_of(ref.name)
        name = self.names.qualified(ref)
        return self.state.fields[name] if name in self.arrays.systems[self.arrays.system_of(name)].states else None

    def cells_read(self, ref: VariableRef) -> Array | None:
        """The array of cells from which RD reads a variable of neurons, None where it must be computed."""
        if ref == SPIKE_COUNT:
            return self.state["SPIKE_COUNT"]
        return self.cells_of(ref) if ref.owner in self.names.by_name and ref.name != SPIKE_COUNT.name else None

    def neurons_of(self, ref: VariableRef) -> int:
        """How many neurons have a variable; of a projection, connections."""
        if ref.owner in self.projections.synapses:
            return self._synapse(ref.owner).edges
        return self._population_of(ref.owner).n

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

    def set_weight(self, ref: ProjectionRef, values: ConnectionValues) -> None:
        """Set the weights of a projection, or the factors of those of a matrix."""
        self.projections.set_weight(ref.owner, values)

    def set_parameter(self, ref: ParameterRef | ProjectionRef, value: Array | float) -> str | None:
        """Set a parameter, one number, (n,) or (lanes, 1), or of a projection's synapse; returns its fault, or None.

        A value common to all neurons is kept as one number, and the kernel reads one.
        """
        if isinstance(ref, ProjectionRef):
            return self._set_of_projection(ref, value)
        several = np.asarray(value, np.float64)
        several = self.state.rows_of_places(several) if several.ndim == 2 else several
        name, n = self.names.parameter(ref), self._population_of(ref.owner).n
        several = np.asarray(overlaid(self.parameters[name], several, ref.part, n), np.float64)
        alike = several.ndim == 0 or len(np.unique(several)) <= 1
        self.parameters[name] = float(several.flat[0]) if alike and several.size else several.copy()
        self.arrays.stale = True
        if self.state.ctx[Ctx.STEP] == 0:
            self._start()  # initial states use the parameters at the first step
        return self.parameter_problem()

    def _synapse(self, name: str) -> Synapse:
        """The synapse of a projection, whose connections are made on first use."""
        found = self.projections.ensure(name)
        assert found is not None
        return found

    def _set_of_projection(self, ref: ProjectionRef, value: Array | float) -> str | None:
        """Set a parameter or state of a projection's synapse: one number, one a connection, or a row a lane."""
        name, synapse = ref.parameter.name, self.projections.synapses.get(ref.owner)
        assert synapse is not None
        several = np.asarray(value, np.float64)
        if several.ndim == 2:
            several = self.state.rows_of_places(several)
        elif several.ndim:
            self._synapse(ref.owner)
        if any(state.name == name for state in synapse.model.states):
            return synapse.set_state(name, several)
        problem = synapse.count_problem(name, several)
        if problem is None:
            self.parameters[synapse.instance.qualified(name)] = several.copy() if several.ndim else float(several)
            self.arrays.stale = True
            if synapse.connected and self.state.ctx[Ctx.STEP] == 0:
                synapse.start()
        return problem

    def parameter_problem(self) -> str | None:
        """The fault of the present parameters, or None."""
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
        """Reset all states to their initial values and drop spikes in flight; clamped neurons keep their levels."""
        self.placed &= self.state["HOLD"]
        self.given[:] = 0
        self._start()

    def _start(self) -> None:
        """Initialise all states except those that the program has set."""
        anew = not (self.placed.any() or self.given.any())
        given = {} if anew else self._given_by_state()
        for k, (system, own) in enumerate(zip(self.arrays.systems, self.network.populations, strict=True)):
            initials = self.values.initials(k)
            for name in system.states:
                start = self.state.to_cells(initials[name])
                if not anew:
                    keep = self._kept(name, system, own, given[name])
                    start = np.where(keep, self.state.fields[name], start)
                self.state.fields[name][:] = start
            if frozen_field(k) in self.state.fields:
                self.state.fields[frozen_field(k)][:] = 0.0
        for name, array in self.state.fields.items():
            if name.startswith(_UNDER_WAY):
                array[:] = 0
        for one in self.network.cables:
            look(self.arrays, one)
        for synapse in self.projections.synapses.values():
            if synapse.connected:
                synapse.start()
        self.state["FEEDBACK_CURRENT"][:] = 0.0

    def _kept(self, name: str, system: System, own: Population, given: Array) -> Array:
        """The cells of a state that a reset leaves as they are."""
        kept: Array = self.state.per_neuron_to_cells(given) == 1
        if name == system.population.qualified(system.population.model.clamp):
            kept |= self.state.per_neuron_to_cells(self.placed[own.first : own.first + own.n]) == 1
        return kept

    def written_by_reset(self) -> list[Array] | None:
        """The arrays that `reset` writes, None where it starts synapses or cables, binds arrays anew, or other values."""
        if self.stale or self.network.cables or self.projections.synapses or not self.values.start_alike():
            return None
        fields, starting = self.state.fields, (*_UNDER_WAY, *map(frozen_field, range(len(self.network.populations))))
        names = [name for name, _ in self._states] + [name for name in fields if name.startswith(starting)]
        return [fields[name] for name in names] + [self.state["FEEDBACK_CURRENT"]]

    @property
    def _states(self) -> list[tuple[str, int]]:
        """The qualified names of all states with their numbers of neurons, in the order of `given`."""
        sized = zip(self.arrays.systems, self.network.populations, strict=True)
        return [(name, population.n) for system, population in sized for name in system.states]

    def _given_by_state(self) -> dict[str, Array]:
        """The part of `given` of each state, (n,)."""
        names, sizes = [name for name, _ in self._states], [size for _, size in self._states]
        return dict(zip(names, np.split(self.given, np.cumsum(sizes)[:-1]), strict=True))

    def _population_of(self, owner: str) -> Population:
        """A population by its name, or that of a mechanism."""
        return self.network.populations[self.network.by_name[owner].population]

    def read(self, ref: VariableRef) -> Array:
        """Present values of a variable, (lanes, neurons), of one instance or of all populations."""
        if ref == STATE:
            return np.concatenate([self._state_of(k) for k in range(len(self.arrays.systems))], axis=1)
        if ref == SPIKE_COUNT:
            return self.state.from_cells(self.state["SPIKE_COUNT"])
        if ref.owner in self.projections.synapses:
            return self._synapse(ref.owner).read(ref.name)
        name, population = self.names.qualified(ref), self.network.by_name[ref.owner].population
        if ref.name == "spike_count":
            one = self.network.populations[population]
            return self.state.from_cells(self.state["SPIKE_COUNT"])[:, one.first : one.first + one.n]
        if self.stimuli.is_fed(name, population):
            return self.state.from_cells(self.state["FEEDBACK_CURRENT"])
        return self.values.now(name, population)

    def _state_of(self, population: int) -> Array:
        """The values of the variable that a population's model calls its state."""
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
        found = (one.non_finite() for one in self.projections.synapses.values() if one.connected)
        return next(filter(None, found), None)

    def _in_words(self, population: int, qualified: str) -> str:
        identity, _, name = qualified.partition(".")
        one = next(i for i in self.arrays.systems[population].instances if i.id == identity)
        summary = next(s.summary for s in one.model.states if s.name == name)
        called = name if len(self.names.by_name) == 1 else f"{one.name}.{name}"
        return f"{called} ({summary})" if summary else called

    # --- checkpoints --------------------------------------------------------------------------------

    def live(self) -> dict[str, Array]:
        """The mutable fields of a run, for checkpoints, and the neurons whose initial state was set."""
        fields = self.arrays.live()
        mine = [name for name in fields if self.stimuli.is_live(name.removeprefix("field."))]
        return {"placed": self.placed, "given": self.given} | {name: fields[name] for name in mine}

    def chosen(self) -> dict[str, Array]:
        """Settings for checkpoints: parameters, weights and constant inputs."""
        values = {f"value.{name}": np.asarray(value, np.float64) for name, value in self.parameters.items()}
        return values | self.stimuli.chosen() | self.projections.chosen()

    def origins(self) -> dict[str, list[Origin]]:
        """The instructions whose effects a checkpoint replays."""
        return self.stimuli.origins() | {"weights": list(self.projections.set_by.values())}

    def parameters_of(self) -> Iterator[tuple[str, Parameter, int]]:
        """The parameters with their qualified names and numbers of neurons."""
        for instance in self.names.by_name.values():
            n = self.network.populations[self.names.population_of(instance)].n
            yield from ((instance.qualified(p.name), p, n) for p in instance.model.parameters)
        for name, instance in self.names.synapses.items():
            if instance.model.parameters:
                edges = self._synapse(name).edges
                yield from ((instance.qualified(p.name), p, edges) for p in instance.model.parameters)

    def follow_live(self) -> None:
        """Recompute derived values after a checkpoint has filled the arrays."""
        self.stimuli.note_rates()
        self.arrays.stale = True

    # --- stimuli --------------------------------------------------------------------------------------

    def set_input(self, ref: InputRef, value: Array | float, how: str) -> None:
        """INP: add a number, or one a neuron, to an input; set the input; or scale it."""
        self.stimuli.set_input(self.names.qualified(ref), value, how, ref.part)

    def input_arrays(self, ref: InputRef) -> InputArrays:
        """The arrays of an input to which one number is added."""
        return self.stimuli.input_arrays(self.names.qualified(ref))

    def note_input(self, ref: InputRef, origin: Origin) -> None:
        """Note that an instruction has added one number to an input, which the kernels have done."""
        self.stimuli.note_input(self.names.qualified(ref), origin)

    def set_waveform(self, ref: InputRef, rows: Array, period: int) -> None:
        """PLAY: rows, one every `period` steps from now."""
        self.stimuli.set_waveform(self.names.qualified(ref), rows, period, ref.part)

    def set_spike_train(self, ref: PortRef, steps: Array, neurons: Array, weight: Array | float) -> None:
        """EVT: spikes at steps from now."""
        self.stimuli.set_spike_train(self.names.target(ref), steps, neurons, weight, ref.part)

    def set_poisson(self, ref: PortRef, rate: Array | float, weight: Array | float) -> None:
        """RATE: Poisson spike trains; `rate` in hertz."""
        self.stimuli.set_poisson(self.names.target(ref), rate, weight, ref.part)

    # --- couplings and clamps -----------------------------------------------------------------------

    def load(self, couplings: Couplings) -> None:
        """Load J, h and terms. The best state belongs to the couplings, so it is reset."""
        state = self.state
        if self.coupled is None:
            state.ctx[Ctx.DIRTY] = 1
            return
        n = int(state.ctx[Ctx.COUPLED_N])
        ready = prepare_for_feedback(n, couplings, self._unit_states, state.width == 1)
        self.storage = ready.storage
        self.arrays.stale = True
        bind_couplings(state, ready)
        columns = -(-n // LIMB_COLUMNS) * LIMB_COLUMNS
        limbs = state.places * LIMBS * columns if ready.storage == "dense-i1" else 1
        state.bind("LIMB", np.zeros(limbs, np.int16))
        state.ctx[Ctx.COUPLED] = int(couplings.loaded)
        state.ctx[Ctx.SYMMETRIC] = int(ready.symmetric)
        binary = self._fed_back[1]
        state.ctx[Ctx.FOLLOWED] = int(binary and ready.symmetric and has_exact_fields(n, ready))
        self.forget_best()

    @property
    def _unit_states(self) -> bool:
        """Whether range analysis proves that the state s of the feedback is in [0, 1]."""
        return self._fed_back[0]

    @property
    def _fed_back(self) -> tuple[bool, bool]:
        """What range analysis proves of the state s of the feedback, with definitions substituted: in [0, 1]; 0 or 1."""
        k, known = self.coupled or 0, self.arrays.texts.fed_back
        if k not in known:
            feedback = self.network.populations[k].model.feedback
            assert feedback is not None
            s = self.arrays.systems[k].flat(Symbol(f"p{k}.{feedback.source}"))
            known[k] = in_unit_range(s), is_zero_or_one(s)
        return known[k]

    def forget_best(self) -> None:
        """Reset the best state."""
        self.state["BEST_ENERGY"][:] = np.inf
        self.state["BLOCK"][:, Block.SYNCED] = 0

    def set_states(self, states: Array) -> None:
        """LDS: set the clampable variables (lanes, n); clamped neurons keep their levels."""
        self.placed[:] = 1
        free = np.flatnonzero(self.state["HOLD"] == 0)
        self._write_states(free, states[:, free])

    def set_state(self, ref: VariableRef, value: Array | float) -> None:
        """Set a state of neurons: one number, (n,) or (lanes, n); clamped neurons keep their levels."""
        population, name = self._population_of(ref.owner), self.names.qualified(ref)
        own = np.arange(population.n)[place(ref.part)]
        rows = np.broadcast_to(np.asarray(value, np.float64), (self.state.lanes, len(own)))
        if ref.owner == population.name and ref.name == population.model.clamp:
            own += population.first
            free = self.state["HOLD"][own] == 0
            self.placed[own] = 1
            self._write_states(own[free], rows[:, free])
            return
        self._given_by_state()[name][own] = 1
        self._write_cells(name, own, self.state.rows_of_places(rows))

    def clamp(self, neurons: Array, levels: Array) -> None:
        """CLAMP: hold neurons (indices over all) at levels (neurons,) or (lanes, neurons)."""
        self.state["HOLD"][neurons] = 1
        self.placed[neurons] = 1
        self._write_states(neurons, np.atleast_2d(levels))
        self._note_clamps()

    def _write_states(self, neurons: Array, values: Array) -> None:
        """Set the clampable variables of neurons (indices over all) to values, one row for all lanes or one for each."""
        rows = values[np.arange(self.state.places) % len(values)]
        for k, population in enumerate(self.network.populations):
            mine = (neurons >= population.first) & (neurons < population.first + population.n)
            if mine.any():
                name = f"p{k}.{population.model.clamp}"
                self._write_cells(name, neurons[mine] - population.first, rows[:, mine])
        for one in self.network.cables:
            look(self.arrays, one)

    def _write_cells(self, name: str, neurons: Array, rows: Array) -> None:
        """Scatter values (places, neurons) into a field of cells."""
        array = self.state.fields[name]
        places = self.state.places_of(array)
        places[:, neurons] = rows
        array[:] = self.state.to_cells(places)

    def _note_clamps(self) -> None:
        hold = self.state["HOLD"]
        self.state.ctx[Ctx.CLAMPED] = int(hold.any())
        for k, population in enumerate(self.network.populations):
            own = hold[population.first : population.first + population.n]
            self.state.fields[hold_field(k)][:] = self.state.per_neuron_to_cells(own)
        self.forget_best()
        self.arrays.stale = True
