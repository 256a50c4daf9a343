"""Memory layout of a network: indices of the numbers and arrays that its generated source reads, by name.

Generated source uses indices, the host names; this table relates them. `fields` are arrays, each an entry of a table of
addresses; `numbers` are float64 that all cells share; `wholes` are int64.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from bioasm.vm.layout import Block, Ctx, Real


class Field(NamedTuple):
    """One array. `per` is its index space: `cell`, `slot` (cells times the slots of a ring buffer), `block` (blocks of lanes,
    `entries` each), or anything else.
    """

    population: int
    dtype: str = "f8"
    per: str = "cell"
    entries: int = 1


@dataclass
class Layout:
    """Interning table: indices by name, assigned in the order of first use.

    Columns stand behind the entries of a table: copies of these by name, or whole numbers, which rows of merged functions read
    (`rows.py`). They begin where the entries end when the first one is made: no place may follow it.
    """

    fields: dict[str, Field] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    wholes: dict[str, int] = field(default_factory=dict)
    field_columns: list[str] = field(default_factory=list)
    whole_columns: list[str | int] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)
    _columns: dict[tuple[str, tuple[str | int, ...]], int] = field(default_factory=dict)

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

    def column(self, table: str, entries: tuple[str | int, ...]) -> int:
        """The index of the first entry of a column of `field` or `whole`."""
        if (table, entries) not in self._columns:
            kept: list[Any] = self.field_columns if table == "field" else self.whole_columns
            self._columns[table, entries] = (len(self.fields) if table == "field" else len(self.wholes)) + len(kept)
            kept += entries
        return self._columns[table, entries]

    @property
    def sizes(self) -> dict[str, int]:
        """The lengths of the tables, with columns."""
        fields, wholes = len(self.fields) + len(self.field_columns), len(self.wholes) + len(self.whole_columns)
        return {"FIELDS": fields, "NUMBERS": len(self.numbers), "WHOLES": wholes}
