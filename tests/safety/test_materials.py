"""Tests of electrode materials and of electrodes."""

from __future__ import annotations

from math import inf, nan, pi

import pytest

from bioasm.safety import DEFAULT_LIMITS, MATERIALS, Electrode, Limits
from bioasm.safety.materials import BY_NUMBER

# Published ranges in mC/cm2; what is used may not lie above them.
RANGES = {"platinum": (0.05, 0.15), "titanium nitride": (0.9, 1.1), "iridium oxide": (1, 5), "PEDOT": (1, 15)}


def test_numbers_of_materials_never_change() -> None:
    assert {m.name: m.number for m in MATERIALS.values()} == {
        "unknown": 0,
        "platinum": 1,
        "titanium nitride": 2,
        "iridium oxide": 3,
        "PEDOT": 4,
    }


def test_every_material_is_found_by_its_number() -> None:
    assert [BY_NUMBER[m.number] for m in MATERIALS.values()] == list(MATERIALS.values())


@pytest.mark.parametrize("name", RANGES)
def test_injection_lies_in_the_published_range(name: str) -> None:
    injection = MATERIALS[name].injection
    assert injection is not None
    low, high = RANGES[name]
    assert low <= injection / 10 <= high


@pytest.mark.parametrize("name", RANGES)
def test_unknown_material_gets_no_more_than_a_known_one(name: str) -> None:
    known, unknown = Electrode(1e-9, name), Electrode(1e-9)
    assert DEFAULT_LIMITS.density(unknown) <= DEFAULT_LIMITS.density(known)


def test_unknown_material_has_50_microcoulombs_per_cm2() -> None:
    assert DEFAULT_LIMITS.density(Electrode(1e-9)) == pytest.approx(0.5)  # C/m2


@pytest.mark.parametrize(("fraction", "density"), [(0.5, 5.0), (0.1, 1.0), (0.0, 0.0)])
def test_density_is_a_share_of_what_the_material_injects(fraction: float, density: float) -> None:
    assert Limits(cic_fraction=fraction).density(Electrode(1e-9, "titanium nitride")) == pytest.approx(density)


def test_disk_of_30_micrometres() -> None:
    assert Electrode.disk(30e-6).area == pytest.approx(7.07e-10, rel=1e-3)
    assert Electrode.disk(2.0).area == pytest.approx(pi)


@pytest.mark.parametrize("area", [0.0, -1e-9, nan, inf, -inf])
def test_area_must_be_a_positive_number(area: float) -> None:
    with pytest.raises(ValueError, match="area"):
        Electrode(area)


def test_material_must_be_listed() -> None:
    with pytest.raises(ValueError, match="no material 'gold'; known are unknown, platinum"):
        Electrode(1e-9, "gold")


@pytest.mark.parametrize("most", [nan, -1.0, -inf])
def test_own_limits_must_be_numbers(most: float) -> None:
    with pytest.raises(ValueError, match="greatest current"):
        Electrode(1e-9, max_current=most)
    with pytest.raises(ValueError, match="greatest charge"):
        Electrode(1e-9, max_charge=most)
