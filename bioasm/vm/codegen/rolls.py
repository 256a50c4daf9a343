"""Loop rerolling: consecutive statements of one shape become a loop over rows, also where several shapes take turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, groupby
from typing import NamedTuple

from bioasm.vm.codegen.families import Families
from bioasm.vm.codegen.layout import Layout
from bioasm.vm.codegen.rows import Locals, Rows, Vector, evenly, filled
from bioasm.vm.codegen.shapes import Hole, Reader
from bioasm.vm.codegen.statements import For, Function, If, Let, LetTogether, Return, Statement
from bioasm.vm.codegen.types import Type
from bioasm.vm.codegen.values import apply, as_value, entry, named

_LONGEST = 16  # units that take turns
_NEAR = 8  # statements within which a local of a unit is read


class Unit(NamedTuple):
    """Consecutive statements that no other ones read a local of; `shape` is None where there is no such end nearby."""

    statements: tuple[Statement, ...]
    shape: tuple[object, ...] | None
    holes: list[Hole]


class Piece(NamedTuple):
    """Units of which `turn` take turns, row after row."""

    units: list[Unit]
    turn: int

    @property
    def rows(self) -> int:
        """How often all of them occur."""
        return len(self.units) // self.turn

    def vectors(self) -> Iterator[list[Vector]]:
        """What fills the holes of each unit of a turn."""
        return (_vectors(self.units[at :: self.turn]) for at in range(self.turn))


class Medley(NamedTuple):
    """Units of a few shapes in no regular order."""

    units: list[Unit]

    @property
    def shapes(self) -> list[list[Unit]]:
        """The units of each shape, the most frequent one first."""
        found: dict[object, list[Unit]] = {}
        for unit in self.units:
            found.setdefault(unit.shape, []).append(unit)
        return sorted(found.values(), key=len, reverse=True)

    def vectors(self) -> Iterator[list[Vector]]:
        """What fills the holes of each shape."""
        return (_vectors(units) for units in self.shapes)

    @property
    def places(self) -> list[tuple[int, int]]:
        """The number of each unit's shape, and its place among the units of that shape."""
        shapes = self.shapes
        numbers = {units[0].shape: number for number, units in enumerate(shapes)}
        seen = [0] * len(shapes)
        found = []
        for unit in self.units:
            number = numbers[unit.shape]
            found.append((number, seen[number]))
            seen[number] += 1
        return found


def _vectors(units: list[Unit]) -> list[Vector]:
    return list(zip(*(unit.holes for unit in units), strict=True))


class Rolls:
    """The rerolled form of one function."""

    def __init__(self, function: Function, families: Families) -> None:
        self.before, self.families = function, families
        self.pieces = _gathered(list(_pieces(list(_units(function.body, families)))))

    def vectors(self) -> Iterator[Vector]:
        """What fills the holes of all loops."""
        rolled = [piece for piece in self.pieces if isinstance(piece, Medley) or piece.rows > 1]
        return (vector for piece in rolled for found in piece.vectors() for vector in found)

    def function(self, layout: Layout) -> Function:
        """The function, once all places are known."""
        body = [statement for at, piece in enumerate(self.pieces) for statement in self._rolled(piece, layout, at)]
        return Function(self.before.name, self.before.parameters, tuple(body), self.before.result)

    def _rolled(self, piece: Piece | Medley, layout: Layout, at: int) -> Iterator[Statement]:
        if isinstance(piece, Medley):
            yield self._medley(piece, layout, at)
        elif piece.rows == 1:
            yield from self._turn(piece, Rows(layout, self.families, as_value(0)))
        elif all(map(_is_case, piece.units)):
            yield from self._cases(piece, layout, f"case{at}")
        else:
            row = named(f"row{at}", Type.I64)
            kept = Locals(f"at{at}_", chain.from_iterable(piece.vectors()))
            body = [*self._turn(piece, Rows(layout, self.families, row, kept))]
            yield For(row, as_value(0), as_value(piece.rows), 1, (*kept.lets.values(), *body))

    def _turn(self, piece: Piece, rows: Rows) -> Iterator[Statement]:
        """The statements of one turn."""
        for unit, vectors in zip(piece.units, piece.vectors(), strict=False):
            yield from filled(unit.statements, vectors, rows, numbers=True)

    def _medley(self, medley: Medley, layout: Layout, at: int) -> Statement:
        """A loop whose body is a multiway branch: tables have the shape and the place there of each unit."""
        row, shape, place = (named(f"{word}{at}", Type.I64) for word in ("row", "shape", "place"))
        columns = [layout.column("whole", numbers) for numbers in zip(*medley.places, strict=True)]
        lets = [Let(local, entry("whole", row + column)) for local, column in zip((shape, place), columns, strict=True)]
        rest: tuple[Statement, ...] = ()
        found = [*enumerate(zip(medley.shapes, medley.vectors(), strict=True))]
        for number, (units, vectors) in reversed(found):
            body = filled(units[0].statements, vectors, Rows(layout, self.families, place), numbers=True)
            rest = (If(shape.equals(number), body, rest),) if rest else body
        return For(row, as_value(0), as_value(len(medley.units)), 1, (*lets, *rest))

    def _cases(self, piece: Piece, layout: Layout, name: str) -> Iterator[Statement]:
        """Indexed branch: the row number follows from the number that the cases compare with evenly growing ones."""
        for at, (unit, vectors) in enumerate(zip(piece.units, piece.vectors(), strict=False)):
            even, case = evenly(vectors[0]), unit.statements[0]
            assert isinstance(case, If)
            if even is None or even[1] <= 0:
                rows = Rows(layout, self.families, as_value(0))
                singles = piece.units[at :: piece.turn]
                for one in singles:
                    yield from filled(one.statements, [(hole,) for hole in one.holes], rows, numbers=True)
                continue
            first, step = even
            off, row = case.condition.arguments[0] - first, named(f"{name}_{at}", Type.I64)
            yield Let(row, off if step == 1 else apply("//", off, step))
            some = (off >= 0) & (row < piece.rows)
            (made,) = filled(unit.statements, vectors, Rows(layout, self.families, row), numbers=True)
            assert isinstance(made, If)
            yield If(some if step == 1 else some & (off % as_value(step)).equals(0), made.then)


def _is_case(unit: Unit) -> bool:
    """Whether a unit returns where a local has a certain number."""
    case = unit.statements[0]
    if not isinstance(case, If) or case.condition.op != "==" or case.otherwise:
        return False
    one, other = case.condition.arguments
    return one.op == "name" and other.op == "const" and one.type is Type.I64 and isinstance(case.then[-1], Return)


def _units(body: tuple[Statement, ...], families: Families) -> Iterator[Unit]:
    """The statements of a body in units."""
    alone = [_read((statement,), families) for statement in body]
    last = {name: at for at, reader in enumerate(alone) for name in reader.free}
    at = 0
    while at < len(body):
        end = _end(body, last, at)
        stays = end is None
        statements = body[at : at + 1 if end is None else end + 1]
        reader = alone[at] if len(statements) == 1 else _read(statements, families)
        yield Unit(statements, None if stays else tuple(reader.tokens), reader.holes)
        at += len(statements)


def _end(body: tuple[Statement, ...], last: Mapping[str, int], at: int) -> int | None:
    """The last statement of the unit that begins at one; None where it is not near."""
    end = here = at
    while here <= end:
        for name in _locals(body[here]):
            end = max(end, len(body) if _is_sum(body[here]) else last.get(name, len(body)))
        if end > min(at + _NEAR, len(body) - 1):
            return None
        here += 1
    return end


def _is_sum(statement: Statement) -> bool:
    """Whether a statement defines a local that others change."""
    return isinstance(statement, Let) and statement.mutable


def _locals(statement: Statement) -> list[str]:
    """The locals that a statement adds to the scope that it stands in."""
    if isinstance(statement, LetTogether):
        return [str(local.data) for local in statement.locals]
    return [str(statement.local.data)] if isinstance(statement, Let) else []


def _read(statements: tuple[Statement, ...], families: Families) -> Reader:
    reader = Reader(families.firsts, numbers=True)
    reader.statements(statements)
    return reader


def _pieces(units: list[Unit]) -> Iterator[Piece]:
    """The units in pieces, each as long as possible."""
    numbers: dict[object, int] = {}
    shapes = [-1 if unit.shape is None else numbers.setdefault(unit.shape, len(numbers)) for unit in units]
    at = 0
    while at < len(units):
        turn, rows = _longest(shapes, at)
        yield Piece(units[at : at + turn * rows], turn)
        at += turn * rows


def _longest(shapes: list[int], at: int) -> tuple[int, int]:
    """How many units from one on take turns, and how often, so that most are covered."""
    best = (1, 1)
    for turn in range(1, _LONGEST + 1):
        first = shapes[at : at + turn]
        if -1 in first:
            break
        rows = 1
        while shapes[at + turn * rows : at + turn * (rows + 1)] == first:
            rows += 1
        if rows > 1 and turn * rows > best[0] * best[1]:
            best = (turn, rows)
    return best


def _gathered(pieces: list[Piece]) -> list[Piece | Medley]:
    """The pieces, with those in no regular order gathered into medleys."""
    alone = Counter(piece.units[0].shape for piece in pieces if piece.rows == 1)
    alone.pop(None, 0)  # those that can't be moved apart
    gathered: list[Piece | Medley] = []
    for irregular, group in groupby(
        pieces, key=lambda piece: all(alone[unit.shape] > 1 and not _is_case(unit) for unit in piece.units)
    ):
        found = list(group)
        units = [unit for piece in found for unit in piece.units]
        worth_it = irregular and len(units) >= 2 * len({unit.shape for unit in units})
        gathered += [Medley(units)] if worth_it else found
    return gathered
