"""Validating reader of npz archives: an entry's type and shape are checked before its content is read.

Entries are stored uncompressed, so that an archive can't expand beyond its file's size; nothing is unpickled.
"""

from __future__ import annotations

import math
import os
import stat
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.files import reason
from bioasm.npz import read_header

Array = NDArray[Any]
Shape = tuple[int | None, ...]  # None: any length

_FAULTS = (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile, RuntimeError, struct.error, OverflowError)


class Damaged(ValueError):
    """The content of an archive fails a check."""


@contextmanager
def reading(path: Path) -> Iterator[Archive]:
    """Open the archive in a file. Raises BioasmError B301 for an unreadable file, B404 for invalid content."""
    try:
        with open(path, "rb", opener=_open_at_once) as stream:
            yield Archive(stream)
    except FileNotFoundError as cause:
        raise error("B301", f"there is no checkpoint {path}") from cause
    except Damaged as cause:
        raise error("B404", f"{path} is damaged: {cause}") from cause
    except _FAULTS as cause:
        failed = next((each for each in (cause, cause.__context__) if isinstance(each, OSError)), None)  # zipfile hides it
        words = f"can't be read: {reason(failed)}" if failed else "is no checkpoint, or is damaged"
        raise error("B404", f"{path} {words}") from cause


def _open_at_once(path: str, flags: int) -> int:
    """Open without blocking on a named pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class Archive:
    """An npz file, with the entries that have not been read yet."""

    def __init__(self, stream: BinaryIO) -> None:
        found = os.fstat(stream.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise Damaged("it is no regular file")
        self.size = found.st_size
        self._zip = zipfile.ZipFile(stream)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._zip.infolist():
            name = entry.filename.removesuffix(".npy")
            stored = entry.compress_type == zipfile.ZIP_STORED and entry.compress_size == entry.file_size
            if name in self._entries or not stored or entry.flag_bits & 1:
                raise Damaged(f"the entry {name[:80]!r} is packed, or there twice")
            self._entries[name] = entry

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def unread(self) -> list[str]:
        """The names of the entries that were not read."""
        return sorted(self._entries)

    def read(self, name: str, dtype: str, shape: Shape, most: int = 1 << 40) -> Array:
        """Read the entry `name`, which must have that dtype (numpy's `<f8`) and shape, and at most `most` numbers."""
        entry = self._entries.pop(name, None)
        if entry is None:
            raise Damaged(f"it lacks {name}")
        with self._zip.open(entry) as stream:
            kind, found = _header(name, stream)
            count = math.prod(found)
            if kind != dtype or not _fits(found, shape) or count > most:
                raise Damaged(f"{name} is {kind} {found}, not {dtype} {shape}")
            size = count * np.dtype(dtype).itemsize
            if size > entry.file_size:  # checked before allocation
                raise Damaged(f"{name} is cut short")
            content = stream.read(size)
            if len(content) != size or stream.read(1):
                raise Damaged(f"{name} is longer or shorter than it says")
        return np.frombuffer(bytearray(content), dtype).reshape(found)

    def head(self, name: str) -> tuple[str, tuple[int, ...]]:
        """The dtype and shape in an entry's header."""
        if name not in self._entries:
            raise Damaged(f"it lacks {name}")
        with self._zip.open(self._entries[name]) as stream:
            return _header(name, stream)


def _header(name: str, stream: Any) -> tuple[str, tuple[int, ...]]:
    """Parse an .npy header: dtype and shape; only native byte order and C order are accepted."""
    try:
        header = read_header(stream)
    except ValueError as cause:
        raise Damaged(f"{name} is no array of numbers") from cause
    if header.fortran_order or header.dtype.kind not in "biuf" or not header.dtype.isnative:
        raise Damaged(f"{name} is no array of numbers, row by row")
    return header.dtype.str, header.shape


def _fits(found: tuple[int, ...], shape: Shape) -> bool:
    return len(found) == len(shape) and all(want is None or have == want for have, want in zip(found, shape, strict=True))
