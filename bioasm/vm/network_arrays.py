"""The arrays of a network in a State by their names in generated source, and the source that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from bioasm.models.expression import Expression
from bioasm.network.network import Network
from bioasm.runtime.random import STREAM_WHITE, lane_key
from bioasm.verifier.gate import Verified
from bioasm.vm.codegen.cables import TREE
from bioasm.vm.codegen.frame import Frame
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.plan import variables
from bioasm.vm.codegen.source import Generated, generate
from bioasm.vm.codegen.steps import hold_field
from bioasm.vm.codegen.system import COVERED, FACTOR, OFFSET
from bioasm.vm.layout import CHUNK, DRAWN, LANE_SCRATCH, PAST_THE_END, Block, Ctx, Real
from bioasm.vm.names import NameTable
from bioasm.vm.state import State

Array = NDArray[Any]
_MOST_STEPS = 2.0**53
# Prefixes of fields that are derived from others, or from the program's data, connections, spikes and waveforms. External
# spikes are taken and consumed within a step, so that none are pending between steps, where checkpoints are written.
_MADE_ANEW = (
    *("hoisted:", "hold:", "start:", "post:", "weight:", "step:", "neuron:", "key0:", "key1:", "wave:", "waves:"),
    *("count_first:", "count_end:", "count_top:", "count_limit:", "word:", "pair:"),
    *("happened:", "one:", "events:", "mark:events:", "arrived:", "mark:arrived:"),
    *("counters", "source:", "begin:", "order:", "late:", "delays:", "noise:", "scale:", TREE, COVERED),
)
_OF_INPUTS = ("#base", OFFSET, FACTOR)  # derived from the constants of inputs
_TYPES = {"f8": np.float64, "i8": np.int64, "i4": np.int32, "u1": np.uint8, "u4": np.uint32}
_Key = tuple[frozenset[str], bool, int, type[Frame], frozenset[tuple[str, frozenset[str]]]]
_SOURCES: WeakKeyDictionary[Verified, dict[_Key, Generated]] = WeakKeyDictionary()


class Texts:
    """What follows from the texts of a program's neurons alone, worked out once for all its runs.

    The systems of its populations, as if all parameters were scalars; the qualified names of all variables in the order of
    their numbers; `flats`, which values between two steps keep here: expressions with their definitions put in; and `fed_back`,
    what range analysis proves of the states that are fed back, by population.
    """

    def __init__(self, names: NameTable) -> None:
        self.systems = [names.system(p) for p in range(len(names.populations))]
        self.numbered = [name for _, name in variables(names.plan(frozenset(), False, 1))]
        self.fed_back: dict[int, tuple[bool, bool]] = {}
        self.flats: dict[tuple[Expression | int, int], Any] = {}


_TEXTS: WeakKeyDictionary[Verified, dict[frozenset[tuple[str, frozenset[str]]], Texts]] = WeakKeyDictionary()


def _texts_of(names: NameTable) -> Texts:
    known, apart = _TEXTS.setdefault(names.verified, {}), frozenset(names.apart.items())
    if apart not in known:
        known[apart] = Texts(names)
    return known[apart]


class NetworkArrays:
    """Fields of cells (neurons times places of lanes, in the layout of `layout.py`), ring buffers and connections.

    `frames` is the Frame class of the source. With `stale`, `bind` must be called before the source runs.
    """

    def __init__(
        self, state: State, network: Network, names: NameTable, parameters: Mapping[str, float], frames: type[Frame]
    ) -> None:
        self.state, self.network, self.names, self.frames = state, network, names, frames
        self.generated: Generated | None = None
        self.stale = True
        self._sources = _SOURCES.setdefault(names.verified, {})
        self.texts = _texts_of(names)
        self.systems, self.numbered = self.texts.systems, self.texts.numbered
        self._allocate(parameters)

    # --- names --------------------------------------------------------------------------------------

    def system_of(self, qualified: str) -> int:
        """The index of the population that a value belongs to."""
        identity = qualified.partition(".")[0]
        index = int(identity[1:])
        return index if identity[0] == "p" else self.network.mechanisms[index].population

    def _size_of(self, qualified: str) -> int:
        """The number of neurons of a variable; 0 for a connection's state, which is counted later."""
        return 0 if qualified[0] == "s" else self.network.populations[self.system_of(qualified)].n

    def _edges_of(self, qualified: str) -> int:
        """The number of connections of a synapse's member."""
        identity = qualified.partition(".")[0]
        return self.state.wholes[next(f"edges:{name}" for name, one in self.names.synapses.items() if one.id == identity)]

    def note_edges(self, names: list[str], edges: int) -> None:
        """Set the number of connections of states of synapses."""
        for name in names:
            self.state["VARIABLE_N"][self.numbered.index(name)] = edges

    @property
    def coupled(self) -> int | None:
        """The index of the population with the feedback J s + h."""
        return self.names.coupled

    # --- fields -------------------------------------------------------------------------------------

    def array(self, name: str, made: Field) -> Array:
        """The array of a field, allocated on first use."""
        if name not in self.state.fields:
            self.state.fields[name] = np.zeros(self._entries(name, made), _TYPES[made.dtype])
        return self.state.fields[name]

    def _entries(self, name: str, made: Field) -> int:
        """The number of entries of a field."""
        if made.per in ("cell", "slot"):
            cells = self.network.populations[made.population].n * self.state.places
            return cells if made.per == "cell" else cells * self.slots(name)
        if made.per == "block":
            return self.state.blocks * made.entries
        if made.per == "lists":
            return self.state.blocks * self.slots(name.replace("spikes_of:", "spiked:"))
        return self.state.blocks * self.slots(name.removeprefix("mark:")) if made.per == "mark" else 1

    def slots(self, ring: str) -> int:
        """The number of slots of a ring buffer."""
        return self.state.wholes.get(f"slots:{ring}", 1)

    def cells(self, name: str, population: int) -> Array:
        """A field of cells of float64."""
        return self.array(name, Field(population))

    def fill(self, field: str, population: int, value: Array | float) -> None:
        """Set a field of cells from one number, one a neuron (n,), or a row for each place (places, 1 or n)."""
        given = np.asarray(value, np.float64)
        if given.size == 1:
            self.cells(field, population)[:] = given.item()
            return
        rows = np.broadcast_to(given, (self.state.places, self.network.populations[population].n))
        self.cells(field, population)[:] = self.state.to_cells(rows)

    def live(self) -> dict[str, Array]:
        """The mutable fields of a run, of those that the present source reads and the initial ones."""
        assert self.generated is not None
        names = self._first_fields | self.generated.layout.fields.keys()
        parameters = {name for system in self.systems for name in system.parameters}
        parameters |= {i.qualified(p.name) for i in self.names.synapses.values() for p in i.model.parameters}
        names |= {name for link in self.names.links() for name in link.recordable}
        anew = {n for n in names if n.startswith(_MADE_ANEW) or n.endswith(_OF_INPUTS)}
        kept = [n for n in names - anew if n in self.state.fields and n not in parameters]
        return {f"field.{name}": self.state.fields[name] for name in sorted(kept)}

    def note_first(self) -> None:
        """Mark the present fields as the initial ones, which every network has."""
        self._first_fields = frozenset(self.state.fields)

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
        state.bind("VARIABLE_N", np.array([self._size_of(name) for name in self.numbered], np.int64))
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
            state.ctx[Ctx.FEEDBACK_EVERY] = round(min(steps, _MOST_STEPS))  # `flaw` reports an invalid number
        sizes = dict.fromkeys(("FEEDBACK_CURRENT", "Y", "ONE_FIELD"), n * places)
        sizes |= {"S": n * places + PAST_THE_END, "ONE_ENERGY": places, "PARTIAL": LANE_SCRATCH * places}
        for name, size in sizes.items():
            state.bind(name, np.zeros(size))
        for name in ("BEST", "ONE"):
            state.bind(name, np.zeros(n * places, np.int8))

    # --- source -------------------------------------------------------------------------------------

    def bind(self, parameters: Mapping[str, Array | float]) -> None:
        """Generate the source for the present parameters (by qualified name) and clamps, and bind its numbers and arrays."""
        self.stale, state = False, self.state
        own = frozenset(name for name, value in parameters.items() if isinstance(value, np.ndarray))
        made = self._source_for(own, bool(state.ctx[Ctx.CLAMPED]))
        if made is not self.generated:
            self.generated = made
            self._make_noise(made)
        layout = made.layout
        kept = {name: self._parameter_array(name, field, parameters) for name, field in layout.fields.items()}
        addresses = [kept[name].ctypes.data for name in (*kept, *layout.field_columns)]
        state.bind("ADDRESS", np.array(addresses or [0], np.int64))
        state.bind("NUMBER", np.array([parameters.get(name, 0.0) for name in layout.numbers] or [0.0], np.float64))
        wholes = [x if isinstance(x, int) else state.wholes[x] for x in (*layout.wholes, *layout.whole_columns)]
        state.bind("WHOLE", np.array(wholes, np.int64))

    def _source_for(self, own: frozenset[str], clamped: bool) -> Generated:
        """The generated source of a plan, memoised for all runs of a program, which rarely differ in plans."""
        key = (own, clamped, self.state.places, self.frames, frozenset(self.names.apart.items()))
        if key not in self._sources:
            self._sources[key] = generate(self.names.plan(own, clamped, self.state.places), self.frames)
        for name in self._sources[key].layout.wholes:
            self.state.wholes.setdefault(name, 1 if name.startswith("slots:") else 0)
        return self._sources[key]

    def _make_noise(self, made: Generated) -> None:
        """Allocate the noise buffer of a source, and the keys of its white noises."""
        state = self.state
        cells = [p.n * state.width for p in self.network.populations]
        chunks = [noises * -(-n // CHUNK) for noises, n in zip(made.noises, cells, strict=True)] if made.keeps else made.noises
        state.wholes["chunks"] = max(1, sum(chunks) if made.keeps else max(chunks))
        state.bind("DRAWN", np.zeros(2 * DRAWN * state.wholes["chunks"] * state.blocks, np.float32))
        state["BLOCK"][:, Block.DRAWN_PAIR] = -1
        state.bind("NOISE_KEY", self._noise_keys(max(made.noises)))

    def _parameter_array(self, name: str, made: Field, parameters: Mapping[str, Array | float]) -> Array:
        if made.per == "link" and name in parameters:
            self.state.fields[name] = np.ascontiguousarray(parameters[name], np.float64)
        if made.per == "entry" and name in parameters:
            rows = np.broadcast_to(parameters[name], (self.state.places, self._edges_of(name)))
            self.state.fields[name] = self.state.to_cells(rows)
        array = self.array(name, made)
        if name in parameters and made.per == "cell":
            self.fill(name, made.population, parameters[name])
        return array

    def _noise_keys(self, noises: int) -> Array:
        """Threefry keys of the white noises other than `xi`, uint32 (streams, 2, places)."""
        keys = [lane_key(self.state.seed, self.state.numbers, STREAM_WHITE + k) for k in range(noises)]
        words = [word for key in keys for word in key]
        return np.concatenate([*words, np.zeros(PAST_THE_END, np.uint32)])
