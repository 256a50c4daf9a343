"""Error codes B14x: cells that are trees."""

from __future__ import annotations

from bioasm.diagnostics.code import Code

CABLE_CODES: dict[str, Code] = {
    "B140": Code(
        "text of a cell",
        "A line of a `.cell` block is invalid: its first word, a name, a number or a unit is not one allowed there. "
        "docs/cells.md lists the lines.",
    ),
    "B141": Code(
        "malformed SWC",
        "A line of an SWC file is seven numbers: id, tag, x, y, z, radius in um, and the id of the parent (-1 for the first). "
        "Ids are unique, and a radius is more than 0. Arbor and NEURON differ in their interpretation of the soma.",
    ),
    "B142": Code(
        "no tree",
        "The branches or samples of a cell must form one tree: each but the first has an existing parent, and none is its own "
        "ancestor.",
    ),
    "B143": Code(
        "empty region, or not one place",
        "A region on which a mechanism is painted must not be empty, and a place must be a single point of the cell. "
        "`distal(...)` and `region(0.5)` are several points if a region has several ends or pieces.",
    ),
    "B144": Code(
        "painted twice",
        "One mechanism is painted on the same cable twice, so that its currents would count twice. Regions on which one "
        "mechanism is painted must not overlap.",
    ),
    "B145": Code(
        "part of a cell does not fit",
        "An instruction names a region or place that the cell does not have, or something that a multicompartment cell can't "
        "do.",
    ),
}
