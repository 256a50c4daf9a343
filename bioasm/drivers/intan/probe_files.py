"""Electrode maps from ProbeInterface's JSON, the standard of SpikeInterface for probes and their wiring."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from bioasm.diagnostics import BioasmError, Diagnostic

_TO_UM = {"um": 1.0, "mm": 1e3, "m": 1e6}
_HINT = "probeinterface.write_probeinterface writes one; set_device_channel_indices wires its contacts"
_HEADER = "neuron, channel, x_um, y_um, area_um2"


def is_probe(text: str) -> bool:
    """Whether a text is JSON, not a table."""
    return text.lstrip()[:1] == "{"


def table_of(text: str, source: str) -> str:
    """Convert a probe to the table that `electrodes` parses: one neuron for each wired contact, in order.

    Raises BioasmError B522 for other JSON.
    """
    try:
        said = json.loads(text)
        rows = [row for probe in said["probes"] for row in _rows(probe)]
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as cause:
        told = f"{type(cause).__name__}: {cause}"[:80]
        raise BioasmError(Diagnostic("B522", f"{source} is no file of ProbeInterface ({told})", hint=_HINT)) from None
    if not rows:
        raise BioasmError(Diagnostic("B522", f"{source}: no contact is wired to a channel", hint=_HINT))
    return "\n".join([_HEADER, *(f"{neuron}, {row}" for neuron, row in enumerate(rows))])


def _rows(probe: Mapping[str, Any]) -> Iterator[str]:
    """Channel, place and area of each contact with a channel; contacts without have the channel -1."""
    scale = _TO_UM[probe.get("si_units", "um")]
    places, count = probe["contact_positions"], len(probe["contact_positions"])
    shapes = probe.get("contact_shapes") or ["none"] * count
    sizes = probe.get("contact_shape_params") or [{}] * count
    for channel, place, shape, size in zip(probe["device_channel_indices"], places, shapes, sizes, strict=True):
        if type(channel) is not int:
            raise TypeError(f"a channel is a whole number, not {channel!r}")
        if channel >= 0:
            x, y = (float(p) * scale for p in place[:2])
            yield f"{int(channel)}, {x!r}, {y!r}, {_area(shape, size, scale)}"


def _area(shape: str, size: Mapping[str, float], scale: float) -> str:
    """The area in square micrometres, empty where the shape has none: such an electrode may not stimulate."""
    if shape == "circle":
        return repr(3.141592653589793 * (float(size["radius"]) * scale) ** 2)
    if shape in ("square", "rect"):
        return repr(float(size["width"]) * float(size.get("height", size["width"])) * scale**2)
    return ""
