"""The noise: known answers of the generator, distributions, independence, and the kernels' numbers bit for bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bioasm.runtime import random as noise
from tests.vm.support import LANES, run

ONES = 0xFFFFFFFF


# Random123's kat_vectors for threefry2x32 with 20 rounds.
@pytest.mark.parametrize(
    ("counter", "key", "answer"),
    [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((ONES, ONES), (ONES, ONES), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_known_answers(counter: tuple[int, int], key: tuple[int, int], answer: tuple[int, int]) -> None:
    assert tuple(int(word) for word in noise.threefry(key, counter)) == answer


def test_arrays_give_what_numbers_give() -> None:
    counters = np.arange(50, dtype=np.uint32)
    together = noise.threefry((7, 9), (counters, 3))
    assert [tuple(map(int, noise.threefry((7, 9), (c, 3)))) for c in range(50)] == list(
        zip(*(word.tolist() for word in together), strict=True)
    )


def many_normals() -> np.ndarray:
    even, odd = noise.normals(*noise.words(3, 0, np.arange(1 << 19), 0, noise.STREAM_DYNAMICS))
    return np.concatenate([even, odd]).astype(np.float64)


# Standard errors at 2**20 numbers are sqrt(mu_2k / 2**20); bounds are five of them.
@pytest.mark.parametrize(("power", "moment"), [(1, 0), (2, 1), (3, 0), (4, 3), (5, 0), (6, 15)])
def test_moments_of_normals(power: int, moment: float) -> None:
    x = many_normals()
    error = math.sqrt((stats.norm.moment(2 * power) - moment**2) / x.size)
    assert abs(np.mean(x**power) - moment) < 5 * error


def test_normals_follow_their_distribution() -> None:
    assert stats.kstest(many_normals(), "norm").pvalue > 1e-4


@pytest.mark.parametrize("far", [3.0, 4.0, -3.0, -4.0])
def test_tails_of_normals(far: float) -> None:
    x = many_normals()
    expected = x.size * stats.norm.sf(abs(far))
    found = np.count_nonzero(x * math.copysign(1, far) > abs(far))
    assert abs(found - expected) < 5 * math.sqrt(expected)


def test_the_farthest_normal_is_finite() -> None:
    even, odd = noise.normals(np.zeros(4, np.uint32), np.array([0, 1 << 30, 2 << 30, 3 << 30], np.uint32))
    assert np.isfinite(even).all() and np.isfinite(odd).all()
    assert np.max(np.abs(even)) == pytest.approx(math.sqrt(2 * 33 * math.log(2)), rel=1e-6)


def test_the_largest_word_gives_normals_of_zero() -> None:
    even, odd = noise.normals(np.full(3, ONES, np.uint32), np.arange(3, dtype=np.uint32))
    assert np.array_equal(np.abs(even), np.zeros(3)) and np.array_equal(np.abs(odd), np.zeros(3))


def test_angles_are_those_of_cosine_and_sine() -> None:
    words = np.random.default_rng(0).integers(0, 1 << 32, 10_000, dtype=np.uint32)
    even, odd = noise.normals(np.full(10_000, 1 << 31, np.uint32), words)
    radius = math.sqrt(2 * math.log(2))
    angle = words * (2 * math.pi / 2**32)
    assert np.abs(even - radius * np.cos(angle)).max() < 1e-6
    assert np.abs(odd - radius * np.sin(angle)).max() < 1e-6


# --- independence -----------------------------------------------------------------------------------------


def draw(seed: int = 1, lane: int = 0, step: int = 0, stream: int = 0, first: int = 0) -> np.ndarray:
    return noise.normal(seed, lane, np.arange(first, first + (1 << 16)), step, stream).astype(np.float64)


@pytest.mark.parametrize(
    "other",
    [{"seed": 2}, {"seed": 1 + (1 << 32)}, {"lane": 1}, {"step": 1}, {"step": 2}, {"stream": 1}, {"stream": 2}, {"first": 1}],
    ids=str,
)
def test_what_differs_is_uncorrelated(other: dict[str, int]) -> None:
    a, b = draw(), draw(**other)
    bound = 5 / math.sqrt(a.size)
    assert abs(np.mean(a * b)) < bound
    assert abs(np.mean((a**2 - 1) * (b**2 - 1))) < 2 * bound


def test_steps_of_one_neuron_are_uncorrelated() -> None:
    even, odd = noise.normals(*noise.words(5, 0, 3, 2 * np.arange(1 << 16), 0))
    x = np.stack([even, odd], axis=1).ravel().astype(np.float64)
    lags = [np.mean(x[:-k] * x[k:]) for k in range(1, 20)]
    assert np.abs(lags).max() < 5 / math.sqrt(x.size)


def test_no_word_is_drawn_twice_where_places_differ() -> None:
    words = [noise.words(1, lane, np.arange(40), 2 * pair, s) for lane in range(10) for pair in range(10) for s in range(3)]
    pairs = {(int(a), int(b)) for x0, x1 in words for a, b in zip(x0, x1, strict=True)}
    assert len(pairs) == 40 * 10 * 10 * 3


def test_a_seed_of_64_bits_counts_whole() -> None:
    low, high = noise.lane_key(5, 0, 0), noise.lane_key(5 + (7 << 32), 0, 0)
    assert low != high


# --- other numbers ----------------------------------------------------------------------------------------


def test_logarithm() -> None:
    words = np.random.default_rng(1).integers(0, 1 << 32, 200_000, dtype=np.uint64).astype(np.uint32)
    x = np.concatenate([noise.open_unit(words), np.float32([1.0, 2.0**-33, 0.5, 0.70710677, 0.70710678])])
    exact = np.log(x.astype(np.float64))
    assert np.abs(noise.log(x) - exact).max() < 2.5e-6
    assert (np.abs(noise.log(x) - exact) <= 4e-7 * np.maximum(np.abs(exact), 0.35)).all()


def test_uniform_numbers_are_exact() -> None:
    word = noise.words(4, 2, np.arange(100), 6, noise.STREAM_POISSON)[0]
    u = noise.uniform(4, 2, np.arange(100), 6, noise.STREAM_POISSON)
    assert u.dtype == np.float64
    assert np.array_equal(u * 2.0**32 - 0.5, word.astype(np.float64))


def test_uniform_numbers_follow_their_distribution() -> None:
    assert stats.kstest(noise.uniform(1, 0, np.arange(1 << 18), 1, noise.STREAM_POISSON), "uniform").pvalue > 1e-4


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize(("draw_it", "name"), [(noise.logistic, "logistic"), (noise.exponential, "expon")])
def test_thresholds_follow_their_distribution(draw_it, name: str, step: int) -> None:
    assert stats.kstest(draw_it(2, 1, np.arange(1 << 18), step).astype(np.float64), name).pvalue > 1e-4


@pytest.mark.parametrize("step", [0, 1])
def test_logistic_numbers_lie_alike_on_both_sides(step: int) -> None:
    x = noise.logistic(2, 1, np.arange(1 << 18), step)
    up, down = np.count_nonzero(x > 8), np.count_nonzero(x < -8)
    expected = x.size / (1 + math.exp(8))
    assert max(abs(up - expected), abs(down - expected)) < 5 * math.sqrt(expected)


def test_initial_spins_are_even() -> None:
    spins = noise.initial_spins(1, np.arange(64)[:, None], np.arange(4096)[None, :])
    assert set(np.unique(spins)) == {-1, 1}
    assert abs(spins.mean()) < 5 / math.sqrt(spins.size)


# --- the kernels draw the same numbers ------------------------------------------------------------------------

FREE_WALK = "SET Vt, 1e9\nSET tau, 1e30\nSET I_offset, 0\nALC {n}\nSIG 1e15\n{parts}REC v\nRUN 0.2 ms\nRD v\n"


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("n", [1, 7, 130, 2049])
def test_membranes_add_the_same_normals(n: int, lanes: int) -> None:
    """Where nothing leaks, a step adds sigma sqrt(dt) sqrt(2/tau) times a normal number."""
    result = run(FREE_WALK.format(n=n, parts=""), lanes=lanes)
    gain = 1e15 * (math.sqrt(1e-4) * math.sqrt(2 / 1e30))
    rate, rest = 1e-4 / 1e30, -70e-3
    for lane in range(lanes):
        v = np.full(n, rest)
        for step in range(2):
            xi = noise.normal(1, lane, np.arange(n), step).astype(np.float64)
            v = v + ((rate * rest - rate * v) + gain * xi)
        assert np.array_equal(result.state.shape, (lanes, n))
        assert np.array_equal(result.results[0].value[lane], v)


def test_an_odd_step_alone_draws_its_own_number() -> None:
    cut = run(FREE_WALK.format(n=3, parts="RUN 0.1 ms\n"), seed=8)
    whole = run(FREE_WALK.format(n=3, parts="").replace("RUN 0.2 ms", "RUN 0.3 ms"), seed=8)
    assert np.array_equal(cut.results[0].value, whole.results[0].value)


@pytest.mark.parametrize("seed", [0, 1, (1 << 64) - 1])
def test_every_seed_reaches_the_kernel(seed: int) -> None:
    result = run("MODEL ising\nALC 200\nRD\n", seed=seed, lanes=20)
    expected = noise.initial_spins(seed, np.arange(20)[:, None], np.arange(200)[None, :])
    assert np.array_equal(result.results[0].value, expected)
