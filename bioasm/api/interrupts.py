"""Ctrl-C during a run of the Python API: a request to stop, so that what was computed is returned."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

from bioasm.runtime.options import Observer, Progress


class Interruptible:
    """An observer and a context manager around a run: the first SIGINT asks the run to stop, a second one raises.

    Signals are only handled in the main thread.
    """

    def __init__(self, observer: Observer | None) -> None:
        self.observer, self.stopped = observer, False
        self.previous: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread() and callable(signal.getsignal(signal.SIGINT)):
            self.previous = signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)

    def __call__(self, progress: Progress) -> bool:
        """Called between slices of a run; False asks it to stop."""
        return (self.observer is None or self.observer(progress)) and not self.stopped

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True
        signal.signal(signal.SIGINT, self.previous)
