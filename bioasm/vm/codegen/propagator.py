"""Exact integration of coupled linear equations by the matrix exponential of a step, computed in generated code.

Of x' = A x + b with b constant over the step, x grows by (e^(A dt) - 1) x + G b, where G is the integral of e^(A t) over it.
Both are parts of the exponential of A augmented with a column for each b. It is computed by scaling and squaring without
data-dependent branches, as values of the step, which are hoisted out of it: where they are common to all cells they are
computed once for each set of parameters, else once for each cell.
"""

from __future__ import annotations

from collections.abc import Sequence

from bioasm.models.algebra import is_number, simplify
from bioasm.models.expression import Binary, Expression, Symbol
from bioasm.models.linear_systems import Row
from bioasm.vm.codegen.lower import Environment, Lowering
from bioasm.vm.codegen.values import Value, apply, as_value

Matrix = dict[tuple[str, str], Value]  # sparse: missing entries are 0
Standing = tuple[Value, frozenset[str]]  # a condition, and the states that are constant under it

SQUARINGS = 16  # squarings for a step
LONG_SQUARINGS = 26  # squarings for any time up to 10^8 of the shortest time constant
_DT = Symbol("dt")


def growth(matrix: Matrix, squarings: int = SQUARINGS) -> Matrix:
    """e^M - 1 by scaling and squaring: Taylor series of M / 2^squarings to order 9, then e^2x - 1 = 2 (e^x - 1) + (e^x - 1)^2.

    e^M - 1 in place of e^M avoids cancellation in small entries. No norm is used, so that a change of units, a diagonal
    similarity transformation of M, transforms the result alike.
    """
    first = _scaled(matrix, 0.5**squarings)
    second = _product(first, first)
    third = _product(second, first)

    def terms(lowest: int) -> list[Matrix]:
        """The part of the series with the three powers from `lowest` on, from M and its square."""
        return [_scaled(m, 1.0 / _factorial(lowest + k)) for k, m in enumerate((first, second), 1)]

    inner = _sum([*terms(6), _scaled(third, 1.0 / _factorial(9))])
    inner = _sum([_product(inner, third), _scaled(third, 1.0 / _factorial(6)), *terms(3)])
    grown = _sum([_product(inner, third), _scaled(third, 1.0 / _factorial(3)), *terms(0)])
    for _ in range(squarings):
        grown = _sum([_scaled(grown, 2.0), _product(grown, grown)])
    return grown


def _factorial(n: int) -> float:
    result = 1.0
    for k in range(2, n + 1):
        result *= k
    return result


def _scaled(matrix: Matrix, factor: float) -> Matrix:
    return {place: value * factor for place, value in matrix.items()}


def _sum(matrices: list[Matrix]) -> Matrix:
    total: Matrix = {}
    for matrix in matrices:
        for place, value in matrix.items():
            total[place] = total[place] + value if place in total else value
    return total


def _product(left: Matrix, right: Matrix) -> Matrix:
    return _sum([{(i, k): a * b} for (i, j), a in left.items() for (row, k), b in right.items() if row == j])


class Propagator:
    """Propagator of one linear system, whose rows have qualified names, in one loop over cells."""

    def __init__(self, loop: Lowering, rows: dict[str, Row], moment: Environment, length: Expression = _DT) -> None:
        """`length` is the time to integrate over; one other than dt may be long."""
        self.loop, self.rows, self.moment, self.length = loop, rows, moment, length
        self._squarings = SQUARINGS if length == _DT else LONG_SQUARINGS
        self._grown: dict[frozenset[str], Matrix] = {}
        self._new: dict[tuple[str, frozenset[str]], Value] = {}
        self._before = {name: self._needed(name) for name in rows}

    def _needed(self, name: str) -> frozenset[str]:
        """Transitive closure: the states that a state's step depends on."""
        found, waiting = {name}, [name]
        while waiting:
            read = self.rows[waiting.pop()].coefficients.keys() - found
            found |= read
            waiting += read
        return frozenset(found - {name})

    def after(self, standing: Sequence[Standing]) -> dict[str, Value]:
        """Exact propagation of all states over a step. States held under a condition act on the others as constants."""
        return {name: self._chosen(name, standing, frozenset()) for name in self.rows}

    def _chosen(self, name: str, standing: Sequence[Standing], still: frozenset[str]) -> Value:
        if not standing:
            return self._moved(name, still & self._before[name])
        condition, more = standing[0]
        yes, no = (self._chosen(name, standing[1:], still | added) for added in (more, frozenset[str]()))
        return no if yes is no else apply("select", condition, yes, no)

    def _moved(self, name: str, still: frozenset[str]) -> Value:
        """One state after the step, `still` held constant: x + ((b G + sum of the others) + x (e^(A dt) - 1))."""
        if (name, still) not in self._new:
            grown, at = self._exponential(still), self.moment
            driven = [(grown.get((name, _column(row))), self.rows[row].constant) for row in self.rows]
            driven += [(grown.get((name, other)), Symbol(other)) for other in sorted(self.rows, key=lambda row: row == name)]
            change = as_value(0.0)
            for factor, by in driven:
                if factor is not None:
                    change = apply("fma", factor, self.loop.value(by, at), change)
            self._new[name, still] = self.loop.value(Symbol(name), at) + change
        return self._new[name, still]

    def _exponential(self, still: frozenset[str]) -> Matrix:
        if still not in self._grown:
            self._grown[still] = growth(self._matrix(still), self._squarings)
        return self._grown[still]

    def _matrix(self, still: frozenset[str]) -> Matrix:
        """The augmented matrix A dt, with a column of dt for each constant; rows of held states are zero."""
        matrix: Matrix = {}
        for name, row in self.rows.items():
            if name in still:
                continue
            for other, factor in row.coefficients.items():
                matrix[name, other] = self._constant(Binary("*", factor, self.length))
            if not is_number(row.constant, 0):
                matrix[name, _column(name)] = self._constant(self.length)
        return matrix

    def _constant(self, expression: Expression) -> Value:
        return self.loop.value(simplify(expression), self.moment)


def _column(name: str) -> str:
    """The column of an equation's constant."""
    return f"{name} 1"
