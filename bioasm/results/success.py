"""Time to target (TTS): when independent tries first reached an energy, and the time to reach it with a confidence.

With R(t) = ln(1 - confidence) / ln(1 - p(t)) restarts of length t, R >= 1, at least one succeeds with the confidence, where
p(t) is the probability of success within t. Time to target is the least t R(t) (Ronnow et al., Science 345, 420 (2014)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.results.result import Result

Array = NDArray[Any]
_NORMAL = 1.959963984540054  # the 97.5 % quantile of the standard normal distribution, for intervals of 95 %
_ROUNDING = 1e-9
CONFIDENCE = 0.99


def tolerance(energy: Array) -> Array:
    """The rounding tolerance within which energies count as equal."""
    return np.asarray(_ROUNDING * np.maximum(1.0, np.abs(energy)))


def wilson(successes: Array, tries: int) -> tuple[Array, Array]:
    """Wilson score interval of 95 % of a probability of success."""
    share, z2 = np.asarray(successes) / tries, _NORMAL**2
    middle = (share + z2 / (2 * tries)) / (1 + z2 / tries)
    half = _NORMAL / (1 + z2 / tries) * np.sqrt(share * (1 - share) / tries + z2 / (4 * tries**2))
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def first_hits(result: Result, target: float) -> Array:
    """First-passage times: when the trace of each lane first reached `target`, (lanes,); infinite where it never did."""
    hit = result.energy_trace <= target + tolerance(np.asarray(target))
    hit = np.concatenate([hit, np.ones((len(hit), 1), bool)], axis=1)  # sentinel column: never reached
    return np.asarray(np.append(result.trace_times, np.inf)[hit.argmax(axis=1)])


@dataclass(frozen=True, slots=True)
class Tries:
    """Independent tries: first-passage times, inf where not reached, and the end of all, in the model's clock.

    `seconds` is the wall-clock time of one try.
    """

    hits: Array
    end: float
    unit: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """Success probability and time to target (in the model's clock), each with its confidence interval.

    `length` is the optimal length of a try before a restart. Without a success `time` and `high` are infinite.
    """

    successes: int
    tries: int
    share: tuple[float, float, float]  # low, measured, high
    median: float
    length: float
    time: tuple[float, float, float]  # low, measured, high


def estimate(tries: Tries, confidence: float = CONFIDENCE) -> Estimate:
    """Time to target at a confidence, minimised over the length of tries."""
    hits, n = np.sort(tries.hits), len(tries.hits)
    reached = hits[np.isfinite(hits)]
    lengths, counts = (reached, np.arange(1, len(reached) + 1)) if len(reached) else (np.array([tries.end]), np.array([0]))
    shares = np.stack([*wilson(counts, n), counts / n])
    with np.errstate(invalid="ignore"):  # no success at time 0
        low, high, measured = (lengths * restarts(share, confidence) for share in shares)
    best = int(np.argmin(measured))
    ends = [float(value) for value in wilson(np.array(len(reached)), n)]
    return Estimate(
        len(reached),
        n,
        (ends[0], len(reached) / n, ends[1]),
        float(hits[(n - 1) // 2]),
        float(lengths[best]),
        (float(high[best]), float(measured[best]), float(low[best])),
    )


def restarts(share: Array, confidence: float) -> Array:
    """Number of restarts for one success with a confidence, at probability `share` each; at least 1."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.maximum(1.0, np.log1p(-confidence) / np.log1p(-np.minimum(share, 1.0))))
