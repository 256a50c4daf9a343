"""RHD chips: calibration, the reference, cycling through channels, formats, digital output."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.hardware.chips import open_chip, settings
from bioasm.hardware.chips.rhd import Rhd
from bioasm.hardware.chips.words import rhd
from tests.chips.support import MARK, STEADY, ask, assign, recorder

RECORDERS = ("rhd2132", "rhd2216", "rhd2164")
BLANK = {"rhd2132": 0x8000, "rhd2216": 0x8000, "rhd2164": (0x8000, 0x8000)}


def configured(name: str = "rhd2132") -> Rhd:
    """A chip with its registers written and its reference settled, not calibrated."""
    chip = open_chip(name, seed=3)
    image = settings.rhd_image(20000, amplifiers=chip.amplifiers, dsp_Hz=None)
    chip.transfer_all([rhd.write(r, v) for r, v in image.items()] + [MARK] * 200)
    return chip


@pytest.mark.parametrize("name", RECORDERS)
def test_calibrate_swallows_nine_commands(name: str) -> None:
    chip = configured(name)
    answers = ask(chip, rhd.CALIBRATE, *[MARK] * 9, MARK)
    assert answers == [BLANK[name]] * 10 + [chip.read(40)]


@pytest.mark.parametrize("name", RECORDERS)
def test_calibrated_after_nine_commands_and_not_before(name: str) -> None:
    chip = configured(name)
    chip.transfer_all([rhd.CALIBRATE] + [MARK] * 8)
    assert not chip.calibrated
    chip.transfer(MARK)
    assert chip.calibrated


def test_writes_in_the_window_are_swallowed() -> None:
    chip = configured()
    before = chip.register(6)
    assert ask(chip, rhd.CALIBRATE, rhd.write(6, before ^ 0xFF)) == [0x8000, 0x8000]
    assert chip.register(6) == before


def test_second_calibrate_restarts_the_window() -> None:
    chip = configured()
    answers = ask(chip, rhd.CALIBRATE, *[MARK] * 5, rhd.CALIBRATE, *[MARK] * 9, MARK)
    assert answers == [0x8000] * 16 + [0x49]
    assert chip.calibrated


def test_other_special_words_count_in_the_window() -> None:
    chip = configured()
    chip.transfer_all([rhd.CALIBRATE] + [0x4000] * 9)
    assert chip.calibrated


def test_clear_drops_the_calibration() -> None:
    chip = recorder()
    assert chip.calibrated
    chip.transfer(rhd.CLEAR)
    assert not chip.calibrated


def test_clear_in_the_window_ends_it() -> None:
    chip = configured()
    assert ask(chip, rhd.CALIBRATE, MARK, rhd.CLEAR, MARK) == [0x8000, 0x8000, 0x8000, 0x49]
    chip.transfer_all([MARK] * 20)
    assert not chip.calibrated


@pytest.mark.parametrize("special", [rhd.CALIBRATE, rhd.CLEAR, 0x7F00])
def test_twoscomp_inverts_the_highest_bit_of_empty_answers(special: int) -> None:
    chip = recorder()
    assign(chip, twoscomp=1)
    assert ask(chip, special) == [0x0000]


@pytest.mark.parametrize("name", RECORDERS)
def test_conversions_without_calibration_are_off(name: str) -> None:
    chip = configured(name)
    zeros = np.zeros((chip.amplifiers, 3))
    off = chip.convert_block(zeros).astype(int) - 32768
    assert 64 <= abs(off[0, 0]) <= 512
    assert (off == off[0, 0]).all()
    chip.transfer_all([rhd.CALIBRATE] + [MARK] * 9)
    assert (chip.convert_block(zeros) == 32768).all()


def test_the_error_follows_the_seed() -> None:
    errors = {open_chip("rhd2132", seed=seed).offset_error for seed in range(12)}
    assert len(errors) > 6
    assert min(errors) < 0 < max(errors)


def test_sensors_are_off_too_without_calibration() -> None:
    chip = configured()
    error = chip.offset_error
    wrong = ask(chip, rhd.convert(32))[0]
    chip.transfer_all([rhd.CALIBRATE] + [MARK] * 9)
    assert wrong - ask(chip, rhd.convert(32))[0] == error


def test_calibration_needs_a_settled_reference() -> None:
    chip = open_chip("rhd2132", seed=3)
    image = settings.rhd_image(20000)
    chip.transfer_all([rhd.write(0, 0xCE)] + [rhd.write(r, v) for r, v in image.items()])
    chip.transfer_all([rhd.CALIBRATE] + [MARK] * 9)
    assert not chip.calibrated


@pytest.mark.parametrize(("words", "calibrated"), [(69, False), (71, True)])
def test_the_reference_needs_100_us(words: int, calibrated: bool) -> None:
    chip = configured()
    chip.transfer_all([rhd.write(0, 0xCE), rhd.write(0, 0xDE)] + [MARK] * (words - 1))
    chip.transfer_all([rhd.CALIBRATE] + [MARK] * 9)
    assert chip.calibrated is calibrated


@pytest.mark.parametrize("content", [0x5E, 0xCE, 0xD6, 0xDC])
def test_wrong_bits_in_register_0_spoil_conversions(content: int) -> None:
    chip = recorder(**STEADY)
    chip.transfer(rhd.write(0, content))
    assert chip.convert_block(np.zeros((32, 1)))[0, 0] == 32768 + chip.offset_error


# --- cycling ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECORDERS)
def test_convert_63_goes_round(name: str) -> None:
    chip = recorder(name, **STEADY)
    chip.convert_block(np.zeros((chip.amplifiers, 2)))
    chip.inputs[:] = 10.0 * np.arange(chip.amplifiers)
    twin = recorder(name, **STEADY)
    twin.convert_block(np.zeros((chip.amplifiers, 2)))
    twin.inputs[:] = chip.inputs
    n = chip.converts
    cycled = ask(chip, rhd.convert(0), *[rhd.convert(63)] * (2 * n - 1))
    assert cycled == ask(twin, *[rhd.convert(c) for c in (*range(n), *range(n))])


def test_convert_63_goes_on_after_any_channel() -> None:
    chip = recorder(**STEADY)
    chip.inputs[:] = 100.0 * np.arange(32)
    cycled = ask(chip, rhd.convert(7), rhd.convert(63))
    assert cycled[0] < cycled[1]
    assert chip.cycle == 9


def test_sensors_do_not_move_the_cycle() -> None:
    chip = recorder()
    chip.transfer_all([rhd.convert(4), rhd.convert(32), rhd.convert(49)])
    assert chip.cycle == 5


def test_convert_with_h_moves_the_cycle_too() -> None:
    chip = recorder()
    chip.transfer_all([rhd.convert(30, reset=True), rhd.convert(63), rhd.convert(63)])
    assert chip.cycle == 1


def test_channels_16_to_31_of_an_rhd2216_do_not_exist() -> None:
    assert ask(recorder("rhd2216"), *[rhd.convert(c) for c in range(16, 32)]) == [0] * 16


@pytest.mark.parametrize("channel", [0, 13, 31])
def test_one_convert_of_an_rhd2164_reaches_two_amplifiers(channel: int) -> None:
    chip = recorder("rhd2164", lower_Hz=0.1, upper_Hz=20000, **STEADY)
    chip.inputs[channel], chip.inputs[channel + 32] = 195.0, -195.0
    a, b = ask(chip, rhd.convert(channel))[0]
    assert (a, b) == (32768 + 1000, 32768 - 1000)


# --- formats ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("microvolts", "plain", "twoscomp", "rectified", "both"),
    [
        (0.0, 0x8000, 0x0000, 0x8000, 0x0000),
        (0.195, 0x8001, 0x0001, 0x8001, 0x0001),
        (-0.195, 0x7FFF, 0xFFFF, 0x8001, 0x0001),
        (195.0, 0x83E8, 0x03E8, 0x83E8, 0x03E8),
        (-195.0, 0x7C18, 0xFC18, 0x83E8, 0x03E8),
        (5000.0, 0xE429, 0x6429, 0xE429, 0x6429),
        (9000.0, 0xE429, 0x6429, 0xE429, 0x6429),
        (-9000.0, 0x1BD7, 0x9BD7, 0xE429, 0x6429),
    ],
)
def test_formats_of_a_code(microvolts: float, plain: int, twoscomp: int, rectified: int, both: int) -> None:
    found = []
    for two, absolute in ((0, 0), (1, 0), (0, 1), (1, 1)):
        chip = recorder(lower_Hz=0.1, upper_Hz=20000, **STEADY)
        assign(chip, twoscomp=two, absmode=absolute)
        chip.inputs[3] = microvolts
        found += ask(chip, rhd.convert(3))
    assert found == [plain, twoscomp, rectified, both]


def test_sensors_stay_unsigned_with_twoscomp() -> None:
    chip = recorder()
    plain = ask(chip, rhd.convert(32), rhd.convert(48))
    assign(chip, twoscomp=1, absmode=1)
    assert ask(chip, rhd.convert(32), rhd.convert(48)) == plain


@pytest.mark.parametrize(("hiz", "level", "out"), [(1, 1, None), (1, 0, None), (0, 1, 1), (0, 0, 0)])
def test_digital_output(hiz: int, level: int, out: int | None) -> None:
    chip = recorder()
    assign(chip, digout_hiz=hiz, digout=level)
    assert chip.digout == out


@pytest.mark.parametrize("channel", [0, 7, 8, 30])
def test_amplifier_without_power_sees_nothing(channel: int) -> None:
    others = [c for c in range(32) if c != channel]
    chip = recorder(powered=others, lower_Hz=0.1, **STEADY)
    codes = chip.convert_block(np.full((32, 50), 1000.0))
    assert (codes[channel] == 32768).all()
    assert (codes[others, -1] > 33000).all()


def test_power_bits_of_module_b() -> None:
    chip = recorder("rhd2164", powered=[c for c in range(64) if c != 45], lower_Hz=0.1, **STEADY)
    codes = chip.convert_block(np.full((64, 50), 1000.0))
    assert [c for c in range(64) if codes[c, -1] == 32768] == [45]


def test_fast_settle_holds_the_baseline_and_forgets() -> None:
    chip = recorder(lower_Hz=1.0, **STEADY)
    chip.convert_block(np.full((32, 100), 4000.0))
    assign(chip, amp_fast_settle=1)
    assert (chip.convert_block(np.full((32, 10), 4000.0)) == 32768).all()
    assign(chip, amp_fast_settle=0)
    assert (chip.convert_block(np.full((32, 10), 4000.0)) == 32768).all()


@pytest.mark.parametrize(("rate", "words"), [(0.0, 35), (-1.0, 35), (20000.0, 31), (float("nan"), 35)])
def test_rate_that_no_chip_has_is_refused(rate: float, words: int) -> None:
    with pytest.raises(ValueError, match="no sample period"):
        open_chip("rhd2132").set_rate(rate, words)


def test_rate_counts_words() -> None:
    chip = open_chip("rhd2132", sample_rate=30000)
    assert chip.word_period == pytest.approx(1 / 1.05e6)
    chip.set_rate(20000, 40)
    assert chip.word_period == pytest.approx(1 / 8e5)
    chip.transfer_all([MARK] * 7)
    assert chip.clock == 7


def test_writing_register_0_again_does_not_restart_the_reference() -> None:
    chip = configured()
    chip.transfer_all([rhd.write(0, 0xDE), rhd.CALIBRATE] + [MARK] * 9)
    assert chip.calibrated
