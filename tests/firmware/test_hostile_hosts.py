"""No host, whatever it sends, makes the firmware's SPI words exceed a limit of the table that it is armed with.

The words that write registers, and when in words they left, are made into currents here. RAW is subscribed, so that every
sample has its words and time in words is that of the board: pauses between pulses are seen too.
"""

from __future__ import annotations

import hashlib
import random
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from math import log10
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.hardware.chips.rhs_registers import ARMING, NEGATIVE, POSITIVE, TRIGGERED
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.errors import BoardRefused
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import Kind, State, Stream
from bioasm.hardware.link.serial_port import open_port
from bioasm.safety import DEFAULT_LIMITS, Electrode, Limits, LimitsTable
from bioasm.safety.materials import MICROCOULOMB_PER_CM2
from tests.firmware.boards import running
from tests.firmware.conftest import make
from tests.firmware.stimulating import history, wait_for

TICK = 50e-6
WORD = TICK / 20
STEP = 50e-9
UPDATE = 1 << 29
SLACK = 0.2 * TICK + 1e-9  # words of one sample lie within a fifth of it
TIGHTER = {"max_current": 3e-6, "max_charge": 0.6e-9, "max_width": 0.3e-3, "max_rate": 40.0, "max_duty": 0.06}
TIGHTER |= {"max_total_current": 15e-6, "max_simultaneous": 2, "min_phases": 3, "min_width": 100e-6, "min_gap": 8e-3}
LOOSER = {name: getattr(DEFAULT_LIMITS, name) * (0.99 if "min" in name else 1.01) for name in TIGHTER}
LOOSER |= {"max_simultaneous": 9, "min_phases": 1}


class Spoiled(m.Request):
    """A message of any type with any bytes."""

    TYPE: ClassVar[int] = 0

    def __init__(self, kind: int, data: bytes) -> None:
        self.kind, self.data = kind, data

    def __getattribute__(self, name: str) -> Any:
        return self.kind if name == "TYPE" else super().__getattribute__(name)

    def pack(self) -> bytes:
        return self.data


def table(rng: random.Random, name: str, value: float) -> LimitsTable:
    """The board's limits but for one of them, and electrodes that it has or smaller ones."""
    channels = rng.sample(range(16), rng.choice((9, 16)))
    electrodes = {channel: Electrode.disk(rng.choice((100e-6, 70e-6))) for channel in channels}
    return LimitsTable(replace(DEFAULT_LIMITS, **{name: value}), electrodes)  # type: ignore[arg-type]


def phases(rng: random.Random) -> list[m.Phase]:
    """Phases near the limits, on this side or the other of them."""
    level, width = rng.choice((1, 10, 20, 40, 60, 61, 200, 201)), rng.choice((1, 2, 4, 6, 7, 20, 21))
    shapes = [
        [(level, width), (-level, width)],
        [(level, width), (1 - level, width)],
    ] * 3  # a step short of balance, to one side
    shapes.append([(level, width), (level, width), (-level, width), (-level, width)])
    third = max(width // 3, 1)
    shapes.append([(level, width), (-level, third), (level, width), (-level, width), (level, third), (-level, width)])
    shapes.append([((-1) ** k * rng.randrange(1, 256), rng.randrange(1, 21)) for k in range(rng.choice((1, 2, 3, 16, 17)))])
    shapes.append([(rng.randrange(-(1 << 20), 1 << 20), rng.randrange(80_000)) for _ in range(2)])
    return [m.Phase(50 * steps, 50_000 * samples) for steps, samples in rng.choice(shapes)]


def pulse(rng: random.Random) -> m.Stimulate:
    """A pulse or a train of them."""
    channels = tuple(rng.sample(range(16), rng.choice((1, 1, 1, 2, 3, 9))))
    period = rng.choice((0, 1, 300_000, 10**6, 5 * 10**6, 10**7))
    return m.Stimulate(channels, rng.choice((1, 3, 20, 20)), period, m.NOW, tuple(phases(rng)))


def spoiled(rng: random.Random) -> m.Request:
    """A pulse, an ARM or an upload of limits of which some bytes were changed."""
    kinds: list[m.Request] = [pulse(rng), pulse(rng), m.Arm(bytes(32), rng.choice((0, 50, 2000, 65535)))]
    kinds += [m.UploadBegin(Kind.LIMITS, 434, bytes(32)), m.UploadEnd(Kind.LIMITS, bytes(32))]
    chosen = rng.choice(kinds)
    data = bytearray(chosen.pack())
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] = rng.choice((0, 1, 127, 128, 255, rng.randrange(256)))
    return Spoiled(chosen.TYPE, bytes(data[: rng.choice((len(data), len(data), rng.randrange(len(data) + 1)))]))


def accepted(this: HostLink, request: m.Request) -> bool:
    try:
        this.request(request)
    except BoardRefused:
        return False
    except BioasmError as other:
        if other.diagnostics[0].code != "B515":  # changed bytes may begin an upload of another kind
            raise
        return False
    return True


def arm(this: HostLink, rng: random.Random, tightened: str) -> LimitsTable:
    """Arm with tighter limits; looser ones are refused before, and can't be armed with."""
    for name in rng.sample(list(LOOSER), 3):
        wrong = table(rng, name, LOOSER[name]).to_bytes()
        with pytest.raises(BoardRefused):
            this.upload(Kind.LIMITS, wrong)
        assert not accepted(this, m.Arm(hashlib.sha256(wrong).digest(), 2000))
    limits = table(rng, tightened, TIGHTER[tightened])
    this.upload(Kind.LIMITS, limits.to_bytes())
    this.request(m.Arm(hashlib.sha256(limits.to_bytes()).digest(), 2000))
    return limits


def attack(this: HostLink, rng: random.Random, requests: int) -> int:
    """Pulses, spoiled messages and noise on the wire; how many pulses were accepted."""
    taken = 0
    for _ in range(requests):
        kind = rng.random()
        if kind < 0.6:
            taken += accepted(this, pulse(rng))
        elif kind < 0.95:
            accepted(this, spoiled(rng))
        else:
            this.transport.write(rng.randbytes(rng.randrange(300)))
        listen(this, 0.01)
    return taken


def calm(this: HostLink, rng: random.Random) -> None:
    """End the episode by an emergency stop or DISARM, and wait until no current is left."""
    if rng.random() < 0.5:
        this.estop(10.0)
        wait_for(lambda: this.state is State.FAULT)
        this.request(m.ClearFault())
    elif this.state is State.FAULT:
        this.request(m.ClearFault())
    else:
        this.request(m.Disarm())


def listen(this: HostLink, seconds: float) -> None:
    """Take what the board tells, and forget it."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        this.next_event(0.002)


@contextmanager
def recording(builds: Path, folder: Path) -> Iterator[tuple[HostLink, Callable[[], list[Flow]]]]:
    """A link to a board whose chip records its words, and the currents since the last call, when none flows."""
    image, told = make(builds, "recording"), folder / "words"
    chip, at = Chip(), 0

    def flows() -> list[Flow]:
        nonlocal at
        data = told.read_bytes()[at:]
        at += len(data)
        for count, word in struct.iter_unpack("<QQ", data):
            chip.word(count, word)
        assert not chip.flowing
        found, chip.over = chip.over, []
        return found

    words = ["--retained", str(history(folder)), "--words", str(told)]
    with running("host", image, *words) as port, HostLink(open_port(port, 1_000_000), "tests") as link:
        link.connect(10.0)
        link.request(m.Subscribe(1 << Stream.RAW, (0,)))
        yield link, flows


@pytest.mark.parametrize(("seed", "episodes"), [(0, 2), *(pytest.param(k, 10, marks=pytest.mark.long) for k in range(1, 7))])
def test_no_host_makes_words_that_exceed_a_limit(seed: int, episodes: int, builds: Path, tmp_path: Path) -> None:
    rng, pulses = random.Random(seed), 0
    every: dict[int, list[list[Flow]]] = {}
    with recording(builds, tmp_path) as (this, flows):
        for episode in range(episodes):
            limits = arm(this, rng, list(TIGHTER)[episode % len(TIGHTER)])
            attack(this, rng, 60)
            calm(this, rng)
            found = flows()
            pulses += within(limits, found)
            for channel, made in trains(found).items():
                every.setdefault(channel, []).extend(made)
    for made in every.values():
        pauses(DEFAULT_LIMITS, made)
        nets(made)
    assert pulses > 4 * episodes


# --- the currents that words make ---------------------------------------------------------------------


class Flow(NamedTuple):
    """A stretch of one current on one channel, in seconds."""

    channel: int
    start: float
    stop: float
    amperes: float


class Chip:
    """Registers of a stimulator, of which those that are triggered wait for the flag U; and what flowed."""

    def __init__(self) -> None:
        self.registers: dict[int, int] = {}
        self.waiting: dict[int, int] = {}
        self.flowing: dict[int, tuple[float, float]] = {}
        self.over: list[Flow] = []

    def word(self, count: int, word: int) -> None:
        """The count-th word, which writes a register."""
        number = word >> 16 & 0xFF
        (self.waiting if number in TRIGGERED else self.registers)[number] = word & 0xFFFF
        if word & UPDATE:
            self.registers |= self.waiting
            self.waiting = {}
        for channel in range(16):
            self.follow(channel, count * WORD)

    def amperes(self, channel: int) -> float:
        """The current that the registers ask of a channel."""
        if any(self.registers.get(number) != magic for number, magic in ARMING.items()) or not self.bit(42, channel):
            return 0.0
        assert self.registers[34] == 0x1440  # steps of 50 nA
        positive = self.bit(44, channel)
        return (1 if positive else -1) * (self.registers[(POSITIVE if positive else NEGATIVE)[channel]] & 0xFF) * STEP

    def bit(self, number: int, channel: int) -> int:
        """A channel's bit of a register."""
        return self.registers.get(number, 0) >> channel & 1

    def follow(self, channel: int, now: float) -> None:
        """End what flowed where another current flows now."""
        amperes = self.amperes(channel)
        start, before = self.flowing.get(channel, (now, 0.0))
        if amperes == before:
            return
        if before:
            self.over.append(Flow(channel, start, now, before))
        self.flowing[channel] = (now, amperes)
        if not amperes:
            del self.flowing[channel]


# --- the limits of what left the chip -----------------------------------------------------------------


def within(limits: LimitsTable, phases: list[Flow]) -> int:
    """Check the pulses of an episode against the table it was armed with; how many there were."""
    found = trains(phases)
    for channel, made in found.items():
        assert channel in limits.electrodes
        for one in made:
            shape(limits.limits, limits.electrodes[channel], one)
        pauses(limits.limits, made)
    together(limits.limits, phases)
    return sum(map(len, found.values()))


def trains(phases: list[Flow]) -> dict[int, list[list[Flow]]]:
    """The pulses of each channel: phases that follow on each other at once."""
    found: dict[int, list[list[Flow]]] = {}
    for phase in sorted(phases, key=lambda phase: phase.start):
        mine = found.setdefault(phase.channel, [])
        if mine and phase.start - mine[-1][-1].stop < TICK / 2:
            mine[-1].append(phase)
        else:
            mine.append([phase])
    return found


def shape(limits: Limits, electrode: Electrode, one: list[Flow]) -> None:
    """Currents, widths, charges, densities, signs and balance of a pulse."""
    held, charges = 0.0, []
    assert len(one) >= limits.min_phases
    assert all(a.amperes * b.amperes < 0 for a, b in pairwise(one))
    for phase in one:
        width, moved = phase.stop - phase.start, phase.amperes * TICK * round((phase.stop - phase.start) / TICK)
        assert limits.min_width - SLACK <= width <= limits.max_width + SLACK
        assert abs(phase.amperes) <= limits.max_current * (1 + 1e-6)
        held += moved
        charges.append(abs(moved))
        charge(limits, electrode, abs(moved))
        charge(limits, electrode, abs(held))
    usual, coarse = limits.net_fraction * min(charges), 50e-9 * min(round((p.stop - p.start) / TICK) * TICK for p in one)
    assert abs(held) <= min(max(usual, coarse), limits.net_cap * min(charges)) + 1e-6 * min(charges)


def charge(limits: Limits, electrode: Electrode, coulombs: float) -> None:
    """What a phase brings, and what is held after it."""
    density = coulombs / electrode.area
    assert coulombs <= limits.max_charge * (1 + 1e-6)
    assert density <= limits.unknown_density * (1 + 1e-6)
    if density:
        assert log10(density / MICROCOULOMB_PER_CM2) + log10(coulombs * 1e6) <= limits.shannon_k + 1e-6


def pauses(limits: Limits, made: list[list[Flow]]) -> None:
    """Rate, gap and duty between the pulses of a channel."""
    for before, after in pairwise(made):
        period, length = after[0].start - before[0].start, before[-1].stop - before[0].start
        assert after[0].start - before[-1].stop >= limits.min_gap - SLACK
        assert period >= 1 / limits.max_rate - SLACK
        assert length - SLACK <= limits.max_duty * (period + SLACK)


def nets(made: list[list[Flow]]) -> None:
    """What a channel holds after any of its pulses, where nothing leaks away."""
    held = 0.0
    for one in made:
        held += sum(phase.amperes * TICK * round((phase.stop - phase.start) / TICK) for phase in one)
        assert abs(held) <= DEFAULT_LIMITS.net_fraction * DEFAULT_LIMITS.max_charge * (1 + 1e-6)


def together(limits: Limits, phases: list[Flow]) -> None:
    """How many channels are on at a time, and their currents in all."""
    for count, total in sums(phases):
        assert count <= limits.max_simultaneous
        assert total <= limits.max_total_current * (1 + 1e-6)


def sums(phases: list[Flow]) -> Iterator[tuple[int, float]]:
    """Channels that are on and the sum of their currents, after each change."""
    changes = [(p.stop - SLACK, -1, -abs(p.amperes)) for p in phases] + [(p.start, 1, abs(p.amperes)) for p in phases]
    count, total = 0, 0.0
    for _, more, current in sorted(changes):
        count, total = count + more, total + current
        yield count, total
