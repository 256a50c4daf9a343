"""Watches a run: a line of progress on a terminal, and Ctrl-C, SIGTERM or SIGHUP as a request to stop."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from bioasm.cli.signals import heeded

if TYPE_CHECKING:
    from bioasm.drivers import Progress

_SECONDS_BETWEEN_LINES = 0.1
_ERASE = "\r\x1b[K"


class Watch:
    """An observer of a run and a context manager around it.

    The first signal lets the driver stop at the end of its slice; from then on a signal ends the process at once.
    """

    def __init__(self, show: bool) -> None:
        self.show = show
        self.stopped = False
        self.started = self.shown_at = time.monotonic()
        self.previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self.previous = {number: signal.signal(number, self._stop) for number in heeded()}
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        for number, handler in self.previous.items():
            signal.signal(number, handler)
        if self.show:
            _write(_ERASE)

    def __call__(self, progress: Progress) -> bool:
        """Called by the driver between slices; False asks it to stop."""
        now = time.monotonic()
        if self.show and (progress.message or now - self.shown_at >= _SECONDS_BETWEEN_LINES):
            self.shown_at = now
            _write(_ERASE + line(progress, now - self.started))
        return not self.stopped

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True
        for each in self.previous:
            signal.signal(each, signal.SIG_DFL)
        if self.show:
            _write(f"{_ERASE}stopping; once more to abort at once\n")


def line(progress: Progress, seconds: float) -> str:
    """The driver's message, or else steps done and to do, the best energy, and the rate."""
    if progress.message:
        return progress.message
    best = "" if progress.best_energy != progress.best_energy else f", best energy {progress.best_energy:.10g}"
    rate = f", {progress.steps / seconds:,.0f} steps/s" if seconds > 0 and progress.steps else ""
    return f"step {progress.steps:,} of {progress.run_end:,}{best}{rate}"


def _write(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone, and a run must not end for a line of progress
        sys.stderr.write(text)
        sys.stderr.flush()
