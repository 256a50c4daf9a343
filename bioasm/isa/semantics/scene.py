"""What an instruction is checked against: the program's network, its parameters, and what names in it stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from bioasm.isa.catalogue import Catalogue
from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.network import Instance, Network, Population, variables_of
from bioasm.isa.program import ConstantRef, DataRef, Dense, Operand, Program, Quantity
from bioasm.models.base import Model, Parameter
from bioasm.units import Dimension

if TYPE_CHECKING:
    from numpy.typing import NDArray


_NAMED = 4  # how many meanings of a name are told


class Lookup(NamedTuple):
    """A kind of thing that models have by name: what it is called, the code where it is unknown, and all of a model."""

    what: str
    code: str
    listed: Callable[[Model], Sequence[Any]]

    def of(self, model: Model, name: str) -> Any:
        """The thing of a model with that name, or None."""
        return next((thing for thing in self.listed(model) if thing.name == name), None)


PARAMETER = Lookup("parameter", "B105", lambda model: model.parameters)
VARIABLE = Lookup("variable", "B108", variables_of)
INPUT = Lookup("input", "B108", lambda model: model.inputs)
OBSERVABLE = Lookup("observable", "B108", lambda model: model.observables)
READABLE = Lookup("observable", "B108", lambda model: (*model.observables, *variables_of(model)))


class Member(NamedTuple):
    """Something that a name stands for, and the population or mechanism whose it is."""

    instance: Instance
    thing: Any


@dataclass(frozen=True, eq=False)
class Scene:
    """What an instruction is checked against.

    `parameters` are by their whole names (`tau`, `cells.tau`), None where a value is unknown before the run. `lost` are names
    of parts of the network that were refused: nothing is said of what refers to them.
    """

    program: Program
    catalogue: Catalogue
    network: Network
    parameters: Mapping[str, float | None]
    lost: frozenset[str] = frozenset()
    _facts: dict[tuple[str, int], list[Finding]] = field(default_factory=dict)
    _index: dict[Lookup, dict[str, list[Member]]] = field(default_factory=dict)

    @property
    def first(self) -> Population:
        """The first population, whose model is that of the program where one is asked for."""
        return self.network.populations[0]

    @property
    def clock(self) -> Dimension:
        """What RUN counts in."""
        return self.first.model.clock

    @property
    def step(self) -> float | None:
        """The length of a step in the program's clock, more than 0, where it is known before the run."""
        if self.clock is Dimension.SWEEPS:
            return 1.0
        step = self.parameters.get("dt")
        return step if step is not None and step > 0 else None

    @property
    def n(self) -> int | None:
        """All neurons; None where they are not known."""
        return self.network.n or None

    def size(self, instance: Instance) -> int | None:
        """The neurons of a population, or of the one that a mechanism stands on; None where they are not known."""
        return self.network.populations[instance.population].n or None

    def number(self, operand: Operand) -> Quantity | None:
        """The number that an operand stands for; None for a register, data or a word."""
        return self.program.quantity(operand) if isinstance(operand, Quantity | ConstantRef) else None

    def dense(self, operand: DataRef) -> NDArray[Any]:
        """The array of an operand that was found to be a dense datum."""
        value = self.program.data[operand.index].value
        assert isinstance(value, Dense)
        return value.array

    def once(self, check: Callable[..., Found], operand: DataRef, *arguments: object) -> list[Finding]:
        """What a check of a whole datum finds; a datum that stands in many instructions is looked at once."""
        key = (f"{check.__name__}{arguments}", operand.index)
        if key not in self._facts:
            self._facts[key] = list(check(self, operand, *arguments))
        return self._facts[key]

    def member(self, lookup: Lookup, word: str) -> Member | None:
        """What a name stands for, `cells.v` or bare; None where that is nothing, or several things."""
        head, dot, name = word.partition(".")
        if dot:
            instance = self.network.instance(head)
            thing = lookup.of(instance.model, name) if instance else None
            return None if instance is None or thing is None else Member(instance, thing)
        owners = self._owners(lookup, word)
        alone = owners and (len(owners) == 1 or self.is_bare(owners[0].instance) or is_step(owners[0].thing))
        return owners[0] if alone else None

    def find(self, lookup: Lookup, word: str) -> Member | Finding | None:
        """What a name stands for; the finding where that is nothing, or several things; None for what was refused before."""
        found = self.member(lookup, word)
        if found is not None:
            return found
        head, dot, name = word.partition(".")
        if dot:
            return self._unknown_dotted(lookup, head, name)
        dotted = [f"{one.instance.name}.{word}" for one in self._owners(lookup, word)]
        if dotted:
            return Finding("B121", f"{word} could mean {_some(dotted)}", f"write {dotted[0]}")
        return None if self.lost else unknown_member(lookup, self._whose(), word, list(self.network.instances()))

    def _owners(self, lookup: Lookup, name: str) -> list[Member]:
        """All parts of the network that have something of that name."""
        if lookup not in self._index:
            index = self._index[lookup] = {}
            for one in self.network.instances():
                for thing in {thing.name: thing for thing in reversed(lookup.listed(one.model))}.values():
                    index.setdefault(thing.name, []).append(Member(one, thing))
        return self._index[lookup].get(name, [])

    def _unknown_dotted(self, lookup: Lookup, head: str, name: str) -> Finding | None:
        instance = self.network.instance(head)
        if instance is None:
            return None if head in self.lost else unknown("B120", "population or mechanism", head, self.network.by_name)
        return unknown_member(lookup, head, name, [instance])

    def _whose(self) -> str:
        """Whose names bare words are."""
        alone = self.network.implicit and not self.network.mechanisms
        return f"model {self.first.model.name}" if alone else "the network"

    def is_bare(self, instance: Instance) -> bool:
        """Whether names of a population are written bare: it is the one that ALC made."""
        return self.network.implicit and instance.name == self.first.name

    def whole_name(self, member: Member) -> str:
        """The name that a parameter has in the run's parameters."""
        bare = self.is_bare(member.instance) or is_step(member.thing)
        return str(member.thing.name) if bare else f"{member.instance.name}.{member.thing.name}"


def _some(words: Sequence[str]) -> str:
    """Words with `or` between them, a few of many."""
    return " or ".join(words) if len(words) <= _NAMED else f"{', '.join(words[:_NAMED])}, ... ({len(words)} in all)"


def is_step(thing: object) -> bool:
    """Whether something is the parameter `dt`: the time step, of which the whole program has one."""
    return isinstance(thing, Parameter) and thing.name == "dt"


def unknown_member(lookup: Lookup, owner: str, name: str, instances: Sequence[Instance]) -> Finding:
    """The finding that none of several parts of the network, together `owner`, has something of that name."""
    names = {thing.name for one in instances for thing in lookup.listed(one.model)}
    if not names:
        return Finding(lookup.code, f"{owner} has no {lookup.what} {name!r}, nor any other")
    return unknown(lookup.code, lookup.what, name, names, owner)
