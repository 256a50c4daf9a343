"""Elementary functions in pure Python, bit-identical to compiled code: for EXP, LOG and POW of registers."""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.runtime import elementary

Array = NDArray[Any]
_MASK = (1 << 64) - 1


def fused(x: float, y: float, z: float) -> float:
    """Fused multiply-add by exact rational arithmetic: x * y + z with one rounding (`math.fma` needs Python 3.13)."""
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        return x * y + z
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0:
        return x * y + z  # which is exact, and has the right sign
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def fused_arrays(x: Array, y: Array, z: Array) -> Array:
    """Fused multiply-add in numpy by Dekker's product and Knuth's sum: x * y + z with one rounding, with two on overflow."""
    with np.errstate(all="ignore"):
        (x1, x2), (y1, y2), product = _halves(x), _halves(y), x * y
        total = product + z
        lost = (product - (total - (total - product))) + (z - (total - product))
        exact = total + (lost + (((x1 * y1 - product) + x1 * y2 + x2 * y1) + x2 * y2))
        return np.where(np.isfinite(exact), exact, total)


def _halves(x: Array) -> tuple[Array, Array]:
    """A number as two of 26 bits (Veltkamp's split)."""
    high = 134217729.0 * x - (134217729.0 * x - x)
    return high, x - high


class PythonArithmetic:
    """`elementary.Arithmetic` on Python's floats, ints and bools."""

    fma = staticmethod(getattr(math, "fma", fused))

    def divide(self, x: float, y: float) -> float:
        """x / y as IEEE 754 has it."""
        if y != 0.0:
            return x / y
        return math.nan if x == 0.0 or x != x else math.copysign(math.inf, x) * math.copysign(1.0, y)

    def less(self, x: float, y: float) -> bool:
        """x < y."""
        return x < y

    def equal(self, x: float, y: float) -> bool:
        """x == y."""
        return x == y

    def both(self, a: bool, b: bool) -> bool:
        """a and b."""
        return a and b

    def negated(self, a: bool) -> bool:
        """not a."""
        return not a

    def select(self, condition: bool, x: float, y: float) -> float:
        """x where the condition holds, else y."""
        return x if condition else y

    def bits(self, x: float) -> int:
        """The bits of a number."""
        return int(struct.unpack("<Q", struct.pack("<d", x))[0])

    def number(self, bits: int) -> float:
        """The number with these bits."""
        return float(struct.unpack("<d", struct.pack("<Q", bits))[0])

    def plus(self, a: int, b: int) -> int:
        """a + b modulo 2^64."""
        return a + b & _MASK

    def minus(self, a: int, b: int) -> int:
        """a - b modulo 2^64."""
        return a - b & _MASK

    def left(self, a: int, by: int) -> int:
        """Shifted to higher places."""
        return a << by & _MASK

    def right(self, a: int, by: int) -> int:
        """Shifted to lower places."""
        return a >> by

    def masked(self, a: int, mask: int) -> int:
        """Bitwise and."""
        return a & mask

    def toggled(self, a: int, b: int) -> int:
        """Bitwise exclusive or."""
        return a ^ b

    def is_set(self, a: int) -> bool:
        """Whether any bit is set."""
        return a != 0

    def lookup(self, table: tuple[float, ...], index: int) -> float:
        """The entry of a table."""
        return table[index]


PYTHON = PythonArithmetic()


def exp(x: float) -> float:
    """e^x."""
    return float(elementary.full_exp(PYTHON, x))


def log(x: float) -> float:
    """The natural logarithm."""
    return float(elementary.log(PYTHON, x))


def power(x: float, y: float) -> float:
    """x^y."""
    return float(elementary.power(PYTHON, x, y))
