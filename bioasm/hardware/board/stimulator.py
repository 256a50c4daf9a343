"""Stimulator of the firmware: the interlock, and the schedule of SPI words that form pulses.

This is the only code that writes stimulation registers. A pulse gets here by `request` alone, and out of here only after the
board's own table, the host's table and the guard have admitted it, in whole steps and samples.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from bioasm.hardware.chips import sequences
from bioasm.hardware.chips.charge import Phase
from bioasm.hardware.chips.steps import amplitude_word
from bioasm.hardware.chips.words import rhs
from bioasm.hardware.link.messages import StimOutcome
from bioasm.safety import Guard, LimitsTable, QuantisedPulse, Refusal, Rule

SETTLE, ON, POLARITY, RECOVERY = 10, 42, 44, 46
NEGATIVE, POSITIVE = 64, 96
_SLOTS = 4  # words after the CONVERTs of a period
_EDGE_WORDS = 3  # of them change currents where some change
_ALL = 0xFFFF
_ROM = 251
_SEES = 2  # an edge at which a channel's amplifier is let go again
_SETTLED_AFTER = 2  # samples after the end of a pulse
QUEUE = 4096


class Request(NamedTuple):
    """One pending pulse on one channel."""

    start: int
    number: int
    channel: int
    pulse: QuantisedPulse


@dataclass(frozen=True, slots=True)
class Done:
    """Outcome of a pulse: its due start, where, how it went, the limit that refused it, and the charge of its phases in C."""

    start: int
    channel: int
    outcome: StimOutcome
    limit: str = ""
    charges: tuple[float, ...] = ()


def _edges_of(request: Request) -> list[int]:
    """The samples at which a pulse needs SPI words."""
    ends = accumulate(request.pulse.samples, initial=request.start)
    return [*ends, request.start + request.pulse.duration_samples + _SETTLED_AFTER]


def _dropped_together(waiting: Iterable[Request]) -> Iterator[Done]:
    """One entry a channel for pulses that were not judged yet, with their number: a host may have asked for thousands."""
    by_channel: dict[int, list[int]] = defaultdict(list)
    for request in waiting:
        by_channel[request.channel].append(request.start)
    for channel, starts in sorted(by_channel.items()):
        limit = f"with {len(starts) - 1} after it" if len(starts) > 1 else ""
        yield Done(min(starts), channel, StimOutcome.DROPPED, limit)


class Stimulator:
    """Pulses on one RHS2116, in samples of the device clock.

    `own` is the board's own table: its limits and its electrodes, which no host can widen. `region` is the memory in which the
    history of stimulation outlasts restarts.
    """

    def __init__(self, own: LimitsTable, sample_rate: float, step: float, region: bytearray, channels: int) -> None:
        self.own, self.channels, self.step, self.period = own, channels, step, 1 / sample_rate
        self.table: LimitsTable | None = None  # None: disarmed
        self.count_anew()
        self.guard = Guard(own.limits, step, self.period, region, channels)
        self._waiting: list[Request] = []
        self._number = 0
        self._flying: dict[int, deque[Request]] = defaultdict(deque)  # admitted and not over, of each channel
        self._clear()

    def count_anew(self) -> None:
        """Count pulses from here on: those delivered, those refused, and the coulombs of all first phases."""
        self.delivered = self.refused = 0
        self.charge = 0.0

    def _clear(self) -> None:
        """Drop the queued SPI words. A pulse cut off on its way makes the net charge of its channel unknown."""
        for request in [request for mine in self._flying.values() for request in mine]:
            self.guard.over(request.channel)
            self.guard.forget()
        self._flying.clear()
        self._loads: dict[int, list[int]] = defaultdict(list)
        self._edges: dict[int, list[tuple[int, int]]] = defaultdict(list)
        self._moved: dict[int, list[Phase]] = defaultdict(list)
        self._on = self._polarity = self._settled = 0

    # --- arming -----------------------------------------------------------------------------------------

    @property
    def armed(self) -> bool:
        """Whether pulses are let through at all."""
        return self.table is not None

    def arm(self, table: LimitsTable) -> list[int]:
        """Let pulses within a table of limits through; the words to be sent for it."""
        self.table = table
        self.guard.limits = table.limits  # what stimulated before still counts
        self._clear()
        return [rhs.write(SETTLE, 0), rhs.write(RECOVERY, 0), rhs.write(ON, 0, u=True), *sequences.arm()]

    def disarm(self) -> list[int]:
        """Disarm: the SPI words that switch all currents off, ground the electrodes and clear the enabling magic numbers."""
        self.table = None
        self._waiting.clear()
        self._clear()
        if self.guard.wait():
            self.guard.forget()  # charge leaves the electrodes from now on, for now they are grounded
        return [rhs.write(ON, 0), rhs.write(RECOVERY, _ALL, u=True), *sequences.disarm()]

    # --- asking for pulses ------------------------------------------------------------------------------

    def refusals(self, channels: tuple[int, ...], pulse: QuantisedPulse) -> list[Refusal]:
        """The refusals of a pulse on channels at any time; what depends on other pulses is judged when its time has come."""
        if self.table is None:
            raise RuntimeError("a stimulator that is not armed was asked for a pulse")
        return self.own.refusals(pulse, channels) or self.table.refusals(pulse, channels)

    def request(self, start: int, channel: int, pulse: QuantisedPulse) -> None:
        """Queue a pulse for a sample. The interlock checks it when it is due."""
        self._number += 1
        heapq.heappush(self._waiting, Request(start, self._number, channel, pulse))

    @property
    def waiting(self) -> int:
        """The number of pending pulses."""
        return len(self._waiting)

    def admit(self, now: int, until: int) -> Iterator[Done]:
        """Admit the pulses that start before `until`; refused ones are yielded, the others are scheduled."""
        while self._waiting and self._waiting[0].start < until:
            request = heapq.heappop(self._waiting)
            refused = self._judge(request, now)
            if refused is not None:
                self.refused += 1
                yield refused

    def _judge(self, request: Request, now: int) -> Done | None:
        """Admit one pulse, or return its refusal."""
        if self.table is None:
            return Done(request.start, request.channel, StimOutcome.REFUSED, "not armed")
        places = self._places(request, now)
        if places is None:
            return Done(request.start, request.channel, StimOutcome.LATE)
        channels = (request.channel,)
        refusals = self.refusals(channels, request.pulse) or self._shape(request.pulse)
        refusals = refusals or self.guard.admit(request.start, channels, request.pulse)
        if refusals:
            return Done(request.start, request.channel, StimOutcome.REFUSED, refusals[0].message)
        self._plan(request, places)
        return None

    @staticmethod
    def _shape(pulse: QuantisedPulse) -> list[Refusal]:
        """Check that a pulse has one amplitude for each sign, which is loaded before it."""
        for sign in (-1, 1):
            levels = {level for level in pulse.levels if level * sign > 0}
            if len(levels) > 1:
                return [Refusal(Rule.RANGE, len(levels), 1, "", "amplitudes of phases of the same sign")]
        return []

    def _places(self, request: Request, now: int) -> list[int] | None:
        """The samples in whose periods the amplitudes are loaded, the last free ones before the start; None: too late."""
        if any(len(self._loads.get(s, ())) > _SLOTS - _EDGE_WORDS for s in _edges_of(request)):
            return None
        free: list[int] = []
        sample = request.start - 1
        while sample > now and len(free) < 2:
            room = _SLOTS - _EDGE_WORDS if sample in self._edges else _SLOTS - 1
            free += [sample] * (room - len(self._loads.get(sample, ())))
            sample -= 1
        return free[:2] if len(free) >= 2 else None

    def _plan(self, request: Request, places: list[int]) -> None:
        channel, pulse = request.channel, request.pulse
        for place, (base, sign) in zip(places, ((NEGATIVE, -1), (POSITIVE, 1)), strict=True):
            level = next((abs(level) for level in pulse.levels if level * sign > 0), 0)
            self._loads[place].append(rhs.write(base + channel, amplitude_word(level)))
        at = request.start
        for level, samples in zip(pulse.levels, pulse.samples, strict=True):
            self._edges[at].append((channel, 1 if level > 0 else -1))
            at += samples
        self._edges[at].append((channel, 0))
        self._edges[at + _SETTLED_AFTER].append((channel, _SEES))
        self._flying[channel].append(request)

    # --- what the sampling sequence asks ----------------------------------------------------------------

    def next_word(self) -> int | None:
        """The first sample with a scheduled word, or None."""
        return min([*self._loads, *self._edges], default=None)

    def is_on(self, channel: int) -> bool:
        """Whether a current flows through a channel."""
        return bool(self._on >> channel & 1)

    def words(self, sample: int) -> list[int]:
        """The words for the period of a sample, the one that changes currents last, so that phases are whole periods long."""
        words = self._loads.pop(sample, [])
        edges = self._edges.pop(sample, None)
        if edges is None:
            return words
        before = self._settled
        for channel, sign in edges:
            self._turn(1 << channel, sign)
        settle = rhs.write(SETTLE, self._settled) if self._settled != before else rhs.read(_ROM)
        first = words or [rhs.read(_ROM)]
        return [*first, settle, rhs.write(POLARITY, self._polarity), rhs.write(ON, self._on, u=True)]

    def _turn(self, bit: int, sign: int) -> None:
        """A stimulated channel's amplifier is settled from the start of its pulse until a moment after its end."""
        if sign == _SEES:
            self._settled &= ~bit
            return
        self._on = self._on | bit if sign else self._on & ~bit
        self._polarity = self._polarity | bit if sign > 0 else self._polarity & ~bit
        self._settled |= bit

    def cancel(self, now: int) -> list[Done]:
        """Cancel all pulses that have not begun before sample `now`, and withdraw their charge; returns their outcomes.

        Started ones are completed, because a truncated pulse would leave net charge.
        """
        dropped = [request for mine in self._flying.values() for request in mine if request.start >= now]
        for request in dropped:
            self._flying[request.channel].remove(request)
            self.guard.withdraw(request.channel, request.pulse)
        self._loads.clear()
        self._keep_edges({(request.channel, at) for request in dropped for at in _edges_of(request)})
        done = [Done(request.start, request.channel, StimOutcome.DROPPED) for request in sorted(dropped)]
        done += _dropped_together(self._waiting)
        self._waiting.clear()
        return done

    def _keep_edges(self, gone: set[tuple[int, int]]) -> None:
        """Remove the edges of these channels at these samples, which pulses of one channel never share because of pauses."""
        kept = {at: [edge for edge in edges if (edge[0], at) not in gone] for at, edges in self._edges.items()}
        self._edges = defaultdict(list, {at: edges for at, edges in kept.items() if edges})

    def finished(self, phases: list[Phase]) -> Iterator[Done]:
        """Completed pulses, from the phases that the chip delivered."""
        for phase in phases:
            self._moved[phase.channel].append(phase)
        for channel, moved in self._moved.items():
            queue = self._flying[channel]
            while queue and len(moved) >= len(queue[0].pulse.levels):
                request = queue.popleft()
                self.guard.over(request.channel)
                mine, moved[:] = moved[: len(request.pulse.levels)], moved[len(request.pulse.levels) :]
                yield self._done(request, mine)

    def _done(self, request: Request, phases: list[Phase]) -> Done:
        """The outcome of a completed pulse."""
        self.delivered += 1
        self.charge += abs(phases[0].coulombs)
        charges = tuple(phase.coulombs for phase in phases)
        if any(phase.limited for phase in phases):
            self.guard.forget()
            return Done(request.start, request.channel, StimOutcome.CUT_SHORT, "compliance", charges)
        return Done(request.start, request.channel, StimOutcome.DELIVERED, "", charges)
