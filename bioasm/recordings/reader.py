"""Reads recordings back: .rhd files of any version and folders of single signals."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, error
from bioasm.files import unreadable
from bioasm.recordings.header import parsed
from bioasm.recordings.info import ADC, AMPLIFIER, AUX, DIGITAL_IN, DIGITAL_OUT, SUPPLY, RecordingInfo
from bioasm.recordings.layout import BLOCK, BLOCK_BEFORE_2, FORMATS, MAGIC
from bioasm.recordings.writers import MIDDLE

LONGEST_HEADER = 1 << 24
MICROVOLTS_PER_CODE = 0.195
OTHERS = {AUX: "aux", SUPPLY: "supply", ADC: "adc"}


@dataclass(frozen=True)
class Recording:
    """A recording in memory: codes uint16[channels, n], times int32[n] in samples, digital words uint16[n] or None.

    `others` has the signals of other kinds by their number, each [channels, samples]. `cut_bytes` counts bytes at the end
    that do not make a whole block, or a whole sample of all signals.
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
    def seconds(self) -> float:
        """How long the recording is."""
        return len(self.time) / self.info.sample_rate

    @property
    def jumps(self) -> int:
        """Steps of the times that are not 1, which other readers refuse."""
        return int(np.count_nonzero(np.diff(self.time.astype(np.int64)) != 1))


def is_recording(path: Path | str) -> bool:
    """Whether a file starts as an .rhd file does, or a folder holds one of single signals."""
    file = header_file(Path(path))
    try:
        if not file.is_file():
            return False
        with open(file, "rb") as stream:
            return stream.read(4) == FORMATS["u32"].pack(MAGIC)
    except OSError:
        return False


def header_file(path: Path) -> Path:
    """The file with a recording's header."""
    return path / "info.rhd" if os.path.isdir(path) else path


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
        raise unreadable(file, cause) from cause


def measured(path: Path | str) -> tuple[RecordingInfo, int, int]:
    """A recording's header, its frames, and the bytes at its end that are no whole frames; the data are not read."""
    file = header_file(Path(path))
    try:
        info, start = read_header(file)
        return info, *extent(file, info, start)
    except OSError as cause:
        raise unreadable(file, cause) from cause


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
    """What the header says, and where it ends."""
    with open(file, "rb") as stream:
        content = stream.read(LONGEST_HEADER)
    try:
        return parsed(content)
    except struct.error as cause:
        raise damaged(file, "it ends within its header") from cause
    except UnicodeDecodeError as cause:
        raise damaged(file, "its header holds bytes that are no text") from cause
    except ValueError as cause:
        raise damaged(file, str(cause)) from cause


def damaged(file: Path, why: str) -> BioasmError:
    """The error for a file that is no recording."""
    return error("B308", f"{file} can't be read as a recording: {why}")


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
    """Signals [blocks, channels, samples] one after the other."""
    return np.ascontiguousarray(data.transpose(1, 0, 2).reshape(data.shape[1], -1))


def block_fields(info: RecordingInfo) -> list[tuple[str, str, tuple[int, ...]]]:
    """What a block of data consists of: times, then each kind of signal that is there, in a fixed order."""
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
    """One file for each signal, of which the shortest counts."""
    channels = len(info.of(AMPLIFIER))
    codes = amplifier_codes(file.parent / "amplifier.dat", channels, frames) if channels else np.empty((0, frames), np.uint16)
    has_words = "digitalin.dat" in signal_sizes(file.parent, info)
    digital = np.fromfile(file.parent / "digitalin.dat", "<u2", frames) if has_words else None
    return Recording(file, info, np.fromfile(file.parent / "time.dat", "<i4", frames), codes, digital, {}, cut)


def amplifier_codes(file: Path, channels: int, frames: int) -> NDArray[np.uint16]:
    """The codes uint16[channels, frames] of amplifier.dat, where they stand as int16 around 0, sample by sample."""
    signed = np.fromfile(file, "<i2", frames * channels).reshape(frames, channels)
    return np.ascontiguousarray((signed.T.astype(np.int32) + MIDDLE).astype(np.uint16))


def signal_sizes(folder: Path, info: RecordingInfo) -> dict[str, int]:
    """The files of a folder of signals that count, and how many bytes a sample has in each."""
    channels = len(info.of(AMPLIFIER))
    sizes = {"time.dat": 4} | ({"amplifier.dat": 2 * channels} if channels else {})
    return sizes | ({"digitalin.dat": 2} if info.of(DIGITAL_IN) and (folder / "digitalin.dat").exists() else {})


def mend(path: Path | str) -> int:
    """Cut off what a crash left behind the last whole block or sample, so that others can open it; the bytes cut.

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
