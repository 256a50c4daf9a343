"""A board for tests of the driver: the link of the real thing, the processor's machine behind it, and scripted misfortunes.

It runs on a wire in memory, in a thread of its own. Nothing of it is used by the emulated board, so that the driver is
tested against two boards that know nothing of each other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from bioasm.binary.reader import from_bytes
from bioasm.diagnostics import BioasmError
from bioasm.drivers import Progress, RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.device import DeviceLink
from bioasm.hardware.link.dictionary import isa_hash
from bioasm.hardware.link.messages import Capability, Kind, RunStatus, State, Substrate
from bioasm.hardware.link.transport import MemoryTransport, memory_pair
from bioasm.results import Result
from bioasm.results.transfer import pack_result
from bioasm.safety import DEFAULT_LIMITS, LimitsTable
from bioasm.verifier.gate import verify

Script = Callable[["TestBoard"], None]
STATUSES = {
    "finished": RunStatus.FINISHED,
    "out of fuel": RunStatus.OUT_OF_FUEL,
    "interrupted": RunStatus.INTERRUPTED,
    "failed": RunStatus.FAILED,
}
CEILINGS = m.Ceilings(10e-6, 3e-9, 0.5, 1.5, 20e-6, 1e-3, 0.01, 200.0, 0.2, 8, 50e-6, 200e-6, 7.85e-9)


def capabilities(**changes: Any) -> m.Capabilities:
    """A small recording board, with what a test wants changed."""
    plain = m.Capabilities(
        firmware="test", firmware_version="1.2", uid="board-7", clock_hz=20000, sample_rate=20000.0, isa_version=1,
        isa_hash=isa_hash(), chips=(m.Chip("rhd2132", 32),), channels=32,
        capabilities=Capability.SIMULATED | Capability.RAW | Capability.SPIKES,
        substrates=Substrate.TWIN | Substrate.CULTURE, models=("lif_critical", "ising"),
        abilities=("core", "control", "inputs", "kbody", "record", "clamp"), neurons=128, lanes=64, program_bytes=1 << 20,
    )  # fmt: skip
    return replace(plain, **changes)


def stimulator(**changes: Any) -> m.Capabilities:
    """The same with an RHS chip: steps of 100 nA and samples of 50 us."""
    able = Capability.SIMULATED | Capability.RAW | Capability.SPIKES | Capability.STIMULATE
    abilities = ("core", "control", "inputs", "kbody", "record", "clamp", "stimulation")
    rhs = {"chips": (m.Chip("rhs2116", 16),), "channels": 16, "capabilities": able, "abilities": abilities,
           "stim_step": 100, "tick": 50_000, "ceilings": CEILINGS}  # fmt: skip
    return capabilities(**{**rhs, **changes})


class TestBoard:
    """A board; `script` is called with the board at each turn of a run and may do to it what it likes."""

    __test__ = False

    def __init__(self, able: m.Capabilities, script: Script | None = None) -> None:
        self.able, self.script = able, script
        self.requests: list[m.Request] = []
        self.uploads: dict[Kind, bytes] = {}
        self.refusals: dict[type[m.Request], m.Refused] = {}
        self.refuse_once: dict[type[m.Request], m.Refused] = {}
        self.mode = State.DISARMED
        self.estops = 0
        self.lost: list[str] = []
        self.turns = 0
        self.halted = False
        self.early = False  # ends the run as if the program did
        self.muted = False  # says nothing any more, as if the cable were cut
        self.silent_end = False  # never tells the end of a run
        self._run: m.Run | None = None
        self._unsent = b""
        self._deaf = threading.Event()
        self.link = DeviceLink(self, able, boot=12345)
        self.wire: MemoryTransport
        self._began = time.monotonic()

    # --- what the link asks -------------------------------------------------------------------------

    def clock(self) -> int:
        return int((time.monotonic() - self._began) * self.able.clock_hz)

    def state(self) -> State:
        return self.mode

    def request(self, request: m.Request) -> m.Reply:
        self.requests.append(request)
        if type(request) in self.refuse_once:
            return self.refuse_once.pop(type(request))
        if type(request) in self.refusals:
            return self.refusals[type(request)]
        match request:
            case m.Arm():
                self.mode = State.ARMED
            case m.Disarm() | m.ClearFault():
                self.mode = State.DISARMED
            case m.Halt():
                self.halted = True
            case m.Run():
                self._run, self.halted, self.turns = request, False, 0
                return m.Accepted(value=self.clock())
        return m.Accepted()

    def may_upload(self, kind: Kind, total: int) -> m.Refused | None:
        return None

    def uploaded(self, kind: Kind, data: bytes) -> m.Refused | None:
        self.uploads[kind] = data
        return None

    def estop(self) -> None:
        self.estops += 1
        self.halted = True
        self.mode = State.FAULT
        self.link.send(m.Faulted(m.Fault.ESTOP, self.clock()))

    def reset(self) -> None:
        raise AssertionError("the driver never resets a board")

    def host_lost(self, why: str) -> None:
        self.lost.append(why)
        self.halted = True
        self.mode = State.DISARMED

    # --- its life -----------------------------------------------------------------------------------

    def live(self) -> None:
        """Serve until the wire is closed."""
        while not self._deaf.is_set():
            try:
                self._serve(0.002)
            except OSError:
                return
            if self._run is not None:
                asked, self._run = self._run, None
                self._execute(asked)

    def start(self) -> None:
        """Begin to serve, in a thread."""
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.thread.start()

    def cut(self) -> None:
        """Unplug the board."""
        self._deaf.set()
        self.wire.close()

    def _serve(self, wait: float) -> None:
        self.link.receive(self.wire.read(wait), time.monotonic())
        self._unsent += self.link.poll(time.monotonic())
        if self.muted:
            self._unsent = b""
        self._unsent = self._unsent[self.wire.write(self._unsent) :]

    def turn(self, progress: Progress, number: int) -> bool:
        """One look at the wire during a run; False where the run is to end."""
        self.turns += 1
        status = m.Status(self.clock(), self.mode, run=number, steps=progress.steps, run_end=progress.run_end,
                          best_energy=progress.best_energy)  # fmt: skip
        self.link.send_telemetry(status)
        if self.script is not None:
            self.script(self)
        try:
            self._serve(0.0)
        except OSError:
            return False
        return not (self.halted or self.early)

    def _execute(self, asked: m.Run) -> None:
        verified = verify(from_bytes(self.uploads[Kind.PROGRAM]))
        options = RunOptions(asked.seed, asked.lanes, 1, asked.fuel, {p.name: p.value for p in asked.parameters})
        ended = m.RunEnded(asked.run, RunStatus.FINISHED, 0, 0, m.NO_DIGEST)
        try:
            result = _Silent().run(verified, options, lambda p: self.turn(p, asked.run) if not p.message else True)
            result = replace(result, status="finished") if self.early else result
            ended = replace(ended, status=STATUSES[result.status])
        except BioasmError as fault:
            result, found = fault.partial, fault.diagnostics[0]
            ended = replace(ended, status=RunStatus.FAILED, code=found.code, text=found.message, place=2)
        self._tell(replace(result, driver="intan", extras={"substrate": "twin"}), ended)

    def _tell(self, result: Result, ended: m.RunEnded) -> None:
        trace = tuple(result.energy_trace[0][: m.Energy.CAPACITY])
        self.link.send_telemetry(m.Energy(0, 0, trace))
        if not self.silent_end:
            self.link.offer_result(replace(ended, steps=result.steps), pack_result(result))


class _Silent(CpuDriver):
    """Runs all that a board with a chip can run, stimulation apart from the cells themselves."""

    abilities = CpuDriver.abilities


@contextmanager
def board(
    able: m.Capabilities | None = None, script: Script | None = None
) -> Iterator[tuple[TestBoard, Callable[[], MemoryTransport]]]:
    """A board that lives while the block does, and what opens a wire to it."""
    made = TestBoard(able or capabilities(), script)
    there, made.wire = memory_pair()
    made.start()
    try:
        yield made, lambda: there
    finally:
        made.cut()
        made.thread.join(5)


def limits_of(made: TestBoard) -> LimitsTable:
    """The table that the board was armed with."""
    table = LimitsTable.from_bytes(made.uploads[Kind.LIMITS])
    assert table.limits == DEFAULT_LIMITS
    return table


def rewired(made: TestBoard) -> MemoryTransport:
    """A new wire to a board whose old one was closed, as when a cable is plugged in again."""
    made.cut()
    made.thread.join(30)
    there, made.wire = memory_pair()
    made._deaf.clear()
    made.start()
    return there
