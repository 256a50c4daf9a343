"""Event log of a recording (JSON Lines): spikes, stimuli, gaps, link statistics and other events."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bioasm.diagnostics import error
from bioasm.files import unreadable
from bioasm.hardware.recordings.writers import created, end, put

FORMAT, VERSION = "bioasm-events", 1


class EventWriter:
    """Appends lines, each in one write."""

    def __init__(self, path: Path) -> None:
        self.stream = created(path)

    def put(self, values: Mapping[str, Any]) -> None:
        """Append one object."""
        line = json.dumps(plain(values), allow_nan=False, separators=(",", ":")) + "\n"
        put(self.stream, line.encode())

    def close(self) -> None:
        """Close the file."""
        end(self.stream)


def plain(value: Any) -> Any:
    """Convert a value to JSON types: arrays to lists, numpy scalars to numbers, non-finite numbers to null."""
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def events_path(recording: Path) -> Path:
    """Path of a recording's events: NAME.events.jsonl next to NAME.rhd, events.jsonl in a folder of signals."""
    if os.path.isdir(recording):
        return recording / "events.jsonl"
    if recording.name == "info.rhd":
        return recording.parent / "events.jsonl"
    return recording.with_name(recording.stem + ".events.jsonl")


def read_events(recording: Path | str) -> list[dict[str, Any]]:
    """The events of a recording, whose path may be that of the recording or of the events themselves.

    A last line without its end, as a crash leaves it, is left out. Raises BioasmError B301 or B308.
    """
    path = Path(recording)
    path = path if path.suffix == ".jsonl" else events_path(path)
    try:
        lines = path.read_bytes().split(b"\n")[:-1]
    except OSError as cause:
        raise unreadable(path, cause) from cause
    return [parsed(path, number, line) for number, line in enumerate(lines, 1)]


def parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """One line as an object."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise error("B308", f"{path}, line {number}, is no JSON object")
    return value
