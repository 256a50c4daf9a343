"""A network's projections: their weights and delays, and the rings in which spikes are under way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.models.expression import Call
from bioasm.network.network import MATRIX, Projection
from bioasm.runtime.connectivity import Connections, from_matrix, from_rule
from bioasm.vm.background import Lookout
from bioasm.vm.codegen.lower import delayed_ring
from bioasm.vm.layout import Real
from bioasm.vm.network_arrays import NetworkArrays

Array = NDArray[Any]
_SLACK = 1e-6  # of a step: a delay this close to a whole number of steps is that number


class Projections:
    """Connections in compressed sparse rows: start int64 (pre + 1,), post int32 and weight float64 (connections,).

    `notice` is told while they are made, and returns False where the run is asked to stop.
    """

    def __init__(self, arrays: NetworkArrays, parameters: Mapping[str, float], notice: Callable[[str], bool]) -> None:
        self.arrays, self.state, self.notice = arrays, arrays.state, notice
        self.connected = False
        self.weight = {p.name: parameters.get(f"{p.name}.weight", 1.0) for p in arrays.network.projections}
        self.delay = {p.name: parameters.get(f"{p.name}.delay", 0.0) for p in arrays.network.projections}
        for projection in arrays.network.projections:
            self._place(projection, (np.zeros(1 + self._pre(projection), np.int64), np.zeros(0, np.int32), np.zeros(0)))
            self._make_room(projection)

    def _pre(self, projection: Projection) -> int:
        return self.arrays.network.populations[projection.pre].n

    def _place(self, projection: Projection, found: Connections) -> None:
        for part, array in zip(("start", "post", "weight"), found, strict=True):
            self.state.fields[f"{part}:{projection.name}"] = array

    def parameter_problem(self) -> str | None:
        """What is wrong with the delays: a mechanism that delays a value itself has one delay for all that comes to it."""
        for name in {p.target for p in self.arrays.network.projections}:
            mine = [p for p in self.arrays.network.projections if p.target == name]
            if self._delayed(mine[0]) and len({self.delay[p.name] for p in mine}) > 1:
                words = " and ".join(f"{p.name} ({self.delay[p.name]:g} s)" for p in mine)
                return f"{name} delays a value by the delay of its projection, and these differ: {words}"
        return None

    def matrix(self, name: str) -> Any:
        """The matrix of weights of a projection that has one, as the program holds it."""
        projection = self.arrays.network.projection(name)
        assert projection is not None
        return None if projection.data is None else self.arrays.names.verified.program.data[projection.data].value

    def connect(self) -> None:
        """Make the connections, before the first step: with the weights that are set by then.

        Raises Abandoned where that is asked for. Then those that lack stay away: no step is done any more.
        """
        if not self.connected:
            self.connected = True
            for projection in self.arrays.network.projections:
                self._connect(projection.name)

    def _connect(self, name: str) -> None:
        projection = self.arrays.network.projection(name)
        assert projection is not None
        look = Lookout(lambda: self.notice(f"connecting {name}"))
        target = self.arrays.network.instance(projection.target)
        assert target is not None
        if projection.rule == MATRIX:
            self._place(projection, from_matrix(self.matrix(name), self.weight[name], look))
            return
        pre, post = self._pre(projection), self.arrays.network.populations[target.population].n
        itself = projection.pre == target.population
        place = self.arrays.network.projections.index(projection)
        number, seed = projection.number or 0.0, self.state.seed
        self._place(projection, from_rule(projection.rule, number, pre, post, itself, self.weight[name], seed, place, look))

    def set_weight(self, name: str, value: float) -> None:
        """SET name.weight: of every connection, or what multiplies those of a matrix."""
        self.weight[name] = value
        if self.connected and self.matrix(name) is not None:
            self._connect(name)
            self.arrays.stale = True
        elif self.connected:
            self.state.fields[f"weight:{name}"][:] = value

    def _make_room(self, projection: Projection) -> None:
        """Empty ring buffers: one slot of cells for each step of the delay (seconds), and one."""
        steps = self.delay[projection.name] / float(self.state.real[Real.DT])
        delayed = self._delayed(projection)
        spikes = 0 if delayed else round(steps)
        self._clear(f"ring:{projection.name}", spikes + 1)
        self.state.wholes[f"delay:{projection.name}"] = spikes
        self.state.wholes[f"slots:arrived:{projection.name}"] = 1
        for ring in delayed:
            self._clear(ring, int(np.ceil(steps - _SLACK)) + 1)

    def _clear(self, ring: str, slots: int) -> None:
        self.state.wholes[f"slots:{ring}"] = slots
        for name in (ring, f"mark:{ring}"):
            self.state.fields.pop(name, None)

    def _delayed(self, projection: Projection) -> list[str]:
        """Ring buffers of what the target's text delays itself with delayed(...)."""
        instance = self.arrays.names.by_name[projection.target]
        system = self.arrays.names.system(self.arrays.names.population_of(instance))
        calls = [n for a in instance.model.adds for n in a.value.walk() if isinstance(n, Call) and n.function == "delayed"]
        return [delayed_ring(c) for c in (system.qualify(instance, call) for call in calls) if isinstance(c, Call)]

    def chosen(self) -> dict[str, Array]:
        """Weights, for a checkpoint; connections are made anew, and rings are fields."""
        return {f"weight.{name}": np.asarray(value, np.float64) for name, value in self.weight.items()}
