"""Random values: functions against scipy, distributions and bounds by KS and chi-square, and what the numbers depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from bioasm.isa.distributions import DISTRIBUTIONS, drawn_range, of_logarithm, share_outside
from bioasm.runtime import drawing
from bioasm.runtime.drawing import Values, natural_exp, quantile

MANY = 40_000
FIRST = {
    "normal": ["0x1.58059eaf6b1e7p+0", "0x1.2e792646a168dp-1", "0x1.f9f7c90aa50c5p-1"],
    "lognormal": ["0x1.affe07c90111ep+0", "0x1.2eadd84fd89d8p+0", "0x1.6d30f31f1c1eap+0"],
    "lane 1": ["0x1.b380253389200p-10", "0x1.161fcd902b364p-3"],
}
CASES = {
    "uniform": (("uniform", (-0.07, -0.05)), stats.uniform(-0.07, 0.02)),
    "normal": (("normal", (3.0, 0.5)), stats.norm(3.0, 0.5)),
    "above": (("normal", (1.5e-3, 0.75e-3, 1e-4)), stats.truncnorm(-1.4 / 0.75, np.inf, 1.5e-3, 0.75e-3)),
    "between": (("normal", (0.0, 1.0, 1.0, 2.5)), stats.truncnorm(1.0, 2.5)),
    "lognormal": (("lognormal", (2e-9, 1e-9)), stats.lognorm(math.sqrt(math.log(1.25)), scale=2e-9 / math.sqrt(1.25))),
}


def values(distribution: str, arguments: tuple[float, ...], per_lane: bool = False, seed: int = 7, place: int = 3) -> Values:
    return Values(distribution, arguments, per_lane, seed, place)


@pytest.mark.parametrize("name", CASES)
def test_numbers_follow_their_distribution(name: str) -> None:
    """Kolmogorov and Smirnov; mean and variance within five standard errors."""
    drawn, wanted = values(*CASES[name][0]).drawn(range(MANY)), CASES[name][1]
    assert stats.kstest(drawn, wanted.cdf).pvalue > 1e-3
    assert abs(drawn.mean() - wanted.mean()) < 5 * wanted.std() / math.sqrt(MANY)
    kurtosis = float(wanted.stats(moments="k"))
    assert abs(drawn.var() / wanted.var() - 1) < 5 * math.sqrt((kurtosis + 2) / MANY)


@pytest.mark.parametrize("name", CASES)
def test_numbers_of_other_places_seeds_and_lanes_are_independent(name: str) -> None:
    first = values(*CASES[name][0]).drawn(range(MANY))
    for other in (values(*CASES[name][0], place=4), values(*CASES[name][0], seed=8)):
        assert abs(stats.spearmanr(first, other.drawn(range(MANY))).statistic) < 5 / math.sqrt(MANY)
    assert abs(stats.spearmanr(first, values(*CASES[name][0]).drawn(range(MANY), lane=1)).statistic) < 5 / math.sqrt(MANY)
    assert abs(stats.spearmanr(first[1:], first[:-1]).statistic) < 5 / math.sqrt(MANY)


def test_choices_are_equally_probable() -> None:
    listed = (1.0, -2.0, 5.0, 5.0)
    found, counts = np.unique(values("choice", listed).drawn(range(MANY)), return_counts=True)
    assert found.tolist() == [-2.0, 1.0, 5.0]
    assert stats.chisquare(counts, [MANY / 4, MANY / 4, MANY / 2]).pvalue > 1e-3


@pytest.mark.parametrize("name", CASES)
def test_blocks_are_all_numbers_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one = values(*CASES[name][0])
    whole = one.drawn(range(1000))
    monkeypatch.setattr(drawing, "_BLOCK", 7)
    assert np.array_equal(one.drawn(range(1000)), whole)
    assert np.array_equal(one.part(300, 400), whole[300:400])


def test_what_lies_out_of_bounds_is_drawn_again_and_not_clipped() -> None:
    drawn = values("normal", (0.0, 1.0, -1.0, 0.5)).drawn(range(MANY))
    free = values("normal", (0.0, 1.0)).drawn(range(MANY))
    inside = (free > -1.0) & (free <= 0.5)
    assert np.array_equal(drawn[inside], free[inside])
    assert ((drawn > -1.0) & (drawn < 0.5)).all()


def test_bounds_that_few_numbers_reach() -> None:
    far = stats.norm.isf(1.1e-3)
    drawn = values("normal", (0.0, 1.0, far, 9.0)).drawn(range(300))
    assert drawn.min() > far
    assert stats.kstest(drawn, stats.truncnorm(far, 9.0).cdf).pvalue > 1e-3


def test_numbers_are_those_of_the_first_version() -> None:
    """Programs that ran once must find the same numbers: these depend on nothing but IEEE 754."""
    assert [x.hex() for x in values("normal", (0.0, 1.0)).drawn(range(3))] == FIRST["normal"]
    assert [x.hex() for x in values("lognormal", (1.0, 0.5)).drawn(range(3))] == FIRST["lognormal"]
    assert [x.hex() for x in values("uniform", (0.0, 1.0), True).of_neurons(range(2), 2)[1]] == FIRST["lane 1"]


def test_lanes_are_functions_of_their_number() -> None:
    one = values("uniform", (0.0, 1.0), per_lane=True)
    few, many = one.of_neurons(range(5), 2), one.of_neurons(range(5), 9)
    assert np.array_equal(many[:2], few)
    assert len(np.unique(many)) == 45


# --- functions ----------------------------------------------------------------------------------------


def test_quantile_is_that_of_the_normal_distribution() -> None:
    u = np.concatenate([np.random.default_rng(1).uniform(size=100_000), 2.0 ** -np.arange(1, 54), 1 - 2.0 ** -np.arange(2, 54)])
    np.testing.assert_allclose(quantile(u), special.ndtri(u), rtol=4e-15, atol=1e-300)


def test_exponential() -> None:
    x = np.random.default_rng(1).uniform(-600, 600, 100_000)
    np.testing.assert_allclose(natural_exp(x), np.exp(x), rtol=5e-16)


# --- what is known before the run ---------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_no_number_leaves_the_range_that_is_told(name: str) -> None:
    (distribution, arguments), _ = CASES[name]
    low, high, open_low = drawn_range(distribution, arguments)
    drawn = values(distribution, arguments).drawn(range(MANY))
    assert low < drawn.min() if open_low else low <= drawn.min()
    assert drawn.max() <= high


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("quantiles", [(0.0, 0.9), (0.2, 1.0), (0.3, 0.8)])
def test_share_outside_of_a_range(name: str, quantiles: tuple[float, float]) -> None:
    (distribution, arguments), wanted = CASES[name]
    low, high = (float(wanted.ppf(q)) for q in quantiles)
    share = share_outside(distribution, arguments, low, high)
    assert share == pytest.approx(1 - (quantiles[1] - quantiles[0]), abs=1e-9)


def test_lognormal_is_told_by_its_own_mean_and_deviation() -> None:
    mu, sigma = of_logarithm(2.0, 3.0)
    assert math.exp(mu + sigma**2 / 2) == pytest.approx(2.0)
    assert math.sqrt(math.expm1(sigma**2)) * 2.0 == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("uniform", (1.0, 1.0)),
        ("uniform", (-1.7e308, 1.7e308)),
        ("normal", (0.0, 0.0)),
        ("normal", (1e308, 1e308)),
        ("normal", (1.0, 1e-14)),
        ("normal", (0.0, 1.0, 2.0, 1.0)),
        ("normal", (0.0, 1.0, 3.2)),
        ("lognormal", (0.0, 1.0)),
        ("lognormal", (1.0, 1e9)),
    ],
)
def test_arguments_that_make_no_distribution(name: str, arguments: tuple[float, ...]) -> None:
    assert DISTRIBUTIONS[name].fault(arguments)
