"""The connections of a projection as CSR: rows of sources, the neurons that each reaches, and the weights.

Rows are sorted by the neuron reached. Arrays have the narrowest types that hold them exactly, and are made in blocks of some
hundredths of a second, between which signals are handled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.limits import limit
from bioasm.isa.program import Dense, Sparse
from bioasm.network.network import Projection
from bioasm.network.wiring import Candidates, Rule
from bioasm.runtime.conditions import chosen_pairs, names_of
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.energy import mirrored
from bioasm.runtime.narrow import neuron_type
from bioasm.runtime.patterns import PATTERNS, Draws, Look, Pattern, joined, nothing, ranges
from bioasm.runtime.sampling import Block
from bioasm.runtime.sparse_rows import starts
from bioasm.verifier.gate import Verified

Array = NDArray[Any]
Connections = tuple[Array, Array, Array]
"""Starts of rows, int64 (pre + 1,); neurons reached, uint16 or int32; weights of a type of `WEIGHTS`, one each or for all."""


def from_matrix(data: Dense | Sparse, look: Look = nothing) -> Connections:
    """CSR of a matrix of weights (pre, post), in its dtype; zeros are no connections."""
    if isinstance(data, Dense):
        return _from_dense(data.array, look)
    row, column, value = mirrored(data)
    return _rows(data.shape, row, column, np.asarray(value))


def connect(
    verified: Verified, projection: Projection, weight: ConnectionValues, seed: int, look: Look = nothing
) -> Connections:
    """CSR of a projection with its weights, or with the factors of those of a matrix.

    Rows are all neurons of the presynaptic population, also where only a part of them is connected.
    """
    start, reached, own = _connected(verified, projection, seed, look)
    return start, reached, weight.along(start, reached).weights(own, len(reached), look)


def _connected(verified: Verified, projection: Projection, seed: int, look: Look) -> Connections:
    """CSR of a projection with weights of 1, or those of the matrix."""
    network = verified.network
    if projection.data is not None:
        found = from_matrix(verified.program.data[projection.data].value, look)  # type: ignore[arg-type]
    elif projection.rule.condition is not None:
        found = *by_condition(verified, projection, seed, look), np.ones(1)
    else:
        place, number = network.projections.index(projection), projection.number or 0.0
        found = from_rule(projection.rule, number, network.candidates(projection), seed, place, look)
    post = network.populations[network.by_name[projection.target].population].n
    return _among_all(found, projection, network.populations[projection.pre].n, post, look)


def by_condition(verified: Verified, projection: Projection, seed: int, look: Look = nothing) -> Pattern:
    """The pairs for which the projection's condition holds. Raises BioasmError B111 where they are more than a run may hold."""
    among, condition = verified.network.candidates(projection), projection.rule.condition
    assert condition is not None
    blocks = chosen_pairs(condition, among.pre, among.post, names_of(verified, projection, seed))
    return joined(among, 0, _bounded(blocks, neuron_type(among.post)().itemsize), look)


def _bounded(blocks: Iterator[Block], size: int) -> Iterator[Block]:
    total, most = 0, limit("network_bytes") // size
    for block in blocks:
        total += len(block[2])
        if total > most:
            raise BioasmError(Diagnostic("B111", f"a condition makes more than {most:,} connections"))
        yield block


def _among_all(found: Connections, projection: Projection, pre: int, post: int, look: Look) -> Connections:
    """The connections between subgroups as those of the populations of `pre` and `post` neurons, in place."""
    start, reached, weight = found
    reached = reached.astype(neuron_type(post), copy=False)
    if projection.sources is not None:
        before, behind = projection.sources.start, pre - projection.sources.stop
        start = np.concatenate([np.zeros(before, np.int64), start, np.full(behind, start[-1])])
    if projection.targets is not None:
        for first, last in ranges(len(reached), 1):
            look()
            reached[first:last] += projection.targets.start
    return start, reached, weight


def from_rule(rule: Rule, number: float, among: Candidates, seed: int, place: int, look: Look = nothing) -> Connections:
    """CSR of a rule among candidates, of weight 1; several connections of one pair are adjacent.

    Random rules follow from the seed and the projection's place in the program; they are the same in all lanes. Their time
    and memory are those of the connections, not of the pairs.
    """
    return *PATTERNS[rule.kind](rule, number, among, Draws(seed, place), look), np.ones(1)


def entries(data: Dense | Sparse) -> int:
    """How many connections a matrix makes, a sparse one at most."""
    if isinstance(data, Dense):
        return int(np.count_nonzero(data.array))
    return int(data.value.size) * (2 if data.symmetric else 1)


def _from_dense(matrix: Array, look: Look) -> Connections:
    pre, post = matrix.shape
    counts = np.zeros(pre, np.int64)
    for first, last in ranges(pre, post):
        look()
        part = np.asarray(matrix[first:last], np.float64)
        counts[first:last] = np.count_nonzero(part, axis=1)
    start = starts(counts)
    reached, weight = np.empty(start[-1], neuron_type(post)), np.empty(start[-1], matrix.dtype)
    for first, last in ranges(pre, post):
        look()
        part = matrix[first:last]
        row, column = np.nonzero(part)
        reached[start[first] : start[last]] = column
        weight[start[first] : start[last]] = part[row, column]
    return start, reached, weight


def _rows(shape: tuple[int, ...], row: Array, column: Array, value: Array) -> Connections:
    order = np.lexsort((column, row))
    reached = np.ascontiguousarray(column[order], neuron_type(shape[1]))
    return starts(np.bincount(row, minlength=shape[0])), reached, np.ascontiguousarray(value[order])
