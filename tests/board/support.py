"""A board and a host in one virtual time, programs for them, and what the chip delivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from itertools import count
from typing import Any

import numpy as np

from bioasm.binary.writer import to_bytes
from bioasm.hardware.board.server import Station
from bioasm.hardware.board.settings import BoardSettings, settings_from
from bioasm.hardware.chips.charge import Phase, pulses
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import Kind, Message, Request, State, Substrate
from bioasm.hardware.link.session import HostSession
from bioasm.hardware.link.session import Phase as SessionPhase
from bioasm.hardware.link.transport import Closed
from bioasm.results import Result
from bioasm.results.transfer import unpack_result
from bioasm.safety import DEFAULT_LIMITS, Electrode, Limits, LimitsTable
from bioasm.text.assemble import assemble

STEP = 0.005
RING = "LDJ [[0,-2,0,-2],[-2,0,-2,0],[0,-2,0,-2],[-2,0,-2,0]]\nLDH [2,2,2,2]\n"  # max-cut of a ring of four
OBSERVE = "ALC 4\nRUN 100 ms\nRD spike_count\n"
DRIVE = f"ALC 4\n{RING}RUN 200 ms\nRD\n"


def bytecode(text: str) -> bytes:
    """A program's bytecode."""
    return to_bytes(assemble(text))


def table(limits: Limits = DEFAULT_LIMITS, channels: int = 16, diameter: float = 100e-6) -> LimitsTable:
    """A limits table for the emulated array."""
    return LimitsTable(limits, {c: Electrode.disk(diameter) for c in range(channels)})


class Bench:
    """A station and a host session that share a clock, which goes by STEP a step."""

    def __init__(self, url: str = "emu:rhd2132?seed=1", settings: BoardSettings | None = None, **changed: Any) -> None:
        self.station = Station(replace(settings or settings_from(url), **changed), count(1).__next__)
        self.now = 0.0
        self.nonces = count(1)
        self.host = HostSession("bench", 1)
        self.events: list[Message] = []
        self.unplugged = False
        self.silent = False  # the host says nothing any more
        self.lives: list[list[Phase]] = []  # what flowed, from each start of the board to the next
        self._listen()

    def _listen(self) -> None:
        """Keep every phase that the chip delivers, before the firmware takes it."""
        chip = self.chip
        self.lives.append([])
        if hasattr(chip, "drain_events"):
            drain = chip.drain_events

            def kept() -> list[Phase]:
                found = drain()
                if found and self.lives[-1] and found[-1].stop < self.lives[-1][-1].start:
                    self.lives.append([])  # the chip alone was started anew
                self.lives[-1].extend(found)
                return found

            chip.drain_events = kept

    @property
    def phases(self) -> list[Phase]:
        """Every phase that was delivered, over all starts of the board."""
        return [phase for life in self.lives for phase in life]

    @property
    def firmware(self) -> Any:
        """The firmware of this moment."""
        return self.station.firmware

    @property
    def rig(self) -> Any:
        """Its rig."""
        return self.firmware.rig

    @property
    def chip(self) -> Any:
        """Its chip."""
        return self.rig.chip

    # --- time -------------------------------------------------------------------------------------------

    def step(self, data: bytes = b"") -> bytes:
        """One step of both ends; `data` goes to the board beside what the host says."""
        said = b"" if self.silent else self.host.poll(self.now)
        before = self.station.firmware
        try:
            back = self.station.step(self.now, said + data)
        except Closed:
            self.unplugged = True
            self.host.mark_lost("unplugged")
            back = b""
        if self.station.firmware is not before:
            self._listen()
        self.host.receive(back, self.now)
        while (event := self.host.next_event()) is not None:
            self.events.append(event.message)
        self.now += STEP
        return back

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self.now < end and not self.unplugged:
            self.step()

    def until(self, reached: Callable[[], bool], limit: float = 60.0) -> bool:
        """Let time pass until something is so; False where it is not within `limit` s, or the line was pulled out."""
        end = self.now + limit
        while not reached():
            if self.now >= end or self.unplugged or self.host.phase is SessionPhase.LOST:
                return reached()
            self.step()
        return True

    # --- what a host does -------------------------------------------------------------------------------

    def open(self) -> Bench:
        """Open a session."""
        self.host.greet(self.now)
        assert self.until(lambda: self.host.welcome is not None)
        return self

    def reopen(self) -> Bench:
        """Another session with the same station, as of a host that comes back."""
        self.host, self.silent = HostSession("bench", 1000 + next(self.nonces)), False
        return self.open()

    def ask(self, request: Request) -> Any:
        """Ask, and wait for the answer; None where the link is lost before."""
        pending = self.host.ask(request)
        self.until(lambda: pending.reply is not None)
        return pending.reply

    def upload(self, kind: Kind, data: bytes) -> Any:
        """Upload, and wait for the answer: the refusal, or None."""
        upload = self.host.upload(kind, data)
        self.until(lambda: upload.done)
        return getattr(upload.failure, "refused", upload.failure)

    def arm(self, limits: LimitsTable | None = None, watchdog_ms: int = 250) -> Any:
        """Load limits and arm."""
        chosen = limits or table()
        refused = self.upload(Kind.LIMITS, chosen.to_bytes())
        return refused or self.ask(m.Arm(bytes.fromhex(chosen.sha256), watchdog_ms))

    def start(self, text: str, substrate: Substrate = Substrate.CULTURE, *, number: int = 1, seed: int = 1, **more: Any) -> Any:
        """Upload a program and run it; the answer to RUN."""
        data = bytecode(text)
        refused = self.upload(Kind.PROGRAM, data)
        return refused or self.ask(m.Run(number, sha256(data).digest(), substrate, seed, **more))

    def ended(self) -> m.RunEnded | None:
        """What was told of the end of a run."""
        return next((e for e in self.events if isinstance(e, m.RunEnded)), None)

    def wait(self, limit: float = 60.0) -> m.RunEnded:
        """Wait for the end of the run."""
        self.until(lambda: self.ended() is not None, limit)
        ended = self.ended()
        assert ended is not None
        return ended

    def fetch(self, ended: m.RunEnded) -> Result:
        """Fetch a result."""
        download = self.host.fetch(ended)
        assert self.until(lambda: download.done)
        return unpack_result(bytes(download.data))

    def result(self, text: str, substrate: Substrate = Substrate.CULTURE, **more: Any) -> Result:
        """Run a program to its end, and fetch its result."""
        reply = self.start(text, substrate, **more)
        assert isinstance(reply, m.Accepted), reply
        return self.fetch(self.wait())

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of a kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    # --- what reached the electrodes ----------------------------------------------------------------------

    @property
    def off(self) -> bool:
        """Whether no current flows, and none can."""
        return not (self.chip.can_stimulate and (self.chip.armed or np.any(self.chip.stim_current)))

    def assert_harmless(self) -> None:
        """Every pulse that the chip delivered was balanced and within the default limits, and no charge is left."""
        if not self.chip.can_stimulate:
            return
        everything = self.phases + self.chip.open_phases()
        now = [*self.lives[-1], *self.chip.open_phases()]  # the times of each life begin at 0
        for pulse in [pulse for life in (*self.lives[:-1], now) for pulse in pulses(life)]:
            step = 50e-9 * max(phase.stop - phase.start for phase in pulse.phases)  # what is less can't be asked for
            assert abs(pulse.net_coulombs) <= max(0.01 * pulse.largest_coulombs, step) * (1 + 1e-9), pulse
            held = np.cumsum([phase.coulombs for phase in pulse.phases])
            assert max(pulse.largest_coulombs, *np.abs(held)) <= DEFAULT_LIMITS.max_charge * (1 + 1e-9), pulse
        for phase in everything:
            assert abs(phase.amperes) <= DEFAULT_LIMITS.max_current * (1 + 1e-9), phase
        assert np.abs(self.net()).max() <= 0.01 * DEFAULT_LIMITS.max_charge * (1 + 1e-9)

    def net(self) -> Any:
        """What each channel gave in all, C: also over the chip's restarts."""
        total = np.zeros(self.chip.amplifiers)
        for phase in self.phases + self.chip.open_phases():
            total[phase.channel] += phase.coulombs
        return total


def armed(url: str = "emu:rhs2116?seed=1", **changed: Any) -> Bench:
    """A bench with an RHS2116 that is armed."""
    bench = Bench(url, **changed).open()
    assert isinstance(bench.arm(), m.Accepted)
    assert bench.firmware.state() is State.ARMED
    return bench
