"""Buffered streams of counter-based noise: for each step a row of numbers, one for each neuron of each lane.

The numbers are those that the compiled machine draws, from `bioasm.runtime.random`, which repeats them in numpy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.runtime.random import (
    STREAM_DYNAMICS,
    STREAM_POISSON,
    STREAM_RATES,
    STREAM_WHITE,
    Words,
    log,
    normals,
    open_unit,
    words,
)

Array = NDArray[Any]
Pair = Callable[[Words, Words], tuple[Array, Array]]

_NUMBERS = 1 << 18  # numbers made at a time


def logistics(x0: Words, x1: Words) -> tuple[Array, Array]:
    """The standard logistic numbers ln((1-u)/u) of a pair of words, float32."""
    even, odd = (log(open_unit(~w) / open_unit(w)) for w in (x0, x1))
    return even, odd


def exponentials(x0: Words, x1: Words) -> tuple[Array, Array]:
    """The standard exponential numbers -ln(u) of a pair of words, float32."""
    return -log(open_unit(x0)), -log(open_unit(x1))


def as_drawn(x0: Words, x1: Words) -> tuple[Array, Array]:
    """The words of a pair themselves, uint32."""
    return x0, x1


class Stream:
    """The numbers of one kind for all cells of some lanes: the first one's neurons, then the next one's, and so on."""

    def __init__(self, seed: int, of: range, n: int, numbers: Pair, stream: int = STREAM_DYNAMICS, first: int = 0) -> None:
        """`of` are the lanes, and `first` is the number of the first of n neurons."""
        self.seed, self.numbers, self.stream = seed, numbers, stream
        lanes = len(of)
        self.lane = np.repeat(np.arange(of.start, of.stop, dtype=np.uint32), n)
        self.neuron = np.tile(np.arange(first, first + n, dtype=np.uint32), lanes)
        self.pairs = max(1, _NUMBERS // (2 * max(1, lanes * n)))
        self.first, self.rows = -1, np.zeros((0, lanes * n))

    def row(self, step: int) -> Array:
        """The numbers of a step, (lanes * n,)."""
        if not 0 <= step - self.first < len(self.rows) or self.first < 0:
            self._draw(step & ~1)
        row: Array = self.rows[step - self.first]
        return row

    def _draw(self, first: int) -> None:
        """Make the numbers of the steps from `first` on, which is even."""
        steps = first + 2 * np.arange(self.pairs, dtype=np.int64)[:, None]
        even, odd = self.numbers(*words(self.seed, self.lane, self.neuron, steps, self.stream))
        self.rows = np.stack([even, odd], axis=1).reshape(2 * self.pairs, -1)
        self.first = first


def white_noise(seed: int, lanes: range, n: int, first: int, place: int) -> Stream:
    """Standard normal numbers for n neurons from number `first` on; `place` is 0 for `xi`, then 1, 2, ..."""
    return Stream(seed, lanes, n, normals, STREAM_WHITE + place - 1 if place else STREAM_DYNAMICS, first)


def poisson_stream(seed: int, lanes: range, n: int, place: int) -> Stream:
    """Words that decide over Poisson spikes to a port; `place` is its place among the ports that get any."""
    return Stream(seed, lanes, n, as_drawn, STREAM_RATES + place if place else STREAM_POISSON)
