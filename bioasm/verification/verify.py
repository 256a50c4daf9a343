"""The comparison of two drivers on one program, from its first step to the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from numpy.typing import NDArray

from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.drivers import Observer, RunOptions
from bioasm.isa.program import ConstantRef, Quantity
from bioasm.network.references import DT
from bioasm.results import Result
from bioasm.runtime.dynamics import Guide
from bioasm.verification.add_recorders import instrumented, recorded, spacing, state_variables
from bioasm.verification.bits import deviating_bits
from bioasm.verification.deviations import Row, compare
from bioasm.verification.runs import DriverRun
from bioasm.verification.samples import samples
from bioasm.verification.statistics import Comparison, compare_samples
from bioasm.verification.tie_check import same_energy
from bioasm.verifier.gate import Verified, verify

PIECE = 100  # steps after which the following run is reset to the other's state

Array = NDArray[Any]


@dataclass(frozen=True)
class Request:
    """A request for a comparison. `driver_options` and `against_options` are passed to the two drivers' constructors."""

    driver: str
    against: str
    options: RunOptions
    tolerance: float = 1e-9
    own_noise: bool = False
    confidence: float = 0.999
    driver_options: Mapping[str, str] = field(default_factory=dict)
    against_options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The findings of a comparison. `rows` are deviations on the same noise, `comparisons` statistics on each side's own noise.

    Where a network magnifies rounding until nothing can be compared, `whole` holds the rows of the runs as a whole, and `rows`
    those of the follower beginning again from the other side's state every `piece` steps. `bits` is how many bits of the two
    results differ, None where they have other numbers of values, or noise of their own.
    """

    request: Request
    verified: Verified
    first: DriverRun
    second: DriverRun
    rows: list[Row] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)
    whole: list[Row] = field(default_factory=list)
    piece: int | None = None
    every: int = 1
    bits: int | None = None

    @property
    def agrees(self) -> bool:
        """Whether all deviations are within tolerance, or all statistics agree."""
        return all(row.within for row in self.rows) and all(c.agrees for c in self.comparisons)

    @property
    def follower(self) -> DriverRun | None:
        """The side that can follow the other's states, the reference where both can."""
        return next((side for side in (self.second, self.first) if side.driver.follows), None)

    @property
    def status(self) -> str:
        """`interrupted` where a side was interrupted, else `finished`."""
        results = [side.result for side in (self.first, self.second)]
        return "interrupted" if any(r is not None and r.status == "interrupted" for r in results) else "finished"


def verify_drivers(verified: Verified, request: Request, observer: Observer | None = None) -> Report:
    """Run a program on two drivers and compare. Raises BioasmError where a driver is unavailable or can't run it."""
    if request.own_noise and request.options.lanes < 2:
        text = "noise of their own is compared over lanes, and there is 1"
        raise error("B406", text, hint="64 are the default, and more tell smaller differences", exit_code=EXIT_USAGE)
    first = DriverRun.of(request.driver, request.driver_options, request.own_noise)
    try:
        second = DriverRun.of(request.against, request.against_options, request.own_noise)
        try:
            return _compared(verified, request, first, second, observer)
        finally:
            second.driver.disconnect()
    finally:
        first.driver.disconnect()


def _compared(verified: Verified, request: Request, first: DriverRun, second: DriverRun, observer: Observer | None) -> Report:
    watched, every = _watched(verified, request, first, second, observer)
    own = request.options
    a = first.run(watched, own, observer)
    # Drivers with their own noise share the seed of random connections.
    other = replace(own, seed=(own.seed + 1) % 2**64) if request.own_noise and not (first.draws or second.draws) else own
    b = second.run(watched, other, observer)
    report = Report(request, verified, first, second, every=every)
    if request.own_noise:
        mine, theirs = (_comparable(samples(result), verified, same=other is own) for result in (a, b))
        return replace(report, comparisons=compare_samples(mine, theirs, request.confidence))
    rows, report = _rows(verified, request, a, b), replace(report, bits=deviating_bits(a, b))
    if all(row.within for row in rows) or report.status != "finished":
        return replace(report, rows=rows)
    return _in_pieces(replace(report, rows=rows), watched, observer)


def _comparable(found: Mapping[str, Array], verified: Verified, *, same: bool) -> dict[str, Array]:
    """Samples without those of connections, unless both sides have the same ones."""
    owners = tuple(f"{p.name}." for p in verified.network.projections if p.synapse is not None and not same)
    return {name: values for name, values in found.items() if not any(word.startswith(owners) for word in name.split())}


def _rows(verified: Verified, request: Request, a: Result, b: Result) -> list[Row]:
    return compare(a, b, request.tolerance, same_energy(verified, a, b, request.tolerance))


def _watched(
    verified: Verified, request: Request, first: DriverRun, second: DriverRun, observer: Observer | None
) -> tuple[Verified, int]:
    """The instrumented program, and its sampling interval."""
    variables = recorded(verified)
    if not variables or not (first.has("record") and second.has("record")):
        return verified, 1
    step = _step_length(verified, request)
    every = spacing(verified, request.options.lanes, _steps(verified, request, first, observer))
    program = instrumented(verified, variables, every * step)
    return verify(program, request.options.parameters), every


def _step_length(verified: Verified, request: Request) -> float:
    """The length of a step in the model's clock, from constants and options; a value from a register is not known here."""
    dt = verified.model.parameter("dt")
    if dt is None:
        return 1.0
    given = [i.operands for i in verified.instructions if i.mnemonic == "SET"]
    for ref, value in given:
        if ref == verified.parameter(DT) and isinstance(value, Quantity | ConstantRef):
            return float(verified.program.quantity(value).value)
    return float(request.options.parameters.get("dt", dt.default))


def _steps(verified: Verified, request: Request, first: DriverRun, observer: Observer | None) -> int:
    """The number of steps, counted by a run of a `quick` driver; it determines the sampling interval."""
    if not first.driver.quick:
        return 0
    result = first.run(verified, request.options, observer)
    return result.steps


# --- networks that magnify rounding -------------------------------------------------------------------


def _in_pieces(report: Report, watched: Verified, observer: Observer | None) -> Report:
    """Piecewise comparison for chaotic networks: one side follows the other's states. Unchanged where that is impossible."""
    follower = report.follower
    if follower is None:
        return report
    leader = report.first if follower is report.second else report.second
    assert leader.result is not None and follower.result is not None
    states = {
        ref: leader.result.recordings[ref.word].values
        for ref in state_variables(report.verified)
        if ref.word in leader.result.recordings
    }
    if not states or leader.result.status == "failed" or report.verified.model.feedback is None and not _spikes(leader.result):
        return report
    piece = max(1, PIECE // report.every) * report.every
    free = follower.result
    follower.run(watched, replace(report.request.options, guide=Guide(states, piece, report.every)), observer)
    assert report.first.result is not None and report.second.result is not None
    rows = _rows(report.verified, report.request, report.first.result, report.second.result)
    if not all(row.within for row in rows):  # the deviation is no rounding: the complete runs are more informative
        follower.result = free
        return report
    return replace(report, rows=rows, whole=report.rows, piece=piece)


def _spikes(result: Result) -> bool:
    return bool(result.spikes.t.size)
