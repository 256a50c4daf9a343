"""Path decompositions for BLK: blocks of spins in elimination orders of small pathwidth, measured on the coupling graph."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.limits import limit

Array = NDArray[Any]

END = -1  # the separator of blocks in a plan


def blocks_of(plan: Array) -> list[Array]:
    """The blocks of a plan, int32 each: the numbers between one END and the next, an END behind the last or not."""
    numbers = plan.astype(np.int32)
    pieces = np.split(numbers, np.flatnonzero(numbers == END) + 1)
    return [block for block in (piece[piece != END] for piece in pieces) if len(block)]


class TooWide(Exception):
    """A block whose table would be larger than the limit."""


class Measure(NamedTuple):
    """Width of a path decomposition: the most spins in its table at any visit; and `spread`, a bound of entries in units of J.

    An entry that exceeds the lowest one by more than the remaining spins can make up for is never part of the minimum. The
    lowest one itself rises by the couplings of two visits at most before the table is rescaled. `spread` is the largest sum
    of both: entries above it need no exact value, whatever the fields are.
    """

    width: int
    spread: float


def measure(order: Array, start: Array, column: Array, size: Array) -> Measure:
    """Measure a block on a graph in CSR form: spin i has the neighbours column[start[i]:start[i + 1]], with |J| in `size`."""
    count = len(order)
    place = np.full(len(start) - 1, -1, np.int64)
    place[order] = np.arange(count)
    lengths = (start[1:] - start[:-1])[order]
    here = np.repeat(np.arange(count), lengths)
    entry = np.repeat(start[order], lengths) + np.arange(len(here)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    there, sizes = place[column[entry]], size[entry]
    inside = there >= 0
    here, there, sizes = here[inside], there[inside], sizes[inside]
    last = np.arange(count)
    np.maximum.at(last, here, there)
    ending = np.bincount(last, minlength=count)  # spins whose last neighbour in the order is this visit's
    waiting = np.cumsum(1 - ending)
    before = np.concatenate([[0], waiting[:-1]])
    replaced = ending - (last == np.arange(count)) > 0  # the spin visited takes the slot of one that ends here
    width = int((before + 1 - replaced).max(initial=0))
    return Measure(width, _spread(here, there, sizes, count))


def check_width(found: Measure, count: int) -> None:
    """Raise TooWide where the table of a block of `count` spins, or the back-pointers of its visits, exceed their limits."""
    if found.width > limit("block_width"):
        text = f"BLK got a block that needs a table of 2^{found.width} entries; the limit is 2^{limit('block_width')}"
        raise TooWide(text)
    needed = bytes_of_choices(found.width, count)
    if needed > limit("block_bytes"):
        raise TooWide(f"BLK got a block that needs {needed} bytes; the limit is {limit('block_bytes')}")


def bytes_of_choices(width: int, count: int) -> int:
    """Bytes of the back-pointers of a forward pass over `count` spins: two bits for each entry of each visit's table."""
    return count << width >> 2


def _spread(here: Array, there: Array, sizes: Array, count: int) -> float:
    """The largest cut: the sum of |J| between visited and later spins, with those of the spin visited and the one before it."""
    later = there > here
    opened = np.bincount(here[later], sizes[later], minlength=count)
    closed = np.bincount(there[later], sizes[later], minlength=count)
    before = np.concatenate([[0.0], closed[:-1]])
    return float((np.cumsum(opened - closed) + closed + before).max(initial=0.0))
