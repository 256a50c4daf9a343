"""Couplings in the form that a kernel reads: stored narrow, never rounded, symmetrised where a model follows the energy."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Dense, Sparse, Terms
from bioasm.runtime.energy import Couplings, mirrored
from bioasm.runtime.sparse_rows import starts
from bioasm.vm.layout import HALVED_FROM, LIMB_BITS, LIMB_COLUMNS, SINGLE_ROWS, Ctx
from bioasm.vm.state import State

Array = NDArray[Any]

_SPARSE_BELOW = 0.25  # with fewer entries than this share J is kept as rows of entries, with more as a matrix, for spins
_SMALL = 32  # up to so many neurons J stays as it is written
_CONVERTED_BYTES = 1 << 28  # a larger dense matrix is used as it is, so that it is not copied
_EXAMINED = 1 << 25  # bytes of floats of a feedback that are searched for a unit, which takes six times as much memory
_LINE = 64  # bytes of a line of the cache, which no vector should straddle
_ALIASED = 2048  # rows so many bytes apart would share the few places of the first-level cache
_LOWEST = -900  # bits below it are too close to the end of the range of floats to be a unit
_WHOLE_LIMIT = 1 << 29  # bound of an integer field, so that twice it fits 32 bits


@dataclass
class Prepared:
    """Prepared couplings: the arrays of a kernel.

    `storage` names the form of J. `values` are (n, n), with what a product reads in another order again in `tails`, or the
    entries of rows `start` (n + 1) with columns `column`. `scale` is the energy of one unit where `whole` says that all are
    integers. `constant` is what the diagonal adds to the energy.
    """

    storage: str
    values: Array
    h: Array
    tails: Array = field(default_factory=lambda: np.zeros(1))
    start: Array = field(default_factory=lambda: np.zeros(1, np.int64))
    column: Array = field(default_factory=lambda: np.zeros(0, np.int32))
    term_start: Array = field(default_factory=lambda: np.zeros(1, np.int64))
    term_index: Array = field(default_factory=lambda: np.zeros(0, np.int32))
    term_value: Array = field(default_factory=lambda: np.zeros(0))
    of_start: Array = field(default_factory=lambda: np.zeros(1, np.int64))
    of_term: Array = field(default_factory=lambda: np.zeros(0, np.int32))
    whole: bool = False
    reach: float = inf  # bound of all fields, in units
    symmetric: bool = True
    stride: int = 0  # entries from one row to the next, where J is padded
    scale: float = 1.0
    constant: float = 0.0


# --- common -----------------------------------------------------------------------------------------


def _kernel_array(array: Array) -> Array:
    """The array in one of the kernels' storages (i1, i4, f4, f8), itself where it already is; exact."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    target: np.dtype[Any] = np.dtype("f8")
    if kind == "b" or (kind == "i" and size == 1):
        target = np.dtype("i1")
    elif (kind == "i" and size <= 4) or (kind == "u" and size <= 2):
        target = np.dtype("i4") if size > 2 else np.dtype("f4")
    elif kind == "f" and size <= 4:
        target = np.dtype("f4")
    if kind == "u" and size == 1:
        target = np.dtype("i1") if array.size == 0 or int(array.max()) <= 127 else np.dtype("f4")
    return np.ascontiguousarray(array, dtype=target)


def _storage(form: str, array: Array) -> str:
    return f"{form}-{array.dtype.kind}{array.dtype.itemsize}"


def rows_of_entries(n: int, row: Array, column: Array, value: Array) -> tuple[Array, Array, Array]:
    """Entries sorted by row and column, those of one place added: row starts (n + 1), columns int32, values."""
    order = np.argsort(row.astype(np.int64) * n + column, kind="stable")
    place = row.astype(np.int64)[order] * n + column[order]
    first = np.flatnonzero(np.diff(place, prepend=-1))
    # Sums of narrow numbers are wide, so nothing is added where no place stands twice.
    merged = value[order] if len(first) == len(order) else np.add.reduceat(value[order], first)
    rows, columns = np.divmod(place[first], n)
    return starts(np.bincount(rows, minlength=n)), columns.astype(np.int32), merged


def is_symmetric(matrix: Array, piece: int = 512) -> bool:
    """Whether a square matrix equals its transpose, looked at piece by piece so that nothing large is copied."""
    n = len(matrix)
    for a in range(0, n, piece):
        for b in range(0, a + 1, piece):
            if not np.array_equal(matrix[a : a + piece, b : b + piece], matrix[b : b + piece, a : a + piece].T):
                return False
    return True


def _terms_of_neurons(n: int, terms: Terms) -> tuple[Array, Array]:
    """Inverted index, CSR: the terms of each neuron, as starts (n + 1,) and term numbers."""
    term = np.repeat(np.arange(len(terms.start) - 1), np.diff(terms.start))
    order = np.argsort(terms.index, kind="stable")
    return starts(np.bincount(np.asarray(terms.index, np.int64), minlength=n)), term[order].astype(np.int32)


def _add_terms(prepared: Prepared, n: int, terms: Terms | None, value: Array | None) -> None:
    prepared.of_start = np.zeros(n + 1, np.int64)
    if terms is None or value is None:
        return
    prepared.term_start = np.ascontiguousarray(terms.start, np.int64)
    prepared.term_index = np.ascontiguousarray(terms.index, np.int32)
    prepared.term_value = value
    prepared.of_start, prepared.of_term = _terms_of_neurons(n, terms)


# --- the LIF twin: J as given ---------------------------------------------------------------------


def prepare_for_feedback(n: int, given: Couplings, unit_states: bool = True, one_by_one: bool = True) -> Prepared:
    """Arrays for a feedback J s + h with J as given; h and term weights in float64.

    `unit_states` says that s is proven to be in 0..1, which the product of bytes (`int8_product.py`) asks for; `one_by_one`
    that lanes do not stand side by side.
    """
    h = np.zeros(n) if given.h is None else np.asarray(given.h.array, np.float64).copy()
    if given.j is None:
        prepared = Prepared("none", np.zeros(1), h)
    elif isinstance(given.j, Sparse):
        start, column, value = rows_of_entries(n, *mirrored(given.j))
        value = _kernel_array(value)
        same = given.j.symmetric or _pattern_symmetric(n, start, column, value)
        prepared = Prepared(_storage("sparse", value), value, h, start=start, column=column, symmetric=same)
    else:
        prepared = _single(given.j.array, h, one_by_one) if given.single else _dense(given.j.array, h, unit_states)
    weights = None if given.terms is None else np.asarray(given.terms.value, np.float64)
    _add_terms(prepared, n, given.terms, weights)
    return prepared


def has_exact_fields(n: int, ready: Prepared) -> bool:
    """Whether sums of J's entries, prepared for a feedback, are exact in any order."""
    form = ready.storage.split("-")[0]
    if form == "single":
        return False  # sums of float32 are exact for few couplings, and those are better loaded by LDJ
    if form == "none" or n == 0 or (ready.values.dtype.kind == "f" and ready.values.nbytes > _EXAMINED):
        return False
    return _common_unit(form, ready.values, np.zeros(n), np.zeros(0), ready.start, None, n) is not None


def _dense_array(array: Array, unit_states: bool) -> Array:
    """The matrix in a storage of the kernels; as bytes only where s is in 0..1 and sums of a row's products fit 32 bits."""
    matrix = _kernel_array(array)
    if matrix.dtype == np.int8 and not unit_states:
        return matrix.astype(np.float32)
    if matrix.dtype == np.int8 and _largest_row_sum(matrix) >= 1 << (31 - LIMB_BITS):
        return matrix.astype(np.int32)
    return _with_room(matrix) if matrix.dtype == np.int8 else matrix


def _with_room(matrix: Array) -> Array:
    """A matrix of bytes of which no row but the last is read past the end: rows are read LIMB_COLUMNS bytes at a time."""
    n = len(matrix)
    if 2 * n >= LIMB_COLUMNS:
        return matrix
    room = np.zeros(n * n + LIMB_COLUMNS, np.int8)
    room[: n * n] = matrix.ravel()
    return room[: n * n].reshape(n, n)


def _largest_row_sum(matrix: Array, piece: int = 1024) -> int:
    pieces = (matrix[a : a + piece].astype(np.int64) for a in range(0, len(matrix), piece))
    return max((int(np.abs(p).sum(axis=1).max()) for p in pieces), default=0)


def _single(array: Array, h: Array, one_by_one: bool) -> Prepared:
    """A matrix for products in single precision (`single_product.py`): rounded to float32, except bytes and 16-bit integers."""
    n = len(array)
    kind = array.dtype if array.dtype in (np.int8, np.int16) else np.dtype(np.float32)
    padded = -(-n // SINGLE_ROWS) * SINGLE_ROWS
    apart = -(-padded * kind.itemsize // _LINE) * _LINE
    stride = (apart + _LINE * (apart % _ALIASED == 0)) // kind.itemsize
    matrix = in_lines(padded * stride, kind).reshape(padded, stride)
    matrix[:n, :n] = array
    prepared = Prepared(_storage("single", matrix), matrix, h, symmetric=is_symmetric(matrix[:n, :n]), stride=stride)
    if prepared.symmetric and n >= HALVED_FROM and one_by_one:
        prepared.tails = _lower_tiles(matrix)
    return prepared


def _lower_tiles(matrix: Array) -> Array:
    """The tiles of a padded matrix up to the diagonal, of SINGLE_ROWS rows and columns each, row after row."""
    size, count = SINGLE_ROWS, len(matrix) // SINGLE_ROWS
    tiles = in_lines(count * (count + 1) // 2 * size * size, matrix.dtype).reshape(-1, size, size)
    for k in range(count):
        rows = matrix[k * size : (k + 1) * size, : (k + 1) * size]
        tiles[k * (k + 1) // 2 :][: k + 1] = rows.reshape(size, k + 1, size).swapaxes(0, 1)
    return tiles


def in_lines(count: int, kind: np.dtype[Any]) -> Array:
    """Zeros that begin with a line of the cache."""
    room = np.zeros(count * kind.itemsize + _LINE, np.uint8)
    first = -room.ctypes.data % _LINE
    return room[first : first + count * kind.itemsize].view(kind)


def _dense(array: Array, h: Array, unit_states: bool) -> Prepared:
    matrix = _dense_array(array, unit_states)
    return Prepared(_storage("dense", matrix), matrix, h, _row_tails(matrix), symmetric=is_symmetric(matrix))


def _row_tails(matrix: Array) -> Array:
    """Zero-padded last n mod 8 columns in float64, (n, 8); for int8 matrices the last row only."""
    n = len(matrix)
    if matrix.dtype == np.int8:
        return np.concatenate([matrix[-1], np.zeros(LIMB_COLUMNS, np.int8)])
    tails = np.zeros((n, 8))
    tails[:, : n % 8] = matrix[:, n - n % 8 :]
    return tails


def _pattern_symmetric(n: int, start: Array, column: Array, value: Array) -> bool:
    row = np.repeat(np.arange(n), np.diff(start))
    order = np.lexsort((row, column))
    return bool(
        np.array_equal(column[order], row) and np.array_equal(row[order], column) and np.array_equal(value[order], value)
    )


# --- spins: the symmetric part of J, integers where that is exact ------------------------------------


def prepare_for_energy(n: int, given: Couplings) -> Prepared:
    """Arrays for single-spin dynamics on the energy: (J + J')/2 without its diagonal, which becomes a constant."""
    form, start, column, value, diagonal = _symmetric_part(n, given.j)
    h = np.zeros(n) if given.h is None else np.asarray(given.h.array, np.float64)
    weights = np.zeros(0) if given.terms is None else np.asarray(given.terms.value, np.float64)
    found = _common_unit(form, value, h, weights, start, given.terms, n)
    whole = found is not None
    unit, reach = found or (1.0, inf)
    prepared = Prepared(form, value, h, start=start, column=column, whole=whole, reach=reach, scale=unit)
    prepared.constant = -0.5 * diagonal
    if form != "none":
        prepared.values = _whole_values(value, unit) if whole else _real_values(value)
        prepared.storage = _storage(form, prepared.values)
    if whole and form == "sparse" and n > _SMALL and len(value) >= _SPARSE_BELOW * n * n:
        _fill_matrix(prepared, n)  # whole numbers have the same sums in any order, so only these may change their storage
    prepared.h = (h / unit).astype(np.int32) if whole else h.copy()
    _add_terms(prepared, n, given.terms, (weights / unit).astype(np.int32) if whole else weights)
    return prepared


def _symmetric_part(n: int, j: Dense | Sparse | None) -> tuple[str, Array, Array, Array, float]:
    """Form (none, dense, sparse), row starts, columns, values, and the sum of the diagonal."""
    none = np.zeros(n + 1, np.int64), np.zeros(0, np.int32)
    if j is None:
        return "none", *none, np.zeros(1), 0.0
    if isinstance(j, Dense):
        return _symmetric_dense(n, j.array)
    row, column, value = mirrored(j)
    value = value.astype(np.float64)
    off = row != column
    diagonal = float(value[~off].sum())
    row, column, value = row[off], column[off], value[off]
    if not j.symmetric:
        row, column = np.concatenate([row, column]), np.concatenate([column, row])
        value = np.concatenate([value, value]) / 2
    return "sparse", *rows_of_entries(n, row, column, value), diagonal


def _fill_matrix(prepared: Prepared, n: int) -> None:
    """Turn rows of entries into a matrix."""
    matrix = np.zeros((n, n), prepared.values.dtype)
    matrix[np.repeat(np.arange(n), np.diff(prepared.start)), prepared.column] = prepared.values
    prepared.values, prepared.storage = matrix, _storage("dense", matrix)
    prepared.start, prepared.column = np.zeros(n + 1, np.int64), np.zeros(0, np.int32)


def _symmetric_dense(n: int, matrix: Array) -> tuple[str, Array, Array, Array, float]:
    diagonal = float(np.diagonal(matrix).astype(np.float64).sum())
    entries = sum(int(np.count_nonzero(matrix[a : a + 512])) for a in range(0, n, 512))
    if n > _SMALL and entries < _SPARSE_BELOW * n * n:
        row, column = np.nonzero(matrix)
        sparse = Sparse((n, n), row, column, np.asarray(matrix[row, column]))
        form, start, columns, value, _ = _symmetric_part(n, sparse)
        return form, start, columns, value, diagonal
    none = np.zeros(n + 1, np.int64), np.zeros(0, np.int32)
    if is_symmetric(matrix) and not np.any(np.diagonal(matrix)):
        return "dense", *none, matrix, diagonal
    symmetric = np.asarray(matrix, np.float64)
    symmetric = symmetric / 2 + symmetric.T / 2  # halved before they are added, so that nothing overflows
    np.fill_diagonal(symmetric, 0.0)
    return "dense", *none, symmetric, diagonal


def _lowest_bit(values: Array) -> int | None:
    """Exponent of the lowest set bit of all values; None where all are 0."""
    if values.dtype.kind in "iub":
        together = int(np.bitwise_or.reduce(values, axis=None))
        return (together & -together).bit_length() - 1 if together else None
    values = values[values != 0].astype(np.float64)
    if not len(values):
        return None
    mantissa, exponent = np.frexp(values)
    whole = np.abs(mantissa * 2.0**53).astype(np.int64)
    bit = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return int((exponent - 53 + bit).min())


def _common_unit(
    form: str, value: Array, h: Array, weights: Array, start: Array, terms: Terms | None, n: int
) -> tuple[float, float] | None:
    """The power of two that all numbers are multiples of, and the bound of all fields in it, where these then fit integers;
    None otherwise."""
    if value.nbytes > _CONVERTED_BYTES and value.dtype.kind == "f":
        return None
    bits = [b for b in (_lowest_bit(value), _lowest_bit(h), _lowest_bit(weights)) if b is not None]
    lowest = min(bits, default=0)
    if value.dtype == np.int8:
        lowest = min(lowest, 0)  # these are used as they are
    reach = np.abs(h) + _reach_of_couplings(form, value, start, n)
    if terms is not None:
        each = np.repeat(np.abs(weights), np.diff(terms.start))
        reach = reach + np.bincount(np.asarray(terms.index, np.int64), each, minlength=n)
    largest = float(reach.max(initial=0.0))
    fits = lowest > _LOWEST and largest < _WHOLE_LIMIT * 2.0**lowest
    return (2.0**lowest, largest / 2.0**lowest) if fits else None


def _reach_of_couplings(form: str, value: Array, start: Array, n: int) -> Array:
    """Bound of |J s| over all states s, (n,): row sums of absolute values."""
    with np.errstate(over="ignore"):
        if form == "dense":
            rows = [np.abs(np.asarray(value[a : a + 512], np.float64)).sum(axis=1) for a in range(0, n, 512)]
            return np.concatenate(rows)
        row = np.repeat(np.arange(n), np.diff(start))
        return np.bincount(row, np.abs(value) if form == "sparse" else None, minlength=n)


def _whole_values(value: Array, unit: float) -> Array:
    if value.dtype == np.int8 and unit == 1.0:
        return np.ascontiguousarray(value)
    scaled = np.asarray(value) / unit
    narrow = np.int8 if not scaled.size or np.abs(scaled).max() <= 127 else np.int32
    return np.ascontiguousarray(scaled.astype(narrow))


def _real_values(value: Array) -> Array:
    narrow = value.dtype.kind == "f" and value.dtype.itemsize == 4
    return np.ascontiguousarray(value, np.float32 if narrow else np.float64)


def bind_couplings(state: State, ready: Prepared) -> None:
    """Bind prepared couplings into the State."""
    state.bind("J", ready.values)
    state.bind("J_TAIL", ready.tails)
    state.bind("J_ROW", ready.start)
    state.bind("J_COLUMN", ready.column)
    state.bind("H", ready.h)
    state.bind("TERM_START", ready.term_start)
    state.bind("TERM_INDEX", ready.term_index)
    state.bind("TERM_VALUE", ready.term_value)
    state.bind("OF_START", ready.of_start)
    state.bind("OF_TERM", ready.of_term)
    if ready.stride:
        state.bind("SINGLE", np.zeros(2 * state.places * len(ready.values), np.float32))
    state.ctx[Ctx.J_STRIDE] = ready.stride
    state.ctx[Ctx.TERMS] = len(ready.term_start) - 1
    state.ctx[Ctx.DIRTY] = 1
