"""Positions of the neurons of a population, (n, dimensions) in metres, and distances between them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Dense
from bioasm.network.layout import GRID, RANDOM, Layout
from bioasm.runtime.sampling import uniform
from bioasm.verifier.gate import Verified

Array = NDArray[Any]
_PLACE = 0xFFFFFFFF  # random streams of positions count down from here; those of projections count up from 0


def positions(verified: Verified, population: int, seed: int) -> Array:
    """Positions of the neurons of a population with a layout, (n, dimensions) in metres."""
    layout, n = verified.network.layouts[population], verified.network.populations[population].n
    if layout.kind == GRID:
        return _grid(layout, n)
    if layout.kind == RANDOM:
        axes = np.arange(layout.dimensions)[None, :]
        return np.asarray(layout.length * uniform(np.arange(n)[:, None], axes, seed, _PLACE - population))
    assert layout.data is not None
    value = verified.program.data[layout.data].value
    assert isinstance(value, Dense)
    return np.asarray(value.array, np.float64)


def _grid(layout: Layout, n: int) -> Array:
    """Neuron k at (k mod a, k div a, ...), so that neighbours in number are neighbours along x."""
    places, rest = [], np.arange(n)
    for count in layout.shape:
        places.append(rest % count)
        rest = rest // count
    return np.asarray(np.stack(places, axis=1) * layout.length)


def distances(one: list[Array], other: list[Array], periods: tuple[float, ...]) -> Array:
    """Euclidean distances between points given by axes; the nearest image where there are periods."""
    total: Any = 0.0
    for axis, (x, y) in enumerate(zip(one, other, strict=True)):
        apart = x - y
        if periods:
            apart -= periods[axis] * np.rint(apart / periods[axis])
        total = total + apart * apart
    return np.asarray(np.sqrt(total))
