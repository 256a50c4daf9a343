"""Blocking API of the host's end of the link, over a transport that a background thread serves."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from bioasm.diagnostics import EXIT_DEVICE, error
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.clock import Clock
from bioasm.hardware.link.errors import LinkLost, request_name
from bioasm.hardware.link.messages import Kind, Rejection, Request, State
from bioasm.hardware.link.session import SILENCE, Event, HostSession, Phase, why_not
from bioasm.hardware.link.statistics import Statistics
from bioasm.hardware.link.transfers import Download, Upload, damaged
from bioasm.hardware.link.transport import Transport

_READ = 0.01  # s that the thread waits for bytes at most
_BUSY_READ = 0.002  # while bytes wait to be written
_TURN = 0.1  # s between two calls of a progress function
_PIECE = 4096  # bytes put out at a time, so that an emergency stop never waits behind more

REPLY_WITHIN = 10.0  # s; a transfer brings something new as often
_SHARE = 0.1  # of the line's rate, which a transfer brings at least on the average
_RATE = 1000.0  # bytes/s, the same where the rate of the line is not known
_SLOWEST = 12.0  # bytes/s, where a board says that its line is slower still: a tenth of 1200 baud

Progress = Callable[[int, int], None]


class HostLink:
    """A session with a board over `transport`, which it owns from here on. May be used from several threads.

    `name` tells the board, and through it another host that finds it busy, who has the session.
    """

    def __init__(self, transport: Transport, name: str = "bioasm") -> None:
        self.transport = transport
        nonce = int.from_bytes(os.urandom(8), "little")
        self._session = HostSession(name, nonce, transport.line_rate, self.within(SILENCE))
        self._changed = threading.Condition()
        self._transfer = threading.Lock()
        self._unsent = b""
        self._stop = False
        self._defect: Exception | None = None
        self._thread = threading.Thread(target=self._work, name=f"link to {transport.name}", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def within(self, seconds: float) -> float:
        """The time that a host waits for what a board of its own processor does in `seconds`."""
        return seconds * self.transport.slowness

    # --- opening and closing ------------------------------------------------------------------------

    def connect(self, timeout: float = 5.0) -> m.Welcome:
        """Open a session. A board that another host left becomes free after 2 s, so a busy one is retried until `timeout`.

        Raises BioasmError: B510 no answer, B512 no common version, B513 another host has the board; LinkLost.
        """
        with self._changed:
            self._session.greet(time.monotonic())
            self._thread.start()
            self._wait(lambda: self._session.welcome is not None or self._hopeless(), self.within(timeout))
            if self._session.welcome is None:
                raise why_not(self._session.rejected)
            return self._session.welcome

    def _hopeless(self) -> bool:
        rejected = self._session.rejected
        return rejected is not None and rejected.reason is Rejection.VERSION

    def close(self) -> None:
        """End the session and close the transport. Idempotent."""
        with self._changed:
            if not self._stop:
                self._session.close()
                self._flush()
            self._stop = True
            self._changed.notify_all()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()
        self.transport.close()

    # --- what is known of the board -----------------------------------------------------------------

    @property
    def welcome(self) -> m.Welcome:
        """The board's greeting when the session was opened. Raises BioasmError B510 before that."""
        if self._session.welcome is None:
            raise why_not(None)
        return self._session.welcome

    @property
    def capabilities(self) -> m.Capabilities:
        """The properties and abilities of the board."""
        return self.welcome.capabilities

    @property
    def state(self) -> State:
        """The board's state as of its last message."""
        return self._session.state

    @property
    def clock(self) -> Clock:
        """Converts between `time.monotonic` and the device clock."""
        return self._session.clock

    @property
    def statistics(self) -> Statistics:
        """The statistics of this end."""
        with self._changed:
            return self._session.statistics

    def kept_result(self) -> m.RunEnded | None:
        """The result that the board kept when the session was opened, for example of a run whose link was lost."""
        told = self.welcome
        if not told.result_run:
            return None
        return m.RunEnded(told.result_run, m.RunStatus.INTERRUPTED, 0, told.result_bytes, told.result_sha256)

    # --- what the board is asked for ----------------------------------------------------------------

    def request(self, request: Request, timeout: float | None = None) -> m.Accepted:
        """Send a request and wait until it is accepted.

        Raises BoardRefused, LinkLost, or BioasmError: B516 where no reply comes in `timeout` s (None: 10), B515 where it is
        none to such a request.
        """
        timeout = self.within(REPLY_WITHIN if timeout is None else timeout)
        with self._changed:
            self._check()
            pending = self._session.ask(request)
            self._flush()
            if not self._wait(lambda: pending.done, timeout):
                text = f"the board did not answer `{request_name(request)}` within {timeout:g} s"
                raise error("B516", text, exit_code=EXIT_DEVICE)
            reply = pending.result()
        if not isinstance(reply, m.Accepted):
            raise damaged(f"the board answered `{request_name(request)}` with {type(reply).__name__}")
        return reply

    def upload(self, kind: Kind, data: bytes, progress: Progress | None = None) -> bool:
        """Bring `data` to the board; False where it had the same already. `progress` gets bytes arrived and all bytes.

        An upload that a lost link cut off goes on where it was. Raises BoardRefused, LinkLost, BioasmError B515, and B516 where
        nothing new arrives for 10 s, or less than a tenth of what the line carries.
        """
        with self._transfer:
            with self._changed:
                self._check()
                upload = self._session.upload(kind, data)
                self._flush()
            self._follow(upload, lambda: (upload.arrived, len(data)), progress)
        if upload.failure is not None:
            raise upload.failure
        return not upload.skipped

    def fetch(self, ended: m.RunEnded, progress: Progress | None = None, have: bytes = b"") -> bytes:
        """The result of a run, of which `have` is there already. `progress` gets bytes received and all bytes.

        Raises BoardRefused, LinkLost, BioasmError B515 where its hash is not the one that was announced, B516 as for uploads.
        """
        with self._transfer:
            with self._changed:
                self._check()
                download = self._session.fetch(ended, have)
                self._flush()
            self._follow(download, lambda: (len(download.data), ended.total), progress)
        return download.result()

    def _follow(self, transfer: Upload | Download, where: Callable[[], tuple[int, int]], progress: Progress | None) -> None:
        """Wait for a transfer, and tell how far it is, without holding up the line. It has to come on, and to end."""
        began = moved_at = time.monotonic()
        first = moved = where()[0]
        done = False
        while not done:
            with self._changed:
                done = self._wait(lambda: transfer.done, _TURN)
            arrived, now = where()[0], time.monotonic()
            if arrived > moved:
                moved, moved_at = arrived, now
            if not done and now > min(moved_at, began + (moved - first) / self._least_rate()) + self.within(REPLY_WITHIN):
                text = f"a transfer came to nothing: {moved} of {where()[1]} bytes after {now - began:.0f} s"
                raise error("B516", text, exit_code=EXIT_DEVICE)
            if progress is not None:
                progress(*where())

    def _least_rate(self) -> float:
        """Bytes/s that a transfer brings at least, by the line's own rate or by what the board says of it."""
        line = self.transport.line_rate or float(self.capabilities.line_rate)
        return (min(_RATE, max(_SLOWEST, _SHARE * line)) if line else _RATE) / self.transport.slowness

    def next_event(self, timeout: float) -> Event | None:
        """The next event or telemetry message, or None after `timeout` s. Queued events precede LinkLost."""
        with self._changed:
            self._wait(lambda: self._session.has_event, timeout)
            return self._session.next_event()

    def estop(self, timeout: float = 2.0) -> m.EstopAck:
        """Stop all stimulation now. It leaves before whatever is queued, again every 25 ms, until it is acknowledged.

        Raises LinkLost where it never is: the board then stops by itself, as its watchdog hears nothing.
        """
        with self._changed:
            self._check()
            self._unsent = b""
            self.transport.discard_output()
            self._session.estop(time.monotonic())
            self._flush()
            if not self._wait(lambda: self._session.stopped is not None, self.within(timeout)):
                raise LinkLost("the emergency stop was not acknowledged", "the board's watchdog stops it without a host")
            assert self._session.stopped is not None
            return self._session.stopped

    def reset(self) -> None:
        """Restart the board, which ends the session: close this link and connect again."""
        with self._changed:
            self._check()
            self._session.reset()
            self._flush()

    # --- waiting and working ------------------------------------------------------------------------

    def _wait(self, reached: Callable[[], bool], timeout: float) -> bool:
        """Wait on the condition variable until `reached`; False after `timeout` s. Raises LinkLost."""
        so = self._changed.wait_for(lambda: reached() or self._session.lost is not None or self._stop, timeout)
        if so and not reached():
            self._check()
        return so

    def _check(self) -> None:
        if self._defect is not None:
            raise self._defect
        if self._session.lost is not None:
            raise LinkLost(self._session.lost.diagnostics[0].message.partition(": ")[2], self._session.lost.diagnostics[0].hint)
        if self._stop:
            raise LinkLost("it was closed here")
        if self._session.welcome is None:
            raise why_not(None)

    def _work(self) -> None:
        """The thread's loop: read, keep the timers, write, until the end."""
        while not self._stop and self._session.phase is not Phase.LOST:
            try:
                data = self.transport.read(self._patience())
                with self._changed:
                    self._session.receive(data, time.monotonic())
                    self._flush()
                    self._changed.notify_all()
            except OSError as gone:
                self._mark_lost(str(gone.strerror or gone))
            except Exception as defect:  # waiting threads would block forever
                self._defect = defect
                self._mark_lost("the link's own thread ended")

    def _patience(self) -> float:
        """How long to wait for bytes, in s: until the next timer is due, and no longer than a full port needs to empty."""
        due = self._session.deadline() - time.monotonic()
        return max(0.0005, min(due, _BUSY_READ if self._unsent else _READ))

    def _mark_lost(self, why: str) -> None:
        with self._changed:
            self._session.mark_lost(why)
            self._changed.notify_all()

    def _flush(self) -> None:
        """Write the session's pending bytes, as far as the transport accepts them. Called with the lock held."""
        try:
            while not self._stop:
                self._unsent = self._unsent or self._session.poll(time.monotonic(), _PIECE)
                taken = self.transport.write(self._unsent) if self._unsent else 0
                self._unsent = self._unsent[taken:]
                if not taken or self._unsent:
                    return
        except OSError as gone:
            self._session.mark_lost(str(gone.strerror or gone))
            self._changed.notify_all()
