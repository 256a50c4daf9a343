"""Registry of the kinds of plots: requirements of each on a result, drawing function, and alternative text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import bioasm.plot.energies as energies
import bioasm.plot.morphologies as morphologies
import bioasm.plot.recordings as recordings
import bioasm.plot.spikes as spikes
import bioasm.plot.weights as weights
from bioasm.results import Result

Named = Sequence[tuple[str, Result]]


class Choice(NamedTuple):
    """Options of plots: the lane, and the target energy."""

    lane: int = 0
    target: float | None = None


class Kind(NamedTuple):
    """One kind of plot. `lacks` returns what a result lacks for it, or an empty text. `draw` and `alt` take named results.

    Results of a `shared` kind are in one panel; of another kind each has its own panel.
    """

    name: str
    title: str
    height: float
    shared: bool
    lacks: Callable[[Result, Choice], str]
    draw: Callable[[Any, Named, Choice], None]
    alt: Callable[[Named, Choice], str]


def _no_spikes(result: Result, choice: Choice) -> str:
    marked = (result.spikes, *result.events.values())
    return "" if any((times.lane == choice.lane).any() for times in marked) else "no neuron spiked"


def _no_intervals(result: Result, choice: Choice) -> str:
    return "" if len(spikes.intervals(result, choice.lane)) else "no neuron spiked twice"


def _no_recording(result: Result, _: Choice) -> str:
    return "" if recordings.shown(result) else "no variable was recorded (REC)"


def _no_plane(result: Result, _: Choice) -> str:
    found = recordings.shown(result)
    return "" if found and len(found[0][1].t) > 1 else "a phase plane needs a recorded variable (REC) with two samples"


def _no_energy(result: Result, _: Choice) -> str:
    return "" if np.isfinite(result.energy_trace).any() else "no energy was computed (LDJ, LDH or a spin model)"


def _no_success(result: Result, choice: Choice) -> str:
    lacking = _no_energy(result, choice) or ("" if result.lanes > 1 else "success is a share of lanes, and there is one lane")
    if lacking:
        return lacking
    target = float(np.nanmin(result.energy_trace)) if choice.target is None else choice.target
    return energies.unknown_hits(result, target)


def _no_connections(result: Result, choice: Choice) -> str:
    return "" if weights.shown(result, choice.lane) else "no state of connections was read or recorded (RD wire.w, REC wire.w)"


def _no_cell(result: Result, choice: Choice) -> str:
    found = morphologies.shown(result, choice.lane)
    return "" if found is not None else "no variable of the CVs of a cell was read or recorded (RD cells_cv.v)"


def _each(function: Callable[[Any, Result, int], None]) -> Callable[[Any, Named, Choice], None]:
    return lambda figure, named, choice: function(figure, named[0][1], choice.lane)


def _told(function: Callable[[Result, int], str]) -> Callable[[Named, Choice], str]:
    return lambda named, choice: function(named[0][1], choice.lane)


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("energy", "Energy", 3.6, True, _no_energy,
             lambda f, n, c: energies.draw_energy(f, n), lambda n, c: energies.alt_energy(n)),
        Kind("raster", "Spikes", 4.0, False, _no_spikes, _each(spikes.draw_raster), _told(spikes.alt_raster)),
        Kind("traces", "Traces", 3.4, False, _no_recording, _each(recordings.draw_traces), _told(recordings.alt_traces)),
        Kind("histogram", "Histogram of energies", 2.8, True, _no_energy,
             lambda f, n, c: energies.draw_histogram(f, n), lambda n, c: energies.alt_histogram(n)),
        Kind("success", "Success over time", 2.8, True, _no_success,
             lambda f, n, c: energies.draw_success(f, n, c.target), lambda n, c: energies.alt_success(n, c.target)),
        Kind("isi", "Intervals between spikes", 2.8, False, _no_intervals, _each(spikes.draw_isi), _told(spikes.alt_isi)),
        Kind("phase", "Phase plane", 4.0, False, _no_plane, _each(recordings.draw_phase), _told(recordings.alt_phase)),
        Kind("weights", "Weights", 2.8, False, _no_connections, _each(weights.draw_weights), _told(weights.alt_weights)),
        Kind("cell", "Cell", 4.5, False, _no_cell, _each(morphologies.draw_cell), _told(morphologies.alt_cell)),
    )
}  # fmt: skip
SHOWN_FIRST = ("energy", "raster", "traces")


def applicable(result: Result, choice: Choice = Choice()) -> list[str]:  # noqa: B008  (immutable)
    """The kinds that are applicable to a result."""
    return [name for name, kind in KINDS.items() if not kind.lacks(result, choice)]
