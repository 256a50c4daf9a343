"""The statistics of `bioasm verify`: against scipy, on samples that are alike, and on samples that are not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bioasm.verification.statistics import compare_samples, holm, incomplete_beta, student, welch

SIZES = [(5, 5), (40, 40), (64, 12), (3, 200)]


@pytest.mark.parametrize("a", [0.5, 2.0, 31.5, 200.0])
@pytest.mark.parametrize("b", [0.5, 1.0, 7.0])
@pytest.mark.parametrize("x", [0.0, 1e-9, 0.2, 0.5, 0.99, 1.0])
def test_the_incomplete_beta_function_is_that_of_scipy(a: float, b: float, x: float) -> None:
    special = pytest.importorskip("scipy.special", reason="scipy is not installed")
    assert incomplete_beta(a, b, x) == pytest.approx(special.betainc(a, b, x), rel=1e-10, abs=1e-300)


@pytest.mark.parametrize(("t", "freedom"), [(0.0, 3.0), (1.0, 1.0), (2.5, 7.3), (6.0, 60.0), (40.0, 100.0)])
def test_students_distribution_is_that_of_scipy(t: float, freedom: float) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    assert student(t, freedom) == pytest.approx(2 * stats.t.sf(t, freedom), rel=1e-9)


@pytest.mark.parametrize("sizes", SIZES)
def test_welch_is_that_of_scipy(sizes: tuple[int, int]) -> None:
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    dice = np.random.default_rng(3)
    x, y = dice.normal(0, 1, sizes[0]), dice.normal(0.5, 3, sizes[1])
    assert welch(x, y) == pytest.approx(stats.ttest_ind(x, y, equal_var=False).pvalue, rel=1e-9)


def test_holm_corrects_as_his_paper_does() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def samples(seed: int, shift: float = 0.0, stretch: float = 1.0) -> dict[str, np.ndarray]:
    """Two quantities of 200 runs, one of them of five columns, the last of which may be moved or stretched."""
    dice = np.random.default_rng(seed)
    several = dice.normal(size=(200, 5))
    several[:, 4] = several[:, 4] * stretch + shift
    return {"several": several, "one": dice.exponential(size=(200, 1))}


@pytest.mark.parametrize("seed", range(10))
def test_samples_of_one_distribution_agree(seed: int) -> None:
    found = compare_samples(samples(seed), samples(1000 + seed), 0.999)
    assert all(row.agrees for row in found)
    assert [row.tests for row in found] == [10, 2]


@pytest.mark.parametrize(("shift", "stretch", "what"), [(0.6, 1.0, "mean"), (0.0, 2.0, "spread")])
def test_one_column_of_another_distribution_is_found(shift: float, stretch: float, what: str) -> None:
    several, one = compare_samples(samples(1), samples(2, shift, stretch), 0.999)
    assert (several.agrees, several.what) == (False, what)
    assert one.agrees


def test_false_alarms_are_as_rare_as_the_confidence_says() -> None:
    alarms = 0
    for seed in range(400):
        dice = np.random.default_rng(seed)
        a, b = dice.normal(size=(30, 8)), dice.normal(size=(30, 8))
        alarms += not compare_samples({"x": a}, {"x": b}, 0.9)[0].agrees
    assert alarms < 400 * 0.1 + 5 * math.sqrt(400 * 0.1 * 0.9)
    assert alarms > 5  # corrected, and not beyond measure


@pytest.mark.parametrize(("second", "agrees"), [(2.0, True), (2.0 + 1e-12, True), (2.1, False)])
def test_what_does_not_vary_must_be_equal(second: float, agrees: bool) -> None:
    (row,) = compare_samples({"x": np.full((9, 1), 2.0)}, {"x": np.full((7, 1), second)}, 0.999)
    assert (row.agrees, row.p) == (agrees, None)


def test_what_only_one_side_has_is_another_distribution() -> None:
    (row,) = compare_samples({"x": np.full((9, 1), np.nan)}, {"x": np.arange(9.0)[:, None]}, 0.999)
    assert not row.agrees


def test_a_single_value_is_not_compared() -> None:
    (row,) = compare_samples({"x": np.ones((1, 2))}, {"x": np.zeros((1, 2))}, 0.999)
    assert (row.tests, row.p) == (0, None)


def test_lanes_without_a_value_are_left_out() -> None:
    dice = np.random.default_rng(0)
    a, b = dice.normal(size=(50, 1)), dice.normal(size=(50, 1))
    a[:20] = np.nan
    (row,) = compare_samples({"x": a}, {"x": b}, 0.999)
    assert row.agrees
    assert row.means[0] == pytest.approx(np.nanmean(a))
