"""Frames on the wire: type, session, number, payload and CRC-32 in COBS, and a decoder that survives anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple
from zlib import crc32

from bioasm.hardware.link import cobs

MAX_PAYLOAD = 1024
HEADER = Struct("<BBH")
CRC = Struct("<I")
OVERHEAD = HEADER.size + CRC.size
DELIMITER = b"\0"
LONGEST = cobs.encoded_length(MAX_PAYLOAD + OVERHEAD)  # without the delimiter


class Frame(NamedTuple):
    """One frame: its type, the session it belongs to (0: none), its number, its payload of 0 to 1024 bytes."""

    type: int
    session: int
    seq: int
    payload: bytes = b""


@dataclass(slots=True)
class DecoderErrors:
    """Counts of chunks dropped for invalid COBS, checksum, or length; `bytes` is their total size."""

    cobs: int = 0
    crc: int = 0
    short: int = 0
    overlong: int = 0
    bytes: int = 0

    @property
    def total(self) -> int:
        """The number of dropped chunks."""
        return self.cobs + self.crc + self.short + self.overlong


def encode(frame: Frame) -> bytes:
    """The frame's bytes on the wire, with the delimiter that ends it.

    Raises ValueError where the payload is longer than 1024 bytes.
    """
    if len(frame.payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload of {len(frame.payload)} bytes; a frame takes {MAX_PAYLOAD}")
    body = HEADER.pack(frame.type, frame.session, frame.seq) + frame.payload
    return cobs.encode(body + CRC.pack(crc32(body))) + DELIMITER


def wire_bytes(payload: int) -> int:
    """Bytes on the wire of a frame with a payload of so many bytes, at most."""
    return cobs.encoded_length(payload + OVERHEAD) + len(DELIMITER)


class Decoder:
    """Decoder from a byte stream to frames. Damaged ones are counted in `errors` and dropped; it never raises."""

    def __init__(self) -> None:
        self.errors = DecoderErrors()
        self.frames = 0
        self._kept: list[bytes] = []  # pieces of a chunk whose delimiter has not come
        self._length = 0

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that end within `data`, in their order. Take all before the next call."""
        chunks = data.split(DELIMITER)
        for chunk in chunks[:-1]:
            frame = self._ended(chunk)
            if frame is not None:
                yield frame
        self._keep(chunks[-1])

    def _keep(self, piece: bytes) -> None:
        """Buffer an incomplete frame; of an oversized one only its length is kept."""
        self._length += len(piece)
        if self._length > LONGEST:
            self._kept.clear()
        elif piece:
            self._kept.append(piece)

    def _ended(self, last: bytes) -> Frame | None:
        self._keep(last)
        chunk, length = b"".join(self._kept), self._length
        self._kept.clear()
        self._length = 0
        if not length:
            return None  # zeros before and between frames mean nothing
        frame = self._read(chunk, length)
        if frame is None:
            self.errors.bytes += length
        else:
            self.frames += 1
        return frame

    def _read(self, chunk: bytes, length: int) -> Frame | None:
        """The frame in a chunk, or None after counting what is wrong with it."""
        if length > LONGEST:
            self.errors.overlong += 1
            return None
        try:
            body = cobs.decode(chunk)
        except cobs.CobsError:
            self.errors.cobs += 1
            return None
        if not OVERHEAD <= len(body) <= MAX_PAYLOAD + OVERHEAD:
            self.errors.short += 1
            return None
        if crc32(body[: -CRC.size]) != CRC.unpack_from(body, len(body) - CRC.size)[0]:
            self.errors.crc += 1
            return None
        kind, session, seq = HEADER.unpack_from(body)
        return Frame(kind, session, seq, body[HEADER.size : -CRC.size])
