"""Stimulation by the firmware on a modelled chip: what flows, what is refused, and that it stops."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bioasm.firmware.emulation import FirmwareBoard, rhs_chip
from bioasm.hardware.chips.rhs import Rhs2116
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.errors import BoardRefused
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import Kind, Refusal, State, StimOutcome
from bioasm.hardware.link.serial_port import open_port
from bioasm.safety import DEFAULT_LIMITS, Electrode, LimitsTable
from tests.firmware.boards import PATIENCE
from tests.firmware.stimulating import PULSE, armed, die, history, wait_for

KINDS = ["firmware:host", *(pytest.param(f"qemu:{name}", marks=pytest.mark.long) for name in ("m7", "m4"))]
NAMES = {"firmware:host": "host", "qemu:m7": "m7", "qemu:m4": "m4"}


class Rig:
    """A board with a chip and a link to it."""

    def __init__(self, board: FirmwareBoard) -> None:
        assert isinstance(board.chip, Rhs2116)
        self.board, self.chip = board, board.chip
        self.link = HostLink(open_port(board.port, 1_000_000), "tests")
        self.link.connect(10.0)
        self.events: list[m.Message] = []

    def listen(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            event = self.link.next_event(0.02)
            if event is not None:
                self.events.append(event.message)

    def stims(self) -> list[m.Stim]:
        return [event for event in self.events if isinstance(event, m.Stim)]


@contextmanager
def rig(kind: str, image: Callable[[str], Path], retained: Path | None = None) -> Iterator[Rig]:
    with FirmwareBoard(kind, image(NAMES[kind]), rhs_chip(), retained) as board:
        made = Rig(board)
        try:
            yield made
        finally:
            made.link.close()


@pytest.fixture
def known(tmp_path: Path) -> Path:
    """The memory of a board whose electrodes never stimulated."""
    return history(tmp_path)


def delivered(chip: Rhs2116) -> dict[int, list[float]]:
    """The charge of each phase that the chip put out, by channel."""
    found: dict[int, list[float]] = {}
    for phase in chip.drain_events():
        found.setdefault(phase.channel, []).append(phase.coulombs)
    return found


def stimulated(this: Rig, tries: int = 10) -> None:
    """Have two pulses flow, again where the watchdog ended them: a busy computer holds an emulated board up for longer."""
    this.events.clear()
    delivered(this.chip)
    armed(this.link)
    this.link.request(m.Stimulate((3, 7), 2, 5_000_000, m.NOW, PULSE))
    this.listen(PATIENCE, lambda: len(this.stims()) == 4 or this.link.state is State.DISARMED)
    if this.link.state is State.DISARMED and tries:
        stimulated(this, tries - 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pulse_flows_as_it_was_asked_for(kind: str, image: Callable[[str], Path], known: Path) -> None:
    with rig(kind, image, known) as this:
        assert this.link.capabilities.chips == (m.Chip("rhs2116", 16),)
        stimulated(this)
        assert [(s.channel, s.outcome) for s in this.stims()] == [(3, StimOutcome.DELIVERED), (7, StimOutcome.DELIVERED)] * 2
        assert np.allclose(this.stims()[0].charges, (-5e-10, 5e-10))
        found = delivered(this.chip)
        assert set(found) == {3, 7}
        assert all(np.allclose(charges, [-5e-10, 5e-10] * 2, rtol=1e-6) for charges in found.values())
        this.link.request(m.Disarm())


REFUSED = {
    "too large a current": (m.Phase(-10_050, 50_000), m.Phase(10_050, 50_000)),
    "too much charge": (m.Phase(-10_000, 350_000), m.Phase(10_000, 350_000)),
    "not balanced": (m.Phase(-5000, 100_000), m.Phase(4000, 100_000)),
    "one sign": (m.Phase(-5000, 100_000), m.Phase(-5000, 100_000)),
    "one phase": (m.Phase(-5000, 100_000),),
    "no whole step": (m.Phase(-5020, 100_000), m.Phase(5020, 100_000)),
    "no whole sample": (m.Phase(-5000, 110_000), m.Phase(5000, 110_000)),
    "no phase": (),
    "a hundred phases": (m.Phase(-5000, 50_000), m.Phase(5000, 50_000)) * 50,
}


def test_what_is_unsafe_is_refused_and_nothing_flows(image: Callable[[str], Path], known: Path) -> None:
    with rig("firmware:host", image, known) as this:
        with pytest.raises(BoardRefused) as refused:
            this.link.request(m.Stimulate((3,), 1, 0, m.NOW, PULSE))
        assert refused.value.refused.reason is Refusal.STATE
        armed(this.link)
        for name, phases in REFUSED.items():
            with pytest.raises(BoardRefused) as refused:
                this.link.request(m.Stimulate((3,), 1, 0, m.NOW, phases))
            assert refused.value.refused.reason is Refusal.UNSAFE, name
        for channels, count, period in (
            ((16,), 1, 0),
            ((3, 3), 1, 0),
            ((), 1, 0),
            ((3,), 0, 0),
            ((3,), 2, 0),
            ((3,), 5000, 10**7),
        ):
            with pytest.raises(BoardRefused):
                this.link.request(m.Stimulate(channels, count, period, m.NOW, PULSE))
        this.listen(0.3)
        assert delivered(this.chip) == {}


def test_limits_looser_than_the_boards_are_refused(image: Callable[[str], Path], known: Path) -> None:
    with rig("firmware:host", image, known) as this:
        for table in (
            LimitsTable(DEFAULT_LIMITS, {0: Electrode.disk(101e-6)}),
            LimitsTable(DEFAULT_LIMITS, {0: Electrode.disk(50e-6, "platinum"), 16: Electrode.disk(50e-6)}),
            LimitsTable(DEFAULT_LIMITS, {0: Electrode.disk(50e-6, "PEDOT")}),
        ):
            with pytest.raises(BoardRefused) as refused:
                this.link.upload(Kind.LIMITS, table.to_bytes())
            assert refused.value.refused.reason is Refusal.BAD_LIMITS


def test_what_charge_is_not_known_keeps_a_board_disarmed(image: Callable[[str], Path], tmp_path: Path) -> None:
    damaged = tmp_path / "retained"
    damaged.write_bytes(random.Random(1).randbytes(1024))
    with rig("firmware:host", image, damaged) as this:
        with pytest.raises(BoardRefused) as refused:
            armed(this.link)
        assert refused.value.refused.reason is Refusal.UNSAFE
        assert 5 < refused.value.refused.value <= 10


def turns_on(word: int) -> bool:
    """Whether a word writes currents that are on to the register of currents."""
    return word >> 30 == 2 and word >> 16 & 0xFF == 42 and word & 0xFFFF != 0


def test_silence_ends_stimulation(image: Callable[[str], Path], known: Path) -> None:
    """A train of 9 s ends before its time where the host dies, and the chip is disarmed (when, tells `test_time.py`)."""
    words: list[int] = []
    disarmed = [0x802A0000, 0xA02EFFFF, 0x80200000, 0x80210000]
    with FirmwareBoard("firmware:host", image("host"), rhs_chip(), known, words.append) as board:
        this = Rig(board)
        armed(this.link)
        this.link.request(m.Stimulate((1,), 900, 10_000_000, m.NOW, PULSE))
        wait_for(lambda: sum(map(turns_on, words)) > 20)
        die(this.link)
        wait_for(lambda: [word for word in words[-40:] if word >> 30 == 2][-4:] == disarmed)
        assert 20 < sum(map(turns_on, words)) < 900
        this.link.transport.close()


def test_emergency_stop_ends_a_train(image: Callable[[str], Path], known: Path) -> None:
    with rig("firmware:host", image, known) as this:
        armed(this.link)
        this.link.request(m.Stimulate((1,), 300, 10_000_000, m.NOW, PULSE))
        wait_for(lambda: bool(delivered(this.chip)))
        this.link.estop(10.0)
        delivered(this.chip)
        this.listen(PATIENCE, lambda: any(s.outcome is StimOutcome.DROPPED for s in this.stims()))
        this.listen(PATIENCE, lambda: this.link.state is State.FAULT)
        assert this.link.state is State.FAULT
        assert any(s.outcome is StimOutcome.DROPPED for s in this.stims())
        this.listen(0.3)
        assert delivered(this.chip) == {}
