"""Sliding window (ARQ) with cumulative and selective acknowledgement, one direction. Time is an argument of every call."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from bioasm.hardware.link.frames import Frame, wire_bytes
from bioasm.hardware.link.messages import Ack, State
from bioasm.hardware.link.statistics import Statistics

SEQUENCE = 1 << 16
FIRST_TIMEOUT = 0.2  # before anything is known of the round trip
SHORTEST_TIMEOUT = 0.025
LONGEST_TIMEOUT = 5.0
TRIES = 8
KEPT = 3  # doublings of the wait that outlast progress
WIDEST = 32  # frames of a window: the bits of `Ack.held`, and one


class GaveUp(Exception):
    """A frame reached the limit of retransmissions without an acknowledgement."""


@dataclass(slots=True)
class RoundTrip:
    """Estimator of the round-trip time (RFC 6298): smoothed value, deviation, and minimum, in seconds."""

    smoothed: float = 0.0
    deviation: float = 0.0
    shortest: float = 0.0
    samples: int = 0

    def add(self, sample: float) -> None:
        """Update by one measurement of the round trip, s (RFC 6298)."""
        if not self.samples:
            self.smoothed, self.deviation, self.shortest = sample, sample / 2, sample
        else:
            self.deviation += (abs(sample - self.smoothed) - self.deviation) / 4
            self.smoothed += (sample - self.smoothed) / 8
            self.shortest = min(self.shortest, sample)
        self.samples += 1

    @property
    def timeout(self) -> float:
        """The retransmission timeout (RTO) on an idle line, s."""
        if not self.samples:
            return FIRST_TIMEOUT
        return max(SHORTEST_TIMEOUT, self.smoothed + 4 * self.deviation)


@dataclass(slots=True)
class _Item:
    type: int
    payload: bytes
    size: int  # bytes on the wire
    sent_at: float = 0.0
    ahead: int = 0  # bytes not yet acknowledged when it was sent, its own among them
    sends: int = 0
    held: bool = False  # the receiver has it, and waits for one before it
    again: bool = False  # it must be sent again


class Sender:
    """Sends frames in order, and those again that were lost; no more than a window or the receiver's credit ahead.

    `line_rate` in bytes/s (None: not known) lets it wait for what the line alone needs. What happens is added to `counts`.
    """

    def __init__(self, counts: Statistics, *, window: int = 8, credit: int = 1 << 14, line_rate: float | None = None) -> None:
        self.counts, self.window, self.credit, self.line_rate = counts, min(window, WIDEST), credit, line_rate
        self.round_trip = RoundTrip()
        self._items: deque[_Item] = deque()  # not yet acknowledged; the first has the number `_base`
        self._base = 0
        self._reach = 0  # how many of them were ever sent
        self._reach_bytes = 0
        self._timer = 0.0  # when the wait for the first one began
        self._tries = 0
        self._backoff = 0  # timeouts since a frame that was sent once told the round trip (Karn)
        self._doubted = 0  # how many of the first were sent before the last timeout, and may all be lost

    def enqueue(self, kind: int, payload: bytes) -> int:
        """Queue a frame. Returns the number that its header will have."""
        self._items.append(_Item(kind, payload, wire_bytes(len(payload))))
        return (self._base + len(self._items) - 1) % SEQUENCE

    @property
    def idle(self) -> bool:
        """Whether all that was queued has been acknowledged."""
        return not self._items

    @property
    def outstanding(self) -> int:
        """The number of unacknowledged frames in the queue."""
        return len(self._items)

    @property
    def wants_more(self) -> bool:
        """Backpressure: whether fewer than a window of frames wait for their first transmission."""
        return len(self._items) - self._reach < self.window

    def poll(self, now: float) -> Frame | None:
        """The next frame to send, or None. Raises GaveUp after 8 timeouts without progress."""
        if self._reach and now >= self._timeout_at():
            self._timed_out(now)
        for k in range(self._reach):
            if self._items[k].again:
                return self._send(k, now)
        if self._reach < len(self._items) and self._may_send(self._items[self._reach].size):
            self._reach_bytes += self._items[self._reach].size
            self._reach += 1
            return self._send(self._reach - 1, now)
        return None

    def deadline(self) -> float | None:
        """When `poll` has something to do although nothing arrived; None while nothing is on its way."""
        return self._timeout_at() if self._reach else None

    def acknowledged(self, ack: Ack, expected: int, now: float) -> None:
        """Take an acknowledgement: the number that the receiver expects next, and in `ack` what else it has or lacks."""
        arrived = (expected - self._base) % SEQUENCE
        if arrived > self._reach:
            return  # an old one that was held up on its way
        self.credit = ack.credit
        for _ in range(arrived):
            self._forget(now)
        if arrived:
            self._progressed(arrived, now)
        if ack.nak:
            self.counts.naks += 1
            self._mend(ack.held, now)

    def _progressed(self, arrived: int, now: float) -> None:
        """Restart the retransmission timer after progress, and send the next frame again where a timeout makes it doubtful.

        What was sent before a timeout may be lost as a whole, and a receiver that got none of it asks for none of it.
        """
        self._timer, self._tries = now, 0
        self._doubted = max(0, self._doubted - arrived)
        if self._doubted and now - self._items[0].sent_at > self._wait():
            self._items[0].again = True

    def _mend(self, held: int, now: float) -> None:
        """Retransmit the gaps below the receiver's last frame; all frames, where it holds none ahead."""
        known = held.bit_length() + 1 if held else self._reach
        for k in range(min(known, self._reach)):
            item = self._items[k]
            item.held = item.held or bool(k and held >> (k - 1) & 1)
            item.again = not item.held and (item.again or self._overdue(item, now))

    def _overdue(self, item: _Item, now: float) -> bool:
        """Whether a NAK can have been written after the item, as it was sent last, should have been there."""
        return item.sends == 1 or now - item.sent_at > self.round_trip.smoothed + self._line_time(item.ahead)

    def _forget(self, now: float) -> None:
        item = self._items.popleft()
        self._base = (self._base + 1) % SEQUENCE
        self._reach -= 1
        self._reach_bytes -= item.size
        if item.sends == 1 and not item.held:  # of others it is not known what was answered when (Karn)
            self.round_trip.add(max(0.0, now - item.sent_at - self._line_time(item.ahead)))
            self._backoff = 0

    def _may_send(self, size: int) -> bool:
        if not self._reach:
            return True  # one frame always may go, or a lost credit would stop the line for good
        return self._reach < self.window and self._reach_bytes + size <= self.credit

    def _send(self, k: int, now: float) -> Frame:
        item = self._items[k]
        if self._reach == 1 and not item.sends:
            self._timer = now
        item.sent_at, item.ahead, item.again = now, self._reach_bytes, False
        item.sends += 1
        self.counts.resent += item.sends > 1
        return Frame(item.type, 0, (self._base + k) % SEQUENCE, item.payload)

    def _timed_out(self, now: float) -> None:
        self.counts.timeouts += 1
        self._timer = now
        self._tries += 1
        self._backoff += 1
        if self._tries > TRIES:
            raise GaveUp(f"a frame was sent {TRIES} times and never acknowledged")
        self._doubted = self._reach
        self._items[0].again = True

    def _timeout_at(self) -> float:
        return self._timer + self._wait()

    def _wait(self) -> float:
        """The retransmission timeout, s: exponential backoff, plus the line's time for the bytes under way."""
        doublings = max(self._tries, min(self._backoff, KEPT))
        wait = min(LONGEST_TIMEOUT, self.round_trip.timeout * (1 << doublings))
        return wait + self._line_time(self._reach_bytes)

    def _line_time(self, size: int) -> float:
        return size / self.line_rate if self.line_rate else 0.0


class Receiver:
    """Receiver that restores the order of frames, with up to `ahead` buffered ones, and acknowledges them."""

    def __init__(self, counts: Statistics, ahead: int = WIDEST) -> None:
        self.counts, self.ahead = counts, min(ahead, WIDEST)
        self.expected = 0
        self.due = False  # whether an acknowledgement should be sent
        self._held: dict[int, Frame] = {}
        self._missing = False  # something later came before the expected one

    def accept(self, frame: Frame) -> list[Frame]:
        """The frames that can be taken now, in order: none where this one is not the next."""
        early = (frame.seq - self.expected) % SEQUENCE
        self.due = True
        if early >= SEQUENCE // 2 or frame.seq in self._held:
            self.counts.duplicates += 1
            return []
        if early == 0:
            return self._in_order(frame)
        self.counts.gaps += not self._missing
        self._missing = True
        if early <= self.ahead:
            self._held[frame.seq] = frame
        return []

    def _in_order(self, frame: Frame) -> list[Frame]:
        ready = [frame]
        self.expected = (self.expected + 1) % SEQUENCE
        while (following := self._held.pop(self.expected, None)) is not None:
            ready.append(following)
            self.expected = (self.expected + 1) % SEQUENCE
        self._missing = bool(self._held)
        return ready

    def acknowledgement(self, state: State, credit: int) -> Ack:
        """The acknowledgement to send now; with that nothing is due until another frame comes."""
        self.due = False
        held = sum(1 << (seq - self.expected - 1) % SEQUENCE for seq in self._held)
        return Ack(self._missing, state, credit, held)
