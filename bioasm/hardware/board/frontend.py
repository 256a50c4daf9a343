"""Chip driver of the firmware: power-up, identification, and periodic sampling of all channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.board.bus import Bus
from bioasm.hardware.chips import sequences, settings
from bioasm.hardware.chips.chip import Chip
from bioasm.hardware.chips.words import rhd, rhs

Array = NDArray[Any]

STIM_STEP = "50nA"
_MARKER = {16: (rhd.read(40), 0x0049), 32: (rhs.read(251), 0x494E)}  # a READ of ROM, and what it must return
_OFFSET_UV = 5.0  # a larger mean of all channels indicates an uncalibrated converter


class ChipFault(Exception):
    """A wrong chip, one that does not answer, or one whose answers are out of step."""


class FrontEnd:
    """One chip and its sampling sequence: all amplifiers once a period, then 3 (RHD) or 4 (RHS) other words."""

    def __init__(self, chip: Chip) -> None:
        self.chip, self.bus = chip, Bus(chip)
        self.stimulates = chip.can_stimulate
        self.aux_slots = chip.words_per_sample - chip.converts
        self.skip_calibration = False
        self.checking = True  # whether a wrong marker raises ChipFault
        self._converts = [rhs.convert(c) if self.stimulates else rhd.convert(c) for c in range(chip.converts)]
        self._marker, self._marked = _MARKER[chip.word_bits]

    # --- starting ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Power up, write all registers, and see that the chip is the right one. Raises ChipFault."""
        self.chip.power_cycle()
        words = self._power_up()
        if self.skip_calibration:
            words = [word for word in words if word not in (rhd.CALIBRATE, rhs.CLEAR)]
        self.bus.transfer_all(words)
        self._check_identity()
        self._check_calibration()

    def _power_up(self) -> list[int]:
        rate = self.chip.sample_rate
        if self.stimulates:
            return sequences.rhs_power_up(settings.rhs_image(rate, step=STIM_STEP))
        return sequences.rhd_power_up(settings.rhd_image(rate, amplifiers=self.chip.amplifiers), self.chip.word_period)

    def _check_identity(self) -> None:
        """Compare the ROM with the expected identity. Raises ChipFault."""
        known = _IDENTITY[self.chip.name.lower()]
        registers = list(known)
        read = rhs.read if self.stimulates else rhd.read
        answers = self.bus.transfer_all([read(r) for r in registers] + [self._marker] * 2)[2:]
        found = {register: answer[0] & 0xFFFF for register, answer in zip(registers, answers, strict=True)}
        if len(set(found.values())) == 1:
            raise ChipFault(
                f"every register of the chip reads {next(iter(found.values())):#06x}: the bus is stuck or nothing is there"
            )
        for register, value in known.items():
            if found[register] != value:
                raise ChipFault(
                    f"register {register} reads {found[register]:#06x} and not {value:#06x}: this is no {self.chip.name}"
                )

    def _check_calibration(self) -> None:
        """Check for the common offset of all channels of an uncalibrated converter. Raises ChipFault."""
        codes = self.block(np.zeros((20, self.chip.amplifiers)))
        offset = abs(float(np.mean(codes[-1].astype(np.float64)) - 32768)) * 0.195
        if offset > _OFFSET_UV:
            raise ChipFault(f"all channels are off by {offset:.0f} uV: the converter is not calibrated")

    # --- sampling ---------------------------------------------------------------------------------------

    def block(self, microvolts: Array) -> Array:
        """Codes (samples, channels) of periods in which nothing is written, from voltages (samples, channels) in uV."""
        return self.bus.convert_block(microvolts)

    def period(self, microvolts: Array, aux: list[int]) -> tuple[Array, list[int]]:
        """One period word by word: the codes (channels,), and the results of those of `aux` that come within it.

        What is left of the slots for other words is filled with READs of the marker. Raises ChipFault where a marker is wrong.
        """
        self.chip.inputs[:] = microvolts
        fill = [self._marker] * (self.aux_slots - len(aux))
        results = self.bus.transfer_all(self._converts + aux + fill)[2:]
        count = len(self._converts)
        codes = [[answer[side] for answer in results[:count]] for side in range(len(results[0]))]
        others = [answer[0] for answer in results[count:]]
        if self.checking and not aux and others and others[0] & 0xFFFF != self._marked:
            raise ChipFault(f"the alignment marker reads {others[0] & 0xFFFF:#06x} and not {self._marked:#06x}")
        shift = 16 if self.stimulates else 0
        return np.asarray(codes, np.int64).reshape(-1) >> shift, others


_INTAN = {40: 0x49, 41: 0x4E, 42: 0x54, 43: 0x41, 44: 0x4E, 48: 0x52, 49: 0x48, 50: 0x44}
_IDENTITY: dict[str, dict[int, int]] = {
    "rhd2132": {**_INTAN, 59: 0x35, 62: 32, 63: 1},
    "rhd2216": {**_INTAN, 59: 0x35, 62: 16, 63: 2},
    "rhd2164": {**_INTAN, 59: 0x35, 62: 64, 63: 4},
    "rhs2116": {251: 0x494E, 252: 0x5441, 253: 0x4E00, 255: 32},
}
