"""The arithmetic of registers in Python: IEEE 754 binary64, the same bits as the compiled loop computes, and no faults.

EXP, LOG and POW are the C library's, which `math` and the compiled loop both call; numpy's own may differ in the last place,
and a jump on equality would then take another path. Where C gives an infinity or NaN, `math` raises instead. A NaN has one
meaning whatever its sign bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable

INFINITY, NAN = math.inf, math.nan


def _divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return NAN
    return math.copysign(INFINITY, a) * math.copysign(1.0, b)


def _power(a: float, b: float) -> float:
    """C's pow: an infinity where a finite result would be too large or 0 is raised to less than 0, NaN for a root of a < 0."""
    try:
        return math.pow(a, b)
    except ValueError:
        if a != 0.0:
            return NAN
    except OverflowError:
        pass
    odd = math.isfinite(b) and math.fmod(b, 2.0) in (1.0, -1.0)
    return math.copysign(INFINITY, a) if odd else INFINITY


def _modulo(a: float, b: float) -> float:
    return a % b if b != 0.0 and math.isfinite(a) else NAN


def _exponential(a: float, _: float) -> float:
    try:
        return math.exp(a)
    except OverflowError:
        return INFINITY


def _logarithm(a: float, _: float) -> float:
    if a > 0.0:
        return math.log(a)
    return -INFINITY if a == 0.0 else NAN


def _lower(a: float, b: float) -> float:
    return a if a < b or a != a else b  # NaN from either side


def _higher(a: float, b: float) -> float:
    return a if a > b or a != a else b


def _floor(a: float, _: float) -> float:
    return math.copysign(float(math.floor(a)), a) if math.isfinite(a) else a


# The value written into the register, from one or two numbers; the second is 0 where there is none.
COMPUTED: dict[str, Callable[[float, float], float]] = {
    "MOV": lambda a, _: a,
    "ADD": lambda a, b: a + b,
    "SUB": lambda a, b: a - b,
    "MUL": lambda a, b: a * b,
    "DIV": _divide,
    "MIN": _lower,
    "MAX": _higher,
    "POW": _power,
    "MOD": _modulo,
    "NEG": lambda a, _: -a,
    "ABS": lambda a, _: abs(a),
    "SQRT": lambda a, _: math.sqrt(a) if a >= 0.0 else NAN,
    "EXP": _exponential,
    "LOG": _logarithm,
    "FLOOR": _floor,
}

# Whether the jump is taken.
HOLDS: dict[str, Callable[[float, float], bool]] = {
    "JEQ": lambda a, b: a == b,
    "JNE": lambda a, b: a != b,
    "JLT": lambda a, b: a < b,
    "JLE": lambda a, b: a <= b,
    "JGT": lambda a, b: a > b,
    "JGE": lambda a, b: a >= b,
}
