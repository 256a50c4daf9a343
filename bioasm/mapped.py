"""Memory-mapped files (mmap) that other programs may shorten or write to while they are used.

A page of a mapped file that was cut off raises SIGBUS, which ends a process. On Linux a handler (`sigbus.py`) puts zeros in
place of what is gone and the reader goes on; the user of the data looks at `changed` before relying on results.
Files of up to `IN_MEMORY` bytes are read instead, so that nothing that happens to them afterwards matters.

Limits: without Linux on 64 bits there is no handler (Windows shortens no mapped file). A change is recognised by size, time of
change and SIGBUS: one that leaves all three alone, through another writable mapping, is not seen.
"""

from __future__ import annotations

import mmap
import os
import stat
import sys
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from bioasm.diagnostics import BioasmError, error

IN_MEMORY = 1 << 22  # bytes; copying so many takes a millisecond


class MappedFile(mmap.mmap):
    """A whole file, mapped for reading. `path` is its name for messages; `torn` says that a part was gone when it was read."""

    path: str
    torn: bool
    start: int

    def begin(self, stream: BinaryIO, path: str) -> None:
        """Remember what the file is now, and guard its pages."""
        self.path, self.torn = path, False
        self._stream = os.fdopen(os.dup(stream.fileno()), "rb")
        self._stamp = self.stamp()
        self._guard()

    def _guard(self) -> None:
        import numpy as np

        self.start = int(np.frombuffer(self, np.uint8).__array_interface__["data"][0])
        _live.add(self)
        if sys.platform == "linux":
            from bioasm.sigbus import install

            install(_gone)

    def stamp(self) -> tuple[int, int]:
        """Size and modification time of the mapped file, even if it was renamed or replaced."""
        found = os.fstat(self._stream.fileno())
        return found.st_size, found.st_mtime_ns

    @property
    def changed(self) -> bool:
        """Whether the file was shortened or written to since it was mapped."""
        return self.torn or self.stamp() != self._stamp


_live: weakref.WeakSet[MappedFile] = weakref.WeakSet()


def content(stream: BinaryIO, path: Path | str) -> bytes | memoryview:
    """The content of a stream: read if a pipe or at most `IN_MEMORY` bytes long, else mapped. Raises OSError, ValueError."""
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode) or status.st_size <= IN_MEMORY or status.st_size == 0:
        return stream.read()
    mapped = MappedFile(stream.fileno(), status.st_size, access=mmap.ACCESS_READ)
    mapped.begin(stream, str(path))
    return memoryview(mapped)


def files_behind(arrays: Iterable[Any]) -> Iterator[MappedFile]:
    """The mapped files that arrays of numpy (or buffers) are views of."""
    for array in arrays:
        while array is not None and not isinstance(array, MappedFile):
            array = array.obj if isinstance(array, memoryview) else getattr(array, "base", None)
        if array is not None:
            yield array


def changed(path: Path | str, when: str = "") -> BioasmError:
    """The error B310 for a file that was changed while it was used, `when` if that is known."""
    hint = "write a new file and move it to the name, instead of writing over the one in use"
    words = f"{path} was changed while it was used{', ' + when if when else ''}; what was computed since may be wrong"
    return error("B310", words, hint=hint)


def _gone(address: int) -> int:
    """Mark the mapping of an address as torn. Returns its end, 0 for an address in no mapping."""
    for file in tuple(_live):
        end = file.start + -(-len(file) // mmap.PAGESIZE) * mmap.PAGESIZE
        if file.start <= address < end:
            file.torn = True
            return end
    return 0
