"""The context of an instruction's checks: the program's network, its parameters, and name resolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.program import ConstantRef, DataRef, Dense, Name, Operand, Program, Quantity, Random
from bioasm.network.namespace import RECORDABLE, Member, NameKind, NameSpace, listed
from bioasm.network.network import CONNECTIONS, Instance, Network, Population, Projection
from bioasm.network.subgroup import Subgroup, is_subgroup, of_connections, split_subgroup, whole_wanted
from bioasm.units import Dimension
from bioasm.verifier.catalogue import Catalogue

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CheckContext:
    """The context in which an instruction is checked.

    `parameters` are by their whole names (`tau`, `cells.tau`), None where a value is unknown before the run. `lost` are names
    of rejected parts of the network, and `lost_synapses` projections with rejected synapses: references to them give no errors.
    """

    program: Program
    catalogue: Catalogue
    network: Network
    parameters: Mapping[str, float | None]
    lost: frozenset[str] = frozenset()
    lost_synapses: frozenset[str] = frozenset()
    _checked: dict[tuple[str, int], list[Finding]] = field(default_factory=dict)

    @cached_property
    def names(self) -> NameSpace:
        """The namespace of the network."""
        return NameSpace(self.network)

    @property
    def first(self) -> Population:
        """The first population, whose model is the model of the program."""
        return self.network.populations[0]

    @cached_property
    def recorded(self) -> frozenset[tuple[str, str]]:
        """The owners and names of the variables that the program records."""
        first = (i.operands[0] for i in self.program.instructions if i.mnemonic == "REC" and i.operands)
        found = [self.names.member(RECORDABLE, word) for word in {one.text for one in first if isinstance(one, Name)}]
        return frozenset((one.instance.name, one.thing.name) for one in found if one is not None)

    @property
    def clock(self) -> Dimension:
        """The dimension of RUN's operand: TIME or SWEEPS."""
        return self.first.model.clock

    @property
    def step(self) -> float | None:
        """The positive length of a step in the program's clock; None where it is not known before the run."""
        if self.clock is Dimension.SWEEPS:
            return 1.0
        step = self.parameters.get("dt")
        return step if step is not None and step > 0 else None

    @property
    def n(self) -> int | None:
        """All neurons; None where they are not known."""
        return self.network.n or None

    def size(self, instance: Instance) -> int | None:
        """The size of a population, or of the one that a mechanism is inserted into; None where it is not known.

        The number of connections of a projection is not known before they are made.
        """
        if instance.population == CONNECTIONS:
            return None
        return self.network.populations[instance.population].n or None

    def count(self, member: Member) -> int | None:
        """The number of neurons of a member; None where it is not known."""
        return self.size(member.instance) if member.part is None else len(member.part)

    def number(self, operand: Operand) -> Quantity | None:
        """The value of a numeric operand; None for a register, data or a word."""
        return self.program.quantity(operand) if isinstance(operand, Quantity | ConstantRef) else None

    def is_drawn(self, operand: Operand) -> bool:
        """Whether an operand is a datum of random values, which are unknown before the run."""
        return isinstance(operand, DataRef) and isinstance(self.program.data[operand.index].value, Random)

    def dense(self, operand: DataRef) -> NDArray[Any]:
        """The array of an operand that is known to be a dense datum."""
        value = self.program.data[operand.index].value
        assert isinstance(value, Dense)
        return value.array

    def cached_check(self, check: Callable[..., Found], operand: DataRef, *arguments: object) -> list[Finding]:
        """Memoised check of a whole datum: a datum used by many instructions is checked once."""
        key = (f"{check.__name__}{arguments}", operand.index)
        if key not in self._checked:
            self._checked[key] = list(check(self, operand, *arguments))
        return self._checked[key]

    def resolve(self, kind: NameKind, word: str) -> Member | Finding | None:
        """Resolve a name to a Member; a Finding for an unknown or ambiguous name; None for a name that was rejected before."""
        found = self.names.member(kind, word)
        if found is not None:
            return found
        said = split_subgroup(word)
        if said is not None:
            return self._no_part(kind, said)
        head, dot, name = word.partition(".")
        if dot:
            return self._unknown_dotted(kind, head, name)
        several = self.names.ambiguity(kind, word)
        if several is not None or self.lost:
            return several
        return unknown_member(kind, self._whose(), word, list(self.network.instances()))

    def _no_part(self, kind: NameKind, said: Subgroup) -> Finding | None:
        """The finding that explains why a word with brackets can't be resolved."""
        head = said.word.partition(".")[0]
        if self.network.projection(head) is not None:
            return of_connections(head)
        whole = self.resolve(kind, said.word)
        neurons = self.names.neurons(said, whole.instance) if isinstance(whole, Member) else whole
        return neurons if isinstance(neurons, Finding) else None

    def _unknown_dotted(self, kind: NameKind, head: str, name: str) -> Finding | None:
        instance = self.network.instance(head)
        projection = self.network.projection(head)
        if projection is not None:
            return self._unknown_of_projection(kind, projection, name)
        if is_subgroup(head):
            return whole_wanted(head)
        if instance is None:
            return None if head in self.lost else unknown("B120", "population or mechanism", head, self.network.by_name)
        return unknown_member(kind, head, name, [instance])

    def _unknown_of_projection(self, kind: NameKind, projection: Projection, name: str) -> Finding | None:
        if projection.synapse is None:
            hint = f"VIA {projection.name}, SYNAPSE gives its connections states"
            text = f"projection {projection.name} has no {kind.what} {name!r}: its connections have no states"
            return None if projection.name in self.lost_synapses else Finding(kind.code, text, hint)
        found = Instance(projection.name, projection.synapse, CONNECTIONS)
        return unknown_member(kind, f"projection {projection.name}", name, [found])

    def _whose(self) -> str:
        """The owner of bare names, for messages."""
        alone = self.network.implicit and not self.network.mechanisms
        return f"model {self.first.model.name}" if alone else "the network"


def unknown_member(kind: NameKind, owner: str, name: str, instances: Sequence[Instance]) -> Finding:
    """The finding that none of `instances`, called `owner` in messages, has a member of that name."""
    names = {thing.name for one in instances for thing in listed(kind, one)}
    if any(event.name == name for one in instances for event in one.model.events):
        hint = "REC records it and RD emits its times; let a state count it: `n += 1` among its lines"
        return Finding(kind.code, f"{name!r} of {owner} is an event, and no {kind.what}", hint)
    if not names:
        return Finding(kind.code, f"{owner} has no {kind.what} {name!r}, nor any other")
    return unknown(kind.code, kind.what, name, names, owner)
