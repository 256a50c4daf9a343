"""The SPI bus between the firmware and a chip, with fault injection of a broken wire."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.hardware.chips.chip import Chip

Array = NDArray[Any]


class Bus:
    """One chip on a bus. With `stuck` of 0x0000 or 0xFFFF every result reads as that."""

    def __init__(self, chip: Chip) -> None:
        self.chip = chip
        self.stuck: int | None = None

    def transfer(self, word: int) -> tuple[int, ...]:
        """Exchange one word: its result on MISO A, and on MISO B where the chip has one."""
        result = self.chip.transfer(word)
        results = result if isinstance(result, tuple) else (result,)
        return results if self.stuck is None else tuple(self._wrong() for _ in results)

    def transfer_all(self, words: list[int]) -> list[tuple[int, ...]]:
        """Exchange words in their order."""
        return [self.transfer(word) for word in words]

    def convert_block(self, microvolts: Array) -> Array:
        """The codes (samples, channels) of whole sample periods, given the electrodes' voltages (samples, channels) in uV."""
        codes = self.chip.convert_block(np.asarray(microvolts, np.float64).T).T
        return np.asarray(codes) if self.stuck is None else np.full_like(codes, self.stuck)

    def _wrong(self) -> int:
        """The result of a stuck line, with equal bits."""
        return (1 << self.chip.word_bits) - 1 if self.stuck else 0
