"""Projections as Brian2 synapses, and delay lines for values that mechanisms read with a delay."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.arrivals import PROJECTED
from bioasm.drivers.brian2.cell import Part
from bioasm.drivers.brian2.population import Population
from bioasm.network.network import Projection
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.connectivity import connect
from bioasm.runtime.delays import in_steps, steps_of
from bioasm.verifier.gate import Verified

Array = NDArray[Any]

_SLACK = 1e-6  # steps: a delay this close to a whole number of steps counts as that number


class SynapseGroup:
    """The synapses of one projection from a population to a port of another. All lanes share the connections."""

    def __init__(self, projection: Projection, place: int, pre: Population, post: Population, target: Part) -> None:
        self.projection, self.place, self.pre, self.post, self.target = projection, place, pre, post, target
        self.weight, self.delay = ConnectionValues(1.0), ConnectionValues(0.0)
        self.objects: list[Any] = []

    @property
    def is_delayed_by_target(self) -> bool:
        """Whether the target reads with delayed(...), so that spikes are not delayed."""
        own = self.post.cell.kept.values()
        return any(part is self.target and call.function == "delayed" for part, call in own)

    def connect(self, verified: Verified, seed: int) -> None:
        """Make the synapses."""
        port = self.target.model.port(self.projection.port)
        assert port is not None
        start, column, weight = self._made(verified, seed)
        row = np.repeat(np.arange(self.pre.n), np.diff(start))
        late = self._late(start, column)
        if not len(row):
            return
        early = self.post.cell.is_early
        how = {"delay": late.item() * self.pre.clock.dt} if late.size == 1 else {}
        synapses = self.post.synapses(self.pre.group, self.target, port, PROJECTED + self.place, **how)
        synapses.pre.when = "end" if early else "synapses"
        lanes = np.arange(self.pre.lanes)[:, None]
        synapses.connect(i=(lanes * self.pre.n + row).ravel(), j=(lanes * self.post.n + column).ravel())
        if not how:
            synapses.pre.delay = np.tile(late, self.pre.lanes) * self.pre.clock.dt
        self.objects = [synapses]
        self._weigh(weight)
        self._again = partial(self._made, verified, seed)

    def _late(self, start: Array, reached: Array) -> Array:
        """The delays in steps, one a connection or one for all.

        One less where the receiver's receive phase is before the spike phase: such spikes wait for its next step.
        """
        step, delays = float(self.pre.clock.dt_), self.delay.along(start, reached)
        given = 0.0 if self.is_delayed_by_target else self.delay.number
        late = steps_of(delays, len(reached), step) if given is None else in_steps(np.atleast_1d(given), step)
        return np.maximum(late, 1) - 1 if self.post.cell.is_early else late

    def _weigh(self, weight: Array) -> None:
        self.objects[0].variables["w"].get_value()[:] = np.tile(weight, self.pre.lanes)

    def set_weight(self, values: ConnectionValues) -> None:
        """Set the weights of all connections, or the factors of those of a matrix."""
        self.weight = values
        if self.objects:
            self._weigh(self._again()[2])

    def reset(self, now: float) -> None:
        """Drop the spikes in flight."""
        for synapses in self.objects:
            forget_queue(synapses.pre.queue)

    def _made(self, verified: Verified, seed: int) -> tuple[Array, Array, Array]:
        """CSR arrays: row starts, targets and weights."""
        start, column, weight = connect(verified, self.projection, self.weight, seed)
        return start, column.astype(np.int64), np.broadcast_to(weight, column.shape)


def forget_queue(queue: Any) -> None:
    """Drop the spikes of a pathway in flight."""
    if hasattr(queue, "n"):  # the Python implementation of the queue
        queue.n[:] = 0
    elif queue is not None:
        offset, slots = queue._full_state()
        queue._restore_from_full_state((offset, [[] for _ in slots]))


class DelayLines:
    """Delay lines (ring buffers) of delayed(...) in a population's parts: values at the starts of the last steps."""

    def __init__(self, population: Population, delays: Mapping[str, float]) -> None:
        self.population = population
        dt = float(population.clock.dt_)
        self.kept = {
            name: (part, call.arguments[0], deque[Array](maxlen=int(np.ceil(delays.get(part.name, 0.0) / dt - _SLACK)) + 1))
            for name, (part, call) in population.cell.kept.items()
            if call.function == "delayed"
        }

    def note(self) -> None:
        """Before a step: store the present values, and write the delayed ones into the group; 0 before the start."""
        for name, (part, expression, past) in self.kept.items():
            past.append(self.population.evaluated(part, expression))
            self.population.store(name, past[0] if len(past) == past.maxlen else 0.0)

    def reset(self) -> None:
        """Clear the delay lines."""
        for _, _, past in self.kept.values():
            past.clear()
