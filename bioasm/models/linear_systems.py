"""Systems of linear differential equations: their coefficients, and which equations are coupled to one another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from bioasm.models.algebra import is_number, linear_in
from bioasm.models.expression import Expression, symbols


class Row(NamedTuple):
    """A sparse row of a linear system: constant + the sum of coefficient * state; zero coefficients are left out."""

    constant: Expression
    coefficients: dict[str, Expression]


def linear_row(rate: Expression, names: Iterable[str]) -> Row | str:
    """A right side as a row over the states `names`, or the first state in which it is not linear as written."""
    rest, coefficients, states = rate, dict[str, Expression](), set(names)
    for name in sorted(states):
        parts = linear_in(rest, name)
        if parts is None or symbols(parts[1]) & states:
            return name
        rest = parts[0]
        if not is_number(parts[1], 0):
            coefficients[name] = parts[1]
    return Row(rest, coefficients)


def coupled(rates: Mapping[str, Expression]) -> list[list[str]]:
    """The connected components of two and more equations, where an equation is connected to those whose states it reads."""
    component = {name: {name} for name in rates}
    for name, rate in rates.items():
        for other in sorted(symbols(rate) & rates.keys()):
            merged = component[name] | component[other]
            component |= dict.fromkeys(merged, merged)
    found = {id(members): members for members in component.values() if len(members) > 1}
    return [[name for name in rates if name in members] for members in found.values()]
