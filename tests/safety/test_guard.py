"""Tests of the rules over several pulses."""

from __future__ import annotations

import pytest

from bioasm.safety import Guard, History, Limits, QuantisedPulse, Rule

PERIOD = 50e-6  # 20 kHz


def pulse(level: int = 10, samples: int = 2) -> QuantisedPulse:
    """A pulse of `level` times 100 nA."""
    return QuantisedPulse((-level, level), (samples, samples), 100e-9, PERIOD)


def region(channels: int = 16) -> bytearray:
    """Memory of electrodes that never stimulated."""
    return bytearray(History.empty(channels).to_bytes())


def guard(memory: bytearray | None = None, period: float = PERIOD, **limits: float) -> Guard:
    """A guard over 16 channels, in steps of 100 nA."""
    return Guard(Limits(**limits), 100e-9, period, region() if memory is None else memory, 16)  # type: ignore[arg-type]


def rules(found: list[object]) -> set[Rule]:
    return {refusal.rule for refusal in found}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("limits", "samples", "earliest", "rule"),
    [
        ({}, 2, 100, Rule.RATE),  # 5 ms
        ({"max_rate": 1e4}, 2, 20, Rule.DUTY),  # 4 samples are a fifth of 20
        ({"max_rate": 1e4, "max_duty": 1.0}, 2, 8, Rule.GAP),  # 4 samples and 200 us
        ({}, 20, 200, Rule.DUTY),  # two phases of 1 ms
        ({"max_duty": 1.0}, 20, 100, Rule.RATE),
    ],
)
def test_next_pulse_of_a_channel(limits: dict[str, float], samples: int, earliest: int, rule: Rule) -> None:
    watch = guard(**limits)
    assert watch.admit(1000, [3], pulse(samples=samples)) == []
    assert rule in rules(watch.refusals(1000 + earliest - 1, [3], pulse()))
    assert watch.refusals(1000 + earliest, [3], pulse()) == []


def test_channels_do_not_hold_each_other_up() -> None:
    watch = guard()
    assert watch.admit(0, [0], pulse()) == []
    assert watch.admit(0, [1], pulse()) == []
    assert watch.admit(1, [2, 3], pulse()) == []


def test_a_refused_pulse_does_not_count() -> None:
    watch = guard()
    watch.admit(0, [0], pulse())
    assert watch.admit(50, [0, 1], pulse())
    assert watch.admit(51, [1], pulse()) == []


def test_asking_alone_does_not_count() -> None:
    watch = guard()
    assert watch.refusals(0, [0], pulse()) == []
    assert watch.admit(0, [0], pulse()) == []


@pytest.mark.parametrize(("count", "allowed"), [(8, True), (9, False)])
def test_electrodes_at_a_time(count: int, allowed: bool) -> None:
    assert (guard().admit(0, range(count), pulse(1)) == []) is allowed


def test_electrodes_at_a_time_over_several_pulses() -> None:
    watch = guard()
    watch.admit(0, range(5), pulse(1))
    assert rules(watch.refusals(3, range(5, 9), pulse(1))) == {Rule.SIMULTANEOUS}
    assert watch.refusals(4, range(5, 9), pulse(1)) == []  # the first are over


@pytest.mark.parametrize(("level", "allowed"), [(100, True), (101, False)])
def test_current_of_all_electrodes(level: int, allowed: bool) -> None:
    found = guard().admit(0, range(5), pulse(level))
    assert (found == []) is allowed
    assert allowed or rules(found) == {Rule.TOTAL_CURRENT}


def test_current_of_all_electrodes_over_several_pulses() -> None:
    watch = guard()
    watch.admit(0, [0, 1, 2], pulse(100))
    assert rules(watch.refusals(1, [3, 4, 5], pulse(100))) == {Rule.TOTAL_CURRENT}
    assert watch.refusals(4, [3, 4, 5], pulse(100)) == []


@pytest.mark.parametrize("start", [-1, 99, 1 << 63, 10**400, 100.0, float("nan")])
def test_time_goes_forward(start: int) -> None:
    watch = guard()
    assert watch.admit(100, [0], pulse()) == []
    assert rules(watch.admit(start, [1], pulse())) == {Rule.ORDER}
    assert watch.admit(100, [1], pulse()) == []


def test_channel_named_twice() -> None:
    assert rules(guard().admit(0, [1, 1], pulse())) == {Rule.ORDER}


def test_no_channels_are_nothing() -> None:
    assert guard().admit(0, [], pulse()) == []


def test_pauses_are_rounded_up_to_samples() -> None:
    watch = guard(period=1 / 30000, max_rate=1e4, max_duty=1.0)
    watch.admit(0, [0], pulse(samples=1))
    assert rules(watch.refusals(7, [0], pulse())) == {Rule.GAP}  # 200 us are 6 samples, after 2
    assert watch.refusals(8, [0], pulse()) == []


def test_refusal_says_how_long_to_wait() -> None:
    watch = guard()
    watch.admit(0, [7], pulse())
    (found,) = watch.refusals(60, [7], pulse())
    assert found.message == "channel 7, time since its last pulse: 3 ms; the limit is 5 ms (pulses per second)"
