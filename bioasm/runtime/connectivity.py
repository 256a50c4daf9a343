"""The connections of a projection as CSR: rows of sources, the neurons that each reaches, and the weights.

They are made in blocks that take some hundredths of a second each, so that a signal is heard between them, and without copies:
at most the bytes that `CONNECTION_BYTES` tells, and those of a block, are held at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Dense, Sparse
from bioasm.runtime.energy import mirrored
from bioasm.runtime.sampling import SPREADS, Block, bernoulli_rows, distinct_rows

Array = NDArray[Any]
Connections = tuple[Array, Array, Array]  # starts of rows (pre + 1), neurons reached (int32), weights
Look = Callable[[], object]  # called between blocks; what it raises ends the work

CONNECTION_BYTES = 12  # of each connection: the neuron reached and the weight
_BLOCK = 1 << 19  # connections or entries that are made at a time


def nothing() -> None:
    """The default `look`: the work is not interrupted."""


def from_matrix(data: Dense | Sparse, scale: float, look: Look = nothing) -> Connections:
    """The connections of a matrix of weights (pre, post); what is 0 is none."""
    if isinstance(data, Dense):
        return _from_dense(data.array, scale, look)
    row, column, value = mirrored(data)
    return _rows(data.shape[0], row, column, np.asarray(value, np.float64) * scale)


def from_rule(
    rule: str, number: float, pre: int, post: int, itself: bool, weight: float, seed: int, place: int, look: Look = nothing
) -> Connections:
    """The connections of a rule between `pre` and `post` neurons in CSR form; `itself` says that both are one population.

    Random rules follow from the seed and the projection's place in the program; they are the same in all lanes. Their time
    and memory are those of the connections, not of the pairs.
    """
    start, column = _RULES[rule](number, pre, post, itself, seed, place, look)
    return start, column, _filled(len(column), weight, look)


def expected(rule: str, number: float, pre: int, post: int, itself: bool) -> float:
    """How many connections a rule makes: exact, but for a probability the mean."""
    return float(_COUNTS[rule](number, pre, post, itself))


def entries(data: Dense | Sparse) -> int:
    """How many connections a matrix makes, a sparse one at most."""
    if isinstance(data, Dense):
        return int(np.count_nonzero(data.array))
    return int(data.value.size) * (2 if data.symmetric else 1)


def _from_dense(matrix: Array, scale: float, look: Look) -> Connections:
    pre, post = matrix.shape
    counts = np.zeros(pre, np.int64)
    for first, last in _ranges(pre, post):
        look()
        part = np.asarray(matrix[first:last], np.float64)
        counts[first:last] = np.count_nonzero(part, axis=1)
    start = _starts(counts)
    reached, weight = np.empty(start[-1], np.int32), np.empty(start[-1])
    for first, last in _ranges(pre, post):
        look()
        part = np.asarray(matrix[first:last], np.float64)
        row, column = np.nonzero(part)
        reached[start[first] : start[last]] = column
        weight[start[first] : start[last]] = part[row, column] * scale
    return start, reached, weight


def _filled(count: int, value: float, look: Look) -> Array:
    array = np.empty(count)
    for first, last in _ranges(count, 1):
        look()
        array[first:last] = value
    return array


def _rows(pre: int, row: Array, column: Array, value: Array) -> Connections:
    order = np.lexsort((column, row))
    reached = np.ascontiguousarray(column[order], np.int32)
    return _starts(np.bincount(row, minlength=pre)), reached, np.ascontiguousarray(value[order], np.float64)


def _ranges(rows: int, width: int, least: int = 1) -> Iterator[tuple[int, int]]:
    """Ranges of rows of `width` entries that are a block each, of at least so many rows."""
    step = max(least, _BLOCK // max(1, width))
    for first in range(0, rows, step):
        yield first, min(first + step, rows)


# --- rules: starts of rows, and the neurons reached ---------------------------------------------------

Pattern = tuple[Array, Array]
_NONE = 1e-30  # a probability at which no pair of any network is drawn: gaps of 53 bits end at 37/p


def _all(number: float, pre: int, post: int, itself: bool, seed: int, place: int, look: Look) -> Pattern:
    return _even_rows(pre, post), _same_rows(pre, np.arange(post, dtype=np.int32), look).ravel()


def _others(number: float, pre: int, post: int, itself: bool, seed: int, place: int, look: Look) -> Pattern:
    if not itself:
        return _all(number, pre, post, itself, seed, place, look)
    reached = _same_rows(pre, np.arange(post - 1, dtype=np.int32), look)
    for first, last in _ranges(pre, post):
        look()
        reached[first:last] += reached[first:last] >= np.arange(first, last, dtype=np.int32)[:, None]
    return _even_rows(pre, post - 1), reached.ravel()


def _same_rows(rows: int, row: Array, look: Look) -> Array:
    found = np.empty((rows, len(row)), row.dtype)
    for first, last in _ranges(rows, len(row)):
        look()
        found[first:last] = row
    return found


def _one_to_one(number: float, pre: int, post: int, itself: bool, seed: int, place: int, look: Look) -> Pattern:
    return np.minimum(np.arange(pre + 1), post).astype(np.int64), np.arange(min(pre, post), dtype=np.int32)


def _probability(number: float, pre: int, post: int, itself: bool, seed: int, place: int, look: Look) -> Pattern:
    if number >= 1.0:
        return _all(number, pre, post, itself, seed, place, look)
    blocks = bernoulli_rows(pre, post, number, seed, place) if number > _NONE else ()
    mean = pre * post * number
    return _joined(pre, math.ceil(mean + SPREADS * math.sqrt(mean)), blocks, look)


def _outdegree(number: float, pre: int, post: int, itself: bool, seed: int, place: int, look: Look) -> Pattern:
    return _joined(pre, pre * min(int(number), post), distinct_rows(pre, post, int(number), seed, place), look)


def _indegree(number: float, pre: int, post: int, itself: bool, seed: int, place: int, look: Look) -> Pattern:
    """Rows are drawn for the targets, and transposed."""
    width = min(int(number), pre)
    _, source = _joined(post, post * width, distinct_rows(post, pre, int(number), seed, place), look)
    return _transposed(source, width, pre, look)


def _transposed(source: Array, width: int, pre: int, look: Look) -> Pattern:
    """Rows of the sources from rows of the targets, `width` each: a stable counting sort, block by block."""
    counts = np.zeros(pre, np.int64)
    for first, last in _ranges(len(source), 1, least=pre):
        look()
        counts += np.bincount(source[first:last], minlength=pre)
    start, reached = _starts(counts), np.empty(len(source), np.int32)
    place = start[:-1].copy()  # where the next target of each source goes
    for first, last in _ranges(len(source), 1):
        look()
        order = _stable_order(source[first:last])
        rows = source[first:last][order]
        begins = np.flatnonzero(np.diff(rows, prepend=-1))
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


def _joined(rows: int, room: int, blocks: Iterable[Block], look: Look) -> Pattern:
    """Blocks of rows as one, in `room` for as many as there will hardly be more of."""
    counts, reached, end = np.zeros(rows, np.int64), np.empty(room, np.int32), 0
    for first, count, partners in blocks:
        look()
        counts[first : first + len(count)] = count
        if end + len(partners) > len(reached):
            reached = np.concatenate([reached[:end], np.empty(len(partners) + end // 8, np.int32)])
        reached[end : end + len(partners)] = partners
        end += len(partners)
    return _starts(counts), reached[:end]


def _even_rows(rows: int, width: int) -> Array:
    return np.arange(rows + 1, dtype=np.int64) * width


def _starts(counts: Array) -> Array:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


_RULES = {
    "all": _all,
    "others": _others,
    "one_to_one": _one_to_one,
    "probability": _probability,
    "indegree": _indegree,
    "outdegree": _outdegree,
}
_COUNTS: dict[str, Callable[[float, int, int, bool], float]] = {
    "all": lambda number, pre, post, itself: pre * post,
    "others": lambda number, pre, post, itself: pre * (post - itself),
    "one_to_one": lambda number, pre, post, itself: min(pre, post),
    "probability": lambda number, pre, post, itself: min(number, 1.0) * pre * post,
    "indegree": lambda number, pre, post, itself: min(int(number), pre) * post,
    "outdegree": lambda number, pre, post, itself: pre * min(int(number), post),
}
