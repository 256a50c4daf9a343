"""Pictures of results: what each kind shows and says, the same bytes each time, and what is told where there is nothing."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.results import Reading, Recording, Result, Spikes
from bioasm.units import Dimension
from tests.results.samples import result

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from bioasm.plot import KINDS, applicable, inline  # noqa: E402
from bioasm.plot.energies import first_hits, wilson  # noqa: E402
from bioasm.plot.files import drawn, write  # noqa: E402
from bioasm.plot.kinds import Choice  # noqa: E402
from bioasm.plot.spikes import intervals, variation  # noqa: E402
from bioasm.plot.style import reduced, scale_of  # noqa: E402

EXTREME = 4242.0


def cells(lanes: int) -> tuple[Reading, ...]:
    """What was read of the two CVs of a cell."""
    return (Reading("cells_cv.v", np.tile([-0.07, -0.05], (lanes, 1))),)


def network(lanes: int = 1, spikes: int = 500) -> Result:
    """Ten neurons over a second with spikes, recordings with a threshold, and an energy that falls."""
    rng = np.random.default_rng(3)
    t = np.arange(1000) * 1e-3
    values = np.sin(t * 20)[None, :, None] * np.ones((lanes, 1, 2)) * 1e-2 - 0.055
    trace = np.linspace(-1, -9, 1000)[None] + rng.random((lanes, 1000))
    return result(
        lanes,
        model="cells",
        n=10,
        clock=Dimension.TIME,
        seconds_per_step=1e-4,
        steps=10_000,
        spikes=Spikes(np.sort(rng.random(spikes)), rng.integers(0, 10, spikes), np.zeros(spikes, np.int64)),
        recordings={
            "v": Recording(t, np.array([0, 3]), values),
            "u": Recording(t, np.array([0, 3]), values * 2),
            "other.g": Recording(t[:2], np.arange(5), np.tile(np.outer([0, 1e-9], range(5)), (lanes, 1, 1))),
        },
        energy_trace=trace,
        best_energy=trace.min(axis=1),
        results=(
            Reading("wire.w", np.tile(np.repeat([0.0, 0.5, 1.0], [300, 400, 300]), (lanes, 1))),
            Reading("wire.w", 1.0),
            Reading("cells_cv.v", np.tile([-0.07, -0.05], (lanes, 1))),
        ),
        about={
            "connections": {"wire.w": "", "other.g": "S", "absent.w": ""},
            "units": {"v": "V", "u": "V", "other.g": "S"},
            "thresholds": {"v": -0.05},
            "cells": {"cells_cv.v": {"cvs": 2, "cells": 1, "unit": "V", "strokes": [0, 0, 20, 0, 9, 0, 20, 0, 90, 30, 1, 1]}},
            "noise": {"t": np.array([0.0, 0.5]), "level": np.array([0.01, 0.002]), "unit": "V"},
        },
    )


def svg(kind: str, of: Result, **choice: object) -> str:
    return drawn([("run", of)], "svg", [kind], Choice(**choice)).decode()  # type: ignore[arg-type]


def warned(lanes: int = 1) -> Result:
    """The same with two events, one of which did not happen in lane 0."""
    once = Spikes(np.array([0.5]), np.array([3]), np.array([lanes - 1]))
    return replace(network(lanes), events={"cells.warn": network().spikes, "cells.up": once})


SAID = {
    "energy": "energy from",
    "raster": "500 spikes of 10 of 10 neurons in 1 s, 50 per neuron and s",
    "traces": "v of 2 neurons from -0.065 to -0.045 V",
    "histogram": "4 lanes, energies",
    "success": "run: 1 of 4 lanes (95 % confidence 0.0456 to 0.699)",
    "isi": "490 intervals between spikes",
    "phase": "v from -0.065 to -0.045 V, u from -0.13 to -0.09 V",
    "cell": "Shape of a cell of 2 CVs, coloured by cells_cv.v: from -0.07 to -0.05 V",
    "weights": "wire.w of 1,000 connections from 0 to 1, mean 0.5, 30% in the lowest tenth of this range and 30% in",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_drawn_and_told_in_words(kind: str) -> None:
    picture = svg(kind, network(4))
    words = re.search(r'role="img" aria-label="([^"]*)"', picture)
    assert words is not None and SAID[kind] in words[1]
    assert f"<desc>{words[1]}</desc>" in picture


def test_a_raster_tells_events_apart() -> None:
    picture = svg("raster", warned(2))
    assert "Event cells.warn: 500 times in 10 neurons. Event cells.up: 0 times in 0 neurons." in picture
    assert picture.count("cells.warn (500)") == picture.count("cells.up (0)") == 1
    assert picture.count("#e0752d") > 500 and "#e0752d" not in svg("raster", network())


def test_events_alone_are_a_raster() -> None:
    silent = replace(warned(), spikes=Spikes(*(np.zeros(0, kind) for kind in (float, int, int))))
    assert "0 spikes" in svg("raster", silent) and "raster" in applicable(silent)
    assert "raster" not in applicable(replace(silent, events={}))


SHOWN = {
    "energy": ("energy", "lowest so far", "noise (mV)", "time (s)"),
    "raster": ("500 spikes, lane 0 of 4", "rate (Hz)", "time (s)"),
    "traces": ("v (mV)", "threshold", "neuron 3"),
    "histogram": ("best energy of a lane", "number of lanes"),
    "success": ("share of lanes", "run: 1 of 4 lanes"),
    "isi": ("490 intervals", "interval between spikes (ms)"),
    "phase": ("phase plane of neuron 0", "v (mV)", "u (mV)", "start"),
    "cell": ("cells_cv.v of 2 CVs, lane 0 of 4", "cells_cv.v (mV)", "x (um)"),
    "weights": ("wire.w of 1,000 connections, lane 0 of 4", "other.g of 5 connections", "other.g (nS)", "mean 2 nS"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_axes_say_what_they_show(kind: str) -> None:
    picture = svg(kind, network(4))
    assert [words for words in SHOWN[kind] if words not in picture] == []


@pytest.mark.parametrize("form", ["svg", "png", "pdf", "html"])
def test_the_same_bytes_each_time(form: str) -> None:
    once, again = (drawn([("run", network(2))], form, ["energy", "raster"], Choice()) for _ in range(2))
    assert once == again
    assert b"20" + b"26-" not in once


@pytest.mark.parametrize(("form", "magic"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("html", b"<!doctype")])
def test_files_by_suffix(tmp_path: Path, form: str, magic: bytes) -> None:
    network(2).plot.save(tmp_path / f"x.{form}", "energy")
    assert (tmp_path / f"x.{form}").read_bytes().startswith(magic)


def test_pictures_by_name() -> None:
    figure = network(2).plot.raster(lane=0)
    assert figure.subfigs[0].axes[0].get_ylabel() == "neuron"
    assert network(2).plot.kinds == list(KINDS)
    with pytest.raises(AttributeError, match="no picture of kind 'rastr'"):
        network(2).plot.rastr()


def test_many_spikes_are_an_image_in_the_picture() -> None:
    assert "<image" not in svg("raster", network(1, spikes=500))
    many = svg("raster", network(1, spikes=50_000))
    assert "<image" in many
    assert len(many) < 300_000


def test_several_results_share_a_panel_or_stand_below_each_other() -> None:
    named = [("a", network(4)), ("b", network(4))]
    shared = drawn(named, "svg", ["success"], Choice()).decode()
    assert "a: " in shared and "b: " in shared
    below = drawn(named, "svg", ["raster"], Choice()).decode()
    assert below.count("500 spikes, lane 0 of 4") == 2


@pytest.mark.parametrize("kind", ["energy", "success"])
def test_sweeps_and_seconds_do_not_share_an_axis(kind: str) -> None:
    sweeping = result(3, energy_trace=np.array([[0.0, -5.0]] * 3), best_energy=np.full(3, -5.0))
    assert sweeping.counts_sweeps
    picture = drawn([("a", network(4)), ("b", sweeping)], "svg", [kind], Choice(target=-1.0)).decode()
    assert ">sweeps<" in picture and ">time (s)<" in picture
    assert drawn([("a", network(4)), ("b", network(4))], "svg", [kind], Choice()).decode().count(">time (s)<") == 1


def test_bars_are_wide_enough_to_be_seen() -> None:
    from bioasm.plot.energies import _edges

    assert np.allclose(_edges(np.array([-3.0, -1.0, 1.0])), [-4, -2, 0, 2])
    assert len(_edges(np.array([-300.0, -299.0, 0.0]))) <= 61


def test_a_schedule_is_left_out_where_runs_are_compared() -> None:
    assert "noise (mV)" not in drawn([("a", network()), ("b", network())], "svg", ["energy"], Choice()).decode()


# --- where there is nothing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "changed", "words"),
    [
        ("raster", {"spikes": Spikes(np.zeros(0), np.zeros(0, int), np.zeros(0, int))}, "no neuron spiked"),
        ("isi", {"spikes": Spikes(np.ones(1), np.ones(1, int), np.zeros(1, int))}, "no neuron spiked twice"),
        ("traces", {"recordings": {}}, "no variable was recorded"),
        ("phase", {"recordings": {}}, "needs a recorded variable"),
        ("energy", {"energy_trace": np.zeros((1, 0))}, "no energy was computed"),
        ("histogram", {"energy_trace": np.full((1, 3), np.nan)}, "no energy was computed"),
        ("success", {}, "there is one lane"),
    ],
)
def test_what_is_missing_is_told(kind: str, changed: dict[str, object], words: str) -> None:
    lacking = result(1, **changed)
    assert kind not in applicable(lacking)
    with pytest.raises(BioasmError, match=f"B314.*{words}"):
        svg(kind, lacking)


def test_success_of_other_energies_than_the_kept_ones_is_refused_with_what_is_known() -> None:
    traced = np.tile(np.linspace(0.0, -9.0, 10), (4, 1))
    spiking = result(4, energy_trace=traced, best_energy=np.array([-12.0, -8.0, -2.0, -2.0]))
    assert "success" not in applicable(spiking)
    with pytest.raises(BioasmError, match="B314.*2 of 4 lanes kept a state of at most -8"):
        svg("success", spiking, target=-8.0)
    words = svg("energy", spiking)
    assert "lowest of -12" in words and "of the activity over time" in words


def test_energies_of_a_membrane_are_told_apart_from_those_of_its_states() -> None:
    membrane = network(2)
    above = replace(membrane, best_energy=membrane.best_energy - 5)
    assert "of the activity over time" in svg("energy", above)
    assert "of the activity" not in svg("energy", membrane)


def test_success_counts_lanes_as_best_energy_does() -> None:
    trace = np.array([[0.0, -5.0], [0.0, -3.0], [0.0, -5.0]])
    run = result(3, energy_trace=trace, best_energy=trace.min(axis=1))
    assert "run: 2 of 3 lanes" in svg("success", run, target=-5.0)
    assert "of the activity" not in svg("energy", run)


@pytest.mark.parametrize(("kind", "hint"), [("rastr", "did you mean raster"), ("zzz", "there are energy")])
def test_an_unknown_kind_is_told(kind: str, hint: str) -> None:
    with pytest.raises(BioasmError, match="B306") as caught:
        svg(kind, result())
    assert hint in str(caught.value.diagnostics[0].hint)


def test_a_lane_that_is_not_there_is_told() -> None:
    with pytest.raises(BioasmError, match="run has no lane 3: there are 2"):
        svg("raster", network(2), lane=3)


@pytest.mark.parametrize("name", ["x.gif", "x"])
def test_another_suffix_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(BioasmError, match="B306.*pictures are written as .svg, .png, .pdf, .html"):
        write([("run", network())], tmp_path / name, (), Choice())


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.extras.find_spec", lambda name: None)
    with pytest.raises(BioasmError, match="B312.*a picture needs matplotlib") as caught:
        network().plot.raster()
    assert caught.value.diagnostics[0].hint == "pip install 'bioasm[plot]'"
    assert "pip install 'bioasm[plot]'" in network()._repr_html_()


# --- numbers -----------------------------------------------------------------------------------------


def test_wilson_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    for tries in (1, 7, 200):
        for successes in {0, 1, tries // 2, tries}:
            theirs = stats.binomtest(successes, tries).proportion_ci(0.95, method="wilson")
            low, high = wilson(np.array(successes), tries)
            assert (float(low), float(high)) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_first_hits_are_the_times_of_the_trace() -> None:
    trace = np.array([[3.0, 1.0, 0.0, 2.0], [3.0, 3.0, 3.0, 3.0]])
    assert first_hits(result(2, energy_trace=trace), 0.5).tolist() == [3.0, np.inf]


def test_intervals_are_of_one_neuron_each() -> None:
    spikes = Spikes(np.array([0.0, 0.1, 0.3, 0.35]), np.array([1, 0, 1, 0]), np.zeros(4, int))
    assert sorted(intervals(result(spikes=spikes), 0).tolist()) == pytest.approx([0.25, 0.3])
    assert variation(np.array([2.0, 2.0])) == 0.0


def test_reduced_traces_keep_their_extremes() -> None:
    y = np.sin(np.arange(100_000) / 3000)
    y[54_321], y[99_999] = EXTREME, -EXTREME
    x, shown = reduced(np.arange(100_000), y)
    assert len(shown) < 5000
    assert (shown.max(), shown.min(), x[0], x[-1]) == (EXTREME, -EXTREME, 0, 99_999)
    assert (np.diff(x) > 0).all()


@pytest.mark.parametrize(
    ("largest", "unit", "label"),
    [(0.003, "s", "ms"), (2e-9, "A", "nA"), (5.0, "V", "V"), (0.0, "V", "V"), (3.0, "sweeps", "sweeps")],
)
def test_units_get_a_prefix(largest: float, unit: str, label: str) -> None:
    assert scale_of([largest], unit)[1] == label


def test_a_notebook_shows_two_pictures() -> None:
    shown = list(inline(network(2), 2))
    assert len(shown) == 2
    assert network(2)._repr_html_().count("<svg") == 2
