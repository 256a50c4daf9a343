"""Values along a cable: numbers, or formulas of the distance from the root and of the radius."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from bioasm.morphology.faults import Line
from bioasm.morphology.tree import Branch, Stretch, is_sensible
from bioasm.units import EXPONENTS, Dimension, Exponents

if TYPE_CHECKING:
    from bioasm.models.expression import Expression  # whose parser most cells do not need

DISTANCE, RADIUS = "distance", "radius"
SHAPE: Mapping[str, Exponents] = dict.fromkeys((DISTANCE, RADIUS), EXPONENTS[Dimension.LENGTH])


@dataclass(frozen=True, eq=False)
class Profile:
    """A formula over the names of SHAPE, in SI units: `what` it is of, and its place in the text."""

    what: str
    expression: Expression
    line: Line
    start: int

    def at(self, distance: float, radius: float) -> float:
        """Its value at a place, by the functions of Python. Raises BioasmError B140 where it is no size."""
        from bioasm.models.values import fold

        found = fold(self.expression, {DISTANCE: distance, RADIUS: radius})
        if found is None or not is_sensible(found):
            where = f"{distance * 1e6:.6g} um from the root, with a radius of {radius * 1e6:.6g} um"
            shown = "no finite number" if found is None else f"{found:g} in SI units"
            text = f"{self.what} is {shown} {where}; it must be more than 0"
            raise self.line.fault("B140", text, self.start)
        return found


Along = float | Profile


def integrated(parts: list[Stretch], of: tuple[Along, ...], weight: Callable[[Stretch], float]) -> float:
    """Midpoint rule: the sum over consecutive frusta of a value, one a segment, times a weight.

    A formula is evaluated once for all consecutive frusta with it, at their midpoint.
    """
    total = 0.0
    for at, run in groupby(parts, key=lambda one: of[one.piece.segment]):
        together = list(run)
        there = value(at, together)
        total = sum((there * weight(one) for one in together), total)
    return total


def value(of: Along, parts: list[Stretch]) -> float:
    """The value at the midpoint of consecutive frusta."""
    if not isinstance(of, Profile):
        return of
    first, last = parts[0], parts[-1]
    middle = (first.distance - first.length / 2.0 + last.distance + last.length / 2.0) / 2.0
    part = next((one for one in parts if middle <= one.distance + one.length / 2.0), last)
    inside = (middle - part.distance) / part.length + 0.5
    return of.at(middle, part.r0 + (part.r1 - part.r0) * inside)


def resistance(branch: Branch, begin: float, end: float, ra: tuple[Along, ...]) -> float:
    """The axial resistance between two relative places in ohm; `ra` is ohm m, one a segment."""
    return integrated(branch.within(begin, end), ra, lambda one: one.length / (math.pi * one.r0 * one.r1))


def read_profile(text: str, what: str, unit: Exponents, line: Line, start: int) -> Profile:
    """Parse the quoted formula at a character of a line. Raises BioasmError B140 with its fault."""
    from bioasm.models.condition import ExpressionFault, read_formula

    found = read_formula(text, SHAPE, unit)
    if isinstance(found, ExpressionFault):
        raise line.fault("B140", f"{what}: {found.message}", start, found.hint)
    return Profile(what, found, line, start)


def has_profile(values: Collection[Along]) -> bool:
    """Whether any value is a formula."""
    return any(isinstance(one, Profile) for one in values)
