"""Clock synchronisation: linear regression of device ticks on host time, with an error bound."""

from __future__ import annotations

from collections import deque
from math import inf, sqrt
from typing import NamedTuple

DECAY = 1 / 30  # of the weight of the past, at each sample
KEPT = 64
WORST_DRIFT = 500e-6  # of the rate that the board states; crystals are within 100e-6
JUMP = 0.5e-3
JUMPS_IN_A_ROW = 4


class Sample(NamedTuple):
    """One clock sample: host times of request and reply (s), and the board's clock in between (ticks)."""

    sent: float
    received: float
    ticks: int

    @property
    def middle(self) -> float:
        """The host time that is assigned to the ticks."""
        return (self.sent + self.received) / 2

    @property
    def half(self) -> float:
        """How far the true moment can be from the middle, in s."""
        return (self.received - self.sent) / 2


class Clock:
    """Converts between host seconds and device ticks.

    A linear regression whose past decays by 1/30 with each sample, after Klipper's idea. Samples whose round trip was
    much longer than usual are left out of it. Where samples jump away from it several times in a row, as after a pause
    of the board, it begins anew; `jumps` counts that.
    """

    def __init__(self, hertz: float) -> None:
        self.hertz = hertz
        self.jumps = 0
        self._begin()

    def _begin(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=KEPT)
        self._count = 0
        self._away = 0
        self._time = self._ticks = 0.0  # weighted means, relative to the first sample
        self._variance = self._covariance = 0.0

    @property
    def ready(self) -> bool:
        """Whether there is a sample."""
        return self._count > 0

    def add(self, sent: float, received: float, ticks: int) -> None:
        """Add a sample: host times of request and reply in s, the clock in between in ticks."""
        sample = Sample(sent, received, ticks)
        if self.ready and self._jumped(sample):
            self.jumps += 1
            self._begin()
        if self._away or (self._count >= 8 and sample.half > 3 * self._usual_half() + JUMP):
            return
        self._regress(sample)
        self._samples.append(sample)

    def _usual_half(self) -> float:
        return min(sample.half for sample in self._samples)

    def _jumped(self, sample: Sample) -> bool:
        """Step detection: whether several samples in a row exceed the bounds from round-trip time and drift."""
        drift = WORST_DRIFT * (sample.middle - self._samples[-1].middle)
        allowed = sample.half + self._usual_half() + drift + JUMP
        off = abs(sample.ticks - self.device_at(sample.middle)) / self.hertz
        self._away = self._away + 1 if off > allowed else 0
        return self._away >= JUMPS_IN_A_ROW

    def _regress(self, sample: Sample) -> None:
        """Exponentially weighted means and covariance (West 1979, with weights)."""
        if not self._count:
            self._origin = sample
        time, ticks = sample.middle - self._origin.middle, float(sample.ticks - self._origin.ticks)
        self._count += 1
        weight = max(DECAY, 1 / self._count)
        away, off = time - self._time, ticks - self._ticks
        self._time += weight * away
        self._ticks += weight * off
        self._variance = (1 - weight) * (self._variance + weight * away * away)
        self._covariance = (1 - weight) * (self._covariance + weight * away * off)

    @property
    def rate(self) -> float:
        """Ticks in a second of the host: as stated by the board, until the samples span enough to tell better."""
        if self._count < 8 or not self._variance:
            return self.hertz
        measured = self._covariance / self._variance
        return min(max(measured, self.hertz * (1 - WORST_DRIFT)), self.hertz * (1 + WORST_DRIFT))

    def device_at(self, host: float) -> float:
        """The device clock in ticks at a host time in s. The clock must be `ready`."""
        return self._origin.ticks + self._ticks + self.rate * (host - self._origin.middle - self._time)

    def host_at(self, ticks: float) -> float:
        """The host time in s at a device clock in ticks. The clock must be `ready`."""
        return self._origin.middle + self._time + (ticks - self._origin.ticks - self._ticks) / self.rate

    @property
    def bound(self) -> float:
        """How far `device_at` can be off now, in s; infinite before the first sample."""
        return self.bound_at(self._samples[-1].received) if self._samples else inf

    def bound_at(self, host: float) -> float:
        """How far `device_at` can be off at a host time, in s.

        Each sample bounds the true clock by half its round trip around its middle. To that come how far the regression
        passes from the sample, and a drift of the rate over the time between. The best of the kept samples counts.
        """
        if not self._samples:
            return inf
        drift = self._drift()
        return min(self._reach(sample) + drift * abs(host - sample.middle) for sample in self._samples) + 1 / self.hertz

    def _drift(self) -> float:
        """How far `rate` can be off, as a part of it: errors of the samples over their spread (Cauchy-Schwarz)."""
        if self._count < 8 or not self._variance:
            return WORST_DRIFT
        worst = max(sample.half for sample in self._samples) + 1 / self.hertz
        return min(2 * WORST_DRIFT, worst / sqrt(self._variance))

    def _reach(self, sample: Sample) -> float:
        return sample.half + abs(sample.ticks - self.device_at(sample.middle)) / self.hertz
