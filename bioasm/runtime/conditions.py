"""Connections by a condition, in blocks of candidate pairs; a conjunction is short-circuited over the remaining pairs.

So `d < 200 um and exp(-d/(100 um)) > u` works out exponentials and random numbers for the pairs below 200 um only. Memory is
that of a block and of the connections.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.models.expression import COMPARISONS, Binary, Call, Expression, Negation, Number, Symbol, symbols
from bioasm.network.layout import AXES
from bioasm.network.network import Projection
from bioasm.network.wiring import Candidates
from bioasm.runtime.array_functions import FUNCTIONS, OPERATORS
from bioasm.runtime.positions import distances, positions
from bioasm.runtime.sampling import Block, uniform
from bioasm.verifier.gate import Verified

Array = NDArray[Any]
Names = Mapping[str, Callable[["Pairs"], Any]]

PAIRS = 1 << 13  # pairs of a block: its arrays stay in the processor's cache while functions are evaluated
_SAMPLE = 1 << 16  # pairs that an estimate draws
SAMPLE_PLACE = 0x80000000  # the random stream of estimates: no projection or population has this place


class Pairs:
    """Candidates: their sources and targets, int64 (pairs,), counted in the projection's parts, and the values of names."""

    def __init__(self, row: Array, column: Array, names: Names) -> None:
        self.row, self.column, self.names = row, column, names
        self.known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.known:
            self.known[name] = self.names[name](self)
        return self.known[name]

    def only(self, chosen: Array) -> Pairs:
        """The candidates at the positions or mask `chosen`."""
        return Pairs(self.row[chosen], self.column[chosen], self.names)


def truth(node: Expression, pairs: Pairs) -> Array:
    """Short-circuit evaluation, vectorised: where a condition holds; the right side of `and` and `or` only where it decides."""
    if isinstance(node, Negation):
        return ~truth(node.operand, pairs)
    assert isinstance(node, Binary)
    if node.operator in COMPARISONS:
        found = OPERATORS[node.operator](value(node.left, pairs), value(node.right, pairs))
        return np.array(np.broadcast_to(found, pairs.row.shape))
    found = truth(node.left, pairs)
    open_ = np.flatnonzero(found if node.operator == "and" else ~found)
    found[open_] = truth(node.right, pairs.only(open_))
    return found


def value(node: Expression, pairs: Pairs) -> Any:
    """Vectorised evaluation of a numeric expression: one number for each pair, or one for all."""
    if isinstance(node, Number):
        return np.float64(node.value)
    if isinstance(node, Symbol):
        return pairs[node.name]
    if isinstance(node, Negation):
        return np.negative(value(node.operand, pairs))
    if isinstance(node, Binary):
        return OPERATORS[node.operator](value(node.left, pairs), value(node.right, pairs))
    assert isinstance(node, Call)
    first, *rest = node.arguments
    beginning = truth(first, pairs) if node.function == "where" else value(first, pairs)
    return FUNCTIONS[node.function](beginning, *(value(argument, pairs) for argument in rest))


def chosen_pairs(condition: Expression, pre: int, post: int, names: Names) -> Iterator[Block]:
    """The pairs for which a condition holds, in blocks; a row may come in several."""
    step, width = max(1, PAIRS // max(1, post)), min(post, PAIRS)
    with np.errstate(all="ignore"):
        for first, start in ((first, start) for first in range(0, pre, step) for start in range(0, post, width)):
            last, end = min(first + step, pre), min(start + width, post)
            row = np.repeat(np.arange(first, last), end - start)
            pairs = Pairs(row, np.tile(np.arange(start, end), last - first), names)
            kept = truth(condition, pairs)
            yield first, np.bincount(row[kept] - first, minlength=last - first), pairs.column[kept]


def estimated(verified: Verified, projection: Projection) -> int:
    """Sampling estimate of the number of connections of a condition: exact for few pairs without random numbers, else high.

    Of many pairs `_SAMPLE` are drawn. Six standard deviations are added, and the number that a sample without a hit allows.
    """
    among, condition = verified.network.candidates(projection), projection.rule.condition
    assert condition is not None
    names, every = names_of(verified, projection, 0), among.pre * among.post
    if every <= _SAMPLE:
        found = sum(len(columns) for _, _, columns in chosen_pairs(condition, among.pre, among.post, names))
        looked = every
    else:
        found, looked = _found_in_sample(condition, among, names), _SAMPLE
    if looked == every and "u" not in symbols(condition):
        return found
    return min(every, math.ceil((found + 6.0 * math.sqrt(found) + 9.0) * (every / looked)))


def _found_in_sample(condition: Expression, among: Candidates, names: Names) -> int:
    """For how many of `_SAMPLE` pairs, drawn evenly, a condition holds."""
    found = 0
    with np.errstate(all="ignore"):
        for block in range(_SAMPLE // PAIRS):
            rows, columns = uniform(np.array([[0], [1]]), block * PAIRS + np.arange(PAIRS)[None, :], 0, SAMPLE_PLACE)
            pairs = Pairs((rows * among.pre).astype(np.int64), (columns * among.post).astype(np.int64), names)
            found += int(truth(condition, pairs).sum())
    return found


# --- what names stand for -----------------------------------------------------------------------------


def names_of(verified: Verified, projection: Projection, seed: int) -> Names:
    """The names of a condition: places, sizes, a random number of each pair, positions and distances."""
    network = verified.network
    among, place = network.candidates(projection), network.projections.index(projection)
    found: dict[str, Callable[[Pairs], Any]] = {
        "i": lambda pairs: pairs.row.astype(np.float64),
        "j": lambda pairs: pairs.column.astype(np.float64),
        "N_pre": lambda _: np.float64(among.pre),
        "N_post": lambda _: np.float64(among.post),
        "u": lambda pairs: uniform(pairs.row, pairs.column, seed, place),
    }
    pre, post = projection.pre, network.by_name[projection.target].population
    for side, population, part in (("pre", pre, projection.sources), ("post", post, projection.targets)):
        if population in network.layouts:
            where = positions(verified, population, seed)
            where = where if part is None else where[part.start : part.stop]
            found |= {f"{AXES[k]}_{side}": _of(where[:, k].copy(), side) for k in range(where.shape[1])}
    if pre in network.layouts and post in network.layouts:
        axes, periods = AXES[: network.layouts[pre].dimensions], network.layouts[pre].periods
        found["d"] = lambda pairs: distances(
            [pairs[f"{axis}_pre"] for axis in axes], [pairs[f"{axis}_post"] for axis in axes], periods
        )
    return found


def _of(where: Array, side: str) -> Callable[[Pairs], Array]:
    return (lambda pairs: where[pairs.row]) if side == "pre" else (lambda pairs: where[pairs.column])
