"""A pulse as it is asked for, and as a stimulator with steps of current and of time can give it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Phase(NamedTuple):
    """A constant current in amperes (negative is cathodic) for a duration in seconds."""

    current: float
    duration: float


@dataclass(frozen=True, slots=True)
class Pulse:
    """Phases that follow each other without a pause."""

    phases: tuple[Phase, ...]


@dataclass(frozen=True, slots=True)
class QuantisedPulse:
    """A pulse in whole steps of current (signed) and whole samples: phase k is `levels[k] * step` for `samples[k] * period`."""

    levels: tuple[int, ...]
    samples: tuple[int, ...]
    step: float
    period: float

    @property
    def pulse(self) -> Pulse:
        """The pulse in amperes and seconds."""
        pairs = zip(self.levels, self.samples, strict=True)
        return Pulse(tuple(Phase(level * self.step, count * self.period) for level, count in pairs))

    @property
    def duration_samples(self) -> int:
        """How long the pulse takes, in samples."""
        return sum(self.samples)

    @property
    def net(self) -> int:
        """The net charge in steps times samples: an exact whole number."""
        return sum(level * count for level, count in zip(self.levels, self.samples, strict=True))


def biphasic(amplitude: float, width: float) -> Pulse:
    """The pulse of the instruction STIM: `amplitude` amperes for `width` seconds, cathodic first, then the reverse."""
    return Pulse((Phase(-amplitude, width), Phase(amplitude, width)))


def quantise(pulse: Pulse, step: float, period: float) -> QuantisedPulse:
    """The pulse in the nearest whole steps and samples, each phase at least one sample long.

    The level of the last phase is the one that brings the net charge closest to 0. What comes out can still break a limit
    and has to be checked. Raises ValueError where a number is not finite or a step not positive.
    """
    if not (step > 0 and period > 0):
        raise ValueError("the step and the sample period must be more than 0")
    try:
        levels = [round(phase.current / step) for phase in pulse.phases]
        samples = [max(1, round(phase.duration / period)) for phase in pulse.phases]
    except (OverflowError, ValueError):
        raise ValueError("a pulse is made of finite numbers") from None
    if len(levels) > 1:
        before = sum(level * count for level, count in zip(levels[:-1], samples[:-1], strict=True))
        levels[-1] = round(-before / samples[-1])
    return QuantisedPulse(tuple(levels), tuple(samples), step, period)
