"""Operators of the kernel language: those of Python on numbers of fixed width, without exceptions.

Whole numbers wrap around in 64 bits; a division of whole numbers by 0 gives 0, and one of reals what IEEE says. Nothing is
contracted or reordered. As in C, a shift by 64 or more and a real that the whole type of a cast does not hold have no meaning.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir

from bioasm.vm.jit.types import Real, Type, Whole, boolean, float32, float64, int64, joined, of_arithmetic, uint64
from bioasm.vm.jit.values import Const, Typed, Value, cast, truth, type_of, typed

_FOLDED: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_SIMPLE = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul"}
_BITWISE = {ast.BitAnd: "and_", ast.BitOr: "or_", ast.BitXor: "xor"}
_SIGNS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


def binary(b: Any, op: ast.operator, x: Value, y: Value) -> Value:
    """The result of an operator."""
    if isinstance(x, Const) and isinstance(y, Const) and x.is_number and y.is_number:
        return Const(_FOLDED[type(op)](x.data, y.data))
    if isinstance(op, ast.LShift | ast.RShift):
        return _shifted(b, op, x, y)
    if type(op) in _BITWISE:
        return _bitwise(b, op, x, y)
    if isinstance(op, ast.Div):
        kind = joined(type_of(x), type_of(y))
        return _applied(b, "fdiv", x, y, kind if kind == float32 else float64)
    kind = of_arithmetic(type_of(x), type_of(y))
    if type(op) in _SIMPLE:
        return _applied(b, ("f" if isinstance(kind, Real) else "") + _SIMPLE[type(op)], x, y, kind)
    return _divided(b, op, x, y, kind)


def _applied(b: Any, instruction: str, x: Value, y: Value, kind: Type) -> Typed:
    """An instruction on two numbers that are brought to a type."""
    return Typed(kind, (getattr(b, instruction)(cast(b, x, kind).only, cast(b, y, kind).only),))


def _shifted(b: Any, op: ast.operator, x: Value, y: Value) -> Typed:
    given = type_of(x)
    assert isinstance(given, Whole)
    kind = int64 if given.signed or given == boolean else uint64
    right = "ashr" if kind.signed else "lshr"
    return _applied(b, "shl" if isinstance(op, ast.LShift) else right, x, y, kind)


def _bitwise(b: Any, op: ast.operator, x: Value, y: Value) -> Typed:
    bits = type_of(x) == boolean == type_of(y)
    return _applied(b, _BITWISE[type(op)], x, y, boolean if bits else of_arithmetic(type_of(x), type_of(y)))


# --- division with the sign of the divisor ------------------------------------------------------------


def _divided(b: Any, op: ast.operator, x: Value, y: Value, kind: Type) -> Typed:
    p, q = cast(b, x, kind).only, cast(b, y, kind).only
    if isinstance(kind, Real):
        assert isinstance(op, ast.Mod), "reals are divided by /"
        return Typed(kind, (_real_remainder(b, p, q),))
    assert isinstance(kind, Whole) and isinstance(op, ast.FloorDiv | ast.Mod), "whole numbers have no such operator"
    whole = _floor if kind.signed else _unsigned
    return Typed(kind, (whole(b, p, q)[isinstance(op, ast.Mod)],))


def _unsigned(b: Any, p: Any, q: Any) -> tuple[Any, Any]:
    """Quotient and remainder, 0 where the divisor is."""
    zero, none = ir.Constant(p.type, 0), b.icmp_signed("==", q, ir.Constant(q.type, 0))
    by = b.select(none, ir.Constant(q.type, 1), q)
    return b.select(none, zero, b.udiv(p, by)), b.select(none, zero, b.urem(p, by))


def _floor(b: Any, p: Any, q: Any) -> tuple[Any, Any]:
    """The quotient rounded down, and the remainder; 0 where the divisor is, and where the quotient does not fit."""
    zero, one = ir.Constant(p.type, 0), ir.Constant(p.type, 1)
    too_large = b.and_(b.icmp_signed("==", p, ir.Constant(p.type, -(1 << 63))), b.icmp_signed("==", q, ir.Constant(q.type, -1)))
    none = b.or_(b.icmp_signed("==", q, zero), too_large)
    by = b.select(none, one, q)
    quotient, rest = b.sdiv(p, by), b.srem(p, by)
    below = b.and_(b.icmp_signed("!=", rest, zero), b.icmp_signed("<", b.xor(rest, by), zero))
    quotient, rest = b.select(below, b.sub(quotient, one), quotient), b.select(below, b.add(rest, by), rest)
    return b.select(none, zero, quotient), b.select(none, zero, rest)


def _real_remainder(b: Any, p: Any, q: Any) -> Any:
    """The remainder with the sign of the divisor, also where it is 0; NaN where the divisor is 0."""
    zero = ir.Constant(p.type, 0.0)
    rest = b.frem(p, q)
    negative = b.fcmp_ordered("<", q, zero)
    unlike = b.icmp_signed("!=", negative, b.fcmp_ordered("<", rest, zero))
    signed_zero = b.select(negative, ir.Constant(p.type, -0.0), zero)
    none = b.fcmp_ordered("==", rest, zero)
    return b.select(none, signed_zero, b.select(unlike, b.fadd(rest, q), rest))


# --- comparisons --------------------------------------------------------------------------------------


def compared(b: Any, op: ast.cmpop, x: Value, y: Value) -> Value:
    """Whether a comparison holds."""
    if isinstance(x, Const) and isinstance(y, Const):
        return Const(_FOLDED[type(op)](x.data, y.data))
    sign, kind = _SIGNS[type(op)], _comparable(x, y)
    p, q = cast(b, x, kind).only, cast(b, y, kind).only
    if isinstance(kind, Real):
        return Typed(boolean, ((b.fcmp_unordered if sign == "!=" else b.fcmp_ordered)(sign, p, q),))
    assert isinstance(kind, Whole)
    return Typed(boolean, ((b.icmp_signed if kind.signed else b.icmp_unsigned)(sign, p, q),))


def _comparable(x: Value, y: Value) -> Type:
    """The type in which numbers are compared: one of 64 unsigned bits has no order with signed ones but constants."""
    kinds = {type_of(x), type_of(y)}
    signed = [value for value in (x, y) if getattr(type_of(value), "signed", False)]
    if uint64 not in kinds or not signed:
        return joined(*kinds)
    if not all(isinstance(value, Const) and value.data >= 0 for value in signed):
        raise TypeError("unsigned numbers of 64 bits are compared with unsigned ones and constants")
    return uint64


def unary(b: Any, op: ast.unaryop, x: Value) -> Value:
    """The result of a sign, `not` or `~`."""
    if isinstance(op, ast.Not):
        return Const(not x.data) if isinstance(x, Const) else Typed(boolean, (b.not_(truth(b, x)),))
    if isinstance(x, Const):
        return Const(-x.data if isinstance(op, ast.USub) else ~x.data)
    kind = of_arithmetic(x.type)
    part = cast(b, x, kind).only
    if isinstance(op, ast.Invert):
        return Typed(kind, (b.not_(part),))
    return Typed(kind, (b.fneg(part) if isinstance(kind, Real) else b.neg(part),))


# --- the smaller and the larger -----------------------------------------------------------------------


def extreme(b: Any, sign: str, x: Value, y: Value) -> Value:
    """y where it is smaller (`<`) or larger (`>`) than x, else x: Python's order, which tells what is done with NaN."""
    if isinstance(x, Const) and isinstance(y, Const):
        return Const(min(x.data, y.data) if sign == "<" else max(x.data, y.data))
    kind = joined(type_of(x), type_of(y))
    first, second = cast(b, x, kind), cast(b, y, kind)
    better = compared(b, ast.Lt() if sign == "<" else ast.Gt(), second, first)
    return Typed(kind, (b.select(typed(better).only, second.only, first.only),))
