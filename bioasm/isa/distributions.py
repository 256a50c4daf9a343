"""The distributions that random values of a program are drawn from: their arguments, ranges and moments.

Numbers are drawn by inversion of a cumulative distribution, from a uniform number of 52 bits; so those of a normal distribution
lie within `NORMAL_REACH` standard deviations of its mean, and every range here holds for all drawn numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

NORMAL_REACH = 8.21  # the quantile of 1 - 2^-53 is 8.2095
LEAST_ACCEPTED = 1e-3  # acceptance rate of a truncated distribution below which rejection takes too many attempts
_LEAST_SPREAD = 2.0**-40  # of a normal distribution, relative to its mean


class Distribution(NamedTuple):
    """One distribution: its number in bytecode, its form, its numbers of arguments, and a check of their values."""

    code: int
    form: str
    least: int
    most: int
    fault: Callable[[Sequence[float]], str | None]


def _uniform_fault(values: Sequence[float]) -> str | None:
    low, high = values
    if not math.isfinite(high - low):
        return "the range of the uniform distribution is wider than a 64-bit float can tell"
    return None if low < high else "the first argument of `uniform` must be below the second"


def _normal_fault(values: Sequence[float]) -> str | None:
    mean, sd, *bounds = values
    if sd <= 0:
        return "a standard deviation must be more than 0"
    if not all(math.isfinite(mean + sign * NORMAL_REACH * sd) for sign in (-1, 1)):
        return "the normal distribution is wider than a 64-bit float can tell"
    if sd < _LEAST_SPREAD * abs(mean):
        return "the standard deviation is lost in the rounding of the mean"
    low, high = both_bounds(bounds)
    if not low < high:
        return "the lower bound of `normal` must be below the upper one"
    if bounds and normal_share(mean, sd, low, high) < LEAST_ACCEPTED:
        return f"fewer than {LEAST_ACCEPTED:g} of the numbers of this normal distribution lie within its bounds"
    return None


def both_bounds(given: Sequence[float]) -> tuple[float, float]:
    """The bounds of a truncated normal distribution, of which none, the lower or both are given."""
    return (*given, -math.inf)[0], (*given[1:], math.inf)[0]


def _lognormal_fault(values: Sequence[float]) -> str | None:
    mean, sd = values
    if mean <= 0 or sd <= 0:
        return "mean and standard deviation of `lognormal` must be more than 0"
    if not (1e-200 < mean < 1e200 and 1e-4 <= sd / mean <= 1e4):
        return "the standard deviation of `lognormal` must be 1e-4 to 1e4 times its mean"
    return None


def _choice_fault(values: Sequence[float]) -> str | None:
    return None


DISTRIBUTIONS = {
    "uniform": Distribution(1, "uniform(low, high)", 2, 2, _uniform_fault),
    "normal": Distribution(2, "normal(mean, sd), normal(mean, sd, low) or normal(mean, sd, low, high)", 2, 4, _normal_fault),
    "lognormal": Distribution(3, "lognormal(mean, sd)", 2, 2, _lognormal_fault),
    "choice": Distribution(4, "choice(value, value, ...)", 1, 1000, _choice_fault),
}
BY_CODE = {one.code: name for name, one in DISTRIBUTIONS.items()}


def count_fault(name: str, count: int) -> str | None:
    """The fault of the number of arguments, or None."""
    one = DISTRIBUTIONS[name]
    return None if one.least <= count <= one.most else f"its form is {one.form}"


class Range(NamedTuple):
    """The interval of the numbers that can be drawn, [low, high], or (low, high] with `open_low`."""

    low: float
    high: float
    open_low: bool = False


def drawn_range(name: str, values: Sequence[float]) -> Range:
    """The interval of the drawn numbers; `values` are checked arguments."""
    if name == "uniform":
        return Range(values[0], values[1], open_low=True)
    if name == "choice":
        return Range(min(values), max(values))
    if name == "normal":
        mean, sd, *bounds = values
        reach, (low, high) = NORMAL_REACH * sd, both_bounds(bounds)
        return Range(max(mean - reach, low), min(mean + reach, high), open_low=low >= mean - reach)
    mu, sigma = of_logarithm(*values)
    return Range(math.exp(mu - NORMAL_REACH * sigma), math.exp(mu + NORMAL_REACH * sigma), open_low=True)


def share_outside(name: str, values: Sequence[float], low: float, high: float) -> float:
    """The probability that a drawn number lies outside of [low, high]."""
    if name == "choice":
        return sum(not low <= value <= high for value in values) / len(values)
    if name == "uniform":
        width = values[1] - values[0]
        return max(0.0, 1.0 - max(0.0, min(high, values[1]) - max(low, values[0])) / width)
    if name == "lognormal":
        mu, sigma = of_logarithm(*values)
        below = -math.inf if low <= 0 else math.log(low)
        return _tails(mu, sigma, below, math.inf if high == math.inf else math.log(high) if high > 0 else -math.inf)
    mean, sd, *bounds = values
    least, most = both_bounds(bounds)
    if least >= low and most <= high:
        return 0.0
    if not bounds:
        return _tails(mean, sd, low, high)
    return 1.0 - normal_share(mean, sd, max(low, least), min(high, most)) / normal_share(mean, sd, least, most)


def of_logarithm(mean: float, sd: float) -> tuple[float, float]:
    """Parameters of a lognormal distribution: mean and standard deviation of the logarithm, from those of the number."""
    square = math.log1p((sd / mean) ** 2)
    return math.log(mean) - 0.5 * square, math.sqrt(square)


def normal_share(mean: float, sd: float, low: float, high: float) -> float:
    """The probability that a normal number lies in [low, high], without cancellation in the tails."""
    if low >= high:
        return 0.0
    a, b = ((bound - mean) / (sd * math.sqrt(2.0)) for bound in (low, high))
    if a > 0:
        a, b = -b, -a
    return 0.5 * (math.erfc(-b) - math.erfc(-a))


def _tails(mean: float, sd: float, low: float, high: float) -> float:
    """The probability that a normal number lies below `low` or above `high`."""
    return normal_share(mean, sd, -math.inf, low) + normal_share(mean, sd, high, math.inf) if low < high else 1.0
