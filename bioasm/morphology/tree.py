"""Trees of cable: frusta between samples, joined to branches that end at forks and tips."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeVar

ROOT = -1  # the parent of what begins at the root
SMALLEST, LARGEST = 1e-18, 1e18  # of all sizes in SI units: what follows from sizes between them is finite
Key = TypeVar("Key", bound=Hashable)


def is_sensible(size: float) -> bool:
    """Whether a length, or another size of a cell in SI units, is one that can be computed with."""
    return SMALLEST <= size <= LARGEST


class Point(NamedTuple):
    """A point on the axis of a cable and the radius there; metres."""

    x: float
    y: float
    z: float
    radius: float


class Segment(NamedTuple):
    """A frustum. `parent` is the segment at whose far end it begins, ROOT at the root; `name` is what its text calls it."""

    parent: int
    tag: int
    near: Point
    far: Point
    name: str = ""

    @property
    def length(self) -> float:
        """Its length in metres."""
        return math.dist(self.near[:3], self.far[:3])


class Piece(NamedTuple):
    """A frustum of a branch from `begin` to `end` (metres from the branch's beginning), and the number of its segment."""

    begin: float
    end: float
    r0: float
    r1: float
    segment: int

    def radius(self, at: float) -> float:
        """The radius at a distance from the branch's beginning."""
        return self.r0 + (self.r1 - self.r0) * (at - self.begin) / (self.end - self.begin)


class Stretch(NamedTuple):
    """A part of one piece: its length, the radii at its ends, its piece, and where its middle is (metres from the root)."""

    length: float
    r0: float
    r1: float
    piece: Piece
    distance: float


class Cable(NamedTuple):
    """A stretch of a branch between two relative places, 0 its beginning and 1 its end."""

    branch: int
    begin: float
    end: float

    def overlap(self, others: Iterable[Cable]) -> list[Cable]:
        """Its parts that lie in others on its branch, all longer than nothing."""
        parts = (Cable(self.branch, max(self.begin, one.begin), min(self.end, one.end)) for one in others)
        return [part for part in parts if part.begin < part.end]


def frustum_area(length: float, a: float, b: float) -> float:
    """The side of a frustum of two radii, without its ends."""
    return math.pi * (a + b) * math.hypot(length, a - b)


def parents_first(keys: Iterable[Key], parent: Callable[[Key], Key | None], loop: Callable[[Key], Exception]) -> list[Key]:
    """The keys in their order, but each behind its parent. Raises `loop` of a key that is among its own parents."""
    done: dict[Key, None] = {}
    for key in keys:
        way: dict[Key, None] = {}
        at: Key | None = key
        while at is not None and at not in done:
            if at in way:
                raise loop(at)
            way[at] = None
            at = parent(at)
        done |= dict.fromkeys(reversed(way))
    return list(done)


@dataclass(frozen=True)
class Branch:
    """Segments in a row, without a fork. `parent` is the branch at whose end it begins, ROOT at the root.

    `start` is how far its beginning is from the root along the cable, in metres.
    """

    parent: int
    pieces: tuple[Piece, ...]
    start: float = 0.0

    @property
    def length(self) -> float:
        """Its length in metres."""
        return self.pieces[-1].end

    @cached_property
    def _begins(self) -> list[float]:
        return [piece.begin for piece in self.pieces]

    def within(self, begin: float, end: float) -> list[Stretch]:
        """The frusta between two relative places."""
        low, high = begin * self.length, end * self.length
        found = []
        for piece in self.pieces[max(0, bisect_right(self._begins, low) - 1) :]:
            if piece.begin >= high:
                break
            a, b = max(low, piece.begin), min(high, piece.end)
            if a < b:
                found.append(Stretch(b - a, piece.radius(a), piece.radius(b), piece, self.start + (a + b) / 2.0))
        return found

    def area(self, begin: float, end: float) -> float:
        """The surface of the frusta between two relative places in m2, without their ends."""
        return sum(frustum_area(*part[:3]) for part in self.within(begin, end))

    def radius(self, at: float) -> float:
        """The radius at a relative place."""
        place = at * self.length
        return self.pieces[max(0, bisect_right(self._begins, place) - 1)].radius(place)


@dataclass(frozen=True)
class Tree:
    """All segments of a cell, in an order in which parents come first, and the branches that they make."""

    segments: tuple[Segment, ...]

    @cached_property
    def children(self) -> dict[int, list[int]]:
        """The segments that begin at the end of each segment; of ROOT, at the root."""
        found: dict[int, list[int]] = {}
        for number, segment in enumerate(self.segments):
            found.setdefault(segment.parent, []).append(number)
        return found

    @cached_property
    def _chains(self) -> list[tuple[int, list[int]]]:
        """The segments of each branch, with the branch's parent; a branch begins at the root and behind a fork."""
        chains: list[tuple[int, list[int]]] = []
        branch_of: dict[int, int] = {}
        for number, segment in enumerate(self.segments):
            alone = segment.parent != ROOT and len(self.children[segment.parent]) == 1
            if not alone:
                chains.append((branch_of.get(segment.parent, ROOT), []))
            branch_of[number] = branch_of[segment.parent] if alone else len(chains) - 1
            chains[branch_of[number]][1].append(number)
        return chains

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        """The branches, parents first."""
        found: list[Branch] = []
        for parent, chain in self._chains:
            pieces = self._pieces(chain)
            before = found[parent] if parent != ROOT else None
            ends = before.start + before.length if before is not None and before.pieces else 0.0
            found.append(Branch(parent, pieces, ends))
        return tuple(found)

    def _pieces(self, chain: list[int]) -> tuple[Piece, ...]:
        pieces, at = [], 0.0
        for number in chain:
            segment = self.segments[number]
            if segment.length > 0.0:
                pieces.append(Piece(at, at + segment.length, segment.near.radius, segment.far.radius, number))
                at += segment.length
        return tuple(pieces)

    @cached_property
    def offshoots(self) -> dict[int, list[int]]:
        """The branches that begin at the end of each branch; of ROOT, at the root."""
        found: dict[int, list[int]] = {}
        for number, branch in enumerate(self.branches):
            found.setdefault(branch.parent, []).append(number)
        return found
