"""What register instructions compute and when conditional jumps are taken: 64-bit floats, without faults."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np


def _divide(a: float, b: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.float64(a) / np.float64(b))


def _power(a: float, b: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.power(np.float64(a), np.float64(b)))


def _modulo(a: float, b: float) -> float:
    with np.errstate(all="ignore"):
        return float(np.mod(np.float64(a), np.float64(b))) if b != 0.0 else math.nan


def _exponential(a: float, _: float) -> float:
    try:
        return math.exp(a)
    except OverflowError:
        return math.inf


def _logarithm(a: float, _: float) -> float:
    if a > 0.0:
        return math.log(a)
    return -math.inf if a == 0.0 else math.nan


def _lower(a: float, b: float) -> float:
    return a if a < b or a != a else b  # NaN from either side


def _higher(a: float, b: float) -> float:
    return a if a > b or a != a else b


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
    "SQRT": lambda a, _: math.sqrt(a) if a >= 0.0 else math.nan,
    "EXP": _exponential,
    "LOG": _logarithm,
    "FLOOR": lambda a, _: float(np.floor(a)),
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
