"""Error codes B14x: cells that are trees."""

from __future__ import annotations

from bioasm.diagnostics.code import Code

CABLE_CODES: dict[str, Code] = {
    "B140": Code(
        "text of a cell",
        "A line in the braces of a `.cell` can't be read: its first word, a name, a number or its unit is another than is "
        "wanted there. The page cells.md lists the lines.",
    ),
    "B141": Code(
        "malformed SWC",
        "A line of an SWC file is seven numbers: id, tag, x, y, z, radius in um, and the id of the parent (-1 for the first). "
        "Ids differ, and a radius is more than 0. Arbor's and NEURON's readings differ in what they make of the soma.",
    ),
    "B142": Code(
        "no tree",
        "The branches or samples of a cell are one tree: each but the first begins at another, which exists, and none is "
        "its own parent.",
    ),
    "B143": Code(
        "empty region, or not one place",
        "A region that a mechanism is painted on has some cable, and a place is one point of the cell. `distal(...)` and "
        "`region(0.5)` are several where a region has several ends or pieces.",
    ),
    "B144": Code(
        "painted twice",
        "One mechanism stands on the same cable twice, so that its currents would flow twice. Regions that one mechanism is "
        "painted on do not overlap.",
    ),
    "B145": Code(
        "part of a cell does not fit",
        "An instruction names a region or place that the cell does not have, or something that a cell of cable can't do.",
    ),
}
