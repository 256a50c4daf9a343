"""Poisson counts by inversion: exact tables, whole numbers everywhere, and the same counts from every driver."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bioasm.diagnostics import BioasmError
from bioasm.drivers import find_driver
from bioasm.isa.limits import limit
from bioasm.runtime import poisson
from bioasm.runtime.options import RunOptions
from bioasm.runtime.poisson import counts
from bioasm.runtime.random import STREAM_POISSON, words
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.vm.support import run

RATES = [1e-3, 0.02, 0.3, 0.8, 2.0, 7.5, 20.0, 50.0]

# A population that adds up what arrives and nothing else, so that its state is the number of spikes so far.
COUNTER = """.model counter {
  "counts what arrives"
  parameters:
    dt = 0.1 ms > 0 fixed
  state:
    got = 0
  receive:
    got += weight
}
"""


@pytest.mark.parametrize("expected", [*RATES, 1e-9, 0.999999, 1.0, 300.0, float(limit("drawn_spikes"))])
def test_a_table_is_the_distribution_rounded_to_words(expected: float) -> None:
    table = counts(np.array([expected])).limit[:-1].astype(np.float64) + 1
    exact = stats.poisson.sf(np.arange(len(table)), expected) * 2.0**32
    assert np.abs(table - exact).max() < 0.51
    assert stats.poisson.sf(len(table), expected) * 2.0**32 < 0.51


def test_counts_are_the_inverse_of_the_distribution() -> None:
    expected = np.concatenate([[0.0, 0.0], np.random.default_rng(1).random(500) * 60])
    word = np.random.default_rng(2).integers(0, 1 << 32, (4, len(expected)), dtype=np.uint64).astype(np.uint32)
    word[0], word[1] = 0, 0xFFFFFFFF
    assert np.array_equal(counts(expected).of(word), stats.poisson.isf((word + 0.5) / 2**32, expected))


def test_without_a_rate_nothing_comes() -> None:
    assert not counts(np.zeros(3)).of(np.zeros((2, 3), np.uint32)).any()


def _fits(drawn: np.ndarray, expected: float) -> float:
    """The p value of counts against Poisson's distribution, cells of few expected counts put together."""
    edges = np.arange(int(expected + 10 * np.sqrt(expected) + 10))
    due = drawn.size * stats.poisson.pmf(edges, expected)
    low, high = np.flatnonzero(due >= 5)[[0, -1]]
    found = np.bincount(np.clip(drawn.ravel(), low, high).astype(int), minlength=high + 1)[low:]
    due = due[low : high + 1]
    due[0], due[-1] = (drawn.size * p for p in (stats.poisson.cdf(low, expected), stats.poisson.sf(high - 1, expected)))
    return float(stats.chisquare(found, due).pvalue)


@pytest.mark.parametrize("expected", RATES)
def test_counts_of_neurons_and_of_steps_are_poisson_numbers(expected: float) -> None:
    drawn = [words(3, 0, np.arange(4096), step, STREAM_POISSON)[0] for step in range(0, 64, 2)]
    assert _fits(counts(np.full(4096, expected)).of(np.stack(drawn)), expected) > 1e-4


def test_the_machine_draws_poisson_numbers() -> None:
    """Counts of one step of each neuron, of 512 neurons in 32 lanes, each with the rate of its place."""
    rates = ", ".join(f"{rate * 1e4:g}" for rate in RATES for _ in range(64))
    text = f"{COUNTER}POP c, counter, 512\nRATE c, [{rates}], 1\nRUN 0.1 ms\nRD c.got\nRUN 0.1 ms\nRD c.got\n"
    first, both = (reading.value for reading in run(text, seed=11, lanes=32).results)
    for drawn in (first, both - first):
        for place, expected in enumerate(RATES):
            if expected > 0.01:
                assert _fits(drawn[:, 64 * place : 64 * (place + 1)], expected) > 1e-4


DRAWING = f"""{COUNTER}
    POP c, counter, 1100
    SET dt, 0.1 ms
    RATE c, 20 kHz, 0.3
    RUN 1 ms
    RD c.got
    RATE c, [{", ".join(str(float(k % 7 * 3000)) for k in range(1100))}], 0.3
    RUN 0.7 ms
    RD c.got
    RATE c, 0 Hz, 1
    RUN 1 ms
    RD c.got
"""


@pytest.mark.parametrize("lanes", [1, 3, 20])
def test_machine_and_mirror_draw_the_same(lanes: int) -> None:
    result = run(DRAWING, seed=9, lanes=lanes)
    tables = [counts(np.full(1100, 2.0)), counts(np.arange(1100) % 7 * 3000.0 * 1e-4)]
    got = np.zeros((lanes, 1100))
    for step in range(17):
        drawn = words(9, np.arange(lanes)[:, None], np.arange(1100), step, STREAM_POISSON)[step & 1]
        got += 0.3 * tables[step >= 10].of(drawn)
        if step == 9:
            assert np.array_equal(np.reshape(result.results[0].value, got.shape), got)
    for reading in result.results[1:]:
        assert np.array_equal(np.reshape(reading.value, got.shape), got)


def test_brian2_draws_the_same_as_the_machine() -> None:
    driver = pytest.importorskip("bioasm.drivers.brian2.driver")
    theirs = driver.Brian2Driver().run(verify(assemble(DRAWING)), RunOptions(seed=9, lanes=2))
    for mine, other in zip(run(DRAWING, seed=9, lanes=2).results, theirs.results, strict=True):
        assert np.array_equal(mine.value, other.value)


IN_ORDER = """.model tired {
  "each spike takes half of what is left"
  parameters:
    dt = 0.1 ms > 0 fixed
  state:
    left = 1
    got = 0
  receive:
    got += weight*left
    left += -0.5*weight*left
}
    POP c, tired, 40
    RATE c, 20 kHz, 1
    RUN 0.1 ms
    RD c.left
    RD c.got
    RUN 0.1 ms
    RD c.left
"""


def test_random_spikes_of_one_step_act_one_after_another() -> None:
    driver = pytest.importorskip("bioasm.drivers.brian2.driver")
    table = counts(np.full(40, 2.0))
    even, odd = (table.of(words(4, 0, np.arange(40), step, STREAM_POISSON)[step]) for step in (0, 1))
    due = [0.5**even, 2 * (1 - 0.5**even), 0.5 ** (even + odd)]
    theirs = driver.Brian2Driver().run(verify(assemble(IN_ORDER)), RunOptions(seed=4))
    for result in (run(IN_ORDER, seed=4), theirs):
        for reading, value in zip(result.results, due, strict=True):
            assert np.ravel(reading.value).tolist() == value.tolist()


def test_counts_of_brian2_itself_have_the_right_variance() -> None:
    driver = pytest.importorskip("bioasm.drivers.brian2.driver")
    text = f"{COUNTER}POP c, counter, 4000\nRATE c, 20 kHz, 1\nRUN 1 ms\nRD c.got\n"
    got = driver.Brian2Driver(noise="own").run(verify(assemble(text)), RunOptions(seed=1)).results[0].value
    assert abs(got.mean() - 20) < 5 * np.sqrt(20 / 4000)
    assert abs(got.var() / 20 - 1) < 5 * np.sqrt(2 / 4000)


def test_a_background_of_8_kHz_has_the_variance_of_shot_noise() -> None:
    """dg/dt = -g/tau with jumps w at rate f: mean f w tau, standard deviation w sqrt(f tau/2) = 4.47 pA."""
    text = """.model shot {
  "decaying arrivals"
  parameters:
    dt = 0.1 ms > 0 fixed
    tau = 5 ms > 0
  state:
    g = 0 nA
  step:
    dg/dt = -g/tau using exact
  receive:
    weight : A
    g += weight
}
    POP a, shot, 4000
    RATE a, 8 kHz, 1 pA
    RUN 60 ms
    RD a.g
"""
    g = run(text, seed=5).results[0].value * 1e12
    keep = np.exp(-0.1 / 5)
    assert g.mean() == pytest.approx(0.8 / (1 - keep), abs=5 * 4.47 / np.sqrt(4000))
    assert g.std() == pytest.approx(np.sqrt(0.8 / (1 - keep**2)), rel=0.05)


def test_a_run_that_is_cut_draws_the_same(tmp_path) -> None:  # type: ignore[no-untyped-def]
    from tests.vm.support import finish, machine

    whole, cut = finish(machine(DRAWING, seed=9)), finish(machine(DRAWING, seed=9), iter([3] * 1000))
    assert [r.value.tobytes() for r in whole.outputs.readings] == [r.value.tobytes() for r in cut.outputs.readings]


# --- limits and relays ------------------------------------------------------------------------------------


def warnings(text: str) -> list[tuple[str, str]]:
    return [(d.code, d.message) for d in verify(assemble(text)).warnings]


def test_trains_and_rates_that_a_relay_cannot_pass_on_are_told() -> None:
    train = "POP r, relay, 2\nEVT r, [[1 ms, 0], [1.01 ms, 0], [1 ms, 1], [3 ms, 0]], 1\nRUN 5 ms\n".replace(" ms,", "e-3,")
    ((code, message),) = warnings(train)
    assert code == "B130"
    assert "neuron 0 gets 2 spikes in the step at 1 ms" in message
    assert "1 of the train's 4" in message
    assert run(train).spike_count.tolist() == [[2, 1]]
    ((code, message),) = warnings("POP r, relay, 2\nRATE r, [10, 5000], 1\nRUN 5 ms\n")
    assert code == "B130"
    assert "of random spikes at 5 kHz it sends on about 3935 Hz" in message
    assert not warnings("POP r, relay, 2\nRATE r, 100 Hz, 1\nEVT r, [[1e-3, 0], [1.1e-3, 0]], 1\nRUN 5 ms\n")
    assert not warnings(f"{COUNTER}POP r, counter, 2\nRATE r, 20 kHz, 1\nEVT r, [[1e-3, 0], [1.01e-3, 0]], 1\nRUN 5 ms\n")


def test_two_spikes_of_a_train_in_one_step_count_twice() -> None:
    text = f"{COUNTER}POP r, counter, 2\nEVT r, [[1e-3, 0], [1.01e-3, 0], [1e-3, 1], [1e-3, 0]], 1\nRUN 5 ms\nRD r.got\n"
    assert run(text).results[0].value.tolist() == [[3, 1]]


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_a_table_over_its_limit_is_told_with_its_place(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the demand was not seen before the run: no bare ValueError."""
    limits = {"poisson_table": 10, "drawn_spikes": limit("drawn_spikes")}
    monkeypatch.setattr(poisson, "limit", limits.__getitem__)
    program = verify(assemble("ALC 2\nPOI [4e4, 5e4], 1 mV\nRUN 1 ms\nHLT\n"))
    with find_driver(driver)() as connected, pytest.raises(BioasmError) as caught:
        connected.run(program, RunOptions(seed=1))
    (told,) = caught.value.diagnostics
    assert (told.code, told.span and told.span.line) == ("B111", 2)
    assert "more than 10 entries" in told.message
