"""The impedance check inside a chip: a DAC drives a small known current through the selected electrode.

The DAC's voltage v goes through a capacitor C into the electrode, which lies in parallel with stray capacitance. The
charge C v is smoothed over four samples, taken as linear between samples and seen halfway; then Intan's correction for the
measured magnitude, 1 + 18 (f/fs)^2, and its delay of three samples come out as on a real chip.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from bioasm.hardware.chips.electrodes import Electrode
from bioasm.hardware.chips.impedance import DAC_VOLTS_PER_CODE, SCALES, SMOOTHING


class ImpedanceCheck:
    """The current and what it does at each electrode; `stray_F` is the parallel capacitance, `gain` the circuit's loss."""

    def __init__(self, channels: int, stray_F: float, gain: float = 1.0) -> None:
        self.stray_F, self.gain = stray_F, gain
        self.selected: range = range(0)
        self.capacitance = 0.0
        self.sign = 1.0
        self.rest(channels)

    def rest(self, channels: int) -> None:
        """No charge anywhere."""
        self.levels: deque[float] = deque([0.0] * len(SMOOTHING), maxlen=len(SMOOTHING))
        self.before = self.now = 0.0
        self.layers = np.zeros(channels)

    def connect(self, selected: range, scale: int, negative: bool) -> None:
        """Choose the electrodes (none disconnects) and the series capacitor by the chip's two bits."""
        capacitance = SCALES.get(scale, 0.0)
        if (selected, capacitance) != (self.selected, self.capacitance):
            self.selected, self.capacitance = selected, capacitance
            self.rest(len(self.layers))
        self.sign = -1.0 if negative else 1.0

    def at(self, channel: int, code: int, electrode: Electrode, period: float) -> float:
        """Microvolts that the check adds to a channel at its conversion, once a sample period of `period` seconds."""
        if channel not in self.selected:
            return 0.0
        if channel == self.selected[0]:
            self.levels.append((code - 128) * DAC_VOLTS_PER_CODE * self.capacitance)
            self.before = self.now
            self.now = sum(weight * level for weight, level in zip(SMOOTHING, self.levels, strict=True))
        return self.sign * self.gain * 1e6 * self.volts(channel, electrode, period)

    def volts(self, channel: int, electrode: Electrode, period: float) -> float:
        """The voltage halfway while the charge goes from `before` to `now` in a straight line.

        With R, C of the electrode and the stray capacitance P, the charge q of the double layer follows
        R dq/dt = (Q - q) / P - q / C, and the voltage is (Q - q) / P.
        """
        share = electrode.capacitance_F / (electrode.capacitance_F + self.stray_F)
        constant = electrode.access_ohm * self.stray_F * share
        lag = (self.now - self.before) * share * constant / period
        start = self.layers[channel] - self.before * share + lag
        middle = (self.before + self.now) / 2
        layer = middle * share - lag + start * math.exp(-period / 2 / constant)
        self.layers[channel] = self.now * share - lag + start * math.exp(-period / constant)
        return float((middle - layer) / self.stray_F)
