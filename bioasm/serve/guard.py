"""Connection timeouts (against slow clients): for the whole request to arrive, and for the response to be read.

It stands between the event loop and uvicorn's protocol for HTTP/1.1 (h11), which has no such limits of its own.
"""

from __future__ import annotations

import asyncio
from typing import Any

HEAD_SECONDS = 15.0  # in which the head of a request comes
MOST = 288  # connections at a time; uvicorn answers those over 256 with 503, and what is over this gets no answer
_RESERVE = 128  # descriptors for all else
STALL_SECONDS = 60.0  # in which a reader takes something


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
        """A connection begins; the head of a request is to follow. One too many is ended before it costs anything."""
        self._transport = transport
        Guard.open += 1
        self._is_refused = Guard.open > most()
        if self._is_refused:
            self._transport.abort()
            return
        self._inner.connection_made(transport)
        self._start(self.head_seconds)

    def data_received(self, data: bytes) -> None:
        """Bytes came; once the head is there, the time is the application's to keep."""
        if self._is_refused:
            return
        if not self._is_answering():
            self._start(self.head_seconds)
        self._inner.data_received(data)
        if self._is_answering():
            self._stop()

    def pause_writing(self) -> None:
        """The reader is slow."""
        self._inner.pause_writing()
        self._stop()
        self._start(self.stall_seconds)

    def resume_writing(self) -> None:
        """It took something."""
        self._stop()
        self._inner.resume_writing()

    def eof_received(self) -> bool | None:
        """The other side sends no more."""
        if not self._is_refused:
            self._inner.eof_received()
        return None

    def connection_lost(self, failure: Exception | None) -> None:
        """The connection is over."""
        Guard.open -= 1
        self._stop()
        if not self._is_refused:
            self._inner.connection_lost(failure)


def most() -> int:
    """Limit of open connections: half of the free file descriptors, as each may need a file besides its socket."""
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(8, min(MOST, (soft - _RESERVE) // 2))
