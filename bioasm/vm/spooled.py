"""Out-of-core passes over a spool: transposition to lanes first, and a counting sort of spikes by lane."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import numpy as np

from bioasm.diagnostics import BioasmError
from bioasm.results.result import Spikes
from bioasm.vm.spool import PIECE, Array, Spool

_ROWS = PIECE // 16  # rows of two int64
T = TypeVar("T")


def once_more(spool: Spool, make: Callable[[], T]) -> T:
    """Retry: the result of `make` in files of the spool, or in memory once the disk is full."""
    was_full = spool.full
    try:
        return make()
    except BioasmError:
        if was_full or not spool.full:
            raise
        spool.drop_unfinished()
        return make()


def lanes_first(spool: Spool, name: str, blocks: list[tuple[str, list[Array]]], lanes: int) -> Array:
    """Out-of-core transposition: arrays (entries, ..., width) of all blocks to one (lanes, entries, ...), a view for one lane.

    `blocks` are the names of the spooled parts with their pieces in memory. An array of this name that exists is returned.
    """
    if lanes == 1 and not spool.full:
        spool.move(*blocks[0])
        found = spool.mapped(blocks[0][0])
        return found.reshape(1, *found.shape[:-1])
    if spool.is_done(name):
        return spool.mapped(name)
    inner = next(spool.chunks(*blocks[0])).shape[1:]
    shape, width = (lanes, spool.count(*blocks[0]), *inner[:-1]), inner[-1]
    placed, entry = spool.place(name, shape), int(np.prod(inner[:-1]))
    for b, block in enumerate(blocks):
        done = 0
        for part in spool.chunks(*block):
            for lane in range(min(width, lanes - b * width)):
                placed.put(((b * width + lane) * shape[1] + done) * entry, part[..., lane])
            done += len(part)
    return placed.done()


def sorted_spikes(spool: Spool, name: str, raw: tuple[str, list[Array]], n: int, lanes: int, dt: float) -> Spikes:
    """Spikes (count, 2) of cell and step, ordered by time within each lane, as Spikes sorted by lane, time and neuron."""
    parts = spool.chunks(*raw) if lanes == 1 else _slices(_by_lane(spool, f"{name}.by_lane", raw, n, lanes))
    count = spool.count(*raw)
    t = spool.place(f"{name}.t", (count,))
    i, lane = (spool.place(f"{name}.{part}", (count,), "<i8") for part in ("i", "lane"))
    at = 0
    for rows in _whole_steps(parts, n):
        which, neuron = np.divmod(rows[:, 0], n)
        order = np.lexsort((neuron, rows[:, 1], which))
        t.put(at, rows[order, 1] * dt)
        i.put(at, neuron[order])
        lane.put(at, which[order])
        at += len(rows)
    spool.drop(f"{name}.by_lane")
    return Spikes(t.done(), i.done(), lane.done())


def _by_lane(spool: Spool, name: str, raw: tuple[str, list[Array]], n: int, lanes: int) -> Array:
    """Counting sort by lane in two passes: the spikes of lane 0, then those of lane 1, and so on, (count, 2)."""
    counts = sum(np.bincount(part[:, 0] // n, minlength=lanes) for part in spool.chunks(*raw))
    starts = np.concatenate([[0], np.cumsum(counts)])
    placed, free = spool.place(name, (int(starts[-1]), 2), "<i8"), starts[:-1].copy()
    for part in spool.chunks(*raw):
        lane = part[:, 0] // n
        ordered, here = part[np.argsort(lane, kind="stable")], np.bincount(lane, minlength=lanes)
        ends = np.cumsum(here)
        for k in np.flatnonzero(here):
            placed.put(2 * int(free[k]), ordered[ends[k] - here[k] : ends[k]])
        free += here
    return placed.done()


def _slices(array: Array) -> Iterator[Array]:
    for first in range(0, len(array), _ROWS):
        yield np.array(array[first : first + _ROWS])


def _whole_steps(chunks: Iterable[Array], n: int) -> Iterator[Array]:
    """Regroup rows into parts that end with a step of a lane."""
    left = np.zeros((0, 2), np.int64)
    for chunk in chunks:
        rows = np.concatenate([left, chunk])
        last = (rows[:, 0] // n == rows[-1, 0] // n) & (rows[:, 1] == rows[-1, 1])
        end = len(rows) - int(np.argmin(last[::-1])) if not last.all() else 0
        yield rows[:end]
        left = rows[end:]
    yield left
