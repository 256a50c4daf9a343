"""The arithmetic of registers in Python: IEEE 754 binary64, the same bits as the compiled loop computes, and no faults.

EXP, LOG and POW are our own functions (`elementary.py`): a C library's or numpy's may differ in the last place, and a jump on
equality would then take another path. A NaN has one meaning whatever its sign bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

INFINITY, NAN = math.inf, math.nan


def _divide(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return NAN
    return math.copysign(INFINITY, a) * math.copysign(1.0, b)


def _modulo(a: float, b: float) -> float:
    return a % b if b != 0.0 and math.isfinite(a) else NAN


def _lower(a: float, b: float) -> float:
    return a if a < b or a != a else b  # NaN from either side


def _higher(a: float, b: float) -> float:
    return a if a > b or a != a else b


def _exact() -> ModuleType:
    """Our own functions on Python's floats; they and numpy are imported when the first is computed."""
    from bioasm.runtime import exact

    return exact


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
    "POW": lambda a, b: _exact().power(a, b),
    "MOD": _modulo,
    "NEG": lambda a, _: -a,
    "ABS": lambda a, _: abs(a),
    "SQRT": lambda a, _: math.sqrt(a) if a >= 0.0 else NAN,
    "EXP": lambda a, _: _exact().exp(a),
    "LOG": lambda a, _: _exact().log(a),
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
