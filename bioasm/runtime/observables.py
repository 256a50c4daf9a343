"""The observables of RD and GET: energies and best states of the run, and variables of neurons or of a part of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.network.references import EventRef, RunRef, VariableRef
from bioasm.runtime.parts import place
from bioasm.runtime.run import Run

Array = NDArray[Any]


def energy(run: Run) -> Array:
    """E of the present state with the offset, (lanes,)."""
    return run.dynamics.energy() + run.offset


def best_energy(run: Run) -> Array:
    """The lowest energy seen with the offset, (lanes,); NaN where none was."""
    best = run.dynamics.best().energy
    return np.where(np.isfinite(best), best + run.offset, np.nan)


def best_state(run: Run) -> Array:
    """The state of lowest energy so far, (lanes, n); the present one where there is none or a neuron has no energy."""
    best, final = run.dynamics.best(), run.dynamics.final_as_best().astype(np.int8)
    first, n = run.dynamics.energy_neurons
    seen = np.isfinite(best.energy)[:, None]
    final[:, first : first + n] = np.where(seen, best.state, final[:, first : first + n])
    return run.of_all_spins(final)


OF_THE_RUN: dict[str, Callable[[Run], Any]] = {
    "energy": energy,
    "best_energy": best_energy,
    "best_state": best_state,
    "energy_trace": lambda run: run.dynamics.trace(),
    "spikes": lambda run: run.dynamics.spikes(),
    "time": lambda run: run.dynamics.step * run.dynamics.step_length,
    "steps": lambda run: float(run.dynamics.step),
    "noise": lambda run: run.noise,
}


def observe(run: Run, ref: RunRef | VariableRef | EventRef) -> Any:
    """Present value of an observable; the lane is the first axis of an array. Of an event, the times recorded so far."""
    if isinstance(ref, EventRef):
        return run.driven.recorded_events()[ref]
    return OF_THE_RUN[ref.name](run) if isinstance(ref, RunRef) else seen(run, ref).copy()


def seen(run: Run, ref: VariableRef) -> Array:
    """View of a variable's present values, (lanes, neurons of the reference), which the next step may overwrite."""
    return run.dynamics.read(ref)[:, place(ref.part)]


def told(run: Run, ref: RunRef | VariableRef | EventRef) -> Any:
    """The value of an observable as RD emits it: that of `observe`, with the eliminated spins where it is of all spins.

    A part of the spins counts the remaining ones, as in every other instruction.
    """
    if not isinstance(ref, VariableRef) or ref.part is not None:
        return observe(run, ref)
    return run.of_all_spins(run.dynamics.read(ref)).copy()
