"""The Result that every driver returns, with its provenance."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import Diagnostic
from bioasm.isa.labels import BITS, MAXIMIZE, SENSE, VALUES, names_of
from bioasm.models import MODELS
from bioasm.units import Dimension

if TYPE_CHECKING:
    from bioasm.results.piece import Piece
    from bioasm.results.samples import Samples


@dataclass(frozen=True, eq=False, slots=True)
class Spikes:
    """All spikes, sorted by lane, time and neuron: `t` in seconds (float64), `i` and `lane` integers."""

    t: NDArray[np.float64]
    i: NDArray[np.int64]
    lane: NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Recording:
    """Samples of one variable: `values` (lanes, times, neurons), `t` (times,) in the model's clock, `neurons` the indices."""

    t: NDArray[np.float64]
    neurons: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(eq=False, slots=True)  # not frozen, which would triple the time of making one
class Reading:
    """One entry of the results list, from RD or OUT. The first axis of an array is the lane."""

    what: str
    value: NDArray[Any] | float | Spikes


# The arrays of a Result whose first axis is the lane.
ALONG_LANES = ("state", "energy", "best_energy", "best_state", "energy_trace", "spike_count")


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """The outcome of a run.

    Shapes: `energy`, `best_energy` (lanes,); `state`, `best_state`, `spike_count` (lanes, n); `energy_trace` (lanes,
    entries). Energies include the program's offset. If no energy was computed, `best_energy` is NaN and `best_state`
    the final state. `events` are the recorded custom events by name: times and neurons, in the form of `spikes`.
    `status` is `finished`, `time limit`, `target reached`, `interrupted`, `out of fuel`, `failed` or `lost`; the Result
    contains everything computed so far. `seconds_per_step` is the length of a step in seconds, 1 if the model's clock
    counts sweeps. `clock` is its clock; NONE if the built-in model of that name determines it. `metadata` is the
    metadata of the program. `about` contains what a picture or a table needs besides the numbers: `units` and
    `thresholds` of recordings by name, units of `connections`' states that were read or recorded, `noise` (the levels
    `level` in `unit` from times `t` on), and `trace_every`, each only if it is known; `precision`, which is
    `single` where products of couplings and states are (LDJS); and `optimisers`, the instructions of the program after which
    readings are not samples of the Boltzmann distribution. `piece` describes a
    run of a part of the lanes; its lanes are counted from 0. `own_names` are the names of a Problem that was run or
    solved, as objects; metadata and files have them in a form that JSON can represent.
    """

    driver: str
    model: str
    n: int
    lanes: int
    seed: int
    program_sha256: str
    versions: Mapping[str, str]
    timing: Mapping[str, float]
    results: tuple[Reading, ...]
    state: NDArray[np.float64]
    energy: NDArray[np.float64]
    best_energy: NDArray[np.float64]
    best_state: NDArray[np.int8]
    energy_trace: NDArray[np.float64]
    spikes: Spikes
    spike_count: NDArray[np.int64]
    recordings: Mapping[str, Recording] = field(default_factory=dict)
    events: Mapping[str, Spikes] = field(default_factory=dict)
    steps: int = 0
    seconds_per_step: float = 1.0
    status: str = "finished"
    diagnostics: tuple[Diagnostic, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)
    clock: Dimension = Dimension.NONE
    metadata: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    piece: Piece | None = None
    own_names: tuple[Hashable, ...] = ()

    @property
    def names(self) -> tuple[Hashable, ...]:
        """The names of the variables if a Problem or the program (`.meta names`) gives them, one per neuron; else none."""
        names = self.own_names or names_of(self.metadata)
        return names if len(names) == self.n else ()

    @property
    def in_bits(self) -> bool:
        """Whether the problem's variables are bits although the model has spins: a bit is (1 + s)/2."""
        return self.metadata.get(VALUES) == BITS

    @property
    def maximizes(self) -> bool:
        """Whether the problem's objective is minus the energy."""
        return self.metadata.get(SENSE) == MAXIMIZE

    @property
    def time(self) -> float:
        """The duration of the dynamics, in the model's clock: seconds or sweeps."""
        return self.steps * self.seconds_per_step

    @property
    def counts_sweeps(self) -> bool:
        """Whether the clock counts sweeps, as in models of spins, and not seconds."""
        if self.clock is not Dimension.NONE or self.model not in MODELS:
            return self.clock is Dimension.SWEEPS
        return MODELS[self.model].clock is Dimension.SWEEPS

    @property
    def energy_history(self) -> list[float]:
        """The energy trace of lane 0 as a list (pykoppu's second item)."""
        return [float(e) for e in self.energy_trace[0]]

    @property
    def spike_data(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Spike times in milliseconds and neuron indices of lane 0 (pykoppu's third item)."""
        mine = self.spikes.lane == 0
        return self.spikes.t[mine] * 1e3, self.spikes.i[mine]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of the problem's variables: their names, or else their numbers."""
        return tuple(map(str, self.names or range(self.n)))

    @property
    def trace_times(self) -> NDArray[np.float64]:
        """The time of each entry of the energy trace: after each sweep, or before a step with feedback."""
        entries = self.energy_trace.shape[1]
        every = self.about.get("trace_every", self.seconds_per_step * -(-self.steps // max(1, entries)))
        return np.asarray((np.arange(entries) + (1 if self.counts_sweeps else 0)) * float(every), np.float64)

    @property
    def clock_unit(self) -> str:
        """The unit of `time` and of all times: `s` or `sweeps`."""
        return "sweeps" if self.counts_sweeps else "s"

    def __repr__(self) -> str:
        from bioasm.results.summary import one_line

        return f"<Result: {one_line(self)}>"

    def _repr_html_(self) -> str:
        from bioasm.results.notebook import cell

        return cell(self)

    def __getitem__(self, name: str) -> Any:
        """The value that RD read or OUT emitted under a name, a list of several; else a recording, event or field."""
        from bioasm.results.lookup import find

        return find(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def keys(self) -> list[str]:
        """The names for `result[name]`: emitted results, recordings, events, and fields."""
        from bioasm.results.lookup import names

        return names(self)

    def samples(self) -> Samples:
        """The distinct best states of all lanes, the lowest energy first, with how many lanes ended in each."""
        from bioasm.results.samples import samples

        return samples(self)

    def save(self, path: str | Path) -> None:
        """Write a file, by suffix .npz, .json, .h5, .csv, .parquet, .zarr or .nwb. Raises BioasmError B306, B302, B312."""
        from bioasm.results.files import save

        save(self, path)

    def to_pandas(self) -> Any:
        """All spikes, samples, energies and numbers as one pandas DataFrame, a row each (see `results/tables.py`)."""
        from bioasm.results.tables import to_pandas

        return to_pandas(self)

    def to_xarray(self) -> Any:
        """The arrays as an xarray Dataset with named dimensions and units."""
        from bioasm.results.to_xarray import to_xarray

        return to_xarray(self)

    def to_neo(self) -> Any:
        """Spike trains and recordings as a neo Block, with a segment for each lane."""
        from bioasm.results.to_neo import to_neo

        return to_neo(self)

    def to_nwb(self, path: str | Path | None = None) -> Any:
        """Spikes and recordings as a pynwb NWBFile, written to `path` where one is given."""
        from bioasm.results.to_nwb import to_nwb

        return to_nwb(self, path)

    @property
    def plot(self) -> Any:
        """Pictures by name: `plot.raster()`, `plot.traces()`, `plot.energy()`, ...; each is a matplotlib Figure."""
        from importlib import import_module  # the room of pictures stands above this one, and is looked up when it is used

        return import_module("bioasm.plot").Pictures(self)
