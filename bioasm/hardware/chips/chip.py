"""Common parts of all chips: the two-deep pipeline of results, the clock in words, registers and blocks of samples."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bioasm.hardware.chips.amplifiers import Amplifiers, Codes
from bioasm.hardware.chips.electrodes import Electrode
from bioasm.hardware.chips.fields import Table
from bioasm.hardware.chips.filters import Floats

OFFSET_ERROR = range(64, 513)  # codes by which an ADC that was not started properly is off, either way


@dataclass(slots=True)
class Surroundings:
    """Auxiliary measurements of a chip: auxiliary inputs and supply in volts, temperature in degrees."""

    aux_V: list[float] = field(default_factory=lambda: [1.0, 1.0, 1.0])
    supply_V: float = 3.3
    temperature_C: float = 37.0


class Chip(ABC):
    """A chip that answers SPI words; `inputs` are the electrodes' voltages in microvolts, one each.

    `clock` counts words since power-up, at `words_per_sample` words in each of `sample_rate` periods a second.
    """

    name: str
    amplifiers: int
    table: Table
    registers: int
    marker: int
    words_per_sample: int
    can_stimulate = False

    def __init__(self, sample_rate: float, words_per_sample: int | None, seed: int) -> None:
        self.seed = seed
        self.inputs: Floats = np.zeros(self.amplifiers)
        self.surroundings = Surroundings()
        self.electrodes = [Electrode()] * self.amplifiers
        self.rom = self.read_only()
        self.set_rate(sample_rate, words_per_sample)

    @abstractmethod
    def read_only(self) -> dict[int, int]:
        """Read-only registers and their values."""

    @abstractmethod
    def start(self) -> None:
        """Bring everything but the registers to its state at power-up."""

    @abstractmethod
    def execute(self, word: int) -> Any:
        """Do what a command says and return its result, which is sent two words later."""

    @abstractmethod
    def sampling_period(self) -> list[int]:
        """The words of a sample period, as `convert_block` takes them."""

    @abstractmethod
    def read(self, number: int) -> Any:
        """The result of a READ."""

    @abstractmethod
    def converted(self, row: list[int], k: int) -> Any:
        """The result of CONVERT k of a period whose amplifiers gave the codes `row`."""

    @abstractmethod
    def convert_periods(self, microvolts: Floats) -> Codes:
        """The amplifier results [m, channels] of `m` periods that start at `clock`."""

    # --- power and time -----------------------------------------------------------------------------

    @property
    def word_bits(self) -> int:
        """Bits of a word: twice those of a register."""
        return 2 * self.table.width

    @property
    def word_period(self) -> float:
        """Seconds a word."""
        return 1 / (self.sample_rate * self.words_per_sample)

    def set_rate(self, sample_rate: float, words_per_sample: int | None = None) -> None:
        """Sampling rate of each channel in hertz and words a sample; the chip is switched off and on for it."""
        words = words_per_sample or self.words_per_sample
        if not sample_rate > 0 or words < self.converts:
            raise ValueError(f"{self.name} has no sample period of {words} words at {sample_rate} Hz")
        self.sample_rate, self.words_per_sample = float(sample_rate), words
        self.power_cycle()

    def power_cycle(self) -> None:
        """Off and on: RAM and the first results are undefined (drawn from the seed), the clock is 0."""
        random = np.random.default_rng([self.seed, zlib.crc32(self.name.encode())])
        self.clock = 0
        self.ram = random.integers(0, 1 << self.table.width, self.registers).tolist()
        self.pipeline = [self.undefined(random), self.undefined(random)]
        self.offset_error = int(random.choice(OFFSET_ERROR)) * int(random.choice((-1, 1)))
        self.chain = Amplifiers(self.amplifiers)
        self.cycle = 0
        self.start()

    def undefined(self, random: np.random.Generator) -> Any:
        """A result that was in the pipeline before any command."""
        return int(random.integers(0, 1 << self.word_bits))

    # --- words --------------------------------------------------------------------------------------

    @property
    def converts(self) -> int:
        """How many CONVERTs reach all amplifiers."""
        return self.amplifiers

    def transfer(self, mosi: int) -> Any:
        """Exchange one word: the result of the command of two words before. ValueError if `mosi` has too many bits."""
        if not 0 <= mosi < 1 << self.word_bits:
            raise ValueError(f"{mosi:#x} is no word of {self.word_bits} bits")
        self.run(mosi)
        return self.pipeline.pop(0)

    def transfer_all(self, words: Iterable[int]) -> list[Any]:
        """Exchange words in order."""
        return [self.transfer(word) for word in words]

    def run(self, word: int) -> Any:
        """Let one word's time pass, then do what it says; the result goes into the pipeline."""
        self.elapse()
        result = self.execute(word)
        self.pipeline.append(result)
        return result

    def elapse(self) -> None:
        """Let one word's time pass."""
        self.clock += 1

    def convert_block(self, microvolts: Floats) -> Codes:
        """Codes uint16[amplifiers, m] of samples float64[amplifiers, m] in microvolts, as `m` sample periods give them.

        A period is CONVERT 0, 1, ... and then READs of a ROM register until `words_per_sample`. Filters, pipeline, clock and
        electrodes end as after the words.
        """
        samples = np.ascontiguousarray(np.asarray(microvolts, dtype=np.float64).T)
        if samples.ndim != 2 or samples.shape[1] != self.amplifiers:
            raise ValueError(f"{self.name} takes samples of {self.amplifiers} channels, not an array of {microvolts.shape}")
        if not len(samples):
            return np.empty((self.amplifiers, 0), dtype=np.uint16)
        codes = self.convert_periods(samples)
        self.inputs[:] = samples[-1]
        return np.ascontiguousarray(codes.T)

    def period_by_words(self, row: Floats) -> list[int]:
        """The codes of one period, made of words."""
        self.inputs[:] = row
        results = [self.run(word) for word in self.sampling_period()]
        del self.pipeline[:-2]
        return self.codes_of(results[: self.converts])

    def codes_of(self, results: list[Any]) -> list[int]:
        """The amplifiers' codes in the results of the CONVERTs of a period."""
        return results

    def reclock(self, codes: Codes) -> None:
        """Count the words of whole periods with these codes, and leave in the pipeline what the last two words left."""
        self.clock += len(codes) * self.words_per_sample
        last = range(self.words_per_sample - 2, self.words_per_sample)
        row = [int(code) for code in codes[-1]]
        self.pipeline = [self.converted(row, k) if k < self.converts else self.read(self.marker) for k in last]

    # --- registers ----------------------------------------------------------------------------------

    def register(self, number: int) -> int:
        """A register's content now, without a word on the bus; 0 where there is none."""
        if number in self.rom:
            return self.rom[number]
        return int(self.ram[number]) if number < len(self.ram) else 0

    def override(self, number: int, value: int) -> None:
        """Let a read-only register hold another value, as a wrong or broken chip would."""
        self.rom[number] = value

    def set_electrode(self, channel: int, electrode: Electrode) -> None:
        """Put another electrode at a channel."""
        self.electrodes[channel] = electrode

    def values(self) -> dict[str, int]:
        """All register fields by name, see the chip's table."""
        fields = (field for field in self.table.fields if field.register < len(self.ram))
        return {field.name: field.take(int(self.ram[field.register])) for field in fields}
