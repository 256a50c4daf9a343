"""States of connections per lane, and the delay-sorted connection indices (CSR, CSC) of pathways."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.models.algebra import evaluate
from bioasm.models.base import LAST_EVENT, POST, PRE, Handler
from bioasm.models.dependency_order import definition_order
from bioasm.models.expression import Expression, symbols
from bioasm.network.namespace import is_event_driven
from bioasm.runtime.connection_values import count_problem
from bioasm.runtime.delays import delays_of, in_steps, longest, steps_of
from bioasm.runtime.narrow import neuron_type
from bioasm.runtime.patterns import row_blocks
from bioasm.runtime.sparse_rows import starts
from bioasm.vm.codegen.frame import is_late
from bioasm.vm.codegen.handlers import counted, spiked
from bioasm.vm.codegen.plan import Link
from bioasm.vm.layout import Ctx, Real
from bioasm.vm.network_arrays import NetworkArrays

Array = NDArray[Any]
_LINE = 8  # float64 in a cache line
_MANY = 1 << 20  # steps of a delay from which a comparison sort replaces counting


class Synapse:
    """One projection's synapse in a State. `connected` says that its connections have been made.

    States that change, or have values of the lanes' own, are float64 in the layout of cells, [block][connection][lane];
    others are one a connection. `given` are the values of states that the program set, one number, one a
    connection, or a row for each place of a lane, (places, 1 or connections).
    """

    def __init__(self, arrays: NetworkArrays, link: Link, parameters: Mapping[str, Any], given: Mapping[str, float]) -> None:
        """`parameters` are the values of all instances by qualified name, `given` those of the run by their keys."""
        assert link.synapse is not None
        self.arrays, self.state, self.link, self.parameters = arrays, arrays.state, link, parameters
        self.instance, self.model = link.synapse, link.synapse.model
        chosen = {s.name: given[key] for s in self.model.states if (key := f"{link.name}.{s.name}") in given}
        self.given: dict[str, Array] = {name: np.atleast_1d(value) for name, value in chosen.items()}
        self.connected = False
        self._records = np.zeros((0, 0))
        self.state.wholes[f"edges:{link.name}"] = 0
        projection = arrays.network.projection(link.name)
        assert projection is not None
        self._delays = delays_of(arrays.names.verified, projection, given, self.state.seed)

    @property
    def edges(self) -> int:
        """The number of connections."""
        return self.state.wholes[f"edges:{self.link.name}"]

    # --- delays -------------------------------------------------------------------------------------

    def longest(self, event: str) -> int:
        """Upper bound of the delays of an event's pathways, in steps."""
        return max((self._steps(longest(self._delays[h.delay])) for h in self.model.handlers if h.event == event), default=0)

    def _steps(self, seconds: float) -> int:
        return max(self._fewest, int(in_steps(seconds, float(self.state.real[Real.DT]))))

    @property
    def _fewest(self) -> int:
        """The shortest delay in steps: 1 where the receive phase of a step is before the emission of spikes, else 0."""
        at_end = is_late(self.arrays.systems[self.link.target.population].population.model.order) or not self.link.is_static
        return 0 if at_end else 1

    def _late(self, name: str, look: Callable[[], object]) -> Array:
        """The delays of a pathway in steps, one for each connection, or one where it is the same for all."""
        start, post = (self.state.fields[f"{part}:{self.link.name}"] for part in ("start", "post"))
        given, step = self._delays[name].along(start, post), float(self.state.real[Real.DT])
        count = self.edges if name in self.link.scattered else 1
        return steps_of(given, count, step, self._fewest, look)

    # --- connections --------------------------------------------------------------------------------

    def connect(self, look: Callable[[], object]) -> None:
        """Index the connections in the fields for each pathway, and initialise states."""
        link, fields, wholes = self.link, self.state.fields, self.state.wholes
        start, post = (fields[f"{part}:{link.name}"] for part in ("start", "post"))
        wholes[f"edges:{link.name}"] = edges = len(post)
        if link.is_static:
            self._sort_by_delay(start, look)
            self.connected = True
            return
        source = np.repeat(np.arange(len(start) - 1, dtype=neuron_type(len(start) - 1)), np.diff(start))
        fields[f"source:{link.name}"] = source
        wholes[f"source_size:{link.name}"] = source.itemsize
        for handler in self.model.handlers:
            late = self._late(handler.delay, look)
            self._index(handler, late, start, source if handler.event == PRE else post)
        self._make_states(edges)
        self.connected = True
        self.start()

    def _make_states(self, edges: int) -> None:
        """Allocate the states; those of a record are columns of one array."""
        link, fields = self.link, self.state.fields
        names = [*link.recordable, *([self.instance.qualified(LAST_EVENT)] if is_event_driven(self.model) else [])]
        self._records = in_lines(edges * self.state.places, len(link.record))
        if link.record:
            fields[f"record:{link.name}"] = self._records
            self.state.columns |= dict.fromkeys(link.record, f"record:{link.name}")
        for name in names:
            if name in link.record:
                fields[name] = self._records[:, link.record.index(name)]
            else:
                fields[name] = np.zeros(edges * (1 if name in link.shared else self.state.places))

    def _index(self, handler: Handler, late: Array, start: Array, neuron: Array) -> None:
        """Index of a pathway: each neuron's connections sorted by descending delay, stably."""
        fields, key = self.state.fields, f"{self.link.name}:{handler.delay}"
        self._note_delays(key, late)
        scattered = handler.delay in self.link.scattered
        if handler.event == PRE and not scattered:
            return
        if handler.event == POST:
            p = self.link.population_at(POST)
            start = starts(np.bincount(neuron, minlength=self.arrays.network.populations[p].n))
        fields[f"begin:{key}"] = start
        order = np.lexsort((late, neuron)) if scattered else np.argsort(neuron, kind="stable")
        fields[f"order:{key}"] = order.astype(np.int32)
        if scattered:
            fields[f"late:{key}"] = late[order]

    def _note_delays(self, key: str, late: Array) -> None:
        """Store the distinct delays in descending order, and the item size of connections' delays."""
        distinct = np.flatnonzero(np.bincount(late))[::-1] if len(late) and late.max() < _MANY else np.unique(late)[::-1]
        self.state.fields[f"delays:{key}"] = np.ascontiguousarray(distinct, np.int64)
        self.state.wholes[f"delays:{key}"] = len(distinct) if self.edges else 0
        self.state.wholes[f"late_size:{key}"] = late.itemsize

    def _sort_by_delay(self, start: Array, look: Callable[[], object]) -> None:
        """Sort connections without states in the order of their only pathway: by source, delay and target."""
        (handler,), fields = self.model.handlers, self.state.fields
        key, late = f"{self.link.name}:{handler.delay}", self._late(handler.delay, look)
        self._note_delays(key, late)
        fields[f"late:{key}"] = late
        moved = [late, fields[f"post:{self.link.name}"], fields[f"weight:{self.link.name}"]]
        for first, last in row_blocks(start):
            look()
            lengths = np.diff(start[first : last + 1])
            order = np.lexsort((late[start[first] : start[last]], np.repeat(np.arange(last - first), lengths)))
            for array in moved:
                if len(array) == self.edges:
                    part = array[start[first] : start[last]]
                    part[:] = part[order]

    # --- states -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Initialise all states: to the program's values, else to those of the text."""
        for state in self.model.states:
            self._put(state.name, self.given.get(state.name, self._initial(state.name)))
        if is_event_driven(self.model):
            self.state.fields[self.instance.qualified(LAST_EVENT)][:] = float(self.state.ctx[Ctx.STEP])

    def set_state(self, name: str, value: Array | float) -> str | None:
        """SET projection.name: one number, one a connection, or a row a place; returns the fault, or None."""
        several = np.asarray(value, np.float64)
        problem = self.count_problem(name, several)
        if problem is None and self.connected:
            self._put(name, several)
        if problem is None and self.state.ctx[Ctx.STEP] == 0:
            self.given[name] = np.atleast_1d(several)
        return problem

    def count_problem(self, name: str, value: Array) -> str | None:
        """The fault of the number of values for the connections, or None."""
        return None if value.ndim == 2 else count_problem(f"{self.link.name}.{name}", value, self.edges)

    def _put(self, name: str, value: Array) -> None:
        array = self.state.fields[self.instance.qualified(name)]
        if self.instance.qualified(name) in self.link.shared:
            array[:] = value
        else:
            array[:] = self.state.to_cells(np.broadcast_to(value, (self.state.places, self.edges)))

    def _initial(self, name: str) -> Array:
        """The initial value of a state by the synapse's text."""
        values: dict[str, Any] = {p.name: self.parameters[self.instance.qualified(p.name)] for p in self.model.parameters}
        values |= {"dt": float(self.state.real[Real.DT]), "t": float(self.state.real[Real.DT]) * int(self.state.ctx[Ctx.STEP])}
        known: dict[str, Expression] = {s.name: s.initial for s in self.model.states}
        known |= {d.name: d.expression for d in self.model.definitions}
        needed = _needed(name, known)
        for one in definition_order({word: known[word] for word in needed}):
            values[one] = evaluate(known[one], {word: values[word] for word in symbols(known[one])})
        return np.atleast_1d(np.asarray(values[name], np.float64))

    def read(self, name: str) -> Array:
        """Present values of a state, or the neurons at the ends, of all connections, (lanes, connections)."""
        ends = {PRE: f"source:{self.link.name}", POST: f"post:{self.link.name}"}
        array = self.state.fields[ends.get(name) or self.instance.qualified(name)]
        if name in ends:
            array = array.astype(np.int32)  # which are stored narrow
        if name == LAST_EVENT:
            array = array * float(self.state.real[Real.DT])
        if array.size != self.edges * self.state.places or name in ends or self.instance.qualified(name) in self.link.shared:
            return np.array(np.broadcast_to(array, (self.state.lanes, self.edges)))
        return self.state.from_cells(array)

    def non_finite(self) -> str | None:
        """The first state that is not finite, in words; None where all are."""
        if self.link.record and _all_finite(self._records):
            return self._not_finite(self.link.shared)
        return self._not_finite({self.instance.qualified(state.name) for state in self.model.states})

    def _not_finite(self, among: Collection[str]) -> str | None:
        for state in self.model.states:
            qualified = self.instance.qualified(state.name)
            if qualified in among and not _all_finite(self.state.fields[qualified]):
                called = f"{self.link.name}.{state.name}"
                return f"{called} ({state.summary})" if state.summary else called
        return None

    def cells_of(self, name: str) -> Array | None:
        """The array that holds a state lane by lane; None where lanes share it, or where it is part of a record."""
        qualified = self.instance.qualified(name)
        return None if qualified in self.link.shared or qualified in self.link.record else self.state.fields[qualified]


def in_lines(rows: int, columns: int) -> Array:
    """Zeros (rows, columns), float64, aligned to a cache line."""
    raw = np.zeros(rows * columns + _LINE)
    begin = -raw.ctypes.data // raw.itemsize % _LINE
    return raw[begin : begin + rows * columns].reshape(rows, columns)


def _all_finite(array: Array) -> bool:
    """Whether all entries are finite; mostly their sum is, which takes a fraction of the time."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()) or np.isfinite(array).all())


def _needed(name: str, known: Mapping[str, Expression]) -> set[str]:
    """Transitive closure: a name and those that its expression needs."""
    found, waiting = {name}, [name]
    while waiting:
        more = (symbols(known[waiting.pop()]) & known.keys()) - found
        found |= more
        waiting += more
    return found


def make_lists(arrays: NetworkArrays, synapses: list[Synapse]) -> None:
    """Allocate the ring buffers of spike lists: the longest delay of a population's pathways plus one slots."""
    state = arrays.state
    for one in synapses:
        for handler in one.model.handlers:
            p = one.link.population_at(handler.event)
            slots = max(state.wholes.get(f"slots:{spiked(p)}", 1), one.longest(handler.event) + 1)
            state.wholes[f"slots:{spiked(p)}"] = slots
            for name in (spiked(p), counted(p)):
                state.fields.pop(name, None)
