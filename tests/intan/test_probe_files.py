"""Electrode maps from ProbeInterface's JSON: written by the library itself, and what is none."""

from __future__ import annotations

import json
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import probeinterface
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.intan.electrodes import read_map


def test_a_probe_of_the_library(tmp_path: Path) -> None:
    shape = {"contact_shapes": "circle", "contact_shape_params": {"radius": 6}}
    probe = probeinterface.generate_linear_probe(num_elec=4, ypitch=20, **shape)
    probe.set_device_channel_indices(np.array([7, -1, 3, 0]))
    probeinterface.write_probeinterface(tmp_path / "probe.json", probe)
    found = read_map(tmp_path / "probe.json")
    assert [(site.neuron, site.channel) for site in found.sites] == [(0, 7), (1, 3), (2, 0)]
    assert found.sites[1].place == pytest.approx((0, 40e-6))
    assert found.sites[0].electrode is not None
    assert found.sites[0].electrode.area == pytest.approx(pi * (6e-6) ** 2)


PROBE: dict[str, Any] = {
    "ndim": 2, "si_units": "mm", "contact_positions": [[0.1, 0]], "contact_shapes": ["rect"],
    "contact_shape_params": [{"width": 0.02, "height": 0.01}], "device_channel_indices": [5],
}  # fmt: skip


def test_units_and_shapes(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"probes": [PROBE]}))
    (site,) = read_map(tmp_path / "p.json").sites
    assert site.electrode is not None and site.place == pytest.approx((100e-6, 0))
    assert site.electrode.area == pytest.approx(200e-12)


@pytest.mark.parametrize(
    "changes",
    [{"si_units": "inch"}, {"contact_positions": [[0]]}, {"contact_positions": []}, {"device_channel_indices": ["a"]},
     {"device_channel_indices": [1.5]}, {"contact_shape_params": [{}]}, {"device_channel_indices": [-1]},
     {"contact_positions": [["x", 1]]}, {"device_channel_indices": [99999999]}],
)  # fmt: skip
def test_what_is_no_probe(changes: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"probes": [PROBE | changes]}))
    with pytest.raises(BioasmError, match="B522"):
        read_map(tmp_path / "p.json")


@pytest.mark.parametrize("text", ["{", "{}", '{"probes": 3}', "{" * 100_000])
def test_what_is_no_json_of_a_probe(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(BioasmError, match="B522.*no file of ProbeInterface"):
        read_map(tmp_path / "p.json")
