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

    `total` is how many steps the whole program takes, where that is known.
    The first signal lets the driver stop at the end of its slice; from then on a signal ends the process at once. Where the
    user `leaves` a run that goes on elsewhere, a signal raises KeyboardInterrupt.
    """

    def __init__(self, show: bool, total: int | None = None, leaves: bool = False) -> None:
        self.show, self.total, self.leaves = show, total, leaves
        self.stopped = False
        self.shown_at = time.monotonic()
        self.first: tuple[int, float] | None = None
        self.previous: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            handler = signal.default_int_handler if self.leaves else self._stop
            self.previous = {number: signal.signal(number, handler) for number in heeded()}
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
            _write(_ERASE + line(progress, self._rate(progress, now), self.total))
        return not self.stopped

    def _rate(self, progress: Progress, now: float) -> float:
        """Steps a second since the first report of steps, before which kernels were compiled or a checkpoint was read."""
        if self.first is None:
            self.first = (progress.steps, now) if progress.steps else None
            return 0.0
        steps, then = self.first
        return max(0.0, progress.steps - steps) / (now - then) if now > then else 0.0

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True
        for each in self.previous:
            signal.signal(each, signal.SIG_DFL)
        if self.show:
            _write(f"{_ERASE}stopping; once more to abort at once\n")


def line(progress: Progress, rate: float, total: int | None = None) -> str:
    """The driver's message, or else steps done and to do, the best energy, the rate, and the time left where it is known."""
    if progress.message:
        return progress.message
    best = "" if progress.best_energy != progress.best_energy else f", best energy {progress.best_energy:.10g}"
    speed = f", {rate:,.0f} steps/s" if rate else ""
    if not total:
        return f"step {progress.steps:,} of {progress.run_end:,}{best}{speed}"
    share = min(1.0, progress.steps / total)
    left = f", {clock((total - progress.steps) / rate)} left" if rate and progress.steps < total else ""
    return f"{share:4.0%}, step {progress.steps:,} of {total:,}{best}{speed}{left}"


def clock(seconds: float) -> str:
    """A duration as `12 s`, `3:05 min` or `2:03 h`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02} min" if whole < 3600 else f"{whole // 3600}:{whole // 60 % 60:02} h"


def _write(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone, and a run must not end for a line of progress
        sys.stderr.write(text)
        sys.stderr.flush()
