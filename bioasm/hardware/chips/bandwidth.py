"""On-chip resistors that set the amplifiers' bandwidth: from hertz to DAC values and back.

The formulae are those that Intan's own software uses; they reproduce the tables of the data sheet.
"""

from __future__ import annotations

import math
from typing import NamedTuple

UPPER_LIMIT, LOWER_LIMIT = 30e3, 1500.0
THIRD_DAC_BELOW = 0.15  # hertz: the 3 megaohm resistor of RL is used


class Ladder(NamedTuple):
    """A base resistance and the units of its DACs in ohms, with the largest values of the first two."""

    base: float
    unit1: float
    unit2: float
    most1: int
    most2: int

    def ohms(self, dac1: int, dac2: int) -> float:
        """The resistance that two DAC values make."""
        return self.base + self.unit1 * dac1 + self.unit2 * dac2

    def fill(self, target: float) -> tuple[int, int]:
        """DAC values nearest to `target` ohms: the coarse DAC first, then the fine one."""
        dac2 = steps_below(self.base, self.unit2, target - (self.unit2 - self.unit1 / 2), self.most2)
        dac1 = steps_below(self.ohms(0, dac2), self.unit1, target - self.unit1 / 2, self.most1)
        return dac1, dac2


def steps_below(start: float, unit: float, bound: float, most: int) -> int:
    """How many steps are made from `start` while the value is still below `bound`."""
    return min(max(math.ceil((bound - start) / unit), 0), most)


RH1 = Ladder(2200, 600, 29400, 63, 31)
RH2 = Ladder(8700, 763, 38400, 63, 31)
RL = Ladder(3500, 175, 12700, 127, 63)
RL_THIRD = 3e6


class Upper(NamedTuple):
    """The DAC values (1, 2) of both resistors of the upper bandwidth, and the frequency they make in hertz."""

    rh1: tuple[int, int]
    rh2: tuple[int, int]
    actual_Hz: float


class Lower(NamedTuple):
    """The DAC values (1, 2, 3) of the lower bandwidth, and the frequency they make in hertz."""

    rl: tuple[int, int, int]
    actual_Hz: float


def upper(frequency: float) -> Upper:
    """DAC values for an upper bandwidth in hertz (at most 30 kHz)."""
    at = math.log10(min(positive(frequency), UPPER_LIMIT))
    rh1 = RH1.fill(0.9730 * 10 ** (8.0968 - 1.1892 * at + 0.04767 * at**2))
    rh2 = RH2.fill(1.0191 * 10 ** (8.1009 - 1.0821 * at + 0.03383 * at**2))
    return Upper(rh1, rh2, upper_Hz(rh1, rh2))


def upper_Hz(rh1: tuple[int, int], rh2: tuple[int, int]) -> float:
    """The upper bandwidth in hertz that DAC values make: the geometric mean of what both resistors say."""
    first = root(RH1.ohms(*rh1) / 0.9730, 0.04767, -1.1892, 8.0968)
    second = root(RH2.ohms(*rh2) / 1.0191, 0.03383, -1.0821, 8.1009)
    return math.sqrt(first * second)


def lower(frequency: float) -> Lower:
    """DAC values for a lower bandwidth in hertz (at most 1500 Hz)."""
    at = math.log10(min(positive(frequency), LOWER_LIMIT))
    low = 4.9391 - 1.2088 * at + 0.5698 * at**2 + 0.1442 * at**3
    high = 4.7351 - 0.5916 * at + 0.08482 * at**2
    ohms = 1.0061 * 10 ** (low if frequency < 4 else high)
    dac3 = int(frequency < THIRD_DAC_BELOW)
    rl = (*RL.fill(ohms - dac3 * RL_THIRD), dac3)
    return Lower(rl, lower_Hz(rl))


def lower_Hz(rl: tuple[int, int, int]) -> float:
    """The lower bandwidth in hertz that DAC values make."""
    ohms = max(RL.ohms(*rl[:2]) + RL_THIRD * rl[2], 5100.0)
    if ohms < 30e3:
        return root(ohms / 1.0061, 0.08482, -0.5916, 4.7351)
    return root(ohms / 1.0061, 0.3303, -1.2100, 4.9873)


def root(ohms: float, a: float, b: float, c: float) -> float:
    """The frequency at which 10^(a L^2 + b L + c), L = log10(f), equals `ohms`, on the falling branch."""
    inside = b * b - 4 * a * (c - math.log10(ohms))
    return float(10 ** ((-b - math.sqrt(max(inside, 0.0))) / (2 * a)))


def positive(frequency: float) -> float:
    """`frequency` if it is above zero, else a ValueError."""
    if not frequency > 0:
        raise ValueError(f"a bandwidth is above 0 Hz, not {frequency}")
    return frequency
