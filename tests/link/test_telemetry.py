"""Telemetry: numbered, subscribed, dropped in order of worth, and every loss counted."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from bioasm.hardware.link import frames, session
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.budget import (
    USABLE,
    channels_that_fit,
    line_rate,
    raw_rate,
    spike_rate,
    telemetry_rate,
    upload_bytes,
)
from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.frames import Frame, wire_bytes
from bioasm.hardware.link.messages import Stream
from bioasm.hardware.link.session import HostSession
from bioasm.hardware.link.statistics import Statistics
from bioasm.hardware.link.telemetry import Telemetry
from tests.link.support import FakeBoard, Line

EVERYTHING = m.Subscribe(0b111111, (0, 1))

ONE_OF_EACH = {
    Stream.SPIKES: m.Spikes(0, (m.SpikeEvent(1, 2, 3),)),
    Stream.RAW: m.Raw(0, 2, bytes(400)),
    Stream.STIM: m.Stim(0, 1, m.StimOutcome.DELIVERED),
    Stream.STATUS: m.Status(0, m.State.DISARMED, temperature=37.0, supply=3.25, best_energy=-1.0),
    Stream.ENERGY: m.Energy(0, 0, (1.0,)),
    Stream.LOG: m.Log(0, m.LogLevel.INFO, "x"),
}


def of(line: Line, kind: type[m.Message]) -> list[m.Message]:
    return [event.message for event in line.heard if isinstance(event.message, kind)]


# --- what is sent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", Stream)
def test_stream_is_sent_to_who_wants_it(stream: Stream) -> None:
    line = Line()
    assert not line.link.send_telemetry(ONE_OF_EACH[stream])  # nobody is there
    line.open()
    always = stream in (Stream.STIM, Stream.STATUS, Stream.LOG)
    assert line.link.wants(stream) == always
    assert line.link.send_telemetry(ONE_OF_EACH[stream]) == always
    line.ask(m.Subscribe(1 << stream))
    assert line.link.send_telemetry(ONE_OF_EACH[stream])
    line.run(0.01)
    assert of(line, type(ONE_OF_EACH[stream])) == [ONE_OF_EACH[stream]] * (1 + always)


def test_subscription_replaces_the_one_before_and_ends_with_the_session() -> None:
    line = Line().open()
    line.ask(m.Subscribe(0b11, (3, 4)))
    assert line.link.raw_channels == (3, 4)
    line.ask(m.Subscribe(0b01))
    assert line.link.wants(Stream.SPIKES)
    assert not line.link.wants(Stream.RAW)
    line.host.close()
    line.run(0.01)
    line.another_host(8)
    line.open()
    assert not line.link.wants(Stream.SPIKES)
    assert line.link.raw_channels == ()


# --- what is dropped --------------------------------------------------------------------------------


def queue(limit: int = 10_000) -> Telemetry:
    return Telemetry(limit, Statistics())


def drain(waiting: Telemetry) -> list[Frame]:
    found = []
    while (frame := waiting.next()) is not None:
        found.append(frame)
    return found


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Stream.RAW, Stream.SPIKES),
        (Stream.SPIKES, Stream.ENERGY),
        (Stream.ENERGY, Stream.LOG),
        (Stream.LOG, Stream.STIM),
        (Stream.RAW, Stream.STATUS),
    ],
)
def test_what_matters_less_is_dropped_first(first: Stream, second: Stream) -> None:
    room = wire_bytes(len(ONE_OF_EACH[second].pack()))
    waiting = queue(room + wire_bytes(len(ONE_OF_EACH[first].pack())) - 1)
    assert waiting.enqueue(ONE_OF_EACH[first])
    assert waiting.enqueue(ONE_OF_EACH[second])
    assert waiting.counts.dropped[first] == 1
    assert [frame.type for frame in drain(waiting)] == [0x80 + second]


@pytest.mark.parametrize("stream", [Stream.STIM, Stream.STATUS])
def test_what_was_done_to_cells_is_never_dropped(stream: Stream) -> None:
    waiting = queue(500)
    for _ in range(100):
        assert waiting.enqueue(ONE_OF_EACH[stream])
    assert not waiting.enqueue(ONE_OF_EACH[Stream.RAW])
    assert waiting.counts.dropped == [0, 1, 0, 0, 0, 0]
    assert len(drain(waiting)) == 100
    assert waiting.size == 0


def test_oldest_of_a_stream_is_dropped_and_its_number_stays_missing() -> None:
    waiting = queue(3 * wire_bytes(len(ONE_OF_EACH[Stream.RAW].pack())))
    for _ in range(8):
        assert waiting.enqueue(ONE_OF_EACH[Stream.RAW])
    assert [frame.seq for frame in drain(waiting)] == [5, 6, 7]
    assert waiting.counts.dropped[Stream.RAW] == 5


def test_numbers_go_round() -> None:
    waiting = queue()
    waiting._numbers[Stream.LOG] = 65_500
    for k in range(65_500, 65_540):
        waiting.enqueue(ONE_OF_EACH[Stream.LOG])
        frame = waiting.next()
        assert frame is not None
        assert frame.seq == k % 65_536


def test_drops_at_the_board_and_gaps_at_the_host_agree() -> None:
    line = Line(Channel(1e4), Channel(1e4)).open()
    line.ask(EVERYTHING)
    for k in range(400):
        line.link.send_telemetry(m.Raw(k, 2, bytes(400)))
        line.link.send_telemetry(m.Stim(k, 1, m.StimOutcome.DELIVERED))
        line.step()
    line.run(10.0)
    line.link.send_telemetry(m.Raw(400, 2, bytes(400)))
    line.run(0.5)
    assert line.link.dropped[Stream.RAW] > 100
    assert line.host.statistics.lost[Stream.RAW] == line.link.dropped[Stream.RAW]
    assert len(of(line, m.Raw)) + line.link.dropped[Stream.RAW] == 401
    assert [stim.clock for stim in of(line, m.Stim)] == list(range(400))  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(3))
def test_every_lost_frame_is_counted_where_it_is_missing(seed: int) -> None:
    line = Line(Channel(), Channel(seed=seed, loss=0.1, duplicate=0.1)).open()
    line.ask(EVERYTHING)
    for k in range(1000):
        line.link.send_telemetry(m.Spikes(k))
        line.step()
    raws = [event for event in line.heard if isinstance(event.message, m.Spikes)]
    bases = [event.message.base for event in raws]  # type: ignore[attr-defined]
    assert bases == sorted(set(bases))
    assert [event.lost for event in raws[1:]] == [after - before - 1 for before, after in zip(bases, bases[1:], strict=False)]
    assert line.host.statistics.lost[Stream.SPIKES] == sum(event.lost for event in raws) > 50


def test_late_frames_do_not_come_in_between() -> None:
    line = Line(Channel(), Channel(seed=1, delay=0.3, delay_by=0.05)).open()
    line.ask(EVERYTHING)
    for k in range(500):
        line.link.send_telemetry(m.Spikes(k))
        line.step()
    line.run(0.2)
    bases = [spikes.base for spikes in of(line, m.Spikes)]  # type: ignore[attr-defined]
    assert bases == sorted(set(bases))
    assert len(bases) + line.host.statistics.lost[Stream.SPIKES] >= max(bases) + 1


@pytest.mark.parametrize("gap", [1, 300, 20_000, 40_000, 65_000])
def test_stream_goes_on_after_a_gap_of_any_length(gap: int) -> None:
    line = Line().open()
    line.ask(EVERYTHING)
    line.link.send_telemetry(m.Spikes(0))
    line.link._telemetry._numbers[Stream.SPIKES] += gap
    for k in range(1, 4):
        line.link.send_telemetry(m.Spikes(k))
    line.run(0.01)
    assert [(event.message.base, event.lost) for event in line.heard] == [(0, 0), (1, gap), (2, 0), (3, 0)]  # type: ignore[attr-defined]


def test_acknowledgements_and_replies_pass_waiting_telemetry() -> None:
    line = Line(Channel(1e5), Channel(1e5, transmit=64)).open()
    line.ask(EVERYTHING)
    for k in range(100):
        line.link.send_telemetry(m.Raw(k, 2, bytes(400)))
    began = line.now
    line.ask(m.Halt())
    assert line.now - began < 0.02


def test_host_that_reads_nothing_keeps_a_bounded_amount_and_counts_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "EVENT_BYTES", 10_000)
    line = Line().open()
    line.ask(EVERYTHING)
    number = line.host._end.session
    for k in range(100):
        for message in (m.Raw(k, 2, bytes(400)), m.Stim(k, 1, m.StimOutcome.DELIVERED)):
            line.host.receive(frames.encode(Frame(message.TYPE, number, k, message.pack())), line.now)
    kept = []
    while (event := line.host.next_event()) is not None:
        kept.append(event)
    assert sum(isinstance(event.message, m.Stim) for event in kept) == 100
    raws = sum(isinstance(event.message, m.Raw) for event in kept)
    assert 10 < raws < 30
    assert line.host.statistics.dropped[Stream.RAW] == 100 - raws
    last = m.Raw(100, 2, bytes(400))
    line.host.receive(frames.encode(Frame(last.TYPE, number, 100, last.pack())), line.now)
    event = line.host.next_event()
    assert event is not None
    assert event.lost == 100 - raws


# --- as fast as a chip ------------------------------------------------------------------------------


def test_32_channels_at_20_khz_are_decoded_without_loss() -> None:
    samples = np.random.default_rng(3).integers(-32768, 32768, (20_000, 32)).astype("<i2")
    board = FakeBoard()
    line = Line(board=board).open()
    line.ask(m.Subscribe(1 << Stream.RAW, tuple(range(32))))
    scans, number = m.Raw.scans_per_frame(32), line.link._end.session
    host = line.host
    stream = bytearray()
    for k, at in enumerate(range(0, 20_000, scans)):
        message = m.Raw(at, 32, samples[at : at + scans].tobytes())
        stream += frames.encode(Frame(message.TYPE, number, k, message.pack()))
    random, at = Random(1), 0
    while at < len(stream):
        size = random.randrange(1, 9000)
        host.receive(bytes(stream[at : at + size]), line.now)
        at += size
    events = []
    while (event := host.next_event()) is not None:
        events.append(event)
    assert sum(event.lost for event in events) == 0
    assert host.statistics.errors.total == 0
    got = np.concatenate([event.message.samples() for event in events])  # type: ignore[attr-defined]
    assert np.array_equal(got, samples)


def test_32_channels_at_20_khz_go_through_the_whole_link() -> None:
    line = Line(Channel(2e6, transmit=8192), Channel(2e6, transmit=8192)).open()
    line.ask(m.Subscribe(1 << Stream.RAW, tuple(range(32))))
    scans, sent = m.Raw.scans_per_frame(32), 0
    data = bytes(range(256)) * 4
    while line.now < 0.5:
        while sent * scans < line.now * 20_000:
            assert line.link.send_telemetry(m.Raw(sent * scans, 32, data[: 64 * scans]))
            sent += 1
        line.step()
    line.run(0.05)
    assert len(of(line, m.Raw)) == sent
    assert line.host.statistics.lost[Stream.RAW] == 0
    assert line.link.dropped[Stream.RAW] == 0


# --- the budget -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("baud", "sample_rate", "channels"),
    [(115_200, 1000.0, 3), (1_000_000, 20_000.0, 1), (10_000_000, 20_000.0, 19), (10_000_000, 30_000.0, 13)],
)
def test_channels_that_fit(baud: int, sample_rate: float, channels: int) -> None:
    assert channels_that_fit(line_rate(baud), sample_rate) == channels
    assert telemetry_rate(channels, sample_rate) <= USABLE * line_rate(baud) < telemetry_rate(channels + 1, sample_rate)


@pytest.mark.parametrize("channels", [1, 4, 32])
def test_predicted_rate_is_what_the_frames_take(channels: int) -> None:
    scans = m.Raw.scans_per_frame(channels)
    random = Random(channels)
    count = 200
    size = sum(
        len(frames.encode(Frame(0x81, 1, k, m.Raw(k, channels, random.randbytes(2 * channels * scans)).pack())))
        for k in range(count)
    )
    assert raw_rate(channels, 20_000.0) == pytest.approx(size / (count * scans / 20_000.0), rel=0.01)


@pytest.mark.parametrize("spikes", [0, 10, 1000, 100_000])
def test_spikes_cost_little_and_more_when_there_are_more(spikes: int) -> None:
    assert spike_rate(spikes) >= 6 * spikes
    assert spike_rate(spikes) <= spike_rate(spikes + 1)
    assert spike_rate(0) == 0


@pytest.mark.parametrize("size", [0, 1, 1020, 1021, 131_072])
def test_predicted_upload_is_what_the_frames_take(size: int) -> None:
    data = bytes([7]) * size
    whole = [m.UploadData(at, data[at : at + 1020]).pack() for at in range(0, size, 1020)]
    assert 0 <= upload_bytes(size) - sum(len(frames.encode(Frame(2, 1, 0, payload))) for payload in whole) <= 3 * len(whole)


def test_nothing_fits_into_a_line_that_is_too_slow() -> None:
    assert channels_that_fit(100.0, 20_000.0) == 0


def test_host_before_its_session_ignores_telemetry() -> None:
    host = HostSession("x", 1)
    message = m.Spikes(1)
    host.receive(frames.encode(Frame(message.TYPE, 5, 0, message.pack())), 0.0)
    assert host.next_event() is None
    assert host.statistics.strangers == 1
