"""Deviations between two results on the same noise: one row for each comparable quantity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.results import Recording, Result, Spikes

Array = NDArray[Any]

_CLOCK = 1e-9  # relative tolerance of equal sample times


@dataclass(frozen=True, slots=True)
class Row:
    """One compared quantity.

    `deviation` is the largest absolute difference, in SI units, and `scale` the largest value of either side;
    within tolerance is what deviates by at most tolerance * scale. `time` is when that was first passed, in the model's
    clock, `entry` the first entry of a list that passed it, `neuron` and `lane` where the deviation is largest.
    """

    name: str
    within: bool
    deviation: float = 0.0
    scale: float = 0.0
    time: float | None = None
    entry: int | None = None
    neuron: int | None = None
    lane: int | None = None
    note: str = ""
    matched: int | None = None
    missed: int | None = None
    extra: int | None = None


def compare(first: Result, second: Result, tolerance: float, same_energy: Array | None = None) -> list[Row]:
    """All rows; `second` is the reference. `same_energy` (lanes,): lanes whose best states have equal energies."""
    rows = [_recording(name, first, second, tolerance) for name in _names(first, second)]
    if first.spikes.t.size or second.spikes.t.size:
        rows.append(spikes("spikes", first.spikes, second.spikes, second.seconds_per_step))
    rows += _events(first, second)
    rows.append(_trace(first.energy_trace, second.energy_trace, tolerance))
    for name in ("state", "energy", "best_energy", "spike_count"):
        rows.append(numbers(name, getattr(first, name), getattr(second, name), tolerance))
    rows.append(_best_state(first, second, same_energy))
    rows += _readings(first, second, tolerance)
    rows.append(_equal("steps", first.steps, second.steps))
    rows.append(_status(first.status, second.status))
    return [row for row in rows if row is not None]


def numbers(name: str, a: Any, b: Any, tolerance: float) -> Row:
    """The row of arrays (lanes, ...) or scalars."""
    a, b = np.atleast_1d(np.asarray(a, np.float64)), np.atleast_1d(np.asarray(b, np.float64))
    if a.shape != b.shape:
        return Row(name, False, np.inf, note=f"shapes {a.shape} and {b.shape}")
    distance, scale = _distance(a, b), _scale(a, b)
    if not distance.size:
        return Row(name, True)
    worst = np.unravel_index(int(distance.argmax()), distance.shape)
    place = dict(zip(("lane", "neuron"), (int(k) for k in worst), strict=False)) if a.ndim <= 2 else {}
    return Row(name, bool(distance.max() <= tolerance * scale), float(distance.max()), scale, **place)  # type: ignore[arg-type]


def _distance(a: Array, b: Array) -> Array:
    """Absolute differences; 0 between two NaN or equal infinities, infinite between these and other values."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
    apart = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, apart)
    return np.where(np.isnan(apart), np.inf, apart)


def _scale(a: Array, b: Array) -> float:
    both = np.abs(np.concatenate([a.ravel(), b.ravel()]))
    return float(both[np.isfinite(both)].max(initial=0.0))


# --- over time --------------------------------------------------------------------------------------


def _names(first: Result, second: Result) -> list[str]:
    return list(dict.fromkeys([*second.recordings, *first.recordings]))


def _recording(name: str, first: Result, second: Result, tolerance: float) -> Row:
    if name not in first.recordings or name not in second.recordings:
        return Row(name, False, np.inf, note="recorded by one side only")
    a, b = first.recordings[name], second.recordings[name]
    if a.values.shape != b.values.shape:
        return Row(name, False, np.inf, note=f"{a.values.shape[1]} samples and {b.values.shape[1]}")
    if not np.array_equal(a.neurons, b.neurons):
        return Row(name, False, np.inf, note="samples of other neurons")
    if not np.allclose(a.t, b.t, rtol=_CLOCK, atol=0.0):
        return Row(name, False, np.inf, note="samples at other times")
    return _samples(name, a, b, tolerance)


def _samples(name: str, a: Recording, b: Recording, tolerance: float) -> Row:
    distance, scale = _distance(a.values, b.values), _scale(a.values, b.values)
    if not distance.size:
        return Row(name, True)
    lane, _, neuron = np.unravel_index(int(distance.argmax()), distance.shape)
    passed = np.flatnonzero((distance > tolerance * scale).any(axis=(0, 2)))
    time = float(b.t[passed[0]]) if passed.size else None
    whom = int(b.neurons[neuron])
    return Row(name, not passed.size, float(distance.max()), scale, time=time, neuron=whom, lane=int(lane))


def _trace(a: Array, b: Array, tolerance: float) -> Row:
    if a.shape != b.shape:
        return Row("energy_trace", False, np.inf, note=f"{a.shape[1]} entries and {b.shape[1]}")
    distance, scale = _distance(a, b), _scale(a, b)
    if not distance.size:
        return Row("energy_trace", True)
    passed = np.flatnonzero((distance > tolerance * scale).any(axis=0))
    lane, _ = np.unravel_index(int(distance.argmax()), distance.shape)
    entry = int(passed[0]) if passed.size else None
    return Row("energy_trace", not passed.size, float(distance.max()), scale, entry=entry, lane=int(lane))


def spikes(name: str, a: Spikes, b: Spikes, step: float) -> Row:
    """Matched spikes (same step on both sides), missed ones (only in the reference), and extra ones."""
    ours, theirs = _keys(a, step), _keys(b, step)
    missed, extra = theirs - ours, ours - theirs
    apart = sorted(missed | extra, key=lambda key: key[1])
    time = apart[0][1] * step if apart else None
    counted = Row(name, not apart, matched=(ours & theirs).total(), missed=missed.total(), extra=extra.total())
    return replace(counted, time=time, lane=apart[0][0], neuron=apart[0][2]) if apart else counted


def _events(first: Result, second: Result) -> Iterator[Row]:
    """Rows of the events recorded on either side."""
    for name in dict.fromkeys([*second.events, *first.events]):
        if name in first.events and name in second.events:
            yield spikes(name, first.events[name], second.events[name], second.seconds_per_step)
        else:
            yield Row(name, False, np.inf, note="recorded by one side only")


def _keys(spikes: Spikes, step: float) -> Counter[tuple[int, int, int]]:
    steps = np.rint(spikes.t / step).astype(np.int64).tolist()
    return Counter(zip(spikes.lane.tolist(), steps, spikes.i.tolist(), strict=True))


# --- at the end -------------------------------------------------------------------------------------


def _best_state(first: Result, second: Result, same_energy: Array | None) -> Row:
    if first.best_state.shape != second.best_state.shape:
        return Row("best_state", False, np.inf, note="another shape")
    apart = (first.best_state != second.best_state).any(axis=1)
    if not apart.any():
        return Row("best_state", True)
    lanes = np.flatnonzero(apart)
    if same_energy is not None and same_energy[lanes].all():
        return Row("best_state", True, lane=int(lanes[0]), note=f"other states of the same energy in {lanes.size} lanes")
    return Row("best_state", False, 1.0, 1.0, lane=int(lanes[0]), note=f"other states in {lanes.size} lanes")


def _readings(first: Result, second: Result, tolerance: float) -> Iterator[Row]:
    """Deviations of readings of RD and OUT, one row a name."""
    what = [r.what for r in second.results]
    if [r.what for r in first.results] != what:
        yield Row("results", False, np.inf, note=f"{len(first.results)} and {len(second.results)}, or in another order")
        return
    for name in dict.fromkeys(what):
        pairs = [(a.value, b.value) for a, b in zip(first.results, second.results, strict=True) if a.what == name]
        yield _reading(f"results: {name}", pairs, tolerance, second.seconds_per_step)


def _reading(name: str, pairs: list[tuple[Any, Any]], tolerance: float, step: float) -> Row:
    rows = [_one_reading(name, a, b, tolerance, step) for a, b in pairs]
    out = [k for k, row in enumerate(rows) if not row.within]
    worst = rows[out[0]] if out else max(rows, key=lambda row: row.deviation)
    entry = out[0] if out and len(rows) > 1 else None
    return Row(name, not out, worst.deviation, worst.scale, worst.time, entry, note=worst.note)


def _one_reading(name: str, a: Any, b: Any, tolerance: float, step: float) -> Row:
    if isinstance(a, Spikes) and isinstance(b, Spikes):
        return spikes(name, a, b, step)
    return numbers(name, a, b, tolerance)


def _status(a: str, b: str) -> Row:
    row = _equal("status", a, b)
    return replace(row, note=f"{a} on both sides") if row.within and a != "finished" else row


def _equal(name: str, a: Any, b: Any) -> Row:
    return Row(name, a == b, note="" if a == b else f"{a} and {b}")
