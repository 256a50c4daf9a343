"""Vectorisable 32-bit arithmetic that numba would promote to 64 bits, written as LLVM instructions.

Every function here is exact IEEE or integer arithmetic without contraction, so that `bioasm.vm.noise` repeats it bit for
bit in numpy, and any other backend can.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from bioasm.vm.noise import COS, LN2, LOG_SERIES, PARITY, ROTATIONS, SIN, SQRT_HALF_BITS, TAU_OVER_2_32

I32 = ir.IntType(32)
F32 = ir.FloatType()


def _int(value: int) -> ir.Constant:
    return ir.Constant(I32, value & 0xFFFFFFFF)


def _float(value: Any) -> ir.Constant:
    return ir.Constant(F32, float(np.float32(value)))


def _rotate_left(b: Any, x: Any, by: int) -> Any:
    return b.or_(b.shl(x, _int(by)), b.lshr(x, _int(32 - by)))


def _threefry(b: Any, key: tuple[Any, Any], counter: tuple[Any, Any]) -> tuple[Any, Any]:
    """Threefry-2x32 with 20 rounds (Salmon et al., SC 2011)."""
    keys = (*key, b.xor(b.xor(key[0], key[1]), _int(PARITY)))
    x0, x1 = b.add(counter[0], keys[0]), b.add(counter[1], keys[1])
    for r in range(20):
        x0 = b.add(x0, x1)
        x1 = b.xor(_rotate_left(b, x1, ROTATIONS[r % 8]), x0)
        if r % 4 == 3:
            turn = r // 4 + 1
            x0 = b.add(x0, keys[turn % 3])
            x1 = b.add(b.add(x1, keys[(turn + 1) % 3]), _int(turn))
    return x0, x1


def _horner(b: Any, x: Any, coefficients: tuple[float, ...]) -> Any:
    result = _float(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = b.fadd(b.fmul(result, x), _float(c))
    return result


def _log(b: Any, x: Any) -> Any:
    """Natural logarithm of a positive normal float32: exponent, and atanh series of the mantissa around 1."""
    bits = b.bitcast(x, I32)
    shifted = b.sub(bits, _int(SQRT_HALF_BITS))
    exponent = b.ashr(shifted, _int(23))
    mantissa = b.bitcast(b.sub(bits, b.shl(exponent, _int(23))), F32)
    t = b.fdiv(b.fsub(mantissa, _float(1)), b.fadd(mantissa, _float(1)))
    series = b.fmul(t, _horner(b, b.fmul(t, t), LOG_SERIES))
    return b.fadd(b.fmul(b.sitofp(exponent, F32), _float(LN2)), series)


def _open_unit(b: Any, word: Any) -> Any:
    """(word + 1/2) / 2**32 in float32: never 0, may round to 1."""
    return b.fmul(b.fadd(b.uitofp(word, F32), _float(0.5)), _float(2.0**-32))


def _normal_pair(b: Any, x0: Any, x1: Any) -> tuple[Any, Any]:
    """Box-Muller: a quarter turn is taken off the angle exactly, in integers, before the series are evaluated."""
    log = _log(b, _open_unit(b, x0))
    sqrt = b.module.declare_intrinsic("llvm.sqrt", [F32])
    radius = b.call(sqrt, [b.fmul(_float(-2), log)])
    quarter = b.lshr(b.add(x1, _int(1 << 29)), _int(30))
    rest = b.sub(x1, b.shl(quarter, _int(30)))
    angle = b.fmul(b.sitofp(rest, F32), _float(TAU_OVER_2_32))
    square = b.fmul(angle, angle)
    sine, cosine = b.fmul(angle, _horner(b, square, SIN)), _horner(b, square, COS)
    odd = b.icmp_unsigned("!=", b.and_(quarter, _int(1)), _int(0))
    c, s = b.select(odd, sine, cosine), b.select(odd, cosine, sine)
    c_negative = b.and_(b.add(quarter, _int(1)), _int(2))
    s_negative = b.and_(quarter, _int(2))
    flip = lambda x, on: b.bitcast(b.xor(b.bitcast(x, I32), b.shl(on, _int(30))), F32)  # noqa: E731
    return b.fmul(radius, flip(c, c_negative)), b.fmul(radius, flip(s, s_negative))


def _pair(context: Any, b: Any, kind: Any, values: tuple[Any, Any]) -> Any:
    return context.make_tuple(b, kind, values)


@intrinsic
def threefry(typingctx, k0, k1, c0, c1):
    """Two random 32-bit words of the key (k0, k1) and the counter (c0, c1), all uint32."""
    result = types.UniTuple(types.uint32, 2)

    def codegen(context, builder, signature, args):
        return _pair(context, builder, result, _threefry(builder, (args[0], args[1]), (args[2], args[3])))

    return result(types.uint32, types.uint32, types.uint32, types.uint32), codegen


@intrinsic
def normal_pair(typingctx, k0, k1, c0, c1):
    """Two independent standard normal float32 of a key and a counter."""
    result = types.UniTuple(types.float32, 2)

    def codegen(context, builder, signature, args):
        words = _threefry(builder, (args[0], args[1]), (args[2], args[3]))
        return _pair(context, builder, result, _normal_pair(builder, *words))

    return result(types.uint32, types.uint32, types.uint32, types.uint32), codegen


@intrinsic
def logistic_pair(typingctx, k0, k1, c0, c1):
    """Two independent standard logistic float32, ln((1-u)/u)."""
    result = types.UniTuple(types.float32, 2)

    def codegen(context, b, signature, args):
        words = _threefry(b, (args[0], args[1]), (args[2], args[3]))
        values = [b.fsub(_log(b, _open_unit(b, b.not_(w))), _log(b, _open_unit(b, w))) for w in words]
        return _pair(context, b, result, tuple(values))

    return result(types.uint32, types.uint32, types.uint32, types.uint32), codegen


@intrinsic
def exponential_pair(typingctx, k0, k1, c0, c1):
    """Two independent standard exponential float32, -ln(u)."""
    result = types.UniTuple(types.float32, 2)

    def codegen(context, b, signature, args):
        words = _threefry(b, (args[0], args[1]), (args[2], args[3]))
        values = [b.fneg(_log(b, _open_unit(b, w))) for w in words]
        return _pair(context, b, result, tuple(values))

    return result(types.uint32, types.uint32, types.uint32, types.uint32), codegen


@intrinsic
def fma(typingctx, a, b, c):
    """a * b + c of float64 with one rounding."""

    def codegen(context, builder, signature, args):
        return builder.fma(*args)

    return types.float64(types.float64, types.float64, types.float64), codegen


@intrinsic
def pointer(typingctx, address, dtype):
    """The int64 `address` as a pointer to `dtype`."""
    result = types.CPointer(dtype.dtype)

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

    return result(types.int64, dtype), codegen
