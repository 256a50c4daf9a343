"""The connections of a projection as CSR: rows of sources, the neurons that each reaches, and the weights."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Dense, Sparse
from bioasm.runtime.energy import mirrored
from bioasm.runtime.sampling import Block, bernoulli_rows, distinct_rows

Array = NDArray[Any]
Connections = tuple[Array, Array, Array]  # starts of rows (pre + 1), neurons reached (int32), weights


def from_matrix(data: Dense | Sparse, scale: float) -> Connections:
    """The connections of a matrix of weights (pre, post); what is 0 is none."""
    if isinstance(data, Dense):
        matrix = np.asarray(data.array, np.float64)
        row, column = np.nonzero(matrix)
        return _rows(matrix.shape[0], row, column, matrix[row, column] * scale)
    row, column, value = mirrored(data)
    return _rows(data.shape[0], row, column, np.asarray(value, np.float64) * scale)


def from_rule(rule: str, number: float, pre: int, post: int, itself: bool, weight: float, seed: int, place: int) -> Connections:
    """The connections of a rule between `pre` and `post` neurons in CSR form; `itself` says that both are one population.

    Random rules follow from the seed and the projection's place in the program; they are the same in all lanes. Their time
    and memory are those of the connections, not of the pairs.
    """
    start, column = _RULES[rule](number, pre, post, itself, seed, place)
    return start, column, np.full(len(column), weight)


def _rows(pre: int, row: Array, column: Array, value: Array) -> Connections:
    order = np.lexsort((column, row))
    reached = np.ascontiguousarray(column[order], np.int32)
    return _starts(np.bincount(row, minlength=pre)), reached, np.ascontiguousarray(value[order], np.float64)


# --- rules: starts of rows, and the neurons reached ---------------------------------------------------

Pattern = tuple[Array, Array]
_NONE = 1e-30  # a probability at which no pair of any network is drawn: gaps of 53 bits end at 37/p


def _all(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Pattern:
    return _even_rows(pre, post), np.tile(np.arange(post, dtype=np.int32), pre)


def _others(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Pattern:
    if not itself:
        return _all(number, pre, post, itself, seed, place)
    reached = np.tile(np.arange(post - 1, dtype=np.int32), (pre, 1))
    reached += reached >= np.arange(pre, dtype=np.int32)[:, None]
    return _even_rows(pre, post - 1), reached.ravel()


def _one_to_one(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Pattern:
    return np.minimum(np.arange(pre + 1), post).astype(np.int64), np.arange(min(pre, post), dtype=np.int32)


def _probability(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Pattern:
    if number >= 1.0:
        return _all(number, pre, post, itself, seed, place)
    blocks = bernoulli_rows(pre, post, number, seed, place) if number > _NONE else ()
    return _joined(pre, blocks)


def _outdegree(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Pattern:
    return _joined(pre, distinct_rows(pre, post, int(number), seed, place))


def _indegree(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Pattern:
    """Rows are drawn for the targets, and transposed."""
    start, source = _joined(post, distinct_rows(post, pre, int(number), seed, place))
    target = np.repeat(np.arange(post, dtype=np.int32), np.diff(start))
    return _starts(np.bincount(source, minlength=pre)), target[_stable_order(source)]


def _stable_order(values: Array) -> Array:
    """Radix sort by 16 bits at a time, which is linear where a comparing sort is not."""
    order = np.argsort(values.astype(np.uint16), kind="stable")
    if values.size and values.max() >= 1 << 16:
        order = order[np.argsort((values >> 16).astype(np.uint16)[order], kind="stable")]
    return order


def _joined(rows: int, blocks: Iterable[Block]) -> Pattern:
    counts, reached = np.zeros(rows, np.int64), [np.zeros(0, np.int32)]
    for first, count, partners in blocks:
        counts[first : first + len(count)] = count
        reached.append(partners.astype(np.int32))
    return _starts(counts), np.concatenate(reached)


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
