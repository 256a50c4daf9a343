"""The two layouts of a recording on disk: whole blocks in one .rhd file, or one growing file for each signal.

Nothing is kept in a buffer but the samples of a block that is not full yet: whatever was appended is in the system's
hands, and survives this process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.files import unwritable
from bioasm.hardware.recordings.header import header_bytes
from bioasm.hardware.recordings.info import AMPLIFIER, DIGITAL_IN, RecordingInfo
from bioasm.hardware.recordings.layout import BLOCK

Codes = NDArray[np.uint16]
MIDDLE = 32768


class Writer(Protocol):
    """Protocol of a file layout: samples are appended in order; `frames` counts those written."""

    frames: int

    def append(self, codes: Codes, digital: Codes) -> None:
        """Write samples [channels, n] and the digital words [n] of as many."""

    def close(self) -> None:
        """End the recording."""


def created(path: Path) -> FileIO:
    """A new file without a buffer; BioasmError B302 if it exists or can't be made."""
    try:
        return FileIO(path, "xb")
    except FileExistsError as cause:
        raise error("B302", f"{path} exists", hint="recordings never replace files; choose another name") from cause
    except OSError as cause:
        raise unwritable(path, cause) from cause


@contextmanager
def new_files(*paths: Path) -> Iterator[list[FileIO]]:
    """New files, which go again where one of them or the block fails. Raises BioasmError B302."""
    with ExitStack() as undo:
        streams = []
        for path in paths:
            streams.append(created(path))
            undo.callback(path.unlink, missing_ok=True)
            undo.callback(streams[-1].close)
        yield streams
        undo.pop_all()


def put(stream: FileIO, content: bytes) -> None:
    """Write all of `content` at the end, or nothing where that fails with BioasmError B302."""
    start, view = stream.tell(), memoryview(content)
    try:
        while view:
            view = view[stream.write(view) :]
    except OSError as cause:
        with suppress(OSError):
            stream.truncate(start)
            stream.seek(start)
        raise unwritable(str(stream.name), cause) from cause


def end(*streams: FileIO) -> None:
    """Close streams, each whatever becomes of the others. Raises BioasmError B302 where one could not keep what it took."""
    failed = None
    for stream in streams:
        try:
            stream.close()
        except OSError as cause:
            failed = failed or unwritable(str(stream.name), cause)
    if failed:
        raise failed


class BlockWriter:
    """An .rhd file: its header, then blocks of 128 samples, each written whole."""

    def __init__(self, path: Path, info: RecordingInfo) -> None:
        self.digital = bool(info.of(DIGITAL_IN))
        self.block = np.dtype(block_fields(info))
        self.frames = 0
        channels = len(info.of(AMPLIFIER))
        self.codes, self.words = np.empty((channels, 0), np.uint16), np.empty(0, np.uint16)
        with new_files(path) as (self.stream,):
            put(self.stream, header_bytes(info))

    def append(self, codes: Codes, digital: Codes) -> None:
        """Write the blocks that are full with these samples; keep the rest."""
        self.codes = np.concatenate([self.codes, codes], axis=1)
        self.words = np.concatenate([self.words, digital])
        blocks = self.codes.shape[1] // BLOCK
        if blocks:
            put(self.stream, self.blocks(blocks).tobytes())
            self.codes, self.words = self.codes[:, blocks * BLOCK :], self.words[blocks * BLOCK :]
            self.frames += blocks * BLOCK

    def blocks(self, count: int) -> NDArray[np.void]:
        """The next blocks, encoded as in the file."""
        out = np.empty(count, self.block)
        length = count * BLOCK
        out["time"] = np.arange(self.frames, self.frames + length, dtype=np.int32).reshape(count, BLOCK)
        out["amplifiers"] = self.codes[:, :length].reshape(-1, count, BLOCK).transpose(1, 0, 2)
        if self.digital:
            out["digital"] = self.words[:length].reshape(count, BLOCK)
        return out

    def close(self) -> None:
        """Close the file; samples that did not fill a block are dropped."""
        end(self.stream)


def block_fields(info: RecordingInfo) -> list[tuple[str, str, tuple[int, ...]]]:
    """The fields of a block of a recording that we write (name, format, shape)."""
    fields: list[tuple[str, str, tuple[int, ...]]] = [("time", "<i4", (BLOCK,))]
    fields.append(("amplifiers", "<u2", (len(info.of(AMPLIFIER)), BLOCK)))
    return fields + ([("digital", "<u2", (BLOCK,))] if info.of(DIGITAL_IN) else [])


class SignalWriter:
    """A folder with info.rhd, time.dat, amplifier.dat and digitalin.dat, which grow sample by sample.

    Times are written last, so that the shortest file tells how much is complete.
    """

    def __init__(self, folder: Path, info: RecordingInfo) -> None:
        self.digital = bool(info.of(DIGITAL_IN))
        self.frames = 0
        names = ["amplifier.dat", *(["digitalin.dat"] if self.digital else []), "time.dat"]
        with new_files(*(folder / name for name in ("info.rhd", *names))) as (header, *streams):
            put(header, header_bytes(info))
            end(header)
        self.streams = dict(zip(names, streams, strict=True))

    def append(self, codes: Codes, digital: Codes) -> None:
        """Write samples: amplifiers as int16 around 0, sample by sample."""
        signed = (codes.T.astype(np.int32) - MIDDLE).astype("<i2")
        put(self.streams["amplifier.dat"], signed.tobytes())
        if self.digital:
            put(self.streams["digitalin.dat"], digital.astype("<u2").tobytes())
        times = np.arange(self.frames, self.frames + len(signed), dtype="<i4")
        put(self.streams["time.dat"], times.tobytes())
        self.frames += len(signed)

    def close(self) -> None:
        """Close the files."""
        end(*self.streams.values())


def make_folder(folder: Path) -> None:
    """Make the folder of a recording where it is missing."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as cause:
        raise unwritable(folder, cause) from cause
