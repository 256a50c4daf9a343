"""What the source of a network's step depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bioasm.network.network import variables_of
from bioasm.vm.codegen.system import System


class Target(NamedTuple):
    """Where spikes arrive: an instance and one of its ports."""

    population: int
    owner: str
    port: str

    @property
    def name(self) -> str:
        """The name that its fields begin with."""
        return f"{self.owner}.{self.port}"


class Link(NamedTuple):
    """A projection: its name, the population its spikes come from, and where they go.

    `reweighted` says that its weight may change while spikes are under way.
    """

    name: str
    pre: int
    target: Target
    reweighted: bool = False


@dataclass(frozen=True)
class Plan:
    """What the source depends on: the systems, one a population; projections; what inputs and events the program uses.

    `played` are the qualified names of inputs that PLAY or WAVE drive, `events` the targets of spikes from outside,
    `watched` the variables that are recorded or peeked at. `coupled` is the population with the feedback J s + h, or None.
    `single` are the populations of one neuron in one lane.
    """

    systems: tuple[System, ...]
    links: tuple[Link, ...] = ()
    played: frozenset[str] = frozenset()
    events: tuple[Target, ...] = ()
    watched: frozenset[str] = frozenset()
    clamped: bool = False
    coupled: int | None = None
    single: frozenset[int] = frozenset()


def variables(plan: Plan) -> list[tuple[int, str]]:
    """Everything that can be recorded: (population, qualified name); the place in the list is the variable's number."""
    found = []
    for p, system in enumerate(plan.systems):
        for instance in system.instances:
            found += [(p, instance.qualified(v.name)) for v in variables_of(instance.model)]
    return found
