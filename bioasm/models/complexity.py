"""Sizes of expression trees: nodes and depth after substitution of all definitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bioasm.models.expression import Call, Expression, Symbol
from bioasm.models.limits import DEEPEST, LARGEST


class TreeSize(NamedTuple):
    """The number of nodes of an expression tree, and its depth."""

    parts: int
    levels: int

    @property
    def fault(self) -> str | None:
        """The limit that the tree exceeds, worded to follow a name, or None."""
        if self.parts > LARGEST:
            return f"has more than {LARGEST} parts once all that it needs is put in"
        if self.levels > DEEPEST:
            return f"is nested more than {DEEPEST} levels deep once all that it needs is put in"
        return None


ONE = TreeSize(1, 1)


def tree_size(expression: Expression, names: Mapping[str, TreeSize]) -> TreeSize:
    """The size of an expression with `names` substituted. A clip counts as two levels, max and min."""
    if isinstance(expression, Symbol):
        return names.get(expression.name, ONE)
    own = TreeSize(1, 2 if isinstance(expression, Call) and expression.function == "clip" else 1)
    return combined(own, *(tree_size(part, names) for part in expression.parts()))


def combined(top: TreeSize, *below: TreeSize) -> TreeSize:
    """The size of a node with these subtrees below it."""
    return TreeSize(top.parts + sum(e.parts for e in below), top.levels + max((e.levels for e in below), default=0))
