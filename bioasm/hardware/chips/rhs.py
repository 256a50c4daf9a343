"""The RHS2116: a chip that records and stimulates, at the level of 32-bit words."""

from __future__ import annotations

import math
from collections.abc import Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.chips import bandwidth, rhs_registers, steps
from bioasm.hardware.chips.amplifiers import Codes
from bioasm.hardware.chips.charge import Phase
from bioasm.hardware.chips.check import ImpedanceCheck
from bioasm.hardware.chips.chip import Chip
from bioasm.hardware.chips.electrodes import Electrode
from bioasm.hardware.chips.filters import Floats
from bioasm.hardware.chips.impedance import LOSS_RHS, STRAY_RHS
from bioasm.hardware.chips.rhs_registers import NEGATIVE, POSITIVE, TRIGGERED
from bioasm.hardware.chips.scaling import DC_MIDDLE, DC_VOLTS_PER_CODE
from bioasm.hardware.chips.stimulators import CHANNELS, Stimulator
from bioasm.hardware.chips.words import rhs as words

FAULT_AMPERES = 20e-6
OUTPUTS = frozenset({*rhs_registers.ARMING, 34, 36, 37, *TRIGGERED} - {10, 12})  # registers that currents depend on
SILENT = (*rhs_registers.ARMING, 42, 46, 48)  # registers that are not left undefined at power-up
UNREAD = frozenset({3, 35, 38})  # registers that are looked up when they are needed


class Rhs2116(Chip):
    """16 amplifiers, each with a DC amplifier and a stimulator.

    Time passes before a command acts: between two commands that trigger, k words apart, currents flow for k word periods.
    """

    name, amplifiers = "RHS2116", CHANNELS
    table = rhs_registers.RHS
    registers = 112
    marker = rhs_registers.MARKER
    words_per_sample = 20
    can_stimulate = True

    def read_only(self) -> dict[int, int]:
        """ROM registers 251 to 255."""
        return rhs_registers.rom()

    def start(self) -> None:
        """Not cleared, nothing triggered, all outputs and switches off; electrodes are discharged."""
        for number in SILENT:
            self.ram[number] = 0
        self.calibrated = False
        self.waiting: dict[int, int] = {}
        self.fault_amperes = 0.0
        self.finished: list[Phase] = []
        self.check = ImpedanceCheck(self.amplifiers, STRAY_RHS, 1 / LOSS_RHS)
        self.bank = [Stimulator(c, electrode) for c, electrode in enumerate(self.electrodes)]
        self.booked = np.zeros(CHANNELS)
        self.drive()
        self.configure()

    def set_electrode(self, channel: int, electrode: Electrode) -> None:
        """Put another electrode, discharged, at a channel that gives no current."""
        if self.bank[channel].amperes:
            raise ValueError(f"channel {channel} stimulates; its electrode can't be changed")
        super().set_electrode(channel, electrode)
        self.bank[channel] = Stimulator(channel, electrode)
        self.drive()

    # --- commands -----------------------------------------------------------------------------------

    def elapse(self) -> None:
        """Let one word's time pass for the electrodes too."""
        self.clock += 1
        if self.clock >= self.next_turn:
            self.turn()

    def turn(self) -> None:
        """Let electrodes go over to their next equation where that is due, and note when the next is."""
        for stimulator in self.bank:
            stimulator.advance(self.clock, self.word_period)
        self.next_turn = min(stimulator.until for stimulator in self.bank)

    def execute(self, word: int) -> Any:
        """One command; its flags act after it, so that a write with U takes effect at once."""
        if word >> 30 == 1:
            return self.special(word)
        result = self.command(word)
        self.obey_flags(word)
        return result

    def command(self, word: int) -> int:
        """CONVERT, WRITE or READ."""
        kind, number = word >> 30, word >> 16 & 0xFF
        if kind == 0:
            return self.convert(number & 0x3F, word)
        return self.write(number, word & 0xFFFF) if kind == 2 else self.read(number)

    def obey_flags(self, word: int) -> None:
        """U lets waiting writes take effect, M clears the compliance monitor."""
        if word & words.UPDATE and self.waiting:
            changed, self.waiting = self.waiting, {}
            for number, value in changed.items():
                self.ram[number] = value
            self.follow(changed.keys())
        if word & words.MONITOR:
            for stimulator in self.bank:
                stimulator.tripped = stimulator.limited

    def special(self, word: int) -> int:
        """CLEAR starts the ADC; CALIBRATE is obsolete and does nothing."""
        self.calibrated = self.calibrated or word == words.CLEAR
        return 0 if self.chain.twoscomp else 0x80000000

    def read(self, number: int) -> int:
        """READ a register; one that waits for its trigger still reads what is in effect."""
        return self.register(number)

    def write(self, number: int, value: int) -> int:
        """WRITE a register; the echo comes whether or not there is one."""
        if number in TRIGGERED:
            self.waiting[number] = value
        elif number in self.table.registers and number not in rhs_registers.READ_ONLY:
            self.ram[number] = value
            self.follow({number})
        return 0xFFFF0000 | value

    def register(self, number: int) -> int:
        """A register's content now; the two monitors read what they see."""
        if number == rhs_registers.COMPLIANCE:
            return self.compliance
        if number == rhs_registers.FAULT:
            return self.fault
        return super().register(number) if number in self.table.registers or number in self.rom else 0

    # --- recording ----------------------------------------------------------------------------------

    def convert(self, channel: int, word: int) -> int:
        """CONVERT an amplifier or the next one, with flag D its DC amplifier too; other channels give 0."""
        self.chain.error = self.error
        if channel == words.CYCLE:
            channel = self.cycle
        if channel >= self.amplifiers:
            return 0
        self.cycle = (channel + 1) % self.amplifiers
        volts = self.bank[channel].volts_now(self.clock, self.word_period)
        added = self.check.at(channel, self.ram[3] & 0xFF, self.electrodes[channel], 1 / self.sample_rate)
        code = self.chain.step(channel, float(self.inputs[channel]) + volts * 1e6 + added, bool(word & words.RESET))
        return code << 16 | (self.dc_code(channel, volts) if word & words.DC else 0)

    def dc_code(self, channel: int, volts: float) -> int:
        """The DC amplifier's ten bits, 0 without power."""
        if not self.ram[38] >> channel & 1:
            return 0
        return min(max(math.floor(volts / DC_VOLTS_PER_CODE + 0.5) + DC_MIDDLE, 0), 1023)

    @property
    def error(self) -> int:
        """Codes by which conversions are off: 0 once the chip was cleared."""
        return 0 if self.calibrated else self.offset_error

    def converted(self, row: list[int], k: int) -> int:
        """An amplifier's code as the result of a CONVERT."""
        return row[k] << 16

    def codes_of(self, results: list[Any]) -> list[int]:
        """The upper half of the words."""
        return [result >> 16 for result in results]

    def sampling_period(self) -> list[int]:
        """CONVERTs of all amplifiers, then the marker."""
        fill = self.words_per_sample - self.amplifiers
        return [words.convert(c) for c in range(self.amplifiers)] + [words.read(self.marker)] * fill

    def convert_periods(self, microvolts: Floats) -> Codes:
        """Blocks; by words where an impedance check is under way."""
        if self.check.selected:
            return np.array([self.period_by_words(row) for row in microvolts], dtype=np.uint16)
        self.chain.error = self.error
        codes = self.chain.block(microvolts + self.artefacts(len(microvolts)))
        self.reclock(codes)
        self.turn()
        self.cycle = 0
        return codes

    def artefacts(self, periods: int) -> Floats:
        """Microvolts [periods, channels] at the electrodes when each is converted in the periods to come."""
        volts = np.zeros((periods, CHANNELS))
        firsts = self.clock + 1 + self.words_per_sample * np.arange(periods)
        for c, stimulator in enumerate(self.bank):
            if not stimulator.quiet:
                volts[:, c] = stimulator.volts(firsts + c, self.word_period)
        return volts * 1e6

    # --- stimulation --------------------------------------------------------------------------------

    @property
    def armed(self) -> bool:
        """Whether both enabling registers hold their magic words."""
        return all(self.ram[number] == magic for number, magic in rhs_registers.ARMING.items())

    @property
    def compliance(self) -> int:
        """One bit a channel whose output reached the supply since the last M flag, as register 40."""
        return sum(s.tripped << s.channel for s in self.bank)

    @property
    def fault(self) -> int:
        """Register 50: 1 while the fault current is above 20 uA."""
        return int(abs(self.fault_amperes) > FAULT_AMPERES)

    @property
    def stim_current(self) -> NDArray[np.float64]:
        """Amperes that each source gives now, positive ones with positive polarity."""
        return np.array([s.current(self.clock, self.word_period) for s in self.bank])

    @property
    def electrode_V(self) -> NDArray[np.float64]:
        """Volts at each electrode now, against stim ground."""
        return np.array([s.volts_now(self.clock, self.word_period) for s in self.bank])

    @property
    def delivered(self) -> NDArray[np.float64]:
        """Coulombs, signed and summed, that each source has given since power-up."""
        total = self.booked.copy()
        for phase in self.open_phases():
            total[phase.channel] += phase.coulombs
        return total

    def set_fault_current(self, amperes: float) -> None:
        """Let a current flow that the fault detector sees."""
        self.fault_amperes = amperes

    def open_phases(self) -> list[Phase]:
        """The phases that still flow, as if they ended now."""
        return [s.phase(self.clock, self.word_period) for s in self.bank if s.amperes]

    def drain_events(self) -> list[Phase]:
        """The phases that ended since the last call, in order of their end."""
        finished, self.finished = self.finished, []
        return finished

    def drive(self) -> None:
        """Bring the outputs in line with the registers, and book the phases that this ends."""
        step = steps.step_amperes(self.ram[34]) if self.armed else 0.0
        recovery = (steps.target_V(self.ram[36]), steps.recovery_amperes(self.ram[37]))
        for c, stimulator in enumerate(self.bank):
            limited = recovery if self.ram[48] >> c & 1 else None
            shorted = bool(self.ram[46] >> c & 1)
            ended = stimulator.set(self.clock, self.word_period, self.asked(c, step), shorted, limited)
            if ended:
                self.finished.append(ended)
                self.booked[c] += ended.coulombs
        self.turn()

    def asked(self, channel: int, step: float) -> float:
        """Amperes that the registers ask of a channel: on, its polarity, and that polarity's amplitude."""
        if not self.ram[42] >> channel & 1:
            return 0.0
        if self.ram[44] >> channel & 1:
            return steps.amplitude(self.ram[POSITIVE[channel]], step)
        return -steps.amplitude(self.ram[NEGATIVE[channel]], step)

    # --- registers ----------------------------------------------------------------------------------

    def follow(self, changed: Set[int]) -> None:
        """Bring currents and the analog side in line with registers that changed."""
        if changed & OUTPUTS:
            self.drive()
        if changed - OUTPUTS - UNREAD:
            self.configure()

    def configure(self) -> None:
        """Bring filters, formats and the impedance check in line with the registers."""
        v = self.values()
        chain = self.chain
        chain.powered[:] = mask(v["amp_power"])
        chain.settled[:] = mask(v["amp_fast_settle"])
        chain.twoscomp, chain.absolute = bool(v["twoscomp"]), bool(v["absmode"])
        chain.offset.tune(v["dsp_cutoff"] if v["dsp_enable"] else None)
        upper = bandwidth.upper_Hz((v["rh1_dac1"], v["rh1_dac2"]), (v["rh2_dac1"], v["rh2_dac2"]))
        chain.low_pass.tune(upper, self.sample_rate)
        a, b = (bandwidth.lower_Hz((v[f"rl_{x}_dac1"], v[f"rl_{x}_dac2"], v[f"rl_{x}_dac3"])) for x in "ab")
        chain.high_pass.tune(np.where(mask(v["amp_lower_select"]), a, b), self.sample_rate)
        on = v["zcheck_enable"] and v["zcheck_dac_power"]
        chosen = v["zcheck_select"]
        self.check.connect(range(chosen, chosen + 1) if on else range(0), v["zcheck_scale"], False)


def mask(bits: int) -> NDArray[np.bool_]:
    """One flag a channel from the bits of a register."""
    return np.array([bool(bits >> c & 1) for c in range(CHANNELS)])
