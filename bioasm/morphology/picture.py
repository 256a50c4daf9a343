"""The shape of a tree in a plane: its frusta as strokes, seen along z, or as a dendrogram of a tree that has no places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from bioasm.morphology.tree import ROOT, Cable, Piece, Point, Tree
from bioasm.morphology.volumes import Volumes

_UM = 1e6


class Stroke(NamedTuple):
    """A line of one CV with its ends and its mean diameter, in um."""

    x0: float
    y0: float
    x1: float
    y1: float
    diameter: float
    cv: int


def strokes(volumes: Volumes) -> list[Stroke]:
    """The lines of all CVs, branch by branch. A tree of words alone has its distance from the root along x."""
    tree = volumes.tree
    flat = all(point[1:3] == (0.0, 0.0) for segment in tree.segments for point in (segment.near, segment.far))
    rows = _rows(tree) if flat else []
    found = list(_joints(tree, rows, volumes)) if flat else []
    for cv, cables in enumerate(volumes.cables):
        for cable in cables:
            for begin, end, piece in _parts(tree, cable):
                ends = [_place(tree, rows, cable.branch, piece, at) for at in (begin, end)]
                diameter = (piece.radius(begin) + piece.radius(end)) * _UM
                found.append(Stroke(*ends[0], *ends[1], diameter, cv))
    return found


def _parts(tree: Tree, cable: Cable) -> list[tuple[float, float, Piece]]:
    """The frusta of a cable, each with where it begins and ends on its branch in metres."""
    branch, found, at = tree.branches[cable.branch], [], cable.begin * tree.branches[cable.branch].length
    for part in branch.within(cable.begin, cable.end):
        found.append((at, at + part.length, part.piece))
        at += part.length
    return found


def _place(tree: Tree, rows: list[float], branch: int, piece: Piece, at: float) -> tuple[float, float]:
    """A point on a branch in the plane."""
    if rows:
        return (tree.branches[branch].start + at) * _UM, rows[branch]
    part = (at - piece.begin) / (piece.end - piece.begin)
    near, far = _ends(tree, piece)
    return tuple((a + (b - a) * part) * _UM for a, b in zip(near[:2], far[:2], strict=True))  # type: ignore[return-value]


def _ends(tree: Tree, piece: Piece) -> tuple[Point, Point]:
    segment = tree.segments[piece.segment]
    return segment.near, segment.far


def _rows(tree: Tree) -> list[float]:
    """A height for each branch: tips one below the other, 10 um apart, a branch in the middle of those behind it."""
    rows, tips = [0.0] * len(tree.branches), 0
    for number in _from_tips(tree):
        behind = tree.offshoots.get(number)
        rows[number] = sum(rows[k] for k in behind) / len(behind) if behind else -10.0 * tips
        tips += not behind
    return rows


def _from_tips(tree: Tree) -> list[int]:
    """The branches, each after those that begin at its end."""
    order, waiting = [], [*tree.offshoots[ROOT]]
    while waiting:
        number = waiting.pop()
        order.append(number)
        waiting += tree.offshoots.get(number, [])
    return order[::-1]


def _joints(tree: Tree, rows: list[float], volumes: Volumes) -> Iterator[Stroke]:
    """The upright lines of a dendrogram from a branch's end to where each of its children begins."""
    last: dict[int, int] = {}  # the first CV that reaches the end of each branch
    for cv, cables in enumerate(volumes.cables):
        for cable in cables:
            if cable.end == 1.0:
                last.setdefault(cable.branch, cv)
    for number, branch in enumerate(tree.branches):
        if branch.parent != ROOT:
            x = branch.start * _UM
            yield Stroke(x, rows[branch.parent], x, rows[number], 0.0, last[branch.parent])
