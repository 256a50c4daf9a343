"""The firmware of the emulated board: its state machine, request handlers, and main loop of runs and stimulation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bioasm.diagnostics import BioasmError
from bioasm.hardware.board.admission import refusal
from bioasm.hardware.board.frontend import ChipFault
from bioasm.hardware.board.identity import capabilities
from bioasm.hardware.board.pulses import request_pulses
from bioasm.hardware.board.real_time import Pace
from bioasm.hardware.board.rig import Block, Rig
from bioasm.hardware.board.runs import Programs, RunInProgress
from bioasm.hardware.board.telemetry import Reporter
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.budget import USABLE, channels_that_fit, telemetry_rate
from bioasm.hardware.link.device import DeviceLink
from bioasm.hardware.link.messages import Fault, Kind, LogLevel, Refusal, Refused, State, Stream, Substrate
from bioasm.safety import LimitsTable, Rule

STATUS_EVERY = 0.1
_SLIP = 0.1  # s of tolerated delay of a run in real time
SPIKES_A_SECOND = 50.0  # of one channel, for the telemetry budget
TABLE_BYTES = 1 << 16


class Firmware:
    """The board between its link and its rig, which implements `Board`; `turn` is called every few milliseconds."""

    def __init__(self, rig: Rig, boot: int, *, line_rate: float | None = None, wall: bool = False, drift: float = 0.0) -> None:
        self.rig, self.line_rate = rig, line_rate
        self.link = DeviceLink(self, capabilities(rig, line_rate, f"emu-{rig.seed:016x}"), boot, line_rate=line_rate)
        self.reporter = Reporter(self.link)
        rig.watch = self._watch
        self.pace = Pace(rig.sample_rate, wall, drift)
        self.programs = Programs(rig)
        self.table: LimitsTable | None = None  # uploaded table, which is in force from ARM on
        self.armed = False
        self.fault = Fault.NONE
        self.run: RunInProgress | None = None
        self.restart_wanted = False
        self.overruns = 0  # number of times that a run in real time gave up catching up
        self.run_began: float | None = None  # when the latest run began, in seconds of `turn`
        self._now = 0.0
        self._next_status = float("-inf")
        self._start_chip()

    def _start_chip(self) -> None:
        try:
            self.rig.start()
        except ChipFault as why:
            self._fail(Fault.CHIP, str(why))

    # --- what the link asks -----------------------------------------------------------------------------

    def clock(self) -> int:
        """The device clock, in samples."""
        return self.pace.clock(self.rig.clock, self._now, self.run is not None)

    def state(self) -> State:
        """The state the board is in."""
        if self.fault is not Fault.NONE:
            return State.FAULT
        if self.run is not None:
            return State.RUNNING
        return State.ARMED if self.armed else State.DISARMED

    def request(self, request: m.Request) -> m.Reply:
        """Execute a request."""
        try:
            return _REQUESTS[type(request)](self, request)
        except Exception as why:  # noqa: BLE001  (whatever it is, stimulation stops and the host is told)
            return self._defect(why)

    def _defect(self, why: Exception) -> Refused:
        """Stop everything, and report an internal error to the host."""
        self._fail(Fault.INTERNAL, f"{type(why).__name__}: {why}")
        return refusal(Refusal.UNABLE, f"internal error: {type(why).__name__}: {why}", subject="internal")

    def may_upload(self, kind: Kind, total: int) -> Refused | None:
        """The refusal of an upload of `total` bytes, or None."""
        most = self.link.capabilities.program_bytes if kind is Kind.PROGRAM else TABLE_BYTES
        if total <= most:
            return None
        text = f"{total} bytes; the board takes {most}"
        return refusal(Refusal.TOO_LARGE, text, subject=kind.name.lower(), value=total, allowed=most)

    def uploaded(self, kind: Kind, data: bytes) -> Refused | None:
        """Accept an upload, or refuse it."""
        takes = {
            Kind.LIMITS: self._take_limits,
            Kind.ELECTRODES: self.programs.take_electrodes,
            Kind.PROGRAM: self.programs.take_program,
        }
        try:
            return takes[kind](data)
        except Exception as why:  # noqa: BLE001  (as with requests; a program may be made to find a hole in the reader)
            return self._defect(why)

    def _take_limits(self, data: bytes) -> Refused | None:
        try:
            table = LimitsTable.from_bytes(data)
        except BioasmError as why:
            return refusal(Refusal.BAD_LIMITS, why.diagnostics[0].message)
        over = table.over(self.rig.own_table)
        if over:
            first = over[0]
            return refusal(Refusal.BAD_LIMITS, first.message, subject=first.what, value=first.value, allowed=first.limit)
        self.table = table
        return None

    def estop(self) -> None:
        """Stop stimulation now and latch."""
        if self.fault is Fault.NONE:
            self._fail(Fault.ESTOP, "emergency stop")

    def reset(self) -> None:
        """Ask for a restart: the station's loop sees the flag and makes a new firmware."""
        self._stop()
        self.restart_wanted = True

    def host_lost(self, why: str) -> None:
        """Watchdog: the host is silent, so stop everything and disarm."""
        self.reporter.log(self.rig.clock, LogLevel.WARNING, f"stopped: {why}")
        self._stop()

    # --- requests ---------------------------------------------------------------------------------------

    def _arm(self, request: m.Arm) -> m.Reply:
        if self.state() is not State.DISARMED:
            return self._wrong_state("arm")
        if self.rig.stimulator is None:
            return refusal(
                Refusal.UNABLE, f"an {self.rig.chip_name.upper()} can't stimulate, so there is nothing to arm", subject="arm"
            )
        if self.table is None or self.link.loaded.get(Kind.LIMITS) != request.limits:
            return refusal(Refusal.NOT_LOADED, "the limits that ARM names are not those that were loaded", subject="limits")
        wait = self.rig.stimulator.guard.wait()
        if wait:
            text = f"what charge the electrodes hold is not known; they are discharged in {wait:.1f} s"
            return refusal(Refusal.UNSAFE, text, subject=Rule.DISCHARGE.title, value=wait, allowed=0.0)
        self.rig.arm(self.table)
        self.armed = True
        return m.Accepted(value=self.clock())

    def _disarm(self, _: m.Disarm) -> m.Reply:
        if self.fault is not Fault.NONE:
            return self._wrong_state("disarm")
        self._stop()
        return m.Accepted(value=self.clock())

    def _clear_fault(self, _: m.ClearFault) -> m.Reply:
        if self.fault is Fault.NONE:
            return self._wrong_state("clear a fault of")
        try:
            self.rig.start()
        except ChipFault as why:
            return refusal(Refusal.STATE, f"the fault is still there: {why}", subject="chip")
        self.fault, self.rig.compliance, self.rig.leaking = Fault.NONE, 0, 0
        return m.Accepted(value=self.clock())

    def _run(self, request: m.Run) -> m.Reply:
        if self.state() not in (State.DISARMED, State.ARMED):
            return self._wrong_state("run a program on")
        try:
            begun = self.programs.begin(request, self.link.loaded.get(Kind.PROGRAM), self.reporter)
        except ChipFault as why:
            self._fail(Fault.CHIP, str(why))
            return refusal(Refusal.STATE, str(why), subject="chip")
        if isinstance(begun, Refused):
            return begun
        self.run, self.run_began = begun, self._now
        self.pace.anchor(self.rig.clock, self._now)
        self._next_status = self._now
        return m.Accepted(value=begun.step0)

    def _halt(self, _: m.Halt) -> m.Reply:
        if self.run is None:
            return self._wrong_state("halt")
        self.run.interrupt()
        return m.Accepted(value=self.clock())

    def _subscribe(self, request: m.Subscribe) -> m.Reply:
        beyond = [c for c in request.raw_channels if c >= self.rig.channels]
        if beyond or len(set(request.raw_channels)) != len(request.raw_channels):
            text = f"raw channels are 0 to {self.rig.channels - 1}, once each"
            return refusal(Refusal.UNABLE, text, subject="channel", value=max(beyond, default=0), allowed=self.rig.channels - 1)
        return self._budget(request) or m.Accepted(value=self.clock())

    def _budget(self, request: m.Subscribe) -> Refused | None:
        """The refusal of telemetry over the line's rate, with the number of raw channels that would fit."""
        if self.line_rate is None:
            return None
        spikes = SPIKES_A_SECOND * self.rig.channels if request.streams >> Stream.SPIKES & 1 else 0.0
        raw = len(request.raw_channels) if request.streams >> Stream.RAW & 1 else 0
        needed, usable = telemetry_rate(raw, self.rig.sample_rate, spikes), USABLE * self.line_rate
        if needed <= usable:
            return None
        fit = channels_that_fit(self.line_rate, self.rig.sample_rate, spikes, self.rig.channels)
        text = f"{raw} raw channels need {needed:.0f} of {usable:.0f} bytes/s (80 % of the line); {fit} would fit"
        return refusal(Refusal.BANDWIDTH, text, subject="raw channels", value=raw, allowed=fit)

    def _stimulate(self, request: m.Stimulate) -> m.Reply:
        if not self.armed or self.state() not in (State.ARMED, State.RUNNING) or self.rig.stimulator is None:
            return self._wrong_state("stimulate with")
        if self.run is not None and self.run.substrate is Substrate.TWIN:
            return refusal(Refusal.STATE, "a twin is running, which no pulse reaches", subject="substrate")
        return request_pulses(request, self.rig.stimulator, self.rig.clock, self.rig.sample_rate)

    def _wrong_state(self, what: str) -> Refused:
        state = self.state().name.lower()
        if self.fault is not Fault.NONE:
            state = f"in the state fault ({self.fault.name.lower()}) until that is cleared"
        return refusal(Refusal.STATE, f"the board is {state}; it is not possible to {what} it", subject="state")

    # --- the loop ---------------------------------------------------------------------------------------

    def hear(self, data: bytes, now: float) -> None:
        """Process received bytes."""
        self._now = now
        self.link.receive(data, now)

    def speak(self, now: float, room: int | None = None) -> bytes:
        """The bytes to send over the line at `now`, at most `room`."""
        self._now = now
        return self.link.poll(now, room)

    def turn(self, now: float) -> bool:
        """Work for a time slice; True where more work is pending."""
        self._now = now
        try:
            busy = self._go_on() if self.run is not None else self._idle()
            self._check_monitors()
        except ChipFault as why:
            self._fail(Fault.CHIP, str(why))
            busy = False
        except Exception as why:  # noqa: BLE001  (whatever it is, stimulation stops and the host is told)
            self._fail(Fault.INTERNAL, f"{type(why).__name__}: {why}")
            busy = False
        if now >= self._next_status:
            self._next_status = now + STATUS_EVERY
            self._tell_status()
        return busy

    def _go_on(self) -> bool:
        assert self.run is not None
        if self.run.substrate is Substrate.CULTURE and not self.pace.due(self.rig.clock, self._now):
            return False
        if self.pace.wall and self.pace.behind(self.rig.clock, self._now) > _SLIP * self.rig.sample_rate:
            self.overruns += 1
            self.pace.anchor(self.rig.clock, self._now)
        if not self.run.slice():
            self._end_run()
        return True

    def _idle(self) -> bool:
        """Idle: advance the clock, and run the rig only for subscribers or pending pulses."""
        behind = self.pace.behind(self.rig.clock, self._now)
        stimulator = self.rig.stimulator
        waited_for = stimulator is not None and (stimulator.waiting or stimulator.next_word() is not None)
        if not (waited_for or self.link.wants(Stream.RAW) or self.link.wants(Stream.SPIKES)):
            self.rig.skip(behind)
            return False
        ms = min(behind // self.rig.per_ms, 50)
        if ms:
            self.rig.run(ms)
        return False

    def _watch(self, block: Block) -> None:
        self.reporter.block(block)

    def _end_run(self) -> None:
        """End a run: offer its result, and restore the previous state."""
        assert self.run is not None
        run, self.run = self.run, None
        if self.pace.wall and run.substrate is Substrate.TWIN:
            self.rig.skip(self.pace.behind(self.rig.clock, self._now))  # nobody sampled, and time went on
        ended, data = self._outcome(run)
        self.pace.anchor(self.rig.clock, self._now)
        self.link.offer_result(ended, data)
        self._tell_status()

    def _outcome(self, run: RunInProgress) -> tuple[m.RunEnded, bytes]:
        """The end of a run and its result, which is empty after an internal error."""
        try:
            return run.outcome()
        except Exception as why:  # noqa: BLE001  (the host waits for an end, whatever happens)
            text = f"no result could be made: {type(why).__name__}: {why}"
            return m.RunEnded(run.number, m.RunStatus.FAILED, run.steps, 0, m.NO_DIGEST, code="B901", text=text), b""

    # --- stopping ---------------------------------------------------------------------------------------

    def _stop(self) -> None:
        """End the run with its partial result, stop stimulation, and disarm."""
        self.armed = False
        self.rig.disarm()
        if self.run is not None:
            self.run.interrupt()
            if self.run.at_rest:  # what computes on a thread of its own ends with its slice
                self._end_run()

    def _fail(self, reason: Fault, text: str, channels: tuple[int, ...] = ()) -> None:
        """Stop everything and latch the state FAULT. But for an emergency stop, what flowed may not be what was planned."""
        self.fault = reason
        doubtful = reason is Fault.COMPLIANCE or (reason is not Fault.ESTOP and self.armed)
        try:
            self._stop()
        except Exception as why:  # noqa: BLE001  (currents are off by then, as `Rig.disarm` sees to; what is left is to tell)
            text += f"; and while stopping: {type(why).__name__}: {why}"
            doubtful = True
        if doubtful and self.rig.stimulator is not None:
            self.rig.stimulator.guard.forget()
        self.reporter.log(self.rig.clock, LogLevel.ERROR, text)
        self.link.send(m.Faulted(reason, self.rig.clock, channels, text))

    def _check_monitors(self) -> None:
        """Raise a fault for any bit of the monitors, even if it was read while stimulation was stopped."""
        if self.fault is not Fault.NONE:
            return
        if self.rig.compliance:
            text = "the stimulator reached its supply, so the electrode may be off"
            self._fail(Fault.COMPLIANCE, text, _bits(self.rig.compliance))
        elif self.rig.leaking:
            text = f"the fault current detector reports channels {self.rig.leaking:#06x}"
            self._fail(Fault.CHIP, text, _bits(self.rig.leaking))

    def _tell_status(self) -> None:
        run, surroundings = self.run, self.rig.chip.surroundings
        stimulator = self.rig.stimulator
        status = m.Status(
            clock=self.clock(),
            state=self.state(),
            fault=self.fault,
            queued=stimulator.waiting if stimulator else 0,
            overruns=self.overruns,
            rx_errors=self.link.statistics.errors.total,
            dropped=self.link.dropped,
            temperature=surroundings.temperature_C,
            supply=surroundings.supply_V,
            compliance=self.rig.compliance,
            run=run.number if run else 0,
            steps=run.steps if run else 0,
            run_end=run.run_end if run else 0,
            best_energy=run.best_energy if run else float("nan"),
        )
        self.link.send_telemetry(status)


def _bits(mask: int) -> tuple[int, ...]:
    return tuple(k for k in range(mask.bit_length()) if mask >> k & 1)


_REQUESTS: dict[type[m.Request], Callable[[Firmware, Any], m.Reply]] = {
    m.Arm: Firmware._arm,
    m.Disarm: Firmware._disarm,
    m.ClearFault: Firmware._clear_fault,
    m.Run: Firmware._run,
    m.Halt: Firmware._halt,
    m.Subscribe: Firmware._subscribe,
    m.Stimulate: Firmware._stimulate,
}
