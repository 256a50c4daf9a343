"""Rows: what fills a hole in several copies of statements, as a value that depends on a row number.

Equal fillings stay constants; whole numbers and indices of places that grow evenly are computed; all others are read from a
column, which stands behind the entries of its table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from bioasm.vm.codegen.families import Families
from bioasm.vm.codegen.layout import Layout
from bioasm.vm.codegen.shapes import INT, TABLES, Hole, Rewriter
from bioasm.vm.codegen.statements import Let, Statement
from bioasm.vm.codegen.values import Value, as_value, entry, named

Vector = Sequence[Hole]  # what fills one hole, row by row
Keep = Callable[[Value, Vector], Value]


def place_together(layout: Layout, vectors: Iterable[Vector]) -> None:
    """Give the places of each vector consecutive indices, as far as they have none yet."""
    for vector in vectors:
        for hole in vector if vector[0].kind in TABLES else ():
            layout.place(hole.kind, str(hole.value), hole.made)


def evenly(vector: Vector) -> tuple[int, int] | None:
    """The first of whole numbers and their step from row to row; None where steps differ."""
    return _even([int(hole.value) for hole in vector])


def _even(numbers: list[int]) -> tuple[int, int] | None:
    first, step = numbers[0], numbers[1] - numbers[0] if len(numbers) > 1 else 0
    return (first, step) if all(x == first + step * at for at, x in enumerate(numbers)) else None


def filled(statements: tuple[Statement, ...], vectors: Iterable[Vector], rows: Rows, numbers: bool) -> tuple[Statement, ...]:
    """Statements of the first row for all rows; `numbers` as for their shape."""
    return _Filler(rows, numbers, iter(vectors)).statements(statements)


class Locals:
    """Locals that hold what is read by row, called `word` and a number; those of `vectors` alone that occur more than once."""

    def __init__(self, word: str, vectors: Iterable[Vector] | None = None) -> None:
        self.word, self.lets = word, dict[object, Let]()
        self.counts = None if vectors is None else Counter(map(_key, vectors))

    def __call__(self, value: Value, vector: Vector) -> Value:
        """The local that holds a value, or the value."""
        key = _key(vector)
        if self.counts is not None and self.counts[key] < 2:
            return value
        local = named(f"{self.word}{len(self.lets)}", value.type)
        return self.lets.setdefault(key, Let(local, value)).local


def _key(vector: Vector) -> tuple[object, ...]:
    return tuple((hole.kind, hole.value) for hole in vector)


class Rows:
    """Builder of values that depend on the row number `row`; `keep` may put one that is read into a local."""

    def __init__(self, layout: Layout, families: Families, row: Value, keep: Keep = lambda value, _: value) -> None:
        self.layout, self.families, self.row, self.keep = layout, families, row, keep

    def value(self, vector: Vector, first: Value) -> Value:
        """The value of a hole; `first` is that in the first row."""
        if len({hole.value for hole in vector}) == 1:
            return first
        if vector[0].kind == INT:
            return self._whole([int(hole.value) for hole in vector], vector)
        table = vector[0].kind
        found = [self.layout.place(table, str(hole.value), hole.made) for hole in vector]
        if table == "number":  # which `prepare` changes: it is read where it stands
            return entry(table, self._whole(found, vector))
        even = _even(found)
        names = tuple(str(hole.value) for hole in vector)
        index = self.row + self.layout.column(table, names) if even is None else self._grown(*even)
        return self.keep(entry(table, index), vector)

    def called(self, vector: Vector) -> tuple[str, tuple[Value, ...]]:
        """The function that is called, and the row number that it takes in addition."""
        family = self.families.of[str(vector[0].value)]
        numbers = [family.rows[str(hole.value)] for hole in vector]
        return family.first.name, (self._whole(numbers, vector),) if family.is_merged else ()

    def _whole(self, numbers: list[int], vector: Vector) -> Value:
        """Whole numbers by row."""
        even = _even(numbers)
        if even is not None:
            return self._grown(*even)
        return self.keep(entry("whole", self.row + self.layout.column("whole", tuple(numbers))), vector)

    def _grown(self, first: int, step: int) -> Value:
        """first + step * row."""
        if step == 0:
            return as_value(first)
        grown = self.row if step == 1 else self.row * step
        return grown + first if first else grown


class _Filler(Rewriter):
    """Puts values by row into the holes of statements, in order."""

    def __init__(self, rows: Rows, numbers: bool, vectors: Iterator[Vector]) -> None:
        super().__init__(rows.families.of, numbers)
        self.rows, self.vectors = rows, vectors

    def hole(self, value: Value, hole: Hole) -> Value:
        """The value by row."""
        return self.rows.value(next(self.vectors), value)

    def called(self, function: str) -> tuple[str, tuple[Value, ...]]:
        """The function of a family, with a row number."""
        return self.rows.called(next(self.vectors))
