"""The loop that serves an emulated board over a wire until the wire closes or a stop is requested."""

from __future__ import annotations

import errno
import select
import socket
import time
from collections.abc import Callable

from bioasm.hardware.board.server import Station
from bioasm.hardware.link.transport import CHUNK, Closed, Transport

_WAIT = 0.005  # s of waiting for bytes while idle
_FULL = 0.0003  # s until the retry of a full wire
_BACKLOG = 1 << 14  # bytes that may wait for a host that reads slowly
_STUCK = 1.0  # s after which a host that reads nothing loses what waits, as a UART would lose it


def serve(station: Station, wire: Transport, stopped: Callable[[], bool]) -> None:
    """Turn the board until `stopped`. Returns where the wire is closed from either side; an unplugged board closes it."""
    pending, moved = b"", time.monotonic()
    try:
        while not stopped():
            data = wire.read(0.0 if station.busy or pending else _WAIT)
            now = time.monotonic()
            pending += station.step(now, data, max(0, _BACKLOG - len(pending)))
            written = wire.write(pending) if pending else 0
            pending = pending[written:]
            moved = now if written or not pending else moved
            if now - moved > _STUCK:
                pending, moved = b"", now
            if pending and not written:
                time.sleep(_FULL)
    except Closed:
        pass
    finally:
        wire.close()


class SocketServer(Transport):
    """A board's end of a TCP port on this computer, for systems without pseudo-terminals; one host at a time.

    Port 0 takes one that is free. Raises OSError where the port can't be had.
    """

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self._host: socket.socket | None = None
        self.name = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"

    def read(self, timeout: float) -> bytes:
        """The bytes that the host wrote; accepts a host where there is none."""
        if self._listener.fileno() < 0:
            raise Closed(errno.EBADF, "the port was closed")
        waited_for = self._host or self._listener
        ready, _, _ = select.select([waited_for], [], [], timeout)
        if not ready:
            return b""
        if self._host is None:
            self._host, _ = self._listener.accept()
            self._host.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._host.setblocking(False)
            return b""
        return self._from_host(self._host)

    def _from_host(self, host: socket.socket) -> bytes:
        try:
            data = host.recv(CHUNK)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:
            self._leave()
        return data

    def write(self, data: bytes) -> int:
        """Write as much as the connection accepts; without a host bytes are lost."""
        if self._host is None:
            return len(data)
        try:
            return self._host.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            self._leave()
            return len(data)

    def _leave(self) -> None:
        if self._host is not None:
            self._host.close()
            self._host = None

    def discard_output(self) -> None:
        """Discard nothing: the system can't give back what it has taken."""

    def close(self) -> None:
        """Close the connection and the port."""
        self._leave()
        self._listener.close()
