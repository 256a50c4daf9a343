"""The amplifiers of a chip with its ADC: filters, saturation, offset removal and the arithmetic of codes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.chips.filters import Floats, HighPass, LowPass, Offset
from bioasm.hardware.chips.scaling import MICROVOLTS_PER_CODE, MIDDLE, SATURATION_UV

Codes = NDArray[np.uint16]


class Amplifiers:
    """All amplifiers of a chip; one conversion with `step`, many with `block`, to the same bits.

    `powered` and `settled` are one flag a channel: an amplifier without power sees 0 V, a settled one gives 0 V and forgets
    its past. `error` is what an ADC that was not started properly adds to every code.
    """

    def __init__(self, channels: int) -> None:
        self.high_pass, self.low_pass, self.offset = HighPass(channels), LowPass(channels), Offset(channels)
        self.powered = np.ones(channels, dtype=bool)
        self.settled = np.zeros(channels, dtype=bool)
        self.twoscomp = self.absolute = False
        self.error = 0

    def step(self, channel: int, microvolts: float, reset: bool) -> int:
        """The ADC result of one conversion; `reset` is the H flag."""
        x = microvolts if self.powered[channel] else 0.0
        y = self.low_pass.step(channel, self.high_pass.step(channel, x))
        if self.settled[channel]:
            self.settle(slice(channel, channel + 1), np.array([x]))
            y = 0.0
        held = min(max(y, -SATURATION_UV), SATURATION_UV)
        code = float(math.floor(held / MICROVOLTS_PER_CODE + 0.5) + self.error)
        return self.encoded(self.offset.step(channel, code, reset))

    def encoded(self, filtered: float) -> int:
        """`encode` for one code."""
        code = min(max(math.floor(filtered + 0.5), -MIDDLE), MIDDLE - 1)
        code = min(abs(code), MIDDLE - 1) if self.absolute else code
        return (code if self.twoscomp else code + MIDDLE) & 0xFFFF

    def block(self, microvolts: Floats) -> Codes:
        """The ADC results [m, channels] of samples [m, channels] in order."""
        x = np.where(self.powered, microvolts, 0.0)
        y = self.low_pass.block(self.high_pass.block(x))
        if self.settled.any():
            self.settle(self.settled, x[-1, self.settled])
            y = np.where(self.settled, 0.0, y)
        return self.encode(self.offset.block(self.quantise(y)))

    def settle(self, channels: slice | NDArray[np.bool_], x: Floats) -> None:
        """Hold channels at their baseline while their inputs are `x`."""
        self.high_pass.base[channels] = x
        self.low_pass.state[:, channels] = 0.0

    def quantise(self, microvolts: Floats) -> Floats:
        """Codes around zero: the amplifiers saturate at +-5 mV."""
        held = np.minimum(np.maximum(microvolts, -SATURATION_UV), SATURATION_UV)
        return np.asarray(np.floor(held / MICROVOLTS_PER_CODE + 0.5)) + self.error

    def encode(self, filtered: Floats) -> Codes:
        """Codes around zero as they are sent: rounded, held within 16 bits, rectified and in the chosen format."""
        codes = np.clip(np.floor(filtered + 0.5), -MIDDLE, MIDDLE - 1).astype(np.int64)
        if self.absolute:
            codes = np.minimum(np.abs(codes), MIDDLE - 1)
        return ((codes if self.twoscomp else codes + MIDDLE) & 0xFFFF).astype(np.uint16)
