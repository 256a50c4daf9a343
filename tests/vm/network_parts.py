"""Parts of the numpy reference of networks: functions by name, instances, spikes under way, and membranes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.models.base import Model
from bioasm.network.network import Instance

Array = NDArray[Any]
Key = tuple[str, str]  # instance, name
INPUT_PARTS = "#"

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "abs", "sin", "cos", "tanh", "floor", "ceil", "where")},
    "exprelr": lambda x: np.where(x == 0, 1.0, np.where(x == 0, 1.0, x) / np.expm1(np.where(x == 0, 1.0, x))),
    "min": lambda *x: reduce(np.minimum, x),
    "max": lambda *x: reduce(np.maximum, x),
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low), high),
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "^": np.power,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "==": np.equal,
    "!=": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
}


class Part(NamedTuple):
    """A population or a mechanism on one."""

    name: str
    model: Model
    population: int


class Spiked(NamedTuple):
    """What one source sends to the neurons of a port: the step it arrives in, weights (n,) as they are then, the place
    among the sources."""

    step: int
    target: Key
    weights: Callable[[], Array]
    place: int


@dataclass
class Membrane:
    """One population with its mechanisms."""

    parts: list[Part]
    n: int
    first: int
    states: dict[Key, Array] = field(default_factory=dict)
    begun: dict[Key, Array] = field(default_factory=dict)  # the states at the start of the step
    above: Array = field(default_factory=lambda: np.zeros(0, bool))  # whether the threshold's condition held then
    left: Array = field(default_factory=lambda: np.zeros(0))  # steps for which neurons still stand still
    still: Array = field(default_factory=lambda: np.zeros(0, bool))  # who stood still in this step
    fired: Array = field(default_factory=lambda: np.zeros(0, bool))
    held: Array = field(default_factory=lambda: np.zeros(0, bool))
    count: Array = field(default_factory=lambda: np.zeros(0))

    @property
    def own(self) -> Part:
        """The population."""
        return self.parts[0]

    @property
    def clamp(self) -> Key:
        """The state that CLAMP holds."""
        return self.own.name, self.own.model.clamp

    def before_spike(self, word: str) -> bool:
        """Whether something comes before the threshold in a step."""
        return self.own.model.order.index(word) < self.own.model.order.index("spike")


def instance_of(part: Part) -> Instance:
    """A part as the composition of networks knows it."""
    return Instance(*part)


def key_of(name: str) -> Key:
    """The key of a dotted name."""
    instance, _, own = name.partition(".")
    return instance, own
