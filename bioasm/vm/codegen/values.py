"""Typed values of a step: a DAG of pure operations, which passes may share, move and reorder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.operations import IllTypedError, result_type
from bioasm.vm.codegen.types import Rate, Space, Type


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One operation; a leaf has `data`.

    `op` is one of `operations.py`, or `const` (data: the number), `name` (data: a local or parameter), `read` (data: Place),
    `entry` (data: Place without a name; argument: the index), `cell` (data: Place; argument: the slot of a ring), `item`
    (arguments: array, index), `view` (arguments: address, first entry, count), `from` (arguments: array, first entry).
    """

    op: str
    type: Type
    arguments: tuple[Value, ...] = ()
    data: object = None
    space: Space = Space.NONE
    rate: Rate = Rate.UNIFORM

    def __add__(self, other: Value | float) -> Value:
        return apply("+", self, other)

    def __sub__(self, other: Value | float) -> Value:
        return apply("-", self, other)

    def __mul__(self, other: Value | float) -> Value:
        return apply("*", self, other)

    def __truediv__(self, other: Value | float) -> Value:
        return apply("/", self, other)

    def __mod__(self, other: Value) -> Value:
        return apply("%", self, other)

    def __rshift__(self, other: int) -> Value:
        return apply(">>", self, other)

    def __neg__(self) -> Value:
        return apply("neg", self)

    def __lt__(self, other: Value | float) -> Value:
        return apply("<", self, other)

    def __le__(self, other: Value | float) -> Value:
        return apply("<=", self, other)

    def __gt__(self, other: Value | float) -> Value:
        return apply(">", self, other)

    def __ge__(self, other: Value | float) -> Value:
        return apply(">=", self, other)

    def __and__(self, other: Value) -> Value:
        return apply("and", self, other)

    def __or__(self, other: Value) -> Value:
        return apply("or", self, other)

    def equals(self, other: Value | float) -> Value:
        """The condition that both numbers are equal."""
        return apply("==", self, other)

    def differs(self, other: Value | float) -> Value:
        """The condition that the numbers differ."""
        return apply("!=", self, other)

    def item(self, index: Value | int) -> Value:
        """The entry of an array."""
        return made_of("item", self.type.element, (self, as_value(index)))

    def onwards(self, first: Value | int) -> Value:
        """The subarray from an entry on."""
        return made_of("from", self.type, (self, as_value(first)))

    def of(self, arguments: tuple[Value, ...]) -> Value:
        """The same operation on other arguments; the same object if they are unchanged."""
        if all(new is old for new, old in zip(arguments, self.arguments, strict=True)):
            return self
        if self.op in ("entry", "cell", "item", "view", "from"):
            return replace(self, arguments=arguments)
        return apply(self.op, *arguments)


class Place(NamedTuple):
    """The source of a `read` or a `cell`: a table and the name of one of its entries; of a field, what its array is."""

    table: str
    name: str
    made: Field | None = None


def as_value(number: Value | float) -> Value:
    """A constant: an int as int64, a float as float64."""
    if isinstance(number, Value):
        return number
    return Value("const", Type.I64 if isinstance(number, int) else Type.F64, data=number)


def named(word: str, kind: Type, space: Space = Space.NONE, rate: Rate = Rate.VARYING) -> Value:
    """A local or a parameter of a function."""
    return Value("name", kind, (), word, space, rate)


def made_of(op: str, kind: Type, arguments: tuple[Value, ...]) -> Value:
    """A value whose space and rate follow from its arguments."""
    rate = max((a.rate for a in arguments), default=Rate.UNIFORM)
    return Value(op, kind, arguments, None, joined(arguments), rate)


def joined(arguments: tuple[Value, ...]) -> Space:
    """The index space of a value with these arguments."""
    found = Space.NONE
    for argument in arguments:
        if found is Space.NONE:
            found = argument.space
        elif argument.space not in (Space.NONE, found):
            raise IllTypedError(f"a value of {' and '.join(sorted((found.value, argument.space.value)))}")
    return found


def apply(op: str, *operands: Value | float) -> Value:
    """A type-checked operation on values or numbers; the negation of a constant is folded."""
    arguments = tuple(map(as_value, operands))
    kind = result_type(op, [a.type for a in arguments])
    if op == "neg" and isinstance(arguments[0].data, float) and arguments[0].op == "const":
        return as_value(-arguments[0].data)
    return made_of(op, kind, arguments)


def read(table: str, place: str, rate: Rate = Rate.VARYING, made: Field | None = None) -> Value:
    """An entry of a table of numbers: `number` and `real` of float64; `whole`, `field`, `block`, `ctx` of int64."""
    kind = Type.F64 if table in ("number", "real") else Type.I64
    return Value("read", kind, (), Place(table, place, made), Space.NONE, rate)


def entry(table: str, index: Value) -> Value:
    """An entry of a table whose index is computed: of `number`, `whole` or `field`."""
    return replace(read(table, ""), op="entry", arguments=(index,))


def field(name: str, population: int, dtype: str, per: str) -> Value:
    """The address of a field's array."""
    return read("field", name, Rate.UNIFORM, Field(population, dtype, per))


def call(function: str, kind: Type, *arguments: Value | int) -> Value:
    """A call of another function of the step."""
    return made_of(function, kind, tuple(map(as_value, arguments)))


def cell(field: str, made: Field, rate: Rate = Rate.VARYING, slot: Value | None = None) -> Value:
    """The value of a field for the present cell when an iteration begins; of a ring buffer, in one of its slots."""
    kind = Type(made.dtype).element
    return Value("cell", kind, () if slot is None else (slot,), Place("field", field, made), Space.CELL, rate)


def as_number(value: Value) -> Value:
    """A value as a float64 for storage: a condition becomes 1 or 0."""
    return apply("number", value) if value.type is Type.COND else value


def as_condition(number: Value, like: Value) -> Value:
    """A stored number converted back to the type of `like`."""
    return number.differs(0.0) if like.type is Type.COND else number
