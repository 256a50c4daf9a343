"""Tables of the data sheets: bandwidths, offset removal, biases, steps and limits, each row a test."""

from __future__ import annotations

import math

import pytest

from bioasm.hardware.chips import bandwidth, biases, dsp, steps

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
    assert bandwidth.upper(1e6) == bandwidth.upper(30e3) != bandwidth.upper(28e3)
    assert bandwidth.UPPER_LIMIT == 30e3


def test_lower_bandwidth_ends_at_1500_Hz() -> None:
    assert bandwidth.lower(1e5) == bandwidth.lower(1500)
    assert bandwidth.LOWER_LIMIT == 1500


@pytest.mark.parametrize(
    ("ladder", "base", "unit1", "unit2", "most"),
    [
        (bandwidth.RH1, 2200, 600, 29400, (63, 31)),
        (bandwidth.RH2, 8700, 763, 38400, (63, 31)),
        (bandwidth.RL, 3500, 175, 12700, (127, 63)),
    ],
)
def test_ohms_of_a_resistor(ladder: bandwidth.Ladder, base: int, unit1: int, unit2: int, most: tuple[int, int]) -> None:
    assert [ladder.ohms(*dacs) for dacs in ((0, 0), (1, 0), (0, 1))] == [base, base + unit1, base + unit2]
    assert ladder.fill(1e9) == most


def test_ohms_of_the_third_dac() -> None:
    assert bandwidth.RL_THIRD == 3e6


def falling(ohms: float, a: float, b: float, c: float) -> float:
    """The frequency whose logarithm L solves a L^2 + b L + c = log10(ohms), the smaller of two."""
    middle, span = -b / (2 * a), math.sqrt(b * b - 4 * a * (c - math.log10(ohms))) / (2 * a)
    return float(10 ** (middle - span))


@pytest.mark.parametrize(("d1", "d2"), [(0, 0), (22, 0), (3, 1), (44, 17), (63, 25)])
def test_frequency_of_both_upper_resistors(d1: int, d2: int) -> None:
    first = falling((2200 + 600 * d1 + 29400 * d2) / 0.9730, 0.04767, -1.1892, 8.0968)
    second = falling((8700 + 763 * d1 + 38400 * d2) / 1.0191, 0.03383, -1.0821, 8.1009)
    assert bandwidth.upper_Hz((d1, d2), (d1, d2)) == pytest.approx(math.sqrt(first * second), rel=1e-9)


@pytest.mark.parametrize(
    ("d1", "d2", "d3"), [(13, 0, 0), (62, 0, 0), (6, 2, 0), (7, 2, 0), (44, 6, 0), (56, 54, 0), (16, 60, 1)]
)
def test_frequency_of_the_lower_resistor(d1: int, d2: int, d3: int) -> None:
    ohms = 3500 + 175 * d1 + 12700 * d2 + 3e6 * d3
    curve = (0.08482, -0.5916, 4.7351) if ohms < 30e3 else (0.3303, -1.2100, 4.9873)
    assert bandwidth.lower_Hz((d1, d2, d3)) == pytest.approx(falling(ohms / 1.0061, *curve), rel=1e-9)


@pytest.mark.parametrize("frequency", [0.11, 0.5, 3.9, 4.1, 20.0, 400.0])
def test_ohms_that_a_lower_bandwidth_wants(frequency: float) -> None:
    at = math.log10(frequency)
    low = 4.9391 - 1.2088 * at + 0.5698 * at**2 + 0.1442 * at**3
    wanted = 1.0061 * 10 ** (low if frequency < 4 else 4.7351 - 0.5916 * at + 0.08482 * at**2)
    d1, d2, d3 = bandwidth.lower(frequency).rl
    assert 3500 + 175 * d1 + 12700 * d2 + 3e6 * d3 == pytest.approx(wanted, abs=88)


@pytest.mark.parametrize("frequency", [110.0, 700.0, 6000.0, 18000.0])
def test_ohms_that_an_upper_bandwidth_wants(frequency: float) -> None:
    at, found = math.log10(frequency), bandwidth.upper(frequency)
    first = 0.9730 * 10 ** (8.0968 - 1.1892 * at + 0.04767 * at**2)
    second = 1.0191 * 10 ** (8.1009 - 1.0821 * at + 0.03383 * at**2)
    assert 2200 + 600 * found.rh1[0] + 29400 * found.rh1[1] == pytest.approx(first, abs=301)
    assert 8700 + 763 * found.rh2[0] + 38400 * found.rh2[1] == pytest.approx(second, abs=382)


@pytest.mark.parametrize(("frequency", "third"), [(0.149, 1), (0.15, 0), (0.2, 0), (0.05, 1)])
def test_third_resistor_is_for_the_lowest(frequency: float, third: int) -> None:
    assert bandwidth.lower(frequency).rl[2] == third


def test_a_low_resistance_counts_as_5100_ohms() -> None:
    assert bandwidth.lower_Hz((0, 0, 0)) == bandwidth.lower_Hz((9, 0, 0)) > bandwidth.lower_Hz((10, 0, 0))
    assert bandwidth.lower_Hz((0, 0, 0)) == pytest.approx(falling(5100 / 1.0061, 0.08482, -0.5916, 4.7351), rel=1e-9)


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


BIASES = [(40, 32), (40, 16), (40, 8), (32, 8), (26, 8), (18, 4), (16, 3), (7, 3), (4, 2)]


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
        (120e3, 40, 32),
        (140e3, 40, 16),
        (175e3, 40, 8),
        (220e3, 32, 8),
        (280e3, 26, 8),
        (350e3, 18, 4),
        (440e3, 16, 3),
        (525e3, 7, 3),
        (700e3, 4, 2),
    ],
)
def test_bias_by_total_rate(total: float, mux: int, adc: int) -> None:
    assert biases.rhd(total / 20, words_per_sample=20) == (mux, adc)


@pytest.mark.parametrize(
    ("total", "bias"), list(zip([120e3, 140e3, 175e3, 220e3, 280e3, 350e3, 440e3, 525e3], BIASES[1:], strict=True))
)
def test_bias_changes_above_its_total_rate(total: float, bias: tuple[int, int]) -> None:
    assert biases.rhd((total + 1) / 40, words_per_sample=40) == bias


@pytest.mark.parametrize(
    ("rate", "bias"), list(zip([3334, 4001, 5001, 6251, 8001, 10001, 12501, 15001], BIASES[1:], strict=True))
)
def test_bias_of_rhd_changes_at_its_bound(rate: float, bias: tuple[int, int]) -> None:
    assert biases.rhd(rate) == bias


RHS_BIASES = [(40, 16), (40, 8), (32, 8), (26, 8), (18, 4), (16, 3), (5, 3)]


@pytest.mark.parametrize(("rate", "bias"), list(zip([6001, 7001, 8751, 11001, 14001, 17501, 22001], RHS_BIASES, strict=True)))
def test_bias_of_rhs_changes_at_its_bound(rate: float, bias: tuple[int, int]) -> None:
    assert biases.rhs(rate) == bias


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
    slow = (1000, 1250, 1500, 2000, 2500, 3000, 10000 / 3, 4000, 5000, 6250, 8000)
    assert list(biases.RHD_RATES) == [*slow, 10000, 12500, 15000, 20000, 25000, 30000]
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


def test_biases_go_by_the_rate_of_a_channel_where_a_sample_has_35_words() -> None:
    assert biases.rhd(3400) == biases.rhd(3400, 35) == (40, 16)
    assert biases.rhd(3400 * 35 / 40, 40) == biases.rhd(3400 * 35 / 36, 36) == (40, 32)
