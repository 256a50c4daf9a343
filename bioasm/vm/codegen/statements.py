"""Intermediate representation of a step: typed statements and functions, which printers write as Python or C."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bioasm.vm.codegen.types import Space, Type
from bioasm.vm.codegen.values import Value


@dataclass(frozen=True, slots=True)
class Let:
    """Definition of a local; a `mutable` one may be assigned to later."""

    local: Value
    value: Value
    mutable: bool = False


@dataclass(frozen=True, slots=True)
class LetTogether:
    """Definition of locals, each a function of one argument, computed in one vector."""

    locals: tuple[Value, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Assign:
    """Assignment to a mutable local."""

    local: Value
    value: Value


@dataclass(frozen=True, slots=True)
class Put:
    """Assignment to an entry of a table; `place` is a `read` of it."""

    place: Value
    value: Value


@dataclass(frozen=True, slots=True)
class Store:
    """Assignment to an entry of an array."""

    array: Value
    index: Value
    value: Value


@dataclass(frozen=True, slots=True)
class Fire:
    """Set a cell's flag to whether it spikes now, and add it to `count`."""

    flags: Value
    index: Value
    count: Value
    condition: Value


@dataclass(frozen=True, slots=True)
class Do:
    """A call for its side effect; the result is discarded."""

    function: str
    arguments: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class If:
    """A branch between two bodies."""

    condition: Value
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class For:
    """A counted loop with an int64 index from `start` to below `stop`, or down to above it, over the index space `space`.

    With `by_lane`, as in a loop over cells, each iteration belongs to one lane, the remainder of its index by the block's
    width: these loops begin at 0, and a back end with a work item for each lane distributes their iterations.
    """

    index: Value
    start: Value
    stop: Value
    step: int
    body: tuple[Statement, ...]
    space: Space = Space.NONE
    by_lane: bool = False

    @property
    def is_shared(self) -> bool:
        """Whether each iteration belongs to one lane."""
        return self.by_lane or self.space is Space.CELL


@dataclass(frozen=True, slots=True)
class While:
    """A loop while a condition holds."""

    condition: Value
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Break:
    """Exit of the innermost loop."""


@dataclass(frozen=True, slots=True)
class Return:
    """Return from the function, with its result."""

    value: Value


Statement = Let | LetTogether | Assign | Put | Store | Fire | Do | If | For | While | Break | Return


@dataclass(frozen=True)
class Function:
    """A function of a step; one without a result returns int64 0."""

    name: str
    parameters: tuple[Value, ...]
    body: tuple[Statement, ...]
    result: Type = Type.I64


@dataclass(frozen=True)
class Program:
    """All functions of a network's step, and the constants that the kernels around them read."""

    constants: dict[str, int]
    functions: tuple[Function, ...]


def operands(statement: Statement) -> tuple[Value, ...]:
    """The values that a statement itself reads, without those of nested statements."""
    match statement:
        case Let(value=value) | Assign(value=value) | Return(value=value):
            return (value,)
        case LetTogether(values=values):
            return values
        case Put(place, value):
            return (place, value)
        case Store(array, index, value) | Fire(array, index, _, value):
            return (array, index, value)
        case Do(arguments=arguments):
            return arguments
        case If(condition=condition) | While(condition=condition):
            return (condition,)
        case For(start=start, stop=stop):
            return (start, stop)
    return ()


def bodies(statement: Statement) -> tuple[tuple[Statement, ...], ...]:
    """The bodies nested in a statement."""
    match statement:
        case If(_, then, otherwise):
            return (then, otherwise)
        case For(body=body) | While(body=body):
            return (body,)
    return ()


def walk(statements: tuple[Statement, ...]) -> Iterator[Statement]:
    """Preorder traversal of all statements, including nested ones."""
    for statement in statements:
        yield statement
        for body in bodies(statement):
            yield from walk(body)


def values_of(function: Function) -> Iterator[Value]:
    """All distinct values that a function's statements read, in order."""
    seen: set[Value] = set()
    for statement in walk(function.body):
        waiting = [*reversed(operands(statement))]
        while waiting:
            value = waiting.pop()
            if value not in seen:
                seen.add(value)
                waiting += reversed(value.arguments)
                yield value
