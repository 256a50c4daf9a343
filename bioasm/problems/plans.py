"""Plans for BLK: strips of a grid or torus, and for any other graph blocks that a greedy path decomposition grows.

A block leaves spins out, which stay, so that the rest can be visited with few spins in a table at a time. Several blocks that
leave out different spins draw all spins in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bioasm.problems.neighbours import neighbours
from bioasm.problems.numbers import Integers, Mask

_SEED = 1  # plans are a function of the problem alone
_MOST_VISITS = 200_000  # of all blocks of a plan together
_MOST_BLOCKS, _LEAST_BLOCKS = 20, 4


def joined_plan(blocks: list[Integers]) -> Integers:
    """The vector that BLK takes: the blocks, with -1 behind each."""
    return np.concatenate([np.append(block, -1) for block in blocks])


class Grid(NamedTuple):
    """A grid in which spin r * columns + c is in row r and column c, each direction closed to a ring or not."""

    rows: int
    columns: int


def grid_of(n: int, pairs: Integers) -> Grid | None:
    """The grid or torus whose bonds the pairs (m, 2) are, by the differences of their numbers; None where they are none."""
    if n < 9 or len(pairs) < n:
        return None
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    apart = high - low
    others = apart[apart > 1]
    if not len(others):
        return None
    width = int(np.bincount(others).argmax())
    if n % width or not 2 < width < n // 2:
        return None
    rows = n // width
    same_row, same_column = low // width == high // width, low % width == high % width
    along = same_row & ((apart == 1) | (apart == width - 1))
    down = same_column & ((apart == width) | (apart == (rows - 1) * width))
    return Grid(rows, width) if bool((along | down).all()) else None


def strips(grid: Grid, width: int, blocks: int) -> list[Integers]:
    """Blocks of strips, along the columns and along the rows in turn, each time from another place on.

    A strip is up to `width` spins wide; one line of spins between two strips stays, and so does one row across each strip, from
    which on it is visited all around.
    """
    chance = np.random.default_rng(_SEED)
    numbers = np.arange(grid.rows * grid.columns).reshape(grid)
    return [_strips(numbers if k % 2 == 0 else numbers.T, width, chance) for k in range(blocks)]


def _strips(numbers: Integers, width: int, chance: np.random.Generator) -> Integers:
    """The visits of one block, strip after strip, each row by row."""
    rows, columns = numbers.shape
    count = max(1, -(-columns // (width + 1)))
    edges = np.linspace(0, columns, count + 1).astype(np.int64)
    turned = np.roll(numbers, -int(chance.integers(columns)), axis=1)
    parts = []
    for left, right in zip(edges[:-1], edges[1:], strict=True):
        around = np.roll(turned[:, left : right - 1], -int(chance.integers(rows)), axis=0)
        parts.append(around[1:].ravel())
    return np.concatenate(parts)


# --- any graph ----------------------------------------------------------------------------------------


def grown(n: int, pairs: Integers, width: int) -> list[Integers]:
    """Blocks of a graph of n > 0 spins with bonds pairs (m, 2), each grown at random, that hold every spin together.

    No more than `width` spins stand in a table at a time.
    """
    start, others = (array.tolist() for array in neighbours(n, pairs))
    around = [others[a:b] for a, b in pairwise(start)]
    chance, missed = np.random.default_rng(_SEED), np.ones(n, bool)
    wanted, blocks = min(_MOST_BLOCKS, max(_LEAST_BLOCKS, _MOST_VISITS // n)), list[Integers]()
    while len(blocks) < wanted or missed.any():  # a block begins at a spin that none had, so that this ends
        blocks.append(np.array(list(_Growth(around, width, chance, missed).visits()), np.int64))
        missed[blocks[-1]] = False
    return blocks


class _Growth:
    """The growth of one block: a greedy path decomposition that leaves out what would make a table too wide.

    `live` are the spins that were visited and have neighbours to come, each with how many. The next visit is that neighbour
    of theirs which lets fewest more be live.
    """

    def __init__(self, around: list[list[int]], width: int, chance: np.random.Generator, missed: Mask) -> None:
        """It begins at spins that others have `missed`, a flag for each, and prefers them."""
        self.around, self.width = around, width
        self.to_come = [len(one) for one in around]  # neighbours that are neither visited nor left out
        self.open = [True] * len(around)
        self.live: dict[int, None] = {}
        order = np.lexsort((chance.permutation(len(around)), ~missed))
        self.rank, self.seeds = np.argsort(order).tolist(), iter(order.tolist())

    def visits(self) -> Iterator[int]:
        """The spins of the block in their order."""
        while (v := self._next()) is not None:
            yield v

    def _next(self) -> int | None:
        """The next spin; those that fit nowhere are left out on the way."""
        while candidates := {v for u in self.live for v in self.around[u] if self.open[v]}:
            _, _, _, v = min(self._cost(v) for v in candidates)
            if len(self.live) + (not self._ending(v)) <= self.width:
                self._close(v)
                if self.to_come[v]:
                    self.live[v] = None
                return v
            self._close(max(candidates, key=self._loose))
        seed = next((v for v in self.seeds if self.open[v]), None)
        if seed is not None:
            self._close(seed)
            if self.to_come[seed]:
                self.live[seed] = None
        return seed

    def _ending(self, v: int) -> int:
        """How many live spins have none but v to come."""
        return sum(u in self.live and self.to_come[u] == 1 for u in self.around[v])

    def _cost(self, v: int) -> tuple[int, int, int, int]:
        """Greedy elimination order: the key that is least for the next spin (growth, open neighbours, random)."""
        return (self.to_come[v] > 0) - self._ending(v), self.to_come[v], self.rank[v], v

    def _loose(self, v: int) -> tuple[float, int]:
        """The key that is greatest for the spin to leave out: few live neighbours, of which one is soon closed."""
        touched = [u for u in self.around[v] if u in self.live]
        return self.to_come[v] - 3 * len(touched) + 8 / min(self.to_come[u] for u in touched), self.rank[v]

    def _close(self, v: int) -> None:
        """Let a spin be no more to come."""
        self.open[v] = False
        for u in self.around[v]:
            self.to_come[u] -= 1
            if not self.to_come[u]:
                self.live.pop(u, None)
