"""The input of the code generator: everything of a network that determines the source of its step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bioasm.models.base import LAST_EVENT, PRE, SYNAPSE, Handler, Model, Send
from bioasm.models.expression import Expression, Number
from bioasm.network.namespace import acts_at_spikes_alone, is_event_driven
from bioasm.network.network import CONNECTIONS, variables_of
from bioasm.units import Dimension
from bioasm.vm.codegen.system import Instance, System


class Target(NamedTuple):
    """The target of spikes: an instance and one of its ports."""

    population: int
    owner: str
    port: str

    @property
    def name(self) -> str:
        """The prefix of its fields."""
        return f"{self.owner}.{self.port}"


SENDER = Model(
    "sender", SYNAPSE, "each spike sends the weight of the connection", "", Dimension.TIME, Dimension.NONE, 0.0, "",
    (), (), (), "", handlers=(Handler(PRE, "", (Send(Number(1.0)),)),),
)  # fmt: skip
"""What connections without states do that have delays of their own: a synapse whose only pathway sends 1."""


class Summand(NamedTuple):
    """A term that each connection adds to an input (its qualified name) of the neuron at one end, in names of the synapse."""

    end: str
    target: str
    value: Expression


class Link(NamedTuple):
    """A projection: its name, the presynaptic population, and the target.

    With `reweighted` its weight may change while spikes are in flight. With a `synapse` each connection has states, except for
    SENDER, which only delays. `owners` maps each used name to its population and the qualified name there. `own` are parameters
    that differ between connections or lanes, `shared` states common to all lanes, `apart` parameters and states that may have
    values of the lanes' own, `scattered` the delays that differ between connections, `sums` the terms added to inputs.
    """

    name: str
    pre: int
    target: Target
    reweighted: bool = False
    synapse: Instance | None = None
    owners: Mapping[str, tuple[int, str]] = {}
    own: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    scattered: frozenset[str] = frozenset()
    sums: tuple[Summand, ...] = ()

    @property
    def is_static(self) -> bool:
        """Whether its connections have no states: spikes then act in their phase of the step."""
        return self.synapse is None or self.synapse.model is SENDER

    def population_at(self, end: str) -> int:
        """The index of the population at an end, `pre` or `post`."""
        return self.pre if end == PRE else self.target.population

    @property
    def handlers(self) -> tuple[Handler, ...]:
        """The pathways of its synapse."""
        return self.synapse.model.handlers if self.synapse is not None else ()

    @property
    def recordable(self) -> list[str]:
        """The qualified names of the states of its connections."""
        return [self.synapse.qualified(s.name) for s in self.synapse.model.states] if self.synapse is not None else []

    @property
    def record(self) -> list[str]:
        """Array of structures: the names stored in one record per connection and lane; empty for a structure of arrays.

        Spikes access scattered connections: a record is in one cache line. Loops over all connections in every step vectorise
        over separate arrays.
        """
        if self.synapse is None or self.sums or self.is_static or not acts_at_spikes_alone(self.synapse.model):
            return []
        names = [name for name in self.recordable if name not in self.shared]
        names += [self.synapse.qualified(LAST_EVENT)] if is_event_driven(self.synapse.model) else []
        return names if len(names) > 1 else []


class CableSites(NamedTuple):
    """Multicompartment cells: the populations of cells and CVs, the suffixes of places, the method, and the detectors."""

    cells: int
    volumes: int
    suffixes: tuple[str, ...]
    crank_nicolson: bool
    detectors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The inputs of code generation: the systems, one a population; projections; what inputs and events the program uses.

    `played` are the qualified names of inputs that PLAY or WAVE drive, `played_apart` of those whose parts have
    waveforms of their own, `events` the targets of external spikes,
    `watched` the variables that are recorded or peeked at, `heard` the events that are recorded (qualified names).
    `coupled` is the population with the feedback J s + h, or None. `single` are the populations of one neuron in one lane,
    `cables` the multicompartment cells.
    """

    systems: tuple[System, ...]
    links: tuple[Link, ...] = ()
    played: frozenset[str] = frozenset()
    events: tuple[Target, ...] = ()
    watched: frozenset[str] = frozenset()
    clamped: bool = False
    coupled: int | None = None
    single: frozenset[int] = frozenset()
    played_apart: frozenset[str] = frozenset()
    cables: tuple[CableSites, ...] = ()
    heard: frozenset[str] = frozenset()

    @property
    def of_cables(self) -> frozenset[int]:
        """The populations of multicompartment cells and of their CVs and detectors."""
        return frozenset(p for one in self.cables for p in (one.cells, one.volumes, *one.detectors))


def variables(plan: Plan) -> list[tuple[int, str]]:
    """All recordable variables as (population, qualified name); the index in the list is the variable's number."""
    found = []
    for p, system in enumerate(plan.systems):
        for instance in system.instances:
            found += [(p, instance.qualified(v.name)) for v in variables_of(instance.model)]
    return found + [(CONNECTIONS, name) for link in plan.links for name in link.recordable]
