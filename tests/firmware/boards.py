"""Boards that run the firmware: as a process of this computer, and in QEMU; and a wire with faults to them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bioasm.hardware.link.channel import Channel
from bioasm.hardware.link.serial_port import open_port
from bioasm.hardware.link.transport import Transport

QEMU = "qemu-system-arm"
PATIENCE = 120.0  # s that a test waits for what comes at once where the computer is idle
MACHINES = {"m7": "mps2-an500", "m4": "mps2-an386"}


def missing(kind: str) -> str | None:
    """What this computer lacks for a kind of board; None where it lacks nothing."""
    needed = ("gcc", "make") if kind == "host" else ("arm-none-eabi-gcc", "make", QEMU)
    return next((f"{word} is not installed" for word in needed if shutil.which(word) is None), None)


@contextmanager
def running(kind: str, image: Path, *words: str, second: str = "null") -> Iterator[str]:
    """A board that runs an image; its port. `second` is where QEMU's other line goes. The process ends with the block."""
    command = [str(image), *words]
    if kind != "host":
        options = ["-display", "none", "-monitor", "none", "-serial", "pty", "-serial", second]
        command = [QEMU, "-M", MACHINES[kind], *options, "-kernel", str(image), *words]
    board = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert board.stdout is not None
        found = re.search(r"/dev/\S+", board.stdout.readline())
        assert found is not None
        with kept_open(found[0]):
            yield found[0]
    finally:
        board.kill()
        board.wait()
        if board.stdout is not None:
            board.stdout.close()


@contextmanager
def kept_open(port: str) -> Iterator[None]:
    """Hold a terminal open: once nobody does, QEMU looks once a second whether somebody has come."""
    held = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(held)
        yield
    finally:
        os.close(held)


class FaultyWire(Transport):
    """A wire to a port on which frames are lost, damaged, doubled and held up, in both directions."""

    def __init__(self, port: str, seed: int, **chances: float) -> None:
        self.inner = open_port(port, 1_000_000)
        self.name = port
        self.out, self.back = (Channel(seed=seed + side, **chances) for side in (0, 1))  # type: ignore[arg-type]
        self.waiting = b""

    def _pump(self) -> None:
        self.waiting += self.out.receive(time.monotonic())
        self.waiting = self.waiting[self.inner.write(self.waiting) :] if self.waiting else b""

    def read(self, timeout: float) -> bytes:
        """What the faults let through."""
        self._pump()
        self.back.send(self.inner.read(timeout), time.monotonic())
        return self.back.receive(time.monotonic())

    def write(self, data: bytes) -> int:
        """Everything is taken; what becomes of it is another matter."""
        self.out.send(data, time.monotonic())
        self._pump()
        return len(data)

    def discard_output(self) -> None:
        """Forget what has not left."""
        self.waiting = b""

    def close(self) -> None:
        """Close the port."""
        self.inner.close()
