"""Passes over values: global value numbering, and loop-invariant code motion out of the loops over cells and steps."""

from __future__ import annotations

from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.types import Rate
from bioasm.vm.codegen.values import Value, as_condition, cell, read


class Numbering:
    """Global value numbering: equal operations on equal arguments become one object."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Value] = {}
        self._done: dict[Value, Value] = {}

    def __call__(self, value: Value) -> Value:
        """The one object for a value."""
        if value not in self._done:
            same = value.of(tuple(map(self, value.arguments)))
            key = (same.op, same.type, repr(same.data), same.rate, *map(id, same.arguments))
            self._done[value] = self._done[same] = self._known.setdefault(key, same)
        return self._done[value]


class Hoisting:
    """Loop-invariant code motion for one population.

    `prepared` are values common to all cells, each with the number that holds it between changes of parameters; `hoisted` are
    those that differ between cells, each with the field that holds it.
    """

    def __init__(self, population: int | str) -> None:
        """`population` is its index, or the id of a synapse, whose values don't vary over cells."""
        self.population = population
        self.prepared: dict[Value, str] = {}
        self.hoisted: dict[Value, str] = {}
        self._done: dict[Value, Value] = {}

    def __call__(self, value: Value) -> Value:
        """The value with invariant parts replaced by reads of their fields or numbers; values are numbered."""
        if value not in self._done:
            self._done[value] = self._moved(value)
        return self._done[value]

    def _moved(self, value: Value) -> Value:
        if value.op in ("const", "name", "read") or value.type.is_array:
            return value
        if value.rate is Rate.UNIFORM:
            place = self.prepared.setdefault(value, f"prepared:{self.population}:{len(self.prepared)}")
            return as_condition(read("number", place, Rate.UNIFORM), value)
        if value.rate is Rate.PER_CELL and value.op != "cell":
            place = self.hoisted.setdefault(value, f"hoisted:{self.population}:{len(self.hoisted)}")
            assert isinstance(self.population, int)
            return as_condition(cell(place, Field(self.population), Rate.PER_CELL), value)
        return value.of(tuple(map(self, value.arguments)))
