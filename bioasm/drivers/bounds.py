"""Early stopping: an observer that ends a run at its time limit or target energy."""

from __future__ import annotations

import time
from dataclasses import replace

from bioasm.results import Result
from bioasm.runtime.options import Observer, Progress, RunOptions

TIME_LIMIT, TARGET = "time limit", "target reached"


class Bounds:
    """Observer that stops a run at a bound, which its Result names; it also forwards to `observer`.

    The clock of the time limit is paused before the first report of steps, and from a message of the driver (a kernel is
    compiled) to the next report.
    """

    def __init__(self, options: RunOptions, observer: Observer | None, rounding: float = 0.0) -> None:
        """`rounding` is the largest rounding error of a computed energy."""
        self.options, self.observer, self.rounding = options, observer, rounding
        self.spent, self.counted_from, self.waiting = 0.0, time.monotonic(), True
        self.reached = ""

    def __call__(self, progress: Progress) -> bool:
        """Whether the run is to go on."""
        going = self.observer is None or self.observer(progress)
        if going:
            self.reached = self._bound(progress)
        return going and not self.reached

    def _count(self, waiting: bool) -> float:
        """Update the elapsed seconds, without waiting times."""
        now = time.monotonic()
        self.spent += 0.0 if self.waiting else now - self.counted_from
        self.counted_from, self.waiting = now, waiting
        return self.spent

    def _bound(self, progress: Progress) -> str:
        seconds, spent = self.options.time_limit, self._count(bool(progress.message))
        if self._hits(progress.best_energy):
            return TARGET
        return TIME_LIMIT if seconds is not None and spent >= seconds else ""

    def named(self, result: Result) -> Result:
        """The Result with the bound as its status, where one ended the run, or the target was seen by the program's end."""
        if result.status == "finished" and any(map(self._hits, result.best_energy.tolist())):
            return replace(result, status=TARGET)
        return replace(result, status=self.reached) if self.reached and result.status == "interrupted" else result

    def _hits(self, energy: float) -> bool:
        target = self.options.target
        return target is not None and energy <= target + self.rounding
