"""The window: order, credit, what is sent again and when, and giving up."""

from __future__ import annotations

from random import Random

import pytest

from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.frames import Decoder, Frame, encode, wire_bytes
from bioasm.hardware.link.messages import Ack, State
from bioasm.hardware.link.statistics import Statistics
from bioasm.hardware.link.window import (
    FIRST_TIMEOUT,
    LONGEST_TIMEOUT,
    SEQUENCE,
    SHORTEST_TIMEOUT,
    TRIES,
    GaveUp,
    Receiver,
    RoundTrip,
    Sender,
)


def sender(**options: object) -> Sender:
    return Sender(Statistics(), **options)  # type: ignore[arg-type]


def ready(end: Sender, now: float = 0.0) -> list[int]:
    """The numbers of all frames that may be sent now."""
    found = []
    while (frame := end.poll(now)) is not None:
        found.append(frame.seq)
    return found


def ack(expected: int, *, nak: bool = False, held: int = 0, credit: int = 1 << 20) -> tuple[Ack, int]:
    return Ack(nak, State.DISARMED, credit, held), expected


def filled(count: int, **options: object) -> Sender:
    end = sender(**options)
    for k in range(count):
        end.enqueue(1, bytes([k]))
    return end


@pytest.mark.parametrize("window", [1, 2, 8, 32])
def test_no_more_than_a_window_is_on_its_way(window: int) -> None:
    end = filled(40, window=window)
    assert ready(end) == list(range(window))
    end.acknowledged(*ack(1), 0.001)
    assert ready(end, 0.001) == [window]


def test_window_is_never_wider_than_an_acknowledgement_can_tell() -> None:
    assert ready(filled(200, window=255)) == list(range(32))


@pytest.mark.parametrize("credit", [0, 1, 30, 100, 1000])
def test_credit_bounds_what_is_on_its_way_but_one_frame_always_may_go(credit: int) -> None:
    end = filled(8, credit=credit)
    assert len(ready(end)) == min(8, max(1, credit // wire_bytes(1)))


def test_credit_of_an_acknowledgement_counts_from_then_on() -> None:
    end = filled(8, credit=2 * wire_bytes(1))
    assert ready(end) == [0, 1]
    end.acknowledged(*ack(2, credit=5 * wire_bytes(1)), 0.001)
    assert ready(end, 0.001) == [2, 3, 4, 5, 6]


def test_numbers_are_those_that_were_promised_also_over_the_end() -> None:
    end = sender()
    promised, sent = [], []
    for k in range(SEQUENCE + 20):
        promised.append(end.enqueue(1, b""))
        sent += ready(end, k * 0.001)
        end.acknowledged(*ack((k + 1) % SEQUENCE), k * 0.001)
    assert sent == promised
    assert promised[-1] == 19
    assert end.idle


def test_nothing_is_sent_again_before_the_timeout() -> None:
    end = filled(2)
    assert ready(end) == [0, 1]
    assert ready(end, FIRST_TIMEOUT - 0.001) == []
    assert ready(end, FIRST_TIMEOUT + 0.001) == [0]  # the answer to the first tells of the others
    assert end.counts.resent == 1
    assert end.counts.timeouts == 1


def test_timeout_is_short_when_the_round_trip_is_known() -> None:
    end = filled(2, window=1)
    ready(end)
    end.acknowledged(*ack(1), 0.001)
    assert ready(end, 0.001) == [1]
    assert end.deadline() == pytest.approx(0.001 + SHORTEST_TIMEOUT)


def test_several_lost_at_the_end_are_sent_one_after_the_other() -> None:
    end = filled(4)
    ready(end)
    for k in range(4):
        now = 1.0 + k
        assert ready(end, now) == [k]
        end.acknowledged(*ack(k + 1), now + 0.9)
    assert end.idle


def test_timeouts_double_and_end_in_giving_up() -> None:
    end, times = filled(1), []
    end.round_trip.add(0.0)
    with pytest.raises(GaveUp):
        for step in range(200_000):
            if end.poll(step * 0.001) is not None:
                times.append(step * 0.001)
    waits = [after - before for before, after in zip(times, times[1:], strict=False)]
    assert len(times) == TRIES + 1
    assert waits == pytest.approx([SHORTEST_TIMEOUT * 2**k for k in range(TRIES)], abs=0.002)


def test_timeout_never_waits_longer_than_is_allowed() -> None:
    end = filled(1)
    end.round_trip.add(3.0)
    assert end.poll(0.0) is not None
    assert end.deadline() == LONGEST_TIMEOUT


def test_progress_makes_the_tries_start_again() -> None:
    end, now = filled(20, window=1), 0.0
    for k in range(20):
        for _ in range(5):  # five timeouts each
            deadline = end.deadline()
            now = now if deadline is None else deadline + 1e-6
            assert end.poll(now) is not None
        end.acknowledged(*ack(k + 1), now)
    assert end.idle


@pytest.mark.parametrize("rate", [11_520.0, 1e5, 1e6])
def test_timeout_waits_for_the_line(rate: float) -> None:
    slow, fast = sender(line_rate=rate), sender()
    for end in (slow, fast):
        for _ in range(8):
            end.enqueue(1, bytes(1000))
        ready(end)
    assert slow.deadline() == pytest.approx((fast.deadline() or 0) + 8 * wire_bytes(1000) / rate)


def test_round_trip_leaves_out_what_the_line_itself_takes() -> None:
    end = sender(line_rate=1000.0)
    end.enqueue(1, bytes(100))
    end.poll(0.0)
    end.acknowledged(*ack(1), wire_bytes(100) / 1000 + 0.003)
    assert end.round_trip.smoothed == pytest.approx(0.003)


def test_answer_to_a_repeated_frame_tells_no_round_trip() -> None:
    end = filled(1)
    ready(end)
    assert ready(end, 0.3) == [0]
    end.acknowledged(*ack(1), 0.31)
    assert end.round_trip.samples == 0


def test_timeouts_in_vain_are_remembered_until_the_round_trip_is_known() -> None:
    end = filled(9, window=1)
    end.round_trip.add(0.001)  # of an idle line; now a deep buffer holds each answer up for 90 ms
    now, resent = 0.0, []
    for k in range(8):
        answer = now + 0.09
        while now < answer:
            end.poll(now)
            now += 0.001
        resent.append(end.counts.resent)
        end.acknowledged(*ack(k + 1), answer)
    assert resent[0] == 2
    assert resent[-1] <= 4


def test_repeats_stay_few_where_the_rate_of_a_deeply_buffered_line_is_not_known() -> None:
    there, back = Channel(11_520, transmit=16_384), Channel(11_520, transmit=16_384)
    out, into, decoders = sender(), Receiver(Statistics()), (Decoder(), Decoder())
    for _ in range(40):
        out.enqueue(1, bytes(1000))
    now = 0.0
    while not out.idle:
        now += 0.001
        while there.room(now) > 1100 and (frame := out.poll(now)) is not None:
            there.send(encode(frame), now)
        for frame in decoders[0].feed(there.receive(now)):
            into.accept(frame)
        if into.due:
            answer = into.acknowledgement(State.DISARMED, 1 << 14)
            back.send(encode(Frame(Ack.TYPE, 0, into.expected, answer.pack())), now)
        for frame in decoders[1].feed(back.receive(now)):
            out.acknowledged(Ack.unpack(frame.payload), frame.seq, now)
        assert now < 60
    assert now < 1.25 * 40 * wire_bytes(1000) / 11_520


@pytest.mark.parametrize(
    ("held", "again"),
    [
        (0b0, [0, 1, 2, 3, 4]),  # a receiver that keeps nothing: all of them
        (0b1, [0]),
        (0b10, [0, 1]),
        (0b1000, [0, 1, 2, 3]),
        (0b1010, [0, 1, 3]),
        (0b1111, [0]),
    ],
)
def test_nak_sends_again_what_is_missing_and_no_more(held: int, again: list[int]) -> None:
    end = filled(5)
    assert ready(end) == [0, 1, 2, 3, 4]
    end.acknowledged(*ack(0, nak=True, held=held), 0.001)
    assert ready(end, 0.001) == again


def test_second_nak_for_the_same_frame_is_not_obeyed_at_once() -> None:
    end = filled(5)
    end.round_trip.add(0.010)
    ready(end)
    end.acknowledged(*ack(0, nak=True, held=1), 0.001)
    assert ready(end, 0.001) == [0]
    end.acknowledged(*ack(0, nak=True, held=3), 0.002)
    assert ready(end, 0.002) == []
    end.acknowledged(*ack(0, nak=True, held=7), 0.012)
    assert ready(end, 0.012) == [0]


def test_what_is_held_is_not_sent_again_after_a_timeout() -> None:
    end = filled(4)
    ready(end)
    end.acknowledged(*ack(0, nak=True, held=0b101), 0.001)
    assert ready(end, 0.001) == [0, 2]
    assert ready(end, 1.0) == [0]
    end.acknowledged(*ack(2), 1.5)
    assert ready(end, 9.0) == [2]
    end.acknowledged(*ack(4), 9.1)
    assert end.idle


@pytest.mark.parametrize("expected", [9, 100, 40_000, 65_535])
def test_acknowledgement_of_what_was_never_sent_is_ignored(expected: int) -> None:
    end = filled(8)
    ready(end)
    end.acknowledged(*ack(expected, nak=True), 0.001)
    assert ready(end, 0.001) == []
    assert not end.idle


def test_late_acknowledgement_counts_although_frames_were_sent_again() -> None:
    end = filled(4)
    ready(end)
    assert ready(end, 0.3) == [0]
    end.acknowledged(*ack(4), 0.301)
    assert end.idle
    assert ready(end, 0.301) == []


def test_round_trip_is_smoothed() -> None:
    trip = RoundTrip()
    for sample in [0.010] * 20 + [0.050]:
        trip.add(sample)
    assert 0.010 < trip.smoothed < 0.020
    assert trip.shortest == 0.010
    assert trip.timeout > trip.smoothed


# --- the receiver ----------------------------------------------------------------------------------


def receive(end: Receiver, *numbers: int) -> list[int]:
    return [frame.seq for number in numbers for frame in end.accept(Frame(1, 0, number % SEQUENCE))]


def told(end: Receiver) -> tuple[bool, int, int]:
    answer = end.acknowledgement(State.ARMED, 512)
    return answer.nak, end.expected, answer.held


@pytest.mark.parametrize(
    ("arrive", "taken", "nak", "expected", "held"),
    [
        ([0, 1, 2], [0, 1, 2], False, 3, 0),
        ([0, 2], [0], True, 1, 0b1),
        ([0, 2, 3, 5], [0], True, 1, 0b1011),
        ([0, 2, 1], [0, 1, 2], False, 3, 0),
        ([1, 3, 0], [0, 1], True, 2, 0b1),
        ([0, 0, 0], [0], False, 1, 0),
        ([2, 2, 1, 0], [0, 1, 2], False, 3, 0),
        ([7, 6, 5, 4, 3, 2, 1, 0], list(range(8)), False, 8, 0),
        ([0, 33], [0], True, 1, 1 << 31),
        ([0, 34], [0], True, 1, 0),
    ],
)
def test_receiver(arrive: list[int], taken: list[int], nak: bool, expected: int, held: int) -> None:
    end = Receiver(Statistics())
    assert receive(end, *arrive) == taken
    assert end.due
    assert told(end) == (nak, expected, held)
    assert not end.due


def test_receiver_goes_over_the_end_of_numbers() -> None:
    end = Receiver(Statistics())
    numbers = [*range(SEQUENCE - 1), SEQUENCE, SEQUENCE - 1, SEQUENCE + 1]
    assert receive(end, *numbers) == [k % SEQUENCE for k in range(SEQUENCE + 2)]


def test_receiver_keeps_no_more_than_it_may() -> None:
    end = Receiver(Statistics(), ahead=2)
    assert receive(end, 1, 2, 3, 0) == [0, 1, 2]
    assert told(end) == (False, 3, 0)


def test_old_frames_are_acknowledged_again() -> None:
    end = Receiver(Statistics())
    receive(end, 0, 1)
    told(end)
    assert receive(end, 0) == []
    assert end.due
    assert end.counts.duplicates == 1


# --- both, over a line ------------------------------------------------------------------------------


def deliver(there: Channel, back: Channel, count: int, ahead: int, limit: float = 120.0) -> list[bytes]:
    """Payloads as they are taken at the far end."""
    out, into, decoders = sender(line_rate=there.rate), Receiver(Statistics(), ahead), (Decoder(), Decoder())
    random, taken, now = Random(5), [], 0.0
    for k in range(count):
        out.enqueue(1, k.to_bytes(4, "little") + random.randbytes(random.randrange(200)))
    while not out.idle:
        now += 0.001
        assert now < limit
        while there.room(now) > 300 and (frame := out.poll(now)) is not None:
            there.send(encode(frame), now)
        for frame in decoders[0].feed(there.receive(now)):
            taken += [each.payload for each in into.accept(frame)]
        if into.due:
            answer = into.acknowledgement(State.DISARMED, 1 << 14)
            back.send(encode(Frame(Ack.TYPE, 0, into.expected, answer.pack())), now)
        for frame in decoders[1].feed(back.receive(now)):
            out.acknowledged(Ack.unpack(frame.payload), frame.seq, now)
    return taken


@pytest.mark.parametrize("ahead", [0, 1, 8])
@pytest.mark.parametrize("seed", range(6))
def test_everything_arrives_once_and_in_order_whatever_happens(seed: int, ahead: int) -> None:
    chances = {"loss": 0.1, "corrupt": 0.05, "duplicate": 0.1, "delay": 0.1, "truncate": 0.03}
    there, back = Channel(1e5, seed=seed, **chances), Channel(1e5, seed=seed + 50, **chances)  # type: ignore[arg-type]
    taken = deliver(there, back, 150, ahead)
    assert [int.from_bytes(payload[:4], "little") for payload in taken] == list(range(150))
    assert there.fates.lost and back.fates.corrupted
