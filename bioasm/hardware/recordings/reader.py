"""Reads recordings back: .rhd files of any version and folders of signals."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, error
from bioasm.files import unreadable
from bioasm.hardware.recordings.folders import TIME, amplifier_codes, digital_words, signal_sizes
from bioasm.hardware.recordings.header import parsed
from bioasm.hardware.recordings.info import ADC, AMPLIFIER, AUX, DIGITAL_IN, DIGITAL_OUT, SUPPLY, RecordingInfo
from bioasm.hardware.recordings.layout import BLOCK, BLOCK_BEFORE_2, FORMATS, MAGIC, MAGIC_RHS
from bioasm.hardware.recordings.timing import Timing, timing_of
from bioasm.hardware.recordings.writers import MIDDLE

LONGEST_HEADER = 1 << 24
MICROVOLTS_PER_CODE = 0.195
HEADERS = ("info.rhd", "info.rhs")
TIMES_AT_ONCE = 1 << 20  # samples
OTHERS = {AUX: "aux", SUPPLY: "supply", ADC: "adc"}


@dataclass(frozen=True)
class Recording:
    """A recording in memory: codes uint16[channels, n], times int32[n] in samples, digital words uint16[n] or None.

    The rows of `codes` are the enabled amplifiers, whose names are `names`. `others` has the signals of other kinds by
    their number, each [channels, samples]. `cut_bytes` counts bytes at the end that do not make a whole block, or a whole
    sample of all signals.
    """

    path: Path
    info: RecordingInfo
    time: NDArray[np.int32]
    codes: NDArray[np.uint16]
    digital: NDArray[np.uint16] | None
    others: dict[int, NDArray[np.uint16]]
    cut_bytes: int

    @property
    def microvolts(self) -> NDArray[np.float64]:
        """The amplifiers' signals [channels, n]: 0.195 (code - 32768)."""
        return MICROVOLTS_PER_CODE * (self.codes.astype(np.float64) - MIDDLE)

    @property
    def names(self) -> list[str]:
        """The name of each row of codes: the user's, or the one of the form A-000."""
        return [channel.custom or channel.native for channel in self.info.of(AMPLIFIER)]

    @property
    def timing(self) -> Timing:
        """The gaps in its times."""
        return timing_of([self.time])

    @property
    def seconds(self) -> float:
        """How long the recording is, from its first sample to its last, gaps included."""
        return self.timing.span / self.info.sample_rate

    @property
    def jumps(self) -> int:
        """Steps of the times that are not 1, which other readers refuse."""
        return int(np.count_nonzero(np.diff(self.time.astype(np.int64)) != 1))


def is_recording(path: Path | str) -> bool:
    """Whether a file starts as an .rhd file does, or a folder holds one of signals."""
    return starts_with(path, MAGIC)


def is_rhs(path: Path | str) -> bool:
    """Whether it is a recording of a controller of stimulating chips, which is not read."""
    return starts_with(path, MAGIC_RHS)


def starts_with(path: Path | str, magic: int) -> bool:
    """Whether a file, or the header of a folder, starts with a number."""
    file = header_file(Path(path))
    try:
        if not file.is_file():
            return False
        with open(file, "rb") as stream:
            return stream.read(4) == FORMATS["u32"].pack(magic)
    except OSError:
        return False


def header_file(path: Path) -> Path:
    """The file with a recording's header."""
    if not os.path.isdir(path):
        return path
    return next((path / name for name in HEADERS if (path / name).exists()), path / HEADERS[0])


def read_rhd(path: Path | str) -> Recording:
    """Read a recording: a file NAME.rhd, a folder of signals, or its info.rhd. Raises BioasmError B301 or B308."""
    file = header_file(Path(path))
    try:
        info, start = read_header(file)
        frames, cut = extent(file, info, start)
        if file.name == "info.rhd":
            return from_signals(file, info, frames, cut)
        return from_blocks(file, info, start, frames, cut)
    except OSError as cause:
        raise unreadable(cause.filename or file, cause) from cause


def measured(path: Path | str) -> tuple[RecordingInfo, int, int]:
    """The header, the number of frames, and the bytes of an incomplete last frame, without reading the data."""
    file = header_file(Path(path))
    try:
        info, start = read_header(file)
        return info, *extent(file, info, start)
    except OSError as cause:
        raise unreadable(cause.filename or file, cause) from cause


def timing(path: Path | str) -> Timing:
    """The gaps in a recording's times; of its data nothing else is read. Raises BioasmError B301 or B308."""
    file = header_file(Path(path))
    try:
        info, start = read_header(file)
        frames, _ = extent(file, info, start)
        return timing_of(times_of_folder(file.parent, frames) if file.name == "info.rhd" else times(file, info, start, frames))
    except OSError as cause:
        raise unreadable(cause.filename or file, cause) from cause


def times(file: Path, info: RecordingInfo, start: int, frames: int) -> Iterator[NDArray[np.int32]]:
    """The times of all blocks, which begin with them."""
    block = np.dtype(block_fields(info))
    form, length = block["time"].base, block["time"].shape[0]
    with open(file, "rb", buffering=0) as stream:
        for first in range(0, frames // length, TIMES_AT_ONCE // length):
            ends = range(first, min(first + TIMES_AT_ONCE // length, frames // length))
            yield np.frombuffer(b"".join(piece(stream, start + k * block.itemsize, form.itemsize * length) for k in ends), form)


def piece(stream: FileIO, at: int, size: int) -> bytes:
    """Positioned read of a file; OSError where it was truncated meanwhile."""
    stream.seek(at)
    content = stream.read(size)
    if len(content) != size:
        raise OSError("it became shorter while it was read")
    return content


def times_of_folder(folder: Path, frames: int) -> Iterator[NDArray[np.int32]]:
    """The times of a folder of signals."""
    for first in range(0, frames, TIMES_AT_ONCE):
        yield np.fromfile(folder / TIME, "<i4", min(TIMES_AT_ONCE, frames - first), offset=4 * first)


def extent(file: Path, info: RecordingInfo, start: int) -> tuple[int, int]:
    """Frames in the files, and bytes that do not make a whole block or a whole sample of all signals."""
    if file.name == "info.rhd":
        files = [(os.path.getsize(file.parent / name), size) for name, size in signal_sizes(file.parent, info).items()]
        frames = min(length // size for length, size in files)
        return frames, sum(length - frames * size for length, size in files)
    block = np.dtype(block_fields(info))
    count, cut = divmod(os.path.getsize(file) - start, block.itemsize)
    return count * block["time"].shape[0], cut


def read_header(file: Path) -> tuple[RecordingInfo, int]:
    """Read a header; returns its fields and the offset of the data."""
    with open(file, "rb") as stream:
        content = stream.read(LONGEST_HEADER)
    if content.startswith(FORMATS["u32"].pack(MAGIC_RHS)):
        why = "it has no header of an .rhd file, but that of an .rhs file, which a controller of stimulating chips writes"
        raise damaged(file, why, "neo reads .rhs files; BioASM records these chips as .rhd, with stimuli among the events")
    try:
        return parsed(content)
    except struct.error as cause:
        raise damaged(file, "it ends within its header") from cause
    except UnicodeDecodeError as cause:
        raise damaged(file, "its header holds bytes that are no text") from cause
    except ValueError as cause:
        raise damaged(file, str(cause)) from cause


def damaged(file: Path, why: str, hint: str | None = None) -> BioasmError:
    """The error for a file that is no recording."""
    return error("B308", f"{file} can't be read as a recording: {why}", hint=hint)


def from_blocks(file: Path, info: RecordingInfo, start: int, frames: int, cut: int) -> Recording:
    """The data after the header, in blocks."""
    block = np.dtype(block_fields(info))
    data = np.fromfile(file, block, frames // block["time"].shape[0], offset=start)
    names = block.names or ()
    others = {kind: rows(data[name]) for kind, name in OTHERS.items() if name in names}
    codes = rows(data["amplifiers"]) if "amplifiers" in names else np.empty((0, frames), np.uint16)
    digital = data["din"].ravel() if "din" in names else None
    return Recording(file, info, data["time"].ravel(), codes, digital, others, cut)


def rows(data: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Reshape signals [blocks, channels, samples] to [channels, blocks * samples]."""
    return np.ascontiguousarray(data.transpose(1, 0, 2).reshape(data.shape[1], -1))


def block_fields(info: RecordingInfo) -> list[tuple[str, str, tuple[int, ...]]]:
    """The fields of a block of data (name, format, shape): times, then each kind of signal that is there, in a fixed order."""
    length = BLOCK if info.version >= (2, 0) else BLOCK_BEFORE_2
    lengths = (
        ("amplifiers", len(info.of(AMPLIFIER)), length),
        ("aux", len(info.of(AUX)), length // 4),
        ("supply", len(info.of(SUPPLY)), 1),
        ("temperature", info.temperatures, 1),
        ("adc", len(info.of(ADC)), length),
        ("din", min(len(info.of(DIGITAL_IN)), 1), length),
        ("dout", min(len(info.of(DIGITAL_OUT)), 1), length),
    )
    fields: list[tuple[str, str, tuple[int, ...]]] = [("time", "<i4" if info.version >= (1, 2) else "<u4", (length,))]
    return fields + [(name, "<u2", (count, each)) for name, count, each in lengths if count]


def from_signals(file: Path, info: RecordingInfo, frames: int, cut: int) -> Recording:
    """Read a folder of signals; the shortest file determines the number of frames."""
    folder = file.parent
    codes, digital = amplifier_codes(folder, info, frames), digital_words(folder, info, frames)
    return Recording(file, info, np.fromfile(folder / TIME, "<i4", frames), codes, digital, {}, cut)


def mend(path: Path | str) -> int:
    """Repair after a crash: truncate an incomplete last block or sample; returns the bytes removed.

    Raises BioasmError B301, B302 or B308.
    """
    recording = read_rhd(path)
    file = recording.path
    if recording.cut_bytes and file.name == "info.rhd":
        for name, size in signal_sizes(file.parent, recording.info).items():
            os.truncate(file.parent / name, len(recording.time) * size)
    elif recording.cut_bytes:
        os.truncate(file, os.path.getsize(file) - recording.cut_bytes)
    return recording.cut_bytes
