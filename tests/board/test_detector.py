"""Spike detection: thresholds in multiples of the noise, dead time, and blindness after a stimulus."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.hardware.board.culture.tissue import spike_template
from bioasm.hardware.board.detector import Detector

PER_MS = 20


def noise(samples: int, channels: int = 2, sd: float = 4.0, seed: int = 0) -> np.ndarray:
    """White noise."""
    return np.random.default_rng(seed).normal(0, sd, (samples, channels))


def taught(**more: float) -> Detector:
    """A detector that knows a noise of 4 uV."""
    detector = Detector(2, PER_MS, **more)
    detector.learn(noise(10000))
    return detector


def with_spikes(trace: np.ndarray, at: list[int], channel: int = 0, trough: float = 100.0) -> np.ndarray:
    """A trace with spikes that begin at given samples."""
    for start in at:
        shape = spike_template(PER_MS)
        trace[start : start + len(shape), channel] += trough * shape
    return trace


@pytest.mark.parametrize("sd", [2.4, 5.0, 20.0])
def test_noise_is_measured(sd: float) -> None:
    detector = Detector(2, PER_MS)
    detector.learn(noise(20000, sd=sd))
    assert detector.sd == pytest.approx([sd, sd], rel=0.06)


def test_measure_is_robust_against_spikes() -> None:
    detector = Detector(2, PER_MS)
    detector.learn(with_spikes(noise(20000), list(range(100, 19000, 400)), trough=200.0))
    assert detector.sd[0] < 1.25 * detector.sd[1]


def test_spikes_are_found_where_they_are() -> None:
    found = taught().find(with_spikes(noise(2000, seed=1), [300, 900, 1500]), 5000)
    assert found.channel.tolist() == [0, 0, 0]
    assert np.abs(found.sample - np.array([5307, 5907, 6507])).max() <= 3


def test_peak_is_told() -> None:
    found = taught().find(with_spikes(noise(1000, seed=1), [300], trough=150.0), 0)
    assert -170 < found.peak[0] < -20


def test_without_learning_nothing_is_found() -> None:
    assert not len(Detector(2, PER_MS).find(with_spikes(noise(1000), [300]), 0).sample)


def test_noise_alone_is_rarely_a_spike() -> None:
    assert len(taught().find(noise(40000, seed=2), 0).sample) <= 2


@pytest.mark.parametrize(("threshold", "expected"), [(3.0, 1), (8.0, 1), (30.0, 0)])
def test_threshold_counts_in_standard_deviations(threshold: float, expected: int) -> None:
    quiet = with_spikes(np.zeros((1000, 2)), [300], trough=60.0)
    assert len(taught(threshold=threshold).find(quiet, 0).sample) == expected


def test_one_spike_is_found_once() -> None:
    assert len(taught(threshold=3.0).find(with_spikes(np.zeros((1000, 2)), [300], trough=300.0), 0).sample) == 1


@pytest.mark.parametrize("cut", [100, 307, 310, 500])
def test_how_time_is_cut_changes_nothing(cut: int) -> None:
    trace = with_spikes(noise(1000, seed=3), [300, 700])
    whole = taught().find(trace, 0)
    detector = taught()
    detector.find(np.zeros((0, 2)), 0)
    parts = [detector.find(trace[:cut], 0), detector.find(trace[cut:], cut)]
    assert np.concatenate([p.sample for p in parts]).tolist() == whole.sample.tolist()


def test_slow_field_is_no_spike() -> None:
    t = np.arange(20000) / 20000
    slow = 100 * np.sin(2 * np.pi * 3 * t)[:, None] * np.ones((1, 2))
    detector = taught()
    detector.find(slow[:100], 0)
    assert len(detector.find(slow[100:] + noise(19900, seed=4), 100).sample) <= 2


def test_blind_channel_finds_nothing_until_it_sees_again() -> None:
    detector = taught()
    detector.blind(np.array([0]), 250, 600)
    found = detector.find(with_spikes(noise(1000, seed=1), [300, 700]), 0)
    assert found.sample.tolist() == pytest.approx([707], abs=3)


def test_blindness_concerns_its_channel_only() -> None:
    detector = taught()
    detector.blind(np.array([1]), 250, 600)
    assert len(detector.find(with_spikes(noise(1000, seed=1), [300]), 0).sample) == 1


def test_artefact_in_a_blind_stretch_leaves_no_trace() -> None:
    detector = taught()
    trace = noise(1000, seed=5)
    trace[300:340, 0] = -5000.0
    detector.blind(np.array([0]), 300, 345)
    assert not len(detector.find(trace, 0).sample)


def test_blindness_reaches_over_the_end_of_a_block() -> None:
    detector = taught()
    trace = noise(1000, seed=5)
    trace[300:340, 0] = -5000.0
    detector.blind(np.array([0]), 300, 345)
    assert not len(detector.find(trace[:320], 0).sample)
    assert not len(detector.find(trace[320:], 320).sample)


def test_an_offset_that_came_with_blindness_is_no_spike() -> None:
    detector = taught()
    trace = noise(1000, seed=6)
    trace[345:, 0] -= 500.0
    detector.blind(np.array([0]), 300, 345)
    assert not len(detector.find(trace[:500], 0).sample)
    assert not len(detector.find(trace[500:], 500).sample)
