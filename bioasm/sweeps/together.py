"""Batching of sweep points as lanes of one run: whether a program allows it, the joint run, and the split of its Result.

Each point is a copy of the lanes, with the same noise, and differs from others in values of the lanes' own. So its part of the
Result is byte-identical to the Result of the point alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from bioasm.binary.writer import program_hash
from bioasm.demand.footprint import demand
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions
from bioasm.drivers.describe import described
from bioasm.drivers.interpreted import told_lanes
from bioasm.isa.program import Program
from bioasm.results import Result
from bioasm.results.piece import Trace
from bioasm.results.result import ALONG_LANES, Spikes
from bioasm.runtime.options import LaneSpan, with_formulas
from bioasm.settings import LaneSettings, program_with_lanes, verified_program
from bioasm.sweeps.merge import ENDED_ALIKE, outputs
from bioasm.sweeps.plan import BLOCK, Plan
from bioasm.verifier.gate import Verified
from bioasm.verifier.lane_values import check_lane_values
from bioasm.verifier.lanes import check_separable

_FEW_CELLS = 64  # most neurons in all lanes of a point for which vectors over points are faster than over neurons
_SHORT = 0.05  # longest run in s whose overhead before and after is relevant


class Part(NamedTuple):
    """A point of a joint run: its verified program, and its parameters."""

    verified: Verified
    parameters: dict[str, float]


def apart(plan: Plan, program: Program, by_lane: bool, refusal: str) -> str:
    """The reason why points of a sweep are separate runs; empty where several can share one.

    `by_lane` is whether the driver supports values of the lanes' own, `refusal` is from `side_by_side`.
    """
    if all(len(values) == 1 for values in plan.axes.values()):
        return "it has one combination of values"
    if not by_lane:
        return f"driver {plan.driver} gives all lanes the same values"
    if plan.pieces > 1:
        return "each is cut into pieces"
    if 2 * plan.lanes > BLOCK:
        return f"{plan.lanes} lanes fill the vector units"
    return refusal or _no_gain(plan, program)


def _no_gain(plan: Plan, program: Program) -> str:
    """The reason why a joint run would not be faster: vectors are full, and runs take longer than their overhead."""
    verified, _ = verified_program(program, {name: values[0] for name, values in plan.axes.items()})
    cells = verified.n * plan.lanes
    short = demand(verified, plan.lanes, fuel=plan.fuel).work.seconds < _SHORT
    return "" if short or cells <= _FEW_CELLS else f"{cells} neurons fill the vector units"


def side_by_side(program: Program, axes: Mapping[str, tuple[str, ...]]) -> str:
    """The first reason why points can't share a run, as a message; empty where they can, and all values are valid."""
    try:
        chosen = program_with_lanes(program, {}, axes)
        check_lane_values(chosen.verified, chosen.by_lane.constants, chosen.by_lane.parameters)
        check_separable(chosen.verified)
    except BioasmError as refused:
        found = refused.diagnostics[0]
        return (f"line {found.span.line}: " if found.span is not None else "") + found.message
    return ""


def settings_of(program: Program, points: Sequence[dict[str, str]], lanes: int) -> LaneSettings:
    """The program with values of the lanes' own: each point's, repeated for its lanes."""
    names = points[0]
    return program_with_lanes(program, {}, {name: tuple(p[name] for p in points for _ in range(lanes)) for name in names})


def in_parts(whole: Result, of: Verified, parts: Sequence[Part], options: RunOptions) -> list[Result] | None:
    """Split a joint Result into those of its points; None where the end or a finding may not apply to all of them."""
    if whole.status not in ENDED_ALIKE or whole.piece is None or tuple(whole.diagnostics) != tuple(of.warnings):
        return None
    each = whole.lanes // len(parts)
    return [_part(whole, part, slice(k * each, (k + 1) * each), options) for k, part in enumerate(parts)]


def _part(whole: Result, part: Part, lanes: slice, options: RunOptions) -> Result:
    verified, count = part.verified, lanes.stop - lanes.start
    fields: dict[str, Any] = {name: np.ascontiguousarray(getattr(whole, name)[lanes]) for name in ALONG_LANES}
    fields["recordings"] = {
        name: replace(one, values=np.ascontiguousarray(one.values[lanes])) for name, one in whole.recordings.items()
    }
    fields["events"] = {name: _spikes(times, lanes) for name, times in whole.events.items()}
    fields |= {"spikes": _spikes(whole.spikes, lanes), "results": tuple(_readings(whole, lanes)), "lanes": count}
    values = with_formulas(verified.program, LaneSpan(0, count, count)).constants
    own = RunOptions(options.seed, count, fuel=options.fuel, parameters=part.parameters, lane_constants=values)
    fields |= {"program_sha256": program_hash(verified.program), "diagnostics": verified.warnings, "extras": told_lanes(own)}
    return described(replace(whole, piece=None, about={}, metadata=dict(verified.program.metadata), **fields), verified, own)


def _spikes(spikes: Spikes, lanes: slice) -> Spikes:
    mine = (spikes.lane >= lanes.start) & (spikes.lane < lanes.stop)
    return Spikes(spikes.t[mine], spikes.i[mine], spikes.lane[mine] - lanes.start)


def _readings(whole: Result, lanes: slice) -> Iterator[Any]:
    """The readings of some lanes: those of RD, and those of OUT recomputed from these lanes alone."""
    assert whole.piece is not None
    trace: Trace = whole.piece.trace
    emitted = outputs(replace(trace, values=trace.values[:, lanes]))
    for at, reading in enumerate(whole.results):
        value = reading.value
        if isinstance(value, Spikes):
            value = _spikes(value, lanes)
        elif isinstance(value, np.ndarray):
            value = np.ascontiguousarray(value[lanes])
        yield replace(reading, value=emitted.get(at, value))
