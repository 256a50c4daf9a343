"""What a run on the board leaves behind, as the Result that every driver returns."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from bioasm import __version__
from bioasm.board.substrates.culture import STEP, CultureRun
from bioasm.board.substrates.twin import TwinRun
from bioasm.diagnostics import Diagnostic
from bioasm.isa.verify import Verified
from bioasm.results.result import Result, Spikes

DRIVER = "intan"
STATUS_WORDS = ("finished", "out of fuel", "interrupted", "failed")  # by RunStatus


def _versions() -> Mapping[str, str]:
    return {"bioasm": __version__, "python": platform.python_version(), "numpy": np.__version__}


def twin_result(run: TwinRun, verified: Verified, about: Mapping[str, Any], found: tuple[Diagnostic, ...]) -> Result:
    """The Result of a run on the twin; the same numbers as the driver `cpu` gives."""
    machine = run.machine
    model, outputs, dt, n = machine.model, machine.outputs, machine.step_length, machine.state.n
    spiking = model.has_spikes
    counts = model.read("spike_count") if spiking else np.zeros((machine.lanes, n), np.int64)
    return Result(
        **_common(verified, about, found),
        n=n,
        lanes=machine.lanes,
        results=tuple(outputs.readings),
        state=np.asarray(model.read("state"), np.float64),
        energy=machine.energy(),
        best_energy=machine.best_energy(),
        best_state=machine.best_state(),
        energy_trace=outputs.energies(),
        spikes=outputs.all_spikes(dt) if spiking else _no_spikes(),
        spike_count=counts,
        recordings=outputs.recordings(dt),
        steps=machine.steps,
        seconds_per_step=dt,
        timing=dict(machine.seconds),
        extras={**about["extras"], "substrate": "twin"},
    )


def culture_result(run: CultureRun, verified: Verified, about: Mapping[str, Any], found: tuple[Diagnostic, ...]) -> Result:
    """The Result of a run on the culture: s from the last window, spikes of the neurons' electrodes."""
    s = run.present_state()
    seen = not math.isnan(run.best_energy)
    return Result(
        **_common(verified, about, found),
        n=verified.n,
        lanes=1,
        results=tuple(run.interpreter.readings),
        state=s[None].copy(),
        energy=np.array([run.landscape.energy(s)]),
        best_energy=np.array([run.best_energy]),
        best_state=(run.best_state if seen else (s > 0.5).astype(np.int8))[None],
        energy_trace=np.array([run.trace], np.float64),
        spikes=run.spikes(),
        spike_count=run.estimator.count[None].copy(),
        steps=run.steps,
        seconds_per_step=STEP,
        timing={},
        extras={**about["extras"], **run.extras(), "substrate": "culture"},
    )


def _common(verified: Verified, about: Mapping[str, Any], found: tuple[Diagnostic, ...]) -> dict[str, Any]:
    return {
        "driver": DRIVER,
        "model": verified.model.name,
        "seed": about["seed"],
        "program_sha256": about["sha256"],
        "versions": _versions(),
        "status": STATUS_WORDS[about["status"]],
        "diagnostics": (*verified.warnings, *found),
        "clock": verified.model.clock,
    }


def _no_spikes() -> Spikes:
    return Spikes(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))
