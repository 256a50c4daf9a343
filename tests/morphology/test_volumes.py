"""Control volumes: numbers, areas, conductances and voltages at places, by hand and against those of Arbor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bioasm.morphology.regions import Location
from tests.models.support import REFS, recorded
from tests.morphology.support import cell

TUBE = "branch tube: length 100 um, diameter 2 um"
FORK = f"{TUBE}\nbranch left from tube: length 50 um, diameter 1 um\nbranch right from tube: length 30 um, diameter 1 um"


def test_a_tube_by_hand() -> None:
    found = cell("cv: 4 per branch", "ra = 100 ohm*cm", "cm = 2 uF/cm2", tree=TUBE)
    volumes = found.volumes
    assert volumes.parents.tolist() == [-1, 0, 1, 2]
    assert volumes.areas == pytest.approx([2 * math.pi * 1e-6 * 25e-6] * 4, rel=1e-14)
    assert volumes.capacities(found.cm) == pytest.approx(volumes.areas * 0.02, rel=1e-14)
    one = math.pi * 1e-12 / (1.0 * 25e-6)  # of the 25 um between two middles
    assert volumes.conductances == pytest.approx([0.0, one, one, one], rel=1e-12)


def test_a_cone_by_hand() -> None:
    volumes = cell(tree="branch cone: length 30 um, diameter 8 um to 2 um").volumes
    assert volumes.areas[0] == pytest.approx(math.pi * 5e-6 * math.hypot(30e-6, 3e-6), rel=1e-14)


def test_a_fork_is_a_cv_of_no_area() -> None:
    volumes = cell("cv: 2 per branch", "ra = 100 ohm*cm", tree=FORK).volumes
    assert volumes.n == 7 and volumes.areas[2] == 0.0
    assert volumes.parents.tolist() == [-1, 0, 1, 2, 3, 2, 5]
    assert volumes.conductances[2] == pytest.approx(math.pi * 1e-12 / 25e-6, rel=1e-12)  # half of a CV to the fork
    assert volumes.conductances[3] == pytest.approx(math.pi * 0.25e-12 / 12.5e-6, rel=1e-12)


def test_without_a_policy_on_it_a_fork_lies_within_a_cv() -> None:
    volumes = cell("cv: 2 per branch in right", tree=FORK).volumes
    assert [len(cables) for cables in volumes.cables] == [3, 1, 1]


@pytest.mark.parametrize(
    ("policy", "n"),
    [
        ("every segment", 4),
        ("1 per branch", 4),
        ("at most 20 um", 5 + 1 + 3 + 2),
        ("at most 0.1 lambda at 100 Hz", 3 + 1 + 3 + 1),  # lambda is 399 and 282 um
    ],
)
def test_policies(policy: str, n: int) -> None:
    found = cell(f"cv: {policy}", tree=FORK)
    assert found.volumes.n == n <= found.most_volumes


def test_a_policy_of_millions_is_counted_before_it_is_made() -> None:
    assert cell("cv: at most 0.00001 um", tree=FORK).most_volumes > 1e7


def test_voltages_at_places_are_linear_in_axial_resistance() -> None:
    volumes = cell("cv: 4 per branch", tree="branch cone: length 100 um, diameter 8 um to 2 um").volumes
    probe = volumes.probe(Location(0, 0.5))
    radius = [4e-6 - 3e-6 * at for at in (0.375, 0.5, 0.625)]
    parts = [0.125 / (radius[k] * radius[k + 1]) for k in (0, 1)]
    assert probe[:2] == (1, 2)
    assert probe.share == pytest.approx(parts[0] / sum(parts), rel=1e-12)
    assert volumes.probe(Location(0, 1.0)).share > 1.0  # beyond the last middle
    assert volumes.at(Location(0, 0.5)) == 2  # a place on a boundary belongs to the CV behind it


def test_one_cv_has_one_voltage() -> None:
    assert cell(tree=TUBE).volumes.probe(Location(0, 0.9)) == (0, 0, 0.0)


def test_the_cvs_of_the_branched_cell_are_those_of_arbor() -> None:
    kept = recorded("networks/arbor_branched.npz")
    rows = (REFS / "networks" / "branched.swc").read_text(encoding="utf-8")
    found = cell("cv: at most 8 um", tree=f"swc as arbor\n{rows.partition('made for tests')[2]}")
    volumes = found.volumes
    assert volumes.parents.tolist() == kept["cv_parent"].tolist()
    cables = [(cv, *cable) for cv, several in enumerate(volumes.cables) for cable in several]
    assert np.abs(np.array(cables) - kept["cv_cables"]).max() < 1e-14
    assert [branch.parent for branch in found.tree.branches] == kept["branch_parent"].tolist()
    assert (volumes.areas == 0.0).sum() == 11
