"""Reader of untrusted .npz archives: sizes are read from the arrays' headers before anything is inflated."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SUFFIX = ".npy"
_LONGEST_HEADER = 1 << 16  # bytes; numpy writes some hundred
_PIECE = 1 << 20


class Header(NamedTuple):
    """The header of an array: its shape, its type, whether columns lie together, and where its entries begin."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool
    start: int

    @property
    def entries(self) -> int:
        """The number of entries."""
        count = 1
        for side in self.shape:
            count *= side
        return count

    @property
    def bytes(self) -> int:
        """The bytes of its entries in memory."""
        return self.entries * self.dtype.itemsize


class Archive:
    """An .npz file, or its bytes. Nothing but headers is inflated until `read`, which takes no more than it is allowed to.

    `names` are those of its arrays. Raises OSError, zipfile.BadZipFile and ValueError for what is no archive of
    arrays of numbers or text; others raise them as well, for damage can show anywhere in zlib, bz2 and lzma.
    """

    def __init__(self, source: Path | str | bytes) -> None:
        self._zip = zipfile.ZipFile(BytesIO(source) if isinstance(source, bytes) else source)
        self._members = {info.filename.removesuffix(_SUFFIX): info for info in self._zip.infolist()}
        self.names = list(self._members)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: TracebackType | None) -> None:
        self._zip.close()

    def header(self, name: str) -> Header:
        """The header of an array. Raises KeyError where there is no such array, ValueError if it has another size."""
        info = self._members[name]
        with self._zip.open(info) as stream:
            header = read_header(stream)
        if header.start + header.bytes != info.file_size:
            raise ValueError(f"{info.filename} is said to hold {info.file_size - header.start} bytes, not {header.bytes}")
        return header

    def read(self, name: str, most: int) -> NDArray[Any]:
        """The array called `name`, of at most `most` bytes. Raises KeyError, or ValueError where it is larger."""
        import numpy as np

        header = self.header(name)
        if header.bytes > most:
            raise ValueError(f"{name} would take {header.bytes} bytes; the most here is {most}")
        flat = np.empty(header.entries, header.dtype)
        with self._zip.open(self._members[name]) as stream:
            stream.read(header.start)
            if flat.nbytes:
                _fill(stream, flat.view(np.uint8).data)
            stream.read(1)  # at the end the checksum is compared
        return flat.reshape(header.shape, order="F" if header.fortran_order else "C")


def read_header(stream: IO[bytes]) -> Header:
    """The header of an .npy array at the start of a stream. Raises ValueError where it is none, or that of Python objects."""
    import numpy as np

    npy: Any = np.lib.format
    magic = stream.read(npy.MAGIC_LEN)
    version = npy.read_magic(BytesIO(magic))
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of format {version} can't be read")
    width = 2 if version == (1, 0) else 4
    length = stream.read(width)
    size = int.from_bytes(length, "little")
    if size > _LONGEST_HEADER:
        raise ValueError(f"the header of an array has {size} bytes")
    parse = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        shape, fortran_order, dtype = parse(BytesIO(length + stream.read(size)))
    except Exception as cause:  # the header is read by Python's own parser, which fails in many ways
        raise ValueError("the header of an array can't be read") from cause
    if dtype.hasobject or any(side < 0 for side in shape):
        raise ValueError("objects of Python are not read")
    return Header(tuple(int(side) for side in shape), dtype, bool(fortran_order), len(magic) + width + size)


def _fill(stream: IO[bytes], target: memoryview) -> None:
    """Read a stream into memory piece by piece."""
    at = 0
    while at < len(target):
        piece = stream.read(min(_PIECE, len(target) - at))
        if not piece:
            raise EOFError("the archive ends within an array")
        target[at : at + len(piece)] = piece
        at += len(piece)
