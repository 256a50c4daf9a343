"""What a neuron model states about itself: parameters, variables, observables, its clock and its noise."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from bioasm.units import Dimension


class Parameter(NamedTuple):
    """One parameter: its default in SI units and the range it may take.

    `structural` parameters decide how time is divided or which rule is run; they are scalars set before ALC.
    `words` are names for values, for a parameter that chooses between rules.
    """

    name: str
    default: float
    dimension: Dimension
    summary: str
    low: float = -inf
    high: float = inf
    open_low: bool = False
    structural: bool = False
    words: tuple[tuple[str, float], ...] = ()


class Variable(NamedTuple):
    """A value that each neuron has; it can be recorded and peeked at."""

    name: str
    dimension: Dimension
    summary: str


class Observable(NamedTuple):
    """Something that RD reads. `shape` is `neurons`, `scalar`, `trace`, `events`; `register` says that GET reads it too."""

    name: str
    shape: str
    summary: str
    dimension: Dimension = Dimension.NONE
    register: bool = False


class Model(NamedTuple):
    """A neuron model as data.

    `clock` is the dimension that RUN counts in (TIME or SWEEPS); `noise` that of SIG, with `noise_default` before
    any SIG. `clamp` is the variable that CLAMP holds and `clamp_values` the values it may take (any where empty).
    `abilities` are what it supports beyond the core: `inputs`, `kbody`, ...
    """

    name: str
    summary: str
    prose: str
    clock: Dimension
    noise: Dimension
    noise_default: float
    parameters: tuple[Parameter, ...]
    variables: tuple[Variable, ...]
    observables: tuple[Observable, ...]
    clamp: str
    clamp_values: tuple[float, ...] = ()
    abilities: frozenset[str] = frozenset()
    source: str = ""

    def parameter(self, name: str) -> Parameter | None:
        """The parameter called `name`, or None."""
        return next((p for p in self.parameters if p.name == name), None)

    def variable(self, name: str) -> Variable | None:
        """The variable called `name`, or None."""
        return next((v for v in self.variables if v.name == name), None)

    def observable(self, name: str) -> Observable | None:
        """The observable called `name`, or None."""
        return next((o for o in self.observables if o.name == name), None)


def common_observables(clock: Dimension) -> tuple[Observable, ...]:
    """The observables that every model has."""
    return (
        Observable("energy", "scalar", "energy of the present state", register=True),
        Observable("best_energy", "scalar", "lowest energy seen", register=True),
        Observable("best_state", "neurons", "the state of lowest energy that was seen"),
        Observable("energy_trace", "trace", "energies over the run"),
        Observable("time", "scalar", "how long the dynamics ran", clock, register=True),
        Observable("steps", "scalar", "steps or sweeps that were run", register=True),
        Observable("noise", "scalar", "the present level of noise", register=True),
    )
