"""What a board tells while it runs: progress, spikes, energies, stimuli, faults. It makes a partial result of a lost run."""

from __future__ import annotations

from collections import Counter
from math import nan
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.base import Progress
from bioasm.link import messages as m
from bioasm.results import Spikes


class Sink(Protocol):
    """Who writes down what a board tells."""

    def __call__(self, message: m.Message) -> None:
        """Take telemetry or an event."""

    def started(self, clock: int) -> None:
        """The run began at a device clock."""

    def ended(self, status: str, link: dict[str, Any]) -> None:
        """The run is over, and what the link counted by then."""


class Live:
    """Takes telemetry and events in the order in which they came. `sink` is given each of them as well."""

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
        self.news = False  # whether a status came since `progress` was asked for
        self._energies: list[dict[int, float]] = [{} for _ in range(lanes)]
        self._spikes: list[tuple[int, int]] = []  # clock, neuron or channel

    def take(self, message: m.Message) -> None:
        """Keep what a message says."""
        if self.sink is not None:
            self.sink(message)
        match message:
            case m.Status():
                self._status(message)
            case m.Energy():
                self._energy(message)
            case m.Spikes():
                self._spikes += [(message.base + event.delta, event.unit) for event in message.events]
            case m.Stim():
                self.stimuli[message.outcome.name.lower()] += 1
            case m.RunEnded() if message.run == self.run:
                self.ended = message
            case m.Faulted():
                self.fault = message
            case m.Log():
                self.log.append(message.text)

    def progress(self, message: str = "") -> Progress:
        """Where the run is, for an observer."""
        self.news = False
        return Progress(self.steps, self.run_end, self.best_energy, message)

    def _status(self, status: m.Status) -> None:
        self.state = status.state
        if status.run == self.run and status.steps > self.steps:
            self.steps, self.run_end = status.steps, status.run_end
            self.best_energy = status.best_energy if status.best_energy == status.best_energy else self.best_energy
            self.news = True

    def _energy(self, message: m.Energy) -> None:
        if message.lane < self.lanes:
            self._energies[message.lane].update(enumerate(message.values, message.first))

    # --- what is left of a lost run -----------------------------------------------------------------

    def energy_trace(self) -> NDArray[np.float64]:
        """The energies that came, (lanes, entries); NaN where a frame was lost."""
        length = max((max(seen) + 1 for seen in self._energies if seen), default=0)
        trace = np.full((self.lanes, length), nan)
        for row, seen in zip(trace, self._energies, strict=True):
            row[list(seen)] = list(seen.values())
        return trace

    def spikes(self, neuron_of: dict[int, int] | None) -> Spikes:
        """The spikes that came, with seconds since the run began; `neuron_of` gives the neuron of a channel (None: alike)."""
        owners = [unit if neuron_of is None else neuron_of.get(unit) for _, unit in self._spikes]
        seconds = [max(0.0, (clock - self.started) / self.hertz) for clock, _ in self._spikes]
        kept = sorted((t, i) for t, i in zip(seconds, owners, strict=True) if i is not None)
        times, neurons = np.array([t for t, _ in kept]), np.array([i for _, i in kept], np.int64)
        return Spikes(times.astype(np.float64), neurons, np.zeros(len(kept), np.int64))

    def facts(self) -> dict[str, Any]:
        """Counts for the provenance of a result."""
        return {"stimuli": dict(self.stimuli), "log": self.log[-20:]}
