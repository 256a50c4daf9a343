"""Out-of-core output: a spool is a folder of growing .npy files, so that the output of a run may exceed memory.

A file's header is rewritten after each piece, so that it is valid at any time, also after a kill.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, error
from bioasm.files import unwritable
from bioasm.memory import memory

Array = NDArray[Any]

PIECE = 1 << 24  # bytes of a file that are read at a time
ABOUT = "run.json"  # with the id of the process that owns the folder
_HEADER = 128  # bytes; room for three sides of 20 digits


class Spool:
    """Growing arrays by name in a folder created with the first of them; pieces are joined along the first axis.

    The spool owns its folder: one created by another process is refused (B302). `full` is set once the disk is full.
    Raises BioasmError B302 where a piece can't be written, which is then in no file.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        self.folder, self.about = folder, {"process": os.getpid(), **about}
        self.full = self._made = False
        self._home = folder.absolute()  # independent of later changes of the working directory
        self._kept: dict[str, tuple[tuple[int, ...], str]] = {}  # shape and dtype of each file
        self._mapped: set[str] = set()
        self._placed: set[str] = set()  # arrays derived from others, which may be removed

    def path(self, name: str) -> Path:
        """The file of an array."""
        return self._home / f"{name}.npy"

    def move(self, name: str, pieces: list[Array]) -> None:
        """Append pieces in order, and remove each that is written from the list."""
        try:
            self._make_folder()
            while pieces:
                self._append(name, np.ascontiguousarray(pieces[0]))
                del pieces[0]
        except OSError as cause:
            self.full = True
            raise self._fault(f"{name}.npy", cause) from cause

    def tell(self, more: Mapping[str, Any]) -> None:
        """Write the run's metadata next to the arrays."""
        try:
            self._make_folder()
            (self._home / ABOUT).write_text(json.dumps({**self.about, **more}))
        except OSError as cause:
            self.full = True
            raise self._fault(ABOUT, cause) from cause

    def _fault(self, name: str, cause: OSError) -> BioasmError:
        """B302: the system's error for a file, or that another run owns the folder."""
        if self._made:
            return unwritable(self.folder / name, cause)
        if not isinstance(cause, FileExistsError):
            return unwritable(self.folder, cause)
        return error("B302", f"can't write {self.folder}: it is there already", hint="another run with the same -o has made it")

    def _make_folder(self) -> None:
        if not self._made:
            self._home.mkdir()
            self._made = True

    def _append(self, name: str, piece: Array) -> None:
        shape, _ = self._kept.get(name, ((0, *piece.shape[1:]), piece.dtype.str))
        end = _HEADER + int(np.prod(shape)) * piece.itemsize
        grown = (shape[0] + len(piece), *shape[1:])
        with open(self.path(name), "r+b" if name in self._kept else "w+b", buffering=0) as file:
            try:
                _write(file, end, piece)
                _write(file, 0, np.frombuffer(_header(grown, piece.dtype.str), np.uint8))
            except OSError:
                file.truncate(end)
                raise
        self._kept[name] = grown, piece.dtype.str

    def chunks(self, name: str, pieces: list[Array]) -> Iterator[Array]:
        """Iterate over the rows of a file in parts of about `PIECE` bytes, then over pieces that are still in memory."""
        if name in self._kept:
            shape, dtype = self._kept[name]
            entry = int(np.prod(shape[1:]))
            rows = max(1, PIECE // max(1, 8 * entry))
            with open(self.path(name), "rb", buffering=0) as file:
                file.seek(_HEADER)
                for first in range(0, shape[0], rows):
                    count = min(rows, shape[0] - first)
                    yield np.fromfile(file, dtype, count * entry).reshape(count, *shape[1:])
        yield from pieces

    def count(self, name: str, pieces: list[Array]) -> int:
        """The number of rows of an array, including those in memory."""
        return (self._kept[name][0][0] if name in self._kept else 0) + sum(map(len, pieces))

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    def mapped(self, name: str) -> Array:
        """Memory-map an array in its file; pages are read on access."""
        shape, dtype = self._kept[name]
        self._mapped.add(name)
        if not np.prod(shape):
            return np.empty(shape, dtype)
        return np.memmap(self.path(name), dtype, "r", _HEADER, shape)

    def place(self, name: str, shape: tuple[int, ...], dtype: str = "<f8") -> Placed:
        """Preallocate an array in a file; in memory where the disk is full. Raises BioasmError B302."""
        size = int(np.prod(shape)) * 8
        if not self.full:
            self._kept[name] = shape, dtype
            self._placed.add(name)
            return Placed(self, name, shape, dtype)
        if size > memory() // 4:
            raise error("B302", f"the disk of {self.folder} is full, and {size / 1e9:.1f} GB do not fit into memory")
        return Placed(None, name, shape, dtype)

    def is_done(self, name: str) -> bool:
        """Whether an array is complete in its file."""
        return name in self._kept and name in self._mapped

    def drop(self, name: str) -> None:
        """Remove an array that is no longer needed."""
        if self._kept.pop(name, None) is not None:
            self.path(name).unlink(missing_ok=True)

    def drop_unfinished(self) -> None:
        """Remove the incomplete arrays of `place`."""
        for name in self._placed - self._mapped:
            self.drop(name)

    def tidy(self) -> None:
        """Remove files that no mapped array uses, unless the disk was full: then they may be the only copy."""
        for name in list(self._kept):
            if name not in self._mapped and not self.full:
                self.drop(name)


class Placed:
    """A preallocated array that is filled part by part, in a file of a spool or, without one, in memory.

    A file is written, not mapped: writing to a mapped page on a full disk kills the process (SIGBUS).
    """

    def __init__(self, spool: Spool | None, name: str, shape: tuple[int, ...], dtype: str) -> None:
        self._spool, self._name, self._shape, self._dtype = spool, name, shape, dtype
        self._array = np.empty(() if spool else shape, dtype)
        if spool is not None:
            self._write(0, np.frombuffer(_header(shape, dtype), np.uint8), "w+b")

    def put(self, at: int, part: Array) -> None:
        """Write numbers from entry `at` on, in C order. Raises BioasmError B302."""
        if self._spool is None:
            self._array.reshape(-1)[at : at + part.size] = part.reshape(-1)
        else:
            self._write(_HEADER + at * part.itemsize, np.ascontiguousarray(part, self._dtype), "r+b")

    def _write(self, at: int, part: Array, mode: str) -> None:
        assert self._spool is not None
        path = self._spool.path(self._name)
        try:
            with open(path, mode, buffering=0) as file:
                _write(file, at, part)
        except OSError as cause:
            self._spool.drop(self._name)
            self._spool.full = True
            raise unwritable(self._spool.folder / path.name, cause) from cause

    def done(self) -> Array:
        """The finished array; one in a file is memory-mapped."""
        if self._spool is None:
            return self._array
        return self._spool.mapped(self._name)


def is_ours(folder: Path) -> bool:
    """Whether this process owns the spool in a folder: another run with the same `-o` may have created it."""
    try:
        return bool(json.loads((folder / ABOUT).read_bytes())["process"] == os.getpid())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write(file: Any, at: int, part: Array) -> None:
    """Write all bytes of a contiguous array at an offset of an unbuffered file."""
    file.seek(at)
    left = part.reshape(-1).view(np.uint8).data
    while left:
        left = left[file.write(left) :]


def _header(shape: tuple[int, ...], dtype: str) -> bytes:
    """The header of an .npy file of version 1.0, of a length that does not depend on the shape."""
    words = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({', '.join(map(str, shape))},), }}"
    return b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little") + words.ljust(_HEADER - 11).encode() + b"\n"
