"""A network's projections: CSR connectivity, weights and delays, and the ring buffers of spikes in flight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.models.expression import Call
from bioasm.network.network import Projection
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.connectivity import Connections, connect
from bioasm.runtime.delays import differing_delays, in_steps
from bioasm.vm.background import Lookout
from bioasm.vm.codegen.lower import delayed_ring
from bioasm.vm.layout import Real
from bioasm.vm.network_arrays import NetworkArrays
from bioasm.vm.state import Origin
from bioasm.vm.synapses import Synapse, make_lists

Array = NDArray[Any]
_SLACK = 1e-6  # steps: a delay this close to a whole number of steps counts as that number


class Projections:
    """Connections in compressed sparse rows: start int64 (pre + 1,), post and weight (connections,) in the narrowest types.

    Where all weights are equal, there is a single one. Kernels get the item sizes in bytes, 0 for such a weight.
    `notice` is called while connections are made, and returns False where the run is asked to stop.
    """

    def __init__(
        self,
        arrays: NetworkArrays,
        parameters: Mapping[str, float],
        values: Mapping[str, Array | float],
        notice: Callable[[str], bool],
    ) -> None:
        """`parameters` are those of the run by their keys, `values` those of all instances by qualified name."""
        self.arrays, self.state, self.notice = arrays, arrays.state, notice
        self.connected = False
        given = {p.name: parameters.get(f"{p.name}.weight", 1.0) for p in arrays.network.projections}
        self.weight = {name: ConnectionValues(float(value), f"{name}.weight") for name, value in given.items()}
        self.set_by: dict[str, Origin] = {}  # by projection: the SET that gave each connection its weight
        self.delay = {p.name: parameters.get(f"{p.name}.delay", 0.0) for p in arrays.network.projections}
        links = [link for link in arrays.names.links() if link.synapse is not None]
        self.synapses = {link.name: Synapse(arrays, link, values, parameters) for link in links}
        make_lists(arrays, list(self.synapses.values()))
        for projection in arrays.network.projections:
            self._place(projection, (np.zeros(1 + self._pre(projection), np.int64), np.zeros(0, np.int32), np.zeros(1)))
            self.state.fields[f"scale:{projection.name}"] = np.ones(self.state.places)
            self._make_room(projection)

    def _pre(self, projection: Projection) -> int:
        return self.arrays.network.populations[projection.pre].n

    def _place(self, projection: Projection, found: Connections) -> None:
        start, post, weight = found
        self.arrays.stale = True
        self.state.fields |= {f"start:{projection.name}": start, f"post:{projection.name}": post}
        self.state.wholes[f"post_size:{projection.name}"] = post.itemsize
        self._weigh(projection.name, weight)

    def _weigh(self, name: str, weight: Array) -> None:
        """Set weights, in the present array where its dtype holds them; else in a new one, which is bound again."""
        size, held = 0 if len(weight) == 1 else weight.itemsize, self.state.fields.get(f"weight:{name}")
        if held is not None and (held.dtype, held.shape) == (weight.dtype, weight.shape):
            held[:] = weight
            return
        self.state.fields[f"weight:{name}"] = weight
        self.state.wholes[f"weight_size:{name}"] = size
        self.arrays.stale = True

    def parameter_problem(self) -> str | None:
        """The fault of the delays, or None: a mechanism with delayed(...) has one delay for all projections to it."""
        return differing_delays(self.arrays.network, {f"{name}.delay": delay for name, delay in self.delay.items()})

    def matrix(self, name: str) -> Any:
        """The program's weight matrix of a projection, or None."""
        projection = self._projection(name)
        return None if projection.data is None else self.arrays.names.verified.program.data[projection.data].value

    def _projection(self, name: str) -> Projection:
        found = self.arrays.network.projection(name)
        assert found is not None
        return found

    def connect(self) -> None:
        """Make all connections, before the first step, with the weights set until then.

        Raises Abandoned on request; the missing ones are then not made, and no step follows.
        """
        if not self.connected:
            self.connected = True
            for projection in self.arrays.network.projections:
                self.ensure(projection.name)

    def ensure(self, name: str) -> Synapse | None:
        """Make a projection's connections, those of a synapse only once; returns its synapse, or None."""
        synapse = self.synapses.get(name)
        if synapse is None:
            self._connect(name)
        elif not synapse.connected:
            self._connect(name)
            if not synapse.model.sends:
                self._weigh(name, np.zeros(1))  # which is never read
            synapse.connect(Lookout(lambda: self.notice(f"connecting {name}")))
            self.arrays.note_edges(synapse.link.recordable, synapse.edges)
            self.arrays.stale = True
        return synapse

    def _connect(self, name: str) -> None:
        projection = self._projection(name)
        self._place(projection, self._made(projection))

    def _made(self, projection: Projection) -> Connections:
        look = Lookout(lambda: self.notice(f"connecting {projection.name}"))
        return connect(self.arrays.names.verified, projection, self.weight[projection.name], self.state.seed, look)

    def set_weight(self, name: str, values: ConnectionValues) -> None:
        """SET name.weight: of all connections, or the factors of those of a matrix, also with values of the lanes' own."""
        self.weight[name] = values
        scale = np.ones(1) if values.of_lanes is None else self.state.rows_of_places(values.of_lanes[:, 0])
        self.state.fields[f"scale:{name}"][:] = scale
        self.set_by.pop(name, None)
        if values.number is None:
            self.set_by[name] = self.state.origin
        synapse = self.synapses.get(name)
        if not (self.connected if synapse is None else synapse.connected):
            return
        if synapse is not None and synapse.link.is_static and (values.number is None or self.matrix(name) is not None):
            synapse.connected = False  # its connections and their weights were sorted by delay
            self.ensure(name)
        elif synapse is None or synapse.model.sends:
            self._weigh(name, self._weights(self._projection(name)))

    def _weights(self, projection: Projection) -> Array:
        """The weights of the existing connections, by CSR row."""
        if projection.data is not None:
            return self._made(projection)[2]
        start, post = (self.state.fields[f"{part}:{projection.name}"] for part in ("start", "post"))
        return self.weight[projection.name].along(start, post).weights(np.ones(1), len(post))

    def _make_room(self, projection: Projection) -> None:
        """Allocate empty ring buffers: one slot of cells for each step of the delay (s), and one more."""
        if projection.name in self.synapses:
            self.state.wholes[f"slots:arrived:{projection.name}"] = 1
            return
        step = float(self.state.real[Real.DT])
        delayed = self._delayed(projection)
        spikes = 0 if delayed else int(in_steps(self.delay[projection.name], step))
        self._clear(f"ring:{projection.name}", spikes + 1)
        self.state.wholes[f"delay:{projection.name}"] = spikes
        self.state.wholes[f"slots:arrived:{projection.name}"] = 1
        for ring in delayed:
            self._clear(ring, int(np.ceil(self.delay[projection.name] / step - _SLACK)) + 1)

    def _clear(self, ring: str, slots: int) -> None:
        self.state.wholes[f"slots:{ring}"] = slots
        for name in (ring, f"mark:{ring}"):
            self.state.fields.pop(name, None)

    def _delayed(self, projection: Projection) -> list[str]:
        """The ring buffers of delayed(...) in the target's text."""
        instance = self.arrays.names.by_name[projection.target]
        system = self.arrays.names.system(self.arrays.names.population_of(instance))
        calls = [n for a in instance.model.adds for n in a.value.walk() if isinstance(n, Call) and n.function == "delayed"]
        return [delayed_ring(c) for c in (system.qualify(instance, call) for call in calls) if isinstance(c, Call)]

    def chosen(self) -> dict[str, Array]:
        """The uniform weights, for a checkpoint, which remakes connections and has ring buffers as fields."""
        numbers = {name: values.number for name, values in self.weight.items()}
        found = {f"weight.{name}": np.asarray(value) for name, value in numbers.items() if value is not None}
        given = {
            f"given.{name}.{s.name}": one.given.get(s.name, np.array(np.nan))
            for name, one in self.synapses.items()
            for s in one.model.states
        }
        return found | given | self.scales()

    def scales(self) -> dict[str, Array]:
        """The factors of weights per lane, of projections that have them, by their names in a checkpoint."""
        own = [name for name, values in self.weight.items() if values.of_lanes is not None]
        return {f"scale.{name}": self.state.fields[f"scale:{name}"] for name in own}
