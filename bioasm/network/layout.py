"""Spatial layouts of populations: positions from a table, on a grid, or random in a box; open or periodic."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from bioasm.isa.findings import Finding

GRID, RANDOM, TABLE = "grid", "random", "table"
AXES = "xyz"
_SHAPE = re.compile(r"\d{1,8}(?:x\d{1,8}){0,2}")


class Layout(NamedTuple):
    """Positions of a population's neurons, in metres.

    `kind` is `grid` with `shape` neurons along each axis and `length` between neighbours, `random` in a box of side `length`,
    or `table` with the positions in the data block `data`. With `periodic` the box has periodic boundaries; for a table its
    side is `length`.
    """

    kind: str
    dimensions: int
    shape: tuple[int, ...] = ()
    length: float = 0.0
    periodic: bool = False
    data: int | None = None

    @property
    def periods(self) -> tuple[float, ...]:
        """The side of the periodic box along each axis (m); empty where it is open."""
        if not self.periodic:
            return ()
        return tuple(self.length * count for count in self.shape) if self.shape else (self.length,) * self.dimensions


def read_layout(text: str, length: float, n: int) -> Layout | Finding:
    """The layout that words such as `grid 20 x 30 periodic` or `random 3d` describe for n neurons (0: not known)."""
    words = re.sub(r"[ \t]*x[ \t]*(?=\d)", "x", text).split()
    kind, rest = (words[0], words[1:]) if words else ("", [])
    periodic = "periodic" in rest[-1:]
    rest = rest[: len(rest) - periodic]
    if kind == GRID and not rest:
        side = math.isqrt(max(n - 1, 0)) + 1
        return Layout(GRID, 2, (side, -(-n // side) or 1), length, periodic)
    if kind == GRID and len(rest) == 1 and _SHAPE.fullmatch(rest[0]):
        return _grid(tuple(int(word) for word in rest[0].split("x")), length, n, periodic)
    if kind == RANDOM and (not rest or rest in (["1d"], ["2d"], ["3d"])):
        return Layout(RANDOM, int(rest[0][0]) if rest else 2, (), length, periodic)
    hint = "write `grid`, `grid 20 x 30`, `random` or `random 3d`, each with `periodic` behind it or not, or a matrix"
    return Finding("B126", f"`{text}` says no positions", hint)


def _grid(shape: tuple[int, ...], length: float, n: int, periodic: bool) -> Layout | Finding:
    if n and math.prod(shape) != n:
        written = " x ".join(map(str, shape))
        return Finding("B106", f"a grid of {written} has {math.prod(shape)} places, and there are {n} neurons")
    return Layout(GRID, len(shape), shape, length, periodic)
