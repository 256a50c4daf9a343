"""Intan chips at the level of SPI words, and the tables, registers and command lists that belong to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bioasm.hardware.chips.rhd import Rhd
    from bioasm.hardware.chips.rhs import Rhs2116

CHIPS = ("rhd2132", "rhd2164", "rhd2216", "rhs2116")


def open_chip(name: str, sample_rate: float = 20000.0, words_per_sample: int | None = None, seed: int = 0) -> Rhd | Rhs2116:
    """A chip that was just powered up; KeyError for a name that is not in `CHIPS`.

    `sample_rate` is in hertz of one channel. `words_per_sample` is 35 for RHD chips and 20 for the RHS2116 unless given.
    """
    from bioasm.hardware.chips.rhd import Rhd2132, Rhd2164, Rhd2216
    from bioasm.hardware.chips.rhs import Rhs2116

    kinds: dict[str, type[Rhd] | type[Rhs2116]] = {
        "rhd2132": Rhd2132,
        "rhd2164": Rhd2164,
        "rhd2216": Rhd2216,
        "rhs2116": Rhs2116,
    }
    return kinds[name](sample_rate, words_per_sample, seed)
