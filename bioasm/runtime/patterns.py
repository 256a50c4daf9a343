"""Patterns of connections by rule, in CSR form: starts of the rows of sources, and the neurons reached.

Rows are sorted; a target with several connections is repeated. Rows are made in blocks of some hundredths of a second,
between which signals are handled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.network.wiring import Candidates, Rule
from bioasm.runtime.narrow import neuron_type
from bioasm.runtime.sampling import (
    SPREADS,
    Block,
    bernoulli_rows,
    chosen,
    distinct_rows,
    drawn_rows,
    draws_for,
    repeated_rows,
    streams,
)
from bioasm.runtime.sparse_rows import starts

Array = NDArray[Any]
Pattern = tuple[Array, Array]
Look = Callable[[], object]  # called between blocks; an exception of it ends the work

_BLOCK = 1 << 19  # connections or entries made at a time
_NONE = 1e-30  # a probability at which no pair of any network is drawn: gaps of 53 bits are at most 37/p


class Draws(NamedTuple):
    """The seeds of random numbers: the seed of the run, and the projection's place in the program."""

    seed: int
    place: int


def nothing() -> None:
    """The default `look`: never interrupts."""


def ranges(rows: int, width: int, least: int = 1) -> Iterator[tuple[int, int]]:
    """Blocking: ranges of rows with `width` entries each; a block has at least `least` rows."""
    step = max(least, _BLOCK // max(1, width))
    for first in range(0, rows, step):
        yield first, min(first + step, rows)


def row_blocks(start: Array) -> Iterator[tuple[int, int]]:
    """Blocking: ranges of CSR rows; a block has at least one row."""
    first, rows = 0, len(start) - 1
    while first < rows:
        last = max(first + 1, int(np.searchsorted(start, start[first] + _BLOCK, side="right")) - 1)
        yield first, last
        first = last


# --- all pairs ----------------------------------------------------------------------------------------


def _all(rule: Rule, number: float, among: Candidates, draws: Draws, look: Look) -> Pattern:
    return joined(among, among.pairs, _skipping(among, _whole_rows), look)


def _whole_rows(rows: range, width: int) -> Iterator[Block]:
    for first, last in ranges(len(rows), width):
        yield rows.start + first, np.full(last - first, width), np.tile(np.arange(width, dtype=np.int32), last - first)


def _one_to_one(rule: Rule, number: float, among: Candidates, draws: Draws, look: Look) -> Pattern:
    n = min(among.pre, among.post)
    return np.minimum(np.arange(among.pre + 1), n).astype(np.int64), np.arange(n, dtype=neuron_type(among.post))


# --- numbers of partners ------------------------------------------------------------------------------


def _probability(rule: Rule, number: float, among: Candidates, draws: Draws, look: Look) -> Pattern:
    if number >= 1.0:
        return _all(rule, number, among, draws, look)
    mean = among.pairs * number
    blocks = _skipping(among, lambda rows, n: bernoulli_rows(rows, n, number, *draws)) if number > _NONE else ()
    return joined(among, math.ceil(mean + SPREADS * math.sqrt(mean)), blocks, look)


def _outdegree(rule: Rule, number: float, among: Candidates, draws: Draws, look: Look) -> Pattern:
    return joined(among, among.pre * int(number), _degrees(rule, int(number), among, draws), look)


def _indegree(rule: Rule, number: float, among: Candidates, draws: Draws, look: Look) -> Pattern:
    """Fixed in-degree: rows are drawn for the targets, and transposed."""
    back = among.transposed
    _, source = joined(back, among.post * int(number), _degrees(rule, int(number), back, draws), look)
    return _transposed(source, int(number), among, look)


def _degrees(rule: Rule, degree: int, among: Candidates, draws: Draws) -> Iterator[Block]:
    """Sampled rows of `degree` partners each."""

    def sample(rows: range, n: int) -> Iterator[Block]:
        if rule.multapses:
            return repeated_rows(rows, n, np.full(len(rows), degree), *draws)
        return distinct_rows(rows, n, degree, *draws)

    return _skipping(among, sample)


# --- a number of connections in all -------------------------------------------------------------------


def _total(rule: Rule, number: float, among: Candidates, draws: Draws, look: Look) -> Pattern:
    total = int(number)
    if rule.multapses:
        return _repeated(total, among, draws, look)
    if total <= among.pairs // 2:
        return _distinct(total, among, draws, look)
    left_out = _distinct(among.pairs - total, among, draws, look)
    return joined(among, total, _complement(left_out, among), look)


def _repeated(total: int, among: Candidates, draws: Draws, look: Look) -> Pattern:
    """Fixed total number with replacement: the counts of sources are multinomial, and their targets are drawn after that."""
    counts = np.zeros(among.pre, np.int64)
    for rows in drawn_rows([*among.rows()], total, *draws):
        look()
        counts += np.bincount(rows, minlength=among.pre)

    def sample(rows: range, n: int) -> Iterator[Block]:
        return repeated_rows(rows, n, counts[rows.start : rows.stop], *draws)

    return joined(among, total, _skipping(among, sample), look)


def _distinct(total: int, among: Candidates, draws: Draws, look: Look) -> Pattern:
    """Fixed total number without replacement, all sets equally probable, for at most half of the pairs.

    Repeated draws, somewhat too many, give any set of as many different pairs as they hold; some of these are dropped.
    """
    drawn = draws_for(among.pairs, total) if total else 0
    while True:
        start, reached = _repeated(drawn, among, draws, look)
        start, reached = _without(start, reached, _repeats(start, reached, look), look)
        if len(reached) >= total:
            break
        drawn *= 2
    dropped = chosen(len(reached), len(reached) - total, among.pre + streams(drawn), *draws)
    return _without(start, reached, dropped, look)


def _repeats(start: Array, reached: Array, look: Look) -> Array:
    """Positions of targets that repeat the one before them in their CSR row, (m,)."""
    found = [np.zeros(0, np.int64)]
    for first, last in ranges(len(reached), 1):
        look()
        before = max(first - 1, 0)
        again = np.flatnonzero(reached[before + 1 : last] == reached[before : last - 1]) + before + 1
        found.append(again[start[np.searchsorted(start, again)] != again])
    return np.concatenate(found)


def _without(start: Array, reached: Array, dropped: Array, look: Look) -> Pattern:
    """CSR rows without the entries at the sorted positions `dropped`."""
    end = 0
    for first, last in ranges(len(reached), 1):
        look()
        mine = slice(*np.searchsorted(dropped, (first, last)))
        part = np.delete(reached[first:last], dropped[mine] - first)
        reached[end : end + len(part)] = part
        end += len(part)
    return start - np.searchsorted(dropped, start), reached[:end].copy()


def _complement(left_out: Pattern, among: Candidates) -> Iterator[Block]:
    """Complement: rows of all candidates that are not in `left_out`."""
    start, reached = left_out
    for first, last in ranges(among.pre, among.post):
        kept = np.ones((last - first, among.post), bool)
        kept[np.repeat(np.arange(last - first), np.diff(start[first : last + 1])), reached[start[first] : start[last]]] = False
        own = np.arange(max(first, among.own.start), min(last, among.own.stop))
        kept[own - first, own + (among.shift or 0)] = False
        yield first, kept.sum(axis=1), np.nonzero(kept)[1]


# --- rows ---------------------------------------------------------------------------------------------


def _skipping(among: Candidates, sample: Callable[[range, int], Iterator[Block]]) -> Iterator[Block]:
    """Rows of targets from `sample`'s rows of candidate numbers, which skip the source itself where autapses are excluded."""
    for rows, width in among.rows():
        for first, counts, partners in sample(rows, width):
            if width < among.post:
                own = np.arange(first, first + len(counts), dtype=np.int32) + np.int32(among.shift or 0)
                partners = partners + (partners >= np.repeat(own, counts))  # noqa: PLW2901
            yield first, counts, partners


def joined(among: Candidates, room: int, blocks: Iterable[Block], look: Look) -> Pattern:
    """Concatenation of blocks of rows, into an array preallocated for `room` entries, a number rarely exceeded."""
    counts, reached, end = np.zeros(among.pre, np.int64), np.empty(room, neuron_type(among.post)), 0
    for first, count, partners in blocks:
        look()
        counts[first : first + len(count)] += count
        if end + len(partners) > len(reached):
            reached = np.concatenate([reached[:end], np.empty(len(partners) + end // 8, reached.dtype)])
        reached[end : end + len(partners)] = partners
        end += len(partners)
    return starts(counts), reached[:end]


def _transposed(source: Array, width: int, among: Candidates, look: Look) -> Pattern:
    """Transposition by a stable counting sort, block by block: rows of the sources from rows of `width` of the targets."""
    counts = np.zeros(among.pre, np.int64)
    for first, last in ranges(len(source), 1, least=among.pre):
        look()
        counts += np.bincount(source[first:last], minlength=among.pre)
    start, reached = starts(counts), np.empty(len(source), neuron_type(among.post))
    place = start[:-1].copy()  # the position of the next target of each source
    for first, last in ranges(len(source), 1):
        look()
        order = _stable_order(source[first:last])
        rows = source[first:last][order]
        begins = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
        lengths = np.diff(begins, append=len(rows))
        reached[np.repeat(place[rows[begins]] - begins, lengths) + np.arange(len(rows))] = (first + order) // width
        place[rows[begins]] += lengths
    return start, reached


def _stable_order(values: Array) -> Array:
    """Radix sort by 16 bits at a time, which is linear where a comparing sort is not."""
    order = np.argsort(values.astype(np.uint16), kind="stable")
    if values.size and values.max() >= 1 << 16:
        order = order[np.argsort((values >> 16).astype(np.uint16)[order], kind="stable")]
    return order


PATTERNS: dict[str, Callable[[Rule, float, Candidates, Draws, Look], Pattern]] = {
    "all": _all,
    "others": _all,
    "one_to_one": _one_to_one,
    "probability": _probability,
    "indegree": _indegree,
    "outdegree": _outdegree,
    "total": _total,
}
COUNTS: dict[str, Callable[[float, Candidates], float]] = {
    "all": lambda number, among: among.pairs,
    "others": lambda number, among: among.pairs,
    "one_to_one": lambda number, among: min(among.pre, among.post),
    "probability": lambda number, among: min(number, 1.0) * among.pairs,
    "indegree": lambda number, among: int(number) * among.post,
    "outdegree": lambda number, among: int(number) * among.pre,
    "total": lambda number, among: int(number),
}


def expected(rule: Rule, number: float, among: Candidates) -> float:
    """Number of connections of a rule: exact, for a probability the mean."""
    return float(COUNTS[rule.kind](number, among))
