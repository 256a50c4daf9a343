"""How large and how deeply nested expressions are once all that they need is put in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bioasm.models.expression import Call, Expression, Symbol
from bioasm.models.limits import DEEPEST, LARGEST


class Extent(NamedTuple):
    """How many parts an expression has, and on how many levels they stand."""

    parts: int
    levels: int

    @property
    def fault(self) -> str | None:
        """What is too much of it, as it follows a name; None where nothing is."""
        if self.parts > LARGEST:
            return f"has more than {LARGEST} parts once all that it needs is put in"
        if self.levels > DEEPEST:
            return f"is nested more than {DEEPEST} levels deep once all that it needs is put in"
        return None


ONE = Extent(1, 1)


def extent_of(expression: Expression, names: Mapping[str, Extent]) -> Extent:
    """The extent of an expression with `names` put in. A clip counts as the two levels, max and min, that it is computed as."""
    if isinstance(expression, Symbol):
        return names.get(expression.name, ONE)
    own = Extent(1, 2 if isinstance(expression, Call) and expression.function == "clip" else 1)
    return joined(own, *(extent_of(part, names) for part in expression.parts()))


def joined(top: Extent, *below: Extent) -> Extent:
    """What stands on top of others."""
    return Extent(top.parts + sum(e.parts for e in below), top.levels + max((e.levels for e in below), default=0))
