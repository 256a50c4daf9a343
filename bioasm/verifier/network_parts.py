"""Builder of a Network: its parts so far, and the findings by instruction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bioasm.isa.findings import Finding
from bioasm.network.cables import Cables
from bioasm.network.layout import Layout
from bioasm.network.network import Instance, Mechanism, Network, Population, Projection


@dataclass(slots=True)
class NetworkBuilder:
    """The parts of a network so far, the findings by instruction, and names whose definition was rejected."""

    populations: list[Population] = field(default_factory=list)
    mechanisms: list[Mechanism] = field(default_factory=list)
    projections: dict[str, Projection] = field(default_factory=dict)
    instances: dict[str, Instance] = field(default_factory=dict)
    implicit: bool = True
    layouts: dict[int, Layout] = field(default_factory=dict)
    eliminated: int | None = None  # the datum of LDE
    cables: list[Cables] = field(default_factory=list)
    found: dict[int, list[Finding]] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    at: dict[str, int] = field(default_factory=dict)
    via: dict[str, int] = field(default_factory=dict)  # by projection: the index of its VIA
    lost_synapses: set[str] = field(default_factory=set)  # projections whose VIA was rejected

    def network(self) -> Network:
        """The Network of the parts so far."""
        parts = tuple(self.populations), tuple(self.mechanisms), tuple(self.projections.values())
        return Network(*parts, self.implicit, self.layouts, self.eliminated, tuple(self.cables))

    def add_population(self, population: Population) -> None:
        """Append a population."""
        self.instances[population.name] = Instance(population.name, population.model, len(self.populations))
        self.populations.append(population)

    def add_mechanism(self, mechanism: Mechanism) -> None:
        """Append a mechanism on an existing population."""
        self.instances[mechanism.name] = mechanism.instance
        self.mechanisms.append(mechanism)

    def index(self, name: str) -> int | None:
        """The index of the population called `name`, or None."""
        found = self.instances.get(name)
        return found.population if found and self.populations[found.population].name == name else None

    def add(self, index: int, found: Iterable[Finding]) -> bool:
        """Keep findings at an instruction; true where there are any."""
        several = list(found)
        self.found.setdefault(index, []).extend(several)
        return bool(several)
