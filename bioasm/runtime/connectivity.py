"""The connections of a projection: who is reached by whose spikes, and with which weight."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Dense, Sparse
from bioasm.runtime.random import STREAM_CONNECTIONS, words

Array = NDArray[Any]
Connections = tuple[Array, Array, Array]  # starts of rows (pre + 1), neurons reached (int32), weights


def from_matrix(data: Dense | Sparse, scale: float) -> Connections:
    """The connections of a matrix of weights (pre, post); what is 0 is none."""
    if isinstance(data, Dense):
        matrix = np.asarray(data.array, np.float64)
        row, column = np.nonzero(matrix)
        return _rows(matrix.shape[0], row, column, matrix[row, column] * scale)
    row, column, value = np.asarray(data.row), np.asarray(data.column), np.asarray(data.value, np.float64)
    if data.symmetric:
        off = row != column
        row, column = np.concatenate([row, column[off]]), np.concatenate([column, row[off]])
        value = np.concatenate([value, value[off]])
    return _rows(data.shape[0], row, column, value * scale)


def from_rule(rule: str, number: float, pre: int, post: int, itself: bool, weight: float, seed: int, place: int) -> Connections:
    """The connections of a rule between `pre` and `post` neurons; `itself` says that both are one population.

    Random rules follow from the seed and the projection's place in the program; they are the same in all lanes.
    """
    mask = _MASKS[rule](number, pre, post, itself, seed, place)
    row, column = np.nonzero(mask)
    return _rows(pre, row, column, np.full(len(row), weight))


def _rows(pre: int, row: Array, column: Array, value: Array) -> Connections:
    order = np.lexsort((column, row))
    start = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=pre))]).astype(np.int64)
    return start, np.ascontiguousarray(column[order], np.int32), np.ascontiguousarray(value[order], np.float64)


def _all(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Array:
    return np.ones((pre, post), bool)


def _others(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Array:
    mask = np.ones((pre, post), bool)
    if itself:
        np.fill_diagonal(mask, False)
    return mask


def _one_to_one(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Array:
    return np.eye(pre, post, dtype=bool)


def _probability(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Array:
    return _uniform(pre, post, seed, place) < number


def _indegree(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Array:
    """Each neuron is reached by so many different ones: those with the lowest random numbers."""
    lowest = np.argsort(_uniform(pre, post, seed, place), axis=0, kind="stable")[: int(number)]
    mask = np.zeros((pre, post), bool)
    np.put_along_axis(mask, lowest, True, axis=0)
    return mask


def _outdegree(number: float, pre: int, post: int, itself: bool, seed: int, place: int) -> Array:
    lowest = np.argsort(_uniform(pre, post, seed, place), axis=1, kind="stable")[:, : int(number)]
    mask = np.zeros((pre, post), bool)
    np.put_along_axis(mask, lowest, True, axis=1)
    return mask


def _uniform(pre: int, post: int, seed: int, place: int) -> Array:
    """One random number of 53 bits for each pair, in [0, 1): all are below 1, and none below 0."""
    row, column = np.arange(pre, dtype=np.uint32)[:, None], np.arange(post, dtype=np.uint32)[None, :]
    low, high = words(seed, place, row, 2 * column, STREAM_CONNECTIONS)
    return ((high.astype(np.uint64) << np.uint64(21)) | (low >> np.uint32(11))).astype(np.float64) * 2.0**-53


_MASKS = {
    "all": _all,
    "others": _others,
    "one_to_one": _one_to_one,
    "probability": _probability,
    "indegree": _indegree,
    "outdegree": _outdegree,
}
