"""Assembly of a program's Brian2 objects: groups of neurons, synapses, delay lines and noise, in one Network with its clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import brian2
from numpy.typing import NDArray

from bioasm.drivers.brian2.cell import SLOTS, Cell, Part
from bioasm.drivers.brian2.connections import ConnectionGroup
from bioasm.drivers.brian2.population import Population
from bioasm.drivers.brian2.spatial import PHASES, SpatialCells
from bioasm.drivers.brian2.sums import summed_variables
from bioasm.drivers.brian2.synapses import DelayLines, SynapseGroup
from bioasm.drivers.brian2.trees import part_of, tree_of
from bioasm.network import network as wiring
from bioasm.network.namespace import DELAY
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.delays import delays_of, longest
from bioasm.runtime.setup import recorded_events
from bioasm.runtime.streams import Stream, white_noise
from bioasm.verifier.gate import Verified

Array = NDArray[Any]


class TimedNetwork(brian2.Network):  # type: ignore[misc]
    """A Network that measures the time of its code generation."""

    seconds = 0.0

    def before_run(self, namespace: Any) -> None:
        """Brian2's method, timed."""
        began = time.perf_counter()
        super().before_run(namespace)
        type(self).seconds += time.perf_counter() - began


class Assembly:
    """All populations of a program in all lanes, and the projections between them.

    `before` and `after` are called at the start and the end of each step. With `own_noise` Brian2 draws its noise itself.
    """

    def __init__(
        self, verified: Verified, lanes: range, seed: int, parameters: Mapping[str, float], own_noise: bool,
        before: Callable[[], None], after: Callable[[], None],
    ) -> None:  # fmt: skip
        network = verified.network
        self.verified, self.network, self.program, self.seed = verified, network, verified.program, seed
        self.numbers, self.lanes = lanes, len(lanes)  # the lanes in the noise's key, and their number
        self.parameters, self.own_noise = parameters, own_noise
        self.clock = brian2.Clock(dt=float(parameters["dt"]) * brian2.second)
        self.summed = summed_variables(network)
        self.populations = [self._population(k, p) for k, p in enumerate(network.populations)]
        self.trees = [SpatialCells(one, self.populations, self.clock) for one in network.cables]
        self.synapses = [self._synapses(k, p) for k, p in enumerate(network.projections)]
        self.look()
        self.noises: list[tuple[Array, Stream]] = [] if own_noise else self._noises()
        self.delay_lines: list[DelayLines] = []
        self.connected = False
        self.heard = recorded_events(verified)
        self.net = self._make_network(before, after)

    def _population(self, index: int, one: wiring.Population) -> Population:
        tree = tree_of(self.verified, index)
        parts = [Part(one.name, one.model)]
        parts += [part_of(m, self.network) for m in self.network.mechanisms if m.population == index]
        clamps = any(i.mnemonic == "CLAMP" for i in self.program.instructions) and tree is None
        cell = Cell(parts, self.own_noise, clamps, tree, self.summed)
        return Population(cell, one.n, self.lanes, one.first, self.clock, self.parameters)

    def parts(self) -> list[tuple[Population, Part]]:
        """All populations, then all mechanisms, with their populations."""
        own = [(p, p.cell.parts[0]) for p in self.populations]
        return own + [(p, part) for p in self.populations for part in p.cell.parts[1:]]

    def part(self, name: str) -> tuple[Population, Part]:
        """A population or mechanism by its name, with its population."""
        return next((population, part) for population, part in self.parts() if part.name == name)

    def connections(self, name: str) -> ConnectionGroup | None:
        """The connections of a projection with a synapse, by its name."""
        found = (one for one in self.synapses if isinstance(one, ConnectionGroup) and one.projection.name == name)
        return next(found, None)

    def _synapses(self, place: int, projection: wiring.Projection) -> SynapseGroup | ConnectionGroup:
        if projection.synapse is not None:
            return ConnectionGroup(self.network, projection, place, self.part, self.parameters)
        post, target = self.part(projection.target)
        made = SynapseGroup(projection, place, self.populations[projection.pre], post, target)
        made.weight = ConnectionValues(float(self.parameters.get(f"{projection.name}.weight", 1.0)))
        made.delay = delays_of(self.verified, projection, self.parameters, self.seed)[DELAY]
        return made

    def _make_network(self, before: Callable[[], None], after: Callable[[], None]) -> TimedNetwork:
        first = brian2.NetworkOperation(before, clock=self.clock, when="start", order=-1)
        last = brian2.NetworkOperation(after, clock=self.clock, when="end", order=1)
        made = [p.group for p in self.populations] + [p.spikes for p in self.populations if p.spikes is not None]
        made += [home.watch(part, ref.name) for ref in self.heard for home, part in [self.part(ref.owner)]]
        made += [each for tree in self.trees for each in tree.objects]
        net = TimedNetwork(*made, first, last)
        slots = [tree.volumes.cell.slot(phase) for tree in self.trees for phase in PHASES]
        early = [p.cell for p in self.populations if p.cell.is_early and p.cell.tree is None]
        slots += [cell.slot(phase) for cell in early for phase in cell.parts[0].model.order]
        net.schedule = ["start", *slots, *SLOTS.values(), "end"]
        return net

    def _noises(self) -> list[tuple[Array, Stream]]:
        """White-noise variables and their streams of random numbers: `xi` of a population, then others by name."""
        found = []
        for population in self.populations:
            cell = population.cell
            own = [(part, name) for part, name in cell.noises if (part, name) == (cell.parts[0], "xi")]
            others = sorted((pair for pair in cell.noises if pair not in own), key=lambda pair: self._rank(population, *pair))
            for place, (part, name) in [(0, pair) for pair in own] + list(enumerate(others, 1)):
                where = population.group.variables[cell.variable(part, name)].get_value()
                found.append((where, white_noise(self.seed, self.numbers, population.n, population.first, place)))
        return found

    def _rank(self, population: Population, part: Part, name: str) -> tuple[bool, int, str]:
        """Sort key: mechanisms before the population, in program order."""
        names = [m.name for m in self.network.mechanisms]
        return part is population.cell.parts[0], names.index(part.name) if part.name in names else 0, name

    def connect(self) -> None:
        """Make the connections and the delay lines of delayed(...), once, before the first step."""
        if self.connected:
            return
        self.connected = True
        for synapses in self.synapses:
            synapses.connect(self.verified, self.seed)
            if synapses.objects:
                self.net.add(*synapses.objects)
        late = [s for s in self.synapses if isinstance(s, SynapseGroup) and s.is_delayed_by_target]
        delays = {s.target.name: longest(s.delay) for s in late}
        self.delay_lines = [DelayLines(p, delays) for p in self.populations]

    def look(self) -> None:
        """Update the potentials at places of cells after those of control volumes were set."""
        for tree in self.trees:
            tree.look()

    def draw_noise(self, step: int) -> None:
        """Set the random numbers of a step to the common ones of all drivers."""
        for where, stream in self.noises:
            where[:] = stream.row(step)

    def reset(self, now: float) -> None:
        """Reset all states to their initial values and clear spikes and delayed values in flight; the time is `now` (s)."""
        for population in self.populations:
            population.reset()
        self.look()
        for lines in self.delay_lines:
            lines.reset()
        for synapses in self.synapses:
            synapses.reset(now)
