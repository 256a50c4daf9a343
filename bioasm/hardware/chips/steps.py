"""Steps of an RHS2116's stimulation currents and limits of its charge recovery: register settings and amperes."""

from __future__ import annotations

from typing import NamedTuple


class Selection(NamedTuple):
    """The three selectors of a current source, as registers 34 and 37 hold them."""

    sel1: int
    sel2: int
    sel3: int

    @property
    def word(self) -> int:
        """The register's content: bits 15 to 13, 12 to 7 and 6 to 0."""
        return self.sel3 << 13 | self.sel2 << 7 | self.sel1


class Step(NamedTuple):
    """A stimulation step: its current, its selectors, and the bias for both polarities (register 35)."""

    amperes: float
    selection: Selection
    bias: int

    @property
    def largest(self) -> float:
        """The largest amplitude in amperes: 255 steps."""
        return 255 * self.amperes

    @property
    def biases(self) -> int:
        """The content of register 35."""
        return self.bias << 4 | self.bias


STEPS = {
    "10nA": Step(10e-9, Selection(64, 19, 3), 6),
    "20nA": Step(20e-9, Selection(40, 40, 1), 7),
    "50nA": Step(50e-9, Selection(64, 40, 0), 7),
    "100nA": Step(100e-9, Selection(30, 20, 0), 7),
    "200nA": Step(200e-9, Selection(25, 10, 0), 8),
    "500nA": Step(500e-9, Selection(101, 3, 0), 9),
    "1uA": Step(1e-6, Selection(98, 1, 0), 10),
    "2uA": Step(2e-6, Selection(94, 0, 0), 11),
    "5uA": Step(5e-6, Selection(38, 0, 0), 14),
    "10uA": Step(10e-6, Selection(15, 0, 0), 15),
}
# The ends of the range; Intan states no current for them, so they can't be asked for by amperes.
SMALLEST, LARGEST = Selection(127, 63, 3), Selection(0, 0, 0)
SMALLEST_BIAS, LARGEST_BIAS = 6, 15

RECOVERY = {
    "1nA": (1e-9, Selection(0, 30, 2)),
    "2nA": (2e-9, Selection(0, 15, 1)),
    "5nA": (5e-9, Selection(0, 31, 0)),
    "10nA": (10e-9, Selection(50, 15, 0)),
    "20nA": (20e-9, Selection(78, 7, 0)),
    "50nA": (50e-9, Selection(22, 3, 0)),
    "100nA": (100e-9, Selection(56, 1, 0)),
    "200nA": (200e-9, Selection(71, 0, 0)),
    "500nA": (500e-9, Selection(26, 0, 0)),
    "1uA": (1e-6, Selection(9, 0, 0)),
}

TRIM_PER_STEP = 1 / 512  # the model's choice: Intan's software names the trim's range, not its effect
TRIM_MIDDLE = 128


def selected(word: int) -> Selection:
    """The selectors in a content of register 34 or 37."""
    return Selection(word & 0x7F, word >> 7 & 0x3F, word >> 13 & 0x7)


def step_amperes(word: int) -> float:
    """The step that a content of register 34 makes; off the table an estimate, see `estimate`."""
    found = selected(word)
    return next((step.amperes for step in STEPS.values() if step.selection == found), estimate(found, 204e-6))


def recovery_amperes(word: int) -> float:
    """The limit of charge recovery that a content of register 37 makes; off the table an estimate."""
    found = selected(word)
    return next((amperes for amperes, selection in RECOVERY.values() if selection == found), estimate(found, 15.8e-6))


def estimate(selection: Selection, scale: float) -> float:
    """Amperes of a selection that is in no table.

    Every row of the tables lies within 13 % of scale / (8 + sel1 + 100 sel2 + 6200 sel3), as a current mirror with three
    resistors in series would make it. An emulated chip needs an answer for every content that a host may write.
    """
    return scale / (8 + selection.sel1 + 100 * selection.sel2 + 6200 * selection.sel3)


def amplitude(content: int, step: float) -> float:
    """Amperes that an amplitude register (trim in the high byte, magnitude in the low) makes with a step in amperes."""
    trim = (content >> 8) - TRIM_MIDDLE
    return step * (content & 0xFF) * (1 + trim * TRIM_PER_STEP)


def amplitude_word(magnitude: int, trim: int = 0) -> int:
    """The content of an amplitude register for 0 to 255 steps and a trim of -128 to 127."""
    if not (0 <= magnitude <= 255 and -128 <= trim <= 127):
        raise ValueError(f"a magnitude is 0 to 255 and a trim -128 to 127, not {magnitude} and {trim}")
    return (trim + TRIM_MIDDLE) << 8 | magnitude


def quantise(amperes: float, step: Step) -> int:
    """The largest magnitude whose current does not exceed `amperes` (0 or more); ValueError over the step's range."""
    steps = amperes / step.amperes * (1 + 1e-12)
    if not 0 <= steps < 256:
        raise ValueError(f"{amperes:g} A lies outside of 0 to {step.largest:g} A, the range of this step")
    return int(steps)


def finest(amperes: float) -> str:
    """The name of the smallest step whose range reaches `amperes`; ValueError over 2.55 mA."""
    name = next((name for name, step in STEPS.items() if step.largest * (1 + 1e-12) >= amperes), None)
    if name is None:
        raise ValueError(f"{amperes:g} A is more than a stimulator gives, {STEPS['10uA'].largest:g} A")
    return name


def target_V(content: int) -> float:
    """The voltage that charge recovery aims at, from register 36: (code - 128) 1.225 / 128 volts."""
    return ((content & 0xFF) - 128) * 1.225 / 128
