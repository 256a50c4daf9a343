"""A look at a machine between two slices: the spikes, energies and samples of lane 0 that came since the last look."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.runtime.news import News
from bioasm.vm.machine import Machine
from bioasm.vm.outputs import Outputs, Samples

MOST = 20_000  # of each that are handed on; earlier ones are left out of the look, not of the run
_NEURONS = 4
Array = NDArray[Any]


class View:
    """Looks at a machine again and again."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.spikes, self.entries, self.samples = 0, 0, dict[int, int]()

    def __call__(self) -> News:
        """What is new."""
        if not self.machine.allocated:
            return News()
        outputs = self.machine.outputs
        t, i = self._spikes(outputs)
        found = dict(filter(None, (self._samples(number, one) for number, one in enumerate(outputs.samples))))
        return News(t, i, self._energies(outputs), found)

    def _spikes(self, outputs: Outputs) -> tuple[Array, Array]:
        fresh, self.spikes = outputs.spikes_taken - self.spikes, outputs.spikes_taken
        ids, steps = _last(outputs.spikes, min(fresh, MOST), axis=1)
        mine = ids < self.machine.n  # lane 0
        return steps[mine] * self.machine.step_length, ids[mine]

    def _energies(self, outputs: Outputs) -> Array:
        pieces = outputs.trace[0] if outputs.trace else []
        entries = sum(map(len, pieces))
        fresh, self.entries = entries - self.entries, entries
        return _last(pieces, min(fresh, MOST), axis=0)[:, 0] if fresh > 0 else np.zeros(0)

    def _samples(self, number: int, samples: Samples) -> tuple[str, tuple[Array, Array]] | None:
        taken, before = samples.taken, self.samples.get(number, 0)
        self.samples[number] = taken
        fresh = min(taken - before, MOST)
        if fresh <= 0:
            return None
        values = _last(samples.pieces[0], fresh, axis=0)[:, :_NEURONS, 0]
        steps = samples.start + samples.every * np.arange(taken - fresh, taken)
        return samples.ref.word, (steps * self.machine.step_length, values)


def _last(pieces: list[Array], count: int, axis: int) -> Array:
    """The last entries along an axis of pieces that lie one after the other."""
    found: list[Array] = []
    for piece in reversed(pieces):
        if count <= 0:
            break
        length = piece.shape[axis]
        found.append(piece.take(np.arange(max(0, length - count), length), axis))
        count -= length
    if not found:
        return np.zeros((2, 0), np.int64) if axis else np.zeros((0, 1))
    return np.concatenate(found[::-1], axis)
