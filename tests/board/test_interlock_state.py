"""The stimulator alone, without a rig that would cover for it: what arming, disarming and cancelling leave behind."""

from __future__ import annotations

import pytest

from bioasm.hardware.board.pulses import request_pulses
from bioasm.hardware.board.stimulator import QUEUE, SETTLE, Stimulator
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import NOW, Accepted, Refusal, StimOutcome
from bioasm.safety import DEFAULT_LIMITS, DISCHARGE, Electrode, History, LimitsTable, QuantisedPulse

STEP, RATE, CHANNELS = 50e-9, 20_000.0, 16
TABLE = LimitsTable(DEFAULT_LIMITS, {channel: Electrode.disk(100e-6) for channel in range(CHANNELS)})
PULSE = QuantisedPulse((-100, 100), (4, 4), STEP, 1 / RATE)


def stimulator(armed: bool = True) -> Stimulator:
    """One that no pulse was asked of."""
    made = Stimulator(TABLE, RATE, STEP, bytearray(History.empty(CHANNELS).to_bytes()), CHANNELS)
    if armed:
        made.arm(TABLE)
    return made


def under_way(channel: int = 3) -> Stimulator:
    """One with an admitted pulse that has begun at sample 100, of which nothing was heard since."""
    made = stimulator()
    made.request(100, channel, PULSE)
    assert list(made.admit(90, 200)) == []
    while (sample := made.next_word()) is not None and sample <= 100:
        made.words(sample)
    assert made.is_on(channel)
    return made


def test_disarmed_is_disarmed_by_itself() -> None:
    made = stimulator()
    made.request(100, 0, PULSE)
    made.disarm()
    assert (made.armed, made.waiting) == (False, 0)
    assert list(made.admit(90, 200)) == []
    with pytest.raises(RuntimeError):
        made.refusals((0,), PULSE)


@pytest.mark.parametrize("again", ["arm", "disarm"])
def test_a_pulse_that_is_cut_off_leaves_charge_that_nobody_knows(again: str) -> None:
    made = under_way()
    made.arm(TABLE) if again == "arm" else made.disarm()
    assert made.next_word() is None
    assert not made.is_on(3)
    assert made.guard.wait() == pytest.approx(DISCHARGE)
    made.disarm()
    made.arm(TABLE)
    assert [channel.flying for channel in made.guard.history.channels] == [0] * CHANNELS


def test_charge_that_leaves_grounded_electrodes_is_waited_for_from_the_last_disarming_on() -> None:
    made = under_way()
    made.disarm()
    made.guard.tick(100_000)
    made.disarm()
    assert made.guard.wait() == pytest.approx(DISCHARGE)


def test_disarming_electrodes_whose_charge_is_known_makes_nobody_wait() -> None:
    made = stimulator()
    made.disarm()
    assert made.guard.wait() == 0


def test_an_amplifier_is_let_go_two_samples_after_its_pulse() -> None:
    made, settled = under_way(), {}
    while (sample := made.next_word()) is not None:
        found = [word & 0xFFFF for word in made.words(sample) if word >> 16 & 0xFF == SETTLE and word >> 30 == 2]
        settled |= {sample: found[0]} if found else {}
    assert settled == {110: 0}  # the pulse ends at 108


@pytest.mark.parametrize(
    ("before", "count", "fits"), [(0, QUEUE, True), (0, QUEUE + 1, False), (1, QUEUE - 1, True), (1, QUEUE, False)]
)
def test_the_queue_takes_so_many_and_no_more(before: int, count: int, fits: bool) -> None:
    made = stimulator()
    for k in range(before):
        made.request(10**6 + k, 5, PULSE)
    phases = (m.Phase(-5000, 200_000), m.Phase(5000, 200_000))
    told = request_pulses(m.Stimulate((0,), count, 10_000_000, NOW, phases), made, 0, RATE)
    assert isinstance(told, Accepted) == fits
    assert fits or (told.reason, told.value, told.allowed) == (Refusal.TOO_LARGE, before + count, QUEUE)
    assert made.waiting == before + (count if fits else 0)
    assert QUEUE == 4096


def test_nothing_is_sent_for_a_pulse_that_was_cancelled() -> None:
    made = stimulator()
    made.request(100, 3, PULSE)
    assert list(made.admit(90, 200)) == []
    assert made.next_word() == 99
    assert [done.start for done in made.cancel(95)] == [100]
    assert made.next_word() is None


@pytest.mark.parametrize(("start", "fits"), [(99, False), (101, True)])
def test_a_pulse_whose_edge_finds_its_sample_full_of_amplitudes_is_late(start: int, fits: bool) -> None:
    made = stimulator()
    made.request(100, 3, PULSE)
    assert list(made.admit(90, 200)) == []  # both of its amplitudes are loaded at 99
    made.request(start, 7, PULSE)
    assert [done.outcome for done in made.admit(90, 200)] == ([] if fits else [StimOutcome.LATE])
