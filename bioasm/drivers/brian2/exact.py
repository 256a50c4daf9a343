"""Coupled exact equations for Brian2: propagators by the matrix exponential in numpy, applied in each step.

Brian2's own `exact` uses a symbolic exponential, for real eigenvalues only. Here it is a Taylor series in long double.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.derivative import derivative
from bioasm.drivers.brian2.evaluation import evaluate
from bioasm.drivers.brian2.printer import replaced
from bioasm.models.base import EVENT_DRIVEN, Equation, Model
from bioasm.models.expression import Expression, Number, Symbol, expanded
from bioasm.models.linear_systems import coupled
from bioasm.units import Dimension, Exponents, exponents_of, product, quotient

Array = NDArray[Any]
_TERMS = 24


class Entry(NamedTuple):
    """One entry of a propagator: its variable in Brian2, its unit, its row, and the state or constant that it multiplies."""

    variable: str
    row: int
    column: int
    unit: Exponents


def event_driven(model: Model) -> list[Equation]:
    """The event-driven equations of a synapse."""
    items = [item for stage in model.stages for item in stage]
    return [item for item in items if isinstance(item, Equation) and item.method == EVENT_DRIVEN]


def coupled_events(model: Model) -> set[str]:
    """The states of coupled event-driven equations."""
    definitions = {d.name: d.expression for d in model.definitions}
    rates = {e.variable: expanded(e.rate, definitions) for e in event_driven(model)}
    return {name for names in coupled(rates) for name in names}


class ExactSystem:
    """The exact equations of one stage of a model. `still` are sets of states that are frozen under a condition in Brian2."""

    def __init__(self, model: Model, stage: int, label: str, still: dict[frozenset[str], str]) -> None:
        self.model, self.label = model, f"exact_{stage}_{label}"
        exact = [e for e in model.stages[stage] if isinstance(e, Equation) and e.method == "exact"]
        self.rates = {e.variable: self._spelled_out(e.rate) for e in exact}
        self.names = list(self.rates)
        self.variants = {frozenset[str](): "", **{s: condition for s, condition in still.items() if self._matters(s)}}

    @property
    def is_coupled(self) -> bool:
        """Whether an equation reads the state of another."""
        return any(self._reads(name, frozenset(self.names) - {name}) for name in self.names)

    def _reads(self, name: str, states: frozenset[str]) -> bool:
        return any(isinstance(n, Symbol) and n.name in states for n in self.rates[name].walk())

    def _matters(self, still: frozenset[str]) -> bool:
        """Whether a state that is integrated depends on one of the frozen states `still`."""
        return any(self._reads(name, still) for name in self.names if name not in still)

    def _spelled_out(self, expression: Expression) -> Expression:
        made = {d.name: d.expression for d in self.model.definitions}

        def meaning(name: str) -> Expression:
            return self._spelled_out(made[name]) if name in made else Symbol(name)

        return replaced(expression, meaning, lambda call: call)

    def constant(self, name: str) -> Expression:
        """The right side of an equation without the states."""
        units = {s.name: s.unit for s in self.model.states}

        def meaning(read: str) -> Expression:
            return Number(0.0, units[read]) if read in self.rates else Symbol(read)

        return replaced(self.rates[name], meaning, lambda call: call)

    def entries(self, still: frozenset[str]) -> Iterator[Entry]:
        """Entries of the propagator with some states frozen; the columns are the states, then the constants."""
        units, variant = {s.name: s.unit for s in self.model.states}, [*self.variants].index(still)
        for i, row in enumerate(self.names):
            for j, column in enumerate(self.names):
                name, unit = f"{self.label}_{variant}_{i}", quotient(units[row], units[column])
                yield Entry(f"{name}_{j}", i, j, unit)
                yield Entry(f"{name}_{j}_constant", i, len(self.names) + j, product(unit, exponents_of(Dimension.TIME)))

    def values(self, value_of: Callable[[str], Any], n: int, dt: float) -> Iterator[tuple[str, Array]]:
        """The values of all entries for n neurons with these parameters, (n,) each."""
        for still in self.variants:
            grown, of_neuron = self._grown(value_of, np.full(n, dt), still)
            for entry in self.entries(still):
                yield entry.variable, grown[:, entry.row, entry.column][of_neuron]

    def solved(self, value_of: Callable[[str], Any], elapsed: Any) -> Array:
        """The states after a time `elapsed`, (states, n), from their values and parameters, (n,) each or scalar."""
        time = np.atleast_1d(np.asarray(elapsed, np.float64))
        grown, which = self._grown(value_of, time, frozenset())
        states = [np.broadcast_to(value_of(name), time.shape) for name in self.names]
        constants = [np.broadcast_to(evaluate(self.constant(name), value_of), time.shape) for name in self.names]
        found: Array = np.einsum("nij,jn->in", grown[which, : len(self.names)], np.stack([*states, *constants]))
        return found

    def _grown(self, value_of: Callable[[str], Any], time: Array, still: frozenset[str]) -> tuple[Array, Array]:
        """The distinct propagators over times (n,), and the index of each neuron's."""
        k, n = len(self.names), len(time)
        step = np.zeros((n, 2 * k, 2 * k))
        for i, row in enumerate(self.names):
            if row not in still:
                slopes = np.stack([self._slope(row, column, value_of, n) for column in self.names], axis=1)
                step[:, i, :k] = slopes * time[:, None]
                step[:, i, k + i] = time
        return _exponentials(step)

    def _slope(self, row: str, column: str, value_of: Callable[[str], Any], n: int) -> Array:
        return np.asarray(np.broadcast_to(evaluate(derivative(self.rates[row], column), value_of), n), float)


def _exponentials(matrices: Array) -> tuple[Array, Array]:
    """Matrix exponential by Taylor series with scaling and squaring: those of distinct matrices, and the index of each."""
    apart, which = np.unique(matrices.reshape(len(matrices), -1), axis=0, return_inverse=True)
    scaled = apart.reshape(-1, *matrices.shape[1:]).astype(np.longdouble)
    power = np.abs(scaled)
    for _ in range(4):
        power = power @ power
    growth = float(power.sum(axis=2).max()) ** (1 / 16)  # nearly invariant to the units of states
    halvings = max(0, int(np.ceil(np.log2(max(growth, 1e-9)))) + 4)
    scaled = scaled / 2**halvings
    total = term = np.broadcast_to(np.eye(scaled.shape[1], dtype=np.longdouble), scaled.shape)
    for k in range(1, _TERMS):
        term = term @ scaled / k
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total.astype(float), which.ravel()
