"""Boards that make no sense: whatever they say or leave out, the driver ends in a stated time, with a device error."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from random import Random
from typing import Any
from unittest.mock import patch

import pytest

from bioasm.diagnostics import EXIT_DEVICE, BioasmError
from bioasm.drivers import RunOptions
from bioasm.drivers.intan import driver, run_session
from bioasm.drivers.intan.driver import IntanDriver
from bioasm.hardware.link import host
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.frames import Decoder, Frame, encode
from bioasm.hardware.link.messages import NO_DIGEST, RunStatus, State
from bioasm.hardware.link.transport import MemoryTransport, memory_pair
from bioasm.verifier.gate import Verified
from tests.intan.board import capabilities, stimulator
from tests.intan.support import LIF, gate

SHORT = 0.4  # s, in place of every wait of seconds
LATEST = 8.0  # s for all of them in a row on a busy computer; the real ones are stated in docs/intan.md
EMPTY = m.RunEnded(0, RunStatus.FINISHED, 20, 0, NO_DIGEST)


class Hostile:
    """A board that answers all requests in order, as far as a kind of it does not do something else.

    It keeps no window and no state; everything it says is made by hand.
    """

    def __init__(self) -> None:
        self.able = stimulator()
        self.seq = self.clock = 0
        self.random = Random(1)
        self.numbers = [0] * 6  # of telemetry streams
        self.run = 0
        self.stop = threading.Event()
        self.host, self.wire = memory_pair(1 << 16)
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.next_status = 0.0

    # --- its life -----------------------------------------------------------------------------------

    def live(self) -> None:
        """Answer until the wire is closed."""
        decoder, waiting = Decoder(), b""
        try:
            while not self.stop.is_set():
                for frame in decoder.feed(self.wire.read(0.002)):
                    waiting += b"".join(encode(answer) for answer in self.heard(frame))
                if len(waiting) < 1 << 16:
                    waiting += b"".join(encode(frame) for frame in self.by_itself())
                    waiting += self.noise()
                waiting = waiting[self.put(waiting) :]
        except OSError:
            return

    def put(self, data: bytes) -> int:
        """Put bytes on the wire."""
        return self.wire.write(data) if data else 0

    def noise(self) -> bytes:
        """Bytes that are no frames."""
        return b""

    # --- what it says -------------------------------------------------------------------------------

    def heard(self, frame: Frame) -> Iterator[Frame]:
        """The answers to a frame."""
        if frame.type == m.Hello.TYPE:
            yield from self.greet(m.Hello.unpack(frame.payload))
        elif frame.type == m.Heartbeat.TYPE:
            yield from self.beat(m.Heartbeat.unpack(frame.payload))
        elif frame.type == m.Estop.TYPE:
            yield self.out(m.EstopAck(m.Estop.unpack(frame.payload).token, self.clock, State.FAULT))
        elif m.reliable_to_board(frame.type):
            yield self.out(m.Ack(False, State.DISARMED, 1 << 14), (frame.seq + 1) % (1 << 16))
            message = m.read(frame.type, frame.payload)
            for reply in self.answers(message, frame.seq):
                yield self.reliable(reply)

    def greet(self, hello: m.Hello) -> Iterator[Frame]:
        """The answer to a greeting."""
        yield self.out(self.welcome(hello.nonce))

    def welcome(self, nonce: int) -> m.Welcome:
        """A board without anything."""
        return m.Welcome(m.NEWEST_VERSION, nonce, 7, State.DISARMED, (NO_DIGEST,) * 3, 0, 0, NO_DIGEST, self.able)

    def beat(self, heartbeat: m.Heartbeat) -> Iterator[Frame]:
        """The answer to a heartbeat."""
        self.clock += 1000
        yield self.out(m.HeartbeatAck(heartbeat.token, self.clock, State.DISARMED))

    def answers(self, message: m.Message, number: int) -> Iterator[m.Message]:
        """What follows a request: the reply, and more."""
        match message:
            case m.UploadBegin():
                yield m.UploadReady(number)
            case m.UploadEnd():
                yield m.Verified(number, message.kind, message.sha256)
            case m.Run():
                self.run = message.run
                yield m.Accepted(number)
                yield from self.ran()
            case m.Fetch():
                yield m.Accepted(number)
                yield from self.fetched()
            case m.Request():
                yield m.Accepted(number)

    def ran(self) -> Iterator[m.Message]:
        """What is told of a run."""
        yield m.RunEnded(self.run, RunStatus.FINISHED, 20, 0, sha256(b"").digest())

    def fetched(self) -> Iterator[m.Message]:
        """The result."""
        return iter(())

    def by_itself(self) -> Iterator[Frame]:
        """What it says without being asked."""
        return iter(())

    # --- frames -------------------------------------------------------------------------------------

    def out(self, message: m.Message, seq: int = 0) -> Frame:
        """A frame outside of windows."""
        return Frame(message.TYPE, 1, seq, message.pack())

    def reliable(self, message: m.Message) -> Frame:
        """The next frame of the window."""
        self.seq += 1
        return Frame(message.TYPE, 1, (self.seq - 1) % (1 << 16), message.pack())

    def told(self, message: m.Message) -> Frame:
        """The next frame of a stream."""
        stream = message.TYPE - 0x80
        self.numbers[stream] += 1
        return Frame(message.TYPE, 1, (self.numbers[stream] - 1) % (1 << 16), message.pack())

    def status(self, **told: Any) -> Iterator[Frame]:
        """A status ten times a second."""
        if time.monotonic() > self.next_status:
            self.next_status = time.monotonic() + 0.05
            yield self.told(m.Status(self.clock, State.RUNNING, **told))


def result(**changes: Any) -> bytes:
    """Bytes with the layout of a result and a tree that is none."""
    text = json.dumps({"arrays": [], "tree": changes}).encode()
    text = struct.pack("<I", len(text)) + text
    return text + bytes(-len(text) % 8)


class Silent(Hostile):
    """Says nothing at all."""

    def heard(self, frame: Frame) -> Iterator[Frame]:
        return iter(())


class Babbling(Silent):
    """Sends random bytes as fast as they are taken."""

    def noise(self) -> bytes:
        return self.random.randbytes(5000)


class BabblingBetween(Hostile):
    """Greets, and sends random bytes between its answers; it never tells the end of a run."""

    def noise(self) -> bytes:
        return b"\0" + self.random.randbytes(3000) + b"\0"

    def ran(self) -> Iterator[m.Message]:
        return iter(())


class Echoing(Hostile):
    """A line that brings back what was said."""

    def heard(self, frame: Frame) -> Iterator[Frame]:
        yield frame


class EchoingAfterwards(Hostile):
    """Greets and answers heartbeats, and brings every request back."""

    def heard(self, frame: Frame) -> Iterator[Frame]:
        return iter([frame]) if m.reliable_to_board(frame.type) else super().heard(frame)


class Greeting(Hostile):
    """Welcomes without end, and answers nothing else."""

    def heard(self, frame: Frame) -> Iterator[Frame]:
        if frame.type == m.Hello.TYPE:
            self.nonce = m.Hello.unpack(frame.payload).nonce
        return iter(())

    def by_itself(self) -> Iterator[Frame]:
        if hasattr(self, "nonce"):
            yield self.out(self.welcome(self.nonce))


class AlwaysBusy(Hostile):
    """Rejects every greeting as busy."""

    def greet(self, hello: m.Hello) -> Iterator[Frame]:
        yield self.out(m.Rejected(hello.nonce, m.Rejection.BUSY, 2, 2, "come back later"))


class AliveOnly(Hostile):
    """Greets and answers heartbeats, and acknowledges requests without a reply."""

    def answers(self, message: m.Message, number: int) -> Iterator[m.Message]:
        return iter(())


class AcksNothing(Hostile):
    """Greets and answers heartbeats alone."""

    def heard(self, frame: Frame) -> Iterator[Frame]:
        return iter(()) if m.reliable_to_board(frame.type) else super().heard(frame)


class WrongNumbers(Hostile):
    """Answers requests that were never asked."""

    def answers(self, message: m.Message, number: int) -> Iterator[m.Message]:
        yield from super().answers(message, (number + 7) % (1 << 16))


class WrongAnswers(Hostile):
    """Answers every request with the reply to another kind of request."""

    def answers(self, message: m.Message, number: int) -> Iterator[m.Message]:
        yield m.Verified(number) if isinstance(message, m.UploadBegin) else m.UploadReady(number, False, 5)


class WrongSequence(Hostile):
    """Numbers its reliable frames by chance."""

    def reliable(self, message: m.Message) -> Frame:
        return Frame(message.TYPE, 1, self.random.randrange(1, 1 << 16), message.pack())


class HalfAnswers(Hostile):
    """Sends the first half of the payload of every reply, with a right checksum."""

    def reliable(self, message: m.Message) -> Frame:
        whole = super().reliable(message)
        return whole._replace(payload=whole.payload[: len(whole.payload) // 2])


class Dripping(Hostile):
    """Sends a byte every 20 ms."""

    def put(self, data: bytes) -> int:
        time.sleep(0.02)
        return self.wire.write(data[:1]) if data else 0


class WrongSession(Hostile):
    """Greets, and answers in another session."""

    def heard(self, frame: Frame) -> Iterator[Frame]:
        for answer in super().heard(frame):
            yield answer if answer.type == m.Welcome.TYPE else answer._replace(session=9)


class NeverReady(Hostile):
    """Takes an upload and never says that it was verified, alive and full of news."""

    def answers(self, message: m.Message, number: int) -> Iterator[m.Message]:
        return iter(()) if isinstance(message, m.UploadEnd) else super().answers(message, number)

    def by_itself(self) -> Iterator[Frame]:
        yield self.told(m.Log(self.clock, m.LogLevel.INFO, "in a moment"))


class NeverEnding(Hostile):
    """Runs without end and without a step, and says so all the time."""

    def ran(self) -> Iterator[m.Message]:
        return iter(())

    def by_itself(self) -> Iterator[Frame]:
        if self.run:
            yield from self.status(run=self.run, steps=5, run_end=100)
            yield self.told(m.Spikes(self.clock))


class OtherRun(NeverEnding):
    """Tells of another run, whose steps go on."""

    def by_itself(self) -> Iterator[Frame]:
        if self.run:
            self.clock += 1
            yield from self.status(run=self.run ^ 1, steps=self.clock, run_end=1 << 60)


class NoNews(Hostile):
    """Accepts the run, and tells nothing any more but that it lives."""

    def ran(self) -> Iterator[m.Message]:
        return iter(())


class NoResult(Hostile):
    """Tells of a result of a gigabyte, of which nothing comes."""

    def ran(self) -> Iterator[m.Message]:
        yield m.RunEnded(self.run, RunStatus.FINISHED, 20, 1 << 30, bytes(32))


class DrippingResult(NoResult):
    """Tells of a gigabyte, and sends ten bytes now and then."""

    offset = 0

    def by_itself(self) -> Iterator[Frame]:
        if self.run and time.monotonic() > self.next_status:
            self.next_status = time.monotonic() + 0.1
            yield self.reliable(m.ResultData(self.run, self.offset, bytes(10)))
            self.offset += 10


class WithResult(Hostile):
    """Sends whole results whose bytes are `data`."""

    data = b""

    def ran(self) -> Iterator[m.Message]:
        yield m.RunEnded(self.run, RunStatus.FINISHED, 20, len(self.data), sha256(self.data).digest())

    def fetched(self) -> Iterator[m.Message]:
        for at in range(0, len(self.data), 1000):
            yield m.ResultData(self.run, at, self.data[at : at + 1000])


class RandomResult(WithResult):
    """A result of random bytes with the right hash."""

    data = Random(3).randbytes(2500)


class HollowResult(WithResult):
    """A result whose tree holds other things than a result."""

    data = result(state=5, n="four", lanes=-1)


class DeepResult(WithResult):
    """A result of brackets."""

    data = struct.pack("<I", 100_000) + b"[" * 100_000 + bytes(4)


class ImpossibleTelemetry(NeverEnding):
    """Spikes at the end of all time, and energies of an entry that no memory holds."""

    def by_itself(self) -> Iterator[Frame]:
        if self.run:
            yield from self.status(run=self.run, steps=5, run_end=100)
            yield self.told(m.Spikes((1 << 64) - 1, (m.SpikeEvent(65535, 0, 0),)))
            yield self.told(m.Energy((1 << 64) - 1, 0, (1.0,)))


class EndlessEnergies(NeverEnding):
    """An entry of a trace far behind all that were told, of which the memory for the rest would be taken."""

    def by_itself(self) -> Iterator[Frame]:
        if self.run:
            yield from self.status(run=self.run, steps=5, run_end=100)
            yield self.told(m.Energy(1 << 40, 0, (1.0,)))


class Impossible(Hostile):
    """Says of itself what can't be."""

    def __init__(self) -> None:
        super().__init__()
        self.able = capabilities(clock_hz=0)


BOARDS = [kind for kind in list(globals().values()) if isinstance(kind, type) and issubclass(kind, Hostile)]
BOARDS = [kind for kind in BOARDS if kind not in (Hostile, WithResult)]


@contextmanager
def impatient() -> Iterator[None]:
    """Every wait of the driver is short."""
    with (
        patch.multiple(driver, _GREETING=SHORT * 2, _AGAIN=SHORT),
        patch.multiple(host, REPLY_WITHIN=SHORT),
        patch.multiple(run_session, _TOLD=SHORT, _STEPS=SHORT * 2, _END=SHORT, _END_AGAIN=SHORT, _FAULT_END=SHORT),
    ):
        yield


@contextmanager
def served(kind: type[Hostile]) -> Iterator[MemoryTransport]:
    """A wire to a hostile board."""
    board = kind()
    board.thread.start()
    try:
        yield board.host
    finally:
        board.stop.set()
        board.wire.close()
        board.thread.join(5)


def driven(wire: MemoryTransport, verified: Verified) -> list[Any]:
    """What the driver came to, in a thread, so that a wait without an end is found."""
    came: list[Any] = []

    def work() -> None:
        try:
            opening = patch("bioasm.drivers.intan.driver.open_wire", lambda _: wire)
            with opening, IntanDriver(port="test", substrate="twin") as made:
                came.append(made.run(verified, RunOptions(seed=1)))
        except BaseException as fault:  # noqa: BLE001  (the test looks at it)
            came.append(fault)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(LATEST)
    return came


@pytest.mark.parametrize("kind", BOARDS, ids=lambda kind: kind.__name__)
def test_driver_ends_with_a_device_error(kind: type[Hostile]) -> None:
    verified = gate(LIF)
    with impatient(), served(kind) as wire:
        came = driven(wire, verified)
    assert came, "the driver waits for ever"
    (fault,) = came
    assert isinstance(fault, BioasmError), fault
    assert fault.exit_code == EXIT_DEVICE, fault
    assert len(BOARDS) >= 13
