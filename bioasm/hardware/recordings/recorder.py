"""Recorder: writes samples by their device clock, marks gaps, and logs events in a separate file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, error
from bioasm.hardware.recordings.events import FORMAT, VERSION, EventWriter, events_path
from bioasm.hardware.recordings.info import AMPLIFIER, RecordingInfo, checked
from bioasm.hardware.recordings.writers import MIDDLE, BlockWriter, Codes, SignalWriter, Writer, make_folder

LAYOUTS = ("rhd", "signals")
MOST_FRAMES = 2**31 - 1  # times are 32-bit numbers
PAD_AT_ONCE = 1 << 16  # frames
RESERVED = ("start", "gap", "end")


class ClosedAtTheEnd(ABC):
    """A context manager that closes itself; an error in closing does not hide one raised in its block."""

    @abstractmethod
    def close(self) -> None:
        """End it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        with nullcontext() if value is None else suppress(BioasmError):
            self.close()


class Recorder(ClosedAtTheEnd):
    """Writes a recording; use it as a context manager, or `close` it.

    `path` is a file NAME.rhd (layout "rhd") or a folder (layout "signals"). Frames count from the first sample that was
    appended; events give both the frame and the device's sample number. What the link lost is filled with code 32768 and
    listed as a gap among the events. Raises BioasmError B302 (can't be written) and B309 (can't be recorded).
    """

    def __init__(self, path: Path | str, info: RecordingInfo, layout: str = "rhd") -> None:
        self.info, self.layout = checked(info), layout
        self.path = named(Path(path), layout)
        self.channels = len(info.of(AMPLIFIER))
        self.origin: int | None = None
        self.frames = self.gaps = self.missing = 0
        self.early: list[dict[str, Any]] = []
        self.closed = False
        self.open()
        self.put_start()

    def open(self) -> None:
        """Create the files; the events file is removed where the others can't be created."""
        if self.layout == "signals":
            make_folder(self.path)
        beside = events_path(self.path)
        self.events = EventWriter(beside)
        try:
            self.writer: Writer = (BlockWriter if self.layout == "rhd" else SignalWriter)(self.path, self.info)
        except BaseException:
            self.events.close()
            beside.unlink()
            raise

    def put_start(self) -> None:
        """Write the first line of the events file: the recording that it belongs to."""
        names = [channel.custom or channel.native for channel in self.info.of(AMPLIFIER)]
        head = {"kind": "start", "format": FORMAT, "version": VERSION, "sample_rate": self.info.sample_rate}
        self.events.put(head | {"channels": names})

    def append(self, first_sample: int, codes: NDArray[Any], digital: NDArray[Any] | None = None) -> None:
        """Samples uint16[channels, n] whose first has a device sample number; `digital` is uint16[n], zeros by default.

        Later than expected means that samples were lost: they become a gap. Earlier is a ValueError, as are values that are
        no whole numbers of 16 bits, such as microvolts.
        """
        samples = whole(codes)
        words = np.zeros(samples.shape[-1:], np.uint16) if digital is None else whole(digital)
        self.check(samples, words)
        if self.origin is None:
            self.begin(first_sample)
        lost = first_sample - self.expected
        if lost < 0:
            raise ValueError(f"sample {first_sample} was recorded before; {self.expected} comes next")
        self.check_length(lost + samples.shape[1])
        if lost:
            self.pad(lost)
        self.write(samples, words)

    def check(self, samples: Codes, words: Codes) -> None:
        """Shapes must fit the header, and the recording be open."""
        if self.closed:
            raise ValueError(f"the recording {self.path} is closed")
        if samples.ndim != 2 or samples.shape[0] != self.channels:
            raise ValueError(f"samples of {self.channels} channels are wanted, not an array of {samples.shape}")
        if words.shape != samples.shape[1:]:
            raise ValueError(f"{samples.shape[1]} digital words are wanted, not an array of {words.shape}")

    def check_length(self, more: int) -> None:
        """Times have 32 bits."""
        if self.frames + more > MOST_FRAMES:
            hours = MOST_FRAMES / self.info.sample_rate / 3600
            raise error("B309", f"the recording {self.path} can't go on: its times end after {hours:.1f} hours")

    @property
    def expected(self) -> int:
        """The device's number of the next sample."""
        return (self.origin or 0) + self.frames

    def begin(self, first_sample: int) -> None:
        """Set the device number of frame 0, and write the events queued before it."""
        self.origin = first_sample
        early, self.early = self.early, []
        for values in early:
            self.events.put(self.placed(values))

    def pad(self, lost: int) -> None:
        """Fill a gap and list it."""
        self.events.put(self.placed({"kind": "gap", "sample": self.expected, "count": lost}))
        self.gaps, self.missing = self.gaps + 1, self.missing + lost
        while lost:
            length = min(lost, PAD_AT_ONCE)
            self.write(np.full((self.channels, length), MIDDLE, np.uint16), np.zeros(length, np.uint16))
            lost -= length

    def write(self, codes: Codes, words: Codes) -> None:
        """Pass samples to the writer; an error of writing closes the recording, with whole blocks kept."""
        self.frames += codes.shape[1]
        try:
            self.writer.append(codes, words)
        except BioasmError:
            with suppress(BioasmError):
                self.close()
            raise

    def event(self, kind: str, sample: int, **values: Any) -> None:
        """Put down an event at a device sample number, for example a spike, a stimulus or the link's statistics.

        `values` are numbers, texts, lists or arrays. The kinds start, gap and end are the recorder's own (ValueError).
        """
        if kind in RESERVED or self.closed:
            raise ValueError(f"no event {kind!r} can be put down here")
        found = {"kind": kind, "sample": int(sample)} | values
        if self.origin is None:
            self.early.append(found)
        else:
            self.events.put(self.placed(found))

    def placed(self, values: dict[str, Any]) -> dict[str, Any]:
        """Add the frame index to an event; null while no sample was appended."""
        frame = None if self.origin is None else values["sample"] - self.origin
        return {"kind": values["kind"], "frame": frame} | values

    def close(self) -> None:
        """End the recording: whole blocks are kept, and the last event says how much that is. May be called again."""
        if self.closed:
            return
        self.closed = True
        kept = self.writer.frames
        told = {"frames": kept, "dropped": self.frames - kept, "gaps": self.gaps, "missing": self.missing}
        try:
            self.writer.close()
            for values in self.early:
                self.events.put(self.placed(values))
            self.events.put({"kind": "end", "origin": self.origin} | told)
        finally:
            self.events.close()


def whole(values: NDArray[Any]) -> Codes:
    """Values as uint16; ValueError where that would change one."""
    given = np.asarray(values)
    with np.errstate(invalid="ignore"):
        taken = given.astype(np.uint16, copy=False)
    if taken is not given and not np.array_equal(taken, given):
        raise ValueError(f"codes are whole numbers from 0 to 65535, not values of the type {given.dtype}")
    return taken


def named(path: Path, layout: str) -> Path:
    """The path if it fits the layout: readers go by the suffix .rhd, and take `info.rhd` for a folder of signals."""
    if layout not in LAYOUTS:
        raise ValueError(f"a recording has the layout {' or '.join(LAYOUTS)}, not {layout!r}")
    if layout == "rhd" and (path.suffix != ".rhd" or path.name == "info.rhd"):
        raise error("B309", f"{path} is no name for a recording", hint="choose one that ends in .rhd and is not info.rhd")
    return path
