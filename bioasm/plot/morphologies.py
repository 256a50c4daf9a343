"""Plots of morphologies: the shape of a cell, coloured by a variable of its CVs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bioasm.plot.style import scale_of, which_lane, with_unit
from bioasm.results import Result

_WIDTHS = 0.8, 14.0  # widths in points of the thinnest and the thickest line


class Shown(NamedTuple):
    """A variable of the CVs of the first cell, its unit, its time, and the strokes of the shape."""

    name: str
    values: NDArray[np.float64]
    unit: str
    time: str
    strokes: NDArray[np.float64]


def shown(result: Result, lane: int) -> Shown | None:
    """The last reading of a cell's CVs, else the last samples of all of them; None without any."""
    for name, about in result.about.get("cells", {}).items():
        strokes = np.array(about["strokes"], np.float64).reshape(-1, 6)
        read = [one.value for one in result.results if one.what == name]
        if read:
            values, time = np.asarray(read[-1])[lane], ""
        elif name in result.recordings and result.recordings[name].values.shape[2] == about["cvs"] * about["cells"]:
            one = result.recordings[name]
            values, time = one.values[lane, -1], f" at {one.t[-1]:.4g} {result.clock_unit}"
        else:
            continue
        return Shown(name, values.reshape(about["cvs"], about["cells"])[:, 0], about["unit"], time, strokes)
    return None


def draw_cell(figure: Any, result: Result, lane: int) -> None:
    """Plot each frustum of the first cell as a line of its thickness, coloured by its CV."""
    from matplotlib.collections import LineCollection

    found = shown(result, lane)
    assert found is not None
    factor, unit = scale_of(found.values, found.unit)
    axes, strokes = figure.subplots(), found.strokes
    lines = LineCollection(
        list(strokes[:, :4].reshape(-1, 2, 2)), linewidths=np.clip(strokes[:, 4], *_WIDTHS), cmap="viridis", capstyle="butt"
    )
    lines.set_array(found.values[strokes[:, 5].astype(int)] * factor)
    axes.add_collection(lines)
    axes.autoscale()
    wide, high = np.ptp(strokes[:, [0, 2]]), np.ptp(strokes[:, [1, 3]])
    axes.set_aspect("equal" if high > 0.2 * wide else "auto")
    if high == 0.0:
        axes.set_ylim(strokes[0, 1] - 10.0, strokes[0, 1] + 10.0)
    title = f"{found.name} of {len(found.values):,} CVs{found.time}{which_lane(result, lane)}"
    axes.set(xlabel="x (um)", ylabel="y (um)", title=title)
    figure.colorbar(lines, ax=axes, label=with_unit(found.name, unit))


def alt_cell(result: Result, lane: int) -> str:
    """Alternative text of the plot."""
    found = shown(result, lane)
    assert found is not None
    low, high = float(np.nanmin(found.values)), float(np.nanmax(found.values))
    span = f"from {low:.4g} to {high:.4g} {found.unit}".strip()
    return f"Shape of a cell of {len(found.values):,} CVs, coloured by {found.name}{found.time}: {span}."
