"""Gaps in a recording, found in the numbers of its samples."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MOST_GAPS = 1000


@dataclass(frozen=True, slots=True)
class Gap:
    """`count` samples that are missing in front of the sample `frame`, the first of which has the number `number`.

    A negative count says that the numbers go back by as much.
    """

    frame: int
    number: int
    count: int


@dataclass(slots=True)
class Timing:
    """Summary of the sample numbers: first, last, count and gaps, of which the first MOST_GAPS are kept.

    `found` counts all gaps, `missing` the samples in those that go forward, `frames` the samples that are there.
    """

    frames: int = 0
    first: int = 0
    found: int = 0
    missing: int = 0
    gaps: list[Gap] = field(default_factory=list)
    last: int = 0

    @property
    def span(self) -> int:
        """The samples that are there and those that are missing between them."""
        return self.frames + self.missing

    def add(self, numbers: NDArray[np.int64]) -> None:
        """Add the numbers of further samples, int64 (n,)."""
        if not len(numbers):
            return
        before = self.last if self.frames else int(numbers[0]) - 1
        self.first = self.first if self.frames else int(numbers[0])
        step = _signed(np.diff(numbers, prepend=before) - 1)
        at = np.flatnonzero(step)
        self.found += len(at)
        self.missing += int(step[step > 0].sum())
        for k in at[: MOST_GAPS - len(self.gaps)].tolist():
            self.gaps.append(Gap(self.frames + k, int(numbers[k] - step[k]), int(step[k])))
        self.frames += len(numbers)
        self.last = int(numbers[-1])


def _signed(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Differences of numbers of 32 bits, which wrap after 2^32 samples (39.8 h at 30 kHz)."""
    return (steps + (1 << 31)) % (1 << 32) - (1 << 31)


def timing_of(pieces: Iterable[NDArray[np.int32] | NDArray[np.uint32]]) -> Timing:
    """The timing of the numbers of samples in pieces."""
    timing = Timing()
    for piece in pieces:
        timing.add(piece.astype(np.int64))
    return timing
