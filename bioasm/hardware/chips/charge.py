"""The output of a stimulator: phases of constant current, and pulses that are made of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Phase(NamedTuple):
    """A stretch of one current on one channel.

    `amperes` is what the registers asked for, `coulombs` what was delivered (both signed); `limited` says that the supply
    could not drive the electrode so far, so that less came out.
    """

    channel: int
    start: float
    stop: float
    amperes: float
    coulombs: float
    limited: bool


class Pulse(NamedTuple):
    """Phases of one channel that follow each other with pauses below a bound; times in seconds, charges in coulombs."""

    channel: int
    phases: tuple[Phase, ...]

    @property
    def start(self) -> float:
        """When the first phase began."""
        return self.phases[0].start

    @property
    def stop(self) -> float:
        """When the last phase ended."""
        return self.phases[-1].stop

    @property
    def net_coulombs(self) -> float:
        """The sum of all phases' charges, zero for a balanced pulse."""
        return sum(phase.coulombs for phase in self.phases)

    @property
    def largest_coulombs(self) -> float:
        """The largest charge of one phase, without its sign."""
        return max(abs(phase.coulombs) for phase in self.phases)


def pulses(phases: Iterable[Phase], gap: float = 200e-6) -> list[Pulse]:
    """Phases grouped into pulses, in order of their start: a pause of `gap` seconds or more on a channel ends a pulse."""
    groups: dict[int, list[list[Phase]]] = {}
    for phase in sorted(phases, key=lambda p: (p.channel, p.start)):
        known = groups.setdefault(phase.channel, [])
        if known and phase.start - known[-1][-1].stop < gap:
            known[-1].append(phase)
        else:
            known.append([phase])
    made = [Pulse(channel, tuple(group)) for channel, known in groups.items() for group in known]
    return sorted(made, key=lambda pulse: pulse.start)
