"""The membrane of a region, patch by patch: where each is, and how patches make up control volumes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.morphology.regions import Region, by_branch
from bioasm.morphology.tree import Cable
from bioasm.morphology.volumes import Volumes

Array = NDArray[Any]


class Patches(NamedTuple):
    """The part of each cable of each CV that lies in a region.

    Each has its CV (int64), its area in m2, and of its middle the distance from the root and the radius, in metres; all (m,).
    """

    cables: tuple[Cable, ...]
    cv: Array
    area: Array
    distance: Array
    radius: Array

    def averaged(self, of_patches: Any, n: int, elsewhere: float) -> Array:
        """The mean over the area of each of n CVs of what patches have, one number or (m,); `elsewhere` where it has none."""
        values = np.broadcast_to(np.asarray(of_patches, np.float64), self.area.shape)
        mean = np.full(n, elsewhere)
        mean[self.cv[::-1]] = values[::-1]  # of the first patch; patches that are alike give exactly their value
        area = np.bincount(self.cv, self.area, n)
        above = np.bincount(self.cv, self.area * (values - mean[self.cv]), n)
        mean += np.divide(above, area, out=np.zeros(n), where=area > 0.0)
        return mean


def patches_of(volumes: Volumes, region: Region) -> Patches:
    """The patches of a region, CV by CV."""
    inside, branches = by_branch(region), volumes.tree.branches
    found = [
        (cv, part)
        for cv, cables in enumerate(volumes.cables)
        for own in cables
        for part in own.overlap(inside.get(own.branch, ()))
    ]
    cables, middles = [part for _, part in found], [(part.branch, (part.begin + part.end) / 2.0) for _, part in found]
    return Patches(
        tuple(cables),
        np.array([cv for cv, _ in found], np.int64),
        np.array([volumes.area(part) for part in cables]),
        np.array([branches[branch].start + at * branches[branch].length for branch, at in middles]),
        np.array([branches[branch].radius(at) for branch, at in middles]),
    )


def shares_in(volumes: Volumes, patches: Patches, region: Region) -> Array:
    """The part of each patch's area that lies in another region, (m,), 0 to 1."""
    inside = by_branch(region)
    area = [sum(map(volumes.area, own.overlap(inside.get(own.branch, ())))) for own in patches.cables]
    return np.divide(area, patches.area)
