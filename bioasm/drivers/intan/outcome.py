"""Composition of the Result of a board's run, with its provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import Diagnostic
from bioasm.diagnostics.codes import CODES
from bioasm.drivers.intan.telemetry_state import TelemetryState
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import NOWHERE, Capability, RunEnded, Substrate
from bioasm.hardware.link.texts import in_words
from bioasm.hardware.link.transfers import damaged
from bioasm.models.base import Model
from bioasm.results import Result
from bioasm.runtime.options import RunOptions
from bioasm.runtime.outcome import Provenance, common, versions
from bioasm.units import Dimension
from bioasm.verifier.gate import Verified

NAME = "intan"
_CULTURE_STEP = 1e-3  # s, as docs/board.md has it


def completed(result: Result, verified: Verified, timing: Mapping[str, float], extras: Mapping[str, Any]) -> Result:
    """The board's Result with the host's versions, timing and provenance. Raises BioasmError B515 for wrong shapes."""
    _check_shape(result, verified)
    told_versions = {**result.versions, **versions()}
    failures = (replace(d, message=in_words(d.message)) for d in result.diagnostics if d.severity == "error")
    warnings = (*verified.warnings, *failures)
    told = {**result.extras, **extras}
    return replace(result, driver=NAME, versions=told_versions, timing=dict(timing), diagnostics=warnings, extras=told)


def _check_shape(result: Result, verified: Verified) -> None:
    """Raise BioasmError B515 unless every array has the lanes and neurons of the run, or none where it ended before ALC."""
    lanes, n = result.lanes, result.n
    wide, narrow = (result.state, result.best_state, result.spike_count), (result.energy, result.best_energy)
    fits = type(lanes) is int and lanes >= 1 and n in (0, verified.n) and all(array.shape == (lanes, n) for array in wide)
    if not (fits and all(array.shape == (lanes,) for array in narrow) and result.energy_trace.shape[:1] == (lanes,)):
        raise damaged("the board's result is not that of this program: it has other lanes or neurons")


def salvaged(
    live: TelemetryState,
    verified: Verified,
    options: RunOptions,
    status: str,
    timing: Mapping[str, float],
    extras: Mapping[str, Any],
    neuron_of: dict[int, int] | None,
) -> Result:
    """The partial Result of a run without a delivered result, from telemetry: steps, energies, spikes; states are unknown.

    `neuron_of`, for a culture, maps channels to neurons.
    """
    n, lanes, spikes = verified.n, options.lanes, live.spikes(neuron_of)
    count = np.zeros((lanes, n), np.int64)
    kept = spikes.i < n
    np.add.at(count, (spikes.lane[kept], spikes.i[kept]), 1)
    trace = live.energy_trace()
    told = {**extras, "not_received": ["results", "state", "energy", "best_state", "recordings"]}
    return Result(
        **common(verified, Provenance(NAME, options.seed, lanes, timing, extras=told), status),
        n=n,
        results=(),
        state=np.full((lanes, n), nan),
        energy=np.full(lanes, nan),
        best_energy=_best_energy(live, trace, verified.model),
        best_state=np.zeros((lanes, n), np.int8),
        energy_trace=trace,
        spikes=spikes,
        spike_count=count,
        steps=live.steps,
        seconds_per_step=_CULTURE_STEP if neuron_of is not None else _step(verified.model, options),
    )


def _best_energy(live: TelemetryState, trace: NDArray[np.float64], model: Model) -> NDArray[np.float64]:
    """The lowest energy of a state, (lanes,): for sweeps that of the trace. For clocks in time the trace has energies of states
    between 0 and 1, so that only the status reports it, and only for one lane."""
    if model.clock is Dimension.SWEEPS:
        return np.array([min((e for e in row if e == e), default=nan) for row in trace])
    return np.full(live.lanes, live.best_energy if live.lanes == 1 else nan)


def _step(model: Model, options: RunOptions) -> float:
    if model.clock is Dimension.SWEEPS:
        return 1.0
    parameter = model.parameter("dt")
    return options.parameters.get("dt", parameter.default if parameter else 1.0)


def provenance(link: HostLink, port: str, substrate: Substrate, electrodes: str, live: TelemetryState) -> dict[str, Any]:
    """Provenance of a result: substrate, board, statistics of its link and clock, electrodes."""
    board = link.capabilities
    firmware = {"name": board.firmware, "version": board.firmware_version}
    identity = {
        "port": port,
        "uid": board.uid,
        "firmware": firmware,
        "boot": f"{link.welcome.boot:016x}",
        "chips": [chip.name for chip in board.chips],
        "sample_rate": board.sample_rate,
        "simulated": Capability.SIMULATED in board.capabilities,
    }
    counts = link.statistics.as_dict()
    bound = link.clock.bound if link.clock.ready else None
    return {
        "substrate": (substrate.name or "").lower(),
        "board": identity,
        "link": counts,
        "clock": {"hertz": board.clock_hz, "bound_s": bound, "jumps": link.clock.jumps},
        "electrodes": electrodes,
        **live.facts(),
    }


def failure(ended: RunEnded, verified: Verified) -> Diagnostic:
    """The diagnostic of a run that failed on the board, at its place in the program."""
    instructions = verified.program.instructions
    span = instructions[ended.place].span if ended.place != NOWHERE and ended.place < len(instructions) else None
    code = ended.code if ended.code in CODES else "B514"
    return Diagnostic(code, ended.text or "the run failed on the board", span)
