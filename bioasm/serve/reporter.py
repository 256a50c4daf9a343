"""Asynchronous progress reports: the observer only queues, a thread writes; a rig never waits for the disk."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from dataclasses import replace
from typing import Any, Protocol, Self

from bioasm.diagnostics import Diagnostic
from bioasm.drivers import Progress
from bioasm.serve import jobs
from bioasm.serve.store import Store

BLIND = 40.0  # s without a successful cancellation check after which the job is stopped; a locked database takes 30
_LOOK = 0.05  # s between cancellation checks
_REPORTS = (0.1, 5.0)  # least and greatest s between reports: about one for each per cent of the elapsed time


class Owner(Protocol):
    """The worker whose run is reported."""

    leaving: bool

    def ring(self) -> None:
        """Notify the server of new events."""


class Reporter:
    """Writes a run's progress as events of its job; stops the run when the job is cancelled or the worker exits.

    A context manager around the run. `released`: the job is to be requeued, which `may_release` allows.
    """

    def __init__(self, store: Store, job: str, owner: Owner) -> None:
        self.store, self.job, self.owner = store, job, owner
        self.began, self.told = time.monotonic(), -1e9
        self.may_release = self.released = self.over = self.ended = self.blind = False
        self.looked = self.began
        self._latest: Progress | None = None
        self._messages: list[str] = []
        self._last = ""
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True
        self._news.set()
        self._thread.join()

    def __call__(self, progress: Progress) -> bool:
        """Observer called by the driver between slices: store the progress."""
        if progress.message:
            self._messages.append(progress.message)
            self._news.set()
        elif self._latest is None:
            self._latest = progress
            self._news.set()
        else:
            self._latest = progress
        if self.owner.leaving:
            self.released = self.may_release
        self.blind = self.blind or not self._is_watched()
        return not (self.over or self.blind or self.owner.leaving)

    def _is_watched(self) -> bool:
        """Whether cancellation works: the thread is alive, and has recently read the job's state from the database."""
        return self._thread.is_alive() and time.monotonic() - self.looked < BLIND

    def judged(self, outcome: jobs.Outcome) -> jobs.Outcome:
        """The outcome, with a finding where the run was stopped because its cancellation could not be read."""
        if not self.blind:
            return outcome
        text = f"the run was stopped: for {BLIND:g} s the server's database could not be asked whether it is cancelled"
        return replace(outcome, findings=(*outcome.findings, Diagnostic("B555", text)))

    # --- the thread -------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Check for cancellation and write new events until the run has ended; both may fail temporarily."""
        while not self.ended:
            self._news.wait(_LOOK)
            self._news.clear()
            for step in (self._look, self._tell_messages, self._tell_progress):
                with contextlib.suppress(sqlite3.Error, OSError):
                    step()

    def _look(self) -> None:
        self.over = self.over or jobs.is_cancelled(self.store, self.job)
        self.looked = time.monotonic()

    def _tell_messages(self) -> None:
        while self._messages:
            message = self._messages.pop(0)
            last, self._last = self._last, message
            if message != last:
                self._tell("message", {"message": message})

    def _tell_progress(self) -> None:
        now, progress = time.monotonic(), self._latest
        if progress is None or now - self.told < min(max(_REPORTS[0], 0.01 * (now - self.began)), _REPORTS[1]):
            return
        self.told, self._latest = now, None
        best = progress.best_energy if abs(progress.best_energy) < float("inf") else None
        self._tell("progress", {"steps": progress.steps, "run_end": progress.run_end, "best_energy": best})

    def _tell(self, kind: str, data: dict[str, Any]) -> None:
        with self.store.change() as database:
            jobs.tell(database, self.job, kind, data)
        self.owner.ring()
