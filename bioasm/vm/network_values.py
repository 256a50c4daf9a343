"""Evaluation of a network's expressions between two steps, in numpy: parameters, states, inputs and delayed values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.models.expression import Call, Expression, Symbol, symbols
from bioasm.models.values import evaluator
from bioasm.vm.cable_arrays import seen
from bioasm.vm.codegen.lower import delayed_ring
from bioasm.vm.codegen.system import COUPLED, COVERED, System
from bioasm.vm.initial import present
from bioasm.vm.layout import Ctx, Real
from bioasm.vm.network_arrays import NetworkArrays
from bioasm.vm.stimuli import Stimuli

Array = NDArray[Any]


class _Flat(NamedTuple):
    """An expression with definitions substituted: its value, its delayed(...) calls by ring buffer, and its free symbols.

    `constant` is the value of one without either, `written` the expression itself, whose id thus stays its own.
    """

    value: Callable[[Mapping[str, Any]], Any]
    late: dict[str, Call]
    names: set[str]
    constant: float | None
    written: Expression


class NetworkValues:
    """Evaluator of expressions. `parameters` are by qualified name, one number or one a neuron."""

    def __init__(self, arrays: NetworkArrays, stimuli: Stimuli, parameters: Mapping[str, Array | float]) -> None:
        self.arrays, self.stimuli, self.parameters = arrays, stimuli, parameters
        self.state, self.network, self.systems = arrays.state, arrays.network, arrays.systems
        self._flats: dict[tuple[Expression | int, int], _Flat] = arrays.texts.flats

    def now(self, name: str, population: int) -> Array:
        """Present value of a state or definition (qualified name) of a population, (lanes, n)."""
        if name in self.systems[population].states:
            return self.state.from_cells(self.state.fields[name])
        states = {state: self.state.places_of(self.state.fields[state]) for state in self.systems[population].states}
        return self.evaluate(Symbol(name), population, states)[: self.state.lanes]

    def initial(self, name: str, population: int) -> Array:
        """The initial value of a state, or of a definition, (places, n)."""
        return self.evaluate(Symbol(name), population, self.initials(population))

    def initials(self, population: int) -> Mapping[str, Array]:
        """The initial values of all states, (places, n), computed lazily and memoised."""
        return _Initial(self, population)

    def start_alike(self) -> bool:
        """Whether initial values follow from parameters alone: not from t, inputs or noise, which may change between resets."""
        return all(self._starts_alike(population) for population in range(len(self.systems)))

    def _starts_alike(self, population: int) -> bool:
        starts = self.systems[population].states
        flats = [self._between_steps(start, population) for start in starts.values()]
        fixed = starts.keys() | self.parameters.keys() | {"dt"}
        return all(flat.names <= fixed and not flat.late for flat in flats)

    def seen_at_start(self, population: int) -> dict[str, Array]:
        """Initial potentials at places of cells by qualified name, (places, n), from those of CVs."""
        for one in self.network.cables:
            if one.cells == population:
                shape = (self.state.places, one.cell.volumes.n, self.network.populations[population].n)
                return dict(seen(one, self.initial(f"p{one.volumes}.v", one.volumes).reshape(shape)))
        return {}

    def evaluate(self, expression: Expression, population: int, states: Mapping[str, Any]) -> Array:
        """Evaluate an expression for all lanes and neurons of a population, (places, n)."""
        system, n = self.systems[population], self.network.populations[population].n
        if n == 0:
            return np.zeros((self.state.places, 0))
        flat = self._between_steps(expression, population)
        if flat.constant is not None:
            return np.full((self.state.places, n), flat.constant)
        values = {name: self._late(call, population, states) for name, call in flat.late.items()}
        values |= {name: self._value(name, system, population, states) for name in flat.names}
        with np.errstate(all="ignore"):
            value = flat.value(values)
        return np.array(np.broadcast_to(np.asarray(value, np.float64), (self.state.places, n)))

    def _between_steps(self, expression: Expression, population: int) -> _Flat:
        """The expression with definitions substituted, memoised because programs read the same values repeatedly."""
        # Only symbols are made anew for each question, and only theirs is a short way to a hash.
        key = expression if isinstance(expression, Symbol) else id(expression), population
        if key not in self._flats:
            system = self.systems[population]
            written = system.flat(expression)
            flat = system.flat(present(written))
            late = {delayed_ring(c): c for c in written.walk() if isinstance(c, Call) and c.function == "delayed"}
            names = symbols(flat) - late.keys()
            value = evaluator(flat)
            self._flats[key] = _Flat(value, late, names, None if names or late else float(value({})), expression)
        return self._flats[key]

    def _value(self, name: str, system: System, population: int, states: Mapping[str, Any]) -> Any:
        """The value of a free symbol between two steps: a parameter, a state, an input, t, dt or the noise level."""
        if name in system.states:
            return states[name]
        if name in self.parameters:
            return self.parameters[name]
        if name.startswith(COVERED):
            return self.state.places_of(self.arrays.cells(name, population))
        if "#" in name:
            return self.stimuli.present(name, population)
        if name.startswith(COUPLED):
            return self.state.places_of(self.arrays.cells(name, population))
        if name == "noise" and self.state.levels is not None:
            return self.levels(population)
        if name == "noise":
            known = self.state.real[Real.NOISE_SET] == 1.0
            return float(self.state.real[Real.NOISE] if known else system.population.model.noise_default)
        return float(self.state.real[Real.DT]) * (int(self.state.ctx[Ctx.STEP]) if name == "t" else 1)

    def levels(self, population: int) -> Array:
        """The noise level of each place, (places, 1), where lanes have their own."""
        assert self.state.levels is not None
        if self.state.real[Real.NOISE_SET] == 1.0:
            return self.state.levels[:, None].copy()
        return np.full((self.state.places, 1), self.systems[population].population.model.noise_default)

    def _late(self, call: Call, population: int, states: Mapping[str, Any]) -> Array:
        """The value of `delayed` that the next step reads, (places, n)."""
        ring, state = delayed_ring(call), self.state
        slots, n = self.arrays.slots(ring), self.network.populations[population].n
        if slots == 1 or ring not in state.fields:
            return self.evaluate(call.arguments[0], population, states)
        kept = state.fields[ring].reshape(state.blocks, slots, n, state.width)
        oldest = kept[:, (int(state.ctx[Ctx.STEP]) + 1) % slots]
        return state.places_of(np.ascontiguousarray(oldest).ravel())


class _Initial(Mapping[str, Array]):
    """Lazy initial values of a population's states: one may be an expression of others."""

    def __init__(self, values: NetworkValues, population: int) -> None:
        self.values_of, self.population, self.starts = values, population, values.systems[population].states
        self.known = values.seen_at_start(population)

    def __getitem__(self, name: str) -> Array:
        if name not in self.known:
            self.known[name] = self.values_of.evaluate(self.starts[name], self.population, self)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.starts)

    def __len__(self) -> int:
        return len(self.starts)
