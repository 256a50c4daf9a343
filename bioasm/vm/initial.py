"""States between two steps: what they start as or are set to, and what is held or delayed as it is read from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioasm.models.base import Model
from bioasm.models.expression import Call, Expression, Symbol, rebuilt
from bioasm.vm.codegen.lower import delayed_ring

if TYPE_CHECKING:
    from bioasm.vm.network_state import Populations

Array = NDArray[Any]


class Initial(Mapping[str, Any]):
    """What states start as; one may start as an expression of others."""

    def __init__(self, host: Populations, population: int) -> None:
        self.host, self.population = host, population
        self.known: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self.known:
            start = self.host.systems[self.population].states[name]
            self.known[name] = self.host.evaluate(start, self.population, self)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.host.systems[self.population].states)

    def __len__(self) -> int:
        return len(self.host.systems[self.population].states)


def present(expression: Expression) -> Expression:
    """The expression between two steps: what is held is as it is now, and what is delayed the name of its ring."""
    if isinstance(expression, Call) and expression.function == "held":
        return present(expression.arguments[0])
    if isinstance(expression, Call) and expression.function == "delayed":
        return Symbol(delayed_ring(expression))
    return rebuilt(expression, present)


def definition(model: Model, name: str) -> Expression:
    """What a name of a model stands for."""
    return next((d.expression for d in model.definitions if d.name == name), Symbol(name))


def write_states(host: Populations, neurons: Array, values: Array) -> None:
    """Put values, a row for all lanes or one for each, into the variables that CLAMP holds of neurons numbered through."""
    rows = values[np.arange(host.state.places) % len(values)]
    for k, population in enumerate(host.network.populations):
        mine = (neurons >= population.first) & (neurons < population.first + population.n)
        if mine.any():
            array = host.state.fields[f"p{k}.{population.model.clamp}"]
            places = host.state.places_of(array)
            places[:, neurons[mine] - population.first] = rows[:, mine]
            array[:] = host.state.to_cells(places)
