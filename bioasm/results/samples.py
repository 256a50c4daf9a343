"""Samples of a run: the distinct best states of its lanes, their energies, and numbers of occurrences."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.isa.labels import plain_names
from bioasm.results.result import Result


class Sample(NamedTuple):
    """One state by the names of its variables, its energy, and the number of lanes in which it was the best."""

    state: dict[Hashable, int]
    energy: float
    occurrences: int


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """Distinct states (rows of `states`), lowest energy first; a sequence of `Sample`."""

    names: tuple[Hashable, ...]
    states: NDArray[np.int8]
    energies: NDArray[np.float64]
    occurrences: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.energies)

    def __getitem__(self, place: int) -> Sample:
        state = dict(zip(self.names, self.states[place].tolist(), strict=True))
        return Sample(state, float(self.energies[place]), int(self.occurrences[place]))

    def __iter__(self) -> Iterator[Sample]:
        return (self[place] for place in range(len(self)))

    def __repr__(self) -> str:
        lowest = f", lowest energy {self.energies[0]:.10g}" if len(self) and not np.isnan(self.energies[0]) else ""
        return f"<Samples: {len(self)} distinct of {int(self.occurrences.sum())}, {len(self.names)} variables{lowest}>"

    def to_pandas(self) -> Any:
        """A pandas DataFrame with a column for each variable, and `energy` and `occurrences`.

        A variable of one of these two names has a column `energy_` or `occurrences_`.
        """
        from bioasm.extras import require

        require("pandas", "table", "a DataFrame")
        import pandas as pd

        frame = pd.DataFrame(self.states, columns=_columns(self.names))
        return frame.assign(energy=self.energies, occurrences=self.occurrences)


def _columns(names: tuple[Hashable, ...]) -> list[str]:
    """The column names of variables, distinct from the two of the table."""
    shown = [said if isinstance(said, str) else str(name) for name, said in zip(names, plain_names(names), strict=True)]
    return [f"{name}_" if name in ("energy", "occurrences") else name for name in shown]


def samples(result: Result) -> Samples:
    """The distinct best states of all lanes, as bits for problems in bits.

    Without energies these are final states, in the order of the lanes.
    """
    states, first, counts = np.unique(result.best_state, axis=0, return_index=True, return_counts=True)
    energies = np.asarray(result.best_energy, np.float64)[first]
    order = np.lexsort((first, energies))
    shown = (1 + states[order]) // 2 if result.in_bits else states[order]
    names: tuple[Hashable, ...] = result.names or tuple(range(result.n))
    return Samples(names, shown.astype(np.int8), energies[order], counts[order].astype(np.int64))
