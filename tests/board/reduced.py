"""A board reduced to what decides on stimulation: the real firmware, stimulator and guard before two electrodes that count.

No culture and no samples: a chip of two stimulators takes the stimulator's words, and the electrodes count what flows, in
steps of current times samples, over every restart and without a word from the firmware. `Beyond` is raised where they pass a
limit.
"""

from __future__ import annotations

import copy
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from math import ceil
from types import SimpleNamespace
from typing import Any

import numpy as np

from bioasm.hardware.board.detector import NOTHING_FOUND
from bioasm.hardware.board.rig import Block, Rig
from bioasm.hardware.board.stimulator import NEGATIVE, ON, POLARITY, POSITIVE, RECOVERY, Done, Stimulator
from bioasm.hardware.chips.sequences import ARMING
from bioasm.hardware.chips.words import rhs
from bioasm.safety import DEFAULT_LIMITS, DISCHARGE, Electrode, History, LimitsTable

CHANNELS = 2
STEP, RATE = 50e-9, 20_480  # samples of which a float holds every number of milliseconds
OWN = LimitsTable(DEFAULT_LIMITS, {c: Electrode.disk(100e-6) for c in range(CHANNELS)})
MOST_NET = 12  # 1 % of 3 nC in steps of 50 nA times samples of 49 us
MOST_HELD = round(3e-9 / STEP * RATE) + MOST_NET  # 3 nC of a phase, and what earlier pulses left; density allows 3.9 nC
MOST_LEVEL = 200  # 10 uA
APART = ceil(RATE / 200)
DISCHARGED = round(DISCHARGE * RATE)
_WRITE, _KIND = 0x80000000, 0xC0000000


class Beyond(BaseException):
    """More than the limits allow has flowed. No firmware may catch it."""


@dataclass
class Wire:
    """One electrode: the charge it holds, when its last pulse began and ended, and since when it is grounded."""

    net: int = 0
    began: int | None = None
    ended: int = 0
    grounded: int | None = 0


@dataclass
class Electrodes:
    """The chip's stimulators and what is behind them. `time` never stops, whatever the firmware's clock does."""

    wires: list[Wire] = field(default_factory=lambda: [Wire() for _ in range(CHANNELS)])
    registers: dict[int, int] = field(default_factory=dict)
    pending: dict[int, int] = field(default_factory=dict)
    time: int = 0
    off: bool = False  # an electrode is off: the compliance monitor reports it

    def word(self, word: int) -> None:
        """Take one word; what is written takes effect with the next U, the magic words at once."""
        if word & _KIND == _WRITE:
            number, value = word >> 16 & 0xFF, word & 0xFFFF
            (self.registers if number in ARMING else self.pending)[number] = value
        if word & rhs.UPDATE:
            self.registers |= self.pending
            self.pending.clear()
        self._look()

    def power_up(self) -> None:
        """Every register as after the chip's start: nothing flows."""
        self.registers.clear()
        self.pending.clear()
        self._look()

    def level(self, channel: int) -> int:
        """The current that flows, in steps, cathodic below 0."""
        armed = all(self.registers.get(number) == magic for number, magic in ARMING.items())
        if not (armed and self.registers.get(ON, 0) >> channel & 1):
            return 0
        anodic = self.registers.get(POLARITY, 0) >> channel & 1
        return self.registers.get(POSITIVE + channel, 0) % 256 if anodic else -(self.registers.get(NEGATIVE + channel, 0) % 256)

    def flow(self, samples: int) -> None:
        """Let time pass, and keep the books."""
        for channel, wire in enumerate(self.wires):
            level = self.level(channel)
            wire.net += level * samples
            if abs(wire.net) > MOST_HELD:
                raise Beyond(f"{wire.net} are held; {MOST_HELD} may be")
            if wire.grounded is not None and self.time + samples - wire.grounded >= DISCHARGED:
                wire.net = 0
        self.time += samples

    def _look(self) -> None:
        """What begins and what ends with the registers as they are now."""
        levels = [self.level(channel) for channel in range(CHANNELS)]
        if sum(map(abs, levels)) > 1000 or max(map(abs, levels)) > MOST_LEVEL:
            raise Beyond(f"currents of {levels} steps")
        for channel, (wire, level) in enumerate(zip(self.wires, levels, strict=True)):
            grounded = not level and bool(self.registers.get(RECOVERY, 0) >> channel & 1)
            wire.grounded = (self.time if wire.grounded is None else wire.grounded) if grounded else None
            if level and not self._flows(wire):
                self._begin(wire)
            elif not level and self._flows(wire):
                self._end(wire)

    @staticmethod
    def _flows(wire: Wire) -> bool:
        return wire.began is not None and wire.ended < wire.began

    def _begin(self, wire: Wire) -> None:
        length = wire.ended - (wire.began or 0)
        if wire.began is not None and self.time - wire.began < max(APART, length * 5, length + 4):
            raise Beyond(f"a pulse {self.time - wire.began} samples after one of {length}")
        wire.began = self.time

    def _end(self, wire: Wire) -> None:
        wire.ended = max(self.time, (wire.began or 0) + 1)  # cut off at once is over as well

    def rest(self) -> None:
        """Where nothing flows and no charge is on its way to ground, none may be held."""
        for channel, wire in enumerate(self.wires):
            if not self.level(channel) and wire.grounded is None and abs(wire.net) > MOST_NET:
                raise Beyond(f"{wire.net} are left; {MOST_NET} may be")


def copied_stimulator(stimulator: Any, region: bytearray) -> Stimulator:
    """The same stimulator with a memory of its own."""
    other, guard = copy.copy(stimulator), copy.copy(stimulator.guard)
    guard._region = region
    guard.history = replace(guard.history, channels=[copy.copy(channel) for channel in guard.history.channels])
    other.guard, other._waiting = guard, stimulator._waiting.copy()
    other._flying = defaultdict(deque, {channel: mine.copy() for channel, mine in stimulator._flying.items()})
    for name in ("_loads", "_edges", "_moved"):
        setattr(other, name, defaultdict(list, {at: each.copy() for at, each in getattr(stimulator, name).items()}))
    return other


class ReducedRig(Rig):
    """The rig's own starting, arming, disarming and settling, with time that passes from word to word."""

    def __init__(self, electrodes: Electrodes, region: bytearray) -> None:
        self.truth, self.region, self.own_table = electrodes, region, OWN
        self.chip_name, self.sample_rate, self.seed, self.channels, self.per_ms = "rhs2116", float(RATE), 0, CHANNELS, 20
        self.stimulator = Stimulator(OWN, self.sample_rate, STEP, region, CHANNELS)
        self.clock = self.stimulator.guard.history.clock
        self.compliance = self.leaking = 0
        self.watch = None
        self._stimulated = False
        self._changes = {}
        self.chip = SimpleNamespace(surroundings=SimpleNamespace(temperature_C=37.0, supply_V=3.3))  # type: ignore[assignment]
        self._wire_up()

    def _wire_up(self) -> None:
        """Put the electrodes behind the front end."""
        bus = SimpleNamespace(transfer_all=self._send)
        self.front: Any = SimpleNamespace(start=self.truth.power_up, bus=bus, checking=True)

    def copied(self, electrodes: Electrodes, region: bytearray) -> ReducedRig:
        """The same rig before electrodes and a memory of its own."""
        other = copy.copy(self)
        other.truth, other.region, other._changes = electrodes, region, self._changes.copy()
        other._wire_up()
        other.stimulator = copied_stimulator(self.stimulator, region)
        return other

    def _send(self, words: list[int]) -> None:
        for word in words:
            self.truth.word(word)

    def run(self, ms: int) -> Block:
        """Serve the stimulator for some milliseconds, and read the monitors at the end of each that it wrote in."""
        first, end = self.clock, self.clock + ms * self.per_ms
        done: list[Done] = [*self._admit(end)]
        while self.clock < end:
            done += self._to_next_word(end)
        if self._stimulated:
            self._stimulated = self.stimulator.next_word() is not None  # type: ignore[union-attr]
            self.compliance |= self.truth.off
        self._tick()
        return Block(first, np.zeros((0, CHANNELS), np.int64), NOTHING_FOUND, tuple(done))

    def _to_next_word(self, end: int) -> list[Done]:
        assert self.stimulator is not None
        if self.stimulator.next_word() == self.clock:
            self._stimulated = True
            self._send(self.stimulator.words(self.clock))
        word = self.stimulator.next_word()
        until = end if word is None else min(end, max(word, self.clock + 1))
        self.truth.flow(until - self.clock)
        self.clock = until
        return self._over()

    def _over(self) -> list[Done]:
        """Tell the stimulator of the phases of pulses that are over, as a chip would."""
        assert self.stimulator is not None
        phases = []
        for channel, mine in self.stimulator._flying.items():
            for request in mine:
                if request.start + request.pulse.duration_samples < self.clock:
                    phase = SimpleNamespace(channel=channel, coulombs=0.0, limited=self.truth.off)
                    phases += [phase] * len(request.pulse.levels)
        return list(self.stimulator.finished(phases)) if phases else []

    def skip(self, samples: int) -> None:
        """Let time pass: what has begun is completed first."""
        assert self.stimulator is not None
        while samples > 0 and self.stimulator.next_word() is not None:
            self.run(1)
        self.truth.flow(max(0, samples))
        self.clock += max(0, samples)
        self._tick()


def new_region() -> bytearray:
    """The memory of a board whose electrodes never stimulated."""
    return bytearray(History.empty(CHANNELS).to_bytes())
