"""The statements and functions of a step: the typed tree that passes work on and printers write as Python or C."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bioasm.vm.codegen.types import Space, Type
from bioasm.vm.codegen.values import Value


@dataclass(frozen=True, slots=True)
class Let:
    """A new local; one that is `mutable` may be assigned to later."""

    local: Value
    value: Value
    mutable: bool = False


@dataclass(frozen=True, slots=True)
class LetTogether:
    """New locals, each a function of one argument, worked out side by side."""

    locals: tuple[Value, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Assign:
    """A mutable local gets another value."""

    local: Value
    value: Value


@dataclass(frozen=True, slots=True)
class Put:
    """An entry of a table gets another value; `place` is a `read` of it."""

    place: Value
    value: Value


@dataclass(frozen=True, slots=True)
class Store:
    """An entry of an array gets another value."""

    array: Value
    index: Value
    value: Value


@dataclass(frozen=True, slots=True)
class Fire:
    """A cell's flag says whether it spikes now, and `count` how many do."""

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
    """One body or the other."""

    condition: Value
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class For:
    """A loop with an index of int64 from `start` to below `stop`, or down to above it; it has a turn for each of `space`.

    With `by_lane` each turn belongs to one lane, which its index leaves when it is divided by the block's width, and so it does
    in a loop over cells: these begin at 0, and a back end with a work item for each lane shares their turns out.
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
        """Whether turns belong to lanes."""
        return self.by_lane or self.space is Space.CELL


@dataclass(frozen=True, slots=True)
class While:
    """A loop as long as a condition holds."""

    condition: Value
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Break:
    """The end of the innermost loop."""


@dataclass(frozen=True, slots=True)
class Return:
    """The end of the function, with its result."""

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
    """The values that a statement reads itself, not those of statements within it."""
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
    """The statements within a statement."""
    match statement:
        case If(_, then, otherwise):
            return (then, otherwise)
        case For(body=body) | While(body=body):
            return (body,)
    return ()


def walk(statements: tuple[Statement, ...]) -> Iterator[Statement]:
    """All statements, those within others too."""
    for statement in statements:
        yield statement
        for body in bodies(statement):
            yield from walk(body)


def values_of(function: Function) -> Iterator[Value]:
    """All values that a function's statements read, each once, in their order."""
    seen: set[Value] = set()
    for statement in walk(function.body):
        waiting = [*reversed(operands(statement))]
        while waiting:
            value = waiting.pop()
            if value not in seen:
                seen.add(value)
                waiting += reversed(value.arguments)
                yield value
