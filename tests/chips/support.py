"""Chips that are ready to record, for the tests."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from bioasm.hardware.chips import open_chip, sequences, settings
from bioasm.hardware.chips.fields import pack
from bioasm.hardware.chips.rhd import Rhd
from bioasm.hardware.chips.rhs import Rhs2116
from bioasm.hardware.chips.words import rhd, rhs

MARK = rhd.read(40)
STEADY = {"dsp_Hz": None}


def recorder(name: str = "rhd2132", sample_rate: float = 20000.0, **wanted: Any) -> Rhd:
    """An RHD chip after its power-up sequence."""
    chip = open_chip(name, sample_rate, seed=3)
    image = settings.rhd_image(sample_rate, amplifiers=chip.amplifiers, **wanted)
    chip.transfer_all(sequences.rhd_power_up(image, chip.word_period))
    return chip


def stimulator(sample_rate: float = 30000.0, armed: bool = True, **wanted: Any) -> Rhs2116:
    """An RHS2116 after its power-up sequence."""
    chip = open_chip("rhs2116", sample_rate, seed=3)
    chip.transfer_all(sequences.rhs_power_up(settings.rhs_image(sample_rate, **wanted)) + (sequences.arm() if armed else []))
    return chip


def ready(name: str, **wanted: Any) -> Rhd | Rhs2116:
    """Any chip, ready to record."""
    return stimulator(**wanted) if name == "rhs2116" else recorder(name, **wanted)


def ask(chip: Rhd | Rhs2116, *words: int) -> list[Any]:
    """The results of words themselves, fetched with two more."""
    dummy = rhs.read(255) if chip.word_bits == 32 else MARK
    return chip.transfer_all([*words, dummy, dummy])[2:]


def assign(chip: Rhd | Rhs2116, **values: int) -> None:
    """Write fields by name, and leave the other bits of their registers as they are."""
    now = chip.values()
    touched = {chip.table.by_name[name].register for name in values}
    fields = {f.name: now[f.name] for f in chip.table.fields if f.register in touched} | values
    write = rhs.write if chip.word_bits == 32 else rhd.write
    chip.transfer_all([write(number, value) for number, value in pack(chip.table, fields).items() if number in touched])


def spent(chip: Rhs2116, words: int) -> None:
    """Let words pass that change nothing."""
    chip.transfer_all([rhs.read(255)] * words)


@cache
def noise(channels: int, length: int, size: float = 300.0) -> np.ndarray:
    """Samples [channels, length] in microvolts, always the same."""
    return np.random.default_rng([channels, length]).normal(0, size, (channels, length))
