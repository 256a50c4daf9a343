"""The lines that people read after a run."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.results import Reading, Spikes
from bioasm.results.summary import headline, summary
from tests.results.samples import result, spikes

NONE = Spikes(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))


def lines(**fields) -> dict[str, str]:
    rows = [line.split("  ", 1) for line in summary(result(**fields)).splitlines()]
    return {label: text.strip() for label, text in rows}


def test_headline() -> None:
    assert headline(result(lanes=2)) == "driver fake, model ising, n 3, lanes 2, seed 7"


def test_results_in_order() -> None:
    assert [line.split()[0] for line in summary(result()).splitlines()[:3]] == ["spins", "energy", "answer"]


@pytest.mark.parametrize(
    ("label", "text"),
    [("spins", "[ 1 -1  1]"), ("energy", "-2.5"), ("answer", "42"), ("best energy", "-2"), ("spikes", "3")],
)
def test_line(label: str, text: str) -> None:
    assert lines()[label] == text


def test_best_of_lanes_is_named() -> None:
    assert lines(lanes=3)["best energy"] == "-4 (lane 2 of 3; mean -3)"


def test_sweeps_are_counted_and_time_is_spelled() -> None:
    assert lines()["ran"] == "4 sweeps"
    assert lines(model="lif_critical", seconds_per_step=1e-4)["ran"] == "400 us in 4 steps"


def test_an_early_end_is_said() -> None:
    assert lines(status="interrupted")["ran"] == "4 sweeps (interrupted)"


def test_no_energy_no_line() -> None:
    assert "best energy" not in lines(best_energy=np.array([np.nan]))


def test_no_spikes_no_line() -> None:
    assert "spikes" not in lines(spikes=NONE, spike_count=np.zeros((1, 3), int))


def test_long_arrays_are_shortened() -> None:
    text = summary(result(results=(Reading("trace", np.arange(1000.0)[None]),)))
    assert "..." in text
    assert len(text) < 400


def test_matrices_stay_aligned() -> None:
    text = summary(result(lanes=2, results=(Reading("x", np.array([[1, 2], [3, 4]])),)))
    first, second = text.splitlines()[:2]
    assert first.index("[[") + 1 == second.index("[3")


def test_spikes_are_told_one_by_one_at_first() -> None:
    text = lines(results=(Reading("spikes", spikes(1)),), spike_count=np.zeros((1, 3), int), spikes=NONE)["spikes"]
    assert text == "3 spikes: 0.001 s neuron 0, 0.002 s neuron 2, 0.003 s neuron 1"


def test_a_strange_name_does_not_reach_the_terminal() -> None:
    assert "\x1b" not in summary(result(results=(Reading("\x1b[2J", 1.0),)))
