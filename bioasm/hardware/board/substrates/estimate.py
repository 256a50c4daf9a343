"""Sliding-window rate estimator of s: the firing rate of each neuron's electrodes relative to the saturation rate."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.board.detector import Found
from bioasm.hardware.board.electrodes import Electrodes

Array = NDArray[Any]


class Estimator:
    """Spikes of the last `window` steps, counted for each neuron. A step is a millisecond."""

    def __init__(self, electrodes: Electrodes, channels: int, window: int, saturation: float) -> None:
        self.n = len(electrodes)
        self.neuron_of = np.full(channels, -1, np.int64)
        for neuron, mine in enumerate(electrodes):
            self.neuron_of[list(mine)] = neuron
        self._window, self._saturation = window, saturation
        self._parts: deque[tuple[int, Array, Array]] = deque()  # steps, spikes of each channel, steps that it was blind
        self.count = np.zeros(self.n, np.int64)

    def add(self, steps: int, found: Found, blind: Array) -> None:
        """Count the spikes of the last `steps`; `blind` (channels,) is for how many of them each channel saw nothing."""
        counts = np.bincount(found.channel, minlength=len(self.neuron_of))
        self._parts.append((steps, counts, blind))
        self.count += self._by_neuron(counts).astype(np.int64)
        while sum(part[0] for part in self._parts) - self._parts[0][0] >= self._window:
            self._parts.popleft()

    def s(self) -> Array:
        """The state of each neuron, 0 to 1, (n,): 0 before anything was counted."""
        if not self._parts:
            return np.zeros(self.n)
        steps = sum(part[0] for part in self._parts)
        counts = self._by_neuron(np.sum([part[1] for part in self._parts], axis=0))
        seen = self._by_neuron(steps - np.sum([part[2] for part in self._parts], axis=0)) * 1e-3
        rate = counts / np.maximum(seen, 1e-3)  # Hz an electrode
        return np.asarray(np.clip(rate / self._saturation, 0.0, 1.0))

    def clear(self) -> None:
        """Forget the window; counts of all spikes stay."""
        self._parts.clear()

    def _by_neuron(self, of_channels: Array) -> Array:
        used = self.neuron_of >= 0
        return np.bincount(self.neuron_of[used], weights=of_channels[used], minlength=self.n)
