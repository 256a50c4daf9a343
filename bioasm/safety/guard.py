"""The rules that look at several pulses: net charge, pauses, rates, duty, and what stimulates at the same time.

A channel's next pulse may start once its last one is over for `min_gap`, and not before both 1 / max_rate and its duration
divided by max_duty have passed since it started. So in any stretch of time that ends where a pulse may start, the rate and the
duty hold, and a board needs to keep one number a channel. What is kept is a `History`, which is written to memory that a reset
leaves alone before a pulse flows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor

from bioasm.safety.check import ROUNDING
from bioasm.safety.history import DISCHARGE, History
from bioasm.safety.limits import Limits
from bioasm.safety.pulse import QuantisedPulse
from bioasm.safety.refusal import Refusal, Rule

_LAST_CLOCK = 1 << 63


class Guard:
    """Admits pulses of a stimulator with steps of `step` amperes and samples of `period` seconds, and remembers them.

    `region` is the memory that outlasts restarts: it is read here, once, and written at every change. `limits` may be replaced
    at any time; what was admitted under others still counts.
    """

    def __init__(self, limits: Limits, step: float, period: float, region: bytearray, channels: int) -> None:
        self.limits, self.step, self.period = limits, step, period
        self._region = region
        self._discharge = ceil(DISCHARGE / period)
        self.history = History.recalled(bytes(region), channels, self._discharge)
        self._write()

    def _write(self) -> None:
        self._region[:] = self.history.to_bytes()

    # --- what happens -----------------------------------------------------------------------------------

    def admit(self, start: int, channels: Sequence[int], pulse: QuantisedPulse) -> list[Refusal]:
        """Every rule that the pulse at this time would break; where it breaks none, it counts from now on."""
        found = self.refusals(start, channels, pulse)
        if not found:
            for channel in channels:
                mine = self.history.channels[channel]
                mine.start, mine.length, mine.peak = start, pulse.duration_samples, _peak(pulse)
                mine.low, mine.high = mine.with_net(pulse.net)
                mine.flying += 1
            self._write()
        return found

    def over(self, channel: int) -> None:
        """A pulse that was admitted has flowed to its end."""
        self.history.channels[channel].flying -= 1
        self._write()

    def withdraw(self, channel: int, pulse: QuantisedPulse) -> None:
        """A pulse that was admitted will not flow: its charge is given back, and pauses still count from its start."""
        mine = self.history.channels[channel]
        mine.low, mine.high = mine.low - pulse.net, mine.high - pulse.net
        self.over(channel)

    def tick(self, clock: int) -> None:
        """So late is it now."""
        self.history.tick(clock)
        self._write()

    def forget(self) -> None:
        """Mark the charge as unknown where it may not have flowed as planned: admit nothing before it is discharged."""
        self.history.forget(self._discharge)
        self._write()

    def wait(self) -> float:
        """Seconds until pulses can be admitted at all; 0 where they can."""
        return max(0, self.history.ready - self.history.clock) * self.period

    # --- the rules --------------------------------------------------------------------------------------

    def refusals(self, start: int, channels: Sequence[int], pulse: QuantisedPulse) -> list[Refusal]:
        """Every rule that the pulse at this time would break. Nothing is kept of it."""
        found = list(self._order(start, channels))
        if found:
            return found
        for channel in channels:
            found += [*self._net(channel, pulse), *self._pauses(start, channel)]
        return found + list(self._together(start, channels, pulse))

    def _order(self, start: int, channels: Sequence[int]) -> Iterator[Refusal]:
        latest = max((mine.start for mine in self.history.channels if mine.length), default=0)
        if type(start) is not int or not latest <= start < _LAST_CLOCK:
            shown = float(start) if isinstance(start, int) and abs(start) < _LAST_CLOCK else float("nan")
            what = "start of the pulse, before that of the last one or beyond the clock"
            yield Refusal(Rule.ORDER, shown, float(latest), "samples", what)
        if self.history.ready:
            yield Refusal(Rule.DISCHARGE, self.wait(), 0.0, "s", "electrodes whose charge is not known, time left")
        if len(set(channels)) != len(channels):
            yield Refusal(Rule.ORDER, float(len(channels)), float(len(set(channels))), "", "channels named, some of them twice")

    def _net(self, channel: int, pulse: QuantisedPulse) -> Iterator[Refusal]:
        """Small imbalances of many pulses must not add up: a channel's net charge over all its pulses is bounded as well."""
        most, unit = self.limits.net_fraction * self.limits.max_charge, self.step * self.period
        low, high = self.history.channels[channel].with_net(pulse.net)
        net = max(-low, high)
        if net > floor(most / unit * (1 + ROUNDING)):
            yield Refusal(Rule.BALANCE, net * unit, most, "C", f"net charge of all pulses on channel {channel}")

    def _pauses(self, start: int, channel: int) -> Iterator[Refusal]:
        last = self.history.channels[channel]
        if not last.length:
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

    def _together(self, start: int, channels: Sequence[int], pulse: QuantisedPulse) -> Iterator[Refusal]:
        """Pulses are admitted in the order of their starts, so that no later moment has more of them at once than this one."""
        others = [mine for channel, mine in enumerate(self.history.channels) if channel not in channels]
        active = [mine for mine in others if mine.end > start]
        count = len(active) + len(channels)
        if count > self.limits.max_simultaneous:
            yield Refusal(Rule.SIMULTANEOUS, count, self.limits.max_simultaneous, "", "electrodes that stimulate at this time")
        total = (sum(mine.peak for mine in active) + len(channels) * _peak(pulse)) * self.step
        if total > self.limits.max_total_current * (1 + ROUNDING):
            most = self.limits.max_total_current
            yield Refusal(Rule.TOTAL_CURRENT, total, most, "A", "current of all electrodes at this time")


def _peak(pulse: QuantisedPulse) -> int:
    return max((abs(level) for level in pulse.levels), default=0)
