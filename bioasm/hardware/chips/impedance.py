"""Impedance measurement from the host's side: the DAC's waveform, and the electrode's impedance from recorded microvolts."""

from __future__ import annotations

import cmath
import math

import numpy as np
from numpy.typing import NDArray

DAC_VOLTS_PER_CODE = 1.225 / 256
SCALES = {0: 0.1e-12, 1: 1e-12, 3: 10e-12}  # farads by the two bits of the scale field
SMOOTHING = (0.125, 0.375, 0.375, 0.125)
STRAY_RHD, STRAY_RHS = 15e-12, 12e-12
LOSS_RHS = 1.1
DELAY_SAMPLES = 3
LONGEST_PERIOD = 1024  # commands


def waveform(frequency: float, sample_rate: float, amplitude: float = 128.0) -> list[int]:
    """One period of values for the DAC register, one a sample: floor(A sin(2 pi f t) + 128.5), held within a byte.

    The frequency is at most a quarter of the sampling rate, and a period at most 1024 samples (ValueError).
    """
    if not sample_rate / LONGEST_PERIOD <= frequency <= sample_rate / 4:
        raise ValueError(f"{frequency} Hz is outside of {sample_rate / LONGEST_PERIOD:g} to {sample_rate / 4:g} Hz")
    length = round(sample_rate / frequency)
    values = (math.floor(amplitude * math.sin(2 * math.pi * k / length) + 128.5) for k in range(length))
    return [min(max(value, 0), 255) for value in values]


def current(frequency: float, scale: int, amplitude: float = 128.0) -> float:
    """Peak current in amperes through the electrode: 2 pi f V C with V = A 1.225 / 256."""
    return 2 * math.pi * frequency * amplitude * DAC_VOLTS_PER_CODE * SCALES[scale]


def phasor(microvolts: NDArray[np.float64], frequency: float, sample_rate: float) -> complex:
    """Peak amplitude in volts and phase against a sine of one frequency; whole periods give the exact projection."""
    angle = 2j * math.pi * frequency / sample_rate * np.arange(len(microvolts))
    return complex(2e-6 * 1j * np.mean(microvolts * np.exp(-angle)))


def corrected(measured: complex, frequency: float, sample_rate: float, amperes: float) -> complex:
    """Impedance in ohms from the amplitude of the voltage.

    The magnitude is corrected by 1 + 18 (f/fs)^2 and the phase by three samples; the current leads the DAC by 90 degrees.
    """
    share = frequency / sample_rate
    turn = cmath.exp(1j * (2 * math.pi * DELAY_SAMPLES * share - math.pi / 2))
    return measured / amperes * (1 + 18 * share**2) * turn


def without_parallel(impedance: complex, frequency: float, farads: float) -> complex:
    """The impedance that remains when a capacitance in parallel to it is taken away."""
    return 1 / (1 / impedance - 2j * math.pi * frequency * farads)


def saturation_limit_uV(frequency: float, upper_Hz: float) -> float:
    """The largest reading in microvolts that is no saturated one: 5000, less above 0.2 of the upper bandwidth."""
    if frequency <= 0.2 * upper_Hz:
        return 5000.0
    return 5000.0 / math.sqrt(1 + (3.333 * frequency / upper_Hz) ** 4)


def best_scale(amplitudes: dict[int, float], frequency: float, upper_Hz: float) -> int:
    """The scale whose reading to use: the largest capacitor that does not saturate.

    `amplitudes` are the measured microvolts for scales 0, 1 and 3. The largest is also left out where the reading for 1 pF
    is over a fifth of its own, for then it is compressed.
    """
    limit = saturation_limit_uV(frequency, upper_Hz)
    usable = [scale for scale, value in amplitudes.items() if value < limit]
    if 3 in usable and amplitudes[1] / amplitudes[3] > 0.2:
        usable.remove(3)
    return max(usable, default=0)
