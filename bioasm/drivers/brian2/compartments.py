"""Compartments of one cell of cable for Brian2: sections between branch points, areas and resistances of frusta.

Areas and resistances of frusta are those of Brian2's `Section`. In Brian2 the ends of sections have their own potentials: a
control volume (CV) without area, at a branch point (fork), is such an end, and every other one is a compartment. A morphology
of Brian2 begins at the end of a section, so a cell with several branches at the root is rooted at one of its tips.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import brian2
import numpy as np
from numpy.typing import NDArray

from bioasm.morphology.cell import Cell
from bioasm.morphology.profile import integrated
from bioasm.morphology.regions import Location, Region, by_branch
from bioasm.morphology.tree import Cable, Stretch

Array = NDArray[Any]
Node = tuple[str, int]  # a fork with the number of its CV, a tip or the root with that of a branch


class Stretched(NamedTuple):
    """A section: its parent section (-1: none), its CVs in order, and the CV of the fork at its end or -1.

    `resistances` (CVs + 1,) in ohm are from its beginning to the middle of its first CV, between middles, and to its end.
    """

    parent: int
    volumes: tuple[int, ...]
    resistances: Array
    fork: int


class Seen(NamedTuple):
    """Interpolation of the potential at a place in `cv`: (1 - share) * v[near] + share * v[far]."""

    cv: int
    near: int
    far: int
    share: float


class _Edge(NamedTuple):
    """A branch between two nodes, with its CVs and resistances from its beginning on."""

    ends: tuple[Node, Node]
    volumes: tuple[int, ...]
    resistances: Array


@dataclass(frozen=True, eq=False)
class Compartments:
    """The compartments of a cell."""

    cell: Cell

    @property
    def cables(self) -> tuple[tuple[Cable, ...], ...]:
        """The cables of each CV."""
        return self.cell.volumes.cables

    @cached_property
    def mixed(self) -> list[int]:
        """The CVs that extend over a fork, which are neither compartments nor ends of sections."""
        long = (any(cable.begin < cable.end for cable in several) for several in self.cables)
        return [cv for cv, (several, has) in enumerate(zip(self.cables, long, strict=True)) if has and len(several) > 1]

    # --- sizes --------------------------------------------------------------------------------------

    def _parts(self, cable: Cable) -> list[Stretch]:
        return self.cell.tree.branches[cable.branch].within(cable.begin, cable.end)

    def area(self, cable: Cable) -> float:
        """The membrane of a cable in m2."""
        return sum(_frustum(*part[:3])[0] for part in self._parts(cable))

    @cached_property
    def areas(self) -> Array:
        """The membrane of each CV in m2; 0 of forks."""
        return np.array([sum(map(self.area, several)) for several in self.cables])

    @cached_property
    def capacitances(self) -> Array:
        """The capacitance of each CV in F."""
        parts = [[part for cable in several for part in self._parts(cable)] for several in self.cables]
        return np.array([integrated(one, self.cell.cm, lambda part: _frustum(*part[:3])[0]) for one in parts])

    def resistance(self, branch: int, begin: float, end: float) -> float:
        """The axial resistance between two relative places of a branch in ohm."""
        return integrated(self._parts(Cable(branch, begin, end)), self.cell.ra, lambda part: _frustum(*part[:3])[1])

    def covered(self, region: Region) -> Array:
        """The share of each CV's membrane in a region, 0 to 1; 0 for forks."""
        inside, there = np.zeros(len(self.cables)), by_branch(region)
        for cv, several in enumerate(self.cables):
            for own in several:
                cut = ((max(own.begin, other.begin), min(own.end, other.end)) for other in there.get(own.branch, ()))
                inside[cv] += sum(self.area(Cable(own.branch, low, high)) for low, high in cut if low < high)
        return np.divide(inside, self.areas, out=np.zeros(len(inside)), where=self.areas > 0.0)

    # --- places -------------------------------------------------------------------------------------

    @cached_property
    def _points(self) -> dict[int, list[tuple[float, int, Cable]]]:
        """The CVs of each branch in order: the position of the CV's potential, its number, its cable."""
        found: dict[int, list[tuple[float, int, Cable]]] = {}
        for cv, several in enumerate(self.cables):
            for cable in several:
                found.setdefault(cable.branch, []).append(((cable.begin + cable.end) / 2.0, cv, cable))
        return {branch: sorted(points) for branch, points in found.items()}

    def at(self, place: Location) -> int:
        """The CV that contains a location; on a boundary the distal one, never a fork."""
        long = [(cv, cable) for _, cv, cable in self._points[place.branch] if cable.begin < cable.end]
        return [cv for cv, cable in long if cable.begin <= place.at][-1]

    def seen_at(self, place: Location) -> Seen:
        """The CV of a place, and the linear interpolation of its potential between two CVs by axial resistance."""
        points, cv = self._points[place.branch], self.at(place)
        if len(points) == 1:
            return Seen(cv, cv, cv, 0.0)
        second = next((k for k in range(1, len(points)) if points[k][0] > place.at), len(points) - 1)
        (low, near, _), (high, far, _) = points[second - 1], points[second]
        way = sorted((low, place.at))
        share = self.resistance(place.branch, *way) / self.resistance(place.branch, low, high)
        return Seen(cv, near, far, share if place.at >= low else -share)

    # --- sections -----------------------------------------------------------------------------------

    @cached_property
    def sections(self) -> list[Stretched]:
        """The sections in topological order, parents first."""
        edges = list(self._edges())
        at_node: dict[Node, list[_Edge]] = {}
        for edge in edges:
            for node in edge.ends:
                at_node.setdefault(node, []).append(edge)
        first = next(node for node, several in at_node.items() if len(several) == 1)
        found, way = list[Stretched](), [(-1, first, at_node[first][0])]
        while way:
            parent, node, edge = way.pop()
            turned = edge.ends[1] == node
            far, step = edge.ends[0 if turned else 1], -1 if turned else 1
            fork = far[1] if far[0] == "fork" else -1
            found.append(Stretched(parent, edge.volumes[::step], edge.resistances[::step], fork))
            way += [(len(found) - 1, far, other) for other in at_node[far] if other is not edge]
        return found

    def _edges(self) -> Iterator[_Edge]:
        for branch, points in self._points.items():
            begin, end = (self._fork(points, at) for at in (0, -1))
            ends = (("fork", begin) if begin >= 0 else ("root", branch)), (("fork", end) if end >= 0 else ("tip", branch))
            inner = [(at, cv) for at, cv, cable in points if cable.begin < cable.end]
            places = [0.0, *(at for at, _ in inner), 1.0]
            steps = zip(places[:-1], places[1:], strict=True)
            yield _Edge(ends, tuple(cv for _, cv in inner), np.array([self.resistance(branch, *step) for step in steps]))

    def _fork(self, points: list[tuple[float, int, Cable]], at: int) -> int:
        """The CV of the fork at an end of a branch, or -1."""
        _, cv, cable = points[at]
        return cv if cable.begin == cable.end else -1


@lru_cache(maxsize=1 << 16)
def _frustum(length: float, r0: float, r1: float) -> tuple[float, float]:
    """The area in m2 of a frustum, and its axial resistance in ohm for a resistivity of 1 ohm m, by Brian2's formulae."""
    made = brian2.Section(n=1, diameter=[2.0 * r0, 2.0 * r1] * brian2.meter, length=[length] * brian2.meter)
    one, other = float(made.r_length_1[0]), float(made.r_length_2[0])
    return float(made.area[0]), 1.0 / one + 1.0 / other
