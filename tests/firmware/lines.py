"""Lines of the fault suite to boards that run the firmware: a pseudo-terminal behind two faulty channels, in real time."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from bioasm.binary.layout import CODE
from bioasm.binary.writer import canonical_bytes
from bioasm.hardware.link import frames
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.frames import Decoder, Frame
from bioasm.hardware.link.messages import Kind
from bioasm.hardware.link.serial_port import open_port
from bioasm.hardware.link.session import HostSession
from bioasm.loading import from_text
from tests.firmware.boards import PATIENCE
from tests.link.support import RUN, STEP, Line, M

OUTS = 200  # so many that the program takes some frames
SWEEPS = 1000  # energies of 8 bytes, which the result keeps


class BoardLine(Line):
    """A host, two channels and the port of a board."""

    slack = 100.0

    def __init__(self, port: str, to_board: Channel | None = None, to_host: Channel | None = None) -> None:
        self.to_board, self.to_host = to_board or Channel(), to_host or Channel()
        self.wire = open_port(port, 1_000_000)
        self.host = HostSession("tests", nonce=7, line_rate=self.to_board.rate)
        self.heard = []
        self.board_alive = self.host_alive = True
        self.now, self._began, self._waiting = 0.0, time.monotonic(), b""

    def step(self, dt: float = STEP) -> None:
        """One turn of the host and of the wire."""
        self.now = time.monotonic() - self._began
        self.turn_of_host()
        if not self.board_alive:
            time.sleep(dt)
            return
        self.say(self.to_board.receive(self.now))
        self.to_host.send(self.wire.read(dt), self.now)

    def until(self, reached: Callable[[], bool], limit: float = 0.0) -> float:
        """Run until something is so; returns the time it took."""
        return super().until(reached, limit + PATIENCE)

    def say(self, data: bytes) -> None:
        """Put bytes on the wire behind those that did not fit yet."""
        self._waiting += data
        self._waiting = self._waiting[self.wire.write(self._waiting) :]

    def board_turn(self) -> None:
        """Hear what the board says, and forget it."""
        self.wire.read(STEP)

    def content(self, variant: int = 1) -> bytes:
        """A program of 7 kB, whose result is of more than 20 kB."""
        outs = "\n".join(f"OUT {variant * 1000 + k}" for k in range(OUTS))
        text = f"MODEL ising\nALC 3\nLDH [1, 1, 1]\nSIG 1\nRUN {SWEEPS}\n{outs}\n"
        return canonical_bytes(from_text(text, source="test", folder=Path()))

    def unloved(self) -> bytes:
        """A program whose fourth instruction there is not."""
        data = bytearray(self.content())
        section = data.index(CODE.to_bytes(2, "little"), 32)
        at, size = (int.from_bytes(data[section + k : section + k + 8], "little") for k in (8, 16))
        data[at + 3 * 16] = 0xEE
        data[section + 4 : section + 8] = crc32(data[at : at + size]).to_bytes(4, "little")
        data[28:32] = crc32(data[:28] + data[32 : 32 + 24 * data[12]]).to_bytes(4, "little")
        return bytes(data)

    def arm(self, watchdog: int) -> None:
        """Nothing: these boards have no chip (tests of arming are in test_stimulation.py and test_time.py)."""

    def dangerous(self) -> bool:
        """Never: the board can't be armed."""
        return False

    def answered(self, kind: type[M], count: int = 1) -> list[M]:
        """What the board says of a kind, until it has said it so many times, and for a moment more."""
        decoder, said, until = Decoder(), [], time.monotonic() + PATIENCE
        while time.monotonic() < until:
            self.say(b"")
            frames = decoder.feed(self.wire.read(STEP))
            said += [found for f in frames if isinstance(found := m.read(f.type, f.payload), kind)]
            until = min(until, time.monotonic() + 0.2) if len(said) >= count else until
        return said

    def loaded(self, kind: Kind) -> bytes:
        """The digest that the board tells the next host."""
        self.host.close()
        self.run(0.05)
        self.another_host(99)
        self.open()
        assert self.host.welcome is not None
        return self.host.welcome.loaded[kind - 1]

    def ended(self) -> m.RunEnded:
        """Have the board run the program as run 5, and wait until it says that it did."""
        self.upload(Kind.PROGRAM, self.content())
        self.ask(m.Run(RUN, sha256(self.content()).digest(), m.Substrate.TWIN, 1))
        return self.told(m.RunEnded)

    def restart_board(self, boot: int = 0) -> None:
        """Have the board start anew, as its button does."""
        assert self.host.welcome is not None
        reset = m.Reset(self.host.welcome.boot)
        self.say(b"\0" + frames.encode(Frame(reset.TYPE, 0, 0, reset.pack())))

    def close(self) -> None:
        """Close the port."""
        self.wire.close()
