"""A board's memory of stimulation over every restart: one plain structure, and its bytes in memory that outlasts a reset.

Little endian, without padding, so that it is a C structure as well: the four bytes `BSH1`, u32 CRC-32 of all that follows, i64
clock, i64 ready, then for each channel i64 start, i64 low, i64 high, u32 length, u16 peak, u16 flying. Times are samples of the
device's clock, which goes on from `clock` after a restart and so never runs backwards.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from zlib import crc32

DISCHARGE = 10.0  # s with every electrode on stimulation ground, after which no charge is left that counts

_LATEST = 1 << 62  # clocks beyond are those of no board; half of what the field holds is left for times to come
_MAGIC = b"BSH1"
_HEAD = struct.Struct("<4sI")
_CLOCKS = struct.Struct("<qq")
_CHANNEL = struct.Struct("<qqqIHH")


@dataclass(slots=True)
class ChannelHistory:
    """One channel: start (samples), length (samples; 0: none yet) and largest current (steps) of the last pulse that was
    admitted; bounds of the charge that all pulses left (steps times samples, cathodic below 0); how many pulses are admitted
    and not yet over.

    There are two bounds because charge may leak away at any time, unseen. Pulses that take it back would then bring as much of
    the other sign.
    """

    start: int = 0
    low: int = 0
    high: int = 0
    length: int = 0
    peak: int = 0
    flying: int = 0

    @property
    def end(self) -> int:
        """The sample at which the last pulse is over."""
        return self.start + self.length

    def with_net(self, net: int) -> tuple[int, int]:
        """The bounds after a pulse of this net charge, before which any part of what was held may have leaked away."""
        return min(self.low, 0) + net, max(self.high, 0) + net


@dataclass(slots=True)
class History:
    """All channels; the clock when it was written last; `ready`, the clock at which electrodes whose charge is not known
    will have lost it (0: it is known)."""

    channels: list[ChannelHistory]
    clock: int = 0
    ready: int = 0

    @classmethod
    def empty(cls, channels: int) -> History:
        """That of electrodes which never stimulated and hold no charge."""
        return cls([ChannelHistory() for _ in range(channels)])

    @classmethod
    def recalled(cls, region: bytes, channels: int, discharge: int) -> History:
        """The history that a board starts with, from bytes. Where these are damaged, or a pulse was under way when they
        were written last, the charge of the electrodes is not known, and they need `discharge` samples to lose it."""
        history = _unpacked(region, channels)
        if history is not None and not any(channel.flying for channel in history.channels):
            return history
        history = history or cls.empty(channels)
        for channel in history.channels:
            channel.flying = 0
        history.forget(discharge)
        return history

    def forget(self, discharge: int) -> None:
        """The charge of the electrodes is not known from here on, until `discharge` samples have passed."""
        self.ready = self.clock + discharge

    def tick(self, clock: int) -> None:
        """So late is it now; charge that was not known has left the electrodes when its time has come."""
        self.clock = max(self.clock, clock)
        if self.ready and self.clock >= self.ready:
            self.ready = 0
            for channel in self.channels:
                channel.low = channel.high = 0

    def to_bytes(self) -> bytes:
        """The bytes to keep."""
        rows = b"".join(_CHANNEL.pack(c.start, c.low, c.high, c.length, c.peak, c.flying) for c in self.channels)
        body = _CLOCKS.pack(self.clock, self.ready) + rows
        return _HEAD.pack(_MAGIC, crc32(body)) + body


def _unpacked(region: bytes, channels: int) -> History | None:
    """The history in bytes; None where they are none of so many channels."""
    body = region[_HEAD.size :]
    if len(body) != _CLOCKS.size + channels * _CHANNEL.size or _HEAD.unpack_from(region) != (_MAGIC, crc32(body)):
        return None
    clock, ready = _CLOCKS.unpack_from(body)
    if clock >= _LATEST:
        return None
    return History([ChannelHistory(*row) for row in _CHANNEL.iter_unpack(body[_CLOCKS.size :])], clock, ready)
