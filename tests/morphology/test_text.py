"""The text of a cell: branches, regions, places and what is refused, each at its place."""

from __future__ import annotations

import pytest

from bioasm.morphology.regions import Location
from tests.morphology.support import STICK, cell, fault

FORK = (
    "branch soma: length 20 um, diameter 20 um\n"
    "branch trunk from soma: length 50 um, diameter 4 um then length 50 um, diameter to 2 um\n"
    "branch left from trunk: length 100 um, diameter 2 um to 1 um\n"
    "branch right from trunk: length 60 um, diameter 1 um"
)


def test_branches_end_at_forks_and_tips_only() -> None:
    tree = cell(tree=FORK).tree
    assert [branch.parent for branch in tree.branches] == [-1, 0, 0]
    assert tree.branches[0].length == pytest.approx(120e-6)
    assert [branch.start for branch in tree.branches] == pytest.approx([0.0, 120e-6, 120e-6])


def test_a_branch_may_begin_within_another() -> None:
    tree = cell("branch side from dend(0.5): length 30 um, diameter 1 um").tree
    assert [branch.parent for branch in tree.branches] == [-1, 0, 0]
    assert [branch.length for branch in tree.branches] == pytest.approx([70e-6, 50e-6, 30e-6])
    near, far = tree.segments[1].far.radius, tree.segments[2].near.radius
    assert near == far == pytest.approx(0.75e-6)  # the taper goes on over the cut


@pytest.mark.parametrize(
    ("words", "area"),  # as parts of the dendrite's length, or of the soma's
    [
        ("dend", 1.0),
        ("dend and radius > 0.75 um", 0.5),
        ("not soma and not (radius > 0.75 um)", 0.5),
        ("dend and distance < 45 um", 0.25),
        ("cable(0, 0.5, 1) and dend", 0.6),
        ("tag(3) or soma", 1.2),
        ("branch(0)", 1.2),
    ],
)
def test_regions(words: str, area: float) -> None:
    found = cell(f"region it = {words}")
    branch = found.tree.branches[0]
    lengths = [(c.end - c.begin) * branch.length for c in found.regions["it"]]
    assert sum(lengths) == pytest.approx(area * 100e-6, rel=1e-12)


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("root", Location(0, 0.0)),
        ("soma(0.5)", Location(0, 10 / 120)),
        ("dend(0.25)", Location(0, 45 / 120)),
        ("distal(all)", Location(0, 1.0)),
        ("proximal(dend)", Location(0, 20 / 120)),
        ("location(0, 0.3)", Location(0, 0.3)),
    ],
)
def test_places(words: str, place: Location) -> None:
    found = cell(f"place it = {words}").places["it"]
    assert found.branch == place.branch
    assert found.at == pytest.approx(place.at, abs=1e-15)


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        ("bronch a: length 3 um, diameter 1 um", "B140", 1),
        ("branch a from dend: length 3 um", "B140", 32),
        ("branch a from dend: length 3 mV, diameter 1 um", "B140", 28),
        ("branch a from dend: length 0 um, diameter 1 um", "B140", 28),
        ("branch a from dand: length 3 um, diameter 1 um", "B142", 1),
        ("branch a: length 3 um, diameter 1 um", "B142", 1),
        ("region far = dand", "B140", 14),
        ("region far = axon", "B143", 14),
        ("region far = radius < 0.1 um", "B143", 14),
        ("region soma = dend", "B140", 8),
        ("place it = dend(1.5)", "B140", 17),
        ("place it = dend(0.5) um", "B140", 22),
        ("cv: 0 per branch", "B140", 5),
        ("cm = 1 mV", "B140", 6),
        ("spikes in dend", "B140", 11),
        ("spikes cv at dend(0.5)", "B140", 8),
        ("method: euler", "B140", 9),
        ("place it = dend(1e999)", "B140", 17),
        ("region thin = radius < 1e300 um", "B140", 24),
        ("cv: at most 1e-300 um", "B140", 13),
        ("cv: at most 1e-300 lambda at 100 Hz", "B140", 13),
        ("ra = 1e300 ohm*m", "B140", 6),
        (f"region deep = {'(' * 2000}dend{')' * 2000}", "B140", 115),
        (f"region deep = {'not ' * 2000}dend", "B140", 415),
    ],
)
def test_what_is_refused(line: str, code: str, column: int) -> None:
    found = fault(line)
    assert found.code == code
    assert found.span is not None and found.span[1:3] == (4, column)


def test_a_place_is_one_point() -> None:
    assert "2 places" in fault("place it = distal(all)", tree=FORK).message
    assert "has a fork" in fault("place it = all(0.5)", tree=FORK).message


def test_branches_make_no_loop() -> None:
    loop = "branch a from b: length 3 um, diameter 1 um\nbranch b from a: length 3 um, diameter 1 um"
    assert fault(tree=loop).code == "B142"


def test_a_cell_needs_cable() -> None:
    assert fault(tree="cv: every segment").code == "B140"
    assert fault("swc as arbor\n1 1 0 0 0 1 -1\n2 1 5 0 0 1 1", tree=STICK).code == "B140"
