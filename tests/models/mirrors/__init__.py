"""Plain NumPy copies of the step orders of other simulators, which the machine is held against.

A mirror is slow and short: it states one system's equations and the exact order of its step, for any parameters and inputs,
and shares no code with the machine. Where the original is wrong, an argument chooses between it and the right physics.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def per_step(value: object, steps: int, n: int, dtype: Any = float) -> Array:
    """A scalar, one value a neuron (n,), one a step (steps, 1), or all of them (steps, n), as shape (steps, n)."""
    return np.broadcast_to(np.asarray(value, dtype=dtype), (steps, n))


def exprelr(x: Array) -> Array:
    """x / (exp(x) - 1), which is 1 at 0."""
    x = np.asarray(x, dtype=float)
    safe = np.where(x == 0.0, 1.0, x)
    return np.where(x == 0.0, 1.0, safe / np.expm1(safe))


def pairs(raster: Array) -> Array:
    """Where a raster (steps, n) is not zero, as rows (step, neuron) in the order of time."""
    return np.argwhere(np.asarray(raster) != 0)
