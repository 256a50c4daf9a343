"""Shapes of statements: what is left of them without the places they read and the functions they call, and its inverse.

Statements of one shape are copies of each other for several populations or projections. What a shape leaves out are its holes,
in the order of the traversal; a Rewriter may put other values into them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.statements import (
    Assign,
    Break,
    Do,
    Fire,
    For,
    If,
    Let,
    LetTogether,
    Put,
    Return,
    Statement,
    Store,
    While,
)
from bioasm.vm.codegen.values import Place, Value

TABLES = ("field", "number", "whole")
INT, CALL = "int", "call"


class Hole(NamedTuple):
    """What fills a hole: the name of a place in one of TABLES, a whole number (INT), or a called function (CALL)."""

    kind: str
    value: str | int
    made: Field | None = None


class Rewriter:
    """Traversal of statements, in the order of evaluation; `hole` and `called` replace what shapes leave out.

    With `numbers` whole constants are holes; `functions` are those of the step.
    """

    def __init__(self, functions: Collection[str], numbers: bool) -> None:
        self.functions, self.numbers = functions, numbers

    def hole(self, value: Value, hole: Hole) -> Value:
        """The value in place of a hole."""
        raise NotImplementedError

    def called(self, function: str) -> tuple[str, tuple[Value, ...]]:
        """The function in place of one, and the arguments that it takes in addition."""
        raise NotImplementedError

    def note(self, *tokens: object) -> None:
        """Called with everything else that makes the shape."""

    def define(self, local: Value) -> None:
        """Called with each local before the statements that read it."""

    def statements(self, body: tuple[Statement, ...]) -> tuple[Statement, ...]:
        """The statements, rewritten."""
        found = tuple(map(self.statement, body))
        self.note("end")
        return found

    def statement(self, statement: Statement) -> Statement:
        """One statement, rewritten."""
        value = self.value
        self.note(type(statement))
        match statement:
            case Let(local, new, mutable):
                made: Statement = Let(local, value(new), mutable)
                self.define(local)
                self.note(mutable)
                return made
            case LetTogether(locals_, values):
                made = LetTogether(locals_, tuple(map(value, values)))
                for local in locals_:
                    self.define(local)
                return made
            case Assign(local, new):
                return Assign(value(local), value(new))
            case Put(place, new):
                return Put(value(place), value(new))
            case Store(array, index, new):
                return Store(value(array), value(index), value(new))
            case Fire(flags, index, counted, condition):
                return Fire(value(flags), value(index), value(counted), value(condition))
            case Do(function, arguments):
                name, more = self._callee(function)
                return Do(name, (*map(value, arguments), *more))
            case Break():
                return statement
            case Return(new):
                return Return(value(new))
        return self._nested(statement)

    def _nested(self, statement: Statement) -> Statement:
        match statement:
            case If(condition, then, otherwise):
                return If(self.value(condition), self.statements(then), self.statements(otherwise))
            case For(index, start, stop, step, body, space, by_lane):
                start, stop = self.value(start), self.value(stop)
                self.define(index)
                self.note(step, space, by_lane)
                return For(index, start, stop, step, self.statements(body), space, by_lane)
            case While(condition, body):
                return While(self.value(condition), self.statements(body))
        raise AssertionError(statement)

    def value(self, value: Value) -> Value:
        """A value, rewritten."""
        hole = self._hole_of(value)
        if hole is not None:
            self.note(hole.kind, hole.made and hole.made[1:])
            return self.hole(value, hole)
        if value.op in self.functions:
            name, more = self.called(value.op)
            return replace(value, op=name, arguments=(*map(self.value, value.arguments), *more))
        self.note(value.op, value.type, value.space, self._spelled(value))
        arguments = tuple(map(self.value, value.arguments))
        alike = all(new is old for new, old in zip(arguments, value.arguments, strict=True))
        return value if alike else replace(value, arguments=arguments)

    def _spelled(self, value: Value) -> object:
        """The data of a leaf; numbers by their digits, which tell 0.0 from -0.0."""
        return repr(value.data) if value.op == "const" else value.data

    def _callee(self, function: str) -> tuple[str, tuple[Value, ...]]:
        if function not in self.functions:
            self.note(function)
            return function, ()
        return self.called(function)

    def _hole_of(self, value: Value) -> Hole | None:
        if value.op == "read" and isinstance(value.data, Place) and value.data.table in TABLES:
            return Hole(value.data.table, value.data.name, value.data.made)
        if self.numbers and value.op == "const" and type(value.data) is int:
            return Hole(INT, value.data)
        return None


class Reader(Rewriter):
    """Finds the shape of statements: `tokens`, without their `holes`. `families` names the shape of each function.

    Locals that the statements define are tokens by their order; `defined` are these, `free` the other ones that they read.
    """

    def __init__(self, families: Mapping[str, str], numbers: bool) -> None:
        super().__init__(families, numbers)
        self.families = families
        self.tokens: list[object] = []
        self.holes: list[Hole] = []
        self.defined: dict[str, int] = {}
        self.free: set[str] = set()

    @property
    def shape(self) -> tuple[object, ...]:
        """The tokens: equal for statements that differ in their holes only."""
        return tuple(self.tokens)

    def hole(self, value: Value, hole: Hole) -> Value:
        """Keep what fills a hole."""
        self.holes.append(hole)
        return value

    def called(self, function: str) -> tuple[str, tuple[Value, ...]]:
        """Keep the name of a called function; the shape has that of its family."""
        self.tokens.append(self.families[function])
        self.holes.append(Hole(CALL, function))
        return function, ()

    def note(self, *tokens: object) -> None:
        """Add to the shape."""
        self.tokens += tokens

    def define(self, local: Value) -> None:
        """Number a local."""
        self.defined.setdefault(str(local.data), len(self.defined))
        self.tokens += (local.type, local.space)

    def _spelled(self, value: Value) -> object:
        if value.op != "name":
            return super()._spelled(value)
        name = str(value.data)
        if name not in self.defined:
            self.free.add(name)
        return self.defined.get(name, name)
