"""The host's half of models as text: the arrays of a network's populations, their parameters, and what can be read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.models.algebra import evaluate, spell
from bioasm.models.base import Parameter
from bioasm.models.expression import Call, Expression, Symbol, symbols
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
from bioasm.runtime.random import STREAM_WHITE, lane_key
from bioasm.runtime.setup import feedback_flaw
from bioasm.verifier.gate import Verified
from bioasm.verifier.resolve import shown
from bioasm.vm.codegen.frame import Frame
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.lower import delayed_ring
from bioasm.vm.codegen.plan import variables
from bioasm.vm.codegen.source import Generated, generate
from bioasm.vm.codegen.steps import frozen_field, hold_field
from bioasm.vm.codegen.system import System
from bioasm.vm.couplings import bind_couplings, prepare_for_feedback
from bioasm.vm.dynamics import CompiledDynamics, Origin
from bioasm.vm.initial import Initial, definition, present, write_states
from bioasm.vm.instances import Instances
from bioasm.vm.layout import CHUNK, DRAWN, LIMB_COLUMNS, LIMBS, PAST_THE_END, Block, Ctx, Real
from bioasm.vm.projections import Projections
from bioasm.vm.state import State
from bioasm.vm.stimuli import Outside

Array = NDArray[Any]
_MOST_STEPS = 2.0**53
# Fields that follow from others, or from what the program loads, connects, sends and plays. Spikes from outside are taken and
# used up in one step, so that between steps, where checkpoints are written, none of them waits.
_MADE_ANEW = (
    *("hoisted:", "hold:", "start:", "post:", "weight:", "step:", "neuron:", "key0:", "key1:", "wave:"),
    *("count_first:", "count_end:", "count_top:", "count_limit:", "word:"),
    *("one:", "events:", "mark:events:"),
)
_TYPES = {"f8": np.float64, "i8": np.int64, "i4": np.int32, "u1": np.uint8, "u4": np.uint32}


class _Flat(NamedTuple):
    """An expression of names that stand for themselves: its tree, what is delayed in it by its ring, and all other names."""

    tree: Expression
    late: dict[str, Call]
    names: set[str]


class Populations(CompiledDynamics):
    """All populations of a program in a State. Arrays of cells are kept by the names that generated source has for them."""

    spiking = True
    family = "network"
    frames: type[Frame] = Frame  # how the steps of the source are built

    def __init__(self, state: State, network: Network, verified: Verified, parameters: Mapping[str, float]) -> None:
        super().__init__(state)
        self.network, self.seen = network, Instances(network, verified)
        self.storage = ""
        self.generated: Generated | None = None
        self._flats: dict[tuple[Expression, int], _Flat] = {}
        self._sources: dict[tuple[frozenset[str], bool], Generated] = {}
        state.real[Real.DT] = parameters["dt"]
        self.values: dict[str, Array | float] = {
            i.qualified(p.name): parameters[f"{i.name}.{p.name}"]
            for i in self.seen.by_name.values()
            for p in i.model.parameters
        }
        self._allocate(parameters)
        self.outside = Outside(self)
        self.projections = Projections(self, parameters)
        self._first_fields = frozenset(state.fields)
        self.stale = True  # whether generated source must be told of changes before it runs
        self.reset()
        self.load(Couplings())

    # --- names --------------------------------------------------------------------------------------

    @cached_property
    def systems(self) -> list[System]:
        """One a population, as if all parameters were scalars."""
        return [self.seen.system(p) for p in range(len(self.network.populations))]

    @cached_property
    def numbered(self) -> list[str]:
        """The qualified names of all variables in the order of their numbers."""
        return [name for _, name in variables(self.seen.plan(frozenset(), False, self.state.places))]

    def variable(self, ref: VariableRef) -> int:
        """The number of a variable."""
        return self.numbered.index(self.seen.qualified(ref))

    def system_of(self, qualified: str) -> int:
        """The index of the population that a value belongs to."""
        identity = qualified.partition(".")[0]
        index = int(identity[1:])
        return index if identity[0] == "p" else self.network.mechanisms[index].population

    def cells_of(self, ref: VariableRef) -> Array | None:
        """The array of cells that holds a variable, None where it must be computed."""
        name = self.seen.qualified(ref)
        return self.state.fields[name] if name in self.systems[self.system_of(name)].states else None

    def neurons_of(self, ref: VariableRef) -> int:
        """How many neurons have a variable."""
        return self.network.populations[self.network.by_name[ref.owner].population].n

    @property
    def coupled(self) -> int | None:
        """The index of the population with the feedback J s + h."""
        return self.seen.coupled

    # --- arrays -------------------------------------------------------------------------------------

    def array(self, name: str, made: Field) -> Array:
        """The array of a field, made where it is not there yet."""
        if name not in self.state.fields:
            n = self.network.populations[made.population].n
            sizes = {"cell": n * self.state.places, "slot": n * self.state.places * self.slots(name)}
            sizes["mark"] = self.state.blocks * self.slots(name.removeprefix("mark:"))
            self.state.fields[name] = np.zeros(sizes.get(made.per, 1), _TYPES[made.dtype])
        return self.state.fields[name]

    def slots(self, ring: str) -> int:
        """How many steps a ring holds."""
        return self.state.wholes.get(f"slots:{ring}", 1)

    def cells(self, name: str, population: int) -> Array:
        """A field of cells of float64."""
        return self.array(name, Field(population))

    def _allocate(self, parameters: Mapping[str, float]) -> None:
        state, places = self.state, self.state.places
        for k, population in enumerate(self.network.populations):
            state.wholes |= {f"n:{k}": population.n, f"first:{k}": population.first}
            for name in self.systems[k].states:
                self.cells(name, k)
            self.array(hold_field(k), Field(k, "u1"))
        state.bind("SPIKE_COUNT", np.zeros(state.cells, np.int64))
        state.bind("HOLD", np.zeros(state.n, np.uint8))
        state.bind("FIRED", np.zeros(2 * state.cells, np.uint8))
        state.bind("ENERGY", np.zeros(places))
        state.bind("BEST_ENERGY", np.full(places, np.inf))
        state.bind("POPULATION", np.array([[p.first, p.n] for p in self.network.populations], np.int64))
        state.bind("VARIABLE_N", np.array([self.network.populations[self.system_of(v)].n for v in self.numbered], np.int64))
        if self.coupled is not None:
            self._allocate_feedback(self.network.populations[self.coupled].n, parameters)

    def _allocate_feedback(self, n: int, parameters: Mapping[str, float]) -> None:
        state, places = self.state, self.state.places
        population = self.network.populations[self.coupled or 0]
        feedback = population.model.feedback
        assert feedback is not None
        state.ctx[Ctx.COUPLED_N] = n
        state.real[Real.I_MAX] = parameters[f"{population.name}.{feedback.within}"]
        if n:
            steps = parameters[f"{population.name}.{feedback.every}"] / parameters["dt"] if parameters["dt"] else 0.0
            state.ctx[Ctx.FEEDBACK_EVERY] = round(min(steps, _MOST_STEPS))  # where it is no such number, `flaw` says so
        sizes = dict.fromkeys(("FEEDBACK_CURRENT", "Y", "ONE_FIELD"), n * places)
        sizes |= {"S": n * places + PAST_THE_END, "ONE_ENERGY": places, "PARTIAL": 64 * places}
        for name, size in sizes.items():
            state.bind(name, np.zeros(size))
        for name in ("BEST", "ONE"):
            state.bind(name, np.zeros(n * places, np.int8))

    def bind(self) -> None:
        """Let the source for the present parameters and clamps find its numbers and arrays."""
        self.projections.connect()
        self.stale, state = False, self.state
        made = self._source_for(self.own, bool(state.ctx[Ctx.CLAMPED]))
        if made is not self.generated:
            self.generated = made
            self._make_noise(made)
        layout = made.layout
        kept = [self._parameter_array(name, made) for name, made in layout.fields.items()]
        state.bind("ADDRESS", np.array([a.ctypes.data for a in kept] or [0], np.int64))
        state.bind("NUMBER", np.array([self.values.get(name, 0.0) for name in layout.numbers] or [0.0], np.float64))
        state.bind("WHOLE", np.array([state.wholes[name] for name in layout.wholes], np.int64))

    def _source_for(self, own: frozenset[str], clamped: bool) -> Generated:
        """The source of a plan, written once: programs change values in their loops, and plans hardly ever."""
        if (own, clamped) not in self._sources:
            made = generate(self.seen.plan(own, clamped, self.state.places), self.frames)
            self._sources[own, clamped] = made
            for name in made.layout.wholes:
                self.state.wholes.setdefault(name, 1 if name.startswith("slots:") else 0)
        return self._sources[own, clamped]

    def _make_noise(self, made: Generated) -> None:
        """Room for the random numbers that a source draws, and the keys of its white noises."""
        state = self.state
        cells = [p.n * state.width for p in self.network.populations]
        chunks = [noises * -(-n // CHUNK) for noises, n in zip(made.noises, cells, strict=True)] if made.keeps else made.noises
        state.wholes["chunks"] = max(1, sum(chunks) if made.keeps else max(chunks))
        state.bind("DRAWN", np.zeros(2 * DRAWN * state.wholes["chunks"] * state.blocks, np.float32))
        state["BLOCK"][:, Block.DRAWN_PAIR] = -1
        state.bind("NOISE_KEY", self._noise_keys(max(made.noises)))

    def _parameter_array(self, name: str, made: Field) -> Array:
        array = self.array(name, made)
        if name in self.values:
            n = self.network.populations[made.population].n
            array[:] = self.state.per_neuron_to_cells(np.broadcast_to(np.asarray(self.values[name]), (n,)))
        return array

    def _noise_keys(self, noises: int) -> Array:
        """The keys of the white noises beside `xi`: (streams, 2, places)."""
        lanes = np.arange(self.state.places, dtype=np.uint32)
        keys = [lane_key(self.state.seed, lanes, STREAM_WHITE + k) for k in range(noises)]
        words = [word for key in keys for word in key]
        return np.concatenate([*words, np.zeros(PAST_THE_END, np.uint32)])

    # --- parameters ---------------------------------------------------------------------------------

    @property
    def own(self) -> frozenset[str]:
        """The parameters that differ between neurons."""
        return frozenset(name for name, value in self.values.items() if isinstance(value, np.ndarray))

    @property
    def variant(self) -> str:
        """What the kernel is made from, beside the storage of J."""
        assert self.generated is not None
        return self.generated.source

    def set_parameter(self, ref: ParameterRef | ProjectionRef, value: Array | float) -> str | None:
        """Set a parameter for every neuron, one number or (n,), or a projection's weight; returns what is wrong with it."""
        if isinstance(ref, ProjectionRef):
            self.projections.set_weight(ref.owner, float(value))
            return None
        several = np.asarray(value, np.float64)
        alike = several.ndim == 0 or len(np.unique(several)) <= 1
        self.values[self.seen.parameter(ref)] = float(several.flat[0]) if alike and several.size else several.copy()
        self.stale = True
        if self.state.ctx[Ctx.STEP] == 0:
            self.reset()  # neurons start as their parameters are when they first run
        return self.flaw()

    def flaw(self) -> str | None:
        """What is wrong with the parameters as they are now; None where nothing is."""
        if self.coupled is None:
            return self.projections.flaw()
        population = self.network.populations[self.coupled]
        feedback = population.model.feedback
        assert feedback is not None
        every = float(self.values[f"p{self.coupled}.{feedback.every}"])
        flaw = feedback_flaw(population.model, every, float(self.state.real[Real.DT]))
        if flaw is not None:
            return flaw
        s = Symbol(f"p{self.coupled}.{feedback.source}")
        if population.n and not np.isfinite(self.evaluate(s, self.coupled, self._initial(self.coupled))).all():
            return f"the state {feedback.source} = {spell(definition(population.model, feedback.source))} has no value"
        return self.projections.flaw()

    # --- values -------------------------------------------------------------------------------------

    def evaluate(self, expression: Expression, population: int, states: Mapping[str, Any]) -> Array:
        """An expression for all lanes and neurons of a population, (places, n)."""
        system, n = self.systems[population], self.network.populations[population].n
        flat, late, names = self._between_steps(expression, population)
        values = {name: self._late(call, population, states) for name, call in late.items()}
        values |= {name: self._value(name, system, population, states) for name in names}
        with np.errstate(all="ignore"):
            value = evaluate(flat, values)
        return np.array(np.broadcast_to(np.asarray(value, np.float64), (self.state.places, n)))

    def _between_steps(self, expression: Expression, population: int) -> _Flat:
        """The expression with its definitions put in; kept, because programs read the same values again and again."""
        if (expression, population) not in self._flats:
            system = self.systems[population]
            written = system.flat(expression)
            flat = system.flat(present(written))
            late = {delayed_ring(c): c for c in written.walk() if isinstance(c, Call) and c.function == "delayed"}
            self._flats[expression, population] = _Flat(flat, late, symbols(flat) - late.keys())
        return self._flats[expression, population]

    def _value(self, name: str, system: System, population: int, states: Mapping[str, Any]) -> Any:
        """What a name stands for between two steps: a parameter, a state, an input from outside, ..."""
        if name in system.states:
            return states[name]
        if name in self.values:
            return self.values[name]
        if "#" in name:
            return self.outside.present(name, population)
        if name == "noise":
            known = self.state.real[Real.NOISE_SET] == 1.0
            return float(self.state.real[Real.NOISE] if known else system.population.model.noise_default)
        return float(self.state.real[Real.DT]) * (int(self.state.ctx[Ctx.STEP]) if name == "t" else 1)

    def _late(self, call: Call, population: int, states: Mapping[str, Any]) -> Array:
        """What was delayed, as it is read in the coming step, (places, n)."""
        ring, state = delayed_ring(call), self.state
        slots, n = self.slots(ring), self.network.populations[population].n
        if slots == 1 or ring not in state.fields:
            return self.evaluate(call.arguments[0], population, states)
        kept = state.fields[ring].reshape(state.blocks, slots, n, state.width)
        oldest = kept[:, (int(state.ctx[Ctx.STEP]) + 1) % slots]
        return state.places_of(np.ascontiguousarray(oldest).ravel())

    def _initial(self, population: int) -> Mapping[str, Any]:
        """What the states of a population start as, each worked out where it is asked for."""
        return Initial(self, population)

    def _present_states(self, population: int) -> Mapping[str, Any]:
        return {name: self.state.places_of(self.state.fields[name]) for name in self.systems[population].states}

    def reset(self) -> None:
        """All states as they start, nothing under way; what is clamped stays where it is held."""
        for k, system in enumerate(self.systems):
            initial = self._initial(k)
            hold = self.state.fields[hold_field(k)] == 1
            clamp = system.population.qualified(system.population.model.clamp)
            for name in system.states:
                start = self.state.to_cells(self.evaluate(Symbol(name), k, initial))
                keep = hold & (name == clamp)
                self.state.fields[name][:] = np.where(keep, self.state.fields[name], start)
            if frozen_field(k) in self.state.fields:
                self.state.fields[frozen_field(k)][:] = 0.0
        for name, array in self.state.fields.items():
            if name.startswith(("ring:", "delayed:", "mark:", "events:")):
                array[:] = 0
        self.state["FEEDBACK_CURRENT"][:] = 0.0

    def read(self, ref: VariableRef) -> Array:
        """A variable, (lanes, neurons), of one part of the network or of all populations."""
        if ref == STATE:
            return np.concatenate([self._state_of(k) for k in range(len(self.systems))], axis=1)
        if ref == SPIKE_COUNT:
            return self.state.from_cells(self.state["SPIKE_COUNT"])
        name, population = self.seen.qualified(ref), self.network.by_name[ref.owner].population
        if ref.name == "spike_count":
            one = self.network.populations[population]
            return self.state.from_cells(self.state["SPIKE_COUNT"])[:, one.first : one.first + one.n]
        if self.outside.is_fed(name, population):
            return self.state.from_cells(self.state["FEEDBACK_CURRENT"])
        return self.evaluate(Symbol(name), population, self._present_states(population))[: self.state.lanes]

    def _state_of(self, population: int) -> Array:
        """What a population's model calls its state."""
        one = self.seen.populations[population]
        name = one.qualified(shown(one.model, STATE.name))
        return self.evaluate(Symbol(name), population, self._present_states(population))[: self.state.lanes]

    def final_as_best(self) -> Array:
        """The present state as 0/1, for a run in which no energy was ever seen."""
        return (self.read(STATE) > 0.5).astype(np.int8)

    def fault(self) -> str | None:
        """The first variable that is not finite, in words; None where all are."""
        for k, system in enumerate(self.systems):
            for name in system.states:
                if not np.isfinite(self.state.fields[name]).all():
                    return self._in_words(k, name)
        return None

    def _in_words(self, population: int, qualified: str) -> str:
        identity, _, name = qualified.partition(".")
        one = next(i for i in self.systems[population].instances if i.id == identity)
        summary = next(s.summary for s in one.model.states if s.name == name)
        called = name if len(self.seen.by_name) == 1 else f"{one.name}.{name}"
        return f"{called} ({summary})" if summary else called

    @property
    def energy_neurons(self) -> tuple[int, int]:
        """The first neuron of those with the feedback J s + h, and how many there are."""
        if self.coupled is None:
            return 0, 0
        population = self.network.populations[self.coupled]
        return population.first, population.n

    # --- checkpoints --------------------------------------------------------------------------------

    def live(self) -> dict[str, Array]:
        """The fields that a run changes, of those that the present source reads and of the first."""
        assert self.generated is not None
        names = self._first_fields | self.generated.layout.fields.keys()
        kept = [n for n in names if n in self.state.fields and not n.startswith(_MADE_ANEW) and n not in self.values]
        return {f"field.{name}": self.state.fields[name] for name in sorted(kept)}

    def chosen(self) -> dict[str, Array]:
        """Parameters, weights and constant inputs."""
        values = {f"value.{name}": np.asarray(value, np.float64) for name, value in self.values.items()}
        return values | self.outside.chosen() | self.projections.chosen()

    def origins(self) -> dict[str, list[Origin]]:
        """Which instructions made what a checkpoint makes anew."""
        return self.outside.origins()

    def parameters(self) -> Iterator[tuple[str, Parameter, int]]:
        """The qualified name of each parameter, the parameter, and how many neurons have it."""
        for instance in self.seen.by_name.values():
            n = self.network.populations[self.seen.population_of(instance)].n
            yield from ((instance.qualified(p.name), p, n) for p in instance.model.parameters)

    def held(self) -> Array:
        """1 for each clamped neuron."""
        return self.state["HOLD"]

    def hold(self, held: Array) -> None:
        """Clamp the neurons that a checkpoint says, where they are."""
        self.state["HOLD"][:] = held
        self._note_clamps()

    def follow_live(self) -> None:
        """Make anew what follows from the arrays that a checkpoint has filled."""
        self.outside.note_rates()
        self.stale = True

    # --- inputs -------------------------------------------------------------------------------------

    def set_input(self, ref: InputRef, value: Array | float, how: str) -> None:
        """INP: add a number, or one a neuron, to an input; set the input; or scale it."""
        self.outside.set_constant(self.seen.qualified(ref), value, how)

    def play(self, ref: InputRef, rows: Array, period: int) -> None:
        """PLAY: rows, one every `period` steps from now."""
        self.outside.play(self.seen.qualified(ref), rows, period)

    def send(self, ref: PortRef, steps: Array, neurons: Array, weight: Array | float) -> None:
        """EVT: spikes at steps from now."""
        self.outside.send(self.seen.target(ref), steps, neurons, weight)

    def bombard(self, ref: PortRef, rate: Array | float, weight: Array | float) -> None:
        """RATE: Poisson spikes, hertz."""
        self.outside.bombard(self.seen.target(ref), rate, weight)

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
        self.stale = True
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
        return in_unit_range(self.systems[k].flat(Symbol(f"p{k}.{feedback.source}")))

    def forget_best(self) -> None:
        """No state has been seen."""
        self.state["BEST_ENERGY"][:] = np.inf
        self.state["BLOCK"][:, Block.SYNCED] = 0

    def set_states(self, states: Array) -> None:
        """Go on from values (lanes, n) of the variables that CLAMP holds; clamped neurons stay."""
        free = np.flatnonzero(self.state["HOLD"] == 0)
        write_states(self, free, states[:, free])

    def clamp(self, neurons: Array, levels: Array) -> None:
        """Hold neurons (numbered through), each at its level."""
        self.state["HOLD"][neurons] = 1
        write_states(self, neurons, levels[None, :])
        self._note_clamps()

    def free(self, neurons: Array | slice) -> None:
        """Let neurons go."""
        self.state["HOLD"][neurons] = 0
        self._note_clamps()

    def _note_clamps(self) -> None:
        hold = self.state["HOLD"]
        self.state.ctx[Ctx.CLAMPED] = int(hold.any())
        for k, population in enumerate(self.network.populations):
            own = hold[population.first : population.first + population.n]
            self.state.fields[hold_field(k)][:] = self.state.per_neuron_to_cells(own)
        self.forget_best()
        self.stale = True
