"""Data in files: .npy (mapped into memory, not copied), .npz (arrays, or a matrix of scipy.sparse), .mtx, .csv, .tsv."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioasm.diagnostics import BioasmError, did_you_mean, error
from bioasm.files import reason
from bioasm.isa.deferred import DeferredDense, DeferredSparse
from bioasm.isa.limits import limit
from bioasm.isa.program import Data, Dense, Sparse
from bioasm.isa.storage import TYPES, narrow
from bioasm.mapped import content
from bioasm.memory import memory
from bioasm.npz import Archive, Header, read_header
from bioasm.text.entries import sorted_sparse, summed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEYS_SHOWN = 8
_WORD_BYTES = 1 << 10  # bytes of the small arrays that describe a sparse matrix
_INFLATED_AT_ONCE = 1 << 22  # bytes; larger arrays are inflated after the check of their shape


def read_file(path: Path, key: str | None = None) -> Data:
    """Read the data in a file, by suffix. `key` names an array of an .npz file, or is the size of an edge list.

    Arrays keep a dtype that programs store (i1, i2, i4, i8, f4, f8); others become the narrowest of these that is exact.
    Raises BioasmError B301 for a missing file, B303 for invalid data.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise error("B303", f"{path} is no .npy, .npz, .mtx, .csv or .tsv file")
    if key is not None and reader not in (_read_npz, _read_edges):
        raise error("B303", f"{path} holds one array: a key can't choose from it")
    if not os.path.isfile(path):  # unlike path.is_file(), it accepts names that are too long
        raise error("B301", f"there is no file {path}", hint=_similar(path))
    with _damage_told(path):
        return reader(path, key)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """Context manager that turns any error of reading `path` into a BioasmError."""
    try:
        yield
    except (BioasmError, MemoryError):
        raise
    except PermissionError:
        raise error("B301", f"{path} may not be read") from None
    except Exception as fault:  # numpy and zipfile raise various exceptions for damaged files
        raise error("B303", f"{path} can't be read: {_first_line(fault)}") from fault


def _similar(path: Path) -> str | None:
    try:
        return did_you_mean(path.name, (p.name for p in path.parent.iterdir()))
    except OSError:
        return None


def _first_line(fault: Exception) -> str:
    if isinstance(fault, OSError):
        return reason(fault)
    return (str(fault) or type(fault).__name__).split("\n")[0]


def _read_npy(path: Path, _: str | None) -> Data:
    import numpy as np

    with path.open("rb") as stream:
        header = read_header(stream)
        _check_dimensions(path, len(header.shape))
        stream.seek(0)
        view = content(stream, path)
    if len(view) < header.start + header.bytes:
        raise ValueError(f"the file ends before its array of {header.bytes} bytes")
    flat = np.frombuffer(view, header.dtype, header.entries, header.start)
    return _dense(path, flat.reshape(header.shape, order="F" if header.fortran_order else "C"))


def _check_dimensions(path: Path, count: int) -> None:
    if count not in (1, 2):
        raise error("B303", f"{path} holds an array of {count} dimensions, not a vector or matrix")


def _dense(path: Path, array: NDArray[Any]) -> Dense:
    _check_dimensions(path, array.ndim)
    return Dense(_storable(path, array))


def _storable(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.isnative and array.dtype.str[1:] in TYPES:
        return array
    try:
        return narrow(array)
    except ValueError as fault:
        raise error("B303", f"{path}: {fault}") from None


# --- npz --------------------------------------------------------------------------------------------


def _read_npz(path: Path, key: str | None) -> Data:
    with Archive(path) as archive:
        names = archive.names
        if key is None and {"format", "shape", "data"} <= set(names):
            return _scipy_sparse(path, archive)
        if key is None and len(names) != 1:
            raise error("B303", f"{path} holds {len(names)} arrays: name one", hint=_choices(path, names))
        if key is not None and key not in names:
            raise error("B303", f"{path} holds no array {key!r}", hint=did_you_mean(key, names) or _choices(path, names))
        name = key if key is not None else names[0]
        header = archive.header(name)
        _check_dimensions(path, len(header.shape))
        _check_room(path, header.entries, header.bytes)
        if header.bytes <= _INFLATED_AT_ONCE:
            return _dense(path, archive.read(name, _INFLATED_AT_ONCE))
    return DeferredDense(header.shape, partial(_inflated, path.absolute(), name, header))


def _inflated(path: Path, name: str, header: Header) -> Dense:
    """Inflate an array of an archive, whose header was checked before."""
    with _damage_told(path), Archive(path) as archive:
        if name not in archive.names or archive.header(name) != header:
            raise error("B310", f"{path} was changed while it was read")
        return _dense(path, archive.read(name, header.bytes))


def _check_room(path: Path, entries: int, size: int) -> None:
    """Check an array's size against the limits and this machine's memory before it is read."""
    if entries > limit("data_entries") or size > limit("data_bytes"):
        raise error("B111", f"{path}: {entries:,} entries in {size:,} bytes; the limits are {limit('data_entries'):,} "
                            f"and {limit('data_bytes'):,}")  # fmt: skip
    if size > memory():
        raise error("B403", f"{path} would take {size / 1e9:.1f} GB, and this machine has {memory() / 1e9:.1f} GB")


def _choices(path: Path, keys: list[str]) -> str:
    names = ", ".join(keys[:_KEYS_SHOWN]) or "none"
    return f'write `file "{path.name}" "key"`; its keys are: {names}'


def _scipy_sparse(path: Path, archive: Archive) -> Sparse:
    """A matrix of scipy.sparse.save_npz, in the layout csr, csc or coo."""
    layout = archive.read("format", _WORD_BYTES).item()
    layout = layout.decode("ascii") if isinstance(layout, bytes) else str(layout)
    rows, columns = (int(side) for side in archive.read("shape", _WORD_BYTES))
    if layout not in ("csr", "csc", "coo"):
        raise error("B303", f"{path} holds a sparse matrix in the layout {layout}", hint="save it as csr, csc or coo")
    if not (1 <= rows <= limit("neurons") and 1 <= columns <= limit("neurons")):
        raise error("B111", f"{path}: the matrix is {rows} x {columns}; a side is 1 to {limit('neurons')}")
    names = ("row", "col", "data") if layout == "coo" else ("indptr", "indices", "data")
    headers = [archive.header(name) for name in names]
    entries, size = headers[-1].entries, sum(header.bytes for header in headers)
    if entries > rows * columns or headers[1].entries != entries:
        raise error("B303", f"{path}: {entries:,} entries do not fit into a matrix of {rows} x {columns}")
    _check_room(path, entries, size)
    read = partial(_inflated_sparse, path.absolute(), layout, (rows, columns), size)
    return read() if size <= _INFLATED_AT_ONCE else DeferredSparse((rows, columns), read)


def _inflated_sparse(path: Path, layout: str, shape: tuple[int, int], most: int) -> Sparse:
    """Inflate a matrix of an archive, whose headers were checked before."""
    with _damage_told(path), Archive(path) as archive:
        value = _storable(path, archive.read("data", most))
        if layout == "coo":
            places = archive.read("row", most), archive.read("col", most)
        else:
            across, along = _spread(archive.read("indptr", most), value.size), archive.read("indices", most)
            places = (across, along) if layout == "csr" else (along, across)
        return sparse_from_file(path, shape, *places, value)


def _spread(pointers: NDArray[Any], count: int) -> NDArray[Any]:
    """Expand CSR row pointers (rows + 1,) to the row index of each entry (entries,)."""
    import numpy as np

    lengths: NDArray[Any] = np.diff(pointers.astype(np.int64))
    if not lengths.size or lengths.min() < 0 or pointers[0] != 0 or pointers[-1] != count:
        raise ValueError("its row pointers do not fit its entries")
    return np.repeat(np.arange(lengths.size), lengths.astype(np.intp))


def sparse_from_file(
    path: Path,
    shape: tuple[int, int],
    row: NDArray[Any],
    column: NDArray[Any],
    value: NDArray[Any],
    *,
    symmetric: bool = False,
) -> Sparse:
    """A sparse matrix from a file's entries; duplicates are summed. Raises BioasmError B303."""
    if not row.size == column.size == value.size or not value.ndim == row.ndim == column.ndim == 1:
        raise error("B303", f"{path}: rows, columns and values differ in number")
    if row.dtype.kind not in "iu" or column.dtype.kind not in "iu":
        raise error("B303", f"{path}: indices are not whole numbers")
    for name, indices, side in (("row", row, shape[0]), ("column", column, shape[1])):
        if indices.size and not (indices.min() >= 0 and indices.max() < side):
            raise error("B303", f"{path}: a {name} index lies outside of {shape[0]} x {shape[1]}")
    matrix = sorted_sparse(shape, row, column, value, symmetric=symmetric)
    total = summed(matrix)
    return total if total is matrix else Sparse(shape, total.row, total.column, narrow(total.value), symmetric)


def _read_mtx(path: Path, _: str | None) -> Data:
    from bioasm.text.matrix_market import read_matrix_market

    return read_matrix_market(path)


def _read_edges(path: Path, sizes: str | None) -> Data:
    from bioasm.text.edge_lists import read_edge_list

    return read_edge_list(path, sizes)


_READERS: dict[str, Callable[[Path, str | None], Data]] = {
    ".npy": _read_npy,
    ".npz": _read_npz,
    ".mtx": _read_mtx,
    ".csv": _read_edges,
    ".tsv": _read_edges,
}
