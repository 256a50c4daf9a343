"""Distributions that theory knows: Boltzmann's for spins, Ornstein-Uhlenbeck's below threshold, and the f-I curve.

Seeds are fixed, so a test passes or fails for good. Chi-square tests fail below p = 1e-4; other bounds are five standard
errors.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from tests.vm.reference import Spins
from tests.vm.support import matrix, outs, program, run, sparse, terms, vector

RNG = np.random.default_rng(22)


def problem(n: int, kind: str) -> str:
    """The loading part of a program over n spins."""
    real = RNG.normal(size=(n, n)) / math.sqrt(n)
    whole = np.triu(RNG.integers(-1, 2, (n, n)), 1)
    triples = {tuple(sorted(RNG.choice(n, 3, replace=False).tolist())): float(w) for w in RNG.choice([-1.0, 0.5, 1.0], n)}
    parts = {
        "signs": f"LDJ {matrix(whole + whole.T)}\n",
        "real": f"LDJ {matrix(real + real.T)}\n",
        "one-sided": f"LDJ {matrix(2 * real)}\n",
        "sparse": f"LDJ {sparse(whole, True)}\nLDH {vector(RNG.integers(-1, 2, n))}\n",
        "biases": f"LDH {vector(RNG.normal(size=n))}\n",
        "real with biases": f"LDJ {matrix(real + real.T)}\nLDH {vector(RNG.normal(size=n) / 2)}\n",
        "terms": f"LDT {terms(n, triples)}\n",
        "all": f"LDJ {matrix(whole + whole.T)}\nLDH {vector(RNG.integers(-4, 5, n) / 4)}\nLDT {terms(n, triples)}\n",
    }
    return f"ALC {n}\n" + parts[kind]


def all_states(n: int) -> np.ndarray:
    return np.where(np.arange(2**n)[:, None] >> np.arange(n) & 1, 1.0, -1.0)


def boltzmann(text: str, n: int, temperature: float) -> np.ndarray:
    """exp(-E/T)/Z of all states, by the reference's energy."""
    reference = Spins(program(text), 0).execute()
    energy = np.array([reference.energy(s) for s in all_states(n)])
    weight = np.exp(-(energy - energy.min()) / temperature)
    return weight / weight.sum()


def chi_square(found: np.ndarray, expected: np.ndarray) -> float:
    """The p-value, with states of fewer than 10 expected counts taken together."""
    rare = expected < 10
    found = np.append(found[~rare], found[rare].sum())
    expected = np.append(expected[~rare], expected[rare].sum())
    if expected[-1] == 0:
        found, expected = found[:-1], expected[:-1]
    return float(stats.chisquare(found, expected).pvalue)


# 1,000,000 samples each: 2000 lanes, 500 samples that stand so many sweeps apart that they are nearly independent.
@pytest.mark.parametrize(
    ("n", "kind", "rule", "temperature"),
    [
        (3, "signs", "glauber", 1.0),
        (12, "signs", "glauber", 3.0),
        (8, "signs", "metropolis", 2.0),
        (6, "real", "glauber", 1.0),
        (10, "real", "metropolis", 1.5),
        (7, "one-sided", "glauber", 1.2),
        (9, "sparse", "glauber", 2.0),
        (8, "sparse", "metropolis", 2.0),
        (5, "biases", "glauber", 0.8),
        (11, "real with biases", "glauber", 1.3),
        (5, "terms", "glauber", 1.5),
        (5, "terms", "metropolis", 2.0),
        (6, "all", "glauber", 2.5),
    ],
)
def test_histogram_is_that_of_boltzmann(n: int, kind: str, rule: str, temperature: float) -> None:
    lanes, every, samples = 2000, 12, 500
    text = f"MODEL ising\nSET rule, {rule}\n{problem(n, kind)}SIG {temperature}\n"
    result = run(text + f"RUN 60\nREC s, {every}\nRUN {every * samples}\n", seed=3, lanes=lanes, threads=2)
    spins = result.recordings["s"].values
    number = ((spins > 0) @ (1 << np.arange(n))).astype(np.int64).ravel()
    assert number.size == 1_000_000
    found = np.bincount(number, minlength=2**n)
    assert chi_square(found, number.size * boltzmann(text, n, temperature)) > 1e-4


def test_the_chi_square_test_can_fail() -> None:
    text = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nSIG 1\n"
    result = run(text + "RUN 60\nREC s, 12\nRUN 6000\n", seed=3, lanes=2000, threads=2)
    number = ((result.recordings["s"].values > 0) @ (1 << np.arange(3))).astype(np.int64).ravel()
    found = np.bincount(number, minlength=8)
    assert chi_square(found, number.size * boltzmann(text, 3, 1.0)) > 1e-4
    assert chi_square(found, number.size * boltzmann(text, 3, 1.02)) < 1e-4


@pytest.mark.parametrize("clamped", [-1, 1])
def test_clamped_spins_leave_the_conditional_distribution(clamped: int) -> None:
    n, lanes = 6, 2000
    loaded = problem(n, "real with biases")
    text = f"MODEL ising\n{loaded}CLAMP 2, {clamped}\nSIG 1\n"
    result = run(text + "RUN 60\nREC s, 12\nRUN 3000\n", seed=4, lanes=lanes, threads=2)
    number = ((result.recordings["s"].values > 0) @ (1 << np.arange(n))).astype(np.int64).ravel()
    weight = boltzmann(f"MODEL ising\n{loaded}", n, 1.0)
    weight[all_states(n)[:, 2] != clamped] = 0
    expected = number.size * weight / weight.sum()
    found = np.bincount(number, minlength=2**n)
    assert found[expected == 0].sum() == 0
    assert chi_square(found[expected > 0], expected[expected > 0]) > 1e-4


@pytest.mark.parametrize("rule", ["glauber", "metropolis"])
@pytest.mark.parametrize("kind", ["signs", "real with biases", "sparse", "terms", "all"])
def test_annealing_finds_the_ground_state(kind: str, rule: str) -> None:
    n = 12
    text = f"MODEL ising\nSET rule, {rule}\n{problem(n, kind)}"
    cooling = "MOV r0, 4\nagain:\nSIG r0\nRUN 10\nMUL r0, r0, 0.9\nJGT r0, 0.05, again\nGET r1, best_energy\nOUT r1\n"
    reference = Spins(program(text), 0).execute()
    least = min(reference.energy(s) for s in all_states(n))
    assert outs(run(text + cooling, lanes=20)) == [pytest.approx(least, rel=1e-12)]


# --- Ornstein-Uhlenbeck below threshold ---------------------------------------------------------------------

SIGMA, TAU, DT = 2e-3, 20e-3, 1e-4
BELOW = "SET Vt, 1\nALC 64\nSIG 2 mV\nRUN 200 ms\nREC v, 100 ms\nRUN 6 s\n"
DECAY = 1 - DT / TAU
# What Euler's step gives instead of sigma squared: (2 dt/tau) / (1 - (1 - dt/tau)^2).
VARIANCE = SIGMA**2 * (2 * DT / TAU) / (1 - DECAY**2)


@pytest.fixture(scope="module")
def below() -> np.ndarray:
    """Samples of 64 neurons in 64 lanes, five time constants apart; the mean subtracted that theory gives."""
    v = run(BELOW, seed=5, lanes=64).recordings["v"].values
    return (v - (-70e-3 + 50e6 * 0.36e-9)).reshape(64, -1, 64)


def test_mean_below_threshold(below: np.ndarray) -> None:
    assert abs(below.mean()) < 5 * SIGMA / math.sqrt(below.size)


def test_variance_below_threshold(below: np.ndarray) -> None:
    assert abs(below.var() / VARIANCE - 1) < 5 * math.sqrt(2 / below.size)


def test_membranes_are_normal_below_threshold(below: np.ndarray) -> None:
    assert stats.kstest(below.ravel() / math.sqrt(VARIANCE), "norm").pvalue > 1e-4


@pytest.mark.parametrize("steps", [1, 10, 100, 200])
def test_autocorrelation_below_threshold(steps: int) -> None:
    text = f"SET Vt, 1\nALC 64\nSIG 2 mV\nRUN 200 ms\nREC v, {steps / 10} ms\nRUN {steps / 5} ms\n"
    x = run(text, seed=6, lanes=64 * 16).recordings["v"].values
    a, b = ((x[:, k] + 52e-3) / math.sqrt(VARIANCE) for k in (0, 1))
    expected = DECAY**steps
    error = math.sqrt((1 + expected**2) / a.size)
    assert abs(np.mean(a * b) - expected) < 5 * error


def test_neurons_are_independent_below_threshold(below: np.ndarray) -> None:
    samples = below.transpose(2, 0, 1).reshape(64, -1) / math.sqrt(VARIANCE)
    between = samples @ samples.T / samples.shape[1]
    apart = between[np.triu_indices(64, 1)]
    assert np.abs(apart).max() < 5.5 / math.sqrt(samples.shape[1])


@pytest.mark.parametrize("sigma", [1e-3, 5e-3])
def test_spread_follows_sigma(sigma: float) -> None:
    v = run(f"SET Vt, 1\nALC 64\nSIG {sigma}\nRUN 300 ms\nRD v\n", seed=7, lanes=256).results[0].value
    assert abs(v.var() / (VARIANCE * (sigma / SIGMA) ** 2) - 1) < 5 * math.sqrt(2 / v.size)


# --- firing without noise -------------------------------------------------------------------------------------


@pytest.mark.parametrize("current", [0.41, 0.45, 0.6, 1.0, 3.0])
def test_rate_follows_the_f_i_curve(current: float) -> None:
    """Between spikes Euler's v goes towards El + R I as (1 - dt/tau)^k, so each interval has the same whole number of steps."""
    result = run(f"SET I_offset, {current} nA\nALC 1\nSIG 0\nRUN 2 s\n")
    intervals = np.diff(np.rint(result.spikes.t / DT))
    drive = 50e6 * current * 1e-9
    steps = math.ceil(math.log(1 - 20e-3 / drive) / math.log(DECAY))
    assert set(intervals) == {steps}
    exact = -TAU * math.log(1 - 20e-3 / drive)
    assert abs(steps * DT - exact) <= DT * (1 + exact / TAU)


@pytest.mark.parametrize("current", [0.0, 0.36, 0.39, 0.3999])
def test_no_spikes_below_rheobase(current: float) -> None:
    assert run(f"SET I_offset, {current} nA\nALC 2\nSIG 0\nRUN 1 s\n").spike_count.sum() == 0


def test_poisson_rates() -> None:
    """Jumps of 0.1 uV count the spikes of each neuron, far below threshold."""
    text = "SET tau, 1e30\nSET I_offset, 0\nALC 64\nSIG 0\nPOI 200 Hz, 0.1e-6\nRUN 100 ms\nRD v\n"
    counts = np.rint((run(text, seed=8, lanes=64).results[0].value + 70e-3) / 0.1e-6)
    mean = variance = 1000 * 0.02
    assert abs(counts.mean() - mean) < 5 * math.sqrt(variance / counts.size)
    assert abs(counts.var() / variance - 1) < 5 * math.sqrt(2.05 / counts.size)
