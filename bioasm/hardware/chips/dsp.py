"""The DSP offset removal of the chips: which high-pass its number n makes."""

from __future__ import annotations

import math

NUMBERS = range(1, 16)  # 0 must not be used


def cutoff_Hz(n: int, sample_rate: float) -> float:
    """Cutoff in hertz: fs / (2 pi) * ln(2^n / (2^n - 1)), where `sample_rate` is that of one channel."""
    if n not in NUMBERS:
        raise ValueError(f"the number of a DSP high-pass is 1 to 15, not {n}")
    return sample_rate / (2 * math.pi) * math.log(2**n / (2**n - 1))


def nearest(frequency: float, sample_rate: float) -> int:
    """The n whose cutoff is nearest to `frequency` in hertz, measured on a logarithmic scale."""
    if not frequency > 0:
        raise ValueError(f"a cutoff is above 0 Hz, not {frequency}")
    return min(NUMBERS, key=lambda n: abs(math.log(cutoff_Hz(n, sample_rate) / frequency)))
