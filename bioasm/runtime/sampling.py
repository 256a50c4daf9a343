"""Sparse random connectivity: geometric gaps for pairs with a probability, rejection sampling for numbers of partners.

Each row has a stream of its own: draw k of row i is a pure function of (seed, place, i, k), of 53 bits, from the counter-based
generator. So blocks of rows, which bound the memory, give the same connections as all rows at once. Only operations
that IEEE 754 rounds correctly are used, so that the connections are the same on every processor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.runtime.random import LN2, STREAM_CONNECTIONS, words

Array = NDArray[Any]
Floats = NDArray[np.float64]
Block = tuple[int, Array, Array]  # the first row, the row lengths, and the concatenated partners

_DRAWS = 1 << 18  # draws of a block
_STREAM = 1 << 18  # draws of one stream where connections are drawn one by one
SPREADS = 6.0  # standard deviations above the mean that a first attempt at a row draws
_TERMS = 11  # of the series of the logarithm: t^2 < 0.0295, so that the remainder is below 1e-17


def bernoulli_rows(rows: range, n: int, p: float, seed: int, place: int) -> Iterator[Block]:
    """Bernoulli sampling by geometric gaps: each of `n` is a partner of each row with probability `p`, 0 < p < 1.

    The gap before the next partner is floor(ln u / ln(1 - p)) (Batagelj and Brandes, Phys. Rev. E 71, 036113, 2005).
    """
    width = math.ceil(n * p + SPREADS * math.sqrt(n * p * (1.0 - p))) + 4
    scale = 1.0 / _log_complement(p)
    for first, last in _blocks(rows, width):
        drawn = width
        while True:
            at = _positions(np.arange(first, last), drawn, n, scale, seed, place)
            if at[:, -1].min() >= n:
                break
            drawn *= 2
        inside = at < n
        yield first, inside.sum(axis=1), at[inside]


def _positions(rows: Array, draws: int, n: int, scale: float, seed: int, place: int) -> Array:
    """The first positions in each row, (rows, draws); n where they are past the end."""
    gaps = np.floor(natural_log(1.0 - _uniform(rows, draws, seed, place)) * scale)
    at = np.cumsum(np.minimum(gaps, n) + 1.0, axis=1) - 1.0
    return np.minimum(at, n).astype(np.int64)


def distinct_rows(rows: range, n: int, k: int, seed: int, place: int) -> Iterator[Block]:
    """Sampling without replacement by rejection: each row has `k` different ones of `n`, all sets equally probable.

    Where k is more than half of n, the complement is drawn.
    """
    wanted = min(k, n)
    fewer = min(wanted, n - wanted)
    mean = n * (math.log(n) - math.log(n - fewer)) if fewer else 0.0
    width = math.ceil(mean + SPREADS * math.sqrt(mean - fewer)) + 4 if fewer else 1  # mean - fewer are drawn again
    for first, last in _blocks(rows, width if wanted == fewer else n):
        chosen = _distinct(np.arange(first, last), n, fewer, width, seed, place)
        found = chosen if wanted == fewer else _complement(chosen, n)
        yield first, np.full(last - first, wanted), found.ravel()


def _distinct(rows: Array, n: int, k: int, draws: int, seed: int, place: int) -> Array:
    """The first k different numbers of each row's stream, sorted, (rows, k)."""
    if k == 0:
        return np.zeros((len(rows), 0), np.int64)
    drawn = (_uniform(rows, draws, seed, place) * n).astype(np.int64)
    order = np.argsort(drawn, axis=1, kind="stable")
    ranked = np.take_along_axis(drawn, order, axis=1)
    again = np.zeros(drawn.shape, bool)
    np.put_along_axis(again, order[:, 1:], ranked[:, 1:] == ranked[:, :-1], axis=1)
    counted = np.cumsum(~again, axis=1)
    if counted[:, -1].min() < k:
        return _distinct(rows, n, k, 2 * draws, seed, place)
    return np.sort(drawn[~again & (counted <= k)].reshape(len(rows), k), axis=1)


def _complement(chosen: Array, n: int) -> Array:
    """The complement of each row's choice, sorted, (rows, n - k)."""
    left = np.ones((len(chosen), n), bool)
    np.put_along_axis(left, chosen, False, axis=1)
    return np.nonzero(left)[1].reshape(len(chosen), n - chosen.shape[1])


def repeated_rows(rows: range, n: int, counts: Array, seed: int, place: int) -> Iterator[Block]:
    """Sampling with replacement: each row draws its entry of `counts` (rows,) from `n`, with repetitions."""
    for first, last in _even_blocks(rows, counts):
        mine = counts[first - rows.start : last - rows.start]
        if len(mine) == 1 and mine[0] > _DRAWS:
            yield from _counted_row(first, n, int(mine[0]), seed, place)
            continue
        row = np.repeat(np.arange(last - first), mine)
        draw = np.arange(len(row)) - np.repeat(np.cumsum(mine) - mine, mine)
        partner = (uniform(first + row, draw, seed, place) * n).astype(np.int64)
        yield first, mine, np.sort(row * n + partner) - row * n


def _counted_row(row: int, n: int, draws: int, seed: int, place: int) -> Iterator[Block]:
    """Sampling with replacement of one row by counting, for more draws than partners; in pieces."""
    times = np.zeros(n, np.int64)
    for first in range(0, draws, _DRAWS):
        drawn = uniform(np.array(row), np.arange(first, min(first + _DRAWS, draws)), seed, place)
        times += np.bincount((drawn * n).astype(np.int64), minlength=n)
    for first, last in _even_blocks(range(n), times):
        some = times[first:last]
        for least in range(0, int(some.max()), _DRAWS):  # several pieces where one partner is drawn very often
            taken = np.clip(some - least, 0, _DRAWS)
            yield row, np.array([taken.sum()]), np.repeat(np.arange(first, last), taken)


def drawn_rows(spans: Sequence[tuple[range, int]], total: int, seed: int, place: int) -> Iterator[Array]:
    """The rows that `total` independent draws fall to, block by block: each row of a span with a share of the span's number.

    The draws have streams of their own, behind those of the rows.
    """
    behind, pairs = max(rows.stop for rows, _ in spans), sum(len(rows) * width for rows, width in spans)
    for stream in range(streams(total)):
        draws = uniform(np.array(behind + stream), np.arange(min(_STREAM, total - stream * _STREAM)), seed, place)
        yield _rows_of((draws * float(pairs)).astype(np.int64), spans)


def _rows_of(pair: Array, spans: Sequence[tuple[range, int]]) -> Array:
    """The row of each pair, where the pairs of all rows are numbered through."""
    row, before = np.zeros(len(pair), np.int64), 0
    for rows, width in spans:
        mine = pair >= before
        row[mine] = rows.start + (pair[mine] - before) // max(1, width)
        before += len(rows) * width
    return row


def streams(total: int) -> int:
    """How many streams `drawn_rows` draws from."""
    return -(-total // _STREAM)


def chosen(n: int, k: int, stream: int, seed: int, place: int) -> Array:
    """Sampling without replacement: `k` different ones of `n`, sorted, all in memory several times."""
    return next(distinct_rows(range(stream, stream + 1), n, k, seed, place))[2]


def draws_for(n: int, k: int) -> int:
    """Number of draws with replacement that very rarely hold fewer than `k` distinct ones of `n`, k <= n / 2."""
    mean = -n * _log_complement(k / n)
    return math.ceil(mean + SPREADS * math.sqrt(mean)) + 4


def _blocks(rows: range, width: int) -> Iterator[tuple[int, int]]:
    """Blocking: ranges of rows with `width` draws each."""
    step = max(1, _DRAWS // width)
    for first in rows[::step]:
        yield first, min(first + step, rows.stop)


def _even_blocks(rows: range, counts: Array) -> Iterator[tuple[int, int]]:
    """Blocking: ranges of at least one row with about a block of draws, and a bounded number of empty rows."""
    ends = np.cumsum(np.maximum(counts, 1))
    first = 0
    while first < len(rows):
        last = max(first + 1, int(np.searchsorted(ends, (ends[first - 1] if first else 0) + _DRAWS, side="right")))
        yield rows.start + first, rows.start + last
        first = last


def _uniform(rows: Array, draws: int, seed: int, place: int) -> Floats:
    """The first random numbers of the streams of rows, (rows, draws)."""
    return uniform(rows[:, None], np.arange(draws)[None, :], seed, place)


def uniform(row: Array, draw: Array, seed: int, place: int) -> Floats:
    """Random numbers of 53 bits in [0, 1), one for each pair of broadcast row and draw."""
    low, high = words(seed, place, row.astype(np.uint32), draw.astype(np.uint64) << np.uint64(1), STREAM_CONNECTIONS)
    return ((high.astype(np.uint64) << np.uint64(21)) | (low >> np.uint32(11))).astype(np.float64) * 2.0**-53


def natural_log(x: Floats) -> Floats:
    """Natural logarithm of positive normal float64 by the series of atanh, to about two units in the last place."""
    mantissa, exponent = np.frexp(x)
    low = mantissa < math.sqrt(0.5)
    mantissa = np.where(low, 2.0 * mantissa, mantissa)
    t = (mantissa - 1.0) / (mantissa + 1.0)
    logarithm: Floats = (exponent - low) * LN2 + t * _atanh_series(t * t)
    return logarithm


def _log_complement(p: float) -> float:
    """ln(1 - p) without cancellation: -2 atanh(p / (2 - p)) for small p."""
    t = p / (2.0 - p)
    return float(-t * _atanh_series(np.float64(t * t))) if t < 0.17 else float(natural_log(np.array([1.0 - p]))[0])


def _atanh_series(square: Any) -> Any:
    """2 (1 + t^2/3 + t^4/5 + ...), by Horner's rule."""
    total = np.zeros_like(square) + 2.0 / (2 * _TERMS + 1)
    for k in reversed(range(_TERMS)):
        total = total * square + 2.0 / (2 * k + 1)
    return total
