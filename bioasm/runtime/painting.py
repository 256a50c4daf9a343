"""Parameters of control volumes by a formula of their position, with the same bits on all machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.network.painting import Painted
from bioasm.runtime.conditions import Pairs, value

Array = NDArray[Any]


def painted_values(painted: Painted) -> Array:
    """The value of each neuron of the population of CVs, (n,)."""
    row = np.arange(painted.patches.area.size)
    every = Pairs(row, row, {name: _taken(of) for name, of in painted.values.items()})
    with np.errstate(all="ignore"):
        return painted.of_neurons(value(painted.formula, every))


def _taken(of: Array | float) -> Callable[[Pairs], Any]:
    """Gather: a function that takes the entries of given patches from an array, or returns the one number for all."""
    return (lambda patches: of[patches.row]) if isinstance(of, np.ndarray) else (lambda _: np.float64(of))
