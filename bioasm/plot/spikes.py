"""Plots of spikes and events: raster with population rate, and histogram of interspike intervals (ISI)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.plot.style import BLUE, GREEN, GREY, MANY, ORANGE, PINK, VIOLET, scale_of, which_lane, with_unit
from bioasm.results import Result, Spikes

_BINS = 200
_ISI_BINS = 60
_FEW = 60  # most neurons with visible rows
_BELOW, _LOWER = 0.4, 0.5  # offset of the last event below spikes, in rows, and height of events' marks
_EVENT_COLORS = (ORANGE, GREEN, PINK, VIOLET)


def draw_raster(figure: Any, result: Result, lane: int) -> None:
    """Raster plot of spikes, with recorded events in other colours; below, the mean firing rate."""
    t, i = _of_lane(result.spikes, lane)
    factor, unit = scale_of([result.time], result.clock_unit)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    _mark(above, result, t * factor, i, BLUE, z=3)
    _mark_events(above, result, lane, factor)
    above.yaxis.get_major_locator().set_params(integer=True)
    above.set(ylabel="neuron", ylim=(-0.6, result.n - 0.4), title=f"{len(t):,} spikes{which_lane(result, lane)}")
    edges = np.linspace(0.0, max(result.time, 1e-12), _BINS + 1)
    counts = np.histogram(t, edges)[0] / np.diff(edges) / max(1, result.n)
    below.stairs(counts, edges * factor, fill=True, color=GREY)
    below.set(xlabel=with_unit("time", unit), ylabel="rate (Hz)" if unit.endswith("s") and unit != "sweeps" else "rate",
              xlim=(0.0, result.time * factor))  # fmt: skip


def _mark(axes: Any, result: Result, x: Any, y: Any, color: str, z: int, share: float = 1.0, label: str | None = None) -> None:
    """Marks of one colour: for few neurons lines of `share` of the row height, else dots."""
    few = result.n <= _FEW
    size = 6 * share if few else max(0.6, min(4.0, 240 / max(1, result.n)))
    axes.plot(x, y, "|" if few else ".", ms=size, mew=0.8, mec=color, mfc=color, ls="", zorder=z, label=label,
              rasterized=len(x) > MANY)  # fmt: skip


def _mark_events(axes: Any, result: Result, lane: int, factor: float) -> None:
    """Marks of events: for few neurons below their spikes, each at its own height; else behind the spikes."""
    for k, (name, times) in enumerate(result.events.items()):
        t, i = _of_lane(times, lane)
        lower = _BELOW * (k + 1) / len(result.events) if result.n <= _FEW else 0.0
        label, color = f"{name} ({len(t):,})", _EVENT_COLORS[k % len(_EVENT_COLORS)]
        _mark(axes, result, t * factor, i - lower, color, z=2, share=_LOWER, label=label)
    if result.events:
        look = {"markerscale": 2.0, "handletextpad": 0.1, "borderaxespad": 0.2}
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, **look)


def alt_raster(result: Result, lane: int) -> str:
    """Alternative text of the raster."""
    t, i = _of_lane(result.spikes, lane)
    rate = len(t) / max(1, result.n) / result.time if result.time else 0.0
    return (f"Spike raster: {len(t):,} spikes of {len(np.unique(i)):,} of {result.n:,} neurons in {result.time:.4g} "
            f"{result.clock_unit}, {rate:.3g} per neuron and {_one(result)} on average."
            + "".join(_event_in_words(name, *_of_lane(times, lane)) for name, times in result.events.items()))  # fmt: skip


def _event_in_words(name: str, t: NDArray[np.float64], i: NDArray[np.int64]) -> str:
    found = len(np.unique(i))
    return f" Event {name}: {len(t):,} times in {found:,} neuron{'s' if found != 1 else ''}."


def intervals(result: Result, lane: int) -> NDArray[np.float64]:
    """All interspike intervals."""
    t, i = _of_lane(result.spikes, lane)
    order = np.lexsort((t, i))
    apart, same = np.diff(t[order]), np.diff(i[order]) == 0
    return np.asarray(apart[same], np.float64)


def variation(found: NDArray[np.float64]) -> float:
    """Coefficient of variation (CV) of intervals: 0 for a clock, 1 for a Poisson process."""
    return float(found.std() / found.mean()) if len(found) else float("nan")


def draw_isi(figure: Any, result: Result, lane: int) -> None:
    """Plot the histogram of interspike intervals with their mean."""
    found = intervals(result, lane)
    factor, unit = scale_of(found, result.clock_unit)
    axes = figure.subplots()
    axes.hist(found * factor, bins=_ISI_BINS, color=BLUE)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.axvline(found.mean() * factor, color=ORANGE, lw=1.2, label=f"mean {found.mean() * factor:.4g} {unit}")
    title = f"{len(found):,} intervals, coefficient of variation {variation(found):.3g}{which_lane(result, lane)}"
    axes.set(xlabel=with_unit("interval between spikes", unit), ylabel="count", title=title)
    axes.legend(loc="upper right")


def alt_isi(result: Result, lane: int) -> str:
    """Alternative text of the histogram."""
    found = intervals(result, lane)
    return (f"Histogram of {len(found):,} intervals between spikes: mean {found.mean():.4g} {result.clock_unit}, "
            f"from {found.min():.4g} to {found.max():.4g}, coefficient of variation {variation(found):.3g}.")  # fmt: skip


def _of_lane(times: Spikes, lane: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    mine = times.lane == lane
    return times.t[mine], times.i[mine]


def _one(result: Result) -> str:
    return "sweep" if result.counts_sweeps else "s"
