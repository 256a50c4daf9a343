"""Simulated serial channel, one direction: pacing, loss, corruption, duplication, delay and overrun; time is an argument."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

PIECE = 1100  # most bytes that share one fate; pieces end at frame delimiters


class _Flight(NamedTuple):
    """A piece in flight: the arrival times of its first and last byte, and its remaining bytes."""

    first: float
    last: float
    data: bytes


@dataclass(slots=True)
class Fates:
    """Counts of the fates of pieces: how many were lost, corrupted, cut, doubled, held back, and how many bytes overran."""

    pieces: int = 0
    lost: int = 0
    corrupted: int = 0
    truncated: int = 0
    duplicated: int = 0
    delayed: int = 0
    overrun: int = 0


class Channel:
    """One direction of a simulated line: bytes are delayed, damaged or lost.

    `rate` in bytes/s (None: at once) paces them, `latency` in s holds all of them up. `loss`, `corrupt` (a bit is turned),
    `truncate` (the end is missing), `duplicate` and `delay` (by up to `delay_by` s, so that later pieces pass it) are
    chances for each frame. `transmit` bytes may wait to be sent, `capacity` bytes (None: any) to be read; more than that
    overruns, as in a UART that nobody empties. The same seed and calls give the same fates.
    """

    def __init__(
        self,
        rate: float | None = None,
        *,
        seed: int = 0,
        latency: float = 0.0,
        loss: float = 0.0,
        corrupt: float = 0.0,
        truncate: float = 0.0,
        duplicate: float = 0.0,
        delay: float = 0.0,
        delay_by: float = 0.02,
        transmit: int = 4096,
        capacity: int | None = None,
    ) -> None:
        self.rate, self.latency, self.delay_by = rate, latency, delay_by
        self.loss, self.corrupt, self.truncate, self.duplicate, self.delay = loss, corrupt, truncate, duplicate, delay
        self.transmit, self.capacity = transmit, capacity
        self.fates = Fates()
        self.bytes = 0
        self._random = Random(seed)
        self._free_at = 0.0  # when the transmitter has sent all it was given
        self._rest = b""
        self._rest_began = 0.0
        self._flights: deque[_Flight] = deque()
        self._arrived = bytearray()

    def room(self, now: float) -> int:
        """Bytes that `send` should be given at most."""
        if self.rate is None:
            return self.transmit
        return max(0, self.transmit - int((self._free_at - now) * self.rate))

    def send(self, data: bytes, now: float) -> None:
        """Send bytes. The bytes of a frame share one fate, which is drawn when its end is sent."""
        self.bytes += len(data)
        begin, known = max(now, self._free_at), len(self._rest)  # what was known before has been on the line already
        first = self._rest_began if known else begin
        self._free_at = begin + self._time(len(data))
        for piece in self._pieces(data):
            last = begin + self._time(len(piece) - known)
            self._depart(piece, first + self.latency, last + self.latency)
            begin = first = last
            known = 0
        self._rest_began = first

    def _time(self, size: int) -> float:
        return size / self.rate if self.rate else 0.0

    def _pieces(self, data: bytes) -> list[bytes]:
        """Split into whole frames and long fragments; a shorter rest waits for more bytes."""
        *whole, rest = (self._rest + data).split(b"\0")
        pieces = [piece + b"\0" for piece in whole]
        while len(rest) > PIECE:
            pieces.append(rest[:PIECE])
            rest = rest[PIECE:]
        self._rest = rest
        return pieces

    def _depart(self, piece: bytes, first: float, last: float) -> None:
        self.fates.pieces += 1
        if self._happens(self.loss):
            self.fates.lost += 1
            return
        for copy in range(2 if self._happens(self.duplicate) else 1):
            self.fates.duplicated += copy
            self._fly(self._damaged(piece), first, last)

    def _damaged(self, piece: bytes) -> bytes:
        if self._happens(self.corrupt):
            self.fates.corrupted += 1
            changed = bytearray(piece)
            changed[self._random.randrange(len(piece))] ^= 1 << self._random.randrange(8)
            piece = bytes(changed)
        if self._happens(self.truncate):
            self.fates.truncated += 1
            piece = piece[: self._random.randrange(len(piece))]
        return piece

    def _fly(self, piece: bytes, first: float, last: float) -> None:
        if self._happens(self.delay):
            self.fates.delayed += 1
            late = self._random.uniform(0.0, self.delay_by)
            first, last = first + late, last + late
        self._flights.append(_Flight(first, last, piece))

    def _happens(self, chance: float) -> bool:
        return chance > 0 and self._random.random() < chance

    def receive(self, now: float) -> bytes:
        """The bytes that have arrived by `now` and were not read yet."""
        self._land(now)
        taken = bytes(self._arrived)
        self._arrived.clear()
        return taken

    def _land(self, now: float) -> None:
        """Move pieces that have arrived into the receive buffer, which may overrun; later pieces overtake a delayed one."""
        flying: deque[_Flight] = deque()
        for flight in sorted(self._flights, key=lambda flight: flight.last):
            there = flight.data if now >= flight.last else flight.data[: self._part(flight, now)]
            self._arrive(there)
            if len(there) < len(flight.data):
                flying.append(flight._replace(first=max(now, flight.first), data=flight.data[len(there) :]))
        self._flights = flying

    @staticmethod
    def _part(flight: _Flight, now: float) -> int:
        """The number of bytes of an arriving piece that have arrived."""
        if now <= flight.first:
            return 0
        return int(len(flight.data) * (now - flight.first) / (flight.last - flight.first))

    def _arrive(self, data: bytes) -> None:
        room = len(data) if self.capacity is None else max(0, self.capacity - len(self._arrived))
        self.fates.overrun += len(data) - min(room, len(data))
        self._arrived += data[:room]
