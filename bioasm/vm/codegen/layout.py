"""Memory layout of a network: the numbers and arrays that its generated source reads, by name.

Generated source knows places, the host knows names; both ask here. `fields` are arrays, a place each in a table of
addresses; `numbers` are float64 that all cells share; `wholes` are int64.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from bioasm.vm.layout import Block, Ctx, Real


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
    _places: dict[str, int] = field(default_factory=dict)

    def place(self, table: str, name: str, made: Field | None = None) -> int:
        """The place of an entry of `field` (whose array is `made`), `number`, `whole`, `block`, `ctx` or `real`."""
        if table == "field":
            if made is not None:
                self.fields.setdefault(name, made)
            return self._places.setdefault(name, len(self._places))
        if table in ("number", "whole"):
            known = self.numbers if table == "number" else self.wholes
            return known.setdefault(name, len(known))
        return int({"block": Block, "ctx": Ctx, "real": Real}[table][name])
