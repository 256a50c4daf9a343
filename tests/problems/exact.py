"""Energies in exact arithmetic, of polynomials and of the programs that were written from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from math import prod

from bioasm.isa.program import ConstantRef, DataRef, Dense, Program, Quantity, Sparse, Terms
from bioasm.problems.polynomial import SPIN, Polynomial

State = Sequence[int]


def states(n: int, domain: str) -> Iterator[tuple[int, ...]]:
    """All states of n variables."""
    return product((-1, 1) if domain == SPIN else (0, 1), repeat=n)


def value(polynomial: Polynomial, state: State) -> Fraction:
    """The polynomial's value at a state."""
    total = Fraction(polynomial.constant)
    for part in polynomial.parts.values():
        for index, weight in zip(part.index.tolist(), part.value.tolist(), strict=True):
            total += Fraction(weight) * prod(state[i] for i in index)
    return total


def energy(program: Program, state: State) -> Fraction:
    """E(s) = -1/2 s'Js - h's - terms + offset with what the program loads."""
    total = Fraction(0)
    for instruction in program.instructions:
        if instruction.mnemonic == "LDO":
            operand = instruction.operands[0]
            assert isinstance(operand, Quantity | ConstantRef)
            total += Fraction(program.quantity(operand).value)
        elif instruction.mnemonic in ("LDJ", "LDH", "LDT"):
            operand = instruction.operands[0]
            assert isinstance(operand, DataRef)
            total -= _loaded(program.data[operand.index].value, state)
    return total


def _loaded(data: Dense | Sparse | Terms, state: State) -> Fraction:
    if isinstance(data, Dense) and data.array.ndim == 2:
        assert (data.array == data.array.T).all() and not data.array.diagonal().any()
        n = len(state)
        pairs = [(a, b) for a in range(n) for b in range(a + 1, n)]
        return sum((Fraction(float(data.array[a, b])) * state[a] * state[b] for a, b in pairs), Fraction(0))
    if isinstance(data, Dense):
        return sum((Fraction(float(h)) * s for h, s in zip(data.array.tolist(), state, strict=True)), Fraction(0))
    if isinstance(data, Sparse):
        assert data.symmetric and (data.row < data.column).all()
        entries = zip(data.row.tolist(), data.column.tolist(), data.value.tolist(), strict=True)
        return sum((Fraction(float(j)) * state[a] * state[b] for a, b, j in entries), Fraction(0))
    total = Fraction(0)
    for k, weight in enumerate(data.value.tolist()):
        members = data.index[data.start[k] : data.start[k + 1]].tolist()
        total += Fraction(float(weight)) * prod(state[i] for i in members)
    return total
