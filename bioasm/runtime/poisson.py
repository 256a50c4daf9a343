"""Poisson counts by inversion of the distribution function: one random word a draw, against a table of whole numbers.

With u = (word + 1/2) / 2**32 the count is how many k >= 1 have u < S(k), where S(k) = P(N >= k) for N of Poisson's
distribution. Where the expected number is small, that is a spike where u < 1 - exp(-expected). S is compared as a whole
number: `u < S` is `word <= ceil(S 2**32 - 1/2) - 1`, so that all back ends with the table count alike. The table takes
additions, multiplications and divisions alone: terms relative to that of the mode, where exp(-expected) would underflow. What
it can't tell apart are probabilities below 2**-32.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.limits import limit

Array = NDArray[Any]

_TERMS = 1 << 20  # terms computed at a time
_SAMPLED = 65


class Counts(NamedTuple):
    """The tables of n neurons: `limit[first[i]:end[i]]`, descending, for neuron i; a word's count is how many are >= the word.

    `first` and `end` are int64, `limit` is uint32. `top` (int64) is the largest limit of each neuron, -1 where it has none.
    """

    first: Array
    end: Array
    top: Array
    limit: Array

    def of(self, words: Array) -> Array:
        """The count for each word, int64; the neurons are the last axis of `words`."""
        counts = np.zeros(np.shape(words), np.int64)
        at = np.broadcast_to(self.first, counts.shape).copy()
        more = words <= self.top
        while more.any():
            counts += more
            at += more
            inside = more & (at < self.end)
            more = inside & (words <= self.limit[np.where(inside, at, 0)])
        return counts


class TooManyEntries(ValueError):
    """Tables over the limit "poisson_table"."""


def counts(expected: Array) -> Counts:
    """The tables of neurons from the expected spikes a step, (n,), each from 0 to the limit "drawn_spikes".

    Raises TooManyEntries where they would have more entries than the limit "poisson_table".
    """
    if entries(expected) > limit("poisson_table"):
        raise TooManyEntries(f"the table of a POI or RATE has more than {limit('poisson_table'):,} entries")
    different, which = np.unique(np.asarray(expected, np.float64), return_inverse=True)
    pieces, lengths, start = [], [np.zeros(1, np.int64)], 0
    while start < len(different):
        few = different[start : start + max(1, _TERMS // _terms(different[-1]))]
        limits = _limits(few)
        pieces.append(limits[limits >= 0].astype(np.uint32))
        lengths.append((limits >= 0).sum(axis=1))
        start += len(few)
    ends = np.cumsum(np.concatenate(lengths))
    table = np.concatenate([*pieces, np.zeros(1, np.uint32)])  # padding: the array must not be empty
    first, end = ends[:-1][which.ravel()], ends[1:][which.ravel()]
    return Counts(first, end, np.where(end > first, table[first].astype(np.int64), -1), table)


def entries(expected: Array) -> int:
    """Number of entries of the tables, within one for each distinct number, by linear interpolation of their lengths."""
    different = np.unique(np.asarray(expected, np.float64))
    if not different.size:
        return 0
    few = different if len(different) <= _SAMPLED else np.quantile(different, np.linspace(0.0, 1.0, _SAMPLED))
    lengths = [int((_limits(one[None])[0] >= 0).sum()) for one in few]
    return math.ceil(float(np.interp(different, few, lengths).sum()))


def table_bytes(expected: Array) -> int:
    """Upper bound of the bytes needed to make the tables: the entries twice, a block of terms, the positions of neurons."""
    count = entries(expected)
    return 8 * count + 64 * np.size(expected) + 100 * min(_TERMS, 4 * count)


def _terms(expected: float) -> int:
    """Number of terms that leaves out less than 2**-40 of the distribution."""
    return int(expected + 9.0 * np.sqrt(expected) + 30.0)


def _limits(expected: Array) -> Array:
    """The limits of several expected numbers in ascending order, (numbers, terms); -1 where a count does not occur."""
    mean, k = expected[:, None], np.arange(1, _terms(expected[-1]) + 1)
    mode = np.floor(mean)
    above = np.cumprod(np.where(k > mode, mean / k, 1.0), axis=1)
    below = np.cumprod(np.where(k <= mode, k / np.maximum(mean, 1.0), 1.0)[:, ::-1], axis=1)[:, ::-1]
    none, term = below[:, :1], above * np.append(below[:, 1:], np.ones_like(mean), axis=1)
    tail = np.cumsum(term[:, ::-1], axis=1)[:, ::-1]  # summed from the smallest term on
    limits: Array = np.ceil(tail / (tail[:, :1] + none) * 2.0**32 - 0.5) - 1.0
    return limits
