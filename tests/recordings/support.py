"""Recordings for the tests, and bytes of .rhd files that are built field by field."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np

from bioasm.hardware.recordings import RecordingInfo, channels
from bioasm.hardware.recordings.recorder import Recorder

LAYOUTS = ("rhd", "signals")


def info(amplifiers: int = 4, digital: int = 0, **wanted: Any) -> RecordingInfo:
    """A header with plain names."""
    return RecordingInfo(20000.0, channels(amplifiers, digital=digital), **wanted)


def codes(amplifiers: int, length: int) -> np.ndarray:
    """Codes uint16[amplifiers, length], always the same."""
    return np.random.default_rng([amplifiers, length]).integers(0, 65536, (amplifiers, length)).astype(np.uint16)


def place(folder: Path, layout: str, name: str = "run") -> Path:
    """Where a recording of a layout goes."""
    return folder / f"{name}.rhd" if layout == "rhd" else folder / name


def recorded(folder: Path, layout: str, samples: np.ndarray, header: RecordingInfo | None = None) -> Path:
    """A closed recording of samples that start at the device's sample 0."""
    path = place(folder, layout)
    with Recorder(path, header or info(len(samples)), layout) as recorder:
        recorder.append(0, samples)
    return path


def text(content: str | None) -> bytes:
    """A text of the format: a length in bytes and UTF-16; None has the length of all ones."""
    if content is None:
        return b"\xff\xff\xff\xff"
    return struct.pack("<I", 2 * len(content)) + content.encode("utf-16-le")


def channel(name: str, kind: int, order: int = 0, enabled: int = 1, custom: str | None = None) -> bytes:
    """A channel's entry in a header."""
    numbers = (order, order, kind, enabled, order, 0, 1, -70, 0, 0)
    return text(name) + text(name if custom is None else custom) + struct.pack("<10h2f", *numbers, 12e3, -45.0)


def group(name: str, entries: list[bytes], enabled: int = 1) -> bytes:
    """A signal group in a header."""
    return text(name) + text(name[-1:]) + struct.pack("<3h", enabled, len(entries), len(entries)) + b"".join(entries)


def header(groups: list[bytes], version: tuple[int, int] = (3, 4), temperatures: int = 0, board_mode: int = 13) -> bytes:
    """The header of an .rhd file of a version, by the vendor's description."""
    start = struct.pack("<I2hfh6fh2f", 0xC6912702, *version, 20000.0, 1, 0.8, 1.1, 7600.0, 1.0, 1.0, 7500.0, 0, 1000.0, 990.0)
    out = start + text("first note") + text(None) + text("")
    out += struct.pack("<h", temperatures) if version >= (1, 1) else b""
    out += struct.pack("<h", board_mode) if version >= (1, 3) else b""
    out += text("n/a") if version >= (2, 0) else b""
    return out + struct.pack("<h", len(groups)) + b"".join(groups)
