"""SWC files: both readings, and malformed ones with the place of what is wrong."""

from __future__ import annotations

import math

import pytest

from tests.morphology.support import cell, fault

SOMA = "1 1 0 0 0 10 -1"
LINE = "1 1 -8 0 0 8 -1\n2 1 8 0 0 8 1\n3 3 18 0 0 1 2"


def test_arbor_lets_a_dendrite_begin_with_the_radius_of_its_parent() -> None:
    tree = cell(tree=f"swc as arbor\n{LINE}").tree
    assert [(s.tag, s.near.radius, s.far.radius) for s in tree.segments] == [(1, 8e-6, 8e-6), (3, 8e-6, 1e-6)]
    assert len(tree.branches) == 1
    assert tree.branches[0].length == pytest.approx(26e-6, rel=1e-15)


def test_neuron_lets_it_begin_with_its_own() -> None:
    tree = cell(tree=f"swc as neuron\n{LINE}").tree
    assert [(s.tag, s.near.radius, s.far.radius) for s in tree.segments] == [(1, 8e-6, 8e-6), (3, 1e-6, 1e-6)]


@pytest.mark.parametrize("soma", [SOMA, f"{SOMA}\n2 1 0 10 0 10 1\n3 1 0 -10 0 10 1"])
def test_neuron_makes_a_cylinder_of_a_sphere(soma: str) -> None:
    found = cell(tree=f"swc as neuron\n{soma}\n4 3 10 0 0 1 1\n5 3 60 0 0 1 4")
    assert float(found.volumes.covered(found.region("soma") or ()) @ found.volumes.areas) == pytest.approx(4e-10 * math.pi)
    dendrite = [s for s in found.tree.segments if s.tag == 3]
    assert [s.length for s in dendrite] == [pytest.approx(50e-6)]  # from its first sample, not from the soma's middle


LONG = "1 1 -16 0 0 8 -1\n2 1 -8 0 0 9 1\n3 1 0 0 0 9 2\n4 1 8 0 0 8 3"


@pytest.mark.parametrize(
    ("soma", "rows", "length", "area"),  # of the dendrites in um and um2, as NEURON 9.0.2 makes them
    [
        (LONG, "11 3 -16 30 0 1.1 1\n12 3 -16 60 0 1.1 11", 60.0, 414.6902),  # at the root: from the soma on
        (LONG, "21 3 -8 30 0 1.2 2\n22 3 -8 60 0 1.2 21", 30.0, 226.1947),  # at its middle: from its first sample on
        (LONG, "51 3 8 30 0 1.5 4\n52 3 8 60 0 1.5 51", 60.0, 565.4867),  # at its end
        (SOMA, "2 3 10 0 0 1 1\n3 3 60 0 0 0.8 2\n4 3 10 50 0 0.5 2", 110.0, 581.2087),  # the file's second sample is a fork
        (SOMA, "2 2 -10 0 0 1 1\n3 3 10 0 0 1 1\n4 3 60 0 0 0.8 3\n5 3 10 50 0 0.5 3", 100.0, 518.3768),  # another is one
        (SOMA, "2 3 70 0 0 0.8 1", 70.0, 351.8584),  # its first sample is its last
    ],
)
def test_neuron_connects_dendrites(soma: str, rows: str, length: float, area: float) -> None:
    found = cell(tree=f"swc as neuron\n{soma}\n{rows}")
    dend = found.region("dend") or ()
    assert sum((c.end - c.begin) * found.tree.branches[c.branch].length for c in dend) == pytest.approx(length * 1e-6)
    assert sum(map(found.volumes.area, dend)) == pytest.approx(area * 1e-12, rel=1e-6)


def test_samples_may_stand_in_any_order_with_comments() -> None:
    tree = cell(tree="swc as arbor\n3 3 18 0 0 1 2 # tip\n2 1 8 0 0 8 1\n1 1 -8 0 0 8 -1").tree
    assert [segment.tag for segment in tree.segments] == [1, 3]


@pytest.mark.parametrize(
    ("rows", "code", "line"),
    [
        (f"{SOMA}\n2 1 5 0 0 1", "B141", 4),  # six numbers
        (f"{SOMA}\n2 1 5 0 zero 1 1", "B141", 4),
        (f"{SOMA}\n2 1 5 0 0 0 1", "B141", 4),  # a radius of 0
        (f"{SOMA}\n2 1 5 0 0 1e200 1", "B141", 4),  # no size of a cell
        (f"{SOMA}\n2 1 1e300 0 0 1 1", "B141", 4),
        (f"{SOMA}\n1 1 5 0 0 1 1", "B141", 4),  # twice
        (f"{SOMA}\n2 3 5 0 0 1 1", "B141", 3),  # a root without a neighbour of its tag
        (f"{SOMA}\n2 1 5 0 0 1 7", "B142", 4),  # no such parent
        (f"{SOMA}\n2 1 5 0 0 1 3\n3 1 6 0 0 1 2", "B142", 4),  # a loop
        (f"{SOMA}\n2 1 5 0 0 1 1\n3 1 9 0 0 1 -1", "B142", 5),  # two trees
    ],
)
def test_what_is_wrong_is_told_at_its_line(rows: str, code: str, line: int) -> None:
    found = fault(tree=f"swc as arbor\n{rows}")
    assert found.code == code
    assert found.span is not None and found.span.line == line


def test_neuron_begins_at_a_soma() -> None:
    assert "is no soma" in fault(tree="swc as neuron\n1 3 0 0 0 1 -1\n2 3 5 0 0 1 1").message


def test_a_branch_that_is_one_point_is_refused() -> None:
    assert fault(tree="swc as arbor\n1 1 0 0 0 1 -1\n2 1 0 0 0 1 1").code == "B141"
