"""The board's end of the link: sessions, watchdog, requests, uploads, results, telemetry. Time is an argument of every call."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Protocol

from bioasm.hardware.link import messages as m
from bioasm.hardware.link.endpoint import Endpoint
from bioasm.hardware.link.frames import MAX_PAYLOAD, Frame
from bioasm.hardware.link.messages import Kind, Message, Refusal, Refused, Reply, Request, State, Stream
from bioasm.hardware.link.statistics import Statistics
from bioasm.hardware.link.telemetry import ALWAYS, Telemetry
from bioasm.hardware.link.uploads import Uploads
from bioasm.hardware.link.window import GaveUp
from bioasm.hardware.link.wire import WireError

SESSION_TIMEOUT = 2.0
NO_SESSION_EVERY = 0.05
WATCHDOG_MS = range(50, 2001)
RESULT_CHUNK = MAX_PAYLOAD - 8  # beside run and offset
_TX_BYTES = 1 << 16  # of telemetry that may wait to be sent


class Board(Protocol):
    """Interface of the board to the link, called from within `receive` and `poll`."""

    def clock(self) -> int:
        """The device clock in ticks."""

    def state(self) -> State:
        """The state the board is in."""

    def request(self, request: Request) -> Reply:
        """Execute a request (Arm, Disarm, ClearFault, Run, Halt, Subscribe, Stimulate): Accepted or Refused."""

    def may_upload(self, kind: Kind, total: int) -> Refused | None:
        """The refusal of an upload of `total` bytes, or None."""

    def uploaded(self, kind: Kind, data: bytes) -> Refused | None:
        """Accept an upload with a verified hash, or refuse it."""

    def estop(self) -> None:
        """Stop stimulation now and go to FAULT. Idempotent."""

    def reset(self) -> None:
        """Restart, with a new boot id."""

    def host_lost(self, why: str) -> None:
        """The host is silent: stop stimulation, end the run, disarm. Called once for each loss."""


class DeviceLink:
    """The link as the board sees it, without a wire.

    `boot` is random at each start. `line_rate` is that of the transmitter, in bytes/s. There is one host at a time: its session
    begins with a Hello and ends with a Bye or 2 s of silence.
    """

    def __init__(self, board: Board, capabilities: m.Capabilities, boot: int, *, line_rate: float | None = None) -> None:
        self.board, self.capabilities, self.boot = board, capabilities, boot
        self.raw_channels: tuple[int, ...] = ()
        self._end = Endpoint(line_rate, capabilities.rx_bytes, capabilities.window)
        self._uploads = Uploads(board.may_upload, board.uploaded, board.state)
        self._telemetry = Telemetry(_TX_BYTES, self._end.statistics)
        self._last_session = boot % 255  # so that a restarted board accepts no frame of an old session
        self._nonce: int | None = None
        self._past_nonce: int | None = None
        self._host = ""
        self._heard = self._complained = float("-inf")
        self._beat = 0  # token of the latest heartbeat of the session
        self._watchdog: float | None = None
        self._streams = ALWAYS
        self._result: tuple[m.RunEnded, bytes] | None = None
        self._sending: int | None = None  # offset in the result that is being fetched
        self._end.send_out_of_band(m.NoSession(boot), session=0)

    # --- what the board uses ------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Whether a host has a session."""
        return self._nonce is not None

    @property
    def loaded(self) -> dict[Kind, bytes]:
        """The SHA-256 of what was uploaded and taken, by kind. What is deleted here counts as not loaded."""
        return self._uploads.loaded

    @property
    def statistics(self) -> Statistics:
        """The statistics of this end."""
        return self._end.statistics

    @property
    def dropped(self) -> tuple[int, ...]:
        """Telemetry frames that were dropped here, by stream."""
        return tuple(self._end.statistics.dropped)

    def wants(self, stream: Stream) -> bool:
        """Whether the host listens to a stream."""
        return self.connected and stream in self._streams

    def send(self, event: Message) -> None:
        """Send an event over the reliable window; without a session it is dropped."""
        if self.connected:
            self._end.reliable(event)

    def send_telemetry(self, message: Message) -> bool:
        """Queue telemetry; False where the stream has no subscriber or the queue dropped it."""
        return self.wants(Stream(message.TYPE - 0x80)) and self._telemetry.enqueue(message)

    def offer_result(self, ended: m.RunEnded, data: bytes) -> None:
        """Keep a run's result until the next one, and announce it to the host."""
        told = replace(ended, total=len(data), sha256=sha256(data).digest())
        self._result, self._sending = (told, data), None
        self.send(told)

    def receive(self, data: bytes, now: float) -> None:
        """Process received bytes; never raises."""
        self._watch(now)
        for frame in self._end.frames(data):
            try:
                self._take(frame, now)
            except WireError:
                self.statistics.malformed += 1

    def poll(self, now: float, room: int | None = None) -> bytes:
        """Bytes to write now, at most `room`. Watches the host, so it must be called every 10 ms or so."""
        self._watch(now)
        try:
            self._feed()
            return self._end.poll(now, room, self.board.state(), self._more)
        except GaveUp as why:
            self._end_session(str(why))
            return b""

    def deadline(self) -> float | None:
        """When `poll` has something to do although nothing arrives; None where nothing is pending."""
        times = [self._end.sender.deadline()]
        if self.connected:
            times.append(self._heard + (self._watchdog or SESSION_TIMEOUT))
        return min((time for time in times if time is not None), default=None)

    # --- the host's life ----------------------------------------------------------------------------

    def _watch(self, now: float) -> None:
        silence = now - self._heard
        if self._watchdog is not None and silence >= self._watchdog:
            self._mark_lost(f"the host was silent for {self._watchdog * 1000:.0f} ms")
        if self.connected and silence >= SESSION_TIMEOUT:
            self._end_session(f"the host was silent for {SESSION_TIMEOUT:g} s")

    def _mark_lost(self, why: str) -> None:
        self._watchdog = None
        self.board.host_lost(why)

    def _end_session(self, why: str) -> None:
        if not self.connected:
            return
        self._past_nonce, self._nonce = self._nonce, None
        self._mark_lost(why)
        self._begin(0)

    def _begin(self, session: int) -> None:
        """Windows, streams and transfers start anew; uploads and the result stay."""
        self._end.begin(session)
        self._telemetry = Telemetry(_TX_BYTES, self.statistics)
        self._streams, self.raw_channels, self._sending = ALWAYS, (), None

    # --- frames -------------------------------------------------------------------------------------

    def _take(self, frame: Frame, now: float) -> None:
        if frame.type in (m.Hello.TYPE, m.Estop.TYPE, m.Reset.TYPE):
            self._from_anyone(m.read(frame.type, frame.payload), now)
        elif not self.connected or frame.session != self._end.session:
            self._complain(frame, now)
        elif m.from_host(frame.type):
            self._in_session(frame, now)
        else:
            self.statistics.malformed += 1

    def _complain(self, frame: Frame, now: float) -> None:
        """Rate-limited NoSession reply to a host without a session."""
        self.statistics.strangers += 1
        if now - self._complained >= NO_SESSION_EVERY and frame.type != m.Bye.TYPE:
            self._complained = now
            self._end.send_out_of_band(m.NoSession(self.boot), session=frame.session)

    def _from_anyone(self, message: Message, now: float) -> None:
        if isinstance(message, m.Hello):
            self._hello(message, now)
        elif isinstance(message, m.Estop):
            self.board.estop()
            self._watchdog = None
            self._end.send_out_of_band(m.EstopAck(message.token, self.board.clock(), self.board.state()))
        elif isinstance(message, m.Reset) and message.boot == self.boot:
            self.board.reset()

    def _hello(self, hello: m.Hello, now: float) -> None:
        common = range(max(hello.oldest, m.OLDEST_VERSION), min(hello.newest, m.NEWEST_VERSION) + 1)
        if hello.nonce == self._past_nonce:
            return  # it was delayed
        if not common:
            self._reject(hello, m.Rejection.VERSION, "")
        elif self.connected and hello.nonce != self._nonce:
            self._reject(hello, m.Rejection.BUSY, f"{self._host or 'another host'} has the session")
        else:
            self._welcome(hello, common[-1], now)

    def _reject(self, hello: m.Hello, reason: m.Rejection, text: str) -> None:
        told = m.Rejected(hello.nonce, reason, m.OLDEST_VERSION, m.NEWEST_VERSION, text)
        self._end.send_out_of_band(told, session=0)

    def _welcome(self, hello: m.Hello, version: int, now: float) -> None:
        if not self.connected:
            self._nonce, self._host, self._heard, self._beat = hello.nonce, hello.host, now, 0
            self._last_session = self._last_session % 255 + 1
            self._begin(self._last_session)
        ended = self._result[0] if self._result else m.RunEnded(0, m.RunStatus.FINISHED, 0, 0, m.NO_DIGEST)
        loaded = tuple(self.loaded.get(kind, m.NO_DIGEST) for kind in Kind)
        self._end.send_out_of_band(
            m.Welcome(
                version,
                hello.nonce,
                self.boot,
                self.board.state(),
                loaded,
                ended.run,
                ended.total,
                ended.sha256,
                self.capabilities,
            )
        )

    def _in_session(self, frame: Frame, now: float) -> None:
        """Take a frame of the host. Signs of life are those that can't be said twice: new requests, and rising heartbeats."""
        if m.reliable_to_board(frame.type):
            ready = self._end.receiver.accept(frame)
            self._heard = now if ready else self._heard
            for each in ready:
                self._answer(each)
            return
        message = m.read(frame.type, frame.payload)
        if isinstance(message, m.Ack):
            self._end.acknowledged(frame, message, now)
        elif isinstance(message, m.Heartbeat):
            self._heartbeat(message, now)
        elif isinstance(message, m.Bye):
            self._end_session("the host closed it")

    def _heartbeat(self, message: m.Heartbeat, now: float) -> None:
        """Answer a heartbeat whose token is above all before; others were held up, or are repeated by a line or a stranger."""
        if message.token <= self._beat:
            self.statistics.duplicates += 1
            return
        self._beat, self._heard = message.token, now
        self._end.send_out_of_band(m.HeartbeatAck(message.token, self.board.clock(), self.board.state()))

    # --- requests -----------------------------------------------------------------------------------

    def _answer(self, frame: Frame) -> None:
        """Answer a reliable frame. Its number is used up, so what can't be read is answered as well."""
        try:
            message = m.read(frame.type, frame.payload)
        except WireError as fault:
            self.statistics.malformed += 1
            known = frame.type in m.BY_TYPE
            self._reply(frame, Refused(reason=Refusal.MALFORMED if known else Refusal.UNKNOWN, text=str(fault)))
            return
        if isinstance(message, m.UploadData):
            self._uploads.data(message)
        elif isinstance(message, Request):
            self._reply(frame, self._reply_to(message))

    def _reply(self, frame: Frame, reply: Reply) -> None:
        self._end.reliable(replace(reply, request=frame.seq))  # type: ignore[type-var]

    def _reply_to(self, request: Request) -> Reply:
        match request:
            case m.UploadBegin():
                return self._uploads.begin(request)
            case m.UploadEnd():
                return self._uploads.end(request)
            case m.Fetch():
                return self._fetch(request)
            case m.Arm() if request.watchdog_ms not in WATCHDOG_MS:
                return _outside(request.watchdog_ms)
        reply = self.board.request(request)
        if isinstance(reply, m.Accepted):
            self._note(request)
        return reply

    def _note(self, request: Request) -> None:
        """Note the watchdog and the streams of a request that the board accepted, which the link itself needs."""
        match request:
            case m.Arm():
                self._watchdog = request.watchdog_ms / 1000
            case m.Disarm():
                self._watchdog = None
            case m.Subscribe():
                self._streams = ALWAYS | {stream for stream in Stream if request.streams >> stream & 1}
                self.raw_channels = request.raw_channels

    # --- results and telemetry ----------------------------------------------------------------------

    def _fetch(self, request: m.Fetch) -> Reply:
        if self._result is None or self._result[0].run != request.run:
            return Refused(reason=Refusal.NOT_LOADED, text=f"no result of run {request.run} is kept")
        if request.offset > len(self._result[1]):
            return Refused(reason=Refusal.TOO_LARGE, subject="offset", value=request.offset, allowed=len(self._result[1]))
        self._sending = request.offset
        return m.Accepted(value=len(self._result[1]) - request.offset)

    def _feed(self) -> None:
        """Put the next bytes of a fetched result into the window, as it has room for them."""
        while self._sending is not None and self._result is not None and self._end.sender.wants_more:
            ended, data = self._result
            chunk = data[self._sending : self._sending + RESULT_CHUNK]
            if chunk:
                self._end.reliable(m.ResultData(ended.run, self._sending, chunk))
            self._sending = self._sending + len(chunk) if len(chunk) == RESULT_CHUNK else None

    def _more(self) -> bytes:
        frame = self._telemetry.next()
        return b"" if frame is None else self._end.encode(frame)


def _outside(watchdog_ms: int) -> Refused:
    text = f"the watchdog takes {WATCHDOG_MS[0]} to {WATCHDOG_MS[-1]} ms"
    nearest = min(max(watchdog_ms, WATCHDOG_MS[0]), WATCHDOG_MS[-1])
    return Refused(reason=Refusal.UNSAFE, subject="watchdog_ms", value=watchdog_ms, allowed=nearest, text=text)
