"""Tables of the data sheets: bandwidths, offset removal, biases, steps and limits, each row a test."""

from __future__ import annotations

import math

import pytest

from bioasm.chips import bandwidth, biases, dsp, steps

UPPER = [
    (20000, (8, 0), (4, 0)),
    (15000, (11, 0), (8, 0)),
    (10000, (17, 0), (16, 0)),
    (7500, (22, 0), (23, 0)),
    (5000, (33, 0), (37, 0)),
    (3000, (3, 1), (13, 1)),
    (2500, (13, 1), (25, 1)),
    (2000, (27, 1), (44, 1)),
    (1500, (1, 2), (23, 2)),
    (1000, (46, 2), (30, 3)),
    (750, (41, 3), (36, 4)),
    (500, (30, 5), (43, 6)),
    (300, (6, 9), (2, 11)),
    (250, (42, 10), (5, 13)),
    (200, (24, 13), (7, 16)),
    (150, (44, 17), (8, 21)),
    (100, (38, 26), (5, 31)),
]

LOWER = [
    (500, (13, 0, 0)),
    (300, (15, 0, 0)),
    (250, (17, 0, 0)),
    (200, (18, 0, 0)),
    (150, (21, 0, 0)),
    (100, (25, 0, 0)),
    (75, (28, 0, 0)),
    (50, (34, 0, 0)),
    (30, (44, 0, 0)),
    (25, (48, 0, 0)),
    (20, (54, 0, 0)),
    (15, (62, 0, 0)),
    (10, (5, 1, 0)),
    (7.5, (18, 1, 0)),
    (5, (40, 1, 0)),
    (3, (20, 2, 0)),
    (2.5, (42, 2, 0)),
    (2, (8, 3, 0)),
    (1.5, (9, 4, 0)),
    (1, (44, 6, 0)),
    (0.75, (49, 9, 0)),
    (0.5, (35, 17, 0)),
    (0.3, (1, 40, 0)),
    (0.25, (56, 54, 0)),
    (0.1, (16, 60, 1)),
]


@pytest.mark.parametrize(("frequency", "rh1", "rh2"), UPPER)
def test_upper_bandwidth(frequency: float, rh1: tuple[int, int], rh2: tuple[int, int]) -> None:
    found = bandwidth.upper(frequency)
    assert (found.rh1, found.rh2) == (rh1, rh2)


@pytest.mark.parametrize(("frequency", "rh1", "rh2"), UPPER)
def test_upper_bandwidth_back(frequency: float, rh1: tuple[int, int], rh2: tuple[int, int]) -> None:
    assert bandwidth.upper_Hz(rh1, rh2) == pytest.approx(frequency, rel=0.03)


@pytest.mark.parametrize(("frequency", "rl"), LOWER)
def test_lower_bandwidth(frequency: float, rl: tuple[int, int, int]) -> None:
    assert bandwidth.lower(frequency).rl == rl


@pytest.mark.parametrize(("frequency", "rl"), LOWER)
def test_lower_bandwidth_back(frequency: float, rl: tuple[int, int, int]) -> None:
    assert bandwidth.lower_Hz(rl) == pytest.approx(frequency, rel=0.1)


def test_upper_bandwidth_ends_at_30_kHz() -> None:
    assert bandwidth.upper(1e6) == bandwidth.upper(30e3)


def test_lower_bandwidth_ends_at_1500_Hz() -> None:
    assert bandwidth.lower(1e5) == bandwidth.lower(1500)


@pytest.mark.parametrize(("frequency", "third"), [(0.149, 1), (0.15, 0), (0.2, 0), (0.05, 1)])
def test_third_resistor_is_for_the_lowest(frequency: float, third: int) -> None:
    assert bandwidth.lower(frequency).rl[2] == third


def test_a_low_resistance_counts_as_5100_ohms() -> None:
    assert bandwidth.lower_Hz((0, 0, 0)) == bandwidth.lower_Hz((9, 0, 0)) > bandwidth.lower_Hz((10, 0, 0))


@pytest.mark.parametrize("frequency", [0.0, -1.0, math.nan])
def test_no_bandwidth_at_zero_or_less(frequency: float) -> None:
    with pytest.raises(ValueError, match="above 0 Hz"):
        bandwidth.upper(frequency)
    with pytest.raises(ValueError, match="above 0 Hz"):
        bandwidth.lower(frequency)


DSP = {
    1: 0.1103178,
    2: 0.0457860,
    3: 0.0212522,
    4: 0.0102716,
    5: 0.00505296,
    6: 0.00250643,
    7: 0.00124828,
    8: 6.22916e-4,
    9: 3.11153e-4,
    10: 1.55501e-4,
    11: 7.7731e-5,
    12: 3.8861e-5,
    13: 1.9429e-5,
    14: 9.714e-6,
    15: 4.857e-6,
}


@pytest.mark.parametrize(("n", "ratio"), DSP.items())
def test_dsp_cutoff(n: int, ratio: float) -> None:
    assert dsp.cutoff_Hz(n, 1.0) == pytest.approx(ratio, rel=1e-4)


@pytest.mark.parametrize("n", dsp.NUMBERS)
def test_dsp_number_back(n: int) -> None:
    assert dsp.nearest(dsp.cutoff_Hz(n, 25000) * 1.2, 25000) == n


def test_one_hertz_at_20_kHz_is_twelve() -> None:
    assert dsp.nearest(1.0, 20000) == 12
    assert dsp.cutoff_Hz(12, 20000) == pytest.approx(0.777, abs=5e-4)


def test_the_data_sheets_example_at_30_kHz() -> None:
    assert dsp.cutoff_Hz(10, 30000) == pytest.approx(4.665, abs=5e-4)


@pytest.mark.parametrize("n", [0, 16, -1])
def test_dsp_number_out_of_range(n: int) -> None:
    with pytest.raises(ValueError, match="1 to 15"):
        dsp.cutoff_Hz(n, 20000)


def test_dsp_cutoff_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0 Hz"):
        dsp.nearest(0, 20000)


@pytest.mark.parametrize(
    ("rate", "mux", "adc"),
    [
        (3333, 40, 32),
        (4000, 40, 16),
        (5000, 40, 8),
        (6250, 32, 8),
        (8000, 26, 8),
        (10000, 18, 4),
        (12500, 16, 3),
        (15000, 7, 3),
        (20000, 4, 2),
        (30000, 4, 2),
        (3334, 40, 16),
        (15001, 4, 2),
    ],
)
def test_bias_of_rhd(rate: float, mux: int, adc: int) -> None:
    assert biases.rhd(rate) == (mux, adc)


@pytest.mark.parametrize(
    ("total", "mux", "adc"),
    [
        (100e3, 40, 32),
        (130e3, 40, 16),
        (150e3, 40, 8),
        (200e3, 32, 8),
        (250e3, 26, 8),
        (300e3, 18, 4),
        (400e3, 16, 3),
        (500e3, 7, 3),
        (700e3, 4, 2),
    ],
)
def test_bias_by_total_rate(total: float, mux: int, adc: int) -> None:
    assert biases.rhd(total / 20, words_per_sample=20) == (mux, adc)


@pytest.mark.parametrize(
    ("rate", "mux", "adc"),
    [
        (6000, 40, 32),
        (7000, 40, 16),
        (8750, 40, 8),
        (11000, 32, 8),
        (14000, 26, 8),
        (17500, 18, 4),
        (22000, 16, 3),
        (25000, 5, 3),
        (30000, 5, 3),
    ],
)
def test_bias_of_rhs(rate: float, mux: int, adc: int) -> None:
    assert biases.rhs(rate) == (mux, adc)


def test_rates_that_intan_offers() -> None:
    assert len(biases.RHD_RATES) == 17
    assert biases.RHD_RATES[6] == pytest.approx(3333.333, abs=1e-3)
    assert biases.RHS_RATES == (20000, 25000, 30000)


STEPS = [
    ("10nA", 10e-9, (64, 19, 3), 6),
    ("20nA", 20e-9, (40, 40, 1), 7),
    ("50nA", 50e-9, (64, 40, 0), 7),
    ("100nA", 100e-9, (30, 20, 0), 7),
    ("200nA", 200e-9, (25, 10, 0), 8),
    ("500nA", 500e-9, (101, 3, 0), 9),
    ("1uA", 1e-6, (98, 1, 0), 10),
    ("2uA", 2e-6, (94, 0, 0), 11),
    ("5uA", 5e-6, (38, 0, 0), 14),
    ("10uA", 10e-6, (15, 0, 0), 15),
]


@pytest.mark.parametrize(("name", "amperes", "selection", "bias"), STEPS)
def test_step(name: str, amperes: float, selection: tuple[int, int, int], bias: int) -> None:
    step = steps.STEPS[name]
    assert (step.selection, step.bias, step.amperes) == (selection, bias, amperes)
    assert step.largest == pytest.approx(255 * amperes)


@pytest.mark.parametrize(("name", "amperes", "selection", "bias"), STEPS)
def test_step_back(name: str, amperes: float, selection: tuple[int, int, int], bias: int) -> None:
    sel1, sel2, sel3 = selection
    assert steps.step_amperes(sel3 << 13 | sel2 << 7 | sel1) == amperes
    assert steps.estimate(steps.STEPS[name].selection, 204e-6) == pytest.approx(amperes, rel=0.13)


def test_ends_of_the_steps() -> None:
    assert (steps.SMALLEST, steps.SMALLEST_BIAS) == ((127, 63, 3), 6)
    assert (steps.LARGEST, steps.LARGEST_BIAS) == ((0, 0, 0), 15)
    assert steps.step_amperes(steps.SMALLEST.word) < 10e-9
    assert steps.step_amperes(steps.LARGEST.word) > 10e-6


RECOVERY = [
    ("1nA", 1e-9, (0, 30, 2)),
    ("2nA", 2e-9, (0, 15, 1)),
    ("5nA", 5e-9, (0, 31, 0)),
    ("10nA", 10e-9, (50, 15, 0)),
    ("20nA", 20e-9, (78, 7, 0)),
    ("50nA", 50e-9, (22, 3, 0)),
    ("100nA", 100e-9, (56, 1, 0)),
    ("200nA", 200e-9, (71, 0, 0)),
    ("500nA", 500e-9, (26, 0, 0)),
    ("1uA", 1e-6, (9, 0, 0)),
]


@pytest.mark.parametrize(("name", "amperes", "selection"), RECOVERY)
def test_recovery_limit(name: str, amperes: float, selection: tuple[int, int, int]) -> None:
    assert steps.RECOVERY[name] == (amperes, selection)
    assert steps.recovery_amperes(steps.Selection(*selection).word) == amperes
    assert steps.estimate(steps.Selection(*selection), 15.8e-6) == pytest.approx(amperes, rel=0.13)


@pytest.mark.parametrize(("name", "word"), [("1uA", 0x00E2), ("10nA", 0x69C0)])
def test_step_as_a_register(name: str, word: int) -> None:
    assert steps.STEPS[name].selection.word == word


def test_recovery_limit_as_a_register() -> None:
    assert steps.RECOVERY["1nA"][1].word == 0x4F00


def test_biases_of_both_polarities() -> None:
    assert steps.STEPS["1uA"].biases == 0xAA


@pytest.mark.parametrize(("content", "volts"), [(128, 0.0), (0, -1.225), (255, 1.2154), (192, 0.6125)])
def test_recovery_target(content: int, volts: float) -> None:
    assert steps.target_V(content) == pytest.approx(volts, abs=1e-4)


@pytest.mark.parametrize("step", steps.STEPS.values(), ids=steps.STEPS)
def test_every_multiple_of_a_step_keeps_its_magnitude(step: steps.Step) -> None:
    assert [steps.quantise(k * step.amperes, step) for k in range(256)] == list(range(256))


@pytest.mark.parametrize(("amperes", "magnitude"), [(1.9e-6, 1), (2.999e-6, 2), (0.0, 0), (255e-6, 255)])
def test_currents_are_rounded_toward_zero(amperes: float, magnitude: int) -> None:
    assert steps.quantise(amperes, steps.STEPS["1uA"]) == magnitude


@pytest.mark.parametrize("amperes", [-1e-9, 256e-6, math.nan, math.inf])
def test_current_outside_of_the_range_is_refused(amperes: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        steps.quantise(amperes, steps.STEPS["1uA"])


@pytest.mark.parametrize(
    ("amperes", "name"), [(0.0, "10nA"), (2.55e-6, "10nA"), (3e-6, "20nA"), (255e-6, "1uA"), (2.55e-3, "10uA")]
)
def test_finest_step(amperes: float, name: str) -> None:
    assert steps.finest(amperes) == name


def test_no_step_reaches_three_milliamperes() -> None:
    with pytest.raises(ValueError, match="more than a stimulator gives"):
        steps.finest(3e-3)


@pytest.mark.parametrize(("magnitude", "trim"), [(256, 0), (-1, 0), (0, 128), (0, -129)])
def test_amplitude_out_of_range(magnitude: int, trim: int) -> None:
    with pytest.raises(ValueError, match="0 to 255"):
        steps.amplitude_word(magnitude, trim)


def test_middle_trim_leaves_the_amplitude() -> None:
    assert steps.amplitude_word(10) == 0x800A
    assert steps.amplitude(0x800A, 1e-6) == pytest.approx(10e-6)
    assert steps.amplitude(0xFF0A, 1e-6) > 10e-6 > steps.amplitude(0x000A, 1e-6) > 0
