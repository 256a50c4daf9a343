"""Memory layout of a network: indices of the numbers and arrays that its generated source reads, by name.

Generated source uses indices, the host names; this table relates them. `fields` are arrays, each an entry of a table of
addresses; `numbers` are float64 that all cells share; `wholes` are int64.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from bioasm.vm.layout import Block, Ctx, Real


class Field(NamedTuple):
    """One array. `per` is its index space: `cell`, `slot` (cells times the slots of a ring buffer), or anything else."""

    population: int
    dtype: str = "f8"
    per: str = "cell"


@dataclass
class Layout:
    """Interning table: indices by name, assigned in the order of first use."""

    fields: dict[str, Field] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    wholes: dict[str, int] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)

    def place(self, table: str, name: str, made: Field | None = None) -> int:
        """The index of an entry of `field` (whose array is `made`), `number`, `whole`, `block`, `ctx` or `real`."""
        if table == "field":
            if made is not None:
                self.fields.setdefault(name, made)
            return self._places.setdefault(name, len(self._places))
        if table in ("number", "whole"):
            known = self.numbers if table == "number" else self.wholes
            return known.setdefault(name, len(known))
        return int({"block": Block, "ctx": Ctx, "real": Real}[table][name])
