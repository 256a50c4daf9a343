"""Connection timeouts (against slow clients): for the whole request to arrive, and for the response to be read.

It wraps uvicorn's protocol for HTTP/1.1 (h11), which has no such limits.
"""

from __future__ import annotations

import asyncio
from typing import Any

HEAD_SECONDS = 15.0  # timeout of a request's head
MOST = 288  # most connections; uvicorn answers those over 256 with 503, those over this get no answer
_RESERVE = 128  # reserved descriptors
STALL_SECONDS = 60.0  # timeout of a slow reader


class Guard(asyncio.Protocol):
    """A proxy of uvicorn's protocol that enforces the timeouts."""

    head_seconds, stall_seconds = HEAD_SECONDS, STALL_SECONDS
    open = 0  # connections of this process

    def __init__(self, *arguments: Any, **named: Any) -> None:
        from uvicorn.protocols.http.h11_impl import H11Protocol

        self._inner: Any = H11Protocol(*arguments, **named)
        self._timer: asyncio.TimerHandle | None = None
        self._transport: Any = None
        self._is_refused = False

    def _start(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._transport.abort)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _is_answering(self) -> bool:
        cycle = self._inner.cycle
        return cycle is not None and not cycle.response_complete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timeout of a request's head; excess connections are closed at once."""
        self._transport = transport
        Guard.open += 1
        self._is_refused = Guard.open > most()
        if self._is_refused:
            self._transport.abort()
            return
        self._inner.connection_made(transport)
        self._start(self.head_seconds)

    def data_received(self, data: bytes) -> None:
        """Data arrived; after the head, timeouts are up to the application."""
        if self._is_refused:
            return
        if not self._is_answering():
            self._start(self.head_seconds)
        self._inner.data_received(data)
        if self._is_answering():
            self._stop()

    def pause_writing(self) -> None:
        """Backpressure: start the timeout of a slow reader."""
        self._inner.pause_writing()
        self._stop()
        self._start(self.stall_seconds)

    def resume_writing(self) -> None:
        """The reader continues: cancel the timeout."""
        self._stop()
        self._inner.resume_writing()

    def eof_received(self) -> bool | None:
        """End of file from the client."""
        if not self._is_refused:
            self._inner.eof_received()
        return None

    def connection_lost(self, failure: Exception | None) -> None:
        """The connection was closed."""
        Guard.open -= 1
        self._stop()
        if not self._is_refused:
            self._inner.connection_lost(failure)


def most() -> int:
    """Limit of open connections: half of the free file descriptors, as each may need a file besides its socket."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(8, min(MOST, (soft - _RESERVE) // 2))
