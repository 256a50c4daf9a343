"""Fault injection: the n-th operation on files of a folder fails, within this process.

Counted are opening, each read and write that reaches the system, closing what was written, synchronising, permissions and
renaming. Buffers stand above, so that what they do with a failure is tried as well. Nothing raises EINTR: Python itself repeats
calls that a signal cut off, so that a write of a part is all that a program ever sees of it.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bioasm.hardware.recordings import writers

FAILURES = ("EIO", "full", "short")
"""Once with that number; a disk that stays full; a read or write of a part, which is no failure."""
_CALLS = ("replace", "rename", "chmod", "fsync", "truncate")


class Faults:
    """Which operations there were, and which of them fails. Nothing is counted before `arm`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.failure, self.at = folder, "", 0
        self.counting, self.happened = False, False
        self.seen: list[str] = []
        self.handles: set[int] = set()

    def arm(self, failure: str, at: int) -> None:
        """From here on let the operation `at` fail, counted from 1; 0 lets none fail."""
        self.failure, self.at, self.seen = failure, at, []
        self.counting, self.happened = True, False
        self.handles.clear()

    def disarm(self) -> None:
        """Let nothing fail and count nothing any more."""
        self.counting = False

    def within(self, path: Any) -> bool:
        """Whether an operation on this path or handle is counted."""
        if not self.counting:
            return False
        if isinstance(path, int):
            return path in self.handles
        return os.path.abspath(os.fsdecode(path)).startswith(f"{self.folder}{os.sep}")

    def step(self, what: str) -> str:
        """Count an operation; raises where it is to fail, and says whether it is `short` otherwise."""
        self.seen.append(what)
        later = self.failure == "full" and self.happened and what in ("open to write", "write")
        if not self.counting or (len(self.seen) != self.at and not later):
            return ""
        self.happened = True
        if self.failure == "short":
            return "short"
        number = errno.ENOSPC if self.failure == "full" else getattr(errno, self.failure)
        raise OSError(number, os.strerror(number))


def install(faults: Faults, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the counting of operations between Python and the system."""
    raw = _raw(faults)

    def opened(file: Any, mode: str = "r", buffering: int = -1, encoding: Any = None, *rest: Any, **more: Any) -> Any:
        if not faults.within(file):
            return _open(file, mode, buffering, encoding, *rest, **more)
        return _dressed(raw(file, mode.replace("b", "").replace("t", ""), opener=more.get("opener")), mode, buffering, encoding)

    def os_open(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if not faults.within(path):
            return _os_open(path, flags, *rest, **more)
        faults.step("open to write" if flags & (os.O_WRONLY | os.O_RDWR) else "open")
        handle = _os_open(path, flags, *rest, **more)
        faults.handles.add(handle)
        return handle

    def fdopen(handle: int, mode: str = "r", buffering: int = -1, encoding: Any = None, *rest: Any, **more: Any) -> Any:
        return opened(handle, mode, buffering, encoding, *rest, **more)

    _open, _os_open = builtins.open, os.open
    monkeypatch.setattr(builtins, "open", opened)
    monkeypatch.setattr(io, "open", opened)
    monkeypatch.setattr(os, "open", os_open)
    monkeypatch.setattr(os, "fdopen", fdopen)
    monkeypatch.setattr(writers, "FileIO", raw)
    for name in _CALLS:
        monkeypatch.setattr(os, name, _counted(faults, name))


def _counted(faults: Faults, name: str) -> Callable[..., Any]:
    call = getattr(os, name)

    def counted(path: Any, *rest: Any, **more: Any) -> Any:
        if faults.within(path):
            faults.step(name)
        return call(path, *rest, **more)

    return counted


def _raw(faults: Faults) -> type[io.FileIO]:
    """A file without buffer whose operations are counted."""

    class Raw(io.FileIO):
        def __init__(self, file: Any, mode: str = "r", opener: Any = None) -> None:
            if not isinstance(file, int):
                faults.step("open to write" if set(mode) & set("wxa+") else "open")
            super().__init__(file, mode, opener=opener)

        def write(self, data: Any) -> int | None:
            view = memoryview(data).cast("B")
            return super().write(view[: max(1, len(view) // 2)] if faults.step("write") and view else view)

        def readinto(self, buffer: Any) -> int | None:
            view = memoryview(buffer).cast("B")
            return super().readinto(view[: max(1, len(view) // 2)] if faults.step("read") and view else view)

        def read(self, size: int | None = -1) -> Any:
            faults.step("read")
            return super().read(size)

        def readall(self) -> Any:
            faults.step("read")
            return super().readall()

        def truncate(self, size: int | None = None) -> int:
            faults.step("truncate")
            return super().truncate(size)

        def close(self) -> None:
            written = not self.closed and self.writable()
            super().close()
            if written:
                faults.step("close")

    return Raw


def _dressed(raw: io.FileIO, mode: str, buffering: int, encoding: Any) -> Any:
    """The stream that `open` would make."""
    if buffering == 0:
        return raw
    kind = io.BufferedRandom if "+" in mode else io.BufferedReader if "r" in mode else io.BufferedWriter
    stream: Any = kind(raw)
    return stream if "b" in mode else io.TextIOWrapper(stream, encoding or "utf-8")
