"""Types of the kernel language: numbers, pointers, array views and tuples, with the LLVM types that they consist of.

A type that is called with types is a signature, as `int64(float64)`; with a number, that number in the type.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from llvmlite import ir

WORD = ir.IntType(64)


@dataclass(frozen=True)
class Signature:
    """The types of a function's result and arguments."""

    return_type: Type
    args: tuple[Type, ...]


class Type:
    """What all types share. `leaves` are the LLVM types of a value's parts."""

    leaves: tuple[Any, ...] = ()

    def __call__(self, *arguments: Any) -> Any:
        """A signature with this type as its result, or a number in this type."""
        if all(isinstance(argument, Type) for argument in arguments):
            return Signature(self, arguments)
        return getattr(np, str(self))(arguments[0])


@dataclass(frozen=True)
class Void(Type):
    """Nothing: what a function without a result returns."""


@dataclass(frozen=True)
class Whole(Type):
    """Integers of so many bits; a truth value has one."""

    bits: int
    signed: bool = True

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}int{self.bits}"

    @property
    def leaves(self) -> tuple[Any, ...]:  # type: ignore[override]
        """The LLVM types of its parts."""
        return (ir.IntType(self.bits),)


@dataclass(frozen=True)
class Real(Type):
    """IEEE numbers of 32 or 64 bits."""

    bits: int

    def __str__(self) -> str:
        return f"float{self.bits}"

    @property
    def leaves(self) -> tuple[Any, ...]:  # type: ignore[override]
        """The LLVM types of its parts."""
        return (ir.FloatType() if self.bits == 32 else ir.DoubleType(),)


@dataclass(frozen=True)
class Pointer(Type):
    """An address of items."""

    item: Type

    @property
    def leaves(self) -> tuple[Any, ...]:  # type: ignore[override]
        """The LLVM types of its parts."""
        return (self.item.leaves[0].as_pointer(),)


@dataclass(frozen=True)
class Array(Type):
    """A view of contiguous items: where they begin, and how many there are."""

    item: Type

    @property
    def leaves(self) -> tuple[Any, ...]:  # type: ignore[override]
        """The LLVM types of its parts."""
        return (self.item.leaves[0].as_pointer(), WORD)


@dataclass(frozen=True)
class Tuple(Type):
    """Several values as one."""

    items: tuple[Type, ...]

    @property
    def leaves(self) -> tuple[Any, ...]:  # type: ignore[override]
        """The LLVM types of its parts."""
        return tuple(leaf for item in self.items for leaf in item.leaves)


void, boolean = Void(), Whole(1, signed=False)
int8, int16, int32, int64 = (Whole(bits) for bits in (8, 16, 32, 64))
uint8, uint16, uint32, uint64 = (Whole(bits, signed=False) for bits in (8, 16, 32, 64))
float32, float64 = Real(32), Real(64)
NUMBERS = {str(kind): kind for kind in (int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64)}


def of_number(number: Any) -> Type:
    """The type of a number of Python or numpy."""
    if isinstance(number, np.generic):
        return boolean if isinstance(number, np.bool_) else NUMBERS[number.dtype.name]
    if isinstance(number, bool):
        return boolean
    if isinstance(number, int):
        return int64 if number < 1 << 63 else uint64
    return float64


def joined(*kinds: Type) -> Type:
    """The least type that holds values of all of the types (their join)."""
    return reduce(_join, kinds)


def _join(a: Type, b: Type) -> Type:
    if a == b:
        return a
    if isinstance(a, Tuple) and isinstance(b, Tuple) and len(a.items) == len(b.items):
        return Tuple(tuple(_join(x, y) for x, y in zip(a.items, b.items, strict=True)))
    if isinstance(a, Real | Whole) and isinstance(b, Real | Whole):
        return _join_numbers(a, b)
    raise TypeError(f"a value is {a} here and {b} there")


def _join_numbers(a: Real | Whole, b: Real | Whole) -> Type:
    if isinstance(a, Real) or isinstance(b, Real):
        narrow = all(kind.bits <= (16 if isinstance(kind, Whole) else 32) for kind in (a, b))
        return float32 if narrow else float64
    if a.signed == b.signed:
        return a if a.bits > b.bits else b
    signed, other = (a, b) if a.signed else (b, a)
    return signed if signed.bits > other.bits else int64


def of_arithmetic(*kinds: Type) -> Type:
    """The type in which numbers are added and multiplied: whole numbers in 64 bits, signed unless all are unsigned."""
    result = joined(*kinds)
    if isinstance(result, Real):
        return result
    assert isinstance(result, Whole)
    return uint64 if all(isinstance(kind, Whole) and not kind.signed and kind != boolean for kind in kinds) else int64
