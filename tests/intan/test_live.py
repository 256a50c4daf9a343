"""Tests of what is kept of a run while it is told."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.drivers.intan.telemetry_state import TelemetryState
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import State

RUN = 7


def live(lanes: int = 1) -> TelemetryState:
    return TelemetryState(RUN, lanes, 20000.0)


def status(steps: int, run: int = RUN, best: float = float("nan")) -> m.Status:
    return m.Status(0, State.RUNNING, run=run, steps=steps, run_end=100, best_energy=best)


# --- progress ---------------------------------------------------------------------------------------


def test_status_is_news_once() -> None:
    told = live()
    told.take(status(10, best=-2.0))
    assert told.news
    progress = told.progress()
    assert (progress.steps, progress.run_end, progress.best_energy, progress.message) == (10, 100, -2.0, "")
    assert not told.news


@pytest.mark.parametrize("later", [status(10), status(9), status(50, run=8)])
def test_status_that_is_no_news(later: m.Status) -> None:
    told = live()
    told.take(status(10))
    told.progress()
    told.take(later)
    assert not told.news
    assert told.steps == 10


def test_best_energy_that_is_not_known_for_a_moment() -> None:
    told = live()
    told.take(status(10, best=-2.0))
    told.take(status(20))
    assert told.progress().best_energy == -2.0


def test_end_of_another_run_is_not_the_end() -> None:
    told = live()
    told.take(m.RunEnded(8, m.RunStatus.FINISHED, 0, 0, m.NO_DIGEST))
    assert told.ended is None
    told.take(m.RunEnded(RUN, m.RunStatus.FINISHED, 0, 0, m.NO_DIGEST))
    assert told.ended is not None


def test_stimuli_are_counted_by_their_outcome() -> None:
    told = live()
    for outcome in (m.StimOutcome.DELIVERED, m.StimOutcome.DELIVERED, m.StimOutcome.REFUSED, m.StimOutcome.CUT_SHORT):
        told.take(m.Stim(0, 1, outcome))
    assert told.facts()["stimuli"] == {"delivered": 2, "refused": 1, "cut_short": 1}


def test_the_last_lines_of_the_log_are_kept() -> None:
    told = live()
    for number in range(50):
        told.take(m.Log(0, m.LogLevel.INFO, str(number)))
    assert told.facts()["log"] == [str(number) for number in range(30, 50)]


# --- energies ---------------------------------------------------------------------------------------


def test_energies_in_pieces_and_lanes() -> None:
    told = live(lanes=2)
    told.take(m.Energy(0, 0, (1.0, 2.0)))
    told.take(m.Energy(2, 0, (3.0,)))
    told.take(m.Energy(1, 1, (5.0,)))
    told.take(m.Energy(0, 2, (9.0,)))  # of a lane that there is not
    wanted = [[1.0, 2.0, 3.0], [np.nan, 5.0, np.nan]]
    assert np.array_equal(told.energy_trace(), wanted, equal_nan=True)


def test_no_energies() -> None:
    assert live(lanes=3).energy_trace().shape == (3, 0)


# --- spikes -----------------------------------------------------------------------------------------


def test_spikes_are_sorted_and_count_from_the_start_of_the_run() -> None:
    told = live()
    told.started = 1000
    told.take(m.Spikes(1200, (m.SpikeEvent(0, 3, 0), m.SpikeEvent(20, 1, 0))))
    told.take(m.Spikes(1100, (m.SpikeEvent(0, 2, 0), m.SpikeEvent(100, 0, 0))))
    found = told.spikes(None)
    assert found.t.tolist() == [0.005, 0.01, 0.01, 0.011]
    assert found.i.tolist() == [2, 0, 3, 1]
    assert found.lane.tolist() == [0, 0, 0, 0]


def test_spikes_of_channels_become_those_of_their_neurons() -> None:
    told = live()
    told.take(m.Spikes(0, (m.SpikeEvent(0, 3, 0), m.SpikeEvent(1, 9, 0), m.SpikeEvent(2, 4, 0))))
    assert told.spikes({3: 0, 4: 1}).i.tolist() == [0, 1]


def test_no_spikes() -> None:
    found = live().spikes(None)
    assert (found.t.dtype, found.i.dtype, found.t.size) == (np.float64, np.int64, 0)


def test_spike_before_the_start_is_at_the_start() -> None:
    told = live()
    told.started = 1000
    told.take(m.Spikes(900, (m.SpikeEvent(0, 0, 0),)))
    assert told.spikes(None).t.tolist() == [0.0]
