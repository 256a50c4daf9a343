"""The events of a live page: an observer that turns reports of a run into small JSON events."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from typing import Any

import numpy as np

from bioasm.diagnostics.jsontext import dumps
from bioasm.runtime.news import News
from bioasm.runtime.options import Observer, Progress

_SECONDS_BETWEEN = 0.1
_MARKS = 2000  # of spikes, energies or samples in one event; more are thinned out evenly
_BACKLOG = 300  # events that a page which comes late is sent
_WAITING = 1000  # events that a slow page may be behind


class Feed:
    """Collects events and hands them to all pages that listen."""

    def __init__(self, observer: Observer, facts: dict[str, Any]) -> None:
        self.observer = observer
        self.backlog: deque[str] = deque([dumps({"facts": facts})], maxlen=_BACKLOG)
        self.facts = self.backlog[0]
        self.listeners: list[queue.Queue[str | None]] = []
        self.lock = threading.Lock()
        self.opened = threading.Event()
        self.last, self.entries = 0.0, 0
        self.status = "finished"
        self.latest: Progress | None = None

    def __call__(self, progress: Progress) -> bool:
        """Tell the pages, at most ten times a second, and ask the other observer whether the run is to go on."""
        now, self.latest = time.monotonic(), progress
        if progress.message or now - self.last >= _SECONDS_BETWEEN:
            self.last = now
            self.send(self.event(progress))
        return self.observer(progress)

    def event(self, progress: Progress) -> dict[str, Any]:
        """A report with what is new since the last one."""
        best = progress.best_energy
        told: dict[str, Any] = {"steps": progress.steps, "message": progress.message}
        if best == best:
            told["best"] = best
        if progress.look is not None:
            told |= self._news(progress.look())
        return told

    def _news(self, news: News) -> dict[str, Any]:
        first, self.entries = self.entries, self.entries + len(news.energies)
        entries = _thinned(len(news.energies))
        return {
            "spikes": _marks(news.t, news.i),
            "energy": [(entries + first).tolist(), _finite(news.energies[entries])],
            "traces": {name: _trace(*samples) for name, samples in news.samples.items()},
            "events": {name: _marks(*times) for name, times in news.events.items()},
        }

    def send(self, event: dict[str, Any]) -> None:
        """Give an event to all pages."""
        text = dumps(event)
        with self.lock:
            self.backlog.append(text)
            for listener in self.listeners:
                if listener.qsize() < _WAITING:
                    listener.put(text)

    def listen(self) -> queue.Queue[str | None]:
        """Subscribe a page: a queue that starts with the events so far; None ends it."""
        made: queue.Queue[str | None] = queue.Queue()
        with self.lock:
            for text in (self.facts, *self.backlog):
                made.put(text)
            self.listeners.append(made)
        self.opened.set()
        return made

    def leave(self, listener: queue.Queue[str | None]) -> None:
        """A page was closed."""
        with self.lock:
            if listener in self.listeners:
                self.listeners.remove(listener)

    def end(self, status: str, seconds: float) -> None:
        """Tell what came last and how the run ended, and wait a little until the pages have it."""
        if self.latest is not None:
            self.send(self.event(self.latest._replace(message="")))
        self.send({"ended": status})
        with self.lock:
            for listener in self.listeners:
                listener.put(None)
        deadline = time.monotonic() + seconds
        while self.listeners and time.monotonic() < deadline:
            time.sleep(0.02)


def _thinned(count: int) -> Any:
    return np.unique(np.linspace(0, count - 1, min(count, _MARKS)).astype(np.int64)) if count else np.zeros(0, np.int64)


def _finite(values: Any) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _marks(t: Any, i: Any) -> list[Any]:
    """Times and neurons, thinned out, and how many there are."""
    chosen = _thinned(len(t))
    return [t[chosen].tolist(), i[chosen].tolist(), len(t)]


def _trace(t: Any, values: Any) -> list[Any]:
    chosen = _thinned(len(t))
    return [t[chosen].tolist(), [_finite(column) for column in values[chosen].T]]
