"""RHD2132, RHD2216 and RHD2164: chips that record, at the level of 16-bit words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bioasm.hardware.chips import bandwidth, rhd_registers
from bioasm.hardware.chips.amplifiers import Codes
from bioasm.hardware.chips.check import ImpedanceCheck
from bioasm.hardware.chips.chip import Chip
from bioasm.hardware.chips.filters import Floats
from bioasm.hardware.chips.impedance import STRAY_RHD
from bioasm.hardware.chips.scaling import AUX_VOLTS_PER_CODE, CODES_PER_KELVIN, KELVIN, SUPPLY_VOLTS_PER_CODE
from bioasm.hardware.chips.words import rhd as words

CALIBRATION_WORDS = 9
VREF_SECONDS = 100e-6
COLD = 12000  # the temperature sensor's first reading


class Rhd(Chip):
    """A chip with one MISO line."""

    table = rhd_registers.RHD
    registers = 18
    marker = rhd_registers.MARKER
    words_per_sample = 35
    chip_id: int
    unipolar = True

    def read_only(self) -> dict[int, int]:
        """ROM registers 40 to 63."""
        return rhd_registers.rom(self.name, self.amplifiers, self.chip_id, self.unipolar)

    def start(self) -> None:
        """Not calibrated, nothing connected; the reference counts as on since power-up where RAM happens to say so."""
        self.calibrated = self.calibrating_well = False
        self.swallow = 0
        self.vref_since = 0
        self.warmed = False
        self.check = ImpedanceCheck(self.amplifiers, STRAY_RHD)
        self.configure()

    # --- commands -----------------------------------------------------------------------------------

    def execute(self, word: int) -> Any:
        """One command; while a calibration runs only CALIBRATE and CLEAR are understood."""
        kind, number, data = word >> 14, word >> 8 & 0x3F, word & 0xFF
        if kind == 1:
            return self.special(word)
        if self.swallow:
            return self.wait()
        if kind == 0:
            return self.convert(number, bool(data & 1))
        return self.write(number, data) if kind == 2 else self.read(number)

    def special(self, word: int) -> Any:
        """CALIBRATE, CLEAR, and words that mean nothing and are answered alike."""
        if word == words.CALIBRATE:
            self.swallow = CALIBRATION_WORDS
            self.calibrating_well = self.reference_ready
        elif word == words.CLEAR:
            self.swallow, self.calibrated = 0, False
        elif self.swallow:
            self.wait()
        return self.blank

    def wait(self) -> Any:
        """Swallow a command of the calibration's window."""
        self.swallow -= 1
        if not self.swallow:
            self.calibrated = self.calibrating_well
        return self.blank

    @property
    def blank(self) -> Any:
        """The result that has no bit but the highest, which twoscomp inverts."""
        return self.answer(*([0 if self.chain.twoscomp else 0x8000] * 2))

    @property
    def error(self) -> int:
        """Codes by which conversions are off: 0 once the ADC is calibrated and set up as it must be."""
        return 0 if self.calibrated and self.adc_sound else self.offset_error

    @property
    def reference_ready(self) -> bool:
        """Whether the voltage reference has been on for 100 us, with what the maker demands of the ADC."""
        return self.adc_sound and (self.clock - self.vref_since) * self.word_period >= VREF_SECONDS

    def answer(self, a: int, b: int = 0) -> Any:
        """A result as the chip's MISO lines give it."""
        return a

    def read(self, number: int) -> Any:
        """READ a register."""
        return self.answer(self.register(number))

    def write(self, number: int, value: int) -> Any:
        """WRITE a register; the echo comes whether or not there is one."""
        if number < self.registers:
            before, self.ram[number] = self.ram[number], value
            if number == 0 and value & 0x10 and not before & 0x10:
                self.vref_since = self.clock
            if number != 6:
                self.configure()
        return self.answer(0xFF00 | value, 0xFF00 | value)

    # --- conversions --------------------------------------------------------------------------------

    def convert(self, channel: int, reset: bool) -> Any:
        """CONVERT an amplifier, the next amplifier, or a sensor; channels that do not exist give 0."""
        self.chain.error = self.error
        if channel == words.CYCLE:
            channel = self.cycle
        if channel >= self.converts:
            return self.answer(self.sensor(channel))
        self.cycle = (channel + 1) % self.converts
        return self.answer(*(self.amplifier(module, reset) for module in self.reached(channel)))

    def reached(self, channel: int) -> tuple[int, ...]:
        """The amplifiers that one CONVERT reaches."""
        return (channel,)

    def converted(self, row: list[int], k: int) -> Any:
        """Amplifiers' codes as the result of a CONVERT."""
        return self.answer(*(row[amplifier] for amplifier in self.reached(k)))

    def amplifier(self, channel: int, reset: bool) -> int:
        """One amplifier's code."""
        added = self.check.at(channel, self.ram[6], self.electrodes[channel], 1 / self.sample_rate)
        return self.chain.step(channel, float(self.inputs[channel]) + added, reset)

    def sensor(self, channel: int) -> int:
        """Auxiliary inputs, supply and temperature: always unsigned, with the ADC's error if it has one."""
        if channel in words.AUX and self.aux_enabled[channel - words.AUX[0]]:
            code = self.surroundings.aux_V[channel - words.AUX[0]] / AUX_VOLTS_PER_CODE
        elif channel == words.SUPPLY and self.supply_sensed:
            code = self.surroundings.supply_V / SUPPLY_VOLTS_PER_CODE
        elif channel == words.TEMPERATURE and self.warmed:
            code = self.temperature()
        else:
            return 0
        return min(max(math.floor(code + 0.5) + self.chain.error, 0), 0xFFFF)

    def temperature(self) -> float:
        """The sensor's code in its two positions, else 0: the difference is 98.9 codes a kelvin."""
        kelvin = self.surroundings.temperature_C + KELVIN
        return {(1, 1): COLD, (0, 1): COLD + CODES_PER_KELVIN * kelvin}.get(self.switches, 0.0)

    def sampling_period(self) -> list[int]:
        """CONVERTs of all amplifiers, then the marker."""
        fill = self.words_per_sample - self.converts
        return [words.convert(c) for c in range(self.converts)] + [words.read(self.marker)] * fill

    def convert_periods(self, microvolts: Floats) -> Codes:
        """Blocks; by words where a calibration or an impedance check is under way."""
        by_words = len(microvolts) if self.check.selected else 1 if self.swallow else 0
        slow = [self.period_by_words(row) for row in microvolts[:by_words]]
        if by_words >= len(microvolts):
            return np.array(slow, dtype=np.uint16)
        self.chain.error = self.error
        codes = self.chain.block(microvolts[by_words:])
        self.reclock(codes)
        self.cycle = 0
        return np.concatenate([np.array(slow, dtype=np.uint16).reshape(-1, self.amplifiers), codes])

    # --- registers ----------------------------------------------------------------------------------

    def configure(self) -> None:
        """Bring filters, sensors and formats in line with the registers."""
        v = self.values()
        self.adc_sound = (v["adc_reference_bandwidth"], v["adc_comparator_bias"], v["adc_comparator_select"]) == (3, 3, 2)
        self.adc_sound = self.adc_sound and bool(v["amp_vref_enable"])
        self.supply_sensed = bool(v["vdd_sense_enable"])
        self.aux_enabled = [bool(v[f"aux{k}_enable"]) for k in (1, 2, 3)]
        self.switches = (v["temp_s1"], v["temp_s2"])
        self.warmed = bool(v["temp_enable"]) and (self.warmed or self.switches == (1, 0))
        self.digout = None if v["digout_hiz"] else v["digout"]
        self.configure_chain(v)
        self.configure_check(v)

    def configure_chain(self, v: dict[str, int]) -> None:
        """Power, bandwidth, offset removal and format of the amplifiers."""
        chain = self.chain
        chain.powered[:] = [self.ram[14 + c // 8] >> c % 8 & 1 for c in range(self.amplifiers)]
        chain.settled[:] = bool(v["amp_fast_settle"])
        chain.twoscomp, chain.absolute = bool(v["twoscomp"]), bool(v["absmode"])
        chain.offset.tune(v["dsp_cutoff"] if v["dsp_enable"] else None)
        upper = bandwidth.upper_Hz((v["rh1_dac1"], v["rh1_dac2"]), (v["rh2_dac1"], v["rh2_dac2"]))
        chain.low_pass.tune(upper, self.sample_rate)
        lower = bandwidth.lower_Hz((v["rl_dac1"], v["rl_dac2"], v["rl_dac3"]))
        chain.high_pass.tune(np.full(self.amplifiers, lower), self.sample_rate)

    def configure_check(self, v: dict[str, int]) -> None:
        """Which electrodes the impedance check drives."""
        on = v["zcheck_enable"] and v["zcheck_dac_power"]
        chosen = v["zcheck_select"] % max(self.amplifiers, 32)  # bit 5 counts on the RHD2164 alone
        selected = range(self.amplifiers) if v["zcheck_connect_all"] else range(chosen, chosen + 1)
        negative = bool(v["zcheck_select_polarity"]) and not self.unipolar
        self.check.connect(selected if on else range(0), v["zcheck_scale"], negative)


class Rhd2132(Rhd):
    """32 amplifiers with a common reference."""

    name, amplifiers, chip_id = "RHD2132", 32, 1


class Rhd2216(Rhd):
    """16 amplifiers with two inputs each."""

    name, amplifiers, chip_id, unipolar = "RHD2216", 16, 2, False


class Rhd2164(Rhd):
    """64 amplifiers: two modules of 32 that answer the same words on two MISO lines, as a pair (A, B)."""

    name, amplifiers, chip_id, registers = "RHD2164", 64, 4, 22

    def undefined(self, random: np.random.Generator) -> Any:
        """Two results."""
        return super().undefined(random), super().undefined(random)

    @property
    def converts(self) -> int:
        """Each CONVERT reaches two amplifiers."""
        return 32

    def reached(self, channel: int) -> tuple[int, ...]:
        """Amplifier X of module A and X + 32 of module B."""
        return channel, channel + 32

    def codes_of(self, results: list[Any]) -> list[int]:
        """Module A, then module B."""
        return [a for a, _ in results] + [b for _, b in results]

    def answer(self, a: int, b: int = 0) -> Any:
        """Both lines."""
        return a, b

    def read(self, number: int) -> Any:
        """Both modules answer; B says so in register 59, and alone holds registers 18 to 21."""
        value = self.register(number)
        if number == 59:
            return value, rhd_registers.MISO_B
        return (0 if 18 <= number < self.registers else value), value
