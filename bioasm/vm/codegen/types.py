"""The types of a step's values, the index spaces that they vary over, and how often they change."""

from __future__ import annotations

from enum import Enum, IntEnum


class Type(Enum):
    """A number, a condition, or an array, which is named after its dtype."""

    F64, I64, COND = "float64", "int64", "condition"
    F8, F4, I8, I4, U1, U4 = "f8", "f4", "i8", "i4", "u1", "u4"

    @property
    def is_array(self) -> bool:
        """Whether it is an array."""
        return self not in (Type.F64, Type.I64, Type.COND)

    @property
    def element(self) -> Type:
        """The type of an array's entries as values."""
        return Type.F64 if self in (Type.F8, Type.F4) else Type.I64


class Space(Enum):
    """The index space of a value. A loop runs over one space; what it reads belongs to that space, or to NONE."""

    NONE = "call"
    CELL = "cell"
    CONNECTION = "connection"
    COMPARTMENT = "compartment"


class Rate(IntEnum):
    """How often a value changes: never between two changes of parameters, alike for all cells or not; or with every step."""

    UNIFORM = 0
    PER_CELL = 1
    VARYING = 2
