"""Vectorised elementary functions in numpy, bit-identical to compiled code: for conditions and formulas of connections."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.runtime import elementary
from bioasm.runtime.exact import fused_arrays

Array = NDArray[Any]
_MASK = (1 << 64) - 1


def _word(bits: Any) -> Any:
    return np.uint64(bits & _MASK) if isinstance(bits, int) else bits


class ArrayArithmetic:
    """`elementary.Arithmetic` on arrays of float64, uint64 and bool."""

    def fma(self, x: Any, y: Any, z: Any) -> Array:
        """x * y + z with one rounding."""
        return fused_arrays(*np.broadcast_arrays(np.float64(x), np.float64(y), np.float64(z)))

    def divide(self, x: Any, y: Any) -> Any:
        """x / y."""
        return np.divide(x, y)

    def less(self, x: Any, y: Any) -> Any:
        """x < y."""
        return np.less(x, y)

    def equal(self, x: Any, y: Any) -> Any:
        """x == y."""
        return np.equal(x, y)

    def both(self, a: Any, b: Any) -> Any:
        """a and b."""
        return np.logical_and(a, b)

    def negated(self, a: Any) -> Any:
        """not a."""
        return np.logical_not(a)

    def select(self, condition: Any, x: Any, y: Any) -> Array:
        """x where the condition holds, else y."""
        return np.where(condition, x, y)

    def bits(self, x: Any) -> Array:
        """The bits of numbers."""
        return np.asarray(x, np.float64).view(np.uint64)

    def number(self, bits: Any) -> Array:
        """The numbers with these bits."""
        return np.asarray(bits, np.uint64).view(np.float64)

    def plus(self, a: Any, b: Any) -> Any:
        """a + b modulo 2^64."""
        return _word(a) + _word(b)

    def minus(self, a: Any, b: Any) -> Any:
        """a - b modulo 2^64."""
        return _word(a) - _word(b)

    def left(self, a: Any, by: int) -> Any:
        """Shifted to higher places."""
        return _word(a) << np.uint64(by)

    def right(self, a: Any, by: int) -> Any:
        """Shifted to lower places."""
        return _word(a) >> np.uint64(by)

    def masked(self, a: Any, mask: Any) -> Any:
        """Bitwise and."""
        return _word(a) & _word(mask)

    def toggled(self, a: Any, b: Any) -> Any:
        """Bitwise exclusive or."""
        return _word(a) ^ _word(b)

    def is_set(self, a: Any) -> Any:
        """Whether any bit is set."""
        return _word(a) != np.uint64(0)

    def lookup(self, table: tuple[float, ...], index: Any) -> Array:
        """Entries of a table."""
        return np.asarray(np.asarray(table)[index.astype(np.int64)])


ARRAYS = ArrayArithmetic()


def _ours(name: str) -> Callable[[Array], Array]:
    return lambda x: np.asarray(elementary.UNARY[name](ARRAYS, np.asarray(x, np.float64)))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: _ours(name) for name in ("exp", "log", "sin", "cos", "tanh", "exprelr")},
    **{name: getattr(np, name) for name in ("sqrt", "abs", "floor", "ceil")},
    "min": lambda *x: reduce(np.minimum, x),
    "max": lambda *x: reduce(np.maximum, x),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "where": np.where,
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": lambda x, y: elementary.power(ARRAYS, *(np.asarray(v) for v in np.broadcast_arrays(np.float64(x), np.float64(y)))),
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
}
