"""Vectorisable 32-bit arithmetic, which compiled functions would promote to 64 bits, written as LLVM instructions.

Every function here is exact IEEE or integer arithmetic without contraction, so that `bioasm.runtime.random` repeats it bit for
bit in numpy, and any other backend can.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from bioasm.runtime.random import COS, LN2, LOG_SERIES, PARITY, ROTATIONS, SIN, SQRT_HALF_BITS, TAU_OVER_2_32
from bioasm.vm.jit import loops, types
from bioasm.vm.jit.functions import intrinsic
from bioasm.vm.kernels import vectors
from bioasm.vm.layout import WIDE

I32 = ir.IntType(32)
F32 = ir.FloatType()
WORDS = ir.VectorType(I32, WIDE)
FLOATS = ir.VectorType(F32, WIDE)


def _whole(like: Any, value: int) -> ir.Constant:
    """An integer constant of the type of `like`, which may be a vector."""
    value &= 0xFFFFFFFF
    return ir.Constant(like.type, [value] * like.type.count if isinstance(like.type, ir.VectorType) else value)


def _real(value: float) -> ir.Constant:
    return ir.Constant(FLOATS, [float(np.float32(value))] * WIDE)


def _rotate_left(b: Any, x: Any, by: int) -> Any:
    return b.or_(b.shl(x, _whole(x, by)), b.lshr(x, _whole(x, 32 - by)))


def threefry_rounds(b: Any, key: tuple[Any, Any], counter: tuple[Any, Any]) -> tuple[Any, Any]:
    """Threefry-2x32 with 20 rounds (Salmon et al., SC 2011), of words or of vectors of words."""
    keys = (*key, b.xor(b.xor(key[0], key[1]), _whole(key[0], PARITY)))
    x0, x1 = b.add(counter[0], keys[0]), b.add(counter[1], keys[1])
    for r in range(20):
        x0 = b.add(x0, x1)
        x1 = b.xor(_rotate_left(b, x1, ROTATIONS[r % 8]), x0)
        if r % 4 == 3:
            turn = r // 4 + 1
            x0 = b.add(x0, keys[turn % 3])
            x1 = b.add(b.add(x1, keys[(turn + 1) % 3]), _whole(x1, turn))
    return x0, x1


def _horner(b: Any, x: Any, coefficients: tuple[float, ...]) -> Any:
    result = _real(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = b.fadd(b.fmul(result, x), _real(c))
    return result


def _log(b: Any, x: Any) -> Any:
    """Natural logarithm of a positive normal float32: exponent, and atanh series of the mantissa around 1."""
    bits = b.bitcast(x, WORDS)
    exponent = b.ashr(b.sub(bits, _whole(bits, SQRT_HALF_BITS)), _whole(bits, 23))
    mantissa = b.bitcast(b.sub(bits, b.shl(exponent, _whole(bits, 23))), FLOATS)
    t = b.fdiv(b.fsub(mantissa, _real(1)), b.fadd(mantissa, _real(1)))
    series = b.fmul(t, _horner(b, b.fmul(t, t), LOG_SERIES))
    return b.fadd(b.fmul(b.sitofp(exponent, FLOATS), _real(LN2)), series)


def _open_unit(b: Any, word: Any) -> Any:
    """(word + 1/2) / 2**32 in float32: never 0, may round to 1."""
    return b.fmul(b.fadd(b.uitofp(word, FLOATS), _real(0.5)), _real(2.0**-32))


def _with_sign(b: Any, x: Any, on: Any) -> Any:
    """x, negated where bit 1 of `on` is set."""
    bits = b.bitcast(x, WORDS)
    return b.bitcast(b.xor(bits, b.shl(on, _whole(bits, 30))), FLOATS)


def normals(b: Any, x0: Any, x1: Any) -> tuple[Any, Any]:
    """Box-Muller: a quarter turn is taken off the angle exactly, in integers, before the series are evaluated."""
    sqrt = b.module.declare_intrinsic(f"llvm.sqrt.v{WIDE}f32", fnty=ir.FunctionType(FLOATS, [FLOATS]))
    radius = b.call(sqrt, [b.fmul(_real(-2), _log(b, _open_unit(b, x0)))])
    quarter = b.lshr(b.add(x1, _whole(x1, 1 << 29)), _whole(x1, 30))
    rest = b.sub(x1, b.shl(quarter, _whole(x1, 30)))
    angle = b.fmul(b.sitofp(rest, FLOATS), _real(TAU_OVER_2_32))
    square = b.fmul(angle, angle)
    sine, cosine = b.fmul(angle, _horner(b, square, SIN)), _horner(b, square, COS)
    odd = b.icmp_unsigned("!=", b.and_(quarter, _whole(x1, 1)), _whole(x1, 0))
    c, s = b.select(odd, sine, cosine), b.select(odd, cosine, sine)
    c = _with_sign(b, c, b.and_(b.add(quarter, _whole(x1, 1)), _whole(x1, 2)))
    s = _with_sign(b, s, b.and_(quarter, _whole(x1, 2)))
    return b.fmul(radius, c), b.fmul(radius, s)


def logistics(b: Any, x0: Any, x1: Any) -> tuple[Any, Any]:
    """ln((1-u)/u) of two words."""
    first, second = (_log(b, b.fdiv(_open_unit(b, b.not_(w)), _open_unit(b, w))) for w in (x0, x1))
    return first, second


def exponentials(b: Any, x0: Any, x1: Any) -> tuple[Any, Any]:
    """-ln(u) of two words."""
    first, second = (b.fneg(_log(b, _open_unit(b, w))) for w in (x0, x1))
    return first, second


def make_words(wide: bool) -> Any:
    """The function (addresses of the lanes' keys, first neuron, pair of steps, addresses for even and odd steps) that
    stores a vector of random words for each step: of WIDE neurons of one lane, or with `wide` of one neuron in WIDE lanes.
    """

    @intrinsic
    def draw_words(key0_at, key1_at, neuron, pair, even_at, odd_at):
        def codegen(b, args):
            at0, at1, first, pair_of_steps, even, odd = args
            neurons = vectors.splat(b, b.trunc(first, I32), WIDE)
            if wide:
                key = vectors.load(b, at0, WORDS, 4), vectors.load(b, at1, WORDS, 4)
            else:
                key0, key1 = (b.load(b.inttoptr(at, I32.as_pointer())) for at in (at0, at1))
                key = vectors.splat(b, key0, WIDE), vectors.splat(b, key1, WIDE)
                neurons = b.add(neurons, ir.Constant(WORDS, list(range(WIDE))))
            low, high = threefry_rounds(b, key, (neurons, vectors.splat(b, b.trunc(pair_of_steps, I32), WIDE)))
            vectors.store(b, low, even, 4)
            vectors.store(b, high, odd, 4)

        return types.void(*[types.int64] * 6), codegen

    return draw_words


def make_numbers(numbers: Any) -> Any:
    """The function (addresses for even and odd steps) that turns a vector of words for each step into numbers."""

    @intrinsic
    def turn_into_numbers(even_at, odd_at):
        def codegen(b, args):
            for value, address in zip(numbers(b, *(vectors.load(b, at, WORDS, 4) for at in args)), args, strict=True):
                vectors.store(b, value, address, 4)

        return types.void(types.int64, types.int64), codegen

    return turn_into_numbers


def make_wide_spread(kind: str, whole: bool, by_column: bool) -> Any:
    """The function (addresses of fields, of WIDE changes, of values, of columns, first and last entry) that adds changes
    times value to the WIDE fields of each entry's column, or of column 0, 1, ... where `by_column` is not set.

    `kind` is the values' storage; fields and changes are int32 where `whole` is set, else float64.
    """
    stored = {"i1": ir.IntType(8), "i4": I32, "f4": F32, "f8": ir.DoubleType()}[kind]
    item, bytes_of_item, bytes_of_value = (I32, 4, int(kind[1])) if whole else (ir.DoubleType(), 8, int(kind[1]))
    vector, i64 = ir.VectorType(item, WIDE), ir.IntType(64)

    def weight(b: Any, value: Any) -> Any:
        if whole:
            return value if kind == "i4" else b.sext(value, I32)
        if kind == "f8":
            return value
        return b.fpext(value, item) if kind == "f4" else b.sitofp(value, item)

    def at(b: Any, address: Any, index: Any, size: int, kind_of_item: Any) -> Any:
        return b.inttoptr(b.add(address, b.mul(index, i64(size))), kind_of_item.as_pointer())

    @intrinsic
    def wide_spread(field_at, delta_at, value_at, column_at, first, last):
        def codegen(b, args):
            fields, deltas, values, columns, start, end = args
            change = vectors.load(b, deltas, vector, bytes_of_item)
            with loops.for_range_slice(b, start, end, i64(1), i64) as (e, _):
                value = weight(b, b.load(at(b, values, e, bytes_of_value, stored)))
                place = b.sext(b.load(at(b, columns, e, 4, I32)), i64) if by_column else b.sub(e, start)
                target = at(b, fields, place, WIDE * bytes_of_item, vector)
                held = b.load(target)
                held.align = bytes_of_item
                same = vectors.splat(b, value, WIDE)
                added = b.add(held, b.mul(change, same)) if whole else b.fadd(held, b.fmul(change, same))
                stored_back = b.store(added, target)
                stored_back.align = bytes_of_item

        return types.void(*[types.int64] * 6), codegen

    return wide_spread


@intrinsic
def threefry(k0, k1, c0, c1):
    """Two random 32-bit words of the key (k0, k1) and the counter (c0, c1), all uint32."""
    result = types.Tuple((types.uint32,) * 2)

    def codegen(b, args):
        return threefry_rounds(b, (args[0], args[1]), (args[2], args[3]))

    return result(types.uint32, types.uint32, types.uint32, types.uint32), codegen


@intrinsic
def fma(a, b, c):
    """a * b + c of float64 with one rounding."""

    def codegen(b, args):
        return b.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@intrinsic
def prefetch(address):
    """Let the line of the cache with the int64 `address` be fetched, which is about to be read and written."""

    def codegen(b, args):
        place = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [place, I32, I32, I32])
        function = b.module.declare_intrinsic("llvm.prefetch", [place], kind)
        b.call(function, [b.inttoptr(args[0], place), I32(0), I32(3), I32(1)])

    return types.void(types.int64), codegen
