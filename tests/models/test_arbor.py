"""The models membrane and arbor_lif and the mechanisms hh_channels and pas, against recorded Arbor runs and their mirror."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bioasm.results import Result
from tests.models.mirrors import Array, arbor
from tests.models.run import literal, reading, run, spikes, steps_of, trace
from tests.models.support import AREA, recorded, worst

# --- HH and leak on one compartment -----------------------------------------------------------------


@cache
def cell(
    clamp_nA: float, start: int, stop: int, steps: int, *settings: str, dt: float = 0.025, parts: int = 1, leak: bool = False
) -> Result:
    """A membrane with hh_channels and pas, which has a conductance only if asked, and a current clamp between two steps."""
    drive = np.zeros((steps, 1))
    drive[start:stop] = clamp_nA * 1e-9
    lines = [
        "POP cell, membrane, 1",
        "MECH hh, hh_channels, cell",
        "MECH pas, pas, cell",
        f"SET dt, {dt!r} ms",
        f"SET cell.area, {AREA!r} um2",
        *([] if leak else ["SET pas.g, 0 S/cm2"]),
        *settings,
        f"PLAY cell.I_clamp, {literal(drive)}, {dt!r} ms",
        *(f"REC {x}" for x in ("cell.v", "hh.m", "hh.h", "hh.n")),
        *[f"RUN {steps * dt / parts!r} ms"] * parts,
        "RD cell.crossing_time",
    ]
    return run("\n".join(lines))


AS_RECORDED = ("SET cell.ena, 55 mV", "SET hh.el, -65 mV")


def recorded_cell() -> Result:
    """The recorded run: 10 uA/cm2 on [10, 60) ms."""
    return cell(AREA * 1e-4, 400, 2400, 4000, *AS_RECORDED)


@pytest.mark.parametrize("library", ["builtin", "nmodl"])
@pytest.mark.parametrize(("found", "key", "unit"), [("cell.v", "v", 1e3), ("hh.m", "m", 1), ("hh.h", "h", 1), ("hh.n", "n", 1)])
def test_hh_against_the_recorded_run(library: str, found: str, key: str, unit: float) -> None:
    ref = recorded("arbor.npz")[f"hh_{library}_{key}"]
    assert worst(trace(recorded_cell(), found)[:, 0] * unit, ref) < 1e-9


def test_hh_spikes_in_the_steps_of_the_recorded_run() -> None:
    times = recorded("arbor.npz")["hh_builtin_spikes_ms"]
    assert steps_of(recorded_cell()) == np.floor(times / 0.025).astype(int).tolist()


def test_hh_crossing_time_is_that_of_the_recorded_detector() -> None:
    times = recorded("arbor.npz")["hh_builtin_spikes_ms"]
    assert reading(recorded_cell(), "cell.crossing_time")[0] * 1e3 == pytest.approx(times[-1], abs=1e-9)


CASES = {
    "defaults": ((), {}, {}, 0.02),
    "weak": ((), {}, {}, 0.004),
    "strong": ((), {}, {}, 0.2),
    "inward": ((), {}, {}, -0.01),
    "warm": (("SET hh.celsius, 16.3",), {"celsius": 16.3}, {}, 0.03),
    "leaky": (("SET hh.gl, 0.001 S/cm2",), {"gl": 0.001}, {}, 0.03),
    "few channels": (("SET hh.gnabar, 0.06 S/cm2", "SET hh.gkbar, 0.02 S/cm2"), {"gnabar": 0.06, "gkbar": 0.02}, {}, 0.03),
    "ions": (("SET cell.ena, 60 mV", "SET cell.ek, -85 mV"), {}, {"na": (10.0, 140.0, 60.0), "k": (54.4, 2.5, -85.0)}, 0.02),
    "level": (("SET cell.threshold, -20 mV",), {}, {}, 0.02),
    "slow": (("SET cell.Cm, 2 uF/cm2",), {}, {}, 0.03),
}


@pytest.mark.parametrize("leak", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_hh_on_other_inputs_and_parameters(case: str, leak: bool) -> None:
    settings, channels, ions, clamp = CASES[case]
    result = cell(clamp, 80, 600, 1000, *settings, leak=leak)
    paints = [arbor.Paint(arbor.Hh(**channels)), *([arbor.Paint(arbor.Pas())] if leak else [])]
    threshold, cm = (-20.0 if case == "level" else 0.0), (0.02 if case == "slow" else 0.01)
    clamps = [arbor.Clamp(2, 13, clamp)]
    expected = arbor.simulate(arbor.Cable.single(AREA, cm), paints, 1000, 0.025, clamps, threshold, ions)
    assert worst(trace(result, "cell.v")[:, 0] * 1e3, expected.v[:, 0]) < 1e-9
    assert all(worst(trace(result, f"hh.{x}")[:, 0], expected.states["hh"][x][:, 0]) < 1e-9 for x in "mhn")
    assert steps_of(result) == expected.spikes[:, 0].tolist()
    if len(expected.spikes):
        assert reading(result, "cell.crossing_time")[0] * 1e3 == pytest.approx(expected.spike_times[-1], abs=1e-9)


def test_hh_at_a_finer_step() -> None:
    result = cell(0.03, 500, 2500, 3000, "SET hh.celsius, 16.3", "SET cell.threshold, -10 mV", dt=0.01)
    clamps = [arbor.Clamp(5, 20, 0.03)]
    expected = arbor.simulate(arbor.Cable.single(AREA), [arbor.Paint(arbor.Hh(celsius=16.3))], 3000, 0.01, clamps, -10.0)
    assert worst(trace(result, "cell.v")[:, 0] * 1e3, expected.v[:, 0]) < 1e-9
    assert steps_of(result) == expected.spikes[:, 0].tolist()
    # recorded from Arbor 0.12.2
    assert reading(result, "cell.crossing_time")[0] * 1e3 == pytest.approx(22.946025735536722, abs=1e-9)


def test_hh_and_pas_as_the_real_arbor_has_them() -> None:
    result = cell(0.03, 200, 1000, 2000, leak=True)
    assert len(steps_of(result)) == 1
    assert reading(result, "cell.crossing_time")[0] * 1e3 == pytest.approx(6.596993548931106, abs=1e-9)


def test_hh_continued_equals_one_long_run() -> None:
    parts, whole = (cell(0.02, 80, 600, 1000, parts=k) for k in (2, 1))
    assert all((trace(parts, x) == trace(whole, x)).all() for x in ("cell.v", "hh.m", "hh.h", "hh.n"))


def test_membrane_starts_at_v0_and_gates_at_its_steady_state() -> None:
    result = cell(0.0, 0, 0, 40, "SET cell.v0, -50 mV")
    expected = arbor.simulate(arbor.Cable.single(AREA, v0=-50.0), [arbor.Paint(arbor.Hh())], 40)
    assert trace(result, "cell.v")[0, 0] == pytest.approx(-0.05, abs=1e-18)
    assert worst(trace(result, "hh.m")[:, 0], expected.states["hh"]["m"][:, 0]) < 1e-12
    assert worst(trace(result, "cell.v")[:, 0] * 1e3, expected.v[:, 0]) < 1e-9


def test_a_cell_that_starts_above_its_threshold_does_not_fire() -> None:
    assert steps_of(cell(0.0, 0, 0, 40, "SET cell.v0, 20 mV", leak=True)) == []


def test_a_spike_that_arrives_moves_the_membrane() -> None:
    text = "POP cell, membrane, 2\nEVT cell, [[0.1e-3, 1]], 5 mV\nREC cell.v\nRUN 0.2 ms\n"
    assert (np.diff(trace(run(text), "cell.v"), axis=0)[:, 0] == 0).all()
    assert np.diff(trace(run(text), "cell.v"), axis=0)[4, 1] == pytest.approx(5e-3)


# --- the LIF cell -----------------------------------------------------------------------------------


def lif_cell(events: Array, steps: int, dt: float = 0.05, *settings: str, parts: int = 1) -> Result:
    """One LIF cell and events in rows (time in ms, weight in fC), played as charges."""
    charges = np.zeros((steps, 1))
    for t, weight in events:
        charges[round(t / dt)] += weight * 1e-15
    lines = [
        "POP cell, arbor_lif, 1",
        f"SET dt, {dt!r} ms",
        *settings,
        f"PLAY cell.charge, {literal(charges)}, {dt!r} ms",
        "REC cell.v",
        *[f"RUN {steps * dt / parts!r} ms"] * parts,
        "RD cell.v",
    ]
    return run("\n".join(lines))


def after(result: Result) -> Array:
    """The potential in mV at the time of each step, with the events of that time."""
    return np.append(trace(result, "cell.v")[1:, 0], reading(result, "cell.v")) * 1e3


def test_lif_against_the_recorded_run() -> None:
    ref = recorded("arbor.npz")
    result = lif_cell(ref["lif_events"], 400)
    assert worst(after(result), ref["lif_v"]) < 1e-9
    assert (np.array(steps_of(result)) * 0.05).tolist() == ref["lif_spikes_ms"].tolist()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([(1, 200)], [1]),
        ([(1, 199.9)], []),
        ([(1, 100), (1, 100)], [1]),
        ([(1, 300), (1, -200)], []),
        ([(1, 200), (2.9, 1000)], [1]),
        ([(1, 200), (3, 200)], [1, 3]),
        ([(1, 150), (11, 100)], []),
        ([(1, 150), (11, 145)], [11]),
    ],
)
def test_lif_spikes_by_the_rules_of_arbor(events: list[tuple[float, float]], expected: list[float]) -> None:
    assert [step * 0.05 for step in steps_of(lif_cell(np.array(events), 400))] == pytest.approx(expected)


OTHER_CELLS = {
    "defaults": ((), arbor.LifCell()),
    "slow": (("SET cell.tau_m, 30 ms",), arbor.LifCell(tau_m=30.0)),
    "large": (("SET cell.C_m, 35 pF",), arbor.LifCell(C_m=35.0)),
    "not refractory": (("SET cell.t_ref, 0 ms",), arbor.LifCell(t_ref=0.0)),
    "long refractory": (("SET cell.t_ref, 7.5 ms",), arbor.LifCell(t_ref=7.5)),
    "physiological": (
        ("SET cell.E_L, -65 mV", "SET cell.E_R, -70 mV", "SET cell.V_th, -50 mV", "SET cell.V_m, -60 mV"),
        arbor.LifCell(E_L=-65.0, E_R=-70.0, V_th=-50.0, V_m=-60.0),
    ),
}


@pytest.mark.parametrize("case", OTHER_CELLS)
def test_lif_on_random_events(case: str) -> None:
    settings, mirror = OTHER_CELLS[case]
    rng = np.random.default_rng(12)
    events = np.stack([rng.integers(0, 4000, 300) * 0.05, rng.uniform(-60, 200, 300)], axis=1)
    result = lif_cell(events, 4000, 0.05, *settings)
    on_grid = np.stack([np.round(events[:, 0] / 0.05) * 0.05, events[:, 1]], axis=1)
    v, times = arbor.lif_cell(on_grid, np.unique(np.arange(4000) * 0.05), mirror)
    assert len(times) > 3
    assert steps_of(result) == np.round(times / 0.05).astype(int).tolist()
    assert worst(after(result), v) < 1e-9


def test_lif_at_another_time_step() -> None:
    ref = recorded("arbor.npz")
    result = lif_cell(ref["lif_events"], 2000, 0.01)
    assert worst(after(result)[::5], ref["lif_v"]) < 1e-9
    assert (np.array(steps_of(result)) * 0.01).tolist() == ref["lif_spikes_ms"].tolist()


def test_lif_continued_equals_one_long_run() -> None:
    ref = recorded("arbor.npz")
    parts, whole = (lif_cell(ref["lif_events"], 400, parts=k) for k in (2, 1))
    assert (trace(parts, "cell.v") == trace(whole, "cell.v")).all()


def test_lif_events_arrive_at_their_port() -> None:
    train = literal([(1e-3, 0), (1.5e-3, 0), (3e-3, 1)])
    result = run(f"POP cell, arbor_lif, 2\nEVT cell, {train}, 110e-15\nREC cell.v\nRUN 4 ms\n")
    for neuron, events in enumerate([[(1.0, 110), (1.5, 110)], [(3.0, 110)]]):
        v, times = arbor.lif_cell(np.array(events), np.arange(80) * 0.05)
        assert worst(trace(result, "cell.v")[1:, neuron] * 1e3, v[:-1]) < 1e-9
        assert spikes(result, neuron, 1)[:, 0].tolist() == np.round(times / 0.05).astype(int).tolist()
