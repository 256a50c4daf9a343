"""Where a network's values stand: which numbers and arrays its generated source reads, by name.

Generated source knows places, the host knows names; both ask here. `fields` are arrays, a place each in a table of
addresses; `numbers` are float64 that all cells share; `wholes` are int64.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Field(NamedTuple):
    """One array. `per` says of what it has entries: `cell`, `slot` (cells times the slots of a ring), or anything else."""

    population: int
    dtype: str = "f8"
    per: str = "cell"


@dataclass
class Layout:
    """Places by name, given in the order in which they are first asked for."""

    fields: dict[str, Field] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    wholes: dict[str, int] = field(default_factory=dict)

    def field(self, name: str, made: Field) -> int:
        """The place of an array."""
        self.fields.setdefault(name, made)
        return list(self.fields).index(name)

    def number(self, name: str) -> int:
        """The place of a float64."""
        return self.numbers.setdefault(name, len(self.numbers))

    def whole(self, name: str) -> int:
        """The place of an int64."""
        return self.wholes.setdefault(name, len(self.wholes))
