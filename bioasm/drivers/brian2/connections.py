"""The connections of a projection with a synapse as a Synapses object: values, pathways with delays, sums, equations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import brian2
import numpy as np
from brian2 import Function
from numpy.typing import NDArray

from bioasm.drivers.brian2.evaluation import evaluate
from bioasm.drivers.brian2.synapses import forget_queue
from bioasm.drivers.brian2.wire import FindPart, Wire
from bioasm.models.base import LAST_EVENT, POST, PRE
from bioasm.network.namespace import WEIGHT, is_event_driven
from bioasm.network.network import Network, Projection
from bioasm.runtime.connection_values import ConnectionValues, count_problem
from bioasm.runtime.connectivity import connect
from bioasm.runtime.delays import delays_of, steps_of
from bioasm.verifier.gate import Verified

Array = NDArray[Any]

# Orders within Brian2's slots: spikes act before ports (from 10 on) or after them; without an order Brian2 sorts by name.
_ON_PRE, _ON_POST = -1_000_000, 1_000_000
_MOST_PATHWAYS = 1000  # bound of the pathways of one synapse
_INTEGRATED, _ASSIGNED = 2, 3  # in the slot `groups`, after neurons, some of which are integrated with order 1


class ConnectionGroup:
    """Connections of a projection and their values. All lanes share the connections, but not the states.

    Connections are sorted by source, then by target.
    """

    def __init__(
        self, network: Network, projection: Projection, place: int, find: FindPart, parameters: Mapping[str, float]
    ) -> None:
        self.projection, self.place = projection, place
        self.wire = Wire(network, projection, place, find)
        self.synapse, self.pre, self.post = self.wire.synapse, self.wire.ends[PRE], self.wire.ends[POST]
        self.parameters = parameters
        self.weight = ConnectionValues(float(parameters.get(f"{projection.name}.{WEIGHT}", 1.0)))
        self.values: dict[str, Any] = {
            p.name: parameters.get(f"{projection.name}.{p.name}", p.default) for p in self.synapse.parameters
        }
        # States set by the program or the options of the run before the first step.
        chosen = {s.name: parameters.get(f"{projection.name}.{s.name}") for s in self.synapse.states}
        self.given: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
        self.row = self.column = np.zeros(0, np.int64)
        self.objects: list[Any] = []
        self._weights: Callable[[ConnectionValues], Array] = lambda values: np.zeros(0)

    @property
    def count(self) -> int:
        """The number of connections in a lane."""
        return len(self.row)

    # --- making ---------------------------------------------------------------------------------------

    def connect(self, verified: Verified, seed: int) -> None:
        """Make the connections. Raises BioasmError B106 for a wrong number of delays, B402 for a drawn delay below 0."""
        start, column, weight = connect(verified, self.projection, self.weight, seed)
        row = np.repeat(np.arange(self.pre.n), np.diff(start))
        self.row, self.column = row, column.astype(np.int64)
        self._weights = lambda values: connect(verified, self.projection, values, seed)[2]
        delays = self._delays(verified, seed, start, column)
        if not self.count:
            return
        made = self._synapses()
        lanes = np.arange(self.pre.lanes)[:, None]
        made.connect(i=(lanes * self.pre.n + self.row).ravel(), j=(lanes * self.post.n + self.column).ravel())
        self.objects = [made]
        for at, handler in enumerate(self.synapse.handlers):
            getattr(made, _pathway(at)).variables["delay"].get_value()[:] = np.tile(delays[handler.delay], self.pre.lanes)
        self._fill()
        self._weigh(weight)
        self.start(0.0)

    def _synapses(self) -> Any:
        """The Synapses object, with its code in the right time slots."""
        wire, clock = self.wire, self.pre.clock
        if wire.port is not None and not wire.acts_at_once:
            self.post.open_port(wire.target, wire.port)
        coded = {
            event: {_pathway(at): wire.pathway(h) for at, h in enumerate(self.synapse.handlers) if h.event == event}
            for event in (PRE, POST)
        }
        model, method = "\n".join(wire.lines(float(clock.dt_))), wire.method or "euler"
        how = {"on_pre": coded[PRE] or None, "on_post": coded[POST] or None, "namespace": self._functions()}
        made = brian2.Synapses(self.pre.group, self.post.group, model, method=method, clock=clock, **how)
        for updater in made.summed_updaters.values():
            updater.when, updater.order = "start", 0  # after samples, before everything else in the step
        if made.state_updater is not None:
            made.state_updater.order = _INTEGRATED
        if wire.step_code:
            made.run_regularly(wire.step_code, clock=clock, when="groups", order=_ASSIGNED)
        for at, handler in enumerate(self.synapse.handlers):
            first = _ON_PRE if handler.event == PRE else _ON_POST
            getattr(made, _pathway(at)).order = first + self.place * _MOST_PATHWAYS + at
        return made

    def _functions(self) -> dict[str, Any]:
        """Solutions of coupled event-driven equations, as functions for numpy."""
        system = self.wire.together
        if system is None:
            return {}
        names, read = (*system.names, *self.wire.read_together), [None] * (1 + len(system.names) + len(self.wire.read_together))

        def solution(at: int) -> Any:
            def solved(elapsed: Any, *values: Any) -> Any:
                known = dict(zip(names, np.broadcast_arrays(elapsed, *values)[1:], strict=True))
                found = system.solved(lambda name: known.get(name, float(self.pre.clock.dt_)), elapsed)[at]
                return found if np.ndim(elapsed) else found[0]

            made = Function(solved, arg_units=read, return_unit=lambda *units: units[1 + at])
            made.implementations.add_implementation("numpy", solved)
            return made

        return {self.wire.solution(at): solution(at) for at in range(len(system.names))}

    def _delays(self, verified: Verified, seed: int, start: Array, reached: Array) -> dict[str, Array]:
        """The delays of connections by pathway, in seconds, rounded to whole steps. Raises BioasmError B106."""
        step, given = float(self.pre.clock.dt_), delays_of(verified, self.projection, self.parameters, seed)
        return {name: steps_of(delays.along(start, reached), self.count, step) * step for name, delays in given.items()}

    # --- values ---------------------------------------------------------------------------------------

    def _array(self, name: str) -> Array:
        """A view of one of Brian2's variables, (lanes, connections)."""
        values: Array = self.objects[0].variables[name].get_value()
        return values.reshape(self.pre.lanes, self.count)

    def _fill(self) -> None:
        """Set parameters, and the propagators of coupled exact equations."""
        if not self.objects:
            return
        for name, value in self.values.items():
            self._array(self.wire.own(name))[:] = value
        dt = float(self.pre.clock.dt_)
        for _, _, system in self.wire.exact_systems:
            for variable, values in system.values(lambda name: self.values.get(name, dt), self.count, dt):
                self._array(variable)[:] = values

    def set_weight(self, values: ConnectionValues) -> None:
        """Set the weights of all connections, or the factors of those of a matrix."""
        self.weight = values
        if self.objects:
            self._weigh(self._weights(values))

    def _weigh(self, weights: Array) -> None:
        """Set the weights of connections, one or one each, where the synapse sends to a port."""
        if self.wire.port is not None:
            self._array(self.wire.own(WEIGHT))[:] = weights

    def set_own(self, name: str, value: Array | float, *, begun: bool) -> str | None:
        """SET of a parameter or state, one number or one a connection; returns the fault, or None.

        Before the network has `begun` it sets initial values, which RST restores.
        """
        problem = count_problem(f"{self.projection.name}.{name}", value, self.count)
        if problem is not None:
            return problem
        if name not in self.values:
            if not begun:
                self.given[name] = value
            self.store(name, value)
            return None
        self.values[name] = value
        self._fill()
        if not begun:
            self.start(0.0)
        return None

    def store(self, name: str, value: Any) -> None:
        """Set a state to values that broadcast to (lanes, connections)."""
        if self.objects:
            self._array(self.wire.own(name))[:] = value

    def read(self, name: str) -> Array:
        """Present values of a state, or the neurons at the ends, of all connections, (lanes, connections)."""
        ends = {PRE: self.row, POST: self.column}
        if name in ends or not self.objects:
            return np.array(np.broadcast_to(ends.get(name, np.zeros(0)), (self.pre.lanes, self.count)))
        return self._array(self.wire.last_event if name == LAST_EVENT else self.wire.own(name)).copy()

    def start(self, now: float) -> None:
        """Initialise all states at a time (s): to the program's values, else to those of the text."""
        if not self.objects:
            return
        known = {"dt": float(self.pre.clock.dt_), "t": now, **self.values}
        for state in self.synapse.states:
            self.store(state.name, self.given.get(state.name, self._initial(state.name, known)))
        if is_event_driven(self.synapse):
            self._array(self.wire.last_event)[:] = now

    def _initial(self, name: str, known: Mapping[str, Any]) -> Any:
        """The initial value of a name: a known one, else that of the text."""
        texts = {s.name: s.initial for s in self.synapse.states} | {d.name: d.expression for d in self.synapse.definitions}
        return known[name] if name in known else evaluate(texts[name], lambda other: self._initial(other, known))

    def non_finite(self) -> str | None:
        """The first state that is not finite, in words; None where all are."""
        states = (s.name for s in self.synapse.states) if self.objects else ()
        found = next((name for name in states if not np.isfinite(self.read(name)).all()), None)
        return None if found is None else f"the variable {self.projection.name}.{found}"

    def reset(self, now: float) -> None:
        """Reset states to their initial values, and drop spikes in flight."""
        for at in range(len(self.synapse.handlers) if self.objects else 0):
            forget_queue(getattr(self.objects[0], _pathway(at)).queue)
        self.start(now)


def _pathway(at: int) -> str:
    return f"path_{at}"
