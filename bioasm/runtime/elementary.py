"""Elementary functions of float64 (exp and its relatives, log, pow, sin, cos, tanh) as straight-line arithmetic, written once.

Each takes an `Arithmetic` that carries the operations out: in Python (`exact.py`), as LLVM instructions, as C. All of them are
operations of IEEE 754 with one rounding each, so that a function has the same bits wherever it is computed. There are no
branches: a processor's vector units compute several arguments at a time.

Errors in units in the last place: below 1, for pow below 2. The method is argument reduction by
splitting off a power of two or a multiple of pi/2 in numbers of two or three parts, then a Taylor series.
"""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeAlias

from bioasm.runtime.reduction import INTEGER, LARGE, LARGE_GROUP, SPLIT, TURNS_OF_HIGH, TURNS_OF_LOW, TWO_OVER_PI

Real: TypeAlias = Any  # a float64 or a vector of them; and likewise
Bits: TypeAlias = Any  # 64 bits
Condition: TypeAlias = Any

LOG2E = 1.4426950408889634
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # ln 2; the high part has 32 bits
SHIFTER = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to a whole number, which then is in the low bits
WHOLE = 4503599627370496.0  # 2^52: from here on every number is whole
LARGEST = {"exp": 709.782712893384, "expm1": 709.0}  # above, the result is infinite
SMALLEST = -708.0  # below, e^x is 0, and e^x - 1 is -1
FINITE = 1.7976931348623157e308
_ONE_BITS = 1023 << 52  # the bits of 1.0
_SHIFTER_BITS = 0x4338000000000000
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_SIGN = 1 << 63
_NORMAL, _TO_NORMAL = 2.2250738585072014e-308, 18014398509481984.0  # the smallest normal number, and 2^54
_NEAR_0 = 1e-300  # so near to 0, e^x - 1 is x
_THIRD = (0.6666666666666666, 3.700743415417188e-17)  # 2/3 in two parts
_HALF_PI = (1.5707963267948966, 6.123233995736766e-17)
_QUARTER_PI = 0.7853981633974483
_TANH_1 = 22.0  # from here on, tanh rounds to 1


class Arithmetic(Protocol):
    """Operations on float64, on their bits, and on conditions. Reals also take + - * and the sign among themselves."""

    def fma(self, x: Real, y: Real, z: Real) -> Real:
        """x * y + z with one rounding."""

    def divide(self, x: Real, y: Real) -> Real:
        """x / y; a division by zero gives an infinity or NaN."""

    def less(self, x: Real, y: Real) -> Condition:
        """x < y; false where one is NaN."""

    def equal(self, x: Real, y: Real) -> Condition:
        """x == y; false where one is NaN."""

    def both(self, a: Condition, b: Condition) -> Condition:
        """a and b."""

    def negated(self, a: Condition) -> Condition:
        """not a."""

    def select(self, condition: Condition, x: Real, y: Real) -> Real:
        """x where the condition holds, else y."""

    def bits(self, x: Real) -> Bits:
        """The bits of a number as a whole number modulo 2^64."""

    def number(self, bits: Bits) -> Real:
        """The number with these bits."""

    def plus(self, a: Bits, b: Bits | int) -> Bits:
        """a + b modulo 2^64."""

    def minus(self, a: Bits, b: Bits | int) -> Bits:
        """a - b modulo 2^64."""

    def left(self, a: Bits, by: int) -> Bits:
        """Shifted to higher places."""

    def right(self, a: Bits, by: int) -> Bits:
        """Shifted to lower places; zeros come in."""

    def masked(self, a: Bits, mask: Bits | int) -> Bits:
        """Bitwise and."""

    def toggled(self, a: Bits, b: Bits) -> Bits:
        """Bitwise exclusive or."""

    def is_set(self, a: Bits) -> Condition:
        """Whether any bit is set."""

    def lookup(self, table: tuple[float, ...], index: Bits) -> Real:
        """The entry of a table."""


# --- parts --------------------------------------------------------------------------------------------


def _two_sum(x: Real, y: Real) -> tuple[Real, Real]:
    """x + y as its rounded sum and what the rounding took away (Knuth)."""
    total = x + y
    of_y = total - x
    return total, (x - (total - of_y)) + (y - of_y)


def _fast_two_sum(x: Real, y: Real) -> tuple[Real, Real]:
    """`_two_sum` for |x| >= |y| (Dekker)."""
    total = x + y
    return total, y - (total - x)


def _two_product(m: Arithmetic, x: Real, y: Real) -> tuple[Real, Real]:
    """x * y as its rounded product and what the rounding took away."""
    product = x * y
    return product, m.fma(x, y, -product)


def _horner(m: Arithmetic, x: Real, coefficients: tuple[float, ...]) -> Real:
    """A polynomial, its constant coefficient first."""
    result = m.fma(x, coefficients[-1], coefficients[-2])
    for coefficient in reversed(coefficients[:-2]):
        result = m.fma(x, result, coefficient)
    return result


def _absolute(m: Arithmetic, x: Real) -> Real:
    return m.number(m.masked(m.bits(x), _SIGN - 1))


def _with_sign(m: Arithmetic, x: Real, sign: Bits) -> Real:
    """x, negated where the uppermost bit is set."""
    return m.number(m.toggled(m.bits(x), m.masked(sign, _SIGN)))


# --- exp and its kin ----------------------------------------------------------------------------------


def _taylor(m: Arithmetic, r: Real) -> tuple[Real, Real]:
    """(e^r - 1 - r) / r^2 and r^2 for |r| <= ln2/2: Taylor series to r^13, in pairs, so that they need not wait."""

    def pair(n: int) -> Real:  # r^n / n! + r^(n+1) / (n+1)!, over r^n
        return m.fma(r, 1.0 / math.factorial(n + 1), 1.0 / math.factorial(n))

    r2 = r * r
    r4 = r2 * r2
    low, middle, high = (m.fma(r2, pair(n + 2), pair(n)) for n in (2, 6, 10))
    return m.fma(r4, m.fma(r4, high, middle), low), r2


def _split(m: Arithmetic, x: Real) -> tuple[Bits, Real]:
    """x = n ln2 + r, |r| <= ln2/2: n in the uppermost bits, ready to be an exponent, and e^r - 1."""
    shifted = m.fma(x, LOG2E, SHIFTER)
    minus_n = SHIFTER - shifted
    r = m.fma(minus_n, LN2_LOW, m.fma(minus_n, LN2_HIGH, x))
    series, r2 = _taylor(m, r)
    return m.left(m.bits(shifted), 52), m.fma(series, r2, r)


def _limited(m: Arithmetic, x: Real, low: Real, high: Real) -> Real:
    """x, or the limit that it is beyond; NaN stays."""
    above = m.select(m.less(x, low), low, x)
    return m.select(m.less(high, above), high, above)


def exponentials(m: Arithmetic, x: Real, largest: Real, wanted: set[str]) -> dict[str, Real]:
    """e^x, and 0 below e^-708; and e^x - 1, as exact near 0 as elsewhere: those `wanted` of `exp` and `expm1`."""
    inside = _limited(m, x, SMALLEST, largest)
    power, part = _split(m, inside)
    too_large, usual, too_small = m.less(largest, x), m.equal(inside, x), m.less(x, SMALLEST)
    found = {}
    for name, below in (("exp", 0.0), ("expm1", -1.0)):
        if name in wanted:
            unusual = m.select(too_large, math.inf, m.select(too_small, below, x))
            found[name] = m.select(usual, (_exp if name == "exp" else _expm1)(m, power, part), unusual)
    return found


def _exp(m: Arithmetic, power: Bits, part: Real) -> Real:
    return m.number(m.plus(m.bits(1.0 + part), power))


def _expm1(m: Arithmetic, power: Bits, part: Real) -> Real:
    factor = m.number(m.plus(power, _ONE_BITS))
    return m.fma(factor, part, factor - 1.0)


def exp(m: Arithmetic, x: Real) -> Real:
    """e^x, 0 below e^-708."""
    return exponentials(m, x, LARGEST["exp"], {"exp"})["exp"]


def expm1(m: Arithmetic, x: Real) -> Real:
    """e^x - 1."""
    return exponentials(m, x, LARGEST["expm1"], {"expm1"})["expm1"]


def ratio(m: Arithmetic, name: str, x: Real, base: Real) -> Real:
    """`exprelr` or `growth` of x from e^x - 1; 1 at 0."""
    finite = m.select(m.less(FINITE, x), FINITE, x)
    found = m.divide(finite, base) if name == "exprelr" else m.divide(base, finite)
    return m.select(m.less(_absolute(m, x), _NEAR_0), 1.0, found)


def exprelr(m: Arithmetic, x: Real) -> Real:
    """x / (e^x - 1), which is 1 at 0."""
    return ratio(m, "exprelr", x, expm1(m, x))


def growth(m: Arithmetic, x: Real) -> Real:
    """(e^x - 1) / x, which is 1 at 0."""
    return ratio(m, "growth", x, expm1(m, x))


def tanh(m: Arithmetic, x: Real) -> Real:
    """The hyperbolic tangent, -t / (2 + t) for t = e^(-2|x|) - 1, with t and the quotient in two parts."""
    size = _absolute(m, x)
    y = -2.0 * m.select(m.less(_TANH_1, size), _TANH_1, size)
    shifted = m.fma(y, LOG2E, SHIFTER)
    minus_n = SHIFTER - shifted
    high = m.fma(minus_n, LN2_HIGH, y)
    r, r_low = _two_sum(high, minus_n * LN2_LOW)
    series, r2 = _taylor(m, r)
    part = m.fma(series, r2, m.fma(r_low, r, r_low))
    factor = m.number(m.plus(m.left(m.bits(shifted), 52), _ONE_BITS))
    less, less_low = _fast_two_sum(-1.0, factor)
    t, t_low = _two_sum(less, factor * r)
    t, t_low = _fast_two_sum(t, m.fma(factor, part, t_low + less_low))
    below, below_low = _fast_two_sum(2.0, t)
    quotient = m.divide(-t, below)
    rest = m.fma(-quotient, below, -t) - t_low - quotient * (below_low + t_low)
    return _with_sign(m, quotient + m.divide(rest, below), m.bits(x))


# --- log and pow --------------------------------------------------------------------------------------


def _mantissa(m: Arithmetic, x: Real) -> tuple[Real, Real]:
    """x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), for positive finite x: k and f."""
    small = m.less(x, _NORMAL)
    bits = m.bits(m.select(small, x * _TO_NORMAL, x))
    biased = m.right(m.plus(bits, _ONE_BITS - _SQRT_HALF_BITS), 52)  # k + 1023
    mantissa = m.number(m.minus(bits, m.left(m.minus(biased, 1023), 52)))
    k = m.number(m.plus(biased, _SHIFTER_BITS)) - (SHIFTER + 1023.0)
    return m.select(small, k - 54.0, k), mantissa - 1.0


_LOG_SERIES = tuple(2.0 / (2 * k + 1) for k in range(1, 12))  # of 2 atanh(s) / s - 2, in powers of s^2


def log(m: Arithmetic, x: Real) -> Real:
    """The natural logarithm: that of the power of two, and 2 atanh(f / (2 + f)) of the mantissa 1 + f."""
    usual = m.both(m.less(0.0, x), m.less(x, math.inf))
    k, f = _mantissa(m, m.select(usual, x, 1.0))
    s = m.divide(f, 2.0 + f)
    s2, half = s * s, 0.5 * f * f
    series = s2 * _horner(m, s2, _LOG_SERIES)
    found = k * LN2_HIGH - ((half - m.fma(s, half + series, k * LN2_LOW)) - f)
    unusual = m.select(m.equal(x, 0.0), -math.inf, m.select(m.less(x, 0.0), math.nan, x))
    return m.select(usual, found, unusual)


def _log_in_two_parts(m: Arithmetic, x: Real) -> tuple[Real, Real]:
    """The logarithm of a positive finite number with about 66 bits."""
    k, f = _mantissa(m, x)
    below, below_low = _fast_two_sum(2.0, f)
    s = m.divide(f, below)
    s_low = m.divide(m.fma(-s, below, f) - s * below_low, below)
    square, square_low = _two_product(m, s, s)
    square_low = m.fma(2.0 * s, s_low, square_low)
    cube, cube_low = _two_product(m, s, square)
    cube_low = m.fma(s, square_low, m.fma(s_low, square, cube_low))
    third, third_low = _two_product(m, cube, _THIRD[0])
    third_low = m.fma(cube, _THIRD[1], m.fma(cube_low, _THIRD[0], third_low))
    tail = cube * square * _horner(m, square, _LOG_SERIES[1:])
    total, first = _two_sum(k * LN2_HIGH, 2.0 * s)
    total, second = _two_sum(total, third)
    low = (first + second) + (m.fma(k, LN2_LOW, m.fma(2.0, s_low, third_low)) + tail)
    return _fast_two_sum(total, low)


def _exp_of_sum(m: Arithmetic, x: Real, low: Real) -> Real:
    """e^(x + low) for |x| < 1500, gradually down to 0: 2^n is multiplied on in two halves."""
    shifted = m.fma(x, LOG2E, SHIFTER)
    minus_n = SHIFTER - shifted
    r = m.fma(minus_n, LN2_HIGH, x) + m.fma(minus_n, LN2_LOW, low)
    series, r2 = _taylor(m, r)
    n = m.minus(m.bits(shifted), _SHIFTER_BITS)
    half = m.minus(m.right(m.plus(n, 4096), 1), 2048)
    first, second = (m.number(m.left(m.plus(part, 1023), 52)) for part in (half, m.minus(n, half)))
    return (1.0 + m.fma(series, r2, r)) * first * second


def full_exp(m: Arithmetic, x: Real) -> Real:
    """e^x, down to the smallest numbers that are not 0."""
    return _exp_of_sum(m, _limited(m, x, -800.0, 800.0), 0.0)


def power(m: Arithmetic, x: Real, y: Real) -> Real:
    """x^y as C's pow has it: e^(y log x) with the logarithm in two parts."""
    size, exponent = _absolute(m, x), _absolute(m, y)
    ordinary = m.both(m.less(0.0, size), m.less(size, math.inf))
    finite = m.less(exponent, math.inf)
    high, low = _log_in_two_parts(m, m.select(ordinary, size, 1.0))
    inside = m.select(finite, y, 0.0)
    product, rest = _two_product(m, inside, high)
    bounded = _limited(m, product, -800.0, 800.0)
    rest = m.select(m.equal(bounded, product), m.fma(inside, low, rest), 0.0)
    found = _exp_of_sum(m, bounded, rest)
    grows = m.less(0.0, m.select(m.less(size, 1.0), -y, y))
    limit = m.select(m.equal(size, 1.0), 1.0, m.select(grows, math.inf, 0.0))
    return _signed_power(m, x, y, m.select(m.both(ordinary, finite), found, limit))


def _signed_power(m: Arithmetic, x: Real, y: Real, size: Real) -> Real:
    """x^y from |x|^y: its sign, and the cases that C defines."""
    exponent = _absolute(m, y)
    whole, even = _is_whole(m, exponent), _is_whole(m, 0.5 * exponent)
    odd = m.both(whole, m.negated(even))
    found = m.select(odd, _with_sign(m, size, m.bits(x)), size)
    rooted = m.both(m.both(m.less(x, 0.0), m.less(-math.inf, x)), m.negated(whole))
    found = m.select(rooted, math.nan, found)
    found = m.select(m.both(m.equal(x, x), m.equal(y, y)), found, x + y)
    return m.select(m.equal(x, 1.0), 1.0, m.select(m.equal(y, 0.0), 1.0, found))


def _is_whole(m: Arithmetic, x: Real) -> Condition:
    """Whether a positive number is whole."""
    inside = m.select(m.less(x, WHOLE), x, 0.0)
    return m.equal((inside + WHOLE) - WHOLE, inside)


# --- sin and cos --------------------------------------------------------------------------------------

_SIN_SERIES = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(1, 9))  # of sin(r) / r - 1, in powers of r^2
_COS_SERIES = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(2, 10))  # of cos(r) - 1 + r^2/2, from r^4 on


def _reduced(m: Arithmetic, size: Real) -> tuple[Bits, Real, Real]:
    """|x| = q pi/2 + r with |r| <= pi/4: q modulo 4 in the lowest bits, and r in two parts, for every finite x."""
    small = m.less(size, _QUARTER_PI)
    part, low, shifted = _quarter_turns(m, size)
    r, r_low = _two_product(m, part, _HALF_PI[0])
    r_low = m.fma(low, _HALF_PI[0], m.fma(part, _HALF_PI[1], r_low))
    quarter = m.bits(m.select(small, SHIFTER, shifted))
    return quarter, m.select(small, size, r), m.select(small, 0.0, r_low)


def _quarter_turns(m: Arithmetic, size: Real) -> tuple[Real, Real, Real]:
    """size * 2/pi without its whole part, in two parts, and the whole part modulo 4 in the lowest bits of a number.

    From 2^33 on the number is cut into a high and a low part that are whole multiples of a power of 2; 2/pi times that power
    modulo 4 is looked up, so that their products stay small.
    """
    high, high_turns, low, low_turns = _cut(m, size)
    first, first_low = _two_product(m, high, high_turns[0])
    second, second_low = _two_product(m, high, high_turns[1])
    other, other_low = _two_product(m, low, low_turns[0])
    last, last_low = _two_product(m, low, low_turns[1])
    shifted = first + SHIFTER
    shifted_low = other + SHIFTER
    total, rests = _two_sum(first - (shifted - SHIFTER), other - (shifted_low - SHIFTER))
    whole = total + SHIFTER
    total, lost = _two_sum(total - (whole - SHIFTER), rests)
    for part in (first_low, second, other_low, last):
        total, more = _two_sum(total, part)
        lost = lost + more
    total, rests = _fast_two_sum(total, lost + m.fma(high, high_turns[2], second_low) + m.fma(low, low_turns[2], last_low))
    quarter = m.plus(m.plus(m.bits(shifted), m.bits(shifted_low)), m.bits(whole))
    return total, rests, m.number(m.plus(m.masked(quarter, 3), _SHIFTER_BITS))


def _cut(m: Arithmetic, size: Real) -> tuple[Real, list[Real], Real, list[Real]]:
    """A number as two parts, and for each what its unit is in quarter turns, modulo 4."""
    large = m.both(m.less(LARGE, size), m.less(size, math.inf))
    bits = m.bits(m.select(large, size, LARGE))
    group = m.minus(m.right(bits, 55), LARGE_GROUP)
    whole = m.number(m.minus(bits, m.left(group, 55))) * INTEGER
    high = m.number(m.masked(m.bits(whole), (1 << 64) - (1 << SPLIT)))
    low = m.select(large, whole - high, 0.0)
    turns = [m.select(large, m.lookup(t, group), direct) for t, direct in zip(TURNS_OF_HIGH, TWO_OVER_PI, strict=True)]
    inside = m.select(m.less(size, math.inf), size, 0.0)
    return m.select(large, high * 0.5**SPLIT, inside), turns, low, [m.lookup(t, group) for t in TURNS_OF_LOW]


def _of_eighth(m: Arithmetic, r: Real, low: Real) -> tuple[Real, Real]:
    """sin(r + low) and cos(r + low) for |r| <= pi/4."""
    r2, r2_low = _two_product(m, r, r)
    half = 0.5 * r2
    sine = r + m.fma(r * r2, _horner(m, r2, _SIN_SERIES), low * (1.0 - half))
    whole = 1.0 - half
    rest = ((1.0 - whole) - half) - m.fma(0.5, r2_low, r * low)
    return sine, whole + m.fma(r2 * r2, _horner(m, r2, _COS_SERIES), rest)


def sin(m: Arithmetic, x: Real) -> Real:
    """The sine, of every finite number."""
    size = _absolute(m, x)
    quarter, r, low = _reduced(m, size)
    sine, cosine = _of_eighth(m, r, low)
    found = m.select(m.is_set(m.masked(quarter, 1)), cosine, sine)
    found = _with_sign(m, found, m.toggled(m.left(quarter, 62), m.bits(x)))
    return m.select(m.less(size, math.inf), found, x - x)


def cos(m: Arithmetic, x: Real) -> Real:
    """The cosine, of every finite number."""
    size = _absolute(m, x)
    quarter, r, low = _reduced(m, size)
    sine, cosine = _of_eighth(m, r, low)
    found = m.select(m.is_set(m.masked(quarter, 1)), sine, cosine)
    found = _with_sign(m, found, m.left(m.plus(quarter, 1), 62))
    return m.select(m.less(size, math.inf), found, x - x)


UNARY = {"exp": exp, "expm1": expm1, "exprelr": exprelr, "growth": growth, "log": log, "tanh": tanh, "sin": sin, "cos": cos}
UNARY["full_exp"] = full_exp
