"""Amplifiers pass what their registers say: -3 dB points, slopes, offset removal, saturation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bioasm.hardware.chips import bandwidth, dsp
from bioasm.hardware.chips.filters import Offset, butterworth
from bioasm.hardware.chips.scaling import microvolts
from bioasm.hardware.chips.words import rhd
from tests.chips.support import STEADY, ask, assign, recorder, stimulator

RATE = 20000.0


def gain(frequency: float, rate: float = RATE, **wanted: float) -> float:
    """How much of a sine of 3 mV a chip passes once it has settled."""
    chip = recorder("rhd2216", rate, **{**STEADY, **wanted})
    period = rate / frequency
    count = round(max(3 * period, 4000) / period) * period
    t = np.arange(round(count) + round(8 * period))
    wave = 3000 * np.sin(2 * math.pi * frequency / rate * t)
    out = microvolts(chip.convert_block(np.tile(wave, (16, 1)))[0])[-round(count) :]
    turning = np.exp(-2j * math.pi * frequency / rate * np.arange(len(out)))
    return float(abs(np.mean(out * turning)) * 2 / 3000)


@pytest.mark.parametrize("cutoff", [100.0, 300.0, 1000.0, 2500.0, 5000.0, 7500.0])
def test_half_of_the_power_passes_at_the_upper_bandwidth(cutoff: float) -> None:
    actual = bandwidth.upper(cutoff).actual_Hz
    assert 20 * math.log10(gain(actual, upper_Hz=cutoff, lower_Hz=0.1)) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("cutoff", [20.0, 75.0, 300.0, 500.0])
def test_half_of_the_power_passes_at_the_lower_bandwidth(cutoff: float) -> None:
    actual = bandwidth.lower(cutoff).actual_Hz
    assert 20 * math.log10(gain(actual, upper_Hz=7500, lower_Hz=cutoff)) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("cutoff", [100.0, 300.0])
def test_low_pass_falls_by_60_dB_a_decade(cutoff: float) -> None:
    actual = bandwidth.upper(cutoff).actual_Hz
    assert 20 * math.log10(gain(4 * actual, upper_Hz=cutoff, lower_Hz=0.1)) == pytest.approx(-36.1, abs=0.5)


def test_high_pass_falls_by_20_dB_a_decade() -> None:
    actual = bandwidth.lower(500).actual_Hz
    assert 20 * math.log10(gain(actual / 10, lower_Hz=500)) == pytest.approx(-20.0, abs=0.2)


@pytest.mark.parametrize("frequency", [50.0, 200.0, 1000.0, 3000.0])
def test_the_pass_band_is_flat(frequency: float) -> None:
    assert gain(frequency, upper_Hz=7500, lower_Hz=1) == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize("upper_Hz", [10500.0, 15000.0, 20000.0])
def test_no_low_pass_above_half_the_rate(upper_Hz: float) -> None:
    assert gain(9000.0, upper_Hz=upper_Hz, lower_Hz=0.1) == pytest.approx(1.0, abs=0.002)


@pytest.mark.parametrize("rate", [10000.0, 25000.0, 30000.0])
def test_bandwidth_holds_at_other_rates(rate: float) -> None:
    actual = bandwidth.upper(1000).actual_Hz
    assert 20 * math.log10(gain(actual, rate, upper_Hz=1000, lower_Hz=0.1)) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.2, 0.25, 0.3, 0.45, 0.499])
def test_butterworth_has_stable_poles_and_passes_zero_frequency(share: float) -> None:
    real, a, b, (wr, wu, wv), direct = butterworth(share, 1.0)
    assert abs(real) < 1
    assert math.hypot(a, b) < 1
    steady = direct + wr / (1 - real) + (wu * (1 - a) + wv * b) / ((1 - a) ** 2 + b**2)
    assert steady == pytest.approx(1.0, abs=1e-9)


# --- offset removal ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, 16))
def test_step_response_of_the_offset_removal(n: int) -> None:
    removal = Offset(1)
    removal.tune(n)
    steps = min(4 * 2**n, 4000)
    out = removal.block(np.full((steps, 1), 1000.0))[:, 0]
    assert out == pytest.approx(1000 * (1 - 2.0**-n) ** np.arange(steps), rel=1e-9)


@pytest.mark.parametrize("n", [5, 6, 7, 8])
def test_cutoff_of_the_offset_removal(n: int) -> None:
    cutoff = dsp.cutoff_Hz(n, RATE)
    passed = gain(cutoff, upper_Hz=7500, lower_Hz=0.1, dsp_Hz=cutoff)
    assert 20 * math.log10(passed) == pytest.approx(-3.01, abs=0.15)


def test_offset_removal_takes_an_offset_away() -> None:
    chip = recorder(lower_Hz=0.1, dsp_Hz=1000)
    codes = chip.convert_block(np.full((32, 2000), 2000.0))
    assert codes[0, :4].max() > 40000
    assert (abs(codes[:, -1].astype(int) - 32768) <= 2).all()


def test_h_sets_the_offset_removal_to_zero_for_its_channel() -> None:
    chip = recorder(lower_Hz=0.1, dsp_Hz=1)
    chip.convert_block(np.full((32, 60), 2000.0))
    first, other = ask(chip, rhd.convert(4, reset=True), rhd.convert(5))
    assert first == 32768
    assert other > 42000
    assert ask(chip, rhd.convert(4))[0] in (32767, 32768)


def test_h_does_nothing_without_offset_removal() -> None:
    chip = recorder(lower_Hz=0.1, **STEADY)
    chip.convert_block(np.full((32, 10), 2000.0))
    assert ask(chip, rhd.convert(4, reset=True))[0] > 42000


def test_h_of_an_rhs2116() -> None:
    chip = stimulator(lower_Hz=0.1, dsp_Hz=1)
    chip.convert_block(np.full((16, 10), 2000.0))
    assert ask(chip, 0x04030000)[0] >> 16 == 32768
    assert ask(chip, 0x00040000)[0] >> 16 > 42000


# --- limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("microvolts_in", "code"), [(5000.0, 58409), (6000.0, 58409), (1e9, 58409), (-5000.0, 7127), (-1e9, 7127)]
)
def test_amplifiers_saturate_at_5_mV(microvolts_in: float, code: int) -> None:
    chip = recorder(lower_Hz=0.1, upper_Hz=20000, **STEADY)
    assert chip.convert_block(np.full((32, 1), microvolts_in))[0, 0] == code


def test_a_lower_bandwidth_of_set_b_recovers_sooner() -> None:
    chip = stimulator(lower_Hz=1, recovery_lower_Hz=1000, **STEADY)
    assign(chip, amp_lower_select=0x00FF)
    chip.transfer(0xE0FF0000)
    codes = chip.convert_block(np.full((16, 60), 3000.0)).astype(int)
    assert (codes[:8, -1] > 45000).all()
    assert (abs(codes[8:, -1] - 32768) < 5).all()
