"""Byte transports between a host and a board: pipes in memory, pseudo-terminals."""

from __future__ import annotations

import errno
import os
import select
from abc import ABC, abstractmethod
from threading import Condition

CHUNK = 1 << 16


class Closed(OSError):
    """The other end of a wire is gone."""


class Transport(ABC):
    """One end of a wire.

    `name` is for messages. `line_rate` in bytes/s is what the wire carries where that is known and true. `slowness` multiplies
    the times that a host waits for the other end: that may be emulated by a process which a busy computer holds up.
    """

    name: str
    line_rate: float | None = None
    slowness: float = 1.0

    @abstractmethod
    def read(self, timeout: float) -> bytes:
        """Read the bytes that have arrived; waits for the first byte, at most `timeout` s. Raises Closed at the end."""

    @abstractmethod
    def write(self, data: bytes) -> int:
        """Write as many bytes as the wire accepts now, without blocking; returns their number. Raises Closed."""

    @abstractmethod
    def discard_output(self) -> None:
        """Discard unsent output, where that is possible."""

    @abstractmethod
    def close(self) -> None:
        """Close the wire. Idempotent."""


class _Pipe:
    """One direction in memory."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.data = bytearray()
        self.closed = False
        self.changed = Condition()

    def read(self, timeout: float) -> bytes:
        with self.changed:
            self.changed.wait_for(lambda: self.data or self.closed, timeout)
            taken = bytes(self.data)
            self.data.clear()
            if not taken and self.closed:
                raise Closed(errno.EPIPE, "the other end was closed")
            return taken

    def write(self, data: bytes) -> int:
        with self.changed:
            if self.closed:
                raise Closed(errno.EPIPE, "the other end was closed")
            taken = data[: max(0, self.capacity - len(self.data))]
            self.data += taken
            self.changed.notify_all()
            return len(taken)

    def close(self) -> None:
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class MemoryTransport(Transport):
    """One end of a pair of pipes within this process."""

    def __init__(self, name: str, incoming: _Pipe, outgoing: _Pipe) -> None:
        self.name, self._incoming, self._outgoing = name, incoming, outgoing

    def read(self, timeout: float) -> bytes:
        """The bytes that have arrived."""
        return self._incoming.read(timeout)

    def write(self, data: bytes) -> int:
        """Write as many bytes as there is room for."""
        return self._outgoing.write(data)

    def discard_output(self) -> None:
        """Discard the bytes that the other end did not read yet."""
        with self._outgoing.changed:
            self._outgoing.data.clear()

    def close(self) -> None:
        """Close both directions."""
        self._incoming.close()
        self._outgoing.close()


def memory_pair(capacity: int = CHUNK, name: str = "memory") -> tuple[MemoryTransport, MemoryTransport]:
    """The two ends of a wire within this process, which holds `capacity` bytes in each direction."""
    there, back = _Pipe(capacity), _Pipe(capacity)
    return MemoryTransport(name, back, there), MemoryTransport(name, there, back)


class PtyServer(Transport):
    """A board's end of a pseudo-terminal; `path` is what a host opens.

    The other end is kept open here as well, in raw mode: a host finds no echo and no translation of bytes, and one that
    leaves does not end the board. Raises OSError where the system has none to give.
    """

    def __init__(self) -> None:
        import tty

        self._board, self._host = os.openpty()
        tty.setraw(self._host)
        os.set_blocking(self._board, False)
        self.path = self.name = os.ttyname(self._host)

    def read(self, timeout: float) -> bytes:
        """The bytes that a host wrote."""
        ready, _, _ = select.select([self._fd()], [], [], max(0.0, timeout))
        if not ready:
            return b""
        try:
            return os.read(self._board, CHUNK)
        except BlockingIOError:
            return b""
        except OSError as cause:
            raise Closed(*cause.args) from cause

    def write(self, data: bytes) -> int:
        """Write what the pseudo-terminal takes; it may have no reader."""
        try:
            return os.write(self._fd(), data) if data else 0
        except BlockingIOError:
            return 0
        except OSError as cause:
            raise Closed(*cause.args) from cause

    def discard_output(self) -> None:
        """Discard the bytes that no host has read yet."""
        import termios

        termios.tcflush(self._host, termios.TCIFLUSH)

    def close(self) -> None:
        """Take the pseudo-terminal away, as if the board were unplugged."""
        for fd in {self._board, self._host} - {-1}:
            os.close(fd)
        self._board = self._host = -1

    def _fd(self) -> int:
        if self._board < 0:
            raise Closed(errno.EBADF, "the pseudo-terminal was closed")
        return self._board
