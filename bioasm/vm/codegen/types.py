"""The types of a step's values, the index spaces that they vary over, and how often they change."""

from __future__ import annotations

from enum import Enum, IntEnum


class Type(Enum):
    """The type of a value: a number, a condition, or an array, named by its dtype."""

    F64, I64, COND = "float64", "int64", "condition"
    F8, F4, I8, I4, U1, U4 = "f8", "f4", "i8", "i4", "u1", "u4"

    @property
    def is_array(self) -> bool:
        """Whether it is an array type."""
        return self not in (Type.F64, Type.I64, Type.COND)

    @property
    def element(self) -> Type:
        """The type of an array's entries when read."""
        return Type.F64 if self in (Type.F8, Type.F4) else Type.I64


class Space(Enum):
    """The index space of a value. A loop runs over one space; values in it vary over that space, or over NONE."""

    NONE = "call"
    CELL = "cell"
    CONNECTION = "connection"
    COMPARTMENT = "compartment"


class Rate(IntEnum):
    """How often a value changes: only with parameters (common to all cells or per cell), or with every step."""

    UNIFORM = 0
    PER_CELL = 1
    VARYING = 2
