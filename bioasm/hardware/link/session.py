"""State machine of the host's end of the link, without I/O, threads or clock: greeting, requests, transfers, events."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from enum import Enum
from typing import NamedTuple

from bioasm.diagnostics import EXIT_DEVICE, BioasmError, error
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.clock import Clock
from bioasm.hardware.link.endpoint import Endpoint
from bioasm.hardware.link.errors import LinkLost
from bioasm.hardware.link.frames import HEADER, MAX_PAYLOAD, Frame
from bioasm.hardware.link.messages import Kind, Message, Reply, Request, State, Stream
from bioasm.hardware.link.statistics import Statistics
from bioasm.hardware.link.texts import in_words
from bioasm.hardware.link.transfers import Download, Pending, Upload
from bioasm.hardware.link.window import GaveUp
from bioasm.hardware.link.wire import WireError

HELLO_EVERY = 0.1
HEARTBEAT_EVERY = 0.25
FIRST_HEARTBEATS = 8  # close together, so that the clock is known soon
FIRST_HEARTBEAT_EVERY = 0.05
ESTOP_EVERY = 0.025
SILENCE = 2.0
UPLOAD_HEADER = 4
LATEST = 256  # frames of its stream that may pass one; older numbers are taken for newer ones after a long gap
EVENT_BYTES = 1 << 26  # bound of unread telemetry, beyond which the newest is dropped
_DROPPABLE = frozenset({Stream.SPIKES, Stream.RAW, Stream.ENERGY, Stream.LOG})
_ANSWERS = frozenset({m.Welcome.TYPE, m.Ack.TYPE, m.HeartbeatAck.TYPE, m.EstopAck.TYPE, m.NoSession.TYPE})


class Phase(Enum):
    """States of a session."""

    CLOSED = "closed"
    GREETING = "greeting"
    OPEN = "open"
    LOST = "lost"


class Event(NamedTuple):
    """An unsolicited message: host time of arrival (s), and the lost frames since the previous one of its stream."""

    message: Message
    received: float
    lost: int = 0


class HostSession:
    """State machine of the host's protocol. Every call takes `now`, in s of one monotonic clock.

    A board that says nothing for `silence` s is lost.
    """

    def __init__(self, name: str, nonce: int, line_rate: float | None = None, silence: float = SILENCE) -> None:
        self.name, self.nonce, self.silence = name, nonce, silence
        self.phase = Phase.CLOSED
        self.welcome: m.Welcome | None = None
        self.state = State.DISARMED
        self.clock = Clock(1.0)
        self.rejected: m.Rejected | None = None
        self.lost: LinkLost | None = None
        self.stopped: m.EstopAck | None = None
        self._end = Endpoint(line_rate)
        self._events: deque[tuple[Event, int]] = deque()  # with what each counts against EVENT_BYTES
        self._event_bytes = 0
        self._pending: dict[int, Pending] = {}
        self._upload: Upload | None = None
        self._download: Download | None = None
        self._expected = [0] * len(Stream)
        self._missing = [0] * len(Stream)
        self._next_hello = self._next_heartbeat = self._next_estop = float("inf")
        self._heard = 0.0
        self._beats: dict[int, float] = {}
        self._token = 0
        self._stop_token = nonce % (1 << 32)
        self._watchdog: float | None = None

    @property
    def statistics(self) -> Statistics:
        """The statistics of this end."""
        counts, trip = self._end.statistics, self._end.sender.round_trip
        if trip.samples:
            counts.round_trip, counts.shortest_round_trip = trip.smoothed, trip.shortest
        counts.clock_bound = self.clock.bound
        return counts

    # --- what the host asks for ---------------------------------------------------------------------

    def greet(self, now: float) -> None:
        """Start requesting a session."""
        self.phase, self._next_hello = Phase.GREETING, now

    def ask(self, request: Request) -> Pending:
        """Send a request. Raises BioasmError B517 where a value in it does not fit its field."""
        pending = Pending(request)
        try:
            self._pending[self._end.reliable(request)] = pending
        except WireError as cause:
            raise error("B517", f"the board can't be asked this: {cause}") from cause
        if isinstance(request, m.Arm):
            self._watchdog, self._next_heartbeat = request.watchdog_ms / 1000, float("-inf")
        return pending

    def upload(self, kind: Kind, data: bytes) -> Upload:
        """Begin an upload; there is one at a time."""
        assert self.welcome is not None
        chunk = min(MAX_PAYLOAD, self.welcome.capabilities.max_payload) - UPLOAD_HEADER
        self._upload = Upload(self.ask, kind, data, chunk)
        return self._upload

    def fetch(self, ended: m.RunEnded, have: bytes = b"") -> Download:
        """Begin to fetch a result, of which `have` is there already; there is one at a time."""
        self._download = Download(self.ask, ended, have)
        return self._download

    def estop(self, now: float) -> None:
        """Send the emergency stop before everything else, again until it is acknowledged."""
        self.stopped, self._next_estop = None, now
        self._stop_token = (self._stop_token + 1) % (1 << 32)
        self._end.drop_output()

    def reset(self) -> None:
        """Ask the board to start again. The session is lost by it."""
        assert self.welcome is not None
        self._end.send_out_of_band(m.Reset(self.welcome.boot))

    def close(self) -> None:
        """Send the end of the session."""
        if self.phase is Phase.OPEN:
            self._end.send_out_of_band(m.Bye())
        self.phase = Phase.CLOSED

    def mark_lost(self, why: str, hint: str | None = None) -> None:
        """Mark the line or the board as lost."""
        if self.phase is not Phase.LOST:
            self.phase, self.lost = Phase.LOST, LinkLost(why, hint)

    # --- bytes --------------------------------------------------------------------------------------

    def receive(self, data: bytes, now: float) -> None:
        """Process received bytes; never raises."""
        for frame in self._end.frames(data):
            try:
                self._take(frame, now)
            except WireError:
                self.statistics.malformed += 1
        self._advance()

    def poll(self, now: float, room: int | None = None) -> bytes:
        """Bytes to write now, at most `room`."""
        self._timers(now)
        self._advance()
        try:
            return self._end.poll(now, room, State.DISARMED, lambda: b"")
        except GaveUp as why:
            self.mark_lost(str(why))
            return b""

    def deadline(self) -> float:
        """The next timer: the time at which `poll` is due without input."""
        times = [self._next_hello, self._next_heartbeat, self._next_estop, self._end.sender.deadline()]
        return min(time for time in times if time is not None)

    def _advance(self) -> None:
        if self._upload is not None:
            self._upload.advance(self._send, self._end.sender)

    def _send(self, message: Message) -> None:
        self._end.reliable(message)

    # --- timers -------------------------------------------------------------------------------------

    def _timers(self, now: float) -> None:
        if self.phase is Phase.GREETING and now >= self._next_hello:
            self._next_hello = now + HELLO_EVERY
            self._end.drop_output()  # leads with a zero, behind whatever stands in the line from before
            self._end.send_out_of_band(m.Hello(m.OLDEST_VERSION, m.NEWEST_VERSION, self.nonce, self.name), session=0)
        if now >= self._next_estop:
            self._next_estop = now + ESTOP_EVERY
            self._end.send_out_of_band(m.Estop(self._stop_token))
        if self.phase is Phase.OPEN:
            self._live(now)

    def _live(self, now: float) -> None:
        if now - self._heard >= self.silence:
            self.mark_lost(f"no answer for {self.silence:g} s")
        elif now >= self._next_heartbeat:
            self._beat(now)

    def _beat(self, now: float) -> None:
        self._token = (self._token + 1) % (1 << 32)
        self._beats = {token: sent for token, sent in self._beats.items() if now - sent < self.silence}
        self._beats[self._token] = now
        self._end.send_out_of_band(m.Heartbeat(self._token))
        every = FIRST_HEARTBEAT_EVERY if self._token < FIRST_HEARTBEATS else HEARTBEAT_EVERY
        self._next_heartbeat = now + min(every, self._watchdog / 4 if self._watchdog else every)

    # --- frames -------------------------------------------------------------------------------------

    def _take(self, frame: Frame, now: float) -> None:
        if m.reliable_to_host(frame.type):
            for ready in self._end.receiver.accept(frame) if self._ours(frame) else ():
                self._reliable(ready, now)
        elif m.telemetry(frame.type):
            if self._ours(frame):
                self._telemetry(frame, now)
        else:
            self._out_of_band(frame, now)
        if frame.session == self._end.session and _from_board(frame.type):  # echoes of our own frames are no sign of life
            self._heard = now

    def _ours(self, frame: Frame) -> bool:
        ours = self.phase is Phase.OPEN and frame.session == self._end.session
        self.statistics.strangers += not ours
        return ours

    def _out_of_band(self, frame: Frame, now: float) -> None:
        message = _read(frame)
        match message:
            case m.Welcome():
                self._welcomed(message, frame, now)
            case m.Rejected() if message.nonce == self.nonce and self.phase is Phase.GREETING:
                self.rejected = message
            case m.EstopAck():
                self._stop_acknowledged(message)
            case m.NoSession():
                self._disowned(message, frame)
            case m.Ack() if self._ours(frame):
                self.state = message.state
                self._end.acknowledged(frame, message, now)
            case m.HeartbeatAck() if self._ours(frame):
                self.state = message.state
                self._heard_beat(message, now)

    def _welcomed(self, welcome: m.Welcome, frame: Frame, now: float) -> None:
        if welcome.nonce != self.nonce or self.phase is not Phase.GREETING:
            return
        board = welcome.capabilities
        self.welcome, self.state, self.phase, self.rejected = welcome, welcome.state, Phase.OPEN, None
        self._end.begin(frame.session, window=max(1, board.window), credit=board.rx_bytes)
        self.clock = Clock(float(max(1, board.clock_hz)))
        self._next_hello, self._next_heartbeat, self._heard = float("inf"), now, now

    def _disowned(self, message: m.NoSession, frame: Frame) -> None:
        """Handle NoSession: the session ends if it names this one, or if the board has restarted."""
        if self.phase is not Phase.OPEN or self.welcome is None:
            return
        if message.boot != self.welcome.boot:
            self.mark_lost("the board started anew", "what it had loaded is gone; connect again")
        elif frame.session == self._end.session:
            self.mark_lost("the board ended the session")

    def _stop_acknowledged(self, message: m.EstopAck) -> None:
        if message.token == self._stop_token:
            self.stopped, self._next_estop = message, float("inf")
            self.state = message.state

    def _heard_beat(self, message: m.HeartbeatAck, now: float) -> None:
        sent = self._beats.pop(message.token, None)
        if sent is not None:
            self.clock.add(sent, now, message.clock)

    # --- messages -----------------------------------------------------------------------------------

    def _reliable(self, frame: Frame, now: float) -> None:
        message = _read(frame)
        if isinstance(message, Reply):
            pending = self._pending.pop(message.request, None)
            if pending is not None:
                pending.reply = message
                self._watch_over(pending)
        elif isinstance(message, m.ResultData):
            if self._download is not None:
                self._download.take(message)
        else:
            self._events.append((Event(message, now), 0))

    def _watch_over(self, pending: Pending) -> None:
        """Restore the slow heartbeat period once the board is disarmed, or was not armed."""
        refused = isinstance(pending.reply, m.Refused)
        if isinstance(pending.request, m.Disarm if not refused else m.Arm):
            self._watchdog = None

    def _telemetry(self, frame: Frame, now: float) -> None:
        message = _read(frame)
        stream = Stream(frame.type - 0x80)
        missing = (frame.seq - self._expected[stream]) % (1 << 16)
        if missing >= (1 << 16) - LATEST:
            return  # held up on its way, and counted as lost when a later one came
        self._expected[stream] = (frame.seq + 1) % (1 << 16)
        self.statistics.lost[stream] += missing
        self._missing[stream] += missing
        if isinstance(message, m.Status) and (self.stopped is None or message.clock > self.stopped.clock):
            self.state = message.state  # EstopAck overtakes telemetry that was written before it
        self._keep(stream, Event(message, now, self._missing[stream]), len(frame.payload) + HEADER.size)

    def _keep(self, stream: Stream, event: Event, size: int) -> None:
        """Queue an event for its reader; without one, lossy events are dropped and counted."""
        if self._event_bytes + size > EVENT_BYTES and stream in _DROPPABLE:
            self.statistics.dropped[stream] += 1
            self._missing[stream] += 1
            return
        self._missing[stream] = 0
        self._event_bytes += size
        self._events.append((event, size))

    @property
    def has_event(self) -> bool:
        """Whether there is an event that was not taken yet."""
        return bool(self._events)

    def next_event(self) -> Event | None:
        """The oldest event that was not taken yet, or None."""
        if not self._events:
            return None
        event, size = self._events.popleft()
        self._event_bytes -= size
        return event


def _read(frame: Frame) -> Message:
    """The message in a frame, with its text in words."""
    message = m.read(frame.type, frame.payload)
    if isinstance(message, m.Refused | m.RunEnded | m.Faulted | m.Log | m.Rejected):
        return replace(message, text=in_words(message.text))
    return message


def _from_board(kind: int) -> bool:
    return m.reliable_to_host(kind) or m.telemetry(kind) or kind in _ANSWERS


def why_not(rejected: m.Rejected | None) -> BioasmError:
    """The error for a caller that waited for a session."""
    if rejected is None:
        hint = "is it the right port, is the board powered, and does its firmware speak BAL/2?"
        return error("B510", "no board answered", hint=hint, exit_code=EXIT_DEVICE)
    if rejected.reason is m.Rejection.BUSY:
        text = f"the board is busy: {rejected.text}"
        return error("B513", text, hint="end the other program, or wait until it is done", exit_code=EXIT_DEVICE)
    ours, theirs = _versions(m.OLDEST_VERSION, m.NEWEST_VERSION), _versions(rejected.oldest, rejected.newest)
    text = f"the board speaks version {theirs} of the protocol, and this program version {ours}"
    return error("B512", text, hint="update the older of the two", exit_code=EXIT_DEVICE)


def _versions(oldest: int, newest: int) -> str:
    return str(oldest) if oldest == newest else f"{oldest} to {newest}"
