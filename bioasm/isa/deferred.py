"""Lazy loading of data: entries are read when they are first used; shape and type are known before, from a header.

A compressed file of some megabytes can hold an array larger than memory. The verifier checks its shape before it is inflated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bioasm.isa.program import Data, Dense, Sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray


class _Reader:
    """Memoised call of a function without arguments."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self._made: Any = None

    @property
    def made(self) -> bool:
        """Whether the function was called."""
        return self._made is not None

    def __call__(self) -> Any:
        if self._made is None:
            self._made = self._read()
        return self._made


class DeferredDense(Dense):
    """A lazily read vector or matrix of `shape`; `read` raises BioasmError where the file is damaged."""

    __slots__ = ("_sides", "reader")
    _sides: tuple[int, ...]
    reader: _Reader

    def __init__(self, shape: tuple[int, ...], read: Callable[[], Dense]) -> None:
        object.__setattr__(self, "_sides", shape)
        object.__setattr__(self, "reader", _Reader(read))

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape: (n,) or (rows, columns)."""
        return self._sides

    @property
    def array(self) -> NDArray[Any]:
        """Its entries."""
        made: Dense = self.reader()
        return made.array


class DeferredSparse(Sparse):
    """A lazily read sparse matrix of `shape`; `read` raises BioasmError where the file is damaged."""

    __slots__ = ("reader",)
    reader: _Reader

    def __init__(self, shape: tuple[int, int], read: Callable[[], Sparse]) -> None:
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "symmetric", False)
        object.__setattr__(self, "reader", _Reader(read))

    @property
    def row(self) -> NDArray[Any]:
        """The row of each entry."""
        made: Sparse = self.reader()
        return made.row

    @property
    def column(self) -> NDArray[Any]:
        """The column of each entry."""
        made: Sparse = self.reader()
        return made.column

    @property
    def value(self) -> NDArray[Any]:
        """The value of each entry."""
        made: Sparse = self.reader()
        return made.value


def is_unread(value: Data) -> bool:
    """Whether the entries of a datum were not read yet."""
    return isinstance(value, DeferredDense | DeferredSparse) and not value.reader.made
