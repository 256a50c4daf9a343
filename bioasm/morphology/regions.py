"""Regions and locations of a tree: sets of cable, and their ends and middles.

A region is a list of cables, branch by branch, none touching the next; all are longer than nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bioasm.morphology.tree import ROOT, Cable, Piece, Tree

Region = tuple[Cable, ...]


class Location(NamedTuple):
    """A place on a branch, between 0 (its beginning) and 1."""

    branch: int
    at: float


def joined(cables: Iterable[Cable]) -> Region:
    """The union of cables."""
    found: list[Cable] = []
    for cable in sorted(cables):
        if cable.begin >= cable.end:
            continue
        if found and found[-1].branch == cable.branch and cable.begin <= found[-1].end:
            found[-1] = found[-1]._replace(end=max(found[-1].end, cable.end))
        else:
            found.append(cable)
    return tuple(found)


def by_branch(region: Region) -> dict[int, list[Cable]]:
    """The cables of a region on each branch that has some."""
    found: dict[int, list[Cable]] = {}
    for cable in region:
        found.setdefault(cable.branch, []).append(cable)
    return found


def whole(tree: Tree) -> Region:
    """All of a tree."""
    return tuple(Cable(number, 0.0, 1.0) for number in range(len(tree.branches)))


def shared(one: Region, other: Region) -> Region:
    """The intersection of two regions."""
    others = by_branch(other)
    return joined(part for own in one for part in own.overlap(others.get(own.branch, ())))


def outside(tree: Tree, region: Region) -> Region:
    """The complement of a region in its tree."""
    found, inside = [], by_branch(region)
    for number in range(len(tree.branches)):
        ends = [0.0, *(end for cable in inside.get(number, ()) for end in cable[1:]), 1.0]
        found += [Cable(number, low, high) for low, high in zip(ends[::2], ends[1::2], strict=True)]
    return joined(found)


def labelled(tree: Tree) -> Mapping[int | str, list[Cable]]:
    """The frusta of each SWC tag, and of each branch that the text names."""
    found: dict[int | str, list[Cable]] = {key: [] for one in tree.segments for key in (one.tag, one.name)}
    for number, branch in enumerate(tree.branches):
        for piece in branch.pieces:
            one, cable = tree.segments[piece.segment], Cable(number, piece.begin / branch.length, piece.end / branch.length)
            found[one.tag].append(cable)
            found[one.name].append(cable)
    return found


def below(tree: Tree, what: str, limit: float) -> Region:
    """Where the radius, or the distance from the root along the cable, is below a limit in metres."""

    found = []
    for number, branch in enumerate(tree.branches):
        for piece in branch.pieces:
            first, last = (piece.r0, piece.r1)
            if what == "distance":
                first, last = (branch.start + end for end in (piece.begin, piece.end))
            found += [Cable(number, a / branch.length, b / branch.length) for a, b in _lower_part(piece, first, last, limit)]
    return joined(found)


def _lower_part(piece: Piece, first: float, last: float, limit: float) -> list[tuple[float, float]]:
    """The part of a piece in which what goes evenly from one value to another is below a limit."""
    if (first < limit) == (last < limit):
        return [(piece.begin, piece.end)] if first < limit else []
    crossing = piece.begin + (piece.end - piece.begin) * (limit - first) / (last - first)
    return [(piece.begin, crossing)] if first < limit else [(crossing, piece.end)]


# --- locations ----------------------------------------------------------------------------------------


def first_points(tree: Tree, region: Region) -> list[Location]:
    """The proximal end points of a region."""
    own = by_branch(region)
    behind: list[bool] = []  # of each branch, whether the way to it goes through the region
    for branch in tree.branches:
        behind.append(branch.parent != ROOT and (branch.parent in own or behind[branch.parent]))
    found = [Location(number, cables[0].begin) for number, cables in own.items() if not behind[number]]
    at_root = {place for place in found if place.at == 0.0 and tree.branches[place.branch].parent == ROOT}
    return [place for place in found if place not in at_root] + sorted(at_root)[:1]


def last_points(tree: Tree, region: Region) -> list[Location]:
    """The distal end points of a region."""
    own = by_branch(region)
    above: set[int] = set()  # branches on the way to others of the region
    for number in own:
        at = tree.branches[number].parent
        while at != ROOT and at not in above:
            above.add(at)
            at = tree.branches[at].parent
    return [Location(number, cables[-1].end) for number, cables in own.items() if number not in above]


def middles(tree: Tree, region: Region, relative: float) -> list[Location] | None:
    """A relative place on each connected piece of a region, by length; None where a piece has a fork."""
    found = []
    for chain in _chains(tree, region):
        if chain is None:
            return None
        lengths = [(one.end - one.begin) * tree.branches[one.branch].length for one in chain]
        found.append(_along(tree, chain, lengths, relative * sum(lengths)))
    return found


def _along(tree: Tree, chain: list[Cable], lengths: list[float], way: float) -> Location:
    for cable, length in zip(chain, lengths, strict=True):
        if way <= length or cable is chain[-1]:
            return Location(cable.branch, min(1.0, cable.begin + way / tree.branches[cable.branch].length))
        way -= length
    raise AssertionError(chain)


def _chains(tree: Tree, region: Region) -> list[list[Cable] | None]:
    """The connected pieces of a region, each in order from the root; None for one with a fork."""
    beginning = {cable.branch: cable for cable in region if cable.begin == 0.0}
    goes_on: dict[Cable, list[Cable]] = {
        cable: [beginning[b] for b in tree.offshoots.get(cable.branch, ()) if b in beginning] if cable.end == 1.0 else []
        for cable in region
    }
    followed = {cable for several in goes_on.values() for cable in several}
    at_root = {cable for cable in region if cable.begin == 0.0 and tree.branches[cable.branch].parent == ROOT}
    chains: list[list[Cable] | None] = []
    for head in (cable for cable in region if cable not in followed):
        chain: list[Cable] | None = [head]
        while chain and goes_on[chain[-1]]:
            several = goes_on[chain[-1]]
            chain = [*chain, several[0]] if len(several) == 1 else None
        forked = len(at_root) > 1 and head in at_root
        chains.append(None if forked else chain)
    return chains
