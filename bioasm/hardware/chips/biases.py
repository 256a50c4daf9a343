"""Bias settings of multiplexer and ADC buffer, which follow from the sampling rate."""

from __future__ import annotations

from typing import NamedTuple


class Bias(NamedTuple):
    """Values of the two bias fields."""

    mux: int
    adc: int


# (the rate lies below, multiplexer, ADC buffer); rates in hertz of one channel, 35 commands a sample
RHD_ROWS = (
    (3334, 40, 32),
    (4001, 40, 16),
    (5001, 40, 8),
    (6251, 32, 8),
    (8001, 26, 8),
    (10001, 18, 4),
    (12501, 16, 3),
    (15001, 7, 3),
)
RHD_FAST = Bias(4, 2)
RHD_WORDS = 35
# The same rows by the ADC's total rate in samples a second, up to which they hold, for other numbers of words a sample.
RHD_TOTALS = (120e3, 140e3, 175e3, 220e3, 280e3, 350e3, 440e3, 525e3)
RHS_ROWS = (
    (6001, 40, 32),
    (7001, 40, 16),
    (8751, 40, 8),
    (11001, 32, 8),
    (14001, 26, 8),
    (17501, 18, 4),
    (22001, 16, 3),
)
RHS_FAST = Bias(5, 3)

RHD_RATES = (1000, 1250, 1500, 2000, 2500, 3000, 10000 / 3, 4000, 5000, 6250, 8000, 10000, 12500, 15000, 20000, 25000, 30000)
RHS_RATES = (20000, 25000, 30000)


def rhd(sample_rate: float, words_per_sample: int = RHD_WORDS) -> Bias:
    """Bias values for a rate in hertz of one channel; other numbers of words a sample count by the total rate."""
    if words_per_sample == RHD_WORDS:
        return look_up(sample_rate, RHD_ROWS, RHD_FAST)
    total = sample_rate * words_per_sample
    rows = zip(RHD_TOTALS, RHD_ROWS, strict=True)
    return next((Bias(mux, adc) for most, (_, mux, adc) in rows if total <= most), RHD_FAST)


def rhs(sample_rate: float) -> Bias:
    """Bias values for a rate in hertz of one channel."""
    return look_up(sample_rate, RHS_ROWS, RHS_FAST)


def look_up(rate: float, rows: tuple[tuple[int, int, int], ...], above: Bias) -> Bias:
    """The first row whose bound lies above `rate`."""
    return next((Bias(mux, adc) for bound, mux, adc in rows if rate < bound), above)
