"""Geometry of the culture: positions of electrodes and neurons, and coupling weights between them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.board.culture.parameters import CultureParameters

Array = NDArray[Any]


class Geometry(NamedTuple):
    """`weight` (units, electrodes) falls as 1/r, at most 1; `crosstalk` (electrodes, electrodes) has 0 on its diagonal."""

    weight: Array
    crosstalk: Array


def electrode_grid(electrodes: int, pitch: float) -> Array:
    """Positions (electrodes, 2) in um on the smallest square grid that holds them, row by row."""
    side = int(np.ceil(np.sqrt(electrodes)))
    row, column = np.divmod(np.arange(electrodes), side)
    return np.stack([column, row], axis=1) * pitch


def make_geometry(electrodes: int, parameters: CultureParameters, rng: np.random.Generator) -> Geometry:
    """Neurons at random around their electrodes; the one of unit u is u // units_per_electrode."""
    p = parameters
    places = electrode_grid(electrodes, p.pitch_um)
    units = electrodes * p.units_per_electrode
    distance = rng.uniform(p.nearest_um, p.farthest_um, units)
    angle = rng.uniform(0, 2 * np.pi, units)
    around = distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    neurons = np.repeat(places, p.units_per_electrode, axis=0) + around
    apart = np.linalg.norm(neurons[:, None] - places[None], axis=2)
    between = np.linalg.norm(places[:, None] - places[None], axis=2)
    crosstalk = np.where(between > 0, p.crosstalk * p.pitch_um / np.maximum(between, p.pitch_um), 0.0)
    return Geometry(np.minimum(1.0, p.nearest_um / apart), crosstalk)
