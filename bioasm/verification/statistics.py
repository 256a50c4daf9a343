"""Two-sample tests, whether two sets of independent runs have one distribution, in numpy.

Means are compared by Welch's t-test (Biometrika 34, 28 (1947)), spreads by that of Brown and Forsythe (J. Am. Stat. Assoc.
69, 364 (1974)): the same on distances from the median. Many tests at a time are corrected as Holm does (Scand. J. Stat. 6,
65 (1979)), so that the chance of any false alarm stays below 1 - confidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Samples = Mapping[str, Array]  # (runs, columns): each column is tested separately

_EXACT = 1e-9  # relative tolerance of constant columns


@dataclass(frozen=True, slots=True)
class Comparison:
    """One compared quantity: the means of both sides, the smallest p of its tests corrected for all, and what it tests.

    `p` is None where nothing varies: then `agrees` says whether the values are equal. `tests` is 0 where a side has fewer
    than two values.
    """

    name: str
    agrees: bool
    means: tuple[float, float]
    p: float | None
    tests: int
    what: str = ""


def compare_samples(first: Samples, second: Samples, confidence: float) -> list[Comparison]:
    """Compare all common quantities."""
    names = [name for name in second if name in first]
    raw = {name: _tests(first[name], second[name]) for name in names}
    corrected = holm([p for tests in raw.values() for _, p in tests if p is not None])
    rows, at = [], 0
    for name in names:
        varying = [what for what, p in raw[name] if p is not None]
        mine = corrected[at : at + len(varying)]
        at += len(varying)
        rows.append(_comparison(name, first[name], second[name], raw[name], list(zip(mine, varying, strict=True)), confidence))
    return rows


def _comparison(
    name: str, a: Array, b: Array, tests: list[tuple[str, float | None]], varying: list[tuple[float, str]], confidence: float
) -> Comparison:
    fixed = [what for what, p in tests if p is None and what == "differs"]
    p, what = min(varying, default=(None, ""))
    agrees = not fixed and (p is None or p > 1.0 - confidence)
    made = sum(what != "few" for what, _ in tests)
    return Comparison(name, agrees, (_mean(a), _mean(b)), p, made, "value" if fixed else what)


def _mean(a: Array) -> float:
    """The mean of all finite numbers; NaN without any."""
    numbers = a[np.isfinite(a)]
    return float(numbers.mean()) if numbers.size else math.nan


def _tests(a: Array, b: Array) -> list[tuple[str, float | None]]:
    """The p-values of the tests on mean and spread of each column; None for a constant column."""
    found: list[tuple[str, float | None]] = []
    for x, y in zip(a.T, b.T, strict=True):
        x, y = x[np.isfinite(x)], y[np.isfinite(y)]
        if min(len(x), len(y)) < 2:
            found.append(("differs" if len(x) + len(y) >= 4 and not min(len(x), len(y)) else "few", None))
        elif np.ptp(x) == 0 and np.ptp(y) == 0:
            same = abs(x[0] - y[0]) <= _EXACT * max(abs(x[0]), abs(y[0]))
            found.append(("equal" if same else "differs", None))
        else:
            found.append(("mean", welch(x, y)))
            found.append(("spread", welch(np.abs(x - np.median(x)), np.abs(y - np.median(y)))))
    return found


def welch(x: Array, y: Array) -> float:
    """Welch's t-test: the two-sided p-value of equal means, without assuming equal variances."""
    vx, vy = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    if vx + vy == 0.0:
        return 1.0 if x.mean() == y.mean() else 0.0
    t = (x.mean() - y.mean()) / math.sqrt(vx + vy)
    freedom = (vx + vy) ** 2 / (vx**2 / (len(x) - 1) + vy**2 / (len(y) - 1))
    return student(abs(float(t)), float(freedom))


def student(t: float, freedom: float) -> float:
    """Two-sided tail probability of Student's t distribution."""
    return incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function I_x(a, b), by its continued fraction (DLMF 8.17.22)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - incomplete_beta(b, a, 1.0 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    return front / (a * _fraction(a, b, x))


def _fraction(a: float, b: float, x: float) -> float:
    """1 + d1/(1 + d2/(1 + ...)) by Lentz's method."""
    value, c, d = 1.0, 1.0, 0.0
    for k in range(1, 500):
        m = k // 2
        if k % 2:
            step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            step = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1.0 / (1.0 + step * d)
        c = 1.0 + step / c
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def holm(p: Sequence[float]) -> list[float]:
    """Holm-Bonferroni correction of the p-values of several tests."""
    order = sorted(range(len(p)), key=lambda k: p[k])
    corrected, highest = [0.0] * len(p), 0.0
    for rank, k in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[k]))
        corrected[k] = highest
    return corrected
