"""Electrode materials and the charge that each can pass without lasting reactions at its surface.

The limits are the low ends of published ranges of reversible charge injection (for platinum the middle of 0.05 to 0.15
mC/cm2), as tabulated by S. F. Cogan, Annu. Rev. Biomed. Eng. 10, 275 (2008), doi 10.1146/annurev.bioeng.10.061807.160518.
They were taken from secondary notes and not checked against the article, so they are no substitute for the electrode
maker's own figures. What tissue bears can lie far below what a bench shows.
"""

from __future__ import annotations

from typing import NamedTuple

# 1 uC/cm2 in SI units.
MICROCOULOMB_PER_CM2 = 1e-2

UNKNOWN = "unknown"


class Material(NamedTuple):
    """A material: `number` stands for it in a limits table and never changes; `injection` in C/m2, None where unknown."""

    name: str
    number: int
    injection: float | None
    about: str


MATERIALS: dict[str, Material] = {
    material.name: material
    for material in (
        Material(UNKNOWN, 0, None, "anything not listed; a density of its own stands in the limits"),
        Material("platinum", 1, 1.0, "Pt and PtIr, 0.05 to 0.15 mC/cm2; 0.1 is used"),
        Material("titanium nitride", 2, 10.0, "TiN, about 1 mC/cm2"),
        Material("iridium oxide", 3, 10.0, "AIROF and SIROF, 1 to 5 mC/cm2; 1 is used"),
        Material("PEDOT", 4, 10.0, "PEDOT, about 15 mC/cm2 on the bench; 1 is used, as coatings differ and age"),
    )
}

BY_NUMBER: dict[int, Material] = {material.number: material for material in MATERIALS.values()}
