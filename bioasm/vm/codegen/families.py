"""Families of a step's functions: those that differ only in the places they read, for populations or projections alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bioasm.vm.codegen.shapes import Hole, Reader
from bioasm.vm.codegen.statements import Function

# Functions that others call by their names.
_ENTRIES = ("steps", "many", "careful", "hold", "prepare", "next_change", "next_arrival", "value_of", "feedback_source")


@dataclass
class Family:
    """Functions of one shape: the first of them; the row number of each by its name; and what fills the holes of each."""

    first: Function
    rows: dict[str, int] = field(default_factory=dict)
    holes: list[list[Hole]] = field(default_factory=list)

    @property
    def is_merged(self) -> bool:
        """Whether there are several functions, which one with a row number replaces."""
        return len(self.rows) > 1


class Families:
    """The families of functions, in the order of their first ones; callees stand before their callers."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self.of: dict[str, Family] = {}  # by the name of a function
        self.firsts: dict[str, str] = {}  # by the name of a function, that of the first one of its family
        shapes: dict[tuple[object, ...], Family] = {}
        for function in functions:
            shape, holes = self._read(function)
            family = shapes.setdefault(shape, Family(function))
            family.rows[function.name] = len(family.rows)
            family.holes.append(holes)
            self.of[function.name], self.firsts[function.name] = family, family.first.name
        self.all = list(shapes.values())

    def _read(self, function: Function) -> tuple[tuple[object, ...], list[Hole]]:
        reader = Reader(self.firsts, numbers=False)
        reader.statements(function.body)
        name = function.name if function.name in _ENTRIES else ""
        head = (name, function.result, *((p.data, p.type) for p in function.parameters))
        return (*head, *reader.tokens), reader.holes
