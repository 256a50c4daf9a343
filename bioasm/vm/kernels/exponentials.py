"""The exponential and its kin, of one number or of several side by side, written as LLVM instructions.

Only arithmetic that vector units have, unlike the C library's, so that loops over cells stay on them. One cell alone waits
for its own exponentials most of the time; `together` works out those that need not wait for each other in one vector.
A number has the same bits whichever way it was worked out.
"""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import float64, types
from numba.core import cgutils
from numba.extending import intrinsic

DOUBLE, I64 = ir.DoubleType(), ir.IntType(64)

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SHIFTER = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to a whole number, which then stands in the low bits
_LARGEST = {"exp": 709.782712893384, "expm1": 709.0}  # above, the result is infinite
_SMALLEST = -708.0  # below, e^x would not be a normal number
_ONE_BITS = 1023 << 52  # the bits of 1.0
_NEAR_0 = 1e-300  # so near to 0, e^x - 1 is x
_FINITE = 1.7976931348623157e308

# What a function is worked out from.
_BASE = {"exp": "exp", "expm1": "expm1", "exprelr": "expm1", "growth": "expm1"}


def _like(x: Any, value: float) -> ir.Constant:
    """A constant of the type of `x`, which may be a vector."""
    return ir.Constant(x.type, [value] * x.type.count if isinstance(x.type, ir.VectorType) else value)


def _bits(b: Any, x: Any) -> Any:
    """The bits of float64 as whole numbers."""
    return b.bitcast(x, ir.VectorType(I64, x.type.count) if isinstance(x.type, ir.VectorType) else I64)


def _fma(b: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z with one rounding."""
    suffix = f"v{x.type.count}f64" if isinstance(x.type, ir.VectorType) else "f64"
    function = b.module.declare_intrinsic(f"llvm.fma.{suffix}", fnty=ir.FunctionType(x.type, [x.type] * 3))
    return b.call(function, [x, y, z])


def _limited(b: Any, x: Any, low: Any, high: Any) -> Any:
    """x, or the limit that it is beyond; what is no number stays none."""
    above = b.select(b.fcmp_ordered("<", x, low), low, x)
    return b.select(b.fcmp_ordered(">", above, high), high, above)


def _taylor(b: Any, r: Any) -> Any:
    """e^r - 1 for |r| <= ln2/2, by its Taylor polynomial of degree 13, in pairs so that one term need not wait for another."""

    def pair(n: int) -> Any:  # r^n / n! + r^(n+1) / (n+1)!, over r^n
        return _fma(b, r, _like(r, 1.0 / math.factorial(n + 1)), _like(r, 1.0 / math.factorial(n)))

    r2 = b.fmul(r, r)
    r4 = b.fmul(r2, r2)
    low, middle, high = (_fma(b, r2, pair(n + 2), pair(n)) for n in (2, 6, 10))
    return _fma(b, _fma(b, r4, _fma(b, r4, high, middle), low), r2, r)


def _split(b: Any, x: Any) -> tuple[Any, Any]:
    """x = n ln2 + r, |r| <= ln2/2: n in the uppermost bits of a whole number, ready to be an exponent, and e^r - 1."""
    shifted = _fma(b, x, _like(x, _LOG2E), _like(x, _SHIFTER))
    minus_n = b.fsub(_like(x, _SHIFTER), shifted)
    r = _fma(b, minus_n, _like(x, _LN2_LOW), _fma(b, minus_n, _like(x, _LN2_HIGH), x))
    bits = _bits(b, shifted)
    return b.shl(bits, _like(bits, 52)), _taylor(b, r)


def _exp(b: Any, power: Any, part: Any) -> Any:
    return b.bitcast(b.add(_bits(b, b.fadd(_like(part, 1.0), part)), power), part.type)


def _expm1(b: Any, power: Any, part: Any) -> Any:
    factor = b.bitcast(b.add(power, _like(power, _ONE_BITS)), part.type)
    return _fma(b, factor, part, b.fsub(factor, _like(part, 1.0)))


def _bases(b: Any, x: Any, largest: Any, wanted: set[str]) -> dict[str, Any]:
    """e^x, within one unit in the last place and 0 below e^-708, and e^x - 1, as exact near 0 as elsewhere."""
    inside = _limited(b, x, _like(x, _SMALLEST), largest)
    power, part = _split(b, inside)
    too_large = b.fcmp_ordered(">", x, largest)
    usual = b.fcmp_ordered("==", inside, x)
    found = {}
    for name, finish, below in (("exp", _exp, 0.0), ("expm1", _expm1, -1.0)):
        if name in wanted:
            small = b.select(b.fcmp_ordered("<", x, _like(x, _SMALLEST)), _like(x, below), x)
            unusual = b.select(too_large, _like(x, math.inf), small)
            found[name] = b.select(usual, finish(b, power, part), unusual)
    return found


def _result(b: Any, name: str, x: Any, base: Any) -> Any:
    """The function's value from its argument and its base's."""
    if name not in ("exprelr", "growth"):
        return base
    fabs = b.module.declare_intrinsic("llvm.fabs", [DOUBLE])
    near_0 = b.fcmp_ordered("<", b.call(fabs, [x]), _like(x, _NEAR_0))
    finite = b.select(b.fcmp_ordered(">", x, _like(x, _FINITE)), _like(x, _FINITE), x)
    ratio = b.fdiv(finite, base) if name == "exprelr" else b.fdiv(base, finite)
    return b.select(near_0, _like(x, 1.0), ratio)


def _single(name: str) -> Any:
    base = _BASE[name]

    @intrinsic
    def apply(typingctx, x):
        def codegen(context, b, signature, args):
            (x,) = args
            return _result(b, name, x, _bases(b, x, _like(x, _LARGEST[base]), {base})[base])

        return float64(float64), codegen

    return apply


def together(*names: str) -> Any:
    """A function of a tuple of numbers: the functions `names` of one each, as a tuple, worked out in one vector."""
    count = 1 << (len(names) - 1).bit_length()
    largest = [_LARGEST[_BASE[name]] for name in names] + [0.0] * (count - len(names))

    @intrinsic
    def apply(typingctx, numbers):
        def codegen(context, b, signature, args):
            parts = cgutils.unpack_tuple(b, args[0], len(names))
            vector = ir.Constant(ir.VectorType(DOUBLE, count), [0.0] * count)
            for k, x in enumerate(parts):
                vector = b.insert_element(vector, x, ir.Constant(ir.IntType(32), k))
            bases = _bases(b, vector, ir.Constant(vector.type, largest), {_BASE[name] for name in names})
            found = [b.extract_element(bases[_BASE[name]], ir.Constant(ir.IntType(32), k)) for k, name in enumerate(names)]
            values = [_result(b, *of) for of in zip(names, parts, found, strict=True)]
            return context.make_tuple(b, signature.return_type, values)

        kind = types.UniTuple(float64, len(names))
        return kind(kind), codegen

    return apply


exp, expm1 = _single("exp"), _single("expm1")
exprelr = _single("exprelr")  # x / (e^x - 1), which is 1 at 0
growth = _single("growth")  # (e^z - 1) / z, which is 1 at 0
