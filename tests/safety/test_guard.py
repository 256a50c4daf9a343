"""Tests of the rules over several pulses."""

from __future__ import annotations

import math
import struct
from zlib import crc32

import pytest

from bioasm.safety import Guard, History, Limits, QuantisedPulse, Rule
from bioasm.safety.history import ChannelHistory

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


# --- net charge, and what outlasts a restart ----------------------------------------------------------


def leaving(net: int) -> QuantisedPulse:
    """A pulse that leaves so many steps times samples."""
    return QuantisedPulse((-100, 100 + net), (1, 1), 100e-9, PERIOD)


def bounds(watch: Guard, channel: int = 0) -> tuple[int, int]:
    mine = watch.history.channels[channel]
    return mine.low, mine.high


@pytest.mark.parametrize("sign", [1, -1])
def test_small_imbalances_add_up_to_the_limit_and_no_further(sign: int) -> None:
    watch = guard()
    for k in range(3):
        assert watch.admit(1000 * k, [0], leaving(2 * sign)) == []
    assert rules(watch.admit(3000, [0], leaving(sign))) == {Rule.BALANCE}
    assert watch.admit(3000, [1], leaving(6 * sign)) == []  # another channel has its own
    assert watch.admit(3000, [0], leaving(0)) == []
    assert watch.admit(4000, [0], leaving(-sign)) == []


def test_charge_that_leaked_away_is_not_taken_back_twice() -> None:
    watch = guard()
    assert watch.admit(0, [0], leaving(6)) == []
    assert watch.admit(1000, [0], leaving(-6)) == []
    assert bounds(watch) == (-6, 0)
    assert rules(watch.refusals(2000, [0], leaving(-1))) == {Rule.BALANCE}


def test_withdrawn_pulse_gives_its_charge_back() -> None:
    watch = guard()
    watch.admit(0, [0], leaving(4))
    watch.withdraw(0, leaving(4))
    assert (bounds(watch), watch.history.channels[0].flying) == ((0, 0), 0)


def test_history_outlasts_a_restart() -> None:
    memory = region()
    watch = guard(memory)
    watch.admit(70, [2], leaving(5))
    watch.over(2)
    watch.tick(72)
    again = guard(memory)
    assert again.history == watch.history
    assert again.wait() == 0
    assert rules(again.refusals(100, [2], leaving(2))) == {Rule.BALANCE, Rule.RATE}


def test_pulse_under_way_at_a_restart_leaves_charge_that_nobody_knows() -> None:
    memory = region()
    guard(memory).admit(70, [2], leaving(5))
    again = guard(memory)
    assert again.wait() == pytest.approx(10.0)
    assert rules(again.refusals(1 << 40, [3], pulse())) == {Rule.DISCHARGE}
    again.tick(199_999)
    assert again.wait() == pytest.approx(PERIOD)
    again.tick(200_000)
    assert again.wait() == 0
    assert bounds(again, 2) == (0, 0)
    assert again.admit(200_000, [2], leaving(6)) == []


@pytest.mark.parametrize("at", range(0, 400, 23))
def test_damaged_memory_is_not_believed(at: int) -> None:
    memory = region()
    memory[at] ^= 1
    assert guard(memory).wait() == pytest.approx(10.0)
    assert guard(memory).wait() == pytest.approx(10.0)  # and what was written for it is whole again


@pytest.mark.parametrize("memory", [bytearray(), bytearray(24), region(15), region(17), region() + b"\0"])
def test_memory_of_another_size_is_not_believed(memory: bytearray) -> None:
    assert guard(memory).wait() == pytest.approx(10.0)


def test_layout_of_the_memory_is_fixed() -> None:
    watch = guard(memory := region())
    watch.admit(7, [0], leaving(-2))
    watch.tick(9)
    assert (len(memory), memory[:4]) == (24 + 16 * 32, b"BSH1")
    assert struct.unpack_from("<IqqqqqIHH", memory, 4) == (crc32(memory[8:]), 9, 0, 7, -2, -2, 2, 100, 1)


def test_no_pulse_starts_before_the_latest_of_any_channel() -> None:
    watch = guard()
    assert watch.admit(0, [0], pulse()) == []
    assert watch.admit(100, [1], pulse()) == []
    assert rules(watch.refusals(50, [2], pulse())) == {Rule.ORDER}
    assert watch.refusals(100, [2], pulse()) == []


def test_refusal_says_how_much_charge_would_be_left() -> None:
    (found,) = guard().refusals(0, [4], leaving(8))
    assert (found.value, found.limit) == (pytest.approx(40e-12), pytest.approx(30e-12))
    assert found.message == "net charge of all pulses on channel 4: 40 pC; the limit is 30 pC (net charge of a pulse)"


# --- what is kept over restarts, write by write --------------------------------------------------------


def test_what_a_restart_finds_is_written_down_at_once() -> None:
    memory = region()
    memory[100] ^= 1
    first = guard(memory)
    assert bytes(memory) == first.history.to_bytes()
    assert History.recalled(bytes(memory), 16, 1).ready == first.history.ready == 200_000


def test_end_of_a_pulse_is_written_down_at_once() -> None:
    memory = region()
    watch = guard(memory)
    watch.admit(70, [2], leaving(5))
    watch.over(2)
    assert guard(memory).wait() == 0
    assert bounds(guard(memory), 2) == (5, 5)


def test_what_is_not_known_any_more_is_written_down_at_once() -> None:
    memory = region()
    watch = guard(memory)
    watch.forget()
    for each in (watch, guard(memory)):
        assert each.wait() == pytest.approx(10.0)
        (found,) = each.refusals(0, [0], pulse())
        assert (found.rule, found.value, found.limit) == (Rule.DISCHARGE, pytest.approx(10.0), 0.0)


def test_a_pulse_that_a_restart_cut_off_is_not_under_way_for_ever() -> None:
    memory = region()
    guard(memory).admit(70, [2], leaving(5))
    guard(memory).tick(200_001)
    assert guard(memory).wait() == 0


def test_time_to_discharge_is_rounded_up_to_samples() -> None:
    watch = guard(period=1 / 30_303.03)
    watch.forget()
    assert watch.history.ready == 303_031


@pytest.mark.parametrize(("clock", "believed"), [((1 << 62) - 1, True), (1 << 62, False), ((1 << 63) - 1, False)])
def test_a_clock_of_no_board_is_not_believed(clock: int, believed: bool) -> None:
    history = History.empty(16)
    history.clock = clock
    watch = guard(bytearray(history.to_bytes()))
    assert (watch.history.clock, watch.wait() == 0) == ((clock, True) if believed else (0, False))


def test_memory_of_electrodes_that_never_stimulated_is_all_zeros() -> None:
    assert not any(region()[8:])


@pytest.mark.parametrize(
    ("start", "latest", "shown"),
    [(-1, None, -1.0), (4, 5, 4.0), (1 << 63, None, math.nan), (-(1 << 63), None, math.nan), ("5", None, math.nan)],
)
def test_a_start_that_can_not_be_is_shown(start: int, latest: int | None, shown: float) -> None:
    watch = guard()
    if latest is not None:
        assert watch.admit(latest, [1], pulse()) == []
    (found,) = watch.refusals(start, [0], pulse())
    assert (found.rule, found.limit) == (Rule.ORDER, float(latest or 0))
    assert found.value == pytest.approx(shown, nan_ok=True)


def test_the_latest_start_that_can_be() -> None:
    assert guard().refusals((1 << 63) - 1, [0], pulse()) == []


@pytest.mark.parametrize(("held", "net", "after"), [((-4, -4), 2, (-2, 2)), ((3, 3), 2, (2, 5)), ((-4, 3), 0, (-4, 3))])
def test_any_part_of_what_was_held_may_have_leaked_away(held: tuple[int, int], net: int, after: tuple[int, int]) -> None:
    assert ChannelHistory(low=held[0], high=held[1]).with_net(net) == after
