"""Functions of Python and its modules that kernels call, and casts by a type's name."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from llvmlite import ir

from bioasm.vm.jit.arithmetic import extreme
from bioasm.vm.jit.types import Array, Pointer, Real, Whole, float32, float64, int64
from bioasm.vm.jit.values import Const, Typed, Value, cast, pointer_of, type_of, typed


class _Builtin:
    """A function of the kernel language that Python does not have."""


carray, pointer = _Builtin(), _Builtin()
Writer = Callable[..., Value]


def _intrinsic(name: str, *after: Any) -> Writer:
    """A function of a real by an intrinsic of LLVM, brought to the types `after`."""

    def write(b: Any, x: Value) -> Value:
        kind = float32 if type_of(x) == float32 else float64
        function = b.module.declare_intrinsic(f"llvm.{name}", [kind.leaves[0]])
        result = Typed(kind, (b.call(function, [cast(b, x, kind).only]),))
        return cast(b, result, after[0]) if after else result

    return write


def _abs(b: Any, x: Value) -> Value:
    kind = type_of(x)
    if isinstance(kind, Real):
        return _intrinsic("fabs")(b, x)
    part = cast(b, x, int64).only
    negative = b.icmp_signed("<", part, ir.Constant(part.type, 0))
    return Typed(int64, (b.select(negative, b.neg(part), part),))


def _of_all(sign: str) -> Writer:
    return lambda b, *values: reduce(lambda x, y: extreme(b, sign, x, y), values)


def _len(b: Any, x: Value) -> Value:
    if isinstance(x, Const):
        return Const(len(x.data))
    assert isinstance(x.type, Array)
    return Typed(int64, x.parts[1:])


def _pointer(b: Any, address: Value, item: Value) -> Value:
    """An address as a pointer to a type."""
    assert isinstance(item, Const)
    kind = Pointer(item.data)
    return Typed(kind, (b.inttoptr(cast(b, address, int64).only, kind.leaves[0]),))


def _carray(b: Any, at: Value, count: Value) -> Value:
    """A view of so many items from a pointer on."""
    given = typed(at)
    assert isinstance(given.type, Pointer)
    return Typed(Array(given.type.item), (pointer_of(given), cast(b, count, int64).only))


def caster(kind: Real | Whole) -> Writer:
    """The function that casts to a type."""
    return lambda b, x: cast(b, x, kind)


WRITERS: dict[Any, Writer] = {
    carray: _carray,
    pointer: _pointer,
    builtins.abs: _abs,
    builtins.min: _of_all("<"),
    builtins.max: _of_all(">"),
    builtins.len: _len,
    builtins.float: caster(float64),
    builtins.int: caster(int64),
    np.float64: caster(float64),
    np.floor: _intrinsic("floor"),
    np.ceil: _intrinsic("ceil"),
    math.floor: _intrinsic("floor", int64),
    math.ceil: _intrinsic("ceil", int64),
    math.sqrt: _intrinsic("sqrt"),
}
