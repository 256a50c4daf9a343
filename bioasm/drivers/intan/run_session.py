"""One run on a board: upload, arm, start, listen, fetch; and recovery of results after a lost link."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from bioasm.binary.writer import canonical_bytes
from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.drivers.intan.electrodes import ElectrodeMap
from bioasm.drivers.intan.outcome import completed, failure, provenance, salvaged
from bioasm.drivers.intan.telemetry_state import Sink, TelemetryState
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.errors import BoardRefused, LinkLost
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import Kind, Substrate
from bioasm.results import Result
from bioasm.results.transfer import unpack_result
from bioasm.runtime.options import Observer, Progress, RunOptions
from bioasm.safety import LimitsTable
from bioasm.verifier.gate import Verified

T = TypeVar("T")
_MOST_FUEL = (1 << 63) - 1  # the largest fuel counter
_LISTEN = 0.05  # s between calls of the observer
_END = 10.0  # s until a run that was asked to end must report its end
_END_AGAIN = 5.0  # s until a board that was found again, still running, must
_FAULT_END = 10.0  # s until a board in FAULT must, whose run ends at a whole step too
_TOLD = 10.0  # s until a running board must report it, which it should ten times a second
_STEPS = 600.0  # s until a run must make a step, whatever it computes meanwhile
_REST = 2.0  # s until telemetry from before the end must have arrived


@dataclass(frozen=True)
class RunPlan:
    """The plan of a run, made before anything is sent. `limits` is None where nothing may stimulate."""

    verified: Verified
    options: RunOptions
    substrate: Substrate
    electrodes: ElectrodeMap
    limits: LimitsTable | None
    watchdog: int
    port: str
    raw: tuple[int, ...] = ()
    culture: Mapping[str, float] = field(default_factory=dict)


class _Stopped(Exception):
    """The observer asked to stop before the run began."""


class RunSession:
    """Execution of a plan over a link.

    `again` opens a new link to the same port, whose board may have kept a result; None where boards don't outlive links.
    """

    def __init__(
        self, link: HostLink, plan: RunPlan, observer: Observer | None, sink: Sink | None, again: Callable[[], HostLink] | None
    ) -> None:
        self.link, self.plan, self.again = link, plan, again
        self.observer = observer or _go_on
        self.number = secrets.randbits(31) + 1
        self.sink = sink
        self.live = TelemetryState(self.number, plan.options.lanes, link.capabilities.clock_hz, sink)
        self.seconds: dict[str, float] = {}
        self.began = time.perf_counter()
        self.armed = self.started = self.running = self.stopping = False

    def result(self) -> Result:
        """Run to the end, or until the observer asks to stop.

        Raises BioasmError with the Result so far as its `partial`: LinkLost, or the fault of the run.
        """
        try:
            result = self._result()
        except BioasmError as fault:
            with suppress(BioasmError):  # a full disk, which may be the cause
                self._tell_end(fault.partial)
            raise
        try:
            self._tell_end(result)
        except BioasmError as fault:
            fault.partial = _and(result, fault)
            raise
        return result

    def _result(self) -> Result:
        try:
            ended = self._ran()
            data = self._timed("fetch", lambda: self.link.fetch(ended, self._fetching))
            self._take_rest()
        except _Stopped:
            return self._salvaged("interrupted")
        except LinkLost as lost:
            if self.started:
                lost.partial = self._rescued(lost)
            raise
        except BoardRefused as refused:
            raise self._placed(refused) from refused
        except BaseException as fault:
            self._make_safe()
            if isinstance(fault, BioasmError) and self.started:
                fault.partial = _and(self._salvaged("failed"), fault)
            raise
        return self._delivered(ended, data, self.link)

    # --- the stages ---------------------------------------------------------------------------------

    def _ran(self) -> m.RunEnded:
        self._timed("upload", self._upload)
        self._subscribe()
        if self.plan.limits is not None:
            self._arm(self.plan.limits)
        self._start()
        ended = self._timed("run", self._listen)
        self.running = False
        if self.armed and self.live.fault is None:
            self._disarm()
        return ended

    def _timed(self, name: str, stage: Callable[[], T]) -> T:
        began = time.perf_counter()
        try:
            return stage()
        finally:
            self.seconds[name] = time.perf_counter() - began

    def _upload(self) -> None:
        plan = self.plan
        program = canonical_bytes(plan.verified.program)
        self.digest = self._bring("program", Kind.PROGRAM, program)
        if plan.substrate is Substrate.CULTURE:
            from bioasm.hardware.board.electrodes import pack_electrodes

            self._bring("electrode map", Kind.ELECTRODES, pack_electrodes(plan.electrodes.channels(plan.verified.n)))
        if plan.limits is not None:
            self._bring("limits", Kind.LIMITS, plan.limits.to_bytes())

    def _bring(self, what: str, kind: Kind, data: bytes) -> bytes:
        from hashlib import sha256

        def told(sent: int, total: int) -> None:
            if sent < total and not self.observer(self.live.progress(f"sending the {what}: {100 * sent // total} %")):
                raise _Stopped

        self.link.upload(kind, data, told)
        return sha256(data).digest()

    def _subscribe(self) -> None:
        """Subscribe to telemetry. A line too slow for live spikes still delivers them with the result."""
        raw = self.plan.raw
        try:
            self.link.request(_subscription(m.Stream.SPIKES, m.Stream.ENERGY, *([m.Stream.RAW] if raw else []), raw=raw))
        except BoardRefused as refused:
            if raw or refused.refused.reason is not m.Refusal.BANDWIDTH:
                raise
            self.link.request(_subscription(m.Stream.ENERGY))

    def _arm(self, limits: LimitsTable) -> None:
        self.link.request(m.Arm(bytes.fromhex(limits.sha256), self.plan.watchdog))
        self.armed = True

    def _disarm(self) -> None:
        """Disarm the board. A board in FAULT refuses, after it has reported the cause."""
        try:
            self.link.request(m.Disarm())
            self.armed = False
        except BoardRefused:
            self._take_rest()
            if self.live.fault is None:
                raise

    def _start(self) -> None:
        options = self.plan.options
        own = {f"culture.{name}": value for name, value in self.plan.culture.items()}
        parameters = tuple(m.Parameter(name, value) for name, value in {**options.parameters, **own}.items())
        fuel = min(options.fuel, _MOST_FUEL)
        run = m.Run(self.number, self.digest, self.plan.substrate, options.seed, options.lanes, fuel, m.NOW, parameters)
        reply = self.link.request(run)
        self.started = self.running = True
        self.live.started = reply.value
        if self.sink is not None:
            self.sink.started(self.live.started)

    # --- listening ----------------------------------------------------------------------------------

    def _listen(self) -> m.RunEnded:
        """Receive events until the run has ended."""
        deadline = float("inf")
        self.live.told = self.live.stepped = time.monotonic()
        while self.live.ended is None:
            event = self.link.next_event(_LISTEN)
            if event is not None:
                self.live.take(event.message)
            if deadline == float("inf"):
                self._check_progress()
                deadline = self._deadline()
            if time.monotonic() > deadline:
                raise LinkLost("the board did not tell the end of the run")
        return self.live.ended

    def _check_progress(self) -> None:
        """Watchdog: raise LinkLost where the board stops reporting, or the run makes no step for very long."""
        now = time.monotonic()
        told = self.link.within(_TOLD)
        if now - self.live.told > told:
            raise LinkLost(f"for {told:g} s the board has not told that it runs the program")
        if now - self.live.stepped > _STEPS:
            self._make_safe()
            hint = "a program that computes for so long has to RUN in between"
            raise LinkLost(f"the run made no step for {_STEPS:g} s", hint)

    def _fetching(self, received: int, total: int) -> None:
        if received < total:
            self.observer(self.live.progress(f"fetching the result: {100 * received // total} %"))

    def _take_rest(self) -> None:
        """Drain telemetry that was sent before the run ended and arrives after RunEnded."""
        if self.plan.raw:
            self.link.request(m.Subscribe(0))
        until = time.monotonic() + _REST
        while (event := self.link.next_event(0.0)) is not None and time.monotonic() < until:
            self.live.take(event.message)
        if not self.stopping:
            self.observer(self.live.progress())  # the observer gets the whole run

    def _tell_end(self, result: Result | None) -> None:
        if self.sink is not None and self.started:
            self.sink.ended(result.status if result else "failed", self.link.statistics.as_dict())

    def _deadline(self) -> float:
        """Deadline for RunEnded (monotonic, s) after a stop by the observer or a fault; infinite before."""
        if self.live.fault is not None:
            return time.monotonic() + self.link.within(_FAULT_END)
        if self.live.news and not self.observer(self.live.progress()):
            self._stop()
            return time.monotonic() + self.link.within(_END)
        return float("inf")

    def _stop(self) -> None:
        """Stop on request: an emergency stop where current may flow, else an end at the next step."""
        self.stopping = True
        if self.armed:
            self.link.estop()
        with suppress(BoardRefused):  # the run may have ended by itself meanwhile
            self.link.request(m.Halt())

    def _make_safe(self) -> None:
        """Stop stimulation after any exception."""
        with suppress(BioasmError):
            if self.armed:
                self.link.estop()
            elif self.running:
                self.link.request(m.Halt(), timeout=1.0)

    # --- results ------------------------------------------------------------------------------------

    def _delivered(self, ended: m.RunEnded, data: bytes, link: HostLink) -> Result:
        """The complete Result. Raises BioasmError with it as `partial` where the run failed or the board stopped itself."""
        plan = self.plan
        result = completed(unpack_result(data), plan.verified, self._timing(), self._provenance(link))
        fault = self.live.fault
        stopped = fault is not None and fault.reason is m.Fault.ESTOP and ended.status is m.RunStatus.INTERRUPTED
        if stopped:
            self.link.request(m.ClearFault())  # the user stopped it; the board has no fault
        elif fault is not None:
            raise _with(replace(result, status="failed"), _stopped_itself(fault))
        if ended.status is m.RunStatus.FAILED:
            raise _with(replace(result, status="failed"), failure(ended, plan.verified))
        if ended.status is m.RunStatus.INTERRUPTED and not self.stopping:
            raise _unheard(result, plan.watchdog if self.plan.limits is not None else None)
        return result

    def _rescued(self, lost: LinkLost) -> Result:
        """The Result of a run whose link was lost: the one that the board kept, else a partial one from telemetry."""
        found = self._salvaged("lost")
        if self.again is not None:
            self.link.close()
            with suppress(BioasmError), self.again() as link:
                found = self._kept(link) or found
        return replace(found, status="lost", diagnostics=(*found.diagnostics, *lost.diagnostics))

    def _kept(self, link: HostLink) -> Result | None:
        """The result of this run, if the board is the same and has kept it."""
        if link.welcome.boot != self.link.welcome.boot:
            return None
        kept = link.kept_result()
        if kept is None or kept.run != self.number:
            kept = self._end_of(link)
        if kept is None:
            return None
        extras = {**self._provenance(link), "rescued": "the result that the board kept"}
        return completed(unpack_result(link.fetch(kept)), self.plan.verified, self._timing(), extras)

    def _end_of(self, link: HostLink) -> m.RunEnded | None:
        """The end of this run, where the board notices the loss only now and reports it soon."""
        if link.welcome.state is not m.State.RUNNING:
            return None
        deadline = time.monotonic() + _END_AGAIN
        while time.monotonic() < deadline:
            event = link.next_event(_LISTEN)
            if event is not None and isinstance(event.message, m.RunEnded) and event.message.run == self.number:
                return event.message
        return None

    def _salvaged(self, status: str) -> Result:
        plan = self.plan
        owner = None
        if plan.substrate is Substrate.CULTURE:
            owner = {site.channel: site.neuron for site in plan.electrodes.sites if site.neuron is not None}
        extras = self._provenance(self.link)
        return salvaged(self.live, plan.verified, plan.options, status, self._timing(), extras, owner)

    def _timing(self) -> dict[str, float]:
        return {**self.seconds, "total": time.perf_counter() - self.began}

    def _provenance(self, link: HostLink) -> dict[str, Any]:
        return provenance(link, self.plan.port, self.plan.substrate, self.plan.electrodes.source, self.live)

    def _placed(self, refused: BoardRefused) -> BioasmError:
        """The board's refusal at its place in the program; refusals of the interlock have their own code."""
        instructions, place = self.plan.verified.program.instructions, refused.refused.place
        span = instructions[place].span if place < len(instructions) else None
        code = "B520" if refused.refused.reason is m.Refusal.UNSAFE else "B514"
        return BioasmError(*(Diagnostic(code, d.message, span, d.hint) for d in refused.diagnostics))


def _subscription(*streams: m.Stream, raw: tuple[int, ...] = ()) -> m.Subscribe:
    return m.Subscribe(sum(1 << stream for stream in streams), raw)


def _go_on(_: Progress) -> bool:
    return True


def _with(result: Result, found: Diagnostic) -> BioasmError:
    """The error of a failed run, with the result so far."""
    known = (d for d in result.diagnostics if d.severity != "error")
    failed = BioasmError(found)
    failed.partial = replace(result, diagnostics=(*known, found))
    return failed


def _and(result: Result, fault: BioasmError) -> Result:
    """The result of a run that the host could not record to its end, for example on a full disk."""
    return replace(result, status="failed", diagnostics=(*result.diagnostics, *fault.diagnostics))


def _unheard(result: Result, watchdog: int | None) -> LinkLost:
    """The error of a run that the board's watchdog ended because the host's frames came too late."""
    waited = "2 s" if watchdog is None else f"{watchdog} ms"
    hint = None if watchdog is None else "is this computer too busy? --driver-option watchdog=500 lets the board wait longer"
    lost = LinkLost(f"the board ended the run, as it does where it hears nothing for {waited}", hint)
    lost.partial = replace(result, status="lost", diagnostics=(*result.diagnostics, *lost.diagnostics))
    return lost


def _stopped_itself(fault: m.Faulted) -> Diagnostic:
    channels = f" on channel {', '.join(map(str, fault.channels))}" if fault.channels else ""
    text = f"the board stopped itself: {fault.reason.name.lower()}{channels}{': ' if fault.text else ''}{fault.text}"
    return Diagnostic("B524", text, hint="see to the cause, then run with --driver-option clear=yes")
