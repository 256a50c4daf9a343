"""Spatially varying parameters: control volumes' parameters by a formula such as `0.12 S/cm2*exp(-distance/(100 um))`.

A formula knows the distance from the root along the cable, the radius, the program's constants, and regions: the name of one is
the share of the membrane in it, 0 to 1. It is evaluated at the midpoint of each cable piece of a CV that the parameter's
mechanism is painted on, and averaged by area.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bioasm.models.expression import Expression, symbols
from bioasm.units import NO_UNIT, Exponents

if TYPE_CHECKING:  # most programs have no cells that are trees
    from bioasm.morphology.cell import Cell
    from bioasm.morphology.patches import Array, Patches


def painted_names(cell: Cell, constants: Mapping[str, Exponents]) -> dict[str, Exponents]:
    """The names that a formula may read, with their units; a region hides a constant of its name."""
    from bioasm.morphology.profile import SHAPE

    return {**constants, **dict.fromkeys(cell.region_names, NO_UNIT), **SHAPE}


@dataclass(frozen=True, eq=False)
class Painted:
    """A formula of a parameter of the CVs of `n` cells. `where` is the region that its mechanism is painted on, empty for all;
    `constants` are those that it reads, and `default` is the value of CVs elsewhere."""

    formula: Expression
    cell: Cell
    n: int
    where: str
    constants: Mapping[str, float]
    default: float

    @property
    def patches(self) -> Patches:
        """The patches of membrane on which the formula is evaluated."""
        return self.cell.patches(self.where)

    @cached_property
    def values(self) -> dict[str, Any]:
        """The values of the names that the formula reads: one number, or one for each patch."""
        from bioasm.morphology.patches import shares_in
        from bioasm.morphology.profile import DISTANCE, RADIUS

        own, found = {DISTANCE: self.patches.distance, RADIUS: self.patches.radius}, dict[str, Any](self.constants)
        for name in symbols(self.formula) - self.constants.keys():
            region = self.cell.region(name) or ()
            found[name] = own[name] if name in own else shares_in(self.cell.volumes, self.patches, region)
        return found

    def of_neurons(self, on_patches: Any) -> Array:
        """Area average: the value of each neuron of the population of CVs, from those of patches, one number or (patches,)."""
        return self.patches.averaged(on_patches, self.cell.volumes.n, self.default).repeat(self.n)
