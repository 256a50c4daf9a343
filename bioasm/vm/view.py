"""Incremental observation between two slices: spikes, energies, samples and events of lane 0 since the last look."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.runtime.news import News
from bioasm.vm.machine import Machine
from bioasm.vm.outputs import Happenings, Outputs, Samples
from bioasm.vm.trains import Train

MOST = 20_000  # of each that are reported; earlier ones are omitted here, not from the results
_NEURONS = 4
Array = NDArray[Any]


class View:
    """Incremental observer of a machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.entries, self.samples, self.times = 0, dict[int, int](), dict[str, int]()

    def __call__(self) -> News:
        """The news since the last look."""
        if not self.machine.allocated:
            return News()
        outputs = self.machine.outputs
        t, i = self._times(outputs.spikes)
        found = dict(filter(None, (self._samples(number, one) for number, one in enumerate(outputs.samples))))
        return News(t, i, self._energies(outputs), found, {one.ref.word: self._events(one) for one in outputs.events})

    def _times(self, train: Train) -> tuple[Array, Array]:
        """The new times and neurons of a train."""
        fresh = train.taken - self.times.get(train.name, 0)
        self.times[train.name] = train.taken
        ids, steps = _last(train.pieces, min(fresh, MOST), axis=1)
        mine = ids < train.neurons  # lane 0
        return steps[mine] * self.machine.step_length, ids[mine]

    def _events(self, one: Happenings) -> tuple[Array, Array]:
        t, i = self._times(one.train)
        return t, i + one.first

    def _energies(self, outputs: Outputs) -> Array:
        pieces = outputs.trace[0] if outputs.trace else []
        entries = outputs.trace_taken // self.machine.state.places
        fresh, self.entries = entries - self.entries, entries
        return _last(pieces, min(fresh, MOST), axis=0)[:, 0] if fresh > 0 else np.zeros(0)

    def _samples(self, number: int, samples: Samples) -> tuple[str, tuple[Array, Array]] | None:
        taken, before = samples.taken, self.samples.get(number, 0)
        self.samples[number] = taken
        fresh = min(taken - before, MOST)
        if fresh <= 0:
            return None
        values = _last(samples.pieces[0], fresh, axis=0)[:, :_NEURONS, 0]
        steps = samples.start + samples.every * np.arange(taken - len(values), taken)
        return samples.ref.word, (steps * self.machine.step_length, values)


def _last(pieces: list[Array], count: int, axis: int) -> Array:
    """The last `count` entries along an axis of concatenated pieces."""
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
