"""The morphology of a NeuroML cell: segments as branches of a `.cell`, and segment groups as sets of segments."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from bioasm.diagnostics import BioasmError
from bioasm.frameworks.neuroml.document import Element
from bioasm.frameworks.neuroml.values import number, whole
from bioasm.morphology.tree import parents_first

_DEEPEST = 100  # groups within each other, each a recursion
_LEAST = 1e-9  # um: a segment that is shorter is a sphere, which stands for a cylinder as long as it is thick


class End(NamedTuple):
    """An end of a segment in um."""

    x: float
    y: float
    z: float
    diameter: float


@dataclass(frozen=True)
class Segment:
    """A segment: the one that it begins at (None for the first) and where along it, and its ends."""

    id: int
    parent: int | None
    along: float
    near: End
    far: End

    @property
    def name(self) -> str:
        """The name of its branch."""
        return f"seg{self.id}"

    @property
    def line(self) -> str:
        """Its line in the text of a cell."""
        length = math.dist(self.near[:3], self.far[:3])
        at = "" if self.along == 1.0 else f"({self.along!r})"
        start = "" if self.parent is None else f" from seg{self.parent}{at}"
        taper = "" if self.near.diameter == self.far.diameter else f" to {self.far.diameter!r} um"
        long = length if length > _LEAST else self.far.diameter
        return f"branch {self.name}{start}: length {long!r} um, diameter {self.near.diameter!r} um{taper}"


def segments_of(morphology: Element) -> dict[int, Segment]:
    """The segments by their ids, parents first."""
    elements: dict[int, Element] = {}
    for one in (element for element in morphology.inner if element.name == "segment"):
        key = whole(one, "id")
        if key in elements:
            raise one.fault(f"there are two segments {key}")
        elements[key] = one
    if not elements:
        raise morphology.fault("the morphology has no segment")
    made: dict[int, Segment] = {}
    for key in parents_first(elements, lambda at: _parent(elements[at], elements), lambda at: _loop(at, elements)):
        made[key] = _segment(key, elements, made)
    roots = [key for key, one in made.items() if one.parent is None]
    if len(roots) > 1:
        raise elements[roots[1]].fault(f"segments {roots[0]} and {roots[1]} both have no parent: a cell is one tree")
    return made


def _loop(key: int, elements: dict[int, Element]) -> BioasmError:
    return elements[key].fault(f"segment {key} is among its own parents: the segments make a loop")


def _parent(element: Element, elements: dict[int, Element]) -> int | None:
    parent = element.first("parent")
    if parent is None:
        return None
    key = whole(parent, "segment")
    if key not in elements:
        raise parent.fault(f"the parent {key} of segment {element.get('id')} does not exist")
    return key


def _segment(key: int, elements: dict[int, Element], made: dict[int, Segment]) -> Segment:
    element = elements[key]
    parent, distal, proximal = element.first("parent"), element.first("distal"), element.first("proximal")
    if distal is None:
        raise element.fault(f"segment {key} has no <distal>")
    along = number(parent, "fractionAlong", "1") if parent is not None else 1.0
    if parent is not None and not 0.0 <= along <= 1.0:
        raise parent.fault(f"fractionAlong is {along:g}; it is from 0 to 1")
    before = made[whole(parent, "segment")] if parent is not None else None
    if proximal is None and before is None:
        raise element.fault(f"segment {key} has neither a <proximal> nor a parent")
    near = _end(proximal) if proximal is not None else _between(before, along)
    return Segment(key, before.id if before else None, along, near, _end(distal))


def _end(element: Element) -> End:
    found = End(*(number(element, name) for name in ("x", "y", "z", "diameter")))
    if not (all(map(math.isfinite, found)) and found.diameter > 0.0):
        raise element.fault(f"the diameter is {found.diameter:g}; it must be more than 0")
    return found


def _between(segment: Segment | None, along: float) -> End:
    assert segment is not None
    return End(*(a + (b - a) * along for a, b in zip(segment.near, segment.far, strict=True)))


# --- groups -------------------------------------------------------------------------------------------


def groups_of(morphology: Element, segments: dict[int, Segment]) -> dict[str, set[int]]:
    """The segments of each group; `all` are all, whether the document has such a group or not."""
    elements = {one.get("id"): one for one in morphology.inner if one.name == "segmentGroup"}
    found: dict[str, set[int]] = {}

    def members(key: str, above: tuple[str, ...], at: Element) -> set[int]:
        if key in above:
            raise at.fault(f"the segment group {key} is part of itself")
        if len(above) > _DEEPEST:
            raise at.fault(f"segment groups include each other more than {_DEEPEST} deep")
        if key not in elements:
            raise at.fault(f"there is no segment group {key!r}")
        if key not in found:
            parts = [_members(one, segments) for one in elements[key].inner if one.name != "include"]
            for one in (one for one in elements[key].inner if one.name == "include"):
                parts.append(members(one.get("segmentGroup"), (*above, key), one))
            found[key] = set().union(*parts)
        return found[key]

    for key, element in elements.items():
        members(key, (), element)
    return {"all": set(segments)} | found


def _members(element: Element, segments: dict[int, Segment]) -> set[int]:
    """What one line of a group adds."""
    if element.name == "member":
        return {segment_of(element, "segment", segments)}
    if element.name in ("path", "subTree"):
        return set(_stretch(element, segments))
    if element.name in ("notes", "annotation", "property", "inhomogeneousParameter"):
        return set()
    raise element.fault(f"<{element.name}> in a segment group is not read", "groups are of member, include, path and subTree")


def segment_of(element: Element, attribute: str, segments: dict[int, Segment]) -> int:
    """The segment that an attribute names."""
    key = whole(element, attribute)
    if key not in segments:
        raise element.fault(f"there is no segment {key}")
    return key


def _stretch(element: Element, segments: dict[int, Segment]) -> Iterator[int]:
    """The segments behind one, itself among them; with <to> those on the way to another alone."""
    first, last = element.first("from"), element.first("to")
    start = segment_of(first, "segment", segments) if first is not None else next(iter(segments))
    if last is None:
        inside: set[int] = set()
        for key, one in segments.items():
            if key == start or one.parent in inside:
                inside.add(key)
        yield from inside
        return
    at: int | None = segment_of(last, "segment", segments)
    while at is not None:
        yield at
        if at == start:
            return
        at = segments[at].parent
    raise element.fault(f"segment {start} is not on the way to segment {last.get('segment')}")
