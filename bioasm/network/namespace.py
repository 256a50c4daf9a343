"""Name resolution: the parameter, variable, input or observable that a word such as `v` or `cells.v` means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any, NamedTuple

from bioasm.isa.findings import Finding
from bioasm.models.base import EVENT_DRIVEN, LAST_EVENT, Equation, Model, Observable, Parameter, Variable
from bioasm.network.network import CONNECTIONS, GLOBAL_OBSERVABLES, Instance, Network, Projection, variables_of
from bioasm.network.subgroup import Subgroup, of_connections, split_subgroup
from bioasm.units import Dimension, Measured, dimension_of

WEIGHT, DELAY = "weight", "delay"
_ENDS = tuple(Variable(end, Dimension.NONE, "") for end in ("pre", "post"))
_NAMED = 4  # meanings of an ambiguous name that a message lists


class NameKind(NamedTuple):
    """A kind of named member of models: its noun in messages, the code of an unknown one, and the members of a model."""

    what: str
    code: str
    listed: Callable[[Model], Sequence[Any]]

    def of(self, model: Model, name: str) -> Any:
        """The member of a model with that name, or None."""
        return next((thing for thing in self.listed(model) if thing.name == name), None)


PARAMETER = NameKind("parameter", "B105", lambda model: model.parameters)
SETTABLE = NameKind("parameter or state", "B105", lambda model: (*model.parameters, *model.states))
VARIABLE = NameKind("variable", "B108", variables_of)
RECORDABLE = NameKind("variable", "B108", lambda model: (*variables_of(model), *model.events))
INPUT = NameKind("input", "B108", lambda model: model.inputs)
OBSERVABLE = NameKind("observable", "B108", lambda model: model.observables)
READABLE = NameKind("observable", "B108", lambda model: (*model.observables, *variables_of(model), *model.events))


class Member(NamedTuple):
    """A resolved name: a parameter, variable, input, observable or port, its owner, and the part of the owner, if any."""

    instance: Instance
    thing: Any
    part: range | None = None


@dataclass(frozen=True, eq=False)
class NameSpace:
    """Symbol table of a network. A bare name means the only instance that has it."""

    network: Network
    _index: dict[NameKind, dict[str, list[Member]]] = field(default_factory=dict)

    def member(self, kind: NameKind, word: str) -> Member | None:
        """Resolve a member: `v`, `cells.v` or, of a part, `cells[0:800].v`; None for unknown or ambiguous names or parts."""
        said = split_subgroup(word)
        found = self._member(kind, word if said is None else said.word)
        if said is None or found is None:
            return found
        part = self.neurons(said, found.instance)
        return None if isinstance(part, Finding) else found._replace(part=part)

    def _member(self, kind: NameKind, word: str) -> Member | None:
        """The member that a name without brackets means."""
        head, dot, name = word.partition(".")
        if dot:
            instance = self.network.instance(head) or self._synapse(head)
            thing = next((thing for thing in listed(kind, instance) if thing.name == name), None) if instance else None
            return None if instance is None or thing is None else Member(instance, thing)
        owners = self.owners(kind, word)
        alone = owners and (len(owners) == 1 or self.is_bare(owners[0].instance) or is_step(owners[0].thing))
        return owners[0] if alone else None

    def _synapse(self, name: str) -> Instance | None:
        projection = self.network.projection(name)
        found = projection.synapse if projection else None
        return None if found is None else Instance(name, found, CONNECTIONS)

    def neurons(self, said: Subgroup, owner: Instance) -> range | Finding:
        """The neurons of its owner that a word with brackets means."""
        name = said.word.partition(".")[0]
        if owner.population == CONNECTIONS:
            return of_connections(name)
        return said.range(name, self.network.populations[owner.population].n)

    def cells(self, word: str) -> range | Finding | None:
        """Indices over all neurons of a population or a part of one, `cells[0:800]`; None for an unknown one."""
        said = split_subgroup(word)
        owner = self.network.instance(word if said is None else said.word)
        population = None if owner is None else self.network.populations[owner.population]
        if owner is None or population is None or population.name != owner.name:
            return None
        part = range(population.n) if said is None else self.neurons(said, owner)
        return part if isinstance(part, Finding) else range(population.first + part.start, population.first + part.stop)

    def port(self, word: str) -> Member | Finding | None:
        """Resolve a port: `cells`, `cells.port` or `cells[0:800].port`; None for an unknown one."""
        said = split_subgroup(word)
        head, _, port = (word if said is None else said.word).partition(".")
        owner = self.network.instance(head)
        if owner is None or owner.model.port(port) is None:
            return None
        part = None if said is None else self.neurons(said, owner)
        return part if isinstance(part, Finding) else Member(owner, port, part)

    def owners(self, kind: NameKind, name: str) -> list[Member]:
        """All instances that have a member of that name."""
        if kind not in self._index:
            index = self._index[kind] = {}
            for one in self.network.instances():
                for thing in {thing.name: thing for thing in reversed(kind.listed(one.model))}.values():
                    index.setdefault(thing.name, []).append(Member(one, thing))
        return self._index[kind].get(name, [])

    def settable(self, word: str) -> Member | None:
        """The member that SET refers to by a name: a parameter, or else a state; None for an unknown or ambiguous name."""
        return self.member(PARAMETER, word) or self.member(SETTABLE, word)

    def ambiguity(self, kind: NameKind, word: str) -> Finding | None:
        """The finding that a bare name could mean several things."""
        dotted = [f"{one.instance.name}.{word}" for one in self.owners(kind, word)]
        return Finding("B121", f"{word} could mean {_some(dotted)}", f"write {dotted[0]}") if dotted else None

    def is_bare(self, instance: Instance) -> bool:
        """Whether members of an instance are named without its name: it is the population that ALC made."""
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
        """Resolve a name as a parameter of a projection, or None."""
        head, _, name = word.partition(".")
        projection = self.network.projection(head)
        return None if projection is None else (projection, name)

    def projection_parameter(self, projection: Projection, name: str) -> Parameter | None:
        """A projection's weight or delay, or a parameter or state of its synapse, as a Parameter; else None."""
        if projection.synapse is not None:
            return self.synapse_parameters(projection, projection.synapse).get(name)
        if name == DELAY:
            return _delay(DELAY)
        dimension = self.port_dimension(projection.target, projection.port)
        return Parameter(WEIGHT, 1.0, dimension, "") if name == WEIGHT else None

    def synapse_parameters(self, projection: Projection, synapse: Model) -> dict[str, Parameter]:
        """The parameters of a projection with a synapse that SET finds, by name: delays of pathways, parameters, states, and
        the weight where something is sent."""
        found = {handler.delay: _delay(handler.delay) for handler in synapse.handlers}
        if synapse.sends:
            found[WEIGHT] = Parameter(WEIGHT, 1.0, self.port_dimension(projection.target, projection.port), "")
        found |= {one.name: one for one in synapse.parameters}
        return found | {one.name: Parameter(one.name, nan, dimension_of(one.unit), one.summary) for one in synapse.states}

    def port_dimension(self, target: str, port: str) -> Measured:
        """The dimension of the weights of an existing port."""
        instance = self.network.instance(target)
        found = instance.model.port(port) if instance else None
        return dimension_of(found.unit) if found else Dimension.NONE


def listed(kind: NameKind, instance: Instance) -> Sequence[Any]:
    """All members of a kind of an instance; of a synapse those of each connection."""
    if instance.population != CONNECTIONS or kind not in (VARIABLE, RECORDABLE, READABLE):
        return kind.listed(instance.model)
    known = {state.name for state in instance.model.states}
    states = [one for one in variables_of(instance.model) if one.name in known]
    return [*states, *_ENDS, *_last_event(instance.model)] if kind is READABLE else states


def pathways(projection: Projection) -> tuple[str, ...]:
    """The names of a projection's delays for SET: one, or one for each pathway of its synapse."""
    return (DELAY,) if projection.synapse is None else tuple(handler.delay for handler in projection.synapse.handlers)


def is_event_driven(synapse: Model) -> bool:
    """Whether a synapse has event-driven states."""
    return any(isinstance(s, Equation) and s.method == EVENT_DRIVEN for stage in synapse.stages for s in stage)


def acts_at_spikes_alone(synapse: Model) -> bool:
    """Whether a synapse is event-driven only: nothing of it is computed in every step."""
    statements = (s for stage in synapse.stages for s in stage)
    return all(isinstance(s, Equation) and s.method == EVENT_DRIVEN for s in statements)


def _last_event(synapse: Model) -> tuple[Variable, ...]:
    return (Variable(LAST_EVENT, Dimension.TIME, ""),) if is_event_driven(synapse) else ()


def _delay(name: str) -> Parameter:
    return Parameter(name, 0.0, Dimension.TIME, "", low=0.0, structural=True)


def _some(words: Sequence[str]) -> str:
    """Words joined by `or`, at most `_NAMED`."""
    return " or ".join(words) if len(words) <= _NAMED else f"{', '.join(words[:_NAMED])}, ... ({len(words)} in all)"


def is_step(thing: object) -> bool:
    """Whether an object is the parameter `dt`: the time step, which is common to the whole program."""
    return isinstance(thing, Parameter) and thing.name == "dt"
