"""Arrays as problems: a matrix as a QUBO, and J, h, offset as Ising couplings."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import error
from bioasm.isa.program import Data, Dense, Sparse
from bioasm.isa.storage import check_exact
from bioasm.problems.numbers import Floats, Integers
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial, check_neurons, collect
from bioasm.problems.qubo import from_entries
from bioasm.wholes import Rounded


def qubo_from_matrix(matrix: Data, source: str) -> Polynomial:
    """x'Qx over bits: all entries of the square matrix Q count, also those below the diagonal.

    Raises BioasmError: B304 for what is no square matrix of finite numbers, B111.
    """
    return from_entries(*_square(matrix, source))


def ising_from_arrays(couplings: Data, biases: Data | None, offset: Data | None, source: str) -> Polynomial:
    """-1/2 s'Js - h's + offset over spins, with J (n, n), h (n,) and an offset (1,).

    J need not be symmetric; its diagonal adds to the constant. Raises BioasmError B304, B111.
    """
    n, i, j, value = _square(couplings, f"J of {source}")
    same = i == j
    pairs = np.sort(np.stack((i, j), axis=1)[~same], axis=1)
    pieces, constants = [Monomials(pairs, -value[~same] / 2)], (-value[same] / 2).tolist()
    if biases is not None:
        pieces.append(Monomials(np.arange(n)[:, None], -_vector(biases, n, f"h of {source}")))
    if offset is not None:
        constants += _vector(offset, 1, f"offset of {source}").tolist()
    return collect(n, SPIN, pieces, constants)


def _vector(data: Data, length: int, what: str) -> Floats:
    if not isinstance(data, Dense) or data.shape != (length,):
        raise error("B304", f"{what} should hold {length:,} numbers")
    return _finite(data.array, what)


def _finite(array: NDArray[Any], what: str) -> Floats:
    try:
        check_exact(array)
    except Rounded as fault:
        raise error("B115", f"{what}: {fault}", hint=fault.hint) from None
    values = array.astype(np.float64)
    if not np.isfinite(values).all():
        raise error("B304", f"{what} holds a number that is not finite")
    return values


def _square(data: Data, what: str) -> tuple[int, Integers, Integers, Floats]:
    """The side of a square matrix, and its entries: of a symmetric one each pair once, with both halves added up."""
    if not isinstance(data, Dense | Sparse) or len(data.shape) != 2 or not 0 < data.shape[0] == data.shape[1]:
        raise error("B304", f"{what} is no square matrix")
    n = data.shape[0]
    check_neurons(n, "variables")
    if isinstance(data, Dense):
        i, j = np.nonzero(data.array)
        return n, i, j, _finite(data.array[i, j], what)
    i, j = data.row.astype(np.int64), data.column.astype(np.int64)
    return n, i, j, _finite(data.value, what) * np.where(data.symmetric & (i != j), 2.0, 1.0)
