"""A program's network: its populations, the mechanisms on them and the projections between them, and their names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from bioasm.models.base import SPINS, Definition, Input, Model, Parameter, StateVariable, Variable
from bioasm.units import Dimension, Exponents, dimension_of

ADD, REPLACE, SCALE = "add", "set", "scale"
HOW = (ADD, REPLACE, SCALE)  # what INP does with its number
MATRIX = "matrix"
# Observables that bare RD and GET read of all populations together.
GLOBAL_OBSERVABLES = frozenset({
    "state", "spikes", "spike_count", "best_state", "energy", "best_energy", "energy_trace", "time", "steps", "noise",
})  # fmt: skip


class Population(NamedTuple):
    """`n` neurons of a model, 0 where nothing was allocated. Numbered through over all populations, they start at `first`."""

    name: str
    model: Model
    n: int
    first: int


class Mechanism(NamedTuple):
    """A mechanism on every neuron of the population with that index."""

    name: str
    model: Model
    population: int


class Projection(NamedTuple):
    """Spikes of the population `pre` on their way to a port (without a name: "") of a population or mechanism.

    `rule` is a word of CON or `matrix`, whose weights are the data block `data`; `number` is what the rule takes.
    """

    name: str
    pre: int
    target: str
    port: str
    rule: str = ""
    data: int | None = None
    number: float | None = None


class Instance(NamedTuple):
    """A population or mechanism under its name, and the index of the population that it is or is inserted into."""

    name: str
    model: Model
    population: int


@dataclass(frozen=True, eq=False)
class Network:
    """All populations in the order of their neurons, mechanisms and projections in that of the program.

    With `implicit` there is one population, made by ALC and named like its model, whose names may be written bare even
    where a mechanism has the same.
    """

    populations: tuple[Population, ...]
    mechanisms: tuple[Mechanism, ...] = ()
    projections: tuple[Projection, ...] = ()
    implicit: bool = False

    @property
    def n(self) -> int:
        """All neurons."""
        return sum(population.n for population in self.populations)

    def instances(self) -> Iterator[Instance]:
        """All populations, then all mechanisms."""
        for index, population in enumerate(self.populations):
            yield Instance(population.name, population.model, index)
        for mechanism in self.mechanisms:
            yield Instance(*mechanism)

    def instance(self, name: str) -> Instance | None:
        """The population or mechanism called `name`, or None."""
        return self.by_name.get(name)

    def projection(self, name: str) -> Projection | None:
        """The projection called `name`, or None."""
        return self._projections.get(name)

    @cached_property
    def by_name(self) -> dict[str, Instance]:
        """All populations and mechanisms by their names."""
        return {one.name: one for one in self.instances()}

    @cached_property
    def _projections(self) -> dict[str, Projection]:
        return {one.name: one for one in self.projections}

    def neighbours(self, mechanism: Instance) -> Iterator[Instance]:
        """What a mechanism can use and add to: its population, then the other mechanisms on it."""
        for one in self.instances():
            if one.population == mechanism.population and one.name != mechanism.name:
                yield one

    def of_neuron(self, neuron: int) -> Population:
        """The population of a neuron that there is."""
        return next(p for p in self.populations if p.first <= neuron < p.first + p.n)

    @property
    def landscape(self) -> int | None:
        """The index of the population that LDJ, LDH, LDT and LDO load the energy of, or None."""
        return next((k for k, p in enumerate(self.populations) if has_landscape(p.model)), None)


def has_landscape(model: Model) -> bool:
    """Whether its neurons have an energy: they get a feedback from J and h, or are spins."""
    return model.feedback is not None or model.kind == SPINS


def current_input(model: Model) -> Input | None:
    """The input that CUR and WAVE go into: the first that is a current."""
    return next((i for i in model.inputs if dimension_of(i.unit) is Dimension.CURRENT), None)


def variables_of(model: Model) -> tuple[Variable, ...]:
    """What each of its neurons has and can be recorded: variables, states, definitions and inputs, each once."""
    found = {v.name: v for v in model.variables}
    listed: tuple[StateVariable | Definition | Input, ...] = (*model.states, *model.definitions, *model.inputs)
    for thing in listed:
        found.setdefault(thing.name, Variable(thing.name, dimension_of(thing.unit), thing.summary))
    return tuple(found.values())


def unit_in(model: Model, name: str) -> Exponents | None:
    """The unit of what a mechanism beside it can use: a state, definition, input or parameter; None where there is none."""
    return next((thing.unit for thing in usable(model) if thing.name == name), None)


def usable(model: Model) -> tuple[StateVariable | Definition | Input | Parameter, ...]:
    """What of a model mechanisms can use."""
    return (*model.states, *model.definitions, *model.inputs, *model.parameters)
