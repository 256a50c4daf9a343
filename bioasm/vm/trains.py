"""Spike trains and event times, drained from kernels into memory or a spool, and sorted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.results.result import Spikes
from bioasm.vm.spool import Spool
from bioasm.vm.spooled import once_more, sorted_spikes

Array = NDArray[Any]


class Train:
    """Pieces (2, count) of cells (lane * neurons + neuron) and steps; `spooled` ones are in the file `name` of a spool."""

    def __init__(self, name: str, neurons: int) -> None:
        self.name, self.neurons, self.taken = name, neurons, 0
        self.pieces: list[Array] = []
        self._sorted: tuple[int, Spikes] | None = None

    def take(self, cells: Array, steps: Array) -> None:
        """Append the spikes of a kernel's buffer."""
        if cells.size:
            self.pieces.append(np.stack([cells, steps]))
            self.taken += cells.size

    def replace(self, whole: Array) -> None:
        """Replace the train by a checkpoint's, (2, count)."""
        self.pieces, self.taken = [whole], whole.shape[1]

    def joined(self) -> Array:
        """All pieces that are in memory, (2, count)."""
        return np.concatenate(self.pieces, axis=1) if self.pieces else np.zeros((2, 0), np.int64)

    def move(self, spool: Spool) -> None:
        """Move all pieces to the spool."""
        rows = [piece.T for piece in self.pieces]
        try:
            spool.move(self.name, rows)
        finally:
            self.pieces = [piece.T for piece in rows]

    def spikes(self, spool: Spool | None, lanes: int, dt: float) -> Spikes:
        """All spikes so far, sorted by lane, time and neuron; steps are `dt` seconds long."""
        if spool is not None and self.name in spool:
            return self._spooled(spool, lanes, dt)
        joined = self.joined()
        lane, neuron = np.divmod(joined[0], max(1, self.neurons))
        order = np.lexsort((neuron, joined[1], lane))
        self.pieces = [joined]  # in order of time, on which `View` relies
        return Spikes(joined[1][order] * dt, neuron[order], lane[order])

    def _spooled(self, spool: Spool, lanes: int, dt: float) -> Spikes:
        if self._sorted is None or self._sorted[0] != self.taken:
            raw, name = (self.name, [piece.T for piece in self.pieces]), f"{self.name}.{self.taken}"
            made = once_more(spool, lambda: sorted_spikes(spool, name, raw, self.neurons, lanes, dt))
            self._sorted = self.taken, made
        return self._sorted[1]
