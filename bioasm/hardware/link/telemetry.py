"""Telemetry at the board's end: one queue a stream, numbered, and what is dropped when they fill."""

from __future__ import annotations

from collections import deque

from bioasm.hardware.link.frames import Frame, wire_bytes
from bioasm.hardware.link.messages import Message, Stream
from bioasm.hardware.link.statistics import Statistics

ALWAYS = frozenset({Stream.STIM, Stream.STATUS, Stream.LOG})
_FIRST_DROPPED = (Stream.RAW, Stream.SPIKES, Stream.ENERGY, Stream.LOG)  # what was done to cells is never dropped
_FIRST_SENT = (Stream.STIM, Stream.STATUS, Stream.LOG, Stream.SPIKES, Stream.ENERGY, Stream.RAW)


class Telemetry:
    """Frames that wait to be sent, at most `limit` bytes on the wire. A frame keeps its number when others are dropped."""

    def __init__(self, limit: int, counts: Statistics) -> None:
        self.limit, self.counts = limit, counts
        self.size = 0
        self._queues: dict[Stream, deque[Frame]] = {stream: deque() for stream in Stream}
        self._numbers = [0] * len(Stream)

    def enqueue(self, message: Message) -> bool:
        """Queue a message, and make room for it where it matters more; False where it was dropped itself."""
        stream = Stream(message.TYPE - 0x80)
        frame = Frame(message.TYPE, 0, self._numbers[stream], message.pack())
        self._numbers[stream] = (frame.seq + 1) % (1 << 16)
        self._queues[stream].append(frame)
        self.size += wire_bytes(len(frame.payload))
        while self.size > self.limit and self._drop():
            pass
        return bool(self._queues[stream]) and self._queues[stream][-1] is frame

    def _drop(self) -> bool:
        """Drop the oldest frame of the stream that matters least; False where all that is left must stay."""
        stream = next((each for each in _FIRST_DROPPED if self._queues[each]), None)
        if stream is None:
            return False
        self.counts.dropped[stream] += 1
        self._take(stream)
        return True

    def next(self) -> Frame | None:
        """The frame to send next, or None."""
        stream = next((each for each in _FIRST_SENT if self._queues[each]), None)
        return None if stream is None else self._take(stream)

    def _take(self, stream: Stream) -> Frame:
        frame = self._queues[stream].popleft()
        self.size -= wire_bytes(len(frame.payload))
        return frame
