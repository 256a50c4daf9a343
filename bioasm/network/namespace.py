"""Name resolution: the parameter, variable, input or observable that a word such as `v` or `cells.v` means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bioasm.isa.findings import Finding
from bioasm.models.base import Model, Observable, Parameter
from bioasm.network.network import GLOBAL_OBSERVABLES, Instance, Network, Projection, variables_of
from bioasm.units import Dimension, Measured, dimension_of

WEIGHT, DELAY = "weight", "delay"
_NAMED = 4  # how many meanings of a name are told


class NameKind(NamedTuple):
    """A kind of thing that models have by name: what it is called, the code where it is unknown, and all of a model."""

    what: str
    code: str
    listed: Callable[[Model], Sequence[Any]]

    def of(self, model: Model, name: str) -> Any:
        """The thing of a model with that name, or None."""
        return next((thing for thing in self.listed(model) if thing.name == name), None)


PARAMETER = NameKind("parameter", "B105", lambda model: model.parameters)
VARIABLE = NameKind("variable", "B108", variables_of)
INPUT = NameKind("input", "B108", lambda model: model.inputs)
OBSERVABLE = NameKind("observable", "B108", lambda model: model.observables)
READABLE = NameKind("observable", "B108", lambda model: (*model.observables, *variables_of(model)))


class Member(NamedTuple):
    """A parameter, variable, input or observable, and the population or mechanism that owns it."""

    instance: Instance
    thing: Any


@dataclass(frozen=True, eq=False)
class NameSpace:
    """Looks names of a network up. A bare name means the one part of the network that has it."""

    network: Network
    _index: dict[NameKind, dict[str, list[Member]]] = field(default_factory=dict)

    def member(self, kind: NameKind, word: str) -> Member | None:
        """The member that a name means, `cells.v` or bare; None for an unknown or ambiguous name."""
        head, dot, name = word.partition(".")
        if dot:
            instance = self.network.instance(head)
            thing = kind.of(instance.model, name) if instance else None
            return None if instance is None or thing is None else Member(instance, thing)
        owners = self.owners(kind, word)
        alone = owners and (len(owners) == 1 or self.is_bare(owners[0].instance) or is_step(owners[0].thing))
        return owners[0] if alone else None

    def owners(self, kind: NameKind, name: str) -> list[Member]:
        """All parts of the network that have something of that name."""
        if kind not in self._index:
            index = self._index[kind] = {}
            for one in self.network.instances():
                for thing in {thing.name: thing for thing in reversed(kind.listed(one.model))}.values():
                    index.setdefault(thing.name, []).append(Member(one, thing))
        return self._index[kind].get(name, [])

    def ambiguity(self, kind: NameKind, word: str) -> Finding | None:
        """The finding that a bare name could mean several things."""
        dotted = [f"{one.instance.name}.{word}" for one in self.owners(kind, word)]
        return Finding("B121", f"{word} could mean {_some(dotted)}", f"write {dotted[0]}") if dotted else None

    def is_bare(self, instance: Instance) -> bool:
        """Whether names of a population are written bare: it is the one that ALC made."""
        return self.network.implicit and instance.name == self.network.populations[0].name

    def whole_name(self, member: Member) -> str:
        """The key of a parameter in the options of a run: `tau` for the population of ALC, `dt`, else `cells.tau`."""
        bare = self.is_bare(member.instance) or is_step(member.thing)
        return str(member.thing.name) if bare else f"{member.instance.name}.{member.thing.name}"

    def joint(self, what: str) -> Observable | None:
        """The observable of all populations that a bare word reads, or None."""
        if what not in GLOBAL_OBSERVABLES and not self.network.implicit:
            return None
        models = (population.model for population in self.network.populations)
        return next((found for model in models if (found := model.observable(what)) is not None), None)

    def projected(self, word: str) -> tuple[Projection, str] | None:
        """The projection and its parameter that a name stands for, or None."""
        head, _, name = word.partition(".")
        projection = self.network.projection(head)
        return None if projection is None else (projection, name)

    def projection_parameter(self, projection: Projection, name: str) -> Parameter | None:
        """A projection's weight or delay as a parameter; None where it is neither."""
        if name == DELAY:
            return Parameter(DELAY, 0.0, Dimension.TIME, "", low=0.0, structural=True)
        dimension = self.port_dimension(projection.target, projection.port)
        return Parameter(WEIGHT, 1.0, dimension, "") if name == WEIGHT else None

    def port_dimension(self, target: str, port: str) -> Measured:
        """What the weights of a port that there is are measured in."""
        instance = self.network.instance(target)
        found = instance.model.port(port) if instance else None
        return dimension_of(found.unit) if found else Dimension.NONE


def _some(words: Sequence[str]) -> str:
    """Words with `or` between them, a few of many."""
    return " or ".join(words) if len(words) <= _NAMED else f"{', '.join(words[:_NAMED])}, ... ({len(words)} in all)"


def is_step(thing: object) -> bool:
    """Whether something is the parameter `dt`: the time step, of which the whole program has one."""
    return isinstance(thing, Parameter) and thing.name == "dt"
