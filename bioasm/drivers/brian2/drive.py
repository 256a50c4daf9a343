"""What comes into a population's inputs from outside: constants, tables that are played, and the feedback."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.cell import Part, identifier
from bioasm.drivers.brian2.population import Population
from bioasm.network.network import REPLACE, SCALE

Array = NDArray[Any]


@dataclass
class Drive:
    """One input of one part. `fed` is the feedback, (lanes, n); `played` the rows, the period in steps and the first step."""

    population: Population
    part: Part
    name: str
    constant: Any = 0.0
    scale: Any = 1.0
    fed: Any = 0.0
    played: tuple[Array, int, int] | None = None
    own: str = field(init=False)

    def __post_init__(self) -> None:
        self.own = identifier(self.part, self.name)
        self.default = next(i.default for i in self.part.model.inputs if i.name == self.name)

    def set(self, value: Any, how: str) -> None:
        """INP: `add` to the input, `scale` it, or `set` it, which lasts until the next INP."""
        if how == SCALE:
            self.scale = np.asarray(value, np.float64)
        elif how != REPLACE:
            self.constant = np.asarray(value, np.float64)
        self.population.store(f"{self.own}_scale", 0.0 if how == REPLACE else self.scale)
        self.population.store(f"{self.own}_set", value if how == REPLACE else 0.0)

    def changes(self, step: int) -> bool:
        """Whether another row begins at a step."""
        return self.played is not None and (step - self.played[2]) % self.played[1] == 0

    def update(self, step: int) -> None:
        """Let the neurons see what comes in at a step."""
        total = self.default + self.constant + self.fed
        if self.played is not None:
            rows, period, first = self.played
            row = (step - first) // period
            total = total + (rows[row] if row < len(rows) else 0.0)
        self.population.store(f"{self.own}_outside", total)
