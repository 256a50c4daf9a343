"""Auxiliary inputs, supply, temperature, and the impedance of electrodes."""

from __future__ import annotations

import cmath
import math

import numpy as np
import pytest

from bioasm.hardware.chips import impedance, scaling, sequences
from bioasm.hardware.chips.electrodes import Electrode
from bioasm.hardware.chips.rhd import Rhd
from bioasm.hardware.chips.rhs import Rhs2116
from bioasm.hardware.chips.words import rhd, rhs
from tests.chips.support import MARK, STEADY, ask, assign, recorder, stimulator


@pytest.mark.parametrize("channel", [0, 1, 2])
@pytest.mark.parametrize("volts", [0.10, 1.25, 2.45])
def test_auxiliary_input(channel: int, volts: float) -> None:
    chip = recorder()
    chip.surroundings.aux_V[channel] = volts
    code = ask(chip, rhd.convert(32 + channel))[0]
    assert code == round(volts / 37.4e-6)
    assert scaling.aux_V(code) == pytest.approx(volts, abs=19e-6)


@pytest.mark.parametrize("volts", [3.0, 3.3, 3.6])
def test_supply(volts: float) -> None:
    chip = recorder()
    chip.surroundings.supply_V = volts
    assert scaling.supply_V(ask(chip, rhd.convert(48))[0]) == pytest.approx(volts, abs=38e-6)


def test_supply_sensor_needs_its_bit() -> None:
    chip = recorder()
    assign(chip, vdd_sense_enable=0)
    assert ask(chip, rhd.convert(48)) == [0]


@pytest.mark.parametrize("k", [1, 2, 3])
def test_auxiliary_input_needs_its_bit(k: int) -> None:
    chip = recorder()
    assign(chip, **{f"aux{k}_enable": 0})
    codes = ask(chip, *[rhd.convert(32 + j) for j in range(3)])
    assert [j + 1 for j in range(3) if codes[j] == 0] == [k]


def test_auxiliary_input_over_the_range() -> None:
    chip = recorder()
    chip.surroundings.aux_V[0] = 5.0
    assert ask(chip, rhd.convert(32)) == [65535]


@pytest.mark.parametrize("degrees", [-10.0, 20.0, 36.6, 60.0])
def test_temperature(degrees: float) -> None:
    chip = recorder()
    chip.surroundings.temperature_C = degrees
    found = []
    for word in sequences.temperature(chip.register(3)):
        found += ask(chip, word)
    assert scaling.celsius(found[2], found[4]) == pytest.approx(degrees, abs=0.011)


def test_temperature_needs_its_switches_in_order() -> None:
    chip = recorder()
    s1, both, sense, s2, _, off = sequences.temperature(chip.register(3))
    assert ask(chip, both, sense)[1] == 0
    assert ask(chip, s1, both, sense)[2] > 0
    assert ask(chip, off, sense)[1] == 0
    assert ask(chip, s2, sense)[1] == 0


def test_temperature_words_keep_the_other_bits() -> None:
    assert [word & 0xE3 for word in sequences.temperature(0xFF) if word & 0x8000] == [0x03] * 4
    assert [word & 0x1C for word in sequences.temperature(0) if word & 0x8000] == [0x0C, 0x1C, 0x14, 0x00]


@pytest.mark.parametrize(("code", "volts"), [(512, 0.0), (0, 9.84576), (1023, -9.82653), (460, 0.99996)])
def test_dc_scale(code: int, volts: float) -> None:
    assert scaling.dc_V(code) == pytest.approx(volts, abs=1e-5)


@pytest.mark.parametrize(("code", "uv"), [(32768, 0.0), (32769, 0.195), (0, -6389.76), (65535, 6389.565), (58409, 4999.995)])
def test_amplifier_scale(code: int, uv: float) -> None:
    assert scaling.microvolts(code) == pytest.approx(uv, abs=1e-9)
    assert scaling.codes(uv) == code


def test_every_code_comes_back() -> None:
    every = np.arange(65536)
    assert (scaling.codes(scaling.microvolts(every)) == every).all()


def test_codes_are_held_within_16_bits() -> None:
    assert scaling.codes([-1e6, 1e6]).tolist() == [0, 65535]


# --- impedance --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scale", "amperes"), [(0, 0.385e-9), (1, 3.85e-9), (3, 38.5e-9)])
def test_current_at_1_kHz(scale: int, amperes: float) -> None:
    assert impedance.current(1000, scale) == pytest.approx(amperes, rel=1e-3)


def test_constants_of_the_impedance_check() -> None:
    assert impedance.SCALES == {0: 0.1e-12, 1: 1e-12, 3: 10e-12}
    assert (impedance.STRAY_RHD, impedance.STRAY_RHS, impedance.LOSS_RHS) == (15e-12, 12e-12, 1.1)
    assert impedance.DAC_VOLTS_PER_CODE == 1.225 / 256


@pytest.mark.parametrize("frequency", [100.0, 1000.0, 4000.0])
def test_correction_of_a_measurement(frequency: float) -> None:
    found = impedance.corrected(2e-3 + 0j, frequency, 20000, 4e-9)
    assert abs(found) == pytest.approx(500e3 * (1 + 18 * (frequency / 20000) ** 2), rel=1e-12)
    degrees = 360 * 3 * frequency / 20000 - 90  # three samples, and the current leads the voltage of the DAC
    assert cmath.phase(found / cmath.exp(1j * math.radians(degrees))) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("farads", [15e-12, 12e-12])
def test_what_is_parallel_is_taken_away(farads: float) -> None:
    alone = 1 / (1 / (200e3 - 50e3j) + 2j * math.pi * 1000 * farads)
    assert impedance.without_parallel(alone, 1000, farads) == pytest.approx(200e3 - 50e3j, rel=1e-12)


def test_a_period_of_the_check_has_1024_commands_at_most() -> None:
    assert len(impedance.waveform(20000 / 1024, 20000)) == 1024
    with pytest.raises(ValueError, match="outside of"):
        impedance.waveform(20000 / 1025, 20000)
    assert len(impedance.waveform(5000, 20000)) == 4


def test_dac_peak_is_0_6125_V() -> None:
    assert pytest.approx(0.6125) == 128 * impedance.DAC_VOLTS_PER_CODE


def test_waveform_is_centred() -> None:
    assert impedance.waveform(5000, 20000) == [128, 255, 128, 0]
    assert impedance.waveform(1000, 20000, 64)[5] == 192


@pytest.mark.parametrize("frequency", [5001.0, 19.0, 0.0])
def test_frequency_that_can_not_be_checked_is_refused(frequency: float) -> None:
    with pytest.raises(ValueError, match="outside of"):
        impedance.waveform(frequency, 20000)


def measured(chip: Rhd | Rhs2116, channel: int, frequency: float, scale: int) -> complex:
    """An electrode's impedance, measured as a host does: one DAC value a sample, ten periods of which five count."""
    assign(chip, zcheck_dac_power=1, zcheck_enable=1, zcheck_scale=scale, zcheck_select=channel)
    wave = impedance.waveform(frequency, chip.sample_rate)
    codes = [one_sample(chip, channel, value) for value in wave * 10]
    volts = impedance.phasor(scaling.microvolts(codes[-5 * len(wave) :]), frequency, chip.sample_rate)
    return impedance.corrected(volts, frequency, chip.sample_rate, impedance.current(frequency, scale))


def one_sample(chip: Rhd | Rhs2116, channel: int, value: int) -> int:
    """A conversion, then the next value for the DAC."""
    if chip.word_bits == 32:
        return int(ask(chip, rhs.convert(channel), rhs.write(3, value))[0] >> 16)
    return int(ask(chip, rhd.convert(channel), rhd.write(6, value))[0])


@pytest.mark.parametrize(
    ("electrode", "frequency", "scale"),
    [
        (Electrode(10e3, 1e-9), 1000.0, 1),
        (Electrode(50e3, 500e-12), 1000.0, 1),
        (Electrode(1e6, 100e-12), 1000.0, 0),
        (Electrode(20e3, 10e-9), 1000.0, 3),
        (Electrode(10e3, 1e-9), 500.0, 1),
    ],
)
def test_impedance_of_an_electrode(electrode: Electrode, frequency: float, scale: int) -> None:
    chip = recorder(lower_Hz=0.1, upper_Hz=20000, **STEADY)
    chip.set_electrode(9, electrode)
    found = impedance.without_parallel(measured(chip, 9, frequency, scale), frequency, impedance.STRAY_RHD)
    assert abs(found) == pytest.approx(abs(electrode.impedance(frequency)), rel=0.025)
    assert cmath.phase(found / electrode.impedance(frequency)) == pytest.approx(0, abs=0.02)


def test_impedance_on_an_rhs2116() -> None:
    chip = stimulator(20000.0, lower_Hz=0.1, **STEADY)
    chip.set_electrode(9, Electrode(30e3, 1e-9))
    found = measured(chip, 9, 1000.0, 1) * impedance.LOSS_RHS
    found = impedance.without_parallel(found, 1000.0, impedance.STRAY_RHS)
    assert abs(found) == pytest.approx(abs(Electrode(30e3, 1e-9).impedance(1000)), rel=0.015)


def test_check_reaches_its_electrode_alone() -> None:
    chip = recorder(lower_Hz=0.1, **STEADY)
    assign(chip, zcheck_enable=1, zcheck_scale=3, zcheck_select=4)
    found = []
    for value in (128, 255, 255, 0, 0, 255):
        found.append(ask(chip, rhd.convert(4), rhd.convert(5), rhd.write(6, value))[:2])
    assert len({a for a, _ in found}) > 2
    assert {b for _, b in found} == {32768}


def test_check_can_reach_all_electrodes() -> None:
    chip = recorder(lower_Hz=0.1, **STEADY)
    assign(chip, zcheck_enable=1, zcheck_scale=3, zcheck_connect_all=1)
    chip.transfer(rhd.write(6, 255))
    codes = chip.convert_block(np.zeros((32, 6)))
    assert (codes[:, -1] > 32800).all()
    assert len(set(codes[:, -1].tolist())) == 1


@pytest.mark.parametrize(("name", "sign"), [("rhd2216", -1), ("rhd2132", 1)])
def test_negative_input_of_an_rhd2216(name: str, sign: int) -> None:
    chip = recorder(name, lower_Hz=0.1, **STEADY)
    assign(chip, zcheck_enable=1, zcheck_scale=3, zcheck_select=2, zcheck_select_polarity=1)
    chip.transfer(rhd.write(6, 255))
    assert sign * (int(chip.convert_block(np.zeros((chip.amplifiers, 6)))[2, -1]) - 32768) > 50


@pytest.mark.parametrize(
    ("values", "reached"),
    [({"zcheck_enable": 0}, False), ({"zcheck_dac_power": 0}, False), ({"zcheck_scale": 2}, False), ({}, True)],
)
def test_check_needs_its_bits(values: dict[str, int], reached: bool) -> None:
    chip = recorder(lower_Hz=0.1, **STEADY)
    assign(chip, **({"zcheck_enable": 1, "zcheck_dac_power": 1, "zcheck_scale": 3} | values))
    chip.transfer_all([rhd.write(6, 255), MARK])
    assert (int(chip.convert_block(np.zeros((32, 6)))[0, -1]) != 32768) is reached


@pytest.mark.parametrize(("select", "channel"), [(32 + 5, 5), (31, 31)])
def test_highest_select_bit_is_ignored_on_32_channels(select: int, channel: int) -> None:
    chip = recorder()
    assign(chip, zcheck_enable=1, zcheck_select=select)
    assert list(chip.check.selected) == [channel]


def test_highest_select_bit_counts_on_64_channels() -> None:
    chip = recorder("rhd2164")
    assign(chip, zcheck_enable=1, zcheck_select=37)
    assert list(chip.check.selected) == [37]


def test_saturation_limit_falls_above_a_fifth_of_the_bandwidth() -> None:
    assert impedance.saturation_limit_uV(1000, 7500) == 5000
    assert impedance.saturation_limit_uV(1500, 7500) == 5000 > impedance.saturation_limit_uV(1501, 7500)
    assert impedance.saturation_limit_uV(7500, 7500) == pytest.approx(5000 / math.sqrt(1 + 3.333**4))


@pytest.mark.parametrize(
    ("amplitudes", "scale"),
    [
        ({0: 60, 1: 600, 3: 6000}, 1),
        ({0: 10, 1: 100, 3: 1000}, 3),
        ({0: 700, 1: 7000, 3: 9000}, 0),
        ({0: 300, 1: 3000, 3: 4900}, 1),
        ({0: 7000, 1: 7000, 3: 7000}, 0),
    ],
)
def test_best_scale(amplitudes: dict[int, float], scale: int) -> None:
    assert impedance.best_scale(amplitudes, 1000, 7500) == scale
