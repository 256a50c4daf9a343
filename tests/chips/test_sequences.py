"""Command lists of a host do to a chip what they are for."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.hardware.chips import open_chip, sequences, settings
from bioasm.hardware.chips.words import rhd, rhs
from tests.chips.support import recorder, stimulator

RECORDERS = [("rhd2132", 32, 1, True), ("rhd2216", 16, 2, False), ("rhd2164", 64, 4, True)]


@pytest.mark.parametrize(("name", "amplifiers", "chip_id", "unipolar"), RECORDERS)
def test_power_up_identifies_the_chip(name: str, amplifiers: int, chip_id: int, unipolar: bool) -> None:
    chip = open_chip(name, seed=4)
    image = settings.rhd_image(20000, amplifiers=amplifiers)
    results = chip.transfer_all(sequences.rhd_power_up(image, chip.word_period))
    first = [r[0] if isinstance(r, tuple) else r for r in results]
    told = sequences.identity(sequences.answers(first, image))
    assert told == ("INTAN", name.upper(), amplifiers, chip_id, 1, unipolar, 53)
    assert told.is_rhd
    assert not told.second_line
    assert chip.calibrated


def test_power_up_reads_what_identifies_a_chip_in_order() -> None:
    image = settings.rhd_image(20000)
    read = [word >> 8 & 0x3F for word in sequences.rhd_power_up(image, 1 / 700e3) if word >> 14 == 3]
    assert read[:2] == [63, 63]
    assert read[-38:-2] == [63, 62, 61, 60, 59, *range(48, 56), *range(40, 45), *range(18)]


@pytest.mark.parametrize("rate", [1000.0, 20000.0, 30000.0])
def test_power_up_waits_long_enough_at_every_rate(rate: float) -> None:
    chip = open_chip("rhd2132", rate)
    chip.transfer_all(sequences.rhd_power_up(settings.rhd_image(rate), chip.word_period))
    assert chip.calibrated


def test_power_up_reads_back_what_it_wrote() -> None:
    chip = open_chip("rhd2132", seed=4)
    image = settings.rhd_image(20000)
    found = sequences.answers(chip.transfer_all(sequences.rhd_power_up(image, chip.word_period)), image)
    assert {number: found[number] for number in image} == image


def test_line_b_tells_itself() -> None:
    chip = open_chip("rhd2164")
    image = settings.rhd_image(20000, amplifiers=64)
    results = chip.transfer_all(sequences.rhd_power_up(image, chip.word_period))
    contents = sequences.answers([b for _, b in results], image)
    assert sequences.identity(contents).second_line
    assert {number: contents[number] for number in image} == image


def test_power_up_of_an_rhd_begins_with_two_dummies() -> None:
    words = sequences.rhd_power_up(settings.rhd_image(20000), 1 / 700e3)
    assert words[:2] == [0xFF00, 0xFF00]
    assert words[2:20] == [rhd.write(r, v) for r, v in settings.rhd_image(20000).items()]
    assert words.count(rhd.CALIBRATE) == 1
    assert words.index(rhd.CALIBRATE) - 20 >= 70


@pytest.mark.parametrize(("stuck", "name"), [(0x0000, ""), (0x00FF, "????????"), (0x0052, "RRRRRRRR")])
def test_what_is_no_chip_is_no_rhd(stuck: int, name: str) -> None:
    image = settings.rhd_image(20000)
    told = sequences.identity(dict.fromkeys((*sequences.IDENTITY, *image), stuck))
    assert told.name == name
    assert not told.is_rhd


def test_rhs_answers_are_no_rhd() -> None:
    contents = dict.fromkeys(sequences.IDENTITY, 0x49)
    assert not sequences.identity(contents).is_rhd


# --- sampling ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("period", "word"), [(0, 0x2000), (1, 0x2100), (2, 0x2200), (3, 0xE800), (4, 0x2000), (7, 0xE800)])
def test_auxiliary_list_has_four_phases(period: int, word: int) -> None:
    assert sequences.rhd_sample(period)[32] == word


@pytest.mark.parametrize("period", [0, 1, 64, 127, 128, 129, 256])
def test_supply_comes_once_a_list(period: int) -> None:
    assert (rhd.convert(48) in sequences.rhd_sample(period)) is (period % 128 == 0)


@pytest.mark.parametrize("amplifiers", [16, 32, 64])
def test_sample_period_has_35_words(amplifiers: int) -> None:
    words = sequences.rhd_sample(5, amplifiers)
    assert len(words) == 35
    assert words[: min(amplifiers, 32)] == [c << 8 for c in range(min(amplifiers, 32))]
    assert set(words[amplifiers:32]) <= {0xE800}


def test_the_marker_answers_49() -> None:
    chip = recorder()
    results = chip.transfer_all([word for period in range(8) for word in sequences.rhd_sample(period)] + [rhd.read(40)] * 2)[2:]
    assert [results[35 * period + 32] for period in (3, 7)] == [0x49, 0x49]


def test_sampling_by_words_gives_the_inputs() -> None:
    chip = recorder(lower_Hz=0.1, upper_Hz=20000, dsp_Hz=None)
    chip.inputs[:] = 19.5 * np.arange(32)
    results = chip.transfer_all(sequences.rhd_sample(0) + sequences.rhd_sample(1))[2:34]
    assert results == [32768 + 100 * c for c in range(32)]


@pytest.mark.parametrize("dc", [False, True])
def test_rhs_sample_period_has_20_words(dc: bool) -> None:
    words = sequences.rhs_sample(dc)
    assert len(words) == 20
    assert [word >> 16 & 0x3F for word in words[:16]] == list(range(16))
    assert all(bool(word & rhs.DC) is dc for word in words[:16])


def test_rhs_power_up_leaves_the_image_in_effect_and_disarmed() -> None:
    chip = stimulator(armed=False)
    image = settings.rhs_image(30000)
    assert {number: chip.register(number) for number in image} == image
    assert not chip.armed
    assert chip.calibrated
    assert chip.compliance == 0


def test_rhs_power_up_disarms_before_anything_else() -> None:
    words = sequences.rhs_power_up(settings.rhs_image(30000))
    assert words[:5] == [rhs.read(255), rhs.write(32, 0), rhs.write(33, 0), rhs.write(38, 0xFFFF), rhs.CLEAR]
    assert not {rhs.write(32, 0xAAAA), rhs.write(33, 0x00FF)} & set(words)


def test_rhs_power_up_on_an_armed_chip_stops_it() -> None:
    chip = stimulator()
    chip.transfer_all([rhs.write(64, 0x8010), rhs.write(42, 1, u=True)])
    assert chip.stim_current.any()
    chip.transfer_all(sequences.rhs_power_up(settings.rhs_image(30000)))
    assert not chip.stim_current.any()
    assert chip.register(42) == 0
