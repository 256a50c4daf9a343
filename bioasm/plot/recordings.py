"""Plots of recorded variables: traces over time with the threshold, and phase planes."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioasm.plot.style import GREEN, MANY, ORANGE, reduced, scale_of, which_lane, with_unit
from bioasm.results import Recording, Result

VARIABLES, NEURONS = 4, 6  # most variables, and most neurons of each


def shown(result: Result) -> list[tuple[str, Recording]]:
    """The first nonempty recordings."""
    return [(name, one) for name, one in result.recordings.items() if one.t.size and one.values.size][:VARIABLES]


def draw_traces(figure: Any, result: Result, lane: int) -> None:
    """Plot traces of each recorded variable for some neurons, with the spike threshold."""
    found = shown(result)
    rows = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
    factor, clock = scale_of([result.time], result.clock_unit)
    for axes, (name, one) in zip(rows, found, strict=True):
        _draw_variable(axes, result, name, one, lane, factor)
    rows[-1].set_xlabel(with_unit("time", clock))


def _draw_variable(axes: Any, result: Result, name: str, one: Recording, lane: int, factor: float) -> None:
    scale, unit = scale_of(one.values[lane], result.about.get("units", {}).get(name, ""))
    chosen = one.neurons[:NEURONS]
    for column, neuron in enumerate(chosen):
        t, values = reduced(one.t * factor, one.values[lane, :, column] * scale)
        axes.plot(t, values, lw=0.9, label=f"neuron {neuron}", rasterized=len(t) > 4 * MANY)
    level = result.about.get("thresholds", {}).get(name)
    if level is not None:
        axes.axhline(level * scale, color="#8a8f98", lw=0.9, ls="--", label="threshold")
    more = f", {len(chosen)} of {len(one.neurons)} recorded neurons" if len(chosen) < len(one.neurons) else ""
    axes.set(ylabel=with_unit(name, unit), title=f"{name}{more}{which_lane(result, lane)}")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))


def alt_traces(result: Result, lane: int) -> str:
    """Alternative text of the traces."""
    parts = []
    for name, one in shown(result):
        values, unit = one.values[lane], result.about.get("units", {}).get(name, "")
        span = f"from {np.nanmin(values):.4g} to {np.nanmax(values):.4g} {unit}".strip()
        parts.append(f"{name} of {len(one.neurons):,} neurons {span}")
    return f"Traces over {result.time:.4g} {result.clock_unit}: {'; '.join(parts)}."


# --- the plane ---------------------------------------------------------------------------------------


def plane(result: Result, lane: int) -> tuple[tuple[str, str, Any], tuple[str, str, Any]]:
    """The axes of a phase plane, each with name, unit and values: two recordings of equal times, or one and its derivative."""
    (name, one), *others = shown(result)
    units = result.about.get("units", {})
    x = (name, units.get(name, ""), one.values[lane, :, 0])
    for other, two in others:
        if len(two.t) == len(one.t) and np.array_equal(two.t, one.t) and two.neurons[0] == one.neurons[0]:
            return x, (other, units.get(other, ""), two.values[lane, :, 0])
    unit = units.get(name, "")
    return x, (f"d{name}/dt", f"{unit or '1'}/{result.clock_unit}", np.gradient(x[2], one.t))


def draw_phase(figure: Any, result: Result, lane: int) -> None:
    """Plot the trajectory of one neuron in the phase plane, from a dot to a square."""
    axes = figure.subplots()
    (x, x_unit, along), (y, y_unit, up) = plane(result, lane)
    (fx, x_unit), (fy, y_unit) = scale_of(along, x_unit), scale_of(up, y_unit)
    axes.plot(along * fx, up * fy, lw=0.7, rasterized=len(along) > 4 * MANY)
    axes.plot(along[0] * fx, up[0] * fy, "o", color=GREEN, label="start")
    axes.plot(along[-1] * fx, up[-1] * fy, "s", color=ORANGE, label="end")
    neuron = shown(result)[0][1].neurons[0]
    axes.set(xlabel=with_unit(x, x_unit), ylabel=with_unit(y, y_unit), title=f"phase plane of neuron {neuron}")
    axes.legend(loc="best")


def alt_phase(result: Result, lane: int) -> str:
    """Alternative text of the phase plane."""
    (x, x_unit, along), (y, y_unit, up) = plane(result, lane)
    return (f"Phase plane: {x} from {along.min():.4g} to {along.max():.4g} {x_unit}, "
            f"{y} from {up.min():.4g} to {up.max():.4g} {y_unit}.")  # fmt: skip
