"""The shape of a tree in a plane: along z, and as a dendrogram."""

from __future__ import annotations

import pytest

from bioasm.morphology.picture import strokes
from tests.morphology.support import cell

FORK = """\
branch soma: length 20 um, diameter 20 um
branch left from soma: length 100 um, diameter 2 um to 1 um
branch right from soma: length 60 um, diameter 1 um"""


def test_samples_are_seen_along_z() -> None:
    found = strokes(cell("cv: 2 per branch", tree="swc as arbor\n1 1 0 0 0 5 -1\n2 1 10 4 3 5 1").volumes)
    assert [stroke[:4] for stroke in found] == [pytest.approx((0, 0, 5, 2)), pytest.approx((5, 2, 10, 4))]
    assert [stroke.diameter for stroke in found] == pytest.approx([10, 10])
    assert [stroke.cv for stroke in found] == [0, 1]


def test_words_alone_are_a_dendrogram() -> None:
    found = strokes(cell("cv: 1 per branch", tree=FORK).volumes)
    lines = [stroke for stroke in found if stroke.diameter > 0]
    assert [(stroke.x0, stroke.x1) for stroke in lines] == [pytest.approx(ends) for ends in ((0, 20), (20, 120), (20, 80))]
    heights = [stroke.y0 for stroke in lines]
    assert heights[0] == pytest.approx((heights[1] + heights[2]) / 2) and heights[1] != heights[2]
    upright = [stroke for stroke in found if stroke.diameter == 0]
    assert [(stroke.x0, stroke.y0, stroke.y1) for stroke in upright] == [(20, heights[0], y) for y in heights[1:]]
