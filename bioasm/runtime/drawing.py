"""Random values of a program by inverse transform sampling from counter-based numbers of (seed, place, lane, index).

Number k of a block of data comes from the counter-based generator: the key is made for (seed, place of the block, lane or
all lanes), the counter is (k, attempt), and the two words give a uniform number of 52 bits. Attempts after the first are for
bounds: what lies outside of them is drawn again. Only operations that IEEE 754 rounds correctly are used, so that the numbers
are the same on every processor, and blocks of them the same as all at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.distributions import both_bounds
from bioasm.isa.program import Program, Random
from bioasm.runtime.elementary import LN2_HIGH, LN2_LOW
from bioasm.runtime.random import LN2, STREAM_VALUES, lane_key, threefry
from bioasm.runtime.sampling import natural_log
from bioasm.verifier.random_values import numbers

Array = NDArray[Any]
Floats = NDArray[np.float64]

ALL_LANES = 0  # in place of a lane (counted from 1): numbers that all lanes share
_BLOCK = 1 << 18  # numbers drawn at a time
_UNIT = 2.0**-52


class Values(NamedTuple):
    """A random datum in a run: its distribution with numeric arguments, and its key in the random stream."""

    distribution: str
    arguments: tuple[float, ...]
    per_lane: bool
    seed: int
    place: int

    def drawn(self, neurons: range, lane: int = ALL_LANES) -> Floats:
        """The numbers of these neurons, of all lanes together or of a lane counted from 1."""
        found = np.empty(len(neurons))
        for first, last in blocks(len(neurons)):
            found[first:last] = self.part(neurons.start + first, neurons.start + last, lane)
        return found

    def part(self, first: int, last: int, lane: int = ALL_LANES) -> Floats:
        """The numbers from `first` up to `last`."""
        key = threefry(lane_key(self.seed, self.place, STREAM_VALUES), (lane, 0))
        return _DRAW[self.distribution](_Source(key, np.arange(first, last)), self.arguments)

    def of_neurons(self, neurons: range, lanes: int, first_lane: int = 0) -> Floats:
        """One number a neuron (n,), or with `per_lane` a row for each lane from `first_lane` on (lanes, n).

        A neuron's number is the same whether it is drawn for all neurons or for a part of them.
        """
        if not self.per_lane:
            return self.drawn(neurons)
        return np.stack([self.drawn(neurons, 1 + first_lane + lane) for lane in range(lanes)])


def values_of(program: Program, random: Random, seed: int, place: int) -> Values:
    """The random values of a random datum of a program, block `place` of its data, in a run with this seed."""
    return Values(random.distribution, tuple(numbers(program, random)), random.per_lane, seed, place)


def blocks(count: int) -> Iterator[tuple[int, int]]:
    """Ranges of indices that are drawn at a time; signals are handled between them."""
    for first in range(0, count, _BLOCK):
        yield first, min(first + _BLOCK, count)


class _Source(NamedTuple):
    """Uniform numbers for the indices of a block."""

    key: tuple[Any, Any]
    indices: Array

    def uniform(self, attempt: int = 0) -> Floats:
        """Numbers (w + 1/2) / 2^52 for whole w of 52 bits: in (0, 1), and symmetric about 1/2 without rounding."""
        low, high = threefry(self.key, (self.indices, attempt))
        word = high.astype(np.uint64) << np.uint64(20) | low >> np.uint32(12)
        return (word.astype(np.float64) + 0.5) * _UNIT

    def only(self, chosen: Array) -> _Source:
        """The source of some of the indices."""
        return self._replace(indices=self.indices[chosen])


# --- distributions ------------------------------------------------------------------------------------


def _uniform(source: _Source, arguments: Sequence[float]) -> Floats:
    low, high = arguments
    drawn = np.minimum(low + (high - low) * source.uniform(), high)
    return np.asarray(np.maximum(drawn, np.nextafter(low, high)))


def _normal(source: _Source, arguments: Sequence[float]) -> Floats:
    mean, sd, *bounds = arguments
    low, high = both_bounds(bounds)
    drawn = mean + sd * quantile(source.uniform())
    attempt = 0
    while (outside := np.flatnonzero(~((drawn > low) & (drawn <= high)))).size:
        attempt += 1
        drawn[outside] = mean + sd * quantile(source.only(outside).uniform(attempt))
    return drawn


def _lognormal(source: _Source, arguments: Sequence[float]) -> Floats:
    mean, sd = arguments
    square = float(natural_log(np.array([1.0 + (sd / mean) ** 2]))[0])
    drawn: Floats = mean * natural_exp(math.sqrt(square) * quantile(source.uniform()) - 0.5 * square)
    return drawn


def _choice(source: _Source, arguments: Sequence[float]) -> Floats:
    listed = np.array(arguments)
    chosen: Floats = listed[(source.uniform() * len(listed)).astype(np.int64)]
    return chosen


_DRAW = {"uniform": _uniform, "normal": _normal, "lognormal": _lognormal, "choice": _choice}


# --- functions ----------------------------------------------------------------------------------------

# Wichura, Algorithm AS 241, Applied Statistics 37, 477-484 (1988), PPND16: about 16 digits. Numerators and denominators, the
# constant coefficient first, for the middle, the tails, and the far tails.
_MIDDLE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_FAR = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def quantile(u: Floats) -> Floats:
    """Standard normal quantile function (AS 241) of u in (0, 1), to about 1e-15 relative."""
    q = u - 0.5
    found = np.empty_like(u)
    middle = np.abs(q) <= 0.425
    found[middle] = q[middle] * _ratio(_MIDDLE, 0.180625 - q[middle] * q[middle])
    outer = ~middle
    r = np.sqrt(-natural_log(np.minimum(u[outer], 1.0 - u[outer])))
    size = np.where(r <= 5.0, _ratio(_TAIL, r - 1.6), _ratio(_FAR, r - 5.0))
    found[outer] = np.where(q[outer] < 0, -size, size)
    return found


def _ratio(coefficients: tuple[Sequence[float], Sequence[float]], x: Floats) -> Floats:
    top, bottom = (_polynomial(each, x) for each in coefficients)
    return top / bottom


def _polynomial(coefficients: Sequence[float], x: Floats) -> Floats:
    total = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * x + coefficient
    return total


_INVERSE_FACTORIALS = tuple(1.0 / math.factorial(k) for k in range(15))


def natural_exp(x: Floats) -> Floats:
    """e^x for |x| < 700, to about two units in the last place: a power of two, and the Taylor series of the rest."""
    whole = np.rint(x * (1.0 / LN2))
    rest = (x - whole * LN2_HIGH) - whole * LN2_LOW
    power: Floats = np.ldexp(_polynomial(_INVERSE_FACTORIALS, rest), whole.astype(np.int32))
    return power
