"""Command lists of a host: power-up, sampling, sensors, arming, and what the answers tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bioasm.hardware.chips.rhd import CALIBRATION_WORDS, VREF_SECONDS
from bioasm.hardware.chips.rhd_registers import MARKER, MISO_B
from bioasm.hardware.chips.rhs_registers import ARMING
from bioasm.hardware.chips.words import rhd, rhs

PIPELINE = 2  # words after which a result comes
IDENTITY = (63, 62, 61, 60, 59, *range(48, 56), *range(40, 45))
AUX_PHASES = 4
AUX_LIST = 128  # samples after which the list of auxiliary commands starts again
DUMMY = rhd.read(MARKER)
RHS_DUMMY = rhs.read(255)


class Identity(NamedTuple):
    """Identity of a chip, from its ROM; `miso` is 53 for line A and 58 for line B of an RHD chip."""

    company: str
    name: str
    amplifiers: int
    chip_id: int
    revision: int
    unipolar: bool
    miso: int

    @property
    def is_rhd(self) -> bool:
        """Whether an RHD2000 chip answered."""
        return self.company == "INTAN" and self.name.startswith("RHD")

    @property
    def second_line(self) -> bool:
        """Whether this is what line B of an RHD2164 says."""
        return self.miso == MISO_B


def rhd_power_up(image: Mapping[int, int], word_period: float) -> list[int]:
    """Two dummies, all WRITEs, a wait for the reference, CALIBRATE with its window, and READs of ROM and RAM.

    `word_period` is in seconds; the wait is made of dummies. The READs are those of `read_back`.
    """
    wait = math.ceil(VREF_SECONDS / word_period) + 1
    writes = [rhd.write(number, value) for number, value in image.items()]
    calibration = [rhd.CALIBRATE] + [DUMMY] * CALIBRATION_WORDS
    return [rhd.read(63)] * 2 + writes + [DUMMY] * wait + calibration + read_back(image)


def read_back(image: Mapping[int, int]) -> list[int]:
    """READs of what identifies a chip and of the registers of an image, and two words for the last results."""
    return [rhd.read(number) for number in (*IDENTITY, *image)] + [DUMMY] * PIPELINE


def answers(results: Sequence[int], image: Mapping[int, int]) -> dict[int, int]:
    """Register contents by number, from the results of `read_back` (the last ones of a longer list)."""
    numbers = (*IDENTITY, *image)
    return dict(zip(numbers, results[len(results) - len(numbers) :], strict=True))


def identity(contents: Mapping[int, int]) -> Identity:
    """The identity of an RHD chip from its ROM contents; what is no ASCII letter or digit shows as a question mark."""
    name = text(contents[number] for number in range(48, 56))
    company = text(contents[number] for number in range(40, 45))
    return Identity(company, name, contents[62], contents[63], contents[60], contents[61] == 1, contents[59])


def text(codes: Iterable[int]) -> str:
    """Register contents as text, without the zeros that fill them up."""
    shown = bytes(codes).rstrip(b"\0").decode("ascii", "replace")
    return "".join(letter if letter.isalnum() and letter.isascii() else "?" for letter in shown)


def rhd_sample(period: int, amplifiers: int = 32) -> list[int]:
    """The 35 words of one sample period: 32 for amplifiers and three for the rest.

    The first of the three goes round CONVERT 32, 33, 34 and the marker; the second is CONVERT(48) once in 128 periods. The
    third and all others are markers, in whose place a host may put what it wants. A chip with 16 amplifiers gets markers in
    place of CONVERTs 16 to 31, one with 64 the same words as one with 32.
    """
    converts = [rhd.convert(c) if c < amplifiers else DUMMY for c in range(32)]
    phase = period % AUX_PHASES
    first = rhd.convert(rhd.AUX[phase]) if phase < len(rhd.AUX) else DUMMY
    return [*converts, first, DUMMY if period % AUX_LIST else rhd.convert(rhd.SUPPLY), DUMMY]


def temperature(register3: int) -> list[int]:
    """The six words of a temperature measurement, to be sent four sample periods apart.

    `register3` gives the bits of register 3 that stay. Results of the third and fifth word are the two codes of
    `scaling.celsius`.
    """
    kept = register3 & 0x03
    s1, both, s2, off = (rhd.write(3, kept | bits) for bits in (0x0C, 0x1C, 0x14, 0x00))
    sense = rhd.convert(rhd.TEMPERATURE)
    return [s1, both, sense, s2, sense, off]


def rhs_power_up(image: Mapping[int, int]) -> list[int]:
    """Disarm, power the DC amplifiers, CLEAR, all WRITEs, and a word with U that lets the triggered ones take effect."""
    start = [rhs.read(255), *disarm(), rhs.write(38, image[38]), rhs.CLEAR]
    writes = [rhs.write(number, value) for number, value in image.items() if number not in (38, *ARMING)]
    return [*start, *writes, rhs.read(255, u=True, m=True), RHS_DUMMY, RHS_DUMMY]


def arm() -> list[int]:
    """The two WRITEs that enable stimulation; all outputs should be zero before."""
    return [rhs.write(number, magic) for number, magic in ARMING.items()]


def disarm() -> list[int]:
    """The two WRITEs that disable stimulation at once."""
    return [rhs.write(number, 0) for number in ARMING]


def rhs_sample(dc: bool = True) -> list[int]:
    """The 20 words of one sample period: 16 CONVERTs, with the DC amplifiers or without, and four markers."""
    return [rhs.convert(c, d=dc) for c in range(16)] + [RHS_DUMMY] * 4
