"""Accumulated telemetry of a running board: progress, spikes, energies, stimuli, faults; also for partial results."""

from __future__ import annotations

import time
from collections import Counter
from math import nan
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.link import messages as m
from bioasm.hardware.link.transfers import damaged
from bioasm.results import Spikes
from bioasm.runtime.news import News
from bioasm.runtime.options import Progress

Floats = NDArray[np.float64]
Wholes = NDArray[np.int64]


_HOLE = 1 << 24  # most lost entries of a trace in a row, for which memory is allocated


class Sink(Protocol):
    """A writer of a board's telemetry and events."""

    def __call__(self, message: m.Message) -> None:
        """Take telemetry or an event."""

    def started(self, clock: int) -> None:
        """The run began at a device clock."""

    def ended(self, status: str, link: dict[str, Any]) -> None:
        """The run ended; `link` are the statistics of the link."""


class TelemetryState:
    """Accumulator of telemetry and events in order of arrival, which are also passed to `sink`."""

    def __init__(self, run: int, lanes: int, ticks_per_second: float, sink: Sink | None = None) -> None:
        self.run, self.lanes, self.hertz = run, lanes, ticks_per_second
        self.sink = sink
        self.started = 0  # device clock at step 0
        self.steps = self.run_end = 0
        self.best_energy = nan
        self.state = m.State.DISARMED
        self.ended: m.RunEnded | None = None
        self.fault: m.Faulted | None = None
        self.stimuli: Counter[str] = Counter()
        self.log: list[str] = []
        self.told = self.stepped = time.monotonic()  # the times of the last status, and of the last new step
        self.news = False  # whether a status arrived since the last `progress`
        # Stored as arrays, because a run may be long.
        self._energies: list[list[tuple[int, Floats]]] = [[] for _ in range(lanes)]  # first entry, values
        self._entries = 0  # the longest trace of a lane so far
        self._seen = 0, 0  # pieces of spikes and of energies that were reported
        self._spikes: list[Wholes] = []  # rows of clock, neuron or channel

    def take(self, message: m.Message) -> None:
        """Accumulate a message. Raises BioasmError B515 for impossible content."""
        try:
            self._take(message)
        except (ValueError, OverflowError) as cause:
            raise damaged(f"the board told what can't be, a {type(message).__name__} of which: {cause}") from None

    def _take(self, message: m.Message) -> None:
        if self.sink is not None:
            self.sink(message)
        match message:
            case m.Status():
                self._status(message)
            case m.Energy():
                self._energy(message)
            case m.Spikes():
                rows = [(message.base + event.delta, event.unit) for event in message.events]
                self._spikes.append(np.array(rows, np.int64).reshape(-1, 2))
            case m.Stim():
                self.stimuli[message.outcome.name.lower()] += 1
            case m.RunEnded() if message.run == self.run:
                self.ended = message
            case m.Faulted():
                self.fault = message
            case m.Log():
                self.log.append(message.text)

    def progress(self, message: str = "") -> Progress:
        """The Progress of the run."""
        self.news = False
        return Progress(self.steps, self.run_end, self.best_energy, message, self._look)

    def _look(self) -> News:
        """Spikes and energies of lane 0 received since the last look."""
        pieces, energies = self._spikes[self._seen[0] :], self._energies[0][self._seen[1] :]
        self._seen = len(self._spikes), len(self._energies[0])
        rows = np.concatenate(pieces) if pieces else np.zeros((0, 2), np.int64)
        told = np.concatenate([values for _, values in energies]) if energies else np.zeros(0)
        return News((rows[:, 0] - self.started) / self.hertz, rows[:, 1], told)

    def _status(self, status: m.Status) -> None:
        self.state = status.state
        if status.run == self.run:
            self.told = time.monotonic()
        if status.run == self.run and status.steps > self.steps:
            self.steps, self.run_end = status.steps, status.run_end
            self.stepped = time.monotonic()
            self.best_energy = status.best_energy if status.best_energy == status.best_energy else self.best_energy
            self.news = True

    def _energy(self, message: m.Energy) -> None:
        if message.first > self._entries + _HOLE:
            raise ValueError(f"entry {message.first} follows entry {self._entries}")
        self._entries = max(self._entries, message.first + len(message.values))
        if message.lane < self.lanes:
            self._energies[message.lane].append((message.first, np.array(message.values)))

    # --- what is left of a lost run -----------------------------------------------------------------

    def energy_trace(self) -> Floats:
        """The received energies, (lanes, entries); NaN where a frame was lost."""
        length = max((first + len(values) for seen in self._energies for first, values in seen), default=0)
        trace = np.full((self.lanes, length), nan)
        for row, seen in zip(trace, self._energies, strict=True):
            for first, values in seen:
                row[first : first + len(values)] = values
        return trace

    def spikes(self, neuron_of: dict[int, int] | None) -> Spikes:
        """The received spikes, in seconds since the start of the run; `neuron_of` maps channels to neurons (None: identity)."""
        rows = np.concatenate([*self._spikes, np.zeros((0, 2), np.int64)])
        if neuron_of is not None:
            rows[:, 1] = [neuron_of.get(channel, -1) for channel in rows[:, 1].tolist()]
            rows = rows[rows[:, 1] >= 0]
        rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
        seconds = np.maximum(rows[:, 0] - self.started, 0) / self.hertz
        return Spikes(seconds, rows[:, 1], np.zeros(len(rows), np.int64))

    def facts(self) -> dict[str, Any]:
        """Counts for the provenance of a result."""
        return {"stimuli": dict(self.stimuli), "log": self.log[-20:]}
