"""The rules that look at several pulses: pauses, rates, duty, and what stimulates at the same time.

A channel's next pulse may start once its last one is over for `min_gap`, and not before both 1 / max_rate and its duration
divided by max_duty have passed since it started. So in any stretch of time that ends where a pulse may start, the rate and the
duty hold, and a board needs to keep one number a channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil
from typing import NamedTuple

from bioasm.safety.limits import Limits
from bioasm.safety.pulse import QuantisedPulse
from bioasm.safety.refusal import Refusal, Rule

_LAST_CLOCK = 1 << 63


class _Last(NamedTuple):
    """The last pulse of a channel: its start and its length in samples, and its largest current in amperes."""

    start: int
    length: int
    current: float

    @property
    def end(self) -> int:
        return self.start + self.length


class RateGuard:
    """Keeps what stimulated when, in samples of the device's clock, and refuses pulses that come too soon or too many."""

    def __init__(self, limits: Limits, period: float) -> None:
        self.limits, self.period = limits, period
        self._last: dict[int, _Last] = {}
        self._latest = 0

    def refusals(self, start: int, channels: Sequence[int], quantised: QuantisedPulse) -> list[Refusal]:
        """Every rule that the pulse at this time would break. Nothing is kept of it."""
        found = list(self._order(start, channels))
        if found:
            return found
        for channel in channels:
            found += self._channel(start, channel)
        return found + list(self._together(start, channels, quantised))

    def admit(self, start: int, channels: Sequence[int], quantised: QuantisedPulse) -> list[Refusal]:
        """The same, and where nothing is refused the pulse counts from now on."""
        found = self.refusals(start, channels, quantised)
        if not found:
            self._latest = start
            for channel in channels:
                self._last[channel] = _Last(start, quantised.duration_samples, _peak(quantised))
        return found

    def _order(self, start: int, channels: Sequence[int]) -> Iterator[Refusal]:
        if type(start) is not int or not self._latest <= start < _LAST_CLOCK:
            shown = float(start) if isinstance(start, int) and abs(start) < _LAST_CLOCK else float("nan")
            yield Refusal(
                Rule.ORDER,
                shown,
                float(self._latest),
                "samples",
                "start of the pulse, before that of the last one or beyond the clock",
            )
        if len(set(channels)) != len(channels):
            yield Refusal(Rule.ORDER, float(len(channels)), float(len(set(channels))), "", "channels named, some of them twice")

    def _channel(self, start: int, channel: int) -> Iterator[Refusal]:
        last = self._last.get(channel)
        if last is None:
            return
        since, limits, what = start - last.start, self.limits, f"channel {channel}, time since its last pulse"
        needed = (
            (Rule.GAP, last.length + self._samples(limits.min_gap)),
            (Rule.RATE, self._samples(1 / limits.max_rate)),
            (Rule.DUTY, ceil(last.length / limits.max_duty - 1e-9)),
        )
        for rule, least in needed:
            if since < least:
                yield Refusal(rule, since * self.period, least * self.period, "s", what)

    def _samples(self, seconds: float) -> int:
        """A time in samples, rounded up; a whole number of samples stays what it is."""
        return ceil(seconds / self.period * (1 - 1e-12))

    def _together(self, start: int, channels: Sequence[int], quantised: QuantisedPulse) -> Iterator[Refusal]:
        """Pulses are admitted in the order of their starts, so that no later moment has more of them at once than this one."""
        active = [last for channel, last in self._last.items() if last.end > start and channel not in channels]
        count = len(active) + len(channels)
        if count > self.limits.max_simultaneous:
            yield Refusal(Rule.SIMULTANEOUS, count, self.limits.max_simultaneous, "", "electrodes that stimulate at this time")
        total = sum(last.current for last in active) + len(channels) * _peak(quantised)
        if total > self.limits.max_total_current * (1 + 1e-9):
            yield Refusal(
                Rule.TOTAL_CURRENT, total, self.limits.max_total_current, "A", "current of all electrodes at this time"
            )


def _peak(quantised: QuantisedPulse) -> float:
    return max((abs(level) for level in quantised.levels), default=0) * quantised.step
