"""Plots of energies: traces with the noise schedule, histograms, and success probability over time with confidence bands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.plot.style import BLUE, CYCLE, GREY, ORANGE, reduced, scale_of, with_unit
from bioasm.results import Result
from bioasm.results.success import Tries, first_hits, tolerance, wilson

Named = Sequence[tuple[str, Result]]
Array = NDArray[Any]
_LANES = 12  # most lanes with their own traces
_BARS = 60
_OF_ACTIVITY = "lines are of the activity over time, the best of states that were kept"


def lowest(result: Result) -> float:
    """The lowest best energy of the run, else the minimum of its traces."""
    best = result.best_energy[np.isfinite(result.best_energy)]
    seen = best if len(best) else _finite(result.energy_trace)
    return float(min(seen)) if len(seen) else float("nan")


def traces_kept_states(result: Result) -> bool:
    """Whether the energy trace is of discrete states as in `best_state`, not of activities between 0 and 1.

    Spins may see a lower energy between two entries of the trace; where a membrane does, the entries are of activities.
    """
    apart = _lowest_of_lanes(result) - result.best_energy
    unlike = apart if result.counts_sweeps else -np.abs(apart)
    return not bool((unlike < -tolerance(result.best_energy)).any())


def _lowest_of_lanes(result: Result) -> Array:
    trace = result.energy_trace
    return np.asarray(np.fmin.reduce(trace, axis=1, initial=np.inf))


def unknown_hits(result: Result, target: float) -> str:
    """The reason why times to target are unknown, empty where known: the trace must reach the energies of `best`."""
    limit = target + float(tolerance(np.asarray(target)))
    kept, traced = result.best_energy <= limit, _lowest_of_lanes(result) <= limit
    if traces_kept_states(result) and np.array_equal(kept, traced):
        return ""
    told = f"{int(kept.sum())} of {result.lanes} lanes kept a state of at most {target:.10g} (best_energy)"
    return f"the energies over time are not those of the states that are kept: {told}, and when is not known"


def _finite(trace: Array) -> Array:
    return np.asarray([np.nanmin(trace)]) if trace.size and np.isfinite(trace).any() else np.zeros(0)


def running_best(trace: Array) -> Array:
    """Running minimum of the energy of each lane."""
    return np.asarray(np.fmin.accumulate(trace, axis=1))


# --- the fall of the energy --------------------------------------------------------------------------


def draw_energy(figure: Any, named: Named) -> None:
    """Plot energy traces of lanes and running minima; below, the noise schedule if it is known."""
    _, first = named[0]
    noise = first.about.get("noise") if len(named) == 1 else None
    rows = figure.subplots(2 if noise else 1, 1, sharex=True, squeeze=False, height_ratios=[3, 1] if noise else [1])[:, 0]
    factor, unit = scale_of([max(result.time for _, result in named)], first.clock_unit)
    for place, (label, result) in enumerate(named):
        _draw_fall(rows[0], result, factor, CYCLE[place % len(CYCLE)], label if len(named) > 1 else "")
    best = min(lowest(result) for _, result in named)
    rows[0].axhline(best, color=ORANGE, lw=0.9, ls="--", label=f"best state {best:.10g}", zorder=0)
    rows[0].set(ylabel="energy", title=_title(named), xlim=(0.0, max(result.time for _, result in named) * factor * 1.01))
    rows[0].legend(loc="upper right")
    if noise:
        _draw_noise(rows[1], first, noise, factor)
    rows[-1].set_xlabel("sweeps" if unit == "sweeps" else with_unit("time", unit))


def _title(named: Named) -> str:
    return "energy" if _kept(named) else f"energy: {_OF_ACTIVITY}"


def _kept(named: Named) -> bool:
    return all(traces_kept_states(result) for _, result in named)


def _draw_fall(axes: Any, result: Result, factor: float, color: str, label: str) -> None:
    t = result.trace_times * factor
    if not label:
        for lane in range(min(result.lanes, _LANES)):
            name = None if lane else "of a lane"
            axes.plot(*reduced(t, result.energy_trace[lane]), color=GREY, lw=0.5, alpha=0.6, label=name)
    best = running_best(result.energy_trace).min(axis=0)
    axes.plot(*reduced(t, best), color=color, lw=1.4, drawstyle="steps-post", label=label or "lowest so far")


def _draw_noise(axes: Any, result: Result, noise: dict[str, Any], factor: float) -> None:
    t, level = np.asarray(noise["t"]), np.asarray(noise["level"])
    scale, unit = scale_of(level, noise.get("unit", ""))
    axes.plot([*(t * factor), result.time * factor], [*(level * scale), level[-1] * scale], drawstyle="steps-post", color=BLUE)
    positive = level[level > 0]
    if len(positive) == len(level) and positive.max() > 30 * positive.min():
        axes.set_yscale("log")
    axes.set_ylabel(with_unit("noise" if unit else "temperature", unit))


def alt_energy(named: Named) -> str:
    """Alternative text of the energy plot."""
    parts = []
    for label, result in named:
        start = f"from {np.nanmean(result.energy_trace[:, 0]):.6g} " if result.energy_trace.size else ""
        of = f"{label}: " if len(named) > 1 else ""
        lanes = f" in {result.lanes} lanes" if result.lanes > 1 else ""
        over = f"over {result.time:.6g} {result.clock_unit}{lanes}"
        parts.append(f"{of}energy {start}to a lowest of {lowest(result):.10g} {over}")
    return f"Energy over time, {'; '.join(parts)}.{'' if _kept(named) else f' The {_OF_ACTIVITY}.'}"


# --- histogram ---------------------------------------------------------------------------------------


def energies_of(result: Result) -> tuple[Array, str]:
    """The best energies of lanes; for one lane its energy trace."""
    best = result.best_energy[np.isfinite(result.best_energy)]
    if result.lanes > 1 and len(best):
        return best, "lanes"
    trace = result.energy_trace[np.isfinite(result.energy_trace)]
    return trace, "sweeps" if result.counts_sweeps else "entries"


def draw_histogram(figure: Any, named: Named) -> None:
    """Plot the histogram of best energies, or of a single lane's trace."""
    axes = figure.subplots()
    every = np.concatenate([energies_of(result)[0] for _, result in named])
    distinct = np.unique(np.round(every, 9))
    edges = _edges(distinct) if len(distinct) <= _BARS else np.linspace(every.min(), every.max(), _BARS + 1)
    for place, (label, result) in enumerate(named):
        values, what = energies_of(result)
        color = CYCLE[place % len(CYCLE)]
        alpha = 1.0 if len(named) == 1 else 0.55
        axes.hist(values, edges, rwidth=0.9, color=color, alpha=alpha, label=f"{label}: {len(values):,} {what}")
    what = energies_of(named[0][1])[1]
    axes.yaxis.get_major_locator().set_params(integer=True)
    if len(distinct) == 1:
        axes.set_xlim(distinct[0] - 5, distinct[0] + 5)
    axes.set(xlabel="best energy of a lane" if what == "lanes" else "energy", ylabel=f"number of {what}", title="energies")
    if len(named) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))  # next to the bars


def _edges(distinct: Array) -> Array:
    """Bin edges: one bin for each of a few distinct values, unless bins would be too narrow."""
    apart = float(np.diff(distinct).min()) if len(distinct) > 1 else 1.0
    count = round((distinct[-1] - distinct[0]) / apart) if len(distinct) > 1 else 0
    if count > _BARS:
        return np.linspace(distinct[0], distinct[-1], _BARS + 1)
    return np.linspace(distinct[0] - apart / 2, distinct[-1] + apart / 2, count + 2)


def alt_histogram(named: Named) -> str:
    """Alternative text of the histogram."""
    parts = []
    for label, result in named:
        values, what = energies_of(result)
        at_best = int((values <= values.min() + float(tolerance(values.min()))).sum())
        of = f"{label}: " if len(named) > 1 else ""
        span = f"energies {values.min():.10g} to {values.max():.10g}"
        parts.append(f"{of}{len(values):,} {what}, {span}, {at_best:,} at the lowest")
    return f"Histogram of energies: {'; '.join(parts)}."


# --- success -----------------------------------------------------------------------------------------


def target_of(named: Named, target: float | None) -> float:
    """The target energy: the given one, or the lowest in a trace of any of the runs."""
    if target is not None:
        return target
    return float(min(np.nanmin(result.energy_trace) for _, result in named))


def draw_success(figure: Any, named: Named, target: float | None) -> None:
    """Plot the share of lanes that have reached the target over time, with Wilson intervals of 95 %."""
    goal = target_of(named, target)
    draw_shares(figure.subplots(), _tries(named, goal), "lanes", goal)


def draw_shares(axes: Any, named: Sequence[tuple[str, Tries]], what: str, goal: float) -> None:
    """Plot the share of tries that have reached a target over time, with Wilson intervals of 95 %."""
    factor, unit = scale_of([max(tries.end for _, tries in named)], named[0][1].unit)
    for place, (label, tries) in enumerate(named):
        hits, all_of_them = np.sort(tries.hits), len(tries.hits)
        times = np.unique(np.concatenate([[0.0], hits[np.isfinite(hits)], [tries.end]]))
        count = np.searchsorted(hits, times, side="right")
        low, high = wilson(count, all_of_them)
        color = CYCLE[place % len(CYCLE)]
        axes.fill_between(times * factor, low, high, step="post", color=color, alpha=0.2, lw=0)
        axes.plot(times * factor, count / all_of_them, drawstyle="steps-post", color=color,
                  label=f"{label}: {count[-1]} of {all_of_them} {what}")  # fmt: skip
    axes.set(xlabel="sweeps" if unit == "sweeps" else with_unit("time", unit), ylabel=f"share of {what}", ylim=(-0.02, 1.02),
             title=f"energy of at most {goal:.10g} seen, with 95 % confidence (Wilson)")  # fmt: skip
    axes.legend(loc="best")


def alt_success(named: Named, target: float | None) -> str:
    """Alternative text of the success plot."""
    goal = target_of(named, target)
    return alt_shares(_tries(named, goal), "lanes", goal)


def _tries(named: Named, goal: float) -> list[tuple[str, Tries]]:
    return [(label, Tries(first_hits(one, goal), one.time, one.clock_unit, 0.0)) for label, one in named]


def alt_shares(named: Sequence[tuple[str, Tries]], what: str, goal: float) -> str:
    """Alternative text of shares of tries over time."""
    parts = []
    for label, tries in named:
        reached, total = int(np.isfinite(tries.hits).sum()), len(tries.hits)
        low, high = wilson(np.array(reached), total)
        parts.append(f"{label}: {reached} of {total} {what} (95 % confidence {float(low):.3g} to {float(high):.3g})")
    return f"Share of {what} that saw an energy of at most {goal:.10g} over time; at the end {'; '.join(parts)}."
