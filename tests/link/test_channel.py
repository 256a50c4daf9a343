"""The model of a line: what it does to bytes, and when they come out."""

from __future__ import annotations

import pytest

from bioasm.hardware.link.channel import Channel

FRAMES = [bytes([1 + k % 250]) * 50 + b"\0" for k in range(400)]


def through(channel: Channel) -> bytes:
    for k, frame in enumerate(FRAMES):
        channel.send(frame, k * 0.01)
    return channel.receive(100.0)


def test_clean_line_changes_nothing() -> None:
    channel = Channel()
    assert through(channel) == b"".join(FRAMES)
    assert channel.bytes == 400 * 51


@pytest.mark.parametrize("rate", [1000.0, 11_520.0, 1e6])
def test_pacing_lets_bytes_out_at_the_rate(rate: float) -> None:
    channel = Channel(rate)
    channel.send(bytes([1]) * 999 + b"\0", 0.0)
    half = channel.receive(500 / rate + 1e-12)
    assert len(half) == 500
    assert len(channel.receive(1000 / rate)) == 500


def test_room_is_what_the_transmitter_has_left() -> None:
    channel = Channel(1000.0, transmit=300)
    assert channel.room(0.0) == 300
    channel.send(bytes([1]) * 199 + b"\0", 0.0)
    assert channel.room(0.0) == 100
    assert channel.room(0.1) == 200
    assert channel.room(9.0) >= 300


@pytest.mark.parametrize(
    ("chance", "fate"),
    [("loss", "lost"), ("corrupt", "corrupted"), ("truncate", "truncated"), ("duplicate", "duplicated"), ("delay", "delayed")],
)
def test_each_chance_has_its_fate(chance: str, fate: str) -> None:
    channel = Channel(seed=3, **{chance: 0.2})  # type: ignore[arg-type]
    out = through(channel)
    assert 40 < getattr(channel.fates, fate) < 130
    assert out != b"".join(FRAMES)
    others = {"lost", "corrupted", "truncated", "duplicated", "delayed"} - {fate}
    assert not any(getattr(channel.fates, other) for other in others)


def test_delay_lets_later_frames_pass() -> None:
    channel = Channel(seed=3, delay=0.2, delay_by=0.05)
    for frame in FRAMES:
        channel.send(frame, 0.0)
    out = channel.receive(1.0)
    assert out != b"".join(FRAMES)
    assert sorted(out) == sorted(b"".join(FRAMES))


def test_overrun_loses_what_nobody_reads() -> None:
    channel = Channel(capacity=100)
    assert len(through(channel)) == 100
    assert channel.fates.overrun == 400 * 51 - 100


def test_latency_holds_all_of_it() -> None:
    channel = Channel(latency=0.5)
    channel.send(b"abc\0", 1.0)
    assert channel.receive(1.4) == b""
    assert channel.receive(1.5) == b"abc\0"


def test_same_seed_same_fates() -> None:
    chances = {"loss": 0.1, "corrupt": 0.1, "duplicate": 0.1}
    first, second = (through(Channel(seed=8, **chances)) for _ in range(2))  # type: ignore[arg-type]
    assert first == second
    assert first != through(Channel(seed=9, **chances))  # type: ignore[arg-type]
