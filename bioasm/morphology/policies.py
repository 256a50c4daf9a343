"""Discretisation policies: positions of the boundaries between control volumes.

Every policy also cuts at the ends of the stretches of its region, so that no control volume reaches over a fork that the
region has: at a fork stands one of no area, to which all that meet there are joined. As in Arbor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from bioasm.morphology.profile import Along, value
from bioasm.morphology.regions import Location, Region
from bioasm.morphology.tree import Cable, Tree

SEGMENTS, FIXED, EXTENT, LAMBDA = "every segment", "per branch", "at most", "lambda"
_SAME = 1e-12  # of a branch: two boundaries nearer than that are one


class Policy(NamedTuple):
    """One rule over a region: its kind, its number (how many, metres, or a fraction of lambda), and for LAMBDA a frequency."""

    kind: str
    region: Region
    number: float = 1.0
    frequency: float = 0.0


def cut_count(tree: Tree, policy: Policy, ra: tuple[Along, ...], cm: tuple[Along, ...]) -> float:
    """Upper bound of the number of boundaries of a policy, without computing them."""
    if policy.kind == SEGMENTS:
        return 2.0 * len(tree.segments) + 2.0 * len(policy.region)
    return sum(_parts(tree, policy, cable, ra, cm) + 1.0 for cable in policy.region)


def cuts_of(tree: Tree, policy: Policy, ra: tuple[Along, ...], cm: tuple[Along, ...]) -> Iterator[Location]:
    """The boundaries of a policy; `ra` (ohm m) and `cm` (F/m2) are one a segment."""
    for cable in policy.region:
        if policy.kind == SEGMENTS:
            yield from _segment_ends(tree, cable)
            continue
        parts = int(_parts(tree, policy, cable, ra, cm))
        for k in range(parts + 1):
            yield Location(cable.branch, cable.begin + (cable.end - cable.begin) * (k / parts))


def _parts(tree: Tree, policy: Policy, cable: Cable, ra: tuple[Along, ...], cm: tuple[Along, ...]) -> float:
    """The number of equal parts of a cable."""
    if policy.kind == FIXED:
        return policy.number
    if policy.kind == EXTENT:
        length = (cable.end - cable.begin) * tree.branches[cable.branch].length
        return max(1.0, math.ceil(length / policy.number))
    return _lambda_parts(tree, policy, cable, ra, cm)


def _lambda_parts(tree: Tree, policy: Policy, cable: Cable, ra: tuple[Along, ...], cm: tuple[Along, ...]) -> float:
    """NEURON's d_lambda rule (Hines and Carnevale 2001): an odd number of parts, each at most a fraction of lambda(f)."""
    lengths = 0.0
    for part in tree.branches[cable.branch].within(cable.begin, cable.end):
        both = value(ra[part.piece.segment], [part]) * value(cm[part.piece.segment], [part])
        lengths += part.length * 2.0 * math.sqrt(math.pi * policy.frequency * both / (part.r0 + part.r1))
    return 2.0 * math.floor((lengths / policy.number + 0.9) / 2.0) + 1.0


def _segment_ends(tree: Tree, cable: Cable) -> Iterator[Location]:
    branch = tree.branches[cable.branch]
    ends = {cable.begin, cable.end, *(piece.end / branch.length for piece in branch.pieces)}
    yield from (Location(cable.branch, at) for at in sorted(ends) if cable.begin <= at <= cable.end)


def merged(tree: Tree, cuts: Iterator[Location]) -> dict[int, list[float]]:
    """The boundaries on each branch in order; one where several are the same, none at the root and at tips."""
    found: dict[int, list[float]] = {}
    for branch, at in sorted(set(cuts)):
        before = found.setdefault(branch, [])
        if not before or at - before[-1] > _SAME:
            before.append(at)
    for number, places in found.items():
        if places and places[-1] > 1.0 - _SAME:
            places[-1:] = [1.0] if number in tree.offshoots else []
        if places and places[0] < _SAME and tree.offshoots[tree.branches[number].parent] == [number]:
            del places[0]
    return found
