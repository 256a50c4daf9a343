"""The clock: conversions both ways, and a bound that holds for any drift and any line."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random

import pytest

from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.clock import Clock
from tests.link.support import FakeBoard, Line

HERTZ = 1_000_000


def device(ppm: float, host: float) -> int:
    """The true clock of a board whose crystal is off by `ppm`."""
    return int((host * (1 + ppm * 1e-6) + 12.5) * HERTZ)


DELAYS: dict[str, Callable[[Random], tuple[float, float]]] = {
    "steady": lambda random: (0.001, 0.001),
    "lopsided": lambda random: (0.0001, 0.004),
    "jittery": lambda random: (random.uniform(1e-4, 5e-3), random.uniform(1e-4, 5e-3)),
    "latency timer": lambda random: (0.0002, random.choice([0.0005, 0.016])),
    "rare stalls": lambda random: (0.0002, 0.3 if random.random() < 0.05 else 0.0003),
}


def beat(clock: Clock, ppm: float, delays: Callable[[Random], tuple[float, float]], seconds: float) -> float:
    """Heartbeats as a host sends them. Fails where the bound does not hold; returns the largest error."""
    random, now, worst = Random(3), 0.0, 0.0
    for k in range(10_000):
        there, back = delays(random)
        clock.add(now, now + there + back, device(ppm, now + there))
        now += there + back
        for later in (0.0, 0.1, 0.25):
            error = abs(clock.device_at(now + later) - device(ppm, now + later)) / HERTZ
            assert error <= clock.bound_at(now + later)
            worst = max(worst, error) if k > 20 else worst
        now += 0.05 if k < 8 else 0.25
        if now > seconds:
            return worst
    raise AssertionError("never done")


@pytest.mark.parametrize("ppm", [-200.0, -50.0, 0.0, 20.0, 200.0])
@pytest.mark.parametrize("delays", DELAYS)
def test_bound_holds(delays: str, ppm: float) -> None:
    clock = Clock(HERTZ)
    assert 0 < beat(clock, ppm, DELAYS[delays], 60.0) < 0.025  # it looks at every beat; a clock without errors tests nothing
    assert clock.bound < 0.025  # and a bound that is far off holds always


@pytest.mark.parametrize(
    ("delays", "error"), [("steady", 3e-6), ("lopsided", 2.1e-3), ("jittery", 2e-3), ("rare stalls", 1e-4)]
)
def test_error_is_small(delays: str, error: float) -> None:
    clock = Clock(HERTZ)
    assert beat(clock, 40.0, DELAYS[delays], 60.0) < error
    assert clock.bound < 0.01


def test_rate_is_measured() -> None:
    clock = Clock(HERTZ)
    beat(clock, 100.0, DELAYS["steady"], 60.0)
    assert clock.rate / HERTZ == pytest.approx(1 + 100e-6, abs=2e-6)


def test_conversions_undo_each_other() -> None:
    clock = Clock(HERTZ)
    beat(clock, 30.0, DELAYS["jittery"], 20.0)
    for host in (0.0, 10.0, 19.5, 30.0):
        assert clock.host_at(clock.device_at(host)) == pytest.approx(host, abs=1e-7)


def test_nothing_is_known_before_the_first_sample() -> None:
    clock = Clock(HERTZ)
    assert not clock.ready
    assert clock.bound == inf
    clock.add(1.0, 1.002, 5_000_000)
    assert clock.ready
    assert clock.device_at(1.001) == 5_000_000
    assert clock.bound == pytest.approx(0.001, abs=1e-4)


def test_bound_grows_with_the_time_since_the_last_sample() -> None:
    clock = Clock(HERTZ)
    beat(clock, 0.0, DELAYS["jittery"], 20.0)
    assert clock.bound_at(20.0) < clock.bound_at(40.0) < clock.bound_at(400.0)


@pytest.mark.parametrize("jump", [-2.0, 0.01, 3600.0])
def test_jump_of_the_clock_is_noticed_and_followed(jump: float) -> None:
    clock, now = Clock(HERTZ), 0.0
    for k in range(100):
        offset = jump if k >= 50 else 0.0
        clock.add(now, now + 0.001, int((now + 0.0005 + offset + 100) * HERTZ))
        now += 0.25
    assert clock.jumps == 1
    assert clock.device_at(now) / HERTZ == pytest.approx(now + jump + 100, abs=1e-4)


def test_single_wild_sample_is_no_jump() -> None:
    clock, now = Clock(HERTZ), 0.0
    for k in range(100):
        clock.add(now, now + 0.001, int((now + 0.0005 + (0.05 if k == 50 else 0.0)) * HERTZ))
        now += 0.25
    assert clock.jumps == 0
    assert clock.device_at(now) / HERTZ == pytest.approx(now, abs=0.01)


@pytest.mark.parametrize("ppm", [-150.0, 0.0, 150.0])
def test_clock_over_the_whole_link(ppm: float) -> None:
    line = Line(Channel(1e5, latency=0.001), Channel(1e5, latency=0.001), FakeBoard(ppm=ppm)).open()
    line.run(10.0)
    error = abs(line.host.clock.device_at(line.now) - line.board.clock()) / 1e6
    assert error <= line.host.clock.bound_at(line.now) < 0.005
