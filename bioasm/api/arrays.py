"""Conversion of Python objects to data of a program: arrays, nested lists, sparse matrices of scipy, dicts of terms."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, error
from bioasm.isa.program import Data, Dense, Sparse, Terms
from bioasm.isa.storage import narrow
from bioasm.problems.polynomial import Polynomial
from bioasm.problems.terms import exact
from bioasm.text.entries import sorted_sparse, sorted_terms, summed


def as_data(value: Any, name: str) -> Data:
    """The data that an object is, in the narrowest type that holds all entries exactly; the object is copied.

    A dict of terms `{(0, 1, 2): weight}` counts variables up to the largest index. Raises BioasmError B303.
    """
    if isinstance(value, Dense | Sparse | Terms):
        return value
    if hasattr(value, "tocoo"):
        return _sparse(value, name)
    if hasattr(value, "adj") and hasattr(value, "edges"):
        return _adjacency(value, name)
    if isinstance(value, Mapping):
        return _terms(value, name)
    return Dense(_numbers(value, name))


def _fault(name: str, why: str) -> BioasmError:
    hint = "an array, a matrix of scipy.sparse, a graph of networkx or a dict of terms {(0, 1): weight} is wanted"
    return error("B303", f"data {name}: {why}", hint=hint)


def _numbers(value: Any, name: str) -> NDArray[Any]:
    if np.ma.is_masked(value):
        raise _fault(name, "entries of it are masked, and no number says what they are; value.filled(0) gives them one")
    try:
        found = np.asarray(value)
        return np.array(narrow(_unboxed(found) if found.dtype == object else found), order="C")
    except (TypeError, ValueError, OverflowError) as cause:
        raise _fault(name, f"these are no real numbers ({cause})") from None


def _unboxed(objects: NDArray[Any]) -> NDArray[Any]:
    """Convert an object array, as of pandas with extension types, to numbers. Raises ValueError."""
    odd = [one for one in objects.flat if not isinstance(one, Real)]
    if odd:
        raise ValueError(f"{odd[0]!r:.40} among them")
    return np.array([exact(one) for one in objects.flat], np.float64).reshape(objects.shape)


def _sparse(value: Any, name: str) -> Sparse:
    matrix = value.tocoo()
    rows, columns = (int(side) for side in matrix.shape)
    entries = _numbers(matrix.data, name)
    row, column = (np.asarray(part).astype(np.int64) for part in (matrix.row, matrix.col))
    found = summed(sorted_sparse((rows, columns), row, column, entries))
    return _mirrored(found) or found


def _adjacency(graph: Any, name: str) -> Sparse:
    """Weighted adjacency matrix of a networkx graph; undirected edges count both ways."""
    places = {node: k for k, node in enumerate(graph.nodes)}
    edges = [(places[u], places[v], weight) for u, v, weight in graph.edges(data="weight", default=1)]
    both = [] if graph.is_directed() else [(v, u, weight) for u, v, weight in edges if u != v]
    row, column = (np.array([edge[k] for edge in edges + both], np.int64) for k in (0, 1))
    weights = _numbers([edge[2] for edge in edges + both], name)
    found = summed(sorted_sparse((len(places), len(places)), row, column, weights))
    return _mirrored(found) or found


def _mirrored(matrix: Sparse) -> Sparse | None:
    """A symmetric matrix stored by its upper triangle; None for any other."""
    if matrix.shape[0] != matrix.shape[1]:
        return None
    other = sorted_sparse(matrix.shape, matrix.column, matrix.row, matrix.value)
    same = all(np.array_equal(getattr(matrix, part), getattr(other, part)) for part in ("row", "column", "value"))
    upper = matrix.row <= matrix.column
    return Sparse(matrix.shape, matrix.row[upper], matrix.column[upper], matrix.value[upper], True) if same else None


def _terms(value: Mapping[Any, Any], name: str) -> Terms:
    try:
        index = [tuple(int(i) for i in term) for term in value]
        size = max((i for term in index for i in term), default=-1) + 1
        flat = np.array([i for term in index for i in term], np.int64)
        if not size or min(map(len, index)) < 1 or flat.min() < 0:
            raise ValueError("a term names at least one variable, counted from 0")
        return sorted_terms(size, np.array([len(term) for term in index]), flat, _numbers(list(value.values()), name))
    except (TypeError, ValueError) as cause:
        raise _fault(name, str(cause)) from None


# --- polynomials ------------------------------------------------------------------------------------


def couplings_of(energy: Polynomial) -> Data | None:
    """J from the terms of order 2, with the sign convention E(s) = -1/2 s'Js; dense where the text would be."""
    pairs = energy.part(2)
    if not len(pairs.value):
        return None
    i, j = pairs.index.T
    if not energy.is_dense:
        return sorted_sparse((energy.n, energy.n), i, j, narrow(-pairs.value), symmetric=True)
    matrix = np.zeros((energy.n, energy.n))
    matrix[i, j] = matrix[j, i] = -pairs.value
    return Dense(narrow(matrix))


def vector_of(energy: Polynomial) -> Data | None:
    """h from the terms of order 1."""
    part, biases = energy.part(1), np.zeros(energy.n)
    if not len(part.value):
        return None
    biases[part.index[:, 0]] = -part.value
    return Dense(narrow(biases))


def higher_of(energy: Polynomial) -> Data | None:
    """T from the terms of order 3 and higher."""
    parts = [part for order, part in energy.parts.items() if order > 2]
    if not parts:
        return None
    orders = np.concatenate([np.full(len(part.value), part.order) for part in parts])
    index, value = np.concatenate([part.index.ravel() for part in parts]), np.concatenate([part.value for part in parts])
    return sorted_terms(energy.n, orders, index, narrow(-value))
