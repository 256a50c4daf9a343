"""Values while a kernel is translated: constants of Python, and typed values in LLVM; casts between types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from bioasm.vm.jit.types import Array, Pointer, Real, Tuple, Type, Whole, boolean, of_number


@dataclass(frozen=True)
class Const:
    """What is known at translation: a number, a function, a type, a module."""

    data: Any

    @property
    def is_number(self) -> bool:
        """Whether it is a number of Python or numpy."""
        return isinstance(self.data, bool | int | float | np.generic)


@dataclass(frozen=True)
class Typed:
    """A value in LLVM: `parts` are those of its type's leaves."""

    type: Type
    parts: tuple[Any, ...]

    @property
    def only(self) -> Any:
        """The part of a type that has one."""
        (part,) = self.parts
        return part


Value = Const | Typed


def typed(value: Value) -> Typed:
    """A value in LLVM; that of a constant of Python."""
    if isinstance(value, Typed):
        return value
    if isinstance(value.data, tuple):
        return packed([Const(item) for item in value.data])
    if not value.is_number:
        raise TypeError(f"{value.data!r} is no value of a kernel")
    kind = of_number(value.data)
    if isinstance(kind, Whole) and not -(1 << 63) <= int(value.data) < 1 << 64:
        raise TypeError(f"{value.data} needs more than 64 bits")
    number = float(value.data) if isinstance(kind, Real) else int(value.data)
    return Typed(kind, (ir.Constant(kind.leaves[0], number),))


def packed(values: list[Value]) -> Typed:
    """A tuple of values."""
    items = [typed(value) for value in values]
    return Typed(Tuple(tuple(item.type for item in items)), tuple(part for item in items for part in item.parts))


def unpacked(value: Value) -> list[Value]:
    """The items of a tuple."""
    if isinstance(value, Const):
        return [Const(item) for item in value.data]
    assert isinstance(value.type, Tuple)
    items: list[Value] = []
    at = 0
    for kind in value.type.items:
        items.append(Typed(kind, value.parts[at : at + len(kind.leaves)]))
        at += len(kind.leaves)
    return items


def type_of(value: Value) -> Type:
    """The type of a value, or of a constant when it is one in LLVM."""
    return typed(value).type


def cast(b: Any, value: Value, kind: Type) -> Typed:
    """A value in another type."""
    given = typed(value)
    if given.type == kind:
        return given
    if isinstance(kind, Tuple) and isinstance(given.type, Tuple):
        return packed([cast(b, item, to) for item, to in zip(unpacked(given), kind.items, strict=True)])
    if not isinstance(kind, Real | Whole) or not isinstance(given.type, Real | Whole):
        raise TypeError(f"{given.type} is no {kind}")
    return Typed(kind, (_converted(b, given.only, given.type, kind),))


def _converted(b: Any, part: Any, kind: Real | Whole, to: Real | Whole) -> Any:
    """A number in another type, by the conversions of C; a truth value is whether the number is not 0."""
    target = to.leaves[0]
    if to == boolean:
        return truth(b, Typed(kind, (part,)))
    if isinstance(kind, Real) and isinstance(to, Real):
        return b.fpext(part, target) if to.bits > kind.bits else b.fptrunc(part, target)
    if isinstance(kind, Real):
        assert isinstance(to, Whole)
        return b.fptosi(part, target) if to.signed else b.fptoui(part, target)
    if isinstance(to, Real):
        return b.sitofp(part, target) if kind.signed else b.uitofp(part, target)
    if to.bits <= kind.bits:
        return b.trunc(part, target) if to.bits < kind.bits else part
    return b.sext(part, target) if kind.signed else b.zext(part, target)


def truth(b: Any, value: Value) -> Any:
    """Whether a number is not 0, as a bit."""
    given = typed(value)
    if given.type == boolean:
        return given.only
    zero = ir.Constant(given.type.leaves[0], 0)
    return b.fcmp_unordered("!=", given.only, zero) if isinstance(given.type, Real) else b.icmp_signed("!=", given.only, zero)


def pointer_of(value: Typed) -> Any:
    """Where the items of an array or pointer begin."""
    assert isinstance(value.type, Array | Pointer)
    return value.parts[0]
