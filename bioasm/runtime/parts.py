"""Partial updates: values and spike trains of a population with those of a part replaced, for every back end."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def place(part: range | None) -> slice:
    """The indices of a part of the neurons, None for all."""
    return slice(None) if part is None else slice(part.start, part.stop)


def pieces_in(part: range | None, pieces: Sequence[range]) -> Sequence[range]:
    """Bisection: the pieces within a part, of ascending pieces that don't overlap; a part of None is all neurons."""
    if part is None:
        return pieces
    first = bisect_left(pieces, part.start, key=lambda piece: piece.start)
    return pieces[first : bisect_right(pieces, part.stop, key=lambda piece: piece.stop)]


def overlaid(before: Array | float, value: Array | float, part: range | None, n: int) -> Array | float:
    """Values of n neurons with those of a part replaced.

    Both are one number, one a neuron (n,) or (of the part,), or have a row for each lane, (lanes, 1 or n). A value for all
    neurons replaces `before` as it is.
    """
    if part is None or len(part) == n:
        return value
    rows = [len(each) for each in (before, value) if isinstance(each, np.ndarray) and each.ndim == 2]
    whole = np.array(np.broadcast_to(before, (max(rows), n) if rows else (n,)), np.float64)
    whole[..., place(part)] = value
    return whole


class Train(NamedTuple):
    """Spike train to a port: steps of the run in ascending order, and neurons of the port's owner (both int64)."""

    steps: Array
    neurons: Array

    def replaced(self, part: range, others: Train, now: int) -> Train:
        """The train from step `now` on, with the spikes to a part replaced by others.

        Within a step, kept spikes come first.
        """
        stays = (self.steps >= now) & ((self.neurons < part.start) | (self.neurons >= part.stop))
        steps = np.concatenate([self.steps[stays], others.steps])
        order = np.argsort(steps, kind="stable")
        return Train(steps[order], np.concatenate([self.neurons[stays], others.neurons])[order])
