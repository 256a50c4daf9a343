"""Frames: their bytes, and a decoder that finds every whole one in whatever the line brings."""

from __future__ import annotations

from random import Random
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.hardware.link import cobs, frames
from bioasm.hardware.link.frames import Decoder, Frame

FRAME = Frame(0x10, 3, 0x1234, b"abc\0def")
OTHER = Frame(0x83, 3, 0xFFFF, bytes(200))


def decoded(data: bytes, decoder: Decoder | None = None) -> list[Frame]:
    return list((decoder or Decoder()).feed(data))


def body(data: bytes) -> bytes:
    """A chunk with a right checksum around any content."""
    return cobs.encode(data + crc32(data).to_bytes(4, "little")) + b"\0"


def test_checksum_is_the_one_of_ethernet() -> None:
    assert crc32(b"123456789") == 0xCBF43926
    assert frames.encode(Frame(0x31, 0x32, 0x3433, b"56789"))[-6:-1] == b"9" + bytes.fromhex("2639f4cb")


def test_layout_on_the_wire() -> None:
    raw = cobs.decode(frames.encode(FRAME)[:-1])
    assert raw[:4] == bytes.fromhex("10033412")
    assert raw[4:-4] == FRAME.payload
    assert int.from_bytes(raw[-4:], "little") == crc32(raw[:-4])


@pytest.mark.parametrize("length", [0, 1, 2, 245, 246, 247, 253, 254, 255, 1000, 1023, 1024])
def test_round_trip_by_length(length: int) -> None:
    frame = Frame(1, 2, 3, Random(length).randbytes(length))
    wire = frames.encode(frame)
    assert wire.count(0) == 1
    assert len(wire) <= frames.wire_bytes(length)
    assert decoded(wire) == [frame]


def test_longest_frame_needs_as_many_bytes_as_is_said() -> None:
    frame = Frame(1, 2, 0x0303, b"\x01" * frames.MAX_PAYLOAD)
    assert len(frames.encode(frame)) in (frames.LONGEST, frames.LONGEST + 1)  # a zero in the checksum spares a byte


def test_payload_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="1025"):
        frames.encode(Frame(1, 0, 0, bytes(1025)))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_pieces_of_any_size_give_the_same_frames(size: int) -> None:
    wire = b"".join(frames.encode(frame) for frame in (FRAME, OTHER) * 5)
    decoder = Decoder()
    found = [frame for at in range(0, len(wire), size) for frame in decoder.feed(wire[at : at + size])]
    assert found == [FRAME, OTHER] * 5
    assert decoder.errors.total == 0


@pytest.mark.parametrize("zeros", [1, 2, 100])
def test_zeros_before_and_between_frames_mean_nothing(zeros: int) -> None:
    decoder = Decoder()
    assert decoded(b"\0" * zeros + frames.encode(FRAME) + b"\0" * zeros + frames.encode(OTHER), decoder) == [FRAME, OTHER]
    assert decoder.errors.total == 0


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (b"garbage\0", "cobs"),
        (b"\x05ab\0", "cobs"),
        (b"\x01\0", "short"),
        (b"\x04abc\0", "short"),
        (body(b"")[:-1] + b"\0", "short"),
        (body(bytes(1030)), "short"),
        (cobs.encode(bytes(20)) + b"\0", "crc"),
        (b"\xff" * 2000 + b"\0", "overlong"),
        (b"\x01" * 100_000 + b"\0", "overlong"),
    ],
)
def test_damage_is_counted_by_kind_and_what_follows_is_found(damage: bytes, kind: str) -> None:
    decoder = Decoder()
    assert decoded(damage + frames.encode(FRAME), decoder) == [FRAME]
    assert getattr(decoder.errors, kind) == decoder.errors.total == 1
    assert decoder.errors.bytes == len(damage) - 1
    assert decoder.frames == 1


def test_garbage_without_delimiter_costs_the_frame_behind_it_and_no_more() -> None:
    decoder = Decoder()
    assert decoded(b"\x17garbage" + frames.encode(FRAME) + frames.encode(OTHER), decoder) == [OTHER]
    assert decoder.errors.total == 1


def test_nothing_that_is_too_long_is_kept() -> None:
    decoder = Decoder()
    for _ in range(1000):
        assert not decoded(b"\x55" * 5000, decoder)
    assert sum(map(len, decoder._kept)) <= frames.LONGEST
    assert decoded(b"\0" + frames.encode(FRAME), decoder) == [FRAME]


@pytest.mark.parametrize("bit", range(0, 8 * len(frames.encode(FRAME)), 5))
def test_every_turned_bit_is_noticed(bit: int) -> None:
    wire = bytearray(frames.encode(FRAME))
    wire[bit // 8] ^= 1 << bit % 8
    found = decoded(bytes(wire) + b"\0" + frames.encode(OTHER))
    assert found == [OTHER]


@pytest.mark.parametrize("cut", range(1, len(frames.encode(FRAME)) - 1, 2))
def test_truncated_frame_is_noticed(cut: int) -> None:
    decoder = Decoder()
    assert decoded(frames.encode(FRAME)[:cut] + b"\0" + frames.encode(OTHER), decoder) == [OTHER]
    assert decoder.errors.total == 1


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_any_bytes_in_any_pieces_never_raise_and_are_accounted_for(pieces: list[bytes]) -> None:
    decoder = Decoder()
    found = [frame for piece in pieces for frame in decoder.feed(piece)]
    assert decoder.frames == len(found)
    assert decoder.errors.bytes <= sum(map(len, pieces))
    list(decoder.feed(b"\0"))
    assert decoded(frames.encode(FRAME), decoder) == [FRAME]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 65535), st.binary(max_size=1024))
def test_round_trip(kind: int, session: int, seq: int, payload: bytes) -> None:
    frame = Frame(kind, session, seq, payload)
    assert decoded(frames.encode(frame)) == [frame]
