"""Control volumes (CVs) of a tree: areas, axial conductances between neighbours, and voltages at places. SI units.

The formulas are Arbor's. A frustum of radii r1 and r2 has the area pi (r1 + r2) sqrt(L^2 + (r1 - r2)^2), without ends, and the
axial resistance Ra L/(pi r1 r2). The conductance between a CV and its parent is that of the cable between their reference
points: the middle of a CV of one cable, the fork itself where a CV has several cables.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.morphology.profile import Along, integrated, resistance
from bioasm.morphology.regions import Location, Region, by_branch
from bioasm.morphology.tree import ROOT, Cable, Tree, frustum_area

Array = NDArray[np.float64]
_SAME = 1e-12  # of a CV's area: what is left out of less is rounding


class Probe(NamedTuple):
    """The voltage at a place: (1 - share) of that of `near`'s CV and `share` of that of `far`'s; outside 0..1 beyond both."""

    near: int
    far: int
    share: float


@dataclass(frozen=True, eq=False)
class Volumes:
    """The CVs of a tree, parents before children.

    `parents` (n,) has -1 for the first; `cables` are those of each; `ra` is the axial resistivity of each segment in ohm m.
    """

    tree: Tree
    parents: NDArray[np.int64]
    cables: tuple[tuple[Cable, ...], ...]
    ra: tuple[Along, ...]

    @property
    def n(self) -> int:
        """The number of CVs."""
        return len(self.cables)

    @cached_property
    def areas(self) -> Array:
        """The surface of each in m2; 0 where it is a fork alone."""
        return np.array([sum(self.area(cable) for cable in cables) for cables in self.cables])

    def area(self, cable: Cable) -> float:
        """The surface of a cable in m2."""
        return self.tree.branches[cable.branch].area(cable.begin, cable.end)

    def capacities(self, cm: tuple[Along, ...]) -> Array:
        """The capacitance of each in F; `cm` (F/m2) is one a segment."""
        return np.array([sum(self._capacity(cable, cm) for cable in cables) for cables in self.cables])

    def _capacity(self, cable: Cable, cm: tuple[Along, ...]) -> float:
        parts = self.tree.branches[cable.branch].within(cable.begin, cable.end)
        return integrated(parts, cm, lambda one: frustum_area(*one[:3]))

    @cached_property
    def conductances(self) -> Array:
        """The axial conductance between each and its parent in S; 0 for the first."""
        return np.array([0.0] + [self._conductance(cv) for cv in range(1, self.n)])

    def _conductance(self, cv: int) -> float:
        branch = self.cables[cv][0].branch
        near, far = self._near(branch, int(self.parents[cv])), self._far(branch, cv)
        return 1.0 / resistance(self.tree.branches[branch], near, far, self.ra)

    def _near(self, branch: int, cv: int) -> float:
        """The reference point of a CV on a branch that begins in it or goes on behind it."""
        cables = self.cables[cv]
        alone = len(cables) == 1 and cables[0].branch == branch
        return (cables[0].begin + cables[0].end) / 2.0 if alone else 0.0

    def _far(self, branch: int, cv: int) -> float:
        """The reference point of a CV on the branch of its first cable."""
        cables = self.cables[cv]
        return (cables[0].begin + cables[0].end) / 2.0 if len(cables) == 1 else 1.0

    # --- places -------------------------------------------------------------------------------------

    @cached_property
    def _along(self) -> dict[int, list[int]]:
        """The CVs that have a cable of each branch, from its beginning on."""
        found: dict[int, list[tuple[float, int]]] = {}
        for cv, cables in enumerate(self.cables):
            for cable in cables:
                found.setdefault(cable.branch, []).append((cable.begin, cv))
        return {branch: [cv for _, cv in sorted(several)] for branch, several in found.items()}

    def at(self, place: Location) -> int:
        """The CV that contains a location; on a boundary the distal one, never a fork without area."""
        along = [cv for cv in self._along[place.branch] if self._on(cv, place.branch).begin < self._on(cv, place.branch).end]
        behind = [cv for cv in along if self._on(cv, place.branch).begin <= place.at]
        return behind[-1]

    def _on(self, cv: int, branch: int) -> Cable:
        return next(cable for cable in self.cables[cv] if cable.branch == branch)

    def probe(self, place: Location) -> Probe:
        """Linear interpolation of the voltage at a location by axial resistance between reference points of CVs."""
        branch, along = place.branch, self._along[place.branch]
        points = [self._reference(branch, cv) for cv in along]
        if len(along) == 1:
            return Probe(along[0], along[0], 0.0)
        far = next((k for k in range(1, len(along)) if points[k] > place.at), len(along) - 1)
        low, high = points[far - 1], points[far]
        part = self._between(branch, low, place.at) if place.at >= low else -self._between(branch, place.at, low)
        return Probe(along[far - 1], along[far], part / self._between(branch, low, high))

    def _between(self, branch: int, begin: float, end: float) -> float:
        return resistance(self.tree.branches[branch], begin, end, self.ra)

    def _reference(self, branch: int, cv: int) -> float:
        own = self._on(cv, branch)
        if len(self.cables[cv]) == 1:
            return (own.begin + own.end) / 2.0
        return 0.0 if own.begin == 0.0 else 1.0

    def covered(self, region: Region) -> Array:
        """The share of each CV's area in a region, 0 to 1."""
        inside, parts = np.zeros(self.n), by_branch(region)
        for cv, cables in enumerate(self.cables):
            for own in cables:
                for part in own.overlap(parts.get(own.branch, ())):
                    inside[cv] += self.area(part)
        return np.divide(inside, self.areas, out=np.zeros(self.n), where=self.areas > 0.0)

    def lies_in(self, region: Region) -> bool:
        """Whether a region contains the whole cell."""
        return bool(np.all(self.covered(region)[self.areas > 0.0] > 1.0 - _SAME))


def cut(tree: Tree, cuts: dict[int, list[float]], ra: tuple[Along, ...]) -> Volumes:
    """The CVs between boundaries, given for each branch in order."""
    parents: list[int] = [ROOT]
    cables: list[list[Cable]] = [[]]
    at_end: dict[int, int] = {ROOT: 0}
    for number, branch in enumerate(tree.branches):
        here, begin = at_end[branch.parent], 0.0
        for place in cuts.get(number, ()):
            cables[here].append(Cable(number, begin, place))
            parents.append(here)
            cables.append([])
            here, begin = len(cables) - 1, place
        cables[here].append(Cable(number, begin, 1.0))
        at_end[number] = here
    return Volumes(tree, np.array(parents, np.int64), tuple(map(tuple, cables)), ra)
