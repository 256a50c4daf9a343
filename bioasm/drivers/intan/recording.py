"""Recording of a run: raw channels as signal files for neo; spikes, stimuli, energies, faults and link statistics as events."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from bioasm import __version__
from bioasm.binary.writer import program_hash
from bioasm.drivers.intan.run_session import RunPlan
from bioasm.hardware.chips.scaling import MICROVOLTS_PER_CODE, MIDDLE
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import Capabilities, Substrate
from bioasm.hardware.recordings import Channel, RecordingInfo, channels
from bioasm.hardware.recordings.events import FORMAT, VERSION, EventWriter
from bioasm.hardware.recordings.recorder import ClosedAtTheEnd, Recorder
from bioasm.hardware.recordings.writers import make_folder


class RunRecording:
    """Sink that writes telemetry as a recording with one file per signal in a new `folder`.

    Times are the board's samples. Raises BioasmError B302 where the folder holds a recording already or can't be written.
    """

    def __init__(self, folder: Path, plan: RunPlan, board: Capabilities) -> None:
        self.plan, self.board = plan, board
        self.ratio = board.sample_rate / board.clock_hz  # samples in a tick of the device clock
        self.names = [channel.native for channel in channels(board.channels)]
        self.latest = 0
        self.recorder = Recorder(folder, _info(plan, board), layout="signals") if plan.raw else _EventsAlone(folder, board)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.recorder.__exit__(kind, value, trace)

    def __call__(self, message: m.Message) -> None:
        """Record a message."""
        match message:
            case m.Raw():
                self._samples(message)
            case m.Spikes():
                self._spikes(message)
            case m.Stim():
                told = {"outcome": message.outcome.name.lower(), "limit": message.limit, "charges_C": message.charges}
                self._event("stimulus", message.clock, channel=self._name(message.channel), **told)
            case m.Energy():
                self._event("energy", None, lane=message.lane, first=message.first, values=message.values)
            case m.Faulted():
                reason = message.reason.name.lower()
                self._event("fault", message.clock, reason=reason, channels=message.channels, text=message.text)
            case m.Log():
                self._event("log", message.clock, level=message.level.name.lower(), text=message.text)
            case m.Status():
                self.latest = max(self.latest, self._sample(message.clock))

    def started(self, clock: int) -> None:
        """Record the start of the run, at a device clock."""
        plan = self.plan
        told = {"seed": plan.options.seed, "substrate": (plan.substrate.name or "").lower()}
        self._event("run", clock, program_sha256=program_hash(plan.verified.program), electrodes=plan.electrodes.source, **told)

    def ended(self, status: str, link: dict[str, Any]) -> None:
        """Write the end of the run and the link's counts; no-op where a full disk has ended the recording."""
        if not self.recorder.closed:
            self._event("ended", None, status=status)
            self._event("link", None, **link)

    # --- messages -----------------------------------------------------------------------------------

    def _samples(self, raw: m.Raw) -> None:
        codes = raw.samples().astype(np.int32).T + MIDDLE
        first = self._sample(raw.first)
        if codes.shape[0] == len(self.plan.raw) and first >= self.recorder.expected:
            self.recorder.append(first, codes.astype(np.uint16))
            self.latest = max(self.latest, self.recorder.expected)

    def _spikes(self, message: m.Spikes) -> None:
        cells = self.plan.substrate is Substrate.CULTURE
        for event in message.events:
            where: dict[str, Any] = {"neuron": event.unit}
            if cells:
                where = {"channel": self._name(event.unit), "peak_uV": event.peak * MICROVOLTS_PER_CODE}
            self._event("spike", message.base + event.delta, **where)

    def _event(self, kind: str, clock: int | None, **values: Any) -> None:
        self.recorder.event(kind, self.latest if clock is None else self._sample(clock), **values)

    def _sample(self, clock: int) -> int:
        return round(clock * self.ratio)

    def _name(self, channel: int) -> str:
        return self.names[channel] if channel < len(self.names) else str(channel)


def _info(plan: RunPlan, board: Capabilities) -> RecordingInfo:
    """The header: the raw channels by their names, and those of their neurons."""
    chosen: tuple[Channel, ...] = tuple(c for c in channels(board.channels, _owners(plan)) if c.order in plan.raw)
    notes = (f"bioasm {__version__}", f"seed {plan.options.seed}", f"program {program_hash(plan.verified.program)}")
    return RecordingInfo(board.sample_rate, chosen, notes=notes)


def _owners(plan: RunPlan) -> dict[int, str]:
    """Unique names of channels by their neuron: n3, and n3.1 for its second channel."""
    found: dict[int, str] = {}
    for neuron, mine in enumerate(plan.electrodes.channels(plan.verified.n)):
        found.update((channel, f"n{neuron}.{k}" if k else f"n{neuron}") for k, channel in enumerate(mine))
    return found


class _EventsAlone(ClosedAtTheEnd):
    """A recording of events only, where no raw channels are recorded."""

    expected = 0
    closed = False

    def __init__(self, folder: Path, board: Capabilities) -> None:
        make_folder(folder)
        self._events = EventWriter(folder / "events.jsonl")
        self._events.put(
            {"kind": "start", "format": FORMAT, "version": VERSION, "sample_rate": board.sample_rate, "channels": []}
        )

    def append(self, first_sample: int, codes: Any) -> None:
        """No-op: no signals are recorded."""

    def event(self, kind: str, sample: int, **values: Any) -> None:
        """Record an event."""
        self._events.put({"kind": kind, "frame": None, "sample": sample, **values})

    def close(self) -> None:
        """End the file."""
        self.closed = True
        try:
            self._events.put({"kind": "end", "origin": None, "frames": 0, "dropped": 0, "gaps": 0, "missing": 0})
        finally:
            self._events.close()
