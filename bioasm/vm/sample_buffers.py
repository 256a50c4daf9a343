"""Arrays for samples: growing ones that stay as parts of a recording (no copies), and one that is filled again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.vm.layout import Recorder

Array = NDArray[Any]

_REFILLED_BYTES = 1 << 21  # of a recorder in a block
_LEAST_BYTES = 1 << 16  # of a growing one, where a RUN records less
_BYTES_OF_ALL = 1 << 28  # of a recorder's samples, where many blocks make that less for each


class SampleBuffer:
    """The samples of one recorder in one of `blocks` blocks, (samples, neurons, width), that kernels take in place.

    A growing buffer begins without room, so that kernels come back once it is known how many samples their RUN takes; what is
    written is a piece of the recording as it lies there. `is_small` bounds it where pieces move to a file.
    """

    def __init__(self, neurons: int, width: int, blocks: int, *, grows: bool, is_small: bool) -> None:
        self._inner, self.grows, self._taken = (neurons, width), grows, 0
        most = _BYTES_OF_ALL // blocks
        self._most = min(_REFILLED_BYTES, most) if is_small or not grows else most
        self._entry = 8 * max(1, neurons * width)
        self.array: Array = np.zeros((0 if grows else self._entries(self._most), *self._inner))

    def _entries(self, size: int) -> int:
        return max(2, size // self._entry)

    def drain(self, row: Array, pieces: list[Array]) -> int:
        """Let the pieces of a recording end with what kernels have written so far; the bytes that are new."""
        count = int(row[Recorder.COUNT])
        new = count - self._taken
        if new and self.grows:
            goes_on = bool(pieces) and pieces[-1].base is self.array
            first = self._taken - len(pieces.pop()) if goes_on else self._taken
            pieces.append(self.array[first:count])
            self._taken = count
        elif new:
            pieces.append(self.array[:count].copy())
            row[Recorder.COUNT] = 0
        return new * self._entry

    def make_room(self, row: Array, end: int) -> None:
        """Begin another array where a growing one is full: for what is due before step `end`, and at least as much again."""
        if not self.grows or row[Recorder.COUNT] < len(self.array):
            return
        due = -(-max(0, end - int(row[Recorder.NEXT])) // int(row[Recorder.EVERY]))
        # Kernels want room before each step, also where no sample is due.
        wanted = max(due + 1, len(self.array), self._entries(_LEAST_BYTES))
        self.array, self._taken = np.empty((min(wanted, self._entries(self._most)), *self._inner)), 0
        row[[Recorder.COUNT, Recorder.CAPACITY, Recorder.VALUE_AT]] = 0, len(self.array), self.array.ctypes.data
