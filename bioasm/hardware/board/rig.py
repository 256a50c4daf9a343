"""The rig: a chip, the culture at its electrodes, and the firmware's loop that samples, detects spikes and stimulates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.board.culture import Culture, CultureParameters
from bioasm.hardware.board.detector import NOTHING_FOUND, Detector, Found
from bioasm.hardware.board.frontend import STIM_STEP, FrontEnd
from bioasm.hardware.board.stimulator import Done, Stimulator
from bioasm.hardware.chips import open_chip, scaling
from bioasm.hardware.chips.electrodes import Electrode
from bioasm.hardware.chips.rhs import Rhs2116
from bioasm.hardware.chips.steps import STEPS
from bioasm.hardware.chips.words import rhs
from bioasm.safety import DEFAULT_LIMITS, History, LimitsTable
from bioasm.safety import Electrode as StimElectrode

Array = NDArray[Any]

COMPLIANCE, FAULT_CURRENT = 40, 50
_MONITORS = [rhs.read(COMPLIANCE), rhs.read(FAULT_CURRENT), rhs.RESET_COMPLIANCE]


OWN_ELECTRODE = StimElectrode.disk(100e-6)


@dataclass(frozen=True, slots=True)
class Block:
    """One stretch of sampling: first device clock, codes (samples, channels), spikes, and the outcomes of pulses."""

    first: int
    codes: Array
    found: Found
    done: tuple[Done, ...] = ()


@dataclass
class Rig:
    """The hardware of an emulated board and the loop that drives it. Time is `clock`, in samples since the start.

    `compliance` has a bit for each channel whose stimulator reached its supply, as the chip last reported it, `leaking`
    one for each that the fault current detector named. `own_electrode` is
    what stands at each channel: the board's own knowledge, which no host can widen. `region` is the memory that outlasts
    restarts (None: electrodes that never stimulated).
    """

    chip_name: str
    sample_rate: float
    seed: int
    culture_parameters: CultureParameters = field(default_factory=CultureParameters)
    watch: Callable[[Block], None] | None = None
    own_electrode: StimElectrode = OWN_ELECTRODE
    region: bytearray | None = None

    def __post_init__(self) -> None:
        self.chip = open_chip(self.chip_name, sample_rate=self.sample_rate, seed=self.seed)
        self.front = FrontEnd(self.chip)
        self.channels = self.chip.amplifiers
        self.per_ms = round(self.sample_rate / 1000)
        if self.region is None:
            self.region = bytearray(History.empty(self.channels).to_bytes())
        self.own_table = LimitsTable(DEFAULT_LIMITS, dict.fromkeys(range(self.channels), self.own_electrode))
        stimulates, step = isinstance(self.chip, Rhs2116), STEPS[STIM_STEP].amperes
        self.stimulator = Stimulator(self.own_table, self.sample_rate, step, self.region, self.channels) if stimulates else None
        self.clock = self.stimulator.guard.history.clock if self.stimulator else 0
        self.compliance = self.leaking = 0
        self.blind = (3 * self.per_ms, self.per_ms)  # samples: the stimulated channel, all others
        self._stimulated = False  # since the monitors were read
        self._changes: dict[int, Electrode] = {}
        self._new_culture(self.seed)

    def _new_culture(self, seed: int) -> None:
        self.culture = Culture(self.channels, self.per_ms, seed, self.culture_parameters)
        self.detector = Detector(self.channels, self.per_ms)

    # --- starting ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Power the chip up, its electrodes grounded unless armed. Raises ChipFault where it is not as it should be."""
        self.front.start()
        if self.stimulator is not None:
            table = self.stimulator.table
            self.front.bus.transfer_all(self.stimulator.arm(table) if table else self.stimulator.disarm())

    def restart(self, seed: int) -> None:
        """Power the chip up again in front of a culture that grew from another seed, so that what follows can be repeated."""
        self.settle()
        self._new_culture(seed)
        self.start()

    def arm(self, table: LimitsTable) -> None:
        """Let the stimulator give pulses within a table of limits."""
        if self.stimulator is not None:
            self.front.bus.transfer_all(self.stimulator.arm(table))

    def disarm(self) -> None:
        """Stop stimulation: pulses in flight are completed, then currents are off and electrodes are grounded."""
        if self.stimulator is not None and self.stimulator.armed:
            try:
                self.settle()
            finally:
                self.front.bus.transfer_all(self.stimulator.disarm())

    def settle(self) -> None:
        """Forget pulses that have not begun, and let those end that have: half a pulse would leave its charge."""
        if self.stimulator is None:
            return
        dropped = self.stimulator.cancel(self.clock)
        self.front.checking = False  # stop the chip regardless of its answers
        try:
            while self.stimulator.next_word() is not None or self._stimulated:  # monitors are still read
                self.run(1)
        finally:
            self.front.checking = True
        if dropped and self.watch is not None:
            self.watch(Block(self.clock, np.zeros((0, self.channels), np.int64), NOTHING_FOUND, tuple(dropped)))

    def come_off(self, channel: int, electrode: Electrode) -> None:
        """Fault injection: replace the electrode at a channel, once no current flows through it."""
        self._changes[channel] = electrode
        self._change_electrodes()

    def _change_electrodes(self) -> None:
        assert isinstance(self.chip, Rhs2116)
        for channel in [c for c in self._changes if not self.chip.stim_current[c]]:
            self.chip.set_electrode(channel, self._changes.pop(channel))

    def leak(self, amperes: float) -> None:
        """Fault injection: a leakage current for the chip's fault current detector."""
        if isinstance(self.chip, Rhs2116):
            self.chip.set_fault_current(amperes)

    # --- time -------------------------------------------------------------------------------------------

    def skip(self, samples: int) -> None:
        """Advance the clock without simulating: no subscriber, no run. Pulses that have begun are completed first."""
        while samples > 0 and self.stimulator is not None and self.stimulator.next_word() is not None:
            self.run(1)  # what has begun is completed first
        self.clock += max(0, samples)
        self._tick()

    def _tick(self) -> None:
        """Update the guard's clock, which survives restarts."""
        if self.stimulator is not None:
            self.stimulator.guard.tick(self.clock)

    def run(self, ms: int) -> Block:
        """Advance by `ms` milliseconds. Raises ChipFault where the chip's answers are out of step."""
        first = self.clock
        done = list(self._admit(first + ms * self.per_ms))
        parts = []
        while self.clock < first + ms * self.per_ms:
            left = (first - self.clock) // self.per_ms + ms
            quiet = self._quiet_ms(left)
            parts.append(self._quiet(quiet) if quiet else self._busy())
        done += self._delivered()
        self._tick()
        codes = np.concatenate(parts)
        block = Block(first, codes, self.detector.find(scaling.microvolts(codes), first), tuple(done))
        if self.watch is not None:
            self.watch(block)
        return block

    def _admit(self, until: int) -> list[Done]:
        """Judge the pulses that are due before a sample, and a millisecond beyond, for their amplitudes must be loaded."""
        return list(self.stimulator.admit(self.clock, until + self.per_ms)) if self.stimulator else []

    def _quiet_ms(self, left: int) -> int:
        """Milliseconds until the next in which a word must be written."""
        word = self.stimulator.next_word() if self.stimulator else None
        return left if word is None else min(left, max(0, (word - self.clock) // self.per_ms))

    def _quiet(self, ms: int) -> Array:
        """Sample without writing anything; the first period checks the marker, or the monitors after stimulation."""
        trace = self.culture.advance(ms * self.per_ms)
        first, answers = self.front.period(trace[0], _MONITORS if self._stimulated else [])
        if self._stimulated:
            self._monitor(answers)
        rest = self.front.block(trace[1:])
        self.clock += len(trace)
        return np.concatenate([first[None], rest])

    def _busy(self) -> Array:
        """One millisecond in which the stimulator writes: periods with words one by one, those between as blocks."""
        assert self.stimulator is not None and isinstance(self.chip, Rhs2116)
        self._stimulated = True
        trace = self.culture.advance(self.per_ms)
        currents = np.zeros_like(trace, np.float64)
        codes = []
        at = 0
        while at < self.per_ms:
            word = self.stimulator.next_word()
            end = min(self.per_ms, at + 1 if word == self.clock else self._until(word, at))
            before = self.chip.delivered.copy()
            codes.append(self._periods(trace[at:end], word == self.clock))
            moved = self.chip.delivered - before
            currents[at:end] = moved * 1e6 * self.sample_rate / (end - at)
            self.clock += end - at
            at = end
        self.culture.stimulated(currents)
        return np.concatenate(codes)

    def _until(self, word: int | None, at: int) -> int:
        return self.per_ms if word is None else at + word - self.clock

    def _periods(self, trace: Array, writing: bool) -> Array:
        """Some periods of a trace, the first with the stimulator's words where it is writing."""
        assert self.stimulator is not None and isinstance(self.chip, Rhs2116)
        seen = trace + self.culture.seen_by_neighbours(self.chip.stim_current * 1e6)
        if not writing:
            return self.front.block(seen)
        words = self.stimulator.words(self.clock)
        self._blind()
        return self.front.period(seen[0], words)[0][None]

    def _blind(self) -> None:
        """Blank all channels after a change of current, stimulated ones for longer."""
        assert self.stimulator is not None
        own, others = self.blind
        on = np.array([c for c in range(self.channels) if self.stimulator.is_on(c)], np.int64)
        if on.size:
            self.detector.blind(np.arange(self.channels), self.clock, self.clock + others)
            self.detector.blind(on, self.clock, self.clock + own)

    # --- what the chip says -----------------------------------------------------------------------------

    def _delivered(self) -> list[Done]:
        """Outcomes of completed pulses."""
        if self.stimulator is None or not isinstance(self.chip, Rhs2116):
            return []
        phases = self.chip.drain_events()
        if self._changes:
            self._change_electrodes()
        return list(self.stimulator.finished(phases)) if phases else []

    def _monitor(self, answers: list[int]) -> None:
        """Evaluate the two monitors, which are read within the sampling sequence, so that periods keep their length."""
        self._stimulated = False
        self.compliance |= answers[0] & 0xFFFF
        self.leaking |= answers[1] & 0xFFFF
