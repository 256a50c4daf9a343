"""The operations of a step's values and their types: operators, mathematical functions, functions of the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bioasm.vm.codegen.types import Type

F64, I64, COND = Type.F64, Type.I64, Type.COND
NUMERIC = ("+", "-", "*", "neg")  # float64 or int64, the same type for all
INTEGER = ("//", "%", ">>", "&")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")
MINMAX = ("min", "max")

# Functions of float64; those of EXPONENTIALS can be computed for several arguments in one vector.
EXPONENTIALS = ("exp", "exprelr", "growth")
UNARY = (*EXPONENTIALS, "log", "sqrt", "abs", "sin", "cos", "tanh", "floor", "ceil")
FUNCTIONS = {**dict.fromkeys(UNARY, 1), "pow": 2, "fma": 3}


class Signature(NamedTuple):
    """Types of arguments and of the result; None where there is no result."""

    arguments: tuple[Type, ...]
    result: Type | None


_CTX, _BLOCK, _REAL, _FIRED = Type.I8, Type.I8, Type.F8, Type.U1


def _of(result: Type | None, *arguments: Type | int) -> Signature:
    """A signature; an int n is shorthand for n arguments of int64."""
    types: list[Type] = []
    for part in arguments:
        types += [I64] * part if isinstance(part, int) else [part]
    return Signature(tuple(types), result)


# Functions of `bioasm.vm.kernels` that a step calls; addresses are int64.
KERNELS: dict[str, Signature] = {
    "block_row": _of(_BLOCK, _CTX, 1),
    "fired_cells": _of(_FIRED, _CTX, _BLOCK),
    "normals_of": _of(Type.F4, _CTX, 2),
    "draw": _of(None, _CTX, 1, Type.F4, 4),
    "note_spikes": _of(None, _CTX, _BLOCK, _FIRED, 1),
    "note_events": _of(I64, _CTX, _BLOCK, 5),
    "spike_count": _of(F64, _CTX, 1),
    "room_for_samples": _of(COND, _CTX, 1),
    "take_samples": _of(I64, _CTX, _REAL, 2),
    "copy_cells": _of(None, 4),
    "add_feedback": _of(None, _CTX, 3),
    "feedback_of": _of(F64, _CTX, 3),
    "add_wave": _of(None, 10),
    "next_wave_change": _of(I64, 5),
    "add_waves": _of(None, 7),
    "next_waves_change": _of(I64, 3),
    "next_event": _of(I64, 5),
    "marks": _of(Type.I8, 3),
    "take_events": _of(None, _BLOCK, 22),
    "count_events": _of(None, _BLOCK, 24),
    "list_spikes": _of(None, _BLOCK, 1, _FIRED, 5),
    "neuron_of": _of(I64, 3),
    "weight_of": _of(F64, 3),
    "listed_at": _of(I64, 2),
    "prefetch": _of(None, 1),
    "first_not_below": _of(I64, 5),
    "deliver": _of(None, _BLOCK, 1, _FIRED, 13),
    "depart": _of(None, _BLOCK, 1, _FIRED, 6),
    "arrive": _of(None, _BLOCK, 15),
}


_FIXED: dict[str, tuple[tuple[Type, ...], Type]] = {
    "/": ((F64, F64), F64),
    "and": ((COND, COND), COND),
    "or": ((COND, COND), COND),
    "not": ((COND,), COND),
    "float": ((I64,), F64),
    "flag": ((COND,), I64),
    "number": ((COND,), F64),
    "truncated": ((F64,), I64),
}


class IllTypedError(TypeError):
    """An ill-typed value or statement: a bug of the code generator."""


def result_type(op: str, types: Sequence[Type]) -> Type:
    """The type of an operation's result.

    Raises:
        IllTypedError: the operation does not accept arguments of these types.
    """
    found = _result(op, tuple(types))
    if found is None:
        raise IllTypedError(f"{op} of {', '.join(t.value for t in types) or 'nothing'}")
    return found


def _result(op: str, types: tuple[Type, ...]) -> Type | None:
    numbers = types in ((F64,), (I64,), (F64, F64), (I64, I64))
    two = len(types) == 2
    if op in NUMERIC or op in MINMAX:
        return types[0] if numbers and two == (op != "neg") else None
    if op in COMPARISONS:
        return COND if numbers and two else None
    if op in INTEGER:
        return I64 if types == (I64, I64) else None
    if op == "select":
        return types[1] if len(types) == 3 and types[0] is COND and types[1] is types[2] else None
    if op in FUNCTIONS:
        return F64 if types == (F64,) * FUNCTIONS[op] else None
    if op in KERNELS:
        return KERNELS[op].result if types == KERNELS[op].arguments else None
    wanted, result = _FIXED.get(op, ((), None))
    return result if types == wanted else None
