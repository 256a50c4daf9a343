"""Functions of model texts, written so that loops over cells stay on the vector units."""

from __future__ import annotations

import math

from llvmlite import ir
from numba import float64, int64
from numba.extending import intrinsic

from bioasm.vm.kernels.device import inlined
from bioasm.vm.kernels.emit import fma

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SHIFTER = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to a whole number, which then stands in the low bits
_LARGEST, _LARGEST_HALF, _SMALLEST = 709.782712893384, 709.0, -708.0
_ONE_BITS = 1023 << 52  # the bits of 1.0


@intrinsic
def bits_of(typingctx, x):
    """The bits of a float64 as int64."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.IntType(64))

    return int64(float64), codegen


@intrinsic
def float_of(typingctx, bits):
    """The float64 with these bits."""

    def codegen(context, builder, signature, args):
        return builder.bitcast(args[0], ir.DoubleType())

    return float64(int64), codegen


@inlined
def _expm1_part(r):
    """e^r - 1 for |r| <= ln2/2, by its Taylor polynomial of degree 13, in pairs so that one term need not wait for another."""
    r2 = r * r
    r4 = r2 * r2
    low = fma(r2, fma(r, 1.0 / 120.0, 1.0 / 24.0), fma(r, 1.0 / 6.0, 0.5))
    middle = fma(r2, fma(r, 1.0 / 362880.0, 1.0 / 40320.0), fma(r, 1.0 / 5040.0, 1.0 / 720.0))
    high = fma(r2, fma(r, 1.0 / 6227020800.0, 1.0 / 479001600.0), fma(r, 1.0 / 39916800.0, 1.0 / 3628800.0))
    return fma(fma(r4, fma(r4, high, middle), low), r2, r)


@inlined
def exp(x):
    """The exponential, within one unit in the last place: 2^n times e^r with |r| <= ln2/2. Below e^-708 it is 0.

    Only arithmetic that vector units have, unlike the C library's.
    """
    inside = min(max(x, _SMALLEST), _LARGEST)
    shifted = fma(inside, _LOG2E, _SHIFTER)
    n = shifted - _SHIFTER
    r = fma(-n, _LN2_LOW, fma(-n, _LN2_HIGH, inside))
    result = float_of(bits_of(1.0 + _expm1_part(r)) + (bits_of(shifted) << 52))
    result = math.inf if x > _LARGEST else result
    result = 0.0 if x < _SMALLEST else result
    return result if x == x else x


@inlined
def expm1(x):
    """e^x - 1, as exact near 0 as elsewhere; infinite above e^709."""
    inside = min(max(x, _SMALLEST), _LARGEST_HALF)
    shifted = fma(inside, _LOG2E, _SHIFTER)
    n = shifted - _SHIFTER
    r = fma(-n, _LN2_LOW, fma(-n, _LN2_HIGH, inside))
    power = float_of((bits_of(shifted) << 52) + _ONE_BITS)
    result = fma(power, _expm1_part(r), power - 1.0)
    result = math.inf if x > _LARGEST_HALF else result
    return result if x == x else x


@inlined
def exprelr(x):
    """x / (e^x - 1), which is 1 at 0."""
    return 1.0 if abs(x) < 1e-300 else x / expm1(x)


@inlined
def growth(z):
    """(e^z - 1) / z, which is 1 at 0."""
    return 1.0 if abs(z) < 1e-300 else expm1(z) / z


@inlined
def power2(x):
    """x^2; the functions below alike."""
    return x * x


@inlined
def power3(x):
    """x^3."""
    return x * x * x


@inlined
def power4(x):
    """x^4."""
    return (x * x) * (x * x)


@inlined
def power5(x):
    """x^5."""
    return (x * x) * (x * x) * x


@inlined
def power6(x):
    """x^6."""
    return (x * x * x) * (x * x * x)


@inlined
def power7(x):
    """x^7."""
    return (x * x * x) * (x * x * x) * x


@inlined
def power8(x):
    """x^8."""
    return ((x * x) * (x * x)) * ((x * x) * (x * x))
