"""Exact answers for small problems, reached without the machine: enumeration and elimination of variables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.program import Dense, Program, Sparse, Terms

Table = tuple[tuple[int, ...], NDArray[np.float64]]


def states(n: int, values: tuple[float, float] = (-1.0, 1.0)) -> NDArray[np.float64]:
    """All 2**n states as rows; bit i of the row's number chooses the value of variable i."""
    bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    return np.where(bits == 1, values[1], values[0])


def matrix(data: Dense | Sparse) -> NDArray[np.float64]:
    """A coupling datum as a full matrix."""
    if isinstance(data, Dense):
        return np.asarray(data.array, dtype=np.float64)
    full = np.zeros(data.shape)
    full[data.row, data.column] = data.value
    if data.symmetric:
        full[data.column, data.row] = data.value
    return full


def products(data: Terms, s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The sum of the weighted products of a terms datum for each row of `s`."""
    total = np.zeros(len(s))
    for k, weight in enumerate(data.value):
        total += weight * s[:, data.index[data.start[k] : data.start[k + 1]]].prod(axis=1)
    return total


def energies(program: Program, s: NDArray[np.float64]) -> NDArray[np.float64]:
    """E(s) for each row of `s`, with what LDJ, LDH, LDT and LDO of `program` load."""
    total = np.zeros(len(s))
    for instruction in program.instructions:
        if instruction.mnemonic == "LDO":
            total += program.quantity(instruction.operands[0]).value
            continue
        if instruction.mnemonic not in ("LDJ", "LDH", "LDT"):
            continue
        datum = program.data[instruction.operands[0].index].value
        if instruction.mnemonic == "LDJ":
            total -= 0.5 * np.einsum("ki,ij,kj->k", s, matrix(datum), s, optimize=True)
        elif instruction.mnemonic == "LDH":
            total -= s @ np.asarray(datum.array, dtype=np.float64)
        else:
            total -= products(datum, s)
    return total


def boltzmann(energy: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """exp(-E/T)/Z for each state."""
    weight = np.exp(-(energy - energy.min()) / temperature)
    return weight / weight.sum()


def minimum(tables: Iterable[Table]) -> float:
    """The least sum of the tables over all settings of their two-valued variables, by eliminating one after the other.

    A table is (variables, values of shape (2,) * number of variables). Time and memory grow as 2 to the power of the
    largest neighbourhood, which is small for sparse graphs.
    """
    waiting = list(tables)
    while any(scope for scope, _ in waiting):
        variable = min({v for scope, _ in waiting for v in scope}, key=lambda v: len(neighbours(waiting, v)))
        scope = (*neighbours(waiting, variable), variable)
        mine = [t for t in waiting if variable in t[0]]
        waiting = [t for t in waiting if variable not in t[0]]
        waiting.append((scope[:-1], sum(spread(t, scope) for t in mine).min(axis=-1)))
    return float(sum(values for _, values in waiting))


def neighbours(tables: Iterable[Table], variable: int) -> list[int]:
    """The other variables of the tables that hold `variable`, sorted."""
    return sorted({v for scope, _ in tables if variable in scope for v in scope} - {variable})


def spread(table: Table, scope: Sequence[int]) -> NDArray[np.float64]:
    """The values of a table with one axis for each variable of `scope`, of length 1 where it does not depend on it."""
    places = [scope.index(v) for v in table[0]]
    axes = np.argsort(places)
    return table[1].transpose(axes).reshape([2 if k in places else 1 for k in range(len(scope))])


def max_cut(edges: Iterable[tuple[int, int, float]]) -> float:
    """The largest weight of edges between two sides, over all ways to split the vertices in two."""
    return -minimum(((i, j), -w * (1 - np.eye(2))) for i, j, w in edges)


def ising_minimum(couplings: NDArray[np.float64]) -> float:
    """The least of -1/2 s'Js over spins -1/+1, for a symmetric J of a sparse graph with zero diagonal."""
    pairs = np.argwhere(np.triu(couplings, 1))
    sign = np.array([[1.0, -1.0], [-1.0, 1.0]])
    return minimum(((int(i), int(j)), -couplings[i, j] * sign) for i, j in pairs)
