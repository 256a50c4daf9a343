"""The energy of a problem as a polynomial over spins or bits, and the exact change from one to the other.

Each coefficient is a sum that is exact where 64-bit floats can hold it and rounded once where they can't. All factors
that the change of variables brings are powers of two, so whole numbers and binary fractions never lose anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import fsum, inf

import numpy as np

from bioasm.diagnostics import error
from bioasm.isa.limits import limit
from bioasm.problems.numbers import Floats, Integers

SPIN = "spin"
BIT = "bit"

# Monomials before equal ones are merged: about 4 GiB of memory at order 3.
MAX_MONOMIALS = 1 << 26

# Sums of many coefficients, and fields and energies in a run, then stay within the range of floats.
LARGEST = 1e300


@dataclass(frozen=True, eq=False, slots=True)
class Monomials:
    """Products of `order` different variables: `index` (t, order) int64, each row increasing; `value` (t,) float64."""

    index: Integers
    value: Floats

    @property
    def order(self) -> int:
        """How many variables each product has."""
        return int(self.index.shape[1])


@dataclass(frozen=True, eq=False, slots=True)
class Polynomial:
    """constant + sum of value times product, over n variables of one `domain`: SPIN (-1, +1) or BIT (0, 1).

    `parts` holds the products by their order, from 1; in each, no product stands twice and none has value 0.
    """

    n: int
    domain: str
    constant: float
    parts: Mapping[int, Monomials]

    def part(self, order: int) -> Monomials:
        """The products of one order, possibly none."""
        empty = Monomials(np.zeros((0, order), np.int64), np.zeros(0))
        return self.parts.get(order, empty)

    @property
    def is_dense(self) -> bool:
        """Whether more than half of all pairs have a product of order 2."""
        return 4 * len(self.part(2).value) > self.n**2

    def negated(self) -> Polynomial:
        """The polynomial with the sign of every coefficient changed."""
        parts = {k: Monomials(part.index, -part.value) for k, part in self.parts.items()}
        return Polynomial(self.n, self.domain, -self.constant or 0.0, parts)

    def in_spins(self) -> Polynomial:
        """The same function of spins s, where a bit is (1 + s)/2."""
        return self if self.domain == SPIN else self._substituted(SPIN, 0.5, 0.5)

    def in_bits(self) -> Polynomial:
        """The same function of bits x, where a spin is 2x - 1."""
        return self if self.domain == BIT else self._substituted(BIT, 2.0, -1.0)

    def _substituted(self, domain: str, scale: float, shift: float) -> Polynomial:
        check_size(sum(len(part.value) << order for order, part in self.parts.items()))
        pieces = [piece for part in self.parts.values() for piece in _expanded(part, scale, shift)]
        return collect(self.n, domain, pieces, [self.constant])


def check_size(monomials: int) -> None:
    """Raise BioasmError B111 where an expansion would have too many products for the memory."""
    if monomials > MAX_MONOMIALS:
        text = f"writing out the products of this problem needs {monomials:,} of them; the limit is {MAX_MONOMIALS:,}"
        raise error("B111", text, hint="split long clauses or terms with auxiliary variables")


def _expanded(part: Monomials, scale: float, shift: float) -> Iterable[Monomials]:
    """The products of (scale y + shift) over each product's variables, multiplied out."""
    for size in range(part.order + 1):
        value = part.value * (scale**size * shift ** (part.order - size))
        for chosen in combinations(range(part.order), size):
            yield Monomials(part.index[:, chosen], value)


def collect(n: int, domain: str, pieces: Iterable[Monomials], constants: Iterable[float] = ()) -> Polynomial:
    """The sum of all pieces: equal products merged, those with value 0 left out. Order 0 adds to the constant."""
    by_order: dict[int, list[Monomials]] = {}
    for piece in pieces:
        by_order.setdefault(piece.order, []).append(piece)
    numbers = [*constants, *(v for piece in by_order.pop(0, []) for v in piece.value.tolist())]
    with np.errstate(over="ignore"):
        parts = {order: _merged(by_order[order]) for order in sorted(by_order)}
    constant = _sum(numbers)
    magnitudes = [abs(constant), *(float(np.abs(part.value).max(initial=0)) for part in parts.values())]
    if not all(magnitude <= LARGEST for magnitude in magnitudes):
        raise error("B304", f"a coefficient of this problem is larger than {LARGEST:g}", hint="scale the problem down")
    return Polynomial(n, domain, constant, {k: part for k, part in parts.items() if len(part.value)})


def _sum(numbers: list[float]) -> float:
    """The sum, rounded once; infinite where it leaves the range of floats."""
    try:
        return fsum(numbers)
    except OverflowError:
        return inf


def _merged(pieces: list[Monomials]) -> Monomials:
    index = np.concatenate([piece.index for piece in pieces]) if len(pieces) > 1 else pieces[0].index
    value = np.concatenate([piece.value for piece in pieces]) if len(pieces) > 1 else pieces[0].value
    keys = pair_keys(index[:, 0], index[:, 1]) if index.shape[1] == 2 else None
    if keys is not None and (keys[1:] > keys[:-1]).all():
        kept = value != 0
        return Monomials(index, value) if kept.all() else Monomials(index[kept], value[kept])
    by_row = np.lexsort(index.T[::-1]) if keys is None else np.argsort(keys, kind="stable")
    index, value = index[by_row], value[by_row]
    fresh = np.ones(len(value), dtype=np.bool_)
    fresh[1:] = (index[1:] != index[:-1]).any(axis=1)
    total = group_sums(value, np.flatnonzero(fresh))
    kept = total != 0
    return Monomials(index[fresh][kept], total[kept])


def pair_keys(i: Integers, j: Integers) -> Integers | None:
    """One number for each pair, ordered as the pairs are; None where they do not fit 64 bits."""
    if not len(i):
        return np.zeros(0, np.int64)
    side = int(j.max()) + 1
    if i.min() < 0 or j.min() < 0 or (int(i.max()) + 1) * side >= 1 << 63:
        return None
    keys: Integers = i * side
    keys += j
    return keys


def group_sums(value: Floats, start: Integers) -> Floats:
    """The sum of each run of values that begins at `start`, rounded at most once."""
    if not len(value):
        return np.zeros(0)
    total: Floats = np.add.reduceat(value, start)
    if not _sums_are_exact(value):
        end = np.append(start[1:], len(value))
        for k in np.flatnonzero(end - start > 2).tolist():
            total[k] = _sum(value[start[k] : end[k]].tolist())
    return total


def _sums_are_exact(value: Floats) -> bool:
    """Whether all values are multiples of 2^-20 so small that no sum of them is ever rounded."""
    scaled = value * 2.0**20
    return bool((scaled == np.floor(scaled)).all() and np.abs(scaled).sum() < 2.0**53)


def check_neurons(n: int, what: str) -> None:
    """Raise BioasmError B111 where a problem has more variables than a program may have neurons."""
    if n > limit("neurons"):
        raise error("B111", f"{n:,} {what} are more than the {limit('neurons'):,} neurons that a program may have")
