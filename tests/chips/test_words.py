"""Commands are the words that Intan's documents give, and answers come as they say."""

from __future__ import annotations

import pytest

from bioasm.hardware.chips import CHIPS, open_chip
from bioasm.hardware.chips.words import rhd, rhs
from tests.chips.support import MARK, ask, recorder, stimulator


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (rhd.convert(0), 0x0000),
        (rhd.convert(5, reset=True), 0x0501),
        (rhd.convert(32), 0x2000),
        (rhd.convert(48), 0x3000),
        (rhd.convert(49), 0x3100),
        (rhd.convert(63), 0x3F00),
        (rhd.CALIBRATE, 0x5500),
        (rhd.CLEAR, 0x6A00),
        (rhd.read(40), 0xE800),
        (rhd.read(41), 0xE900),
        (rhd.read(59), 0xFB00),
        (rhd.read(63), 0xFF00),
        (rhd.write(0, 0xDE), 0x80DE),
        (rhs.convert(0), 0),
        (rhs.convert(5), 0x00050000),
        (rhs.convert(63), 0x003F0000),
        (rhs.convert(0, u=True), 0x20000000),
        (rhs.convert(0, m=True), 0x10000000),
        (rhs.convert(0, d=True), 0x08000000),
        (rhs.convert(0, h=True), 0x04000000),
        (rhs.CALIBRATE, 0x55000000),
        (rhs.CLEAR, 0x6A000000),
        (rhs.write(32, 0xAAAA), 0x8020AAAA),
        (rhs.write(42, 1, u=True), 0xA02A0001),
        (rhs.write(42, 1, m=True), 0x902A0001),
        (rhs.read(255), 0xC0FF0000),
        (rhs.RESET_COMPLIANCE, 0xD0FF0000),
        (rhs.read(40, u=True), 0xE0280000),
    ],
)
def test_word(word: int, expected: int) -> None:
    assert word == expected


@pytest.mark.parametrize(
    "make",
    [
        lambda: rhd.convert(64),
        lambda: rhd.convert(-1),
        lambda: rhd.write(64, 0),
        lambda: rhd.write(0, 256),
        lambda: rhd.read(64),
        lambda: rhs.convert(64),
        lambda: rhs.write(256, 0),
        lambda: rhs.write(0, 65536),
        lambda: rhs.read(-1),
    ],
)
def test_word_that_does_not_exist_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (rhd.read(40), 0x0049),
        (rhd.read(41), 0x004E),
        (rhd.read(42), 0x0054),
        (rhd.read(43), 0x0041),
        (rhd.read(44), 0x004E),
        (rhd.read(59), 0x0035),
        (rhd.read(60), 0x0001),
        (rhd.read(61), 0x0001),
        (rhd.read(62), 0x0020),
        (rhd.read(63), 0x0001),
        (rhd.read(22), 0x0000),
        (rhd.read(39), 0x0000),
        (rhd.read(45), 0x0000),
        (rhd.read(57), 0x0000),
        (rhd.write(0, 0xDE), 0xFFDE),
        (rhd.write(63, 0x12), 0xFF12),
        (rhd.write(30, 0x34), 0xFF34),
        (rhd.CLEAR, 0x8000),
        (0x4000, 0x8000),
        (0x7FFF, 0x8000),
        (rhd.convert(35), 0x0000),
        (rhd.convert(62), 0x0000),
    ],
)
def test_answer_of_an_rhd2132(word: int, expected: int) -> None:
    assert ask(recorder(), word) == [expected]


@pytest.mark.parametrize("number", [*range(22, 40), *range(45, 48), *range(56, 59)])
def test_registers_that_nothing_uses_read_0(number: int) -> None:
    assert ask(recorder(), rhd.read(number)) == [0]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (rhs.read(251), 0x494E),
        (rhs.read(252), 0x5441),
        (rhs.read(253), 0x4E00),
        (rhs.read(254), 0x0110),
        (rhs.read(255), 32),
        (rhs.read(200), 0),
        (rhs.read(9), 0),
        (rhs.CLEAR, 0x80000000),
        (rhs.CALIBRATE, 0x80000000),
        (rhs.write(36, 0x1234), 0xFFFF1234),
        (rhs.write(255, 7), 0xFFFF0007),
        (rhs.convert(16), 0),
    ],
)
def test_answer_of_an_rhs2116(word: int, expected: int) -> None:
    assert ask(stimulator(armed=False), word) == [expected]


@pytest.mark.parametrize("name", CHIPS)
def test_answers_come_two_words_later(name: str) -> None:
    chip = open_chip(name, seed=5)
    marker = rhs.read(255) if name == "rhs2116" else MARK
    other = rhs.read(252) if name == "rhs2116" else rhd.read(44)
    answers = chip.transfer_all([marker, other, marker, marker])
    assert answers[2] == chip.read(chip.marker)
    assert answers[3] == chip.read(252 if name == "rhs2116" else 44)


@pytest.mark.parametrize("name", CHIPS)
def test_first_answers_come_from_the_burst_before(name: str) -> None:
    chip = open_chip(name)
    numbers, read = ((252, 251), rhs.read) if name == "rhs2116" else ((44, 41), rhd.read)
    chip.transfer_all([read(number) for number in numbers])
    assert chip.transfer_all([read(0), read(1)]) == [chip.read(number) for number in numbers]


@pytest.mark.parametrize(("name", "word"), [("rhd2132", 1 << 16), ("rhd2164", -1), ("rhs2116", 1 << 32)])
def test_word_with_too_many_bits_is_refused(name: str, word: int) -> None:
    with pytest.raises(ValueError, match="no word of"):
        open_chip(name).transfer(word)


def test_unknown_chip_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        open_chip("rhd2000")
