"""Observation of a run while it goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class News:
    """The output of lane 0 since the last look: spikes (`t` in the clock of the run, `i`), energies, samples and events.

    The samples of a variable are their times and values (samples, neurons), of the first recorded neurons. Events, by name, are
    times and neurons as those of spikes.
    """

    t: Array = field(default_factory=lambda: np.zeros(0))
    i: Array = field(default_factory=lambda: np.zeros(0, np.int64))
    energies: Array = field(default_factory=lambda: np.zeros(0))
    samples: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
    events: Mapping[str, tuple[Array, Array]] = field(default_factory=dict)
