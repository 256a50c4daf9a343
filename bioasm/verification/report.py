"""Formatting of a Report as aligned lines and as a JSON object."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from bioasm.drivers.describe import unit_of
from bioasm.isa.limits import limit
from bioasm.units import Dimension
from bioasm.verification.add_recorders import recorded, state_variables
from bioasm.verification.deviations import Row
from bioasm.verification.statistics import Comparison
from bioasm.verification.verify import Report
from bioasm.verifier.gate import Verified

_CLOCK = ("import", "build", "codegen", "run")


def to_text(report: Report) -> str:
    """The report as aligned lines."""
    parts = [_head(report)]
    if report.comparisons:
        parts.append(_aligned([("", "mean", "mean", "p"), *map(_compared, report.comparisons)]))
    else:
        parts.append(_aligned([("", "largest deviation", "of", "over tolerance"), *_deviations(report, report.rows)]))
    if report.whole:
        parts.append(_pieces(report))
    if unrecorded(report):
        parts.append(f"{unrecorded(report)} further state variables were not recorded; {limit('recorders')} can be at a time")
    return "\n".join([*parts, _clock(report), _verdict(report)]) + "\n"


def unrecorded(report: Report) -> int:
    """The number of state variables over the limit of recordings."""
    return len(state_variables(report.verified)) - len(recorded(report.verified))


def _head(report: Report) -> str:
    request, verified = report.request, report.verified
    lanes, seed = request.options.lanes, request.options.seed
    what = f"model {verified.model.name}, n {verified.n}, lanes {lanes}, seed {seed}"
    noise = (
        f"noise of their own, confidence {request.confidence:g}" if request.own_noise else f"tolerance {request.tolerance:g}"
    )
    return f"driver {request.driver} against {request.against}, {what}, {noise}"


def _aligned(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip() for row in rows)


def _deviations(report: Report, rows: list[Row]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        unit = unit_of(report.verified, row.name)
        if row.matched is not None:
            size, scale = f"{row.matched} matched, {row.missed} missed, {row.extra} extra", ""
        elif row.note and not row.within and not math.isfinite(row.deviation):
            size, scale = row.note, ""
        else:
            size, scale = f"{row.deviation:.2g} {unit}".strip(), f"{row.scale:.3g} {unit}".strip()
        yield row.name, size, scale, _passed(report, row)


def _passed(report: Report, row: Row) -> str:
    """The place and time at which the tolerance was first exceeded."""
    if row.within:
        return row.note
    clock = "sweeps" if report.verified.model.clock is Dimension.SWEEPS else "s"
    when = (
        f"from {row.time:.6g} {clock} on"
        if row.time is not None
        else f"from entry {row.entry} on"
        if row.entry is not None
        else ""
    )
    where = f"neuron {row.neuron}" if row.neuron is not None else ""
    lane = f"lane {row.lane}" if row.lane is not None and report.request.options.lanes > 1 else ""
    words = ", ".join(word for word in (when, where, lane) if word)
    return f"OUT {words}{f' ({row.note})' if row.note and math.isfinite(row.deviation) else ''}".rstrip()


def _compared(row: Comparison) -> tuple[str, ...]:
    first, second = (f"{mean:.6g}" for mean in row.means)
    p = "not compared" if not row.tests else "no variation" if row.p is None else f"{row.p:.3g}"
    return row.name, first, second, f"{p}{'' if row.agrees else f'  OUT ({row.what})'}"


def _pieces(report: Report) -> str:
    first = next(row for row in report.whole if not row.within)
    when = f" from {first.time:.6g} s on" if first.time is not None else ""
    names = [report.request.driver, report.request.against]
    leader, follower = names if report.follower is report.second else reversed(names)
    return (
        f"The runs as a whole part: {first.name} deviates{when}. The network magnifies rounding, so what stands above is from\n"
        f"{follower} following {leader} in pieces of {report.piece} steps, each from its state."
    )


def _clock(report: Report) -> str:
    names = (report.request.driver, report.request.against)
    rows: list[tuple[str, ...]] = [("took", *names)]
    for part in _CLOCK:
        found = [side.seconds.get(part) for side in (report.first, report.second)]
        rows.append((part, *("" if s is None else f"{s:.3g} s" for s in found)))
    return _aligned(rows)


def _verdict(report: Report) -> str:
    if report.status == "interrupted":
        return "interrupted"
    if report.comparisons:
        tests = sum(c.tests for c in report.comparisons)
        return (
            f"{'no difference' if report.agrees else 'DIFFERENT'} at confidence {report.request.confidence:g} ({tests} tests)"
        )
    if not report.agrees:
        return "OUT OF TOLERANCE"
    return "within tolerance, 0 deviating bits" if report.bits == 0 else "within tolerance"


# --- JSON -------------------------------------------------------------------------------------------


def to_object(report: Report) -> dict[str, Any]:
    """The report as plain dicts, lists and numbers; NaN and infinities become None."""
    from bioasm.binary.writer import program_hash

    request, verified = report.request, report.verified
    sides = {"driver": report.first, "against": report.second}
    return {
        "driver": request.driver,
        "against": request.against,
        "model": verified.model.name,
        "n": verified.n,
        "lanes": request.options.lanes,
        "seed": request.options.seed,
        "program_sha256": program_hash(verified.program),
        "noise": "own" if request.own_noise else "same",
        "status": report.status,
        "agrees": report.agrees if report.status == "finished" else None,
        "sampled_every": report.every,
        "unrecorded": unrecorded(report),
        **({"confidence": request.confidence} if request.own_noise else {"tolerance": request.tolerance}),
        "observables": [_row(verified, row) for row in report.rows],
        "statistics": [_statistic(row) for row in report.comparisons],
        "deviating_bits": report.bits,
        "piece": report.piece,
        "whole": [_row(verified, row) for row in report.whole],
        "timing": {name: side.seconds for name, side in sides.items()},
        "versions": {name: dict(side.result.versions) if side.result else {} for name, side in sides.items()},
    }


def _row(verified: Verified, row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {"name": row.name, "within": row.within, "unit": unit_of(verified, row.name)}
    found |= {"deviation": _finite(row.deviation), "scale": _finite(row.scale), "time": row.time, "entry": row.entry}
    found |= {"neuron": row.neuron, "lane": row.lane, "note": row.note}
    if row.matched is not None:
        found |= {"matched": row.matched, "missed": row.missed, "extra": row.extra}
    return found


def _statistic(row: Comparison) -> dict[str, Any]:
    means = [_finite(mean) for mean in row.means]
    return {"name": row.name, "agrees": row.agrees, "means": means, "p": row.p, "tests": row.tests, "differs_in": row.what}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
