"""Plot of both traces of each recorded variable at their largest deviation, and of their difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bioasm.diagnostics import error
from bioasm.drivers.describe import unit_of
from bioasm.results import Recording
from bioasm.units import Dimension
from bioasm.verification.verify import Report

_ROWS = 3  # most plotted variables, by largest deviation


def save(report: Report, path: str) -> None:
    """Write the plot. Raises BioasmError B302 where it can't be written, B306 where there is nothing to plot."""
    from matplotlib.figure import Figure

    from bioasm.files import whole

    shown = _chosen(report)
    if not shown:
        raise error("B306", "there is no picture to draw: both drivers recorded no variable")
    figure = Figure(figsize=(10, 3.6 * len(shown)), layout="constrained")
    axes = figure.subplots(2 * len(shown), 1, sharex=True, squeeze=False, height_ratios=[2, 1] * len(shown))[:, 0]
    for at, name in enumerate(shown):
        _draw(report, name, axes[2 * at], axes[2 * at + 1])
    clock = "sweeps" if report.verified.model.clock is Dimension.SWEEPS else "s"
    axes[-1].set_xlabel(f"time ({clock})")
    figure.suptitle(
        f"{report.request.driver} against {report.request.against}, seed {report.request.options.seed}", fontsize=10
    )
    with whole(path) as stream:
        figure.savefig(stream, format=Path(path).suffix[1:].lower(), dpi=120)


def _chosen(report: Report) -> list[str]:
    """The recorded variables by descending deviation."""
    if report.first.result is None or report.second.result is None:
        return []
    ours, theirs = report.first.result.recordings, report.second.result.recordings
    both = [name for name in theirs if name in ours and ours[name].values.shape == theirs[name].values.shape]
    far = {row.name: row.deviation / row.scale if row.scale else 0.0 for row in report.rows}
    return sorted((name for name in both if theirs[name].t.size), key=lambda name: -far.get(name, 0.0))[:_ROWS]


def _draw(report: Report, name: str, above: Any, below: Any) -> None:
    """Plot both traces, and below their difference."""
    assert report.first.result is not None and report.second.result is not None
    a, b = report.first.result.recordings[name], report.second.result.recordings[name]
    first, second, which = _traces(report, a, b)
    unit = unit_of(report.verified, name)
    above.plot(b.t, second, color="tab:orange", lw=2.2, label=report.request.against)
    above.plot(a.t, first, color="tab:blue", lw=0.9, label=report.request.driver)
    above.set_ylabel(f"{name}{f' ({unit})' if unit else ''}")
    above.set_title(which, fontsize=9)
    above.legend(loc="upper right", fontsize=8)
    below.plot(a.t, first - second, color="tab:red", lw=0.8)
    below.axhline(0.0, color="0.7", lw=0.6, zorder=0)
    below.set_ylabel("difference")


def _traces(report: Report, a: Recording, b: Recording) -> tuple[Any, Any, str]:
    """The traces of the neuron and lane of the largest deviation; means over lanes for independent noise."""
    if report.request.own_noise:
        first, second = a.values.mean(axis=0), b.values.mean(axis=0)
        return first[:, 0], second[:, 0], f"neuron {a.neurons[0]}, mean of {len(a.values)} lanes"
    apart = np.abs(a.values - b.values).max(axis=1)
    lane, column = np.unravel_index(int(np.nanargmax(apart)), apart.shape)
    pieces = "" if report.piece is None else f", in pieces of {report.piece} steps"
    return a.values[lane, :, column], b.values[lane, :, column], f"neuron {a.neurons[column]}, lane {lane}{pieces}"
