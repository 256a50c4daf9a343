"""Data in files: .npy (mapped into memory, not copied), .npz (arrays, or a matrix of scipy.sparse), .mtx."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioasm.diagnostics import BioasmError, did_you_mean, error
from bioasm.isa.limits import limit
from bioasm.isa.program import Data, Dense, Sparse
from bioasm.isa.storage import TYPES, narrow
from bioasm.text.entries import sorted_sparse, summed

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEYS_SHOWN = 8


def read_file(path: Path, key: str | None = None) -> Data:
    """The data in a file; its suffix says how it is read. `key` names one array of an .npz file.

    Arrays keep their type where it is one that a program stores (i1, i2, i4, i8, f4, f8); others become the narrowest
    of these that is exact. Raises BioasmError B301 where there is no such file, B303 where it can't be read as data.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise error("B303", f"{path} is no .npy, .npz or .mtx file")
    if key is not None and reader is not _read_npz:
        raise error("B303", f"{path} holds one array: a key can't choose from it")
    if not os.path.isfile(path):  # unlike path.is_file(), it takes a name that is too long
        raise error("B301", f"there is no file {path}", hint=_similar(path))
    try:
        return reader(path, key)
    except BioasmError:
        raise
    except PermissionError:
        raise error("B301", f"{path} may not be read") from None
    except Exception as fault:  # a damaged file can fail in any way inside of numpy and zipfile
        raise error("B303", f"{path} can't be read: {_first_line(fault)}") from fault


def _similar(path: Path) -> str | None:
    try:
        return did_you_mean(path.name, (p.name for p in path.parent.iterdir()))
    except OSError:
        return None


def _first_line(fault: Exception) -> str:
    return (str(fault) or type(fault).__name__).split("\n")[0]


def _read_npy(path: Path, _: str | None) -> Data:
    import numpy as np

    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError:  # an array without entries can't be mapped; anything else fails here again
        array = np.load(path, allow_pickle=False)
    return _dense(path, array)


def _dense(path: Path, array: NDArray[Any]) -> Dense:
    if array.ndim not in (1, 2):
        raise error("B303", f"{path} holds an array of {array.ndim} dimensions, not a vector or matrix")
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
    import numpy as np

    with np.load(path, allow_pickle=False) as archive:
        if key is None and {"format", "shape", "data"} <= set(archive.files):
            return _scipy_sparse(path, archive)
        if key is None and len(archive.files) != 1:
            raise error("B303", f"{path} holds {len(archive.files)} arrays: name one", hint=_choices(path, archive))
        if key is not None and key not in archive.files:
            hint = did_you_mean(key, archive.files) or _choices(path, archive)
            raise error("B303", f"{path} holds no array {key!r}", hint=hint)
        return _dense(path, archive[key if key is not None else archive.files[0]])


def _choices(path: Path, archive: Any) -> str:
    names = ", ".join(archive.files[:_KEYS_SHOWN]) or "none"
    return f'write `file "{path.name}" "key"`; its keys are: {names}'


def _scipy_sparse(path: Path, archive: Any) -> Sparse:
    """The matrix that scipy.sparse.save_npz wrote, in one of the layouts csr, csc and coo."""
    layout = archive["format"].item()
    layout = layout.decode("ascii") if isinstance(layout, bytes) else str(layout)
    rows, columns = (int(side) for side in archive["shape"])
    if layout not in ("csr", "csc", "coo"):
        raise error("B303", f"{path} holds a sparse matrix in the layout {layout}", hint="save it as csr, csc or coo")
    if not (1 <= rows <= limit("neurons") and 1 <= columns <= limit("neurons")):
        raise error("B111", f"{path}: the matrix is {rows} x {columns}; a side is 1 to {limit('neurons')}")
    value = _storable(path, archive["data"])
    if layout == "coo":
        places = archive["row"], archive["col"]
    else:
        across = _spread(archive["indptr"], value.size)
        places = (across, archive["indices"]) if layout == "csr" else (archive["indices"], across)
    return sparse_from_file(path, (rows, columns), *places, value)


def _spread(pointers: NDArray[Any], count: int) -> NDArray[Any]:
    """The row of every entry from the places at which rows start."""
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
    """A sparse matrix from a file's entries; entries of the same place are added up. Raises BioasmError B303."""
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


_READERS: dict[str, Callable[[Path, str | None], Data]] = {".npy": _read_npy, ".npz": _read_npz, ".mtx": _read_mtx}
