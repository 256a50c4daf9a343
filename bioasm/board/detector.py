"""Spike detection: crossings of a threshold in multiples of the noise, measured robustly on each channel."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

THRESHOLD = 5.0  # in standard deviations of the noise
_WINDOW_MS = 1  # the moving mean that is taken off, against the slow field
_DEAD_MS = 1.0  # after a spike nothing is found on its channel for so long
_MAD = 0.6745  # median of |x| of a normal deviate


class Found(NamedTuple):
    """Spikes of one block: the device clock (samples), the channel, the voltage at the crossing in uV; in order of time."""

    sample: Array
    channel: Array
    peak: Array


class Detector:
    """Finds downward crossings of -`threshold` standard deviations on `channels` channels.

    What is looked at is the trace less its mean over the last millisecond. Where a stimulus made a channel blind, its last
    value before is held. Standard deviations are median(|x|)/0.6745 of the trace that `learn` was given (Quiroga et al. 2004).
    """

    def __init__(self, channels: int, samples_per_ms: int, threshold: float = THRESHOLD) -> None:
        self.channels, self.threshold = channels, threshold
        self._window, self._dead = _WINDOW_MS * samples_per_ms, round(_DEAD_MS * samples_per_ms)
        self._before = np.zeros((self._window, channels))
        self._below = np.zeros(channels, bool)  # whether the last sample was under the threshold
        self._free = np.zeros(channels, np.int64)  # from this sample on a spike may be found
        self._blind: list[tuple[int, int, int]] = []  # channel, first blind sample, first that sees again
        self.sd = np.full(channels, np.inf)

    def learn(self, trace: Array) -> None:
        """Measure the noise of every channel on a trace (samples, channels) in uV that is longer than a millisecond."""
        quiet = self._less_mean(trace)[self._window :]
        self.sd = np.maximum(np.median(np.abs(quiet), axis=0) / _MAD, 0.1)

    def blind(self, channels: Array, start: int, stop: int) -> None:
        """Let these channels be blind from one sample to another: an artefact is no spike."""
        self._blind += [(int(c), start, stop) for c in channels]
        self._free[channels] = np.maximum(self._free[channels], stop)

    def find(self, trace: Array, first: int) -> Found:
        """The spikes in a trace (samples, channels) in uV whose first sample has device clock `first`."""
        trace = self._held(trace, first)
        filtered = self._less_mean(trace)
        below = filtered < -self.threshold * self.sd
        started = below.copy()
        started[1:] &= ~below[:-1]
        started[0] &= ~self._below
        self._below = below[-1]
        samples, channels = np.nonzero(started)
        kept = [k for k, (s, c) in enumerate(zip(samples.tolist(), channels.tolist(), strict=True)) if self._take(first + s, c)]
        samples, channels = samples[kept], channels[kept]
        return Found(first + samples, channels, filtered[samples, channels])

    def _held(self, trace: Array, first: int) -> Array:
        """The trace with blind stretches replaced by the value before them."""
        if not self._blind:
            return trace
        trace, last = trace.copy(), self._before[-1]
        for channel, start, stop in self._blind:
            begin, end = max(0, start - first), min(len(trace), stop - first)
            if begin < end:
                trace[begin:end, channel] = trace[begin - 1, channel] if begin else last[channel]
        self._blind = [entry for entry in self._blind if entry[2] > first + len(trace)]
        return trace

    def _take(self, sample: int, channel: int) -> bool:
        if sample < self._free[channel]:
            return False
        self._free[channel] = sample + self._dead
        return True

    def _less_mean(self, trace: Array) -> Array:
        """The trace less its mean over the window that ends at each sample."""
        joined = np.concatenate([self._before, trace])
        self._before = joined[-self._window :]
        sums = np.cumsum(joined, axis=0)
        return np.asarray(trace - (sums[self._window :] - sums[: -self._window]) / self._window)
