"""Statistics of networks that programs describe, against those of the field's simulators over many seeds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.drivers.registry import connect
from bioasm.results import Result
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.programs.support import only, text
from tests.programs.support import program as program_of

Array = NDArray[np.float64]

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "refs" / "networks" / "network_statistics.npz"
SEEDS = 20
FROM, SPAN = 0.2, 1.0  # s: what is left out of a run, and what is kept
BRIEF = 0.8  # of CUBA and COBA
RECORDED_WIDTH = 4e-3  # s: the bins with which Brian2's own runs of CUBA, made here, vary as the recorded ones do
LAYERS = ("23e", "23i", "4e", "4i", "5e", "5i", "6e", "6i")
CORTEX = {"settle": "0.3 s", "span": "1 s"}
MINUTE = {"window": "10 s", "middle": "40 s"}
LARGE = {"NE": "8000", "NI": "2000", "CE": "800", "CI": "200", "J": "0.1 mV", "Jin": "-0.5 mV", "background": "20 kHz"}


def with_constants(program: str, values: dict[str, str]) -> str:
    """A program's text with other values of its constants."""
    lines = program.splitlines()
    for name, value in values.items():
        place = next(at for at, line in enumerate(lines) if line.split()[:2] == [".const", name])
        lines[place] = f".const {name} = {value}"
    return "\n".join(lines)


def spikes(result: Result, first: int, last: int, start: float = FROM) -> tuple[Array, NDArray[np.int64]]:
    """Steps' middles (seconds, from `start` on) and neurons of the spikes of a range of neurons."""
    t, i = np.asarray(result.spikes.t) + result.seconds_per_step / 2, np.asarray(result.spikes.i)
    kept = (t > start) & (i >= first) & (i < last)
    return t[kept] - start, i[kept] - first


def variation(t: Array, i: NDArray[np.int64], least: int) -> float:
    """The mean coefficient of variation of intervals, of neurons with `least` spikes or more; NaN where there are none."""
    order = np.lexsort((t, i))
    trains = np.split(t[order], np.flatnonzero(np.diff(i[order])) + 1)
    found = [np.std(d) / np.mean(d) for d in (np.diff(train) for train in trains if len(train) >= least)]
    return float(np.mean(found)) if found else np.nan


def fano(t: Array, width: float, span: float = SPAN) -> float:
    """Variance over mean of a population's counts in whole bins of `width` seconds."""
    whole = int(span / width + 1e-9)
    counts = np.bincount((t / width).astype(int), minlength=whole)[:whole]
    return float(counts.var() / counts.mean())


def fano_of_each(t: Array, i: NDArray[np.int64], n: int) -> float:
    """The mean over neurons of variance over mean of their counts in 100 ms."""
    counts = np.zeros((n, 10))
    np.add.at(counts, (i, (t / 0.1).astype(int)), 1)
    counts = counts[counts.any(axis=1)]
    return float((counts.var(axis=1, ddof=1) / counts.mean(axis=1)).mean())


def run(program: str, seed: int) -> Result:
    with connect("cpu") as driver:
        return driver.run(verify(assemble(program)), RunOptions(seed=seed))


def brunel(program: str, excite: int, inhibit: int, seed: int) -> list[float]:
    """Rates of both populations (Hz); of the first variation of intervals, Fano factors in 1 and 5 ms, and of each neuron."""
    result = run(program, seed)
    t, i = spikes(result, 0, excite)
    other = len(spikes(result, excite, excite + inhibit)[0])
    return [len(t) / excite, other / inhibit, variation(t, i, 10), fano(t, 1e-3), fano(t, 5e-3), fano_of_each(t, i, excite)]


def self_sustained(t: Array, i: NDArray[np.int64], width: float) -> list[float]:
    """Of CUBA or COBA: the rate (Hz), the variation of intervals, Fano factors in `width`, and of counts across neurons."""
    counts = np.bincount(i, minlength=4000)
    return [len(t) / 4000 / BRIEF, variation(t, i, 5), fano(t, width, BRIEF), float(counts.var() / counts.mean())]


def cortex(program: str, seed: int) -> Array:
    """Of each population of the microcircuit: rates (Hz), variations of intervals, and Fano factors in 3 ms."""
    result, first, rows = run(program, seed), 0, []
    for name in LAYERS:
        n = round(assemble(program).constants[f"N_{name}"].value)
        t, i = spikes(result, first, first + n, start=0.3)
        rows.append([len(t) / n, variation(t, i, 5), fano(t, 3e-3)])
        first += n
    return np.array(rows).T


def deviations(ours: Array, theirs: Array) -> Array:
    """How many standard errors the means of two sets of rows, one a seed, are apart; NaN in a row does not count."""
    squares = [np.nanvar(side, axis=0, ddof=1) / np.isfinite(side).sum(axis=0) for side in (ours, theirs)]
    return np.abs(np.nanmean(ours, axis=0) - np.nanmean(theirs, axis=0)) / np.sqrt(sum(squares))


@pytest.mark.long  # 20 runs of a second each; of the larger network minutes
@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded statistics are not here")
@pytest.mark.parametrize(
    ("recorded", "constants", "sizes"),
    [("brunel_n1250_J0p5_g5_eta2", {}, (1000, 250)), ("brunel_n10000_J0p1_g5_eta2", LARGE, (8000, 2000))],
)
def test_brunel_fires_as_in_nest(recorded: str, constants: dict[str, str], sizes: tuple[int, int]) -> None:
    program = with_constants(text("brunel"), constants)
    ours = np.array([brunel(program, *sizes, seed) for seed in range(1, SEEDS + 1)])
    with np.load(RECORDED, allow_pickle=False) as theirs:
        apart = deviations(ours, theirs[recorded])
    assert (apart < 3.5).all(), apart  # 6 numbers, 24 degrees of freedom: by chance one time in a hundred


@pytest.mark.long  # 20 runs of a second each
@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded statistics are not here")
@pytest.mark.parametrize("name", ["coba", "cuba"])
def test_self_sustained_networks_fire_as_in_brian2(name: str) -> None:
    runs = [spikes(run(text(name), seed), 0, 4000) for seed in range(1, SEEDS + 1)]
    ours = np.array([self_sustained(t, i, RECORDED_WIDTH) for t, i in runs])
    with np.load(RECORDED, allow_pickle=False) as theirs:
        apart = deviations(ours, theirs[f"brian2_{name}"])
    assert (apart < 3.5).all(), apart


@pytest.mark.long  # 20 runs of a second on either side
def test_counts_of_cuba_vary_as_in_runs_of_brian2_made_here() -> None:
    pytest.importorskip("brian2")
    from tests.programs.brian2_cuba import spike_steps

    ours = [spikes(run(text("cuba"), seed), 0, 4000) for seed in range(1, SEEDS + 1)]
    theirs = [((step + 0.5) * 1e-4 - FROM, i) for step, i in (spike_steps(seed, FROM + BRIEF) for seed in range(1, SEEDS + 1))]
    theirs = [(t[t > 0], i[t > 0]) for t, i in theirs]
    for width in (1e-3, 3e-3, 5e-3):
        apart = deviations(*(np.array([self_sustained(t, i, width) for t, i in side]) for side in (ours, theirs)))
        assert (apart < 3.5).all(), (width, apart)


@pytest.mark.long  # 20 runs of 1.3 s each
@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded statistics are not here")
def test_the_microcircuit_fires_as_in_nest() -> None:
    program = with_constants(text("potjans_diesmann"), CORTEX)
    ours = np.array([cortex(program, seed) for seed in range(1, SEEDS + 1)])
    with np.load(RECORDED, allow_pickle=False) as theirs:
        recorded = np.stack([theirs["pd_rate"], theirs["pd_cv"], theirs["pd_fano3"]], axis=1)
    apart = deviations(ours, recorded)
    assert (apart < 4.0).all(), apart  # 24 numbers, 13 degrees of freedom: by chance one time in thirty


def test_the_microcircuit_has_the_sizes_currents_and_weights_of_the_recorded_runs() -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded statistics are not here")
    constants = {name: quantity.value for name, quantity in program_of("potjans_diesmann").constants.items()}
    with np.load(RECORDED, allow_pickle=False) as theirs:
        assert [constants[f"N_{name}"] for name in LAYERS] == theirs["pd_N"].tolist()
        synapses = [[constants.get(f"n_{pre}_{post}", 0.0) for pre in LAYERS] for post in LAYERS]
        assert synapses == theirs["pd_nsyn"].tolist()
        currents = [constants[f"I_{name}"] for name in LAYERS]
        assert currents == pytest.approx(theirs["pd_dc_pA"] * 1e-12, rel=1e-6)
        weights = [constants[name] for name in ("w", "w_in", "w_43")]
        assert weights == pytest.approx(theirs["pd_w_pA"][0, :3] * 1e-12, rel=1e-6)


def song_abbott(program: str, seed: int) -> list[float]:
    """Rates in the first and the last 10 s of a minute (Hz), the mean weight, and the shares of weak and of strong ones."""
    result = run(program, seed)
    return [only(result, what) for what in ("early", "late", "mean", "below", "above")]


@pytest.mark.long  # 20 runs of a minute each, of some seconds
@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded statistics are not here")
def test_weights_of_song_and_abbott_part_as_in_brian2() -> None:
    program = with_constants(text("song_abbott"), MINUTE)
    ours = np.array([song_abbott(program, seed) for seed in range(1, SEEDS + 1)])
    with np.load(RECORDED, allow_pickle=False) as theirs:
        apart = deviations(ours, theirs["brian2_song_stdp"])
    assert (apart < 4.0).all(), apart  # 5 numbers, at worst 5 degrees of freedom: by chance one time in twenty
