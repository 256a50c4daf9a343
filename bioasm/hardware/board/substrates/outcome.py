"""The outcome of a run on the board, as the Result that every driver returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bioasm.diagnostics import Diagnostic
from bioasm.hardware.board.substrates.culture import CultureRun
from bioasm.hardware.board.substrates.twin import TwinRun
from bioasm.results.result import Result
from bioasm.runtime.outcome import Provenance, compose

DRIVER = "intan"
STATUS_WORDS = ("finished", "out of fuel", "interrupted", "failed")  # by RunStatus


def twin_result(run: TwinRun, about: Mapping[str, Any], found: tuple[Diagnostic, ...]) -> Result:
    """The Result of a run on the twin; the same numbers as the driver `cpu` gives."""
    source = _source(about, {"substrate": "twin"}, run.machine.lanes, run.machine.seconds)
    return compose(run.machine, source, STATUS_WORDS[about["status"]], found)


def culture_result(run: CultureRun, about: Mapping[str, Any], found: tuple[Diagnostic, ...]) -> Result:
    """The Result of a run on the culture: s from the last window, spikes of the neurons' electrodes."""
    source = _source(about, {**run.extras(), "substrate": "culture"})
    return compose(run.interpreter, source, STATUS_WORDS[about["status"]], found)


def _source(
    about: Mapping[str, Any], extras: Mapping[str, Any], lanes: int = 1, timing: Mapping[str, float] | None = None
) -> Provenance:
    told = {**about["extras"], **extras}
    return Provenance(DRIVER, about["seed"], lanes, timing or {}, extras=told, digest=about["sha256"])
