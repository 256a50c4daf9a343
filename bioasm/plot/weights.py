"""Plots of distributions of weights or other states of a projection's synapses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.plot.style import BLUE, ORANGE, scale_of, which_lane, with_unit
from bioasm.results import Result

_BINS = 50
_SHOWN = 4  # most projections


def shown(result: Result, lane: int) -> dict[str, NDArray[np.float64]]:
    """The first values of connections in a lane of a result, by name: the last readings, else the last samples."""
    of = result.about.get("connections", {})
    found = {name: one.values[lane, -1] for name, one in result.recordings.items() if name in of and one.values.size}
    found |= {one.what: np.asarray(one.value)[lane] for one in result.results if one.what in of and not np.isscalar(one.value)}
    finite = {name: np.asarray(values[np.isfinite(values)], np.float64) for name, values in found.items()}
    return dict([(name, values) for name, values in finite.items() if values.size][:_SHOWN])


def draw_weights(figure: Any, result: Result, lane: int) -> None:
    """Plot stacked histograms with their means."""
    found = shown(result, lane)
    rows = figure.subplots(len(found), 1, squeeze=False)[:, 0]
    for axes, (name, values) in zip(rows, found.items(), strict=True):
        factor, unit = scale_of(values, result.about["connections"][name])
        axes.hist(values * factor, bins=_BINS, color=BLUE)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.axvline(values.mean() * factor, color=ORANGE, lw=1.2, label=f"mean {values.mean() * factor:.4g} {unit}".strip())
        title = f"{name} of {len(values):,} connections{which_lane(result, lane)}"
        axes.set(xlabel=with_unit(name, unit), ylabel="connections", title=title)
        axes.legend(loc="best")


def alt_weights(result: Result, lane: int) -> str:
    """Alternative text: the range of the values, and the shares near their extremes."""
    parts = []
    for name, values in shown(result, lane).items():
        unit = result.about["connections"][name]
        low, high = float(values.min()), float(values.max())
        tenth = (high - low) / 10
        parts.append(f"{name} of {len(values):,} connections from {low:.4g} to {high:.4g}{f' {unit}' if unit else ''}, mean "
                     f"{values.mean():.4g}, {np.mean(values <= low + tenth):.0%} in the lowest tenth of this range and "
                     f"{np.mean(values >= high - tenth):.0%} in the highest")  # fmt: skip
    return f"Histogram: {'; '.join(parts)}."
