"""The buffer into which the compiled loop copies cells for RD, and the arrays that results get of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
_BYTES = 1 << 18


class _Read(NamedTuple):
    word: str
    dtype: np.dtype[Any]
    size: int  # bytes


class ReadBuffer:
    """Cells read since the host looked last; each reading stands where its entry among those of OUT says.

    `blocks` and `width` are the layout of cells, of which `lanes` are no padding. The header that kernels are given has the
    bytes taken, the capacity and the address.
    """

    def __init__(self, blocks: int, width: int, lanes: int) -> None:
        self._shape, self._lanes = (blocks, width), lanes
        self._reads: dict[int, _Read] = {}
        self._data: Array = np.zeros(0, np.uint8)
        self._header = np.zeros(3, np.int64)

    def add(self, pc: int, word: str, cells: Array, most: int) -> Array:
        """An instruction reads cells, of at most `most` bytes; returns the header."""
        if not self._data.size:
            self._data = np.zeros(max(_BYTES, most), np.uint8)
            self._header[:] = 0, self._data.size, self._data.ctypes.data
        self._reads[pc] = _Read(word, cells.dtype, cells.nbytes)
        return self._header

    def word(self, pc: int) -> str:
        """The name of an instruction's results."""
        return self._reads[pc].word

    def taken(self, pcs: Array, places: Array) -> dict[int, Iterator[Array]]:
        """By instruction the arrays (lanes, n) that it has read, in order; `pcs` and `places` are all entries since."""
        used = int(self._header[0])
        self._header[0] = 0
        begins = {pc: places[pcs == pc].astype(np.int64) for pc in self._reads} if used else {}
        return {pc: iter(self._arrays(self._reads[pc], used, begin)) for pc, begin in begins.items() if begin.size}

    def _arrays(self, read: _Read, used: int, begins: Array) -> Array:
        """The readings (count, lanes, n) that begin at these of the bytes used."""
        blocks, width = self._shape
        alone = used == len(begins) * read.size
        whole = self._data[:used].copy() if alone else self._data[begins[:, None] + np.arange(read.size)]
        rows = whole.view(read.dtype)
        cells = rows.reshape(len(begins), blocks, -1, width).transpose(0, 1, 3, 2)
        return np.ascontiguousarray(cells.reshape(len(begins), blocks * width, -1)[:, : self._lanes])
