"""Times of stimulation on the Cortex-M7 and M4 in QEMU's virtual time, from words that a chip inside the image saw.

Virtual time follows the instructions that were executed, so that a computer that is busy changes nothing. The image never
sleeps, as time would go on by itself meanwhile.
"""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from bioasm.firmware.emulation import retained_loader
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.serial_port import open_port
from tests.firmware.boards import missing, running
from tests.firmware.conftest import make
from tests.firmware.stimulating import PULSE, armed, die, history, wait_for

WATCHDOG = 1.0
PROCESSORS = ["m7", pytest.param("m4", marks=pytest.mark.long)]
CLOCK = ("-icount", "shift=3,align=on")  # 8 ns an instruction, never ahead of the host's time


class Word(NamedTuple):
    """A word to the register of currents: seconds since the start, seconds without the host, and the channels that are on."""

    when: float
    silence: float
    on: int


@contextmanager
def board(processor: str, builds: Path, folder: Path) -> Iterator[tuple[HostLink, Callable[[], list[Word]]]]:
    """A link to a board whose electrodes hold no charge, and its words so far."""
    lack = missing(processor)
    if lack is not None:
        pytest.skip(lack)
    image, told = make(builds, f"timed-{processor}.elf"), folder / "words"
    words = [*CLOCK, *retained_loader(history(folder)), "-device", "loader,addr=0x203fffc0,data=1,data-len=4"]

    def read() -> list[Word]:
        data = told.read_bytes()
        rows = struct.iter_unpack("<QQQ", data[: len(data) // 24 * 24])
        return [Word(when * 1e-6, silence * 1e-6, word & 0xFFFF) for when, silence, word in rows]

    with running(processor, image, *words, second=f"file:{told}") as port:
        link = HostLink(open_port(port, 1_000_000), "tests")
        try:
            link.connect(10.0)
            yield link, read
        finally:
            link.close()


def turned(words: list[Word]) -> list[Word]:
    """The words that changed what is on."""
    return [b for a, b in zip([Word(0, 0, 0), *words], words, strict=False) if a.on != b.on]


@pytest.mark.parametrize("processor", PROCESSORS)
def test_silence_ends_stimulation_within_its_time(processor: str, builds: Path, tmp_path: Path) -> None:
    with board(processor, builds, tmp_path) as (link, words):
        armed(link, WATCHDOG)
        link.request(m.Stimulate((1, 2), 300, 10_000_000, m.NOW, PULSE))
        wait_for(lambda: len(turned(words())) > 20)
        die(link)
        wait_for(lambda: bool(words()) and words()[-1].silence > WATCHDOG)
        found = words()
    on = [word.silence for word in found if word.on]
    assert WATCHDOG / 2 < max(on) < WATCHDOG + 0.010
    assert found[-1].on == 0
    assert WATCHDOG <= found[-1].silence < WATCHDOG + 0.010  # the word that disarms the chip


@pytest.mark.long
@pytest.mark.parametrize(("processor", "late"), [("m7", 10e-6), ("m4", 50e-6)])  # an M4 computes float64 in software
def test_phases_last_as_long_whatever_comes_over_the_line(processor: str, late: float, builds: Path, tmp_path: Path) -> None:
    rng = random.Random(1)
    with board(processor, builds, tmp_path) as (link, words):
        armed(link, 2.0)
        link.request(m.Stimulate((1,), 100, 10_000_000, m.NOW, PULSE))
        wait_for(lambda: len(words()) > 5)
        while len(turned(words())) < 100:
            link.transport.write(rng.randbytes(400))
            time.sleep(0.01)
        found = turned(words())
    lengths = np.array([after.when - word.when for word, after in zip(found, found[1:], strict=False) if word.on])
    assert len(lengths) >= 49
    off = np.abs(lengths - 200e-6)  # interrupts of the line come between: on a busy computer more of them than a line has bytes
    assert np.median(off) < late
    assert off.max() < 50e-6, off.max()
