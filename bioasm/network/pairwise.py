"""Distance-dependent values of connections: a formula of their two ends such as `0.5 ms + d/(0.3 m/s)`.

A formula may read the names of a condition of CON except the random number `u`, and the program's constants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bioasm.isa.program import Dense, Program
from bioasm.models.expression import Expression
from bioasm.models.intervals import Interval
from bioasm.network.layout import AXES, GRID, RANDOM, Layout
from bioasm.network.network import Network, Projection
from bioasm.network.wiring import condition_names
from bioasm.units import Exponents

RANDOM_NUMBER = "u"
_IMAGE_MARGIN = 1e-15  # rounding error of the distance to the nearest image, relative to that without images


@dataclass(frozen=True, eq=False)
class Pairwise:
    """A formula of a projection's pairs, with the constants that it reads; its values lie in [low, high]."""

    formula: Expression
    constants: Mapping[str, float]
    low: float
    high: float


def pairwise_names(network: Network, projection: Projection) -> dict[str, Exponents]:
    """The names that a formula of a projection's pairs may read, with their units."""
    pre, post = _layouts(network, projection)
    found = condition_names(pre, post)
    del found[RANDOM_NUMBER]
    return found


def _layouts(network: Network, projection: Projection) -> tuple[Layout | None, Layout | None]:
    post = network.by_name[projection.target].population
    return network.layouts.get(projection.pre), network.layouts.get(post)


def pairwise_ranges(network: Network, program: Program, projection: Projection) -> dict[str, Interval]:
    """Intervals of the values of these names over all possible pairs, for interval arithmetic."""
    among, layouts = network.candidates(projection), _layouts(network, projection)
    pre, post = (_box(layout, program) for layout in layouts)
    found: dict[str, Interval] = {
        "i": (0.0, max(0.0, among.pre - 1.0)),
        "j": (0.0, max(0.0, among.post - 1.0)),
        "N_pre": (float(among.pre), float(among.pre)),
        "N_post": (float(among.post), float(among.post)),
    }
    for side, box in (("pre", pre), ("post", post)):
        found |= {f"{axis}_{side}": span for axis, span in zip(AXES, box, strict=False)}
    if layouts[0] is not None and len(pre) == len(post):
        found["d"] = 0.0, _farthest(pre, post, layouts[0].periods)
    return found


def _box(layout: Layout | None, program: Program) -> list[Interval]:
    """Bounding box: the least and the greatest coordinate along each axis (m)."""
    if layout is None:
        return []
    if layout.kind == GRID:
        return [(0.0, (count - 1) * layout.length) for count in layout.shape]
    if layout.kind == RANDOM:
        return [(0.0, layout.length)] * layout.dimensions
    assert layout.data is not None
    table = program.data[layout.data].value
    assert isinstance(table, Dense)
    return [(float(axis.min()), float(axis.max())) for axis in table.array.T] if table.array.size else []


def _farthest(one: list[Interval], other: list[Interval], periods: tuple[float, ...]) -> float:
    """Upper bound of the distance between points of two boxes, or to the nearest periodic image."""
    apart = [max(abs(a[1] - b[0]), abs(b[1] - a[0])) for a, b in zip(one, other, strict=True)]
    if periods:
        apart = [period / 2 + way * _IMAGE_MARGIN for period, way in zip(periods, apart, strict=True)]
    return math.sqrt(sum(way * way for way in apart)) * (1.0 + 1e-12)
