"""Sequential spikes at a port: an event queue for each port, processed in rounds of at most one spike a neuron."""

from __future__ import annotations

from typing import Any

import brian2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

GIVEN, RANDOM, PROJECTED = 0, 1, 2  # the order of sources: spike trains, Poisson spikes, then projections
CAME = "came : 1"


class Arrivals:
    """Event queue of one port in a step, and the code of one spike.

    `arrived` is the group's array of weights, `act` a code runner that applies one spike of that weight to each neuron whose
    entry is not 0. Spikes act in the order of their sources; within a source those with the longest delay, the earliest, come
    first, then in the order of its connections, which are sorted by the sending neuron.
    """

    def __init__(self, arrived: Array, act: Any) -> None:
        self.arrived, self.act = arrived, act
        self.sources: dict[int, Any] = {}

    def clear(self) -> None:
        """Clear the arrived spikes."""
        for synapses in self.sources.values():
            _came(synapses)[:] = 0.0

    def take(self) -> None:
        """Apply all arrived spikes."""
        found = [_spikes(self.sources[place]) for place in sorted(self.sources)]
        neuron = np.concatenate([np.zeros(0, np.int64), *(neurons for neurons, _ in found)])
        weight = np.concatenate([np.zeros(0), *(weights for _, weights in found)])
        rounds = _earlier(neuron)
        for now in range(rounds.max(initial=-1) + 1):
            self.arrived[:] = 0.0
            self.arrived[neuron[rounds == now]] = weight[rounds == now]
            self.act.run()
        self.arrived[:] = 0.0


def operation(arrivals: Arrivals, clock: Any, when: str, order: int) -> Any:
    """The NetworkOperation that processes a queue once a step."""
    return brian2.NetworkOperation(arrivals.take, clock=clock, when=when, order=order)


def _came(synapses: Any) -> Array:
    values: Array = synapses.variables["came"].get_value()
    return values


def _spikes(synapses: Any) -> tuple[Array, Array]:
    """The neurons and weights of a source's spikes, with repetitions."""
    came = _came(synapses)
    delay = np.broadcast_to(synapses.pre.variables["delay"].get_value(), came.shape)
    which = np.repeat(np.arange(len(came)), came.astype(np.int64))
    which = which[np.argsort(-delay[which], kind="stable")]
    came[:] = 0.0
    return synapses.variables["_synaptic_post"].get_value()[which].astype(np.int64), synapses.variables["w"].get_value()[which]


def _earlier(neuron: Array) -> Array:
    """The rank of each spike among those to the same neuron."""
    order = np.argsort(neuron, kind="stable")
    _, first, count = np.unique(neuron[order], return_index=True, return_counts=True)
    rank = np.empty(len(neuron), np.int64)
    rank[order] = np.arange(len(neuron)) - np.repeat(first, count)
    return rank
