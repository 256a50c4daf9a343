"""Pacing of the device clock: real time, with a drift, or as fast as possible."""

from __future__ import annotations


class Pace:
    """The relation of samples to seconds. `wall` keeps runs on the culture to real time; else they are as fast as they can.

    While nothing runs, samples follow seconds in either case. `drift` is in parts per million.
    """

    def __init__(self, sample_rate: float, wall: bool, drift: float) -> None:
        self.wall = wall
        self._rate = sample_rate * (1 + drift * 1e-6)
        self._clock, self._time = 0, 0.0
        self._anchored = False

    def anchor(self, clock: int, now: float) -> None:
        """Set the reference point: `clock` samples at `now`."""
        self._clock, self._time, self._anchored = clock, now, True

    def _target(self, clock: int, now: float) -> int:
        """The sample of a time."""
        if not self._anchored:
            self.anchor(clock, now)
        return self._clock + int((now - self._time) * self._rate)

    def behind(self, clock: int, now: float) -> int:
        """The number of samples by which the rig is behind."""
        return max(0, self._target(clock, now) - clock)

    def due(self, clock: int, now: float) -> bool:
        """Whether a run may go on."""
        return not self.wall or self._target(clock, now) > clock

    def clock(self, clock: int, now: float, running: bool) -> int:
        """The device clock between two slices."""
        return clock if running and not self.wall else max(clock, self._target(clock, now))
