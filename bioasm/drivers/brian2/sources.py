"""External spikes as Brian2 objects: spike trains and Poisson processes, each with its synapses."""

from __future__ import annotations

from typing import Any

import brian2
import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.arrivals import GIVEN, RANDOM
from bioasm.drivers.brian2.cell import Part
from bioasm.drivers.brian2.population import Population
from bioasm.models.base import Port
from bioasm.runtime.poisson import counts
from bioasm.runtime.streams import Stream

Array = NDArray[Any]


class Train:
    """Spike train: a SpikeGeneratorGroup, common to all lanes."""

    def __init__(self, population: Population, part: Part, port: Port, steps: Array, neurons: Array, weight: Any) -> None:
        dt = float(population.clock.dt_)
        sender, target = _one_a_step(steps, neurons)
        count = max(1, len(target))
        times = steps * dt * brian2.second
        # External spikes arrive at the start of a step, whatever the order of its phases.
        self.group = brian2.SpikeGeneratorGroup(count, sender, times, clock=population.clock, when="start", order=1)
        self.synapses = _synapses(self.group, population, part, port, GIVEN)
        lanes = np.arange(population.lanes)
        self.synapses.connect(
            i=np.tile(np.arange(len(target)), population.lanes),
            j=(lanes[:, None] * population.n + target[None, :]).ravel(),
        )
        weights = np.broadcast_to(np.asarray(weight, np.float64), population.n)
        if len(target):
            self.synapses.variables["w"].get_value()[:] = np.tile(weights[target], population.lanes)
        self.objects = [self.group, self.synapses] if len(target) else []


def _one_a_step(steps: Array, neurons: Array) -> tuple[Array, Array]:
    """Split multiplicities: Brian2's sources send at most one spike a step, so repeated spikes get separate senders.

    Returns each spike's sender, and each sender's neuron.
    """
    order = np.lexsort((steps, neurons))
    same = np.zeros(len(steps), np.int64)
    for before, here in zip(order[:-1], order[1:], strict=True):
        if steps[before] == steps[here] and neurons[before] == neurons[here]:
            same[here] = same[before] + 1
    pairs = np.stack([neurons, same], axis=1) if len(steps) else np.zeros((0, 2), np.int64)
    unique, sender = np.unique(pairs, axis=0, return_inverse=True)
    return sender.ravel(), unique[:, 0]


class Poisson:
    """Poisson spikes of each neuron: the counts of a step, which arrive as one weight."""

    def __init__(self, population: Population, part: Part, port: Port, words: Stream | None) -> None:
        """`words` are the common random words of all drivers; without them Brian2 draws the counts."""
        cells = population.n * population.lanes
        self.words, self.shape, self.tables = words, (population.lanes, population.n), counts(np.zeros(population.n))
        self.group = brian2.NeuronGroup(
            cells, "count : 1\nexpected : 1 (constant)", threshold="count > 0", reset="", clock=population.clock, namespace={}
        )
        self.group.thresholder["spike"].when, self.group.thresholder["spike"].order = "start", 1
        if words is None:
            self.group.run_regularly("count = poisson(expected)", clock=population.clock, when="start", order=0)
        self.synapses = _synapses(self.group, population, part, port, RANDOM, times="count_pre * ")
        self.synapses.connect(j="i")
        self.objects = [self.group, self.synapses]

    def set(self, rate: Any, weight: Any, dt: float, neurons: slice) -> None:
        """Set the rate in hertz and the weight of neurons, one number or one a neuron."""
        expected = self.group.variables["expected"].get_value().reshape(self.shape)
        expected[:, neurons] = np.asarray(rate, np.float64) * dt
        self.tables = counts(expected[0])
        self.synapses.variables["w"].get_value().reshape(self.shape)[:, neurons] = weight

    def draw(self, step: int) -> None:
        """Set the counts of a step, unless Brian2 draws them itself."""
        if self.words is not None:
            drawn = self.words.row(step).reshape(self.shape)
            self.group.variables["count"].get_value()[:] = self.tables.of(drawn).ravel()


def _synapses(source: Any, population: Population, part: Part, port: Port, place: int, **how: Any) -> Any:
    synapses = population.synapses(source, part, port, place, **how)
    synapses.pre.when, synapses.pre.order = "start", 2  # independent of the phase in which the port is read
    return synapses
