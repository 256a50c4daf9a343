"""A program's network: its populations, the mechanisms on them and the projections between them, and their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from bioasm.models.base import SPINS, Definition, Input, Model, Parameter, StateVariable, Variable
from bioasm.network.cables import Cables
from bioasm.network.layout import Layout
from bioasm.network.wiring import Candidates, Rule
from bioasm.units import Dimension, Exponents, dimension_of

ADD, REPLACE, SCALE = "add", "set", "scale"
HOW = (ADD, REPLACE, SCALE)  # what INP does with its number
MATRIX = "matrix"
# Observables that RD and GET without an owner read of all populations together.
GLOBAL_OBSERVABLES = frozenset({
    "state", "spikes", "spike_count", "best_state", "energy", "best_energy", "energy_trace", "time", "steps", "noise",
})  # fmt: skip


class Population(NamedTuple):
    """`n` neurons of a model, 0 where nothing was allocated; `first` is the index of the first over all populations.

    For rules of connection, spike detectors of the cells of the population `of` are the same neurons.
    """

    name: str
    model: Model
    n: int
    first: int
    of: str = ""

    @property
    def neurons(self) -> str:
        """The name of the population whose neurons these are."""
        return self.of or self.name


class Mechanism(NamedTuple):
    """A mechanism on every neuron of the population with that index.

    `where` is the place of a point mechanism, or the region of a painted one; empty for the whole cell.
    """

    name: str
    model: Model
    population: int
    where: str = ""

    @property
    def instance(self) -> Instance:
        """The mechanism as an Instance."""
        return Instance(self.name, self.model, self.population)


class Projection(NamedTuple):
    """Connections that carry spikes of the population `pre` to a port ("" for the unnamed one) of a population or mechanism.

    `rule` is that of CON, of kind `matrix` where the weights are the data block `data`; `number` is the rule's argument.
    `synapse` is the model that VIA gives its connections.
    `sources` and `targets` are the neurons of subgroups, None for all.
    """

    name: str
    pre: int
    target: str
    port: str
    rule: Rule = Rule()
    data: int | None = None
    number: float | None = None
    synapse: Model | None = None
    sources: range | None = None
    targets: range | None = None


CONNECTIONS = -1  # in place of the population of an Instance that is a projection's synapse


class Instance(NamedTuple):
    """A population or mechanism under its name, and the index of the population that it is or is inserted into.

    A projection's synapse is an Instance with the projection's name and CONNECTIONS in place of a population.
    """

    name: str
    model: Model
    population: int


@dataclass(frozen=True, eq=False)
class Network:
    """All populations in the order of their neurons, mechanisms and projections in that of the program.

    With `implicit` there is one population, made by ALC and named like its model, whose names may be written bare even
    where a mechanism has the same. `layouts` are the positions of populations that have them, by index, `cables` the
    multicompartment cells. `eliminated` is the number of the datum with the eliminated spins of LDE (`elimination.py`).
    """

    populations: tuple[Population, ...]
    mechanisms: tuple[Mechanism, ...] = ()
    projections: tuple[Projection, ...] = ()
    implicit: bool = False
    layouts: Mapping[int, Layout] = field(default_factory=dict)
    eliminated: int | None = None
    cables: tuple[Cables, ...] = ()

    @property
    def n(self) -> int:
        """All neurons."""
        return sum(population.n for population in self.populations)

    def instances(self) -> Iterator[Instance]:
        """All populations, then all mechanisms."""
        for index, population in enumerate(self.populations):
            yield Instance(population.name, population.model, index)
        for mechanism in self.mechanisms:
            yield mechanism.instance

    def instance(self, name: str) -> Instance | None:
        """The population or mechanism called `name`, or None."""
        return self.by_name.get(name)

    def projection(self, name: str) -> Projection | None:
        """The projection called `name`, or None."""
        return self._projections.get(name)

    def synapses(self) -> Iterator[Instance]:
        """The synapses of all projections that have one, under the names of the projections."""
        return (Instance(one.name, one.synapse, CONNECTIONS) for one in self.projections if one.synapse is not None)

    def models(self) -> Iterator[Model]:
        """The models of all parts: populations, mechanisms, synapses."""
        return (one.model for one in (*self.instances(), *self.synapses()))

    @cached_property
    def by_name(self) -> dict[str, Instance]:
        """All populations and mechanisms by their names."""
        return {one.name: one for one in self.instances()}

    @cached_property
    def _projections(self) -> dict[str, Projection]:
        return {one.name: one for one in self.projections}

    def is_cable(self, population: int) -> bool:
        """Whether a population is one of multicompartment cells, of their CVs or of their detectors."""
        return any(population in one.populations for one in self.cables)

    def place(self, mechanism: str) -> str:
        """The place of a point mechanism on cells; empty where it is painted, or on all neurons of a population."""
        cells = {one.cells for one in self.cables}
        return next((one.where for one in self.mechanisms if one.name == mechanism and one.population in cells), "")

    def follows_from_cable(self, owner: Instance, name: str) -> bool:
        """Whether a state is the potential at a place of cells, which each step copies from the CVs."""
        seeing = {at for one in self.cables for at in (one.cells, *one.detectors)}
        whole = owner.population in seeing and self.populations[owner.population].name == owner.name
        return whole and name != "crossing_time"

    def candidates(self, projection: Projection) -> Candidates:
        """The pairs of neurons that a projection can connect."""
        target = self.by_name[projection.target].population
        return candidates(projection, self.populations[projection.pre], self.populations[target])

    def neighbours(self, mechanism: Instance) -> Iterator[Instance]:
        """The instances that a mechanism can use and add to: its population, then the other mechanisms there."""
        for one in self.instances():
            if one.population == mechanism.population and one.name != mechanism.name:
                yield one

    def of_neuron(self, neuron: int) -> Population:
        """The population of an existing neuron."""
        return next(p for p in self.populations if p.first <= neuron < p.first + p.n)

    @property
    def landscape(self) -> int | None:
        """The index of the population whose energy LDJ, LDH, LDT and LDO load, or None."""
        return next((k for k, p in enumerate(self.populations) if has_landscape(p.model)), None)


def candidates(projection: Projection, pre: Population, post: Population) -> Candidates:
    """The pairs of neurons of two populations, or parts of them, that a projection can connect."""
    sources, targets = projection.sources or range(pre.n), projection.targets or range(post.n)
    shift = sources.start - targets.start if pre.neurons == post.neurons else None
    return Candidates(len(sources), len(targets), shift, projection.rule.autapses)


def has_landscape(model: Model) -> bool:
    """Whether neurons of a model have an energy: they get a feedback from J and h, or are spins."""
    return model.feedback is not None or model.kind == SPINS


def current_input(model: Model) -> Input | None:
    """The input of CUR and WAVE: the model's first current."""
    return next((i for i in model.inputs if dimension_of(i.unit) is Dimension.CURRENT), None)


def variables_of(model: Model) -> tuple[Variable, ...]:
    """The variables of a model's neurons that can be recorded: variables, states, definitions and inputs, each once."""
    found = {v.name: v for v in model.variables}
    listed: tuple[StateVariable | Definition | Input, ...] = (*model.states, *model.definitions, *model.inputs)
    for thing in listed:
        found.setdefault(thing.name, Variable(thing.name, dimension_of(thing.unit), thing.summary))
    return tuple(found.values())


def unit_in(model: Model, name: str) -> Exponents | None:
    """The unit of a member that other mechanisms can use: a state, definition, input or parameter; None for an unknown name."""
    return next((thing.unit for thing in usable(model) if thing.name == name), None)


def usable(model: Model) -> tuple[StateVariable | Definition | Input | Parameter, ...]:
    """The members of a model that mechanisms can use."""
    return (*model.states, *model.definitions, *model.inputs, *model.parameters)
