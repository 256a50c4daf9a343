"""References: the names of a verified program, resolved once to typed objects, so that no back end parses a dotted name.

`owner` is the population or mechanism of a reference's target. `word` is the program's spelling, which names results;
references are equal where they have the same target, however it was written.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bioasm.diagnostics import Span
from bioasm.isa.program import Operand
from bioasm.isa.rows import Row
from bioasm.models.base import Parameter
from bioasm.network.network import Network, current_input
from bioasm.network.painting import Painted
from bioasm.network.pairwise import Pairwise

ALL = ""  # the owner of members common to all populations: `dt`, the state and the spike count of all neurons
DT = "dt"

# References to inputs, ports, variables and parameters may have a `part` of the owner's neurons. Comparison ignores it: a
# part and the whole are the same variable.


@dataclass(frozen=True, slots=True)
class ParameterRef:
    """A parameter of a population or mechanism; `dt` belongs to the whole program."""

    owner: str
    parameter: Parameter
    word: str = field(default="", compare=False)
    part: range | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """The key among the parameters of a run: `owner.name`, or `dt`."""
        return f"{self.owner}.{self.parameter.name}" if self.owner else self.parameter.name


@dataclass(frozen=True, slots=True)
class ProjectionRef:
    """The weight or a delay of a projection, or a parameter or state of its synapse, as a `parameter`."""

    owner: str
    parameter: Parameter
    word: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """The key among the parameters of a run: `owner.weight`, `owner.delay`, ..."""
        return f"{self.owner}.{self.parameter.name}"


@dataclass(frozen=True, slots=True)
class VariableRef:
    """A variable with a value for each neuron of the owner, or of all populations; for each connection of a projection."""

    owner: str
    name: str
    word: str = field(default="", compare=False)
    part: range | None = field(default=None, compare=False)

    def is_recorded_as(self, other: object) -> bool:
        """Whether two references share a recording: a part of a variable is recorded apart from the whole and other parts."""
        return isinstance(other, VariableRef) and self == other and self.part == other.part


@dataclass(frozen=True, slots=True)
class EventRef:
    """An event of a population's or mechanism's own."""

    owner: str
    name: str
    word: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class RunRef:
    """An observable of the whole run: an energy, the time, all spikes, ..."""

    name: str

    @property
    def word(self) -> str:
        """The program's spelling."""
        return self.name


@dataclass(frozen=True, slots=True)
class InputRef:
    """An input of a population or mechanism."""

    owner: str
    name: str
    part: range | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class PortRef:
    """A port of a population or mechanism at which spikes arrive."""

    owner: str
    port: str
    part: range | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class CellsRef:
    """A population or a part of one: a range of neurons, numbered consecutively over all populations."""

    cells: range


STATE, SPIKE_COUNT = VariableRef(ALL, "state", "state"), VariableRef(ALL, "spike_count", "spike_count")

Reference = ParameterRef | ProjectionRef | VariableRef | EventRef | RunRef | InputRef | PortRef | CellsRef | Painted | Pairwise


@dataclass(frozen=True, slots=True)
class Resolved:
    """An instruction of a verified program with references in place of names.

    The first `implied` of its operands are not written in the program: the input of CUR and WAVE, the port of SPK and POI, the
    state that RD without an operand reads.
    """

    row: Row
    operands: tuple[Operand | Reference, ...] = ()
    span: Span | None = None
    implied: int = 0

    @property
    def mnemonic(self) -> str:
        """The mnemonic of its row."""
        return self.row.mnemonic

    def slot(self, at: int) -> str:
        """The name of an operand in the instruction table."""
        return self.row.slots[at - self.implied].name


def default_input(network: Network) -> InputRef | None:
    """The input of CUR and WAVE: the first population's first current."""
    first = network.populations[0]
    found = current_input(first.model)
    return None if found is None else InputRef(first.name, found.name)


def default_port(network: Network) -> PortRef | None:
    """The port of SPK and POI: the first population's unnamed one, else its first."""
    first = network.populations[0]
    ports = [port.name for port in first.model.ports]
    return PortRef(first.name, "" if "" in ports else ports[0]) if ports else None
