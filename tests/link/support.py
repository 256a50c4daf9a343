"""A small board and a line in virtual time, for the tests of the link; tests/firmware/lines.py has lines to real boards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random
from typing import TypeVar

from bioasm.hardware.link import messages as m
from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.device import DeviceLink
from bioasm.hardware.link.dictionary import isa_hash
from bioasm.hardware.link.frames import Decoder
from bioasm.hardware.link.messages import Kind, Refusal, Refused, Reply, Request, State
from bioasm.hardware.link.session import Event, HostSession, Phase

BOOT = 0x1234
STEP = 0.0005
M = TypeVar("M", bound=m.Message)
CONTENTS = {variant: Random(variant).randbytes(20_000) for variant in (1, 2)}
RUN = 5

CAPABILITIES = m.Capabilities(
    firmware="test board",
    firmware_version="1.2",
    uid="0001",
    clock_hz=1_000_000,
    sample_rate=20_000.0,
    isa_version=1,
    isa_hash=isa_hash(),
    chips=(m.Chip("rhs2116", 16),),
    channels=16,
    capabilities=m.Capability.STIMULATE | m.Capability.RAW,
    substrates=m.Substrate.TWIN | m.Substrate.CULTURE,
    models=("ising", "lif_critical"),
    abilities=("core", "control"),
    neurons=256,
    lanes=4,
    program_bytes=1 << 20,
    stim_step=1000,
    tick=33_333,
    ceilings=m.Ceilings(current=10e-6, charge=3e-9, electrodes=8),
)


@dataclass
class FakeBoard:
    """A board that does as it is told, and remembers it."""

    ppm: float = 0.0
    now: float = 0.0
    mode: State = State.DISARMED
    most: int = 1 << 20
    asked: list[Request] = field(default_factory=list)
    taken: dict[Kind, bytes] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    stops: list[float] = field(default_factory=list)
    resets: int = 0
    unloved: Kind | None = None

    def clock(self) -> int:
        return int(self.now * 1e6 * (1 + self.ppm * 1e-6)) + 5000

    def state(self) -> State:
        return self.mode

    def request(self, request: Request) -> Reply:
        self.asked.append(request)
        if isinstance(request, m.Stimulate):
            return Refused(reason=Refusal.UNSAFE, subject="charge", value=4e-9, allowed=3e-9, text="too much charge")
        if isinstance(request, m.Arm):
            self.mode = State.ARMED
        if isinstance(request, m.Disarm):
            self.mode = State.DISARMED
        return m.Accepted(value=len(self.asked))

    def may_upload(self, kind: Kind, total: int) -> Refused | None:
        if total <= self.most:
            return None
        return Refused(reason=Refusal.TOO_LARGE, subject="bytes", value=total, allowed=self.most)

    def uploaded(self, kind: Kind, data: bytes) -> Refused | None:
        if kind is self.unloved:
            return Refused(reason=Refusal.BAD_PROGRAM, text="there is no such instruction", place=3)
        self.taken[kind] = data
        return None

    def estop(self) -> None:
        self.stops.append(self.now)
        self.mode = State.FAULT

    def reset(self) -> None:
        self.resets += 1

    def host_lost(self, why: str) -> None:
        self.lost.append(why)
        self.mode = State.DISARMED


class Line:
    """A board, a host and the two channels between them, in virtual time."""

    slack = 1.0  # how many times longer than here something may take

    def __init__(self, to_board: Channel | None = None, to_host: Channel | None = None, board: FakeBoard | None = None) -> None:
        self.to_board, self.to_host = to_board or Channel(), to_host or Channel()
        self.board = board or FakeBoard()
        self.link = DeviceLink(self.board, CAPABILITIES, BOOT, line_rate=self.to_host.rate)
        self.host = HostSession("tests", nonce=7, line_rate=self.to_board.rate)
        self.now = 0.0
        self.heard: list[Event] = []
        self.board_alive = self.host_alive = True
        self.worked: Callable[[], None] = lambda: None  # what the board does at each step

    def step(self, dt: float = STEP) -> None:
        """One turn of both ends."""
        self.now += dt
        self.board.now = self.now
        self.turn_of_host()
        if self.board_alive:
            self.link.receive(self.to_board.receive(self.now), self.now)
            self.worked()
            self.to_host.send(self.link.poll(self.now, self.to_host.room(self.now)), self.now)

    def turn_of_host(self) -> None:
        """What the host hears, says and learns now."""
        if not self.host_alive:
            return
        self.host.receive(self.to_host.receive(self.now), self.now)
        self.to_board.send(self.host.poll(self.now, self.to_board.room(self.now)), self.now)
        while (event := self.host.next_event()) is not None:
            self.heard.append(event)

    def until(self, reached: Callable[[], bool], limit: float = 30.0) -> float:
        """Run until something is so; returns the time it took. Fails after `limit` s of virtual time."""
        began = self.now
        while not reached():
            assert self.now - began < limit, f"not reached in {limit} s of virtual time"
            self.step()
        return self.now - began

    def run(self, seconds: float) -> None:
        """Run for a time."""
        end = self.now + seconds
        while self.now < end:
            self.step()

    def open(self) -> Line:
        """Greet, and wait for the session."""
        self.host.greet(self.now)
        self.until(lambda: self.host.phase is Phase.OPEN)
        return self

    def ask(self, request: Request) -> Reply:
        """A request's reply. Raises BoardRefused, or what the link was lost by."""
        pending = self.host.ask(request)
        self.until(lambda: pending.done or self.host.lost is not None)
        if self.host.lost is not None:
            raise self.host.lost
        return pending.result()

    def upload(self, kind: Kind, data: bytes) -> bool:
        """Upload to the end; False where it was loaded already."""
        upload = self.host.upload(kind, data)
        self.until(lambda: upload.done or self.host.lost is not None)
        if self.host.lost is not None:
            raise self.host.lost
        if upload.failure is not None:
            raise upload.failure
        return not upload.skipped

    def fetch(self, ended: m.RunEnded, have: bytes = b"") -> bytes:
        """A result to its end."""
        download = self.host.fetch(ended, have)
        self.until(lambda: download.done or self.host.lost is not None)
        if self.host.lost is not None:
            raise self.host.lost
        return download.result()

    def another_host(self, nonce: int) -> HostSession:
        """A new session of the host's side over the same line."""
        self.host = HostSession("tests", nonce, self.to_board.rate)
        return self.host

    def say(self, data: bytes) -> None:
        """Let the board hear bytes that no well-behaved host would send now."""
        self.link.receive(data, self.now)

    def board_turn(self) -> None:
        """Let the board say what it has to say, which nobody hears."""
        self.link.poll(self.now)

    def content(self, variant: int = 1) -> bytes:
        """About 20 kB that the board takes for a program."""
        return CONTENTS[variant]

    def unloved(self) -> bytes:
        """A program that the board takes to its end and refuses, at instruction 3."""
        self.board.unloved = Kind.PROGRAM
        return self.content()

    def arm(self, watchdog: int) -> None:
        """Arm the board for hosts that are silent for no longer than `watchdog` ms."""
        self.ask(m.Arm(m.NO_DIGEST, watchdog))

    def dangerous(self) -> bool:
        """Whether the board is armed, as far as can be seen."""
        return self.board_alive and self.board.mode is State.ARMED

    def mend(self) -> None:
        """Both ends live, and what is said arrives again; the next host gets the board."""
        self.to_board, self.to_host, self.board_alive = Channel(), Channel(), True
        self.another_host(9)
        self.run(2.1)
        self.open()

    def answered(self, kind: type[M], count: int = 1) -> list[M]:
        """What the board says of a kind that it is to say so many times, read from its bytes."""
        said = [m.read(frame.type, frame.payload) for frame in Decoder().feed(self.link.poll(self.now))]
        return [message for message in said if isinstance(message, kind)]

    def loaded(self, kind: Kind) -> bytes:
        """The digest of what the board has of a kind."""
        taken = self.board.taken.get(kind)
        digest = m.NO_DIGEST if taken is None else sha256(taken).digest()
        assert self.link.loaded.get(kind, m.NO_DIGEST) == digest
        return digest

    def ended(self) -> m.RunEnded:
        """Have the board keep a result of run 5, and wait until it says so."""
        self.link.offer_result(m.RunEnded(RUN, m.RunStatus.FINISHED, 100, 0, m.NO_DIGEST), self.content())
        return self.told(m.RunEnded)

    def told(self, kind: type[M]) -> M:
        """The first event of a kind."""
        self.until(lambda: any(isinstance(event.message, kind) for event in self.heard))
        return next(event.message for event in self.heard if isinstance(event.message, kind))

    def restart_board(self, boot: int = BOOT + 1) -> None:
        """The board loses power and starts again."""
        self.board = replace(self.board, taken={}, mode=State.DISARMED)
        self.link = DeviceLink(self.board, CAPABILITIES, boot, line_rate=self.to_host.rate)
        self.board_alive = True


def lossy(seed: int, **chances: float) -> tuple[Channel, Channel]:
    """Two channels at 1 Mbaud with the same chances of faults."""
    return Channel(1e5, seed=seed, **chances), Channel(1e5, seed=seed + 1000, **chances)  # type: ignore[arg-type]
