"""Composition of the Result of a run: the only place that reads everything a Result holds from the neurons."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm import __version__
from bioasm.binary.writer import program_hash
from bioasm.diagnostics import Diagnostic
from bioasm.network.references import DT, SPIKE_COUNT, STATE, EventRef
from bioasm.results import Recording, Result, Spikes
from bioasm.results.piece import Piece
from bioasm.runtime.dynamics import Dynamics, no_spikes
from bioasm.runtime.observables import best_energy, best_state, energy
from bioasm.runtime.run import Run
from bioasm.verifier.gate import Verified

Array = NDArray[Any]


@dataclass(frozen=True)
class Provenance:
    """Provenance of a Result: driver, seed, lanes, and what only the driver knows."""

    driver: str
    seed: int
    lanes: int = 1
    timing: Mapping[str, float] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)  # versions beside those of bioasm, python and numpy
    extras: Mapping[str, Any] = field(default_factory=dict)
    digest: str | None = None  # hash of the program, where it is known already
    piece: Piece | None = None


def versions(packages: Mapping[str, str] | None = None) -> dict[str, str]:
    """The versions in every Result, and those of more packages."""
    return {"bioasm": __version__, "python": platform.python_version(), "numpy": np.__version__, **(packages or {})}


def compose(run: Run, source: Provenance, status: str, found: tuple[Diagnostic, ...] = ()) -> Result:
    """The Result of a run in its present state. `found` are diagnostics besides the warnings of the gate."""
    measured = _of_neurons(run) if run.allocated else _of_none(run, source.lanes)
    return Result(**common(run.verified, source, status, found), results=tuple(run.readings), **measured)


def common(verified: Verified, source: Provenance, status: str, found: tuple[Diagnostic, ...] = ()) -> dict[str, Any]:
    """The fields of a Result that do not depend on how the run went."""
    return {
        "driver": source.driver,
        "model": verified.model.name,
        "lanes": source.lanes,
        "seed": source.seed,
        "program_sha256": source.digest or program_hash(verified.program),
        "versions": versions(source.packages),
        "timing": dict(source.timing),
        "status": status,
        "diagnostics": (*verified.warnings, *found),
        "extras": source.extras,
        "piece": source.piece,
        "clock": verified.model.clock,
        "metadata": dict(verified.program.metadata),
    }


def _of_neurons(run: Run) -> dict[str, Any]:
    neurons = run.dynamics
    spiking = any(p.model.spikes for p in run.network.populations)
    state = run.of_all_spins(np.asarray(neurons.read(STATE), np.float64))
    return {
        "n": state.shape[1],
        "state": state,
        "energy": energy(run),
        "best_energy": best_energy(run),
        "best_state": best_state(run),
        "energy_trace": neurons.trace(),
        "spikes": neurons.spikes() if spiking else no_spikes(),
        "spike_count": np.asarray(neurons.read(SPIKE_COUNT) if spiking else np.zeros(state.shape), np.int64),
        "recordings": recordings(neurons),
        "events": events(neurons),
        "steps": neurons.step,
        "seconds_per_step": neurons.step_length,
    }


def _of_none(run: Run, lanes: int) -> dict[str, Any]:
    """The fields of the Result of a run that allocated no neurons."""
    return {
        "n": 0,
        "state": np.zeros((lanes, 0)),
        "energy": np.full(lanes, run.offset),
        "best_energy": np.full(lanes, np.nan),
        "best_state": np.zeros((lanes, 0), np.int8),
        "energy_trace": np.zeros((lanes, 0)),
        "spikes": no_spikes(),
        "spike_count": np.zeros((lanes, 0), np.int64),
        "seconds_per_step": run.parameters[DT],
    }


def recordings(neurons: Dynamics) -> dict[str, Recording]:
    """Each recorded variable by the program's word; a second recording of it is called `v.2`, and so on."""
    found: dict[str, Recording] = {}
    named: dict[str, int] = {}
    for ref, every, start, chosen, values in getattr(neurons, "recorded", tuple)():
        again = named[ref.word] = named.get(ref.word, 0) + 1
        times = np.asarray((start + every * np.arange(values.shape[1])) * neurons.step_length, np.float64)
        name = f"{ref.word}.{again}" if again > 1 else ref.word
        found[name] = Recording(times, chosen.astype(np.int64), np.ascontiguousarray(values))
    return found


def without_repeat(name: str) -> str:
    """The program's word for a recording: `v` for `v.2`. Names of variables begin with a letter, so no suffix is a name."""
    word, _, number = name.rpartition(".")
    return word if word and number.isdecimal() else name


def events(neurons: Dynamics) -> dict[str, Spikes]:
    """The times of each recorded event by the program's first word for it."""
    found: Mapping[EventRef, Spikes] = getattr(neurons, "recorded_events", dict)()
    return {ref.word: times for ref, times in found.items()}
