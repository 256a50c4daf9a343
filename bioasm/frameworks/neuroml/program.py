"""The program of a NeuroML cell: the text of its morphology, its membrane, and the channels painted on its groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from bioasm.frameworks.names import free_name
from bioasm.frameworks.neuroml.channels import channels_of, is_passive, mechanism
from bioasm.frameworks.neuroml.document import Element
from bioasm.frameworks.neuroml.morphology import Segment, groups_of, segment_of, segments_of
from bioasm.frameworks.neuroml.values import CAPACITANCE, DENSITY, RESISTIVITY, VOLTAGE, spelled
from bioasm.morphology.words import MEASURES, WORDS

_IGNORED = ("notes", "annotation", "property")
_OF_MEMBRANE = ("channelDensity", "specificCapacitance", "spikeThresh", "initMembPotential")
_OF_INSIDE = ("resistivity", "species")


@dataclass
class _Cell:
    """What is known of a cell as its parts are read; `names` are regions by the group that they are."""

    element: Element
    segments: dict[int, Segment]
    groups: dict[str, set[int]]
    names: dict[str, str] = field(default_factory=dict)

    def region(self, element: Element) -> str:
        """The region that an element's segmentGroup (without one all) or segment means."""
        if "segment" in element.attributes:
            return self.segments[segment_of(element, "segment", self.segments)].name
        group = element.attributes.get("segmentGroup", "all")
        if group not in self.groups:
            raise element.fault(f"there is no segment group {group!r}")
        if not self.groups[group]:
            raise element.fault(f"the segment group {group} has no segments")
        return self.names[group]


def program_text(document: Element) -> str:
    """The program of the first cell of a document."""
    cells = [document] if document.name == "cell" else list(document.all("cell"))
    if len(cells) != 1:
        raise document.fault(f"the document has {len(cells)} cells; one is wanted")
    morphology = cells[0].first("morphology")
    if morphology is None:
        raise cells[0].fault(f"the cell {cells[0].get('id')} has no <morphology>")
    segments = segments_of(morphology)
    cell = _Cell(cells[0], segments, groups_of(morphology, segments))
    taken = {*WORDS - {"soma", "axon", "dend", "apic"}, *MEASURES, *(one.name for one in segments.values())}
    for group in cell.groups:
        cell.names[group] = "all" if group == "all" else free_name(group, taken)
    return "\n".join(_lines(cell, channels_of(document))) + "\n"


def _lines(cell: _Cell, channels: dict[str, Element]) -> Iterator[str]:
    properties = cell.element.first("biophysicalProperties")
    membrane = properties.first("membraneProperties") if properties is not None else None
    inside = properties.first("intracellularProperties") if properties is not None else None
    found = [one for one in membrane.inner if one.name not in _IGNORED] if membrane is not None else []
    within = [one for one in inside.inner if one.name not in _IGNORED] if inside is not None else []
    for one, known in (*((one, _OF_MEMBRANE) for one in found), *((one, _OF_INSIDE) for one in within)):
        if one.name not in known:
            raise one.fault(f"<{one.name}> is not read", f"what is read of a membrane is {', '.join(_OF_MEMBRANE)}")
    densities = [one for one in found if one.name == "channelDensity"]
    taken = {"cells", "cells_cv", "pas"}
    name = free_name(cell.element.get("id"), taken)
    mechanisms, texts = _mechanisms(densities, channels, taken)
    yield from texts
    yield f".cell {name} {{"
    yield from _shape(cell)
    for one in found:
        if one.name == "specificCapacitance":
            yield f"  cm in {cell.region(one)} = {spelled(one, 'value', CAPACITANCE)}"
    for one in within:
        if one.name == "resistivity":
            yield f"  ra in {cell.region(one)} = {spelled(one, 'value', RESISTIVITY)}"
    yield from (f"  spikes at seg{next(iter(cell.segments))}(0.5)", "}", f"    POP cells, {name}, 1")
    yield from _painted(cell, densities, mechanisms, taken)
    for one in found:
        if one.name == "initMembPotential":
            yield f"    SET cells_cv.v0, {spelled(one, 'value', VOLTAGE)}"
        elif one.name == "spikeThresh":
            yield f"    SET cells.threshold, {spelled(one, 'value', VOLTAGE)}"
    yield from ("    REC cells.v, 0.1 ms", "    RUN 100 ms", "    RD cells.v")


def _shape(cell: _Cell) -> Iterator[str]:
    """Branches, regions and control volumes."""
    yield from (f"  {segment.line}" for segment in cell.segments.values())
    for group, name in cell.names.items():
        members = [cell.segments[key].name for key in cell.segments if key in cell.groups[group]]
        if group != "all" and members:
            yield f"  region {name} = {' or '.join(members)}"
    yield "  cv: at most 0.1 lambda at 100 Hz"


def _mechanisms(densities: list[Element], channels: dict[str, Element], taken: set[str]) -> tuple[dict[str, str], list[str]]:
    """The mechanism of each channel that is painted, and the texts of those that do not ship."""
    names: dict[str, str] = {}
    texts: list[str] = []
    for one in densities:
        channel = one.get("ionChannel")
        if channel not in channels:
            hint = "put the description of the channel (<ionChannelHH id=...>) into the document"
            raise one.fault(f"the channel {channel} is not in the document", hint)
        if channel not in names and is_passive(channels[channel]):
            names[channel] = "pas"
        elif channel not in names:
            names[channel] = free_name(channel, taken)
            texts += mechanism(channels[channel], names[channel])
    return names, texts


def _painted(cell: _Cell, densities: list[Element], mechanisms: dict[str, str], taken: set[str]) -> Iterator[str]:
    """MECH and SET for each density."""
    for one in densities:
        strange = next((part for part in one.inner if part.name not in _IGNORED), None)
        if strange is not None:
            raise strange.fault(f"<{strange.name}> of a channelDensity is not read")
        kind, name = mechanisms[one.get("ionChannel")], free_name(one.get("id"), taken)
        conductance, reversal = ("g", "e") if kind == "pas" else ("gbar", "erev")
        yield f"    MECH {name}, {kind}, cells.{cell.region(one)}"
        yield f"    SET {name}.{conductance}, {spelled(one, 'condDensity', DENSITY)}"
        yield f"    SET {name}.{reversal}, {spelled(one, 'erev', VOLTAGE)}"
