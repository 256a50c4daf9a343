"""Common base of both ends of a link: frames in and out, the window of each direction, statistics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from bioasm.hardware.link import frames
from bioasm.hardware.link.frames import Decoder, Frame
from bioasm.hardware.link.messages import Ack, Message, State
from bioasm.hardware.link.statistics import Statistics
from bioasm.hardware.link.window import WIDEST, Receiver, Sender

RX_BYTES = 1 << 16
URGENT = 64  # out-of-band frames that wait at most; older ones go, for whoever misses an answer asks again


class Endpoint:
    """One end of a link without I/O: bytes and times are arguments and results.

    Frames leave in the order: out of band, acknowledgements, reliable, then whatever `more` yields (telemetry).
    """

    def __init__(self, line_rate: float | None = None, rx_bytes: int = RX_BYTES, ahead: int = WIDEST) -> None:
        self.line_rate, self.rx_bytes, self.ahead = line_rate, rx_bytes, ahead
        self.decoder = Decoder()
        self.session = 0
        self.statistics = Statistics(errors=self.decoder.errors)
        self._urgent: deque[bytes] = deque(maxlen=URGENT)
        self._cut = b""  # what is left of a frame that did not fit into the last answer of `poll`
        self.begin(0)

    def begin(self, session: int, *, window: int = 8, credit: int = 1 << 14) -> None:
        """Start the windows of a new session; pending frames of the old one are dropped."""
        self.session = session
        self.sender = Sender(self.statistics, window=window, credit=credit, line_rate=self.line_rate)
        self.receiver = Receiver(self.statistics, self.ahead)

    def frames(self, data: bytes) -> Iterator[Frame]:
        """The frames that end within `data`."""
        self.statistics.bytes_in += len(data)
        for frame in self.decoder.feed(data):
            self.statistics.frames_in += 1
            yield frame

    def send_out_of_band(self, message: Message, *, session: int | None = None) -> None:
        """Queue an out-of-band frame; it leaves before everything else."""
        number = self.session if session is None else session
        self._urgent.append(frames.encode(Frame(message.TYPE, number, 0, message.pack())))

    def reliable(self, message: Message) -> int:
        """Queue a reliable frame; returns its number."""
        return self.sender.enqueue(message.TYPE, message.pack())

    def acknowledged(self, frame: Frame, ack: Ack, now: float) -> None:
        """The other end acknowledged reliable frames."""
        self.sender.acknowledged(ack, frame.seq, now)

    def drop_output(self) -> None:
        """Drop pending output, whose last frame may be partially written; the other end resynchronises at the next zero."""
        self._cut = frames.DELIMITER
        self._urgent.clear()

    def poll(self, now: float, room: int | None, state: State, more: Callable[[], bytes]) -> bytes:
        """Bytes to write now, at most `room`. `more` gives one more frame, or nothing. Raises GaveUp."""
        parts, size = [self._cut], len(self._cut)
        while room is None or size < room:
            piece = self._next(now, state) or more()
            if not piece:
                break
            self.statistics.frames_out += 1
            parts.append(piece)
            size += len(piece)
        whole = b"".join(parts)
        out, self._cut = (whole, b"") if room is None else (whole[:room], whole[room:])
        self.statistics.bytes_out += len(out)
        return out

    def encode(self, frame: Frame) -> bytes:
        """The frame on the wire, in this session."""
        return frames.encode(frame._replace(session=self.session))

    def _next(self, now: float, state: State) -> bytes:
        """The next frame that is not telemetry, or nothing."""
        if self._urgent:
            return self._urgent.popleft()
        if self.receiver.due:
            ack = self.receiver.acknowledgement(state, self.rx_bytes)
            return self.encode(Frame(Ack.TYPE, 0, self.receiver.expected, ack.pack()))
        frame = self.sender.poll(now)
        return self.encode(frame) if frame is not None else b""
