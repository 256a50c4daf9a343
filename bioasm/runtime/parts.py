"""Parts of a population: what was set of all neurons with other values in place of those of some, for every back end."""

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
    """Those of some pieces, which rise and don't overlap, that are in a part, by bisection; None is all neurons."""
    if part is None:
        return pieces
    first = bisect_left(pieces, part.start, key=lambda piece: piece.start)
    return pieces[first : bisect_right(pieces, part.stop, key=lambda piece: piece.stop)]


def overlaid(before: Array | float, value: Array | float, part: range | None, n: int) -> Array | float:
    """Values of n neurons with others in the place of a part's.

    Both are one number, one a neuron (n,) or (of the part,), or have a row for each lane, (lanes, 1 or n). What is given to all
    neurons stays as it is.
    """
    if part is None or len(part) == n:
        return value
    rows = [len(each) for each in (before, value) if isinstance(each, np.ndarray) and each.ndim == 2]
    whole = np.array(np.broadcast_to(before, (max(rows), n) if rows else (n,)), np.float64)
    whole[..., place(part)] = value
    return whole


class Train(NamedTuple):
    """Spikes that come to a port: steps of the run in rising order, and neurons of the port's owner (int64)."""

    steps: Array
    neurons: Array

    def replaced(self, part: range, others: Train, now: int) -> Train:
        """The train from step `now` on with others in place of the spikes to a part, of which none of before comes any more.

        Of spikes in one step those that stay come first.
        """
        stays = (self.steps >= now) & ((self.neurons < part.start) | (self.neurons >= part.stop))
        steps = np.concatenate([self.steps[stays], others.steps])
        order = np.argsort(steps, kind="stable")
        return Train(steps[order], np.concatenate([self.neurons[stays], others.neurons])[order])
