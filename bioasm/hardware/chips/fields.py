"""Register fields as rows of a table, and the way from named values to register contents and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Field:
    """Bits `high` to `low` of a register; `fixed` is the value that the maker demands, where there is one."""

    name: str
    register: int
    high: int
    low: int
    meaning: str
    fixed: int | None = None

    @property
    def mask(self) -> int:
        """Bit mask of the field within the register."""
        return ((1 << (self.high - self.low + 1)) - 1) << self.low

    def take(self, content: int) -> int:
        """The field's value in a register's content."""
        return (content & self.mask) >> self.low

    def put(self, content: int, value: int) -> int:
        """A register's content with the field set to `value`, a ValueError if it does not fit."""
        if not 0 <= value <= self.mask >> self.low:
            raise ValueError(f"{self.name} = {value} does not fit {self.high - self.low + 1} bits")
        return content & ~self.mask | value << self.low


@dataclass(frozen=True)
class Table:
    """All fields of a family of chips; registers are `width` bits wide."""

    family: str
    width: int
    fields: tuple[Field, ...]

    @cached_property
    def by_name(self) -> dict[str, Field]:
        """The rows by the names of their fields."""
        return {field.name: field for field in self.fields}

    @cached_property
    def registers(self) -> tuple[int, ...]:
        """The numbers of all registers that hold a field, in order."""
        return tuple(sorted({field.register for field in self.fields}))


def pack(table: Table, values: Mapping[str, int]) -> dict[int, int]:
    """Register contents that hold `values`; fields not named are 0, or what the maker demands.

    Only registers with a named or demanded field appear. An unknown name is a KeyError, a value too large a ValueError.
    """
    image: dict[int, int] = {}
    demanded = {field.name: field.fixed for field in table.fields if field.fixed is not None}
    for name, value in (demanded | dict(values)).items():
        field = table.by_name[name]
        image[field.register] = field.put(image.get(field.register, 0), value)
    return dict(sorted(image.items()))


def unpack(table: Table, image: Mapping[int, int]) -> dict[str, int]:
    """The values of all fields whose registers are in `image`."""
    return {field.name: field.take(image[field.register]) for field in table.fields if field.register in image}


def row_of(name: str, registers: Iterable[int], high: int, low: int, meaning: str) -> tuple[Field, ...]:
    """Like fields in a run of registers, named `name_0`, `name_1` and so on."""
    return tuple(Field(f"{name}_{i}", register, high, low, meaning) for i, register in enumerate(registers))
