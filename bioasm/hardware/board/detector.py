"""Spike detection by threshold crossing, in multiples of a robust noise estimate (MAD) of each channel."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.chips.filters import HighPass

Array = NDArray[Any]

THRESHOLD = 5.0  # in standard deviations of the noise
_CUTOFF_HZ = 200.0  # cutoff of the high-pass that removes the slow field
_DEAD_MS = 1.0  # dead time after a spike on its channel
_SETTLING_MS = 10  # settling time of the high-pass before noise is measured
_MAD = 0.6745  # median of |x| of a normal deviate


class Found(NamedTuple):
    """Spikes of one block: the device clock (samples), the channel, the voltage at the crossing in uV; in order of time."""

    sample: Array
    channel: Array
    peak: Array


NOTHING_FOUND = Found(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


class Detector:
    """Finds downward crossings of -`threshold` standard deviations on `channels` channels.

    Traces are filtered by a one-pole high-pass. While a channel is blind after a stimulus, its last value is held. Standard
    deviations are median(|x|)/0.6745 of the trace in `learn` (Quiroga et al. 2004).
    """

    def __init__(self, channels: int, samples_per_ms: int, threshold: float = THRESHOLD) -> None:
        self.threshold = threshold
        self._dead = round(_DEAD_MS * samples_per_ms)
        self._settling = round(_SETTLING_MS * samples_per_ms)
        self._filter = HighPass(channels)
        self._filter.tune(np.full(channels, _CUTOFF_HZ), 1000.0 * samples_per_ms)
        self._last = np.zeros(channels)  # sample of the trace
        self._shift = np.zeros(channels)  # offset that came with blind stretches
        self._below = np.zeros(channels, bool)  # whether the last sample was under the threshold
        self._free = np.zeros(channels, np.int64)  # from this sample on a spike may be found
        self._blind: list[tuple[int, int, int]] = []  # channel, first blind sample, first that sees again
        self.sd = np.full(channels, np.inf)

    def learn(self, trace: Array) -> None:
        """Measure the noise of every channel on a trace (samples, channels) in uV of more than 20 ms."""
        quiet = self._filter.block(trace)[self._settling :]
        self.sd = np.maximum(np.median(np.abs(quiet), axis=0) / _MAD, 0.1)

    def blind(self, channels: Array, start: int, stop: int) -> None:
        """Blank channels in a range of samples, to exclude artefacts."""
        self._blind += [(int(c), start, stop) for c in channels]
        self._free[channels] = np.maximum(self._free[channels], stop)

    def find(self, trace: Array, first: int) -> Found:
        """The spikes in a trace (samples, channels) in uV whose first sample has device clock `first`."""
        if not len(trace):
            return NOTHING_FOUND
        trace = self._held(trace, first)
        self._last = trace[-1].copy()
        filtered = self._filter.block(trace)
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
        """The trace with blind stretches replaced by the value before them, from which it goes on after them.

        An amplifier that was settled comes back with another offset, which would look like a spike.
        """
        trace = trace - self._shift
        for channel, start, stop in self._blind:
            begin, end = max(0, start - first), stop - first
            if begin >= len(trace) or end < 0:  # not yet blind, or in a stretch that nobody sampled
                continue
            value = trace[begin - 1, channel] if begin else self._last[channel]
            trace[begin:end, channel] = value
            if end < len(trace):
                step = trace[end, channel] - value
                trace[end:, channel] -= step
                self._shift[channel] += step
        self._blind = [entry for entry in self._blind if entry[2] >= first + len(trace)]
        return trace

    def _take(self, sample: int, channel: int) -> bool:
        if sample < self._free[channel]:
            return False
        self._free[channel] = sample + self._dead
        return True
