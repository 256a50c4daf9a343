"""NeuroML's numbers: with units, `120 mS_per_cm2`, in the spelling of programs; without; and the whole ones of ids."""

from __future__ import annotations

import re

from bioasm.frameworks.neuroml.document import Element

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\w*)\s*")
_DIGITS = 18  # of an id
VOLTAGE = {"mV": "mV", "V": "V"}
DENSITY = {"mS_per_cm2": "mS/cm2", "S_per_m2": "S/m2", "S_per_cm2": "S/cm2"}
CAPACITANCE = {"uF_per_cm2": "uF/cm2", "F_per_m2": "F/m2"}
RESISTIVITY = {"kohm_cm": "kohm*cm", "ohm_cm": "ohm*cm", "ohm_m": "ohm*m"}
RATE = {"per_ms": "(1 ms)", "per_s": "(1 s)", "Hz": "(1 s)"}  # what the number is divided by


def quantity(element: Element, attribute: str, units: dict[str, str]) -> tuple[str, str]:
    """A number and its unit as a program spells it."""
    written = element.get(attribute)
    found = _NUMBER.fullmatch(written)
    if found is None or found[2] not in units:
        raise element.fault(f"{attribute} is {written!r}", f"it is a number in {', '.join(units)}")
    return found[1], units[found[2]]


def spelled(element: Element, attribute: str, units: dict[str, str]) -> str:
    """The same as one text."""
    return " ".join(quantity(element, attribute, units))


def number(element: Element, attribute: str, default: str | None = None) -> float:
    """A number without a unit."""
    written = element.attributes.get(attribute, default) if default is not None else element.get(attribute)
    found = _NUMBER.fullmatch(written or "")
    if found is None or found[2]:
        raise element.fault(f"{attribute} is {written!r}, and a number is wanted")
    return float(found[1])


def whole(element: Element, attribute: str) -> int:
    """A whole number that names a segment."""
    written = element.get(attribute)
    if not written.strip().isdecimal() or len(written) > _DIGITS:
        raise element.fault(f"{attribute} is {written[:_DIGITS]!r}, and a whole number of at most {_DIGITS} digits is wanted")
    return int(written)
