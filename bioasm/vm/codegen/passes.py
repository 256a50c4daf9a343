"""Passes over values: value numbering (each is computed once), and loop-invariant code motion out of the loop over cells."""

from __future__ import annotations

from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.types import Rate
from bioasm.vm.codegen.values import Value, as_condition, cell, read


class Numbering:
    """Global value numbering: equal operations on equal arguments become one and the same object."""

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

    `prepared` are values that are alike for all cells, each with the number that keeps it between two changes of parameters;
    `hoisted` those that differ between cells, each with the field that keeps it.
    """

    def __init__(self, population: int | str) -> None:
        """`population` is its index, or the id of a synapse, none of whose values differ between cells alone."""
        self.population = population
        self.prepared: dict[Value, str] = {}
        self.hoisted: dict[Value, str] = {}
        self._done: dict[Value, Value] = {}

    def __call__(self, value: Value) -> Value:
        """The value with what does not change from step to step read from where it is kept; values are numbered."""
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
