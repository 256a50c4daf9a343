"""What an instruction is checked against: the program's network, its parameters, and what names in it stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.program import ConstantRef, DataRef, Dense, Operand, Program, Quantity
from bioasm.network.namespace import Member, NameKind, NameSpace
from bioasm.network.network import Instance, Network, Population
from bioasm.units import Dimension
from bioasm.verifier.catalogue import Catalogue

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CheckContext:
    """What an instruction is checked against.

    `parameters` are by their whole names (`tau`, `cells.tau`), None where a value is unknown before the run. `lost` are names
    of parts of the network that were refused: nothing is said of what refers to them.
    """

    program: Program
    catalogue: Catalogue
    network: Network
    parameters: Mapping[str, float | None]
    lost: frozenset[str] = frozenset()
    _checked: dict[tuple[str, int], list[Finding]] = field(default_factory=dict)

    @cached_property
    def names(self) -> NameSpace:
        """What names mean in the network."""
        return NameSpace(self.network)

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
        """The size of a population, or of the one that a mechanism is inserted into; None where it is not known."""
        return self.network.populations[instance.population].n or None

    def number(self, operand: Operand) -> Quantity | None:
        """The number that an operand stands for; None for a register, data or a word."""
        return self.program.quantity(operand) if isinstance(operand, Quantity | ConstantRef) else None

    def dense(self, operand: DataRef) -> NDArray[Any]:
        """The array of an operand that was found to be a dense datum."""
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
        """The member that a name means; a finding for an unknown or ambiguous name; None for what was refused before."""
        found = self.names.member(kind, word)
        if found is not None:
            return found
        head, dot, name = word.partition(".")
        if dot:
            return self._unknown_dotted(kind, head, name)
        several = self.names.ambiguity(kind, word)
        if several is not None or self.lost:
            return several
        return unknown_member(kind, self._whose(), word, list(self.network.instances()))

    def _unknown_dotted(self, kind: NameKind, head: str, name: str) -> Finding | None:
        instance = self.network.instance(head)
        if instance is None:
            return None if head in self.lost else unknown("B120", "population or mechanism", head, self.network.by_name)
        return unknown_member(kind, head, name, [instance])

    def _whose(self) -> str:
        """Whose names bare words are."""
        alone = self.network.implicit and not self.network.mechanisms
        return f"model {self.first.model.name}" if alone else "the network"


def unknown_member(kind: NameKind, owner: str, name: str, instances: Sequence[Instance]) -> Finding:
    """The finding that none of several parts of the network, together `owner`, has something of that name."""
    names = {thing.name for one in instances for thing in kind.listed(one.model)}
    if not names:
        return Finding(kind.code, f"{owner} has no {kind.what} {name!r}, nor any other")
    return unknown(kind.code, kind.what, name, names, owner)
