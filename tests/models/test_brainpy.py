"""The models lif, hh_brainpy and ampa on the machine, against recorded BrainPy runs and its mirror on other inputs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from bioasm.results import Result
from tests.models.mirrors import Array, brainpy
from tests.models.run import literal, reading, run, same_spikes, spikes, steps_of, trace
from tests.models.support import recorded, worst

MANY = np.arange(20.5, 60.1, 0.5)

# --- LIF --------------------------------------------------------------------------------------------


def lif(
    current: Any,
    *,
    runs: tuple[str, ...] = ("200 ms",),
    timing: str = "steps",
    flag: str = "once",
    more: str = "",
    dt: str = "0.1 ms",
) -> Result:
    """A program of LIF neurons, one for each current in nA, that runs several times; between runs `start` moves on."""
    values = np.atleast_1d(np.asarray(current, dtype=float))
    lines = [
        f"POP cells, lif, {len(values)}",
        f"SET dt, {dt}",
        f"SET cells.timing, {timing}",
        f"SET cells.flag, {flag}",
        more,
        f"INP cells.I, {literal(values * 1e-9)}",
        "REC cells.v",
    ]
    for k, duration in enumerate(runs):
        if k:
            lines.append(f"SET cells.start, {k * 200} ms")
        lines.append(f"RUN {duration}")
    return run("\n".join([*lines, "RD cells.v"]))


@cache
def all_inputs(timing: str) -> Result:
    """Eighty inputs at once, in three runs of 200 ms."""
    return lif(MANY, runs=("200 ms",) * 3, timing=timing)


def mirrored(values: Array, steps: int, runs: int = 1, **how: Any) -> list[brainpy.Run]:
    """The same neurons in the mirror."""
    cells = brainpy.LIF(len(values), **how)
    return [brainpy.run([cells], steps, [(cells, "input", values, "+")], k * steps)[0] for k in range(runs)]


def test_lif_against_the_recorded_run() -> None:
    ref, result = recorded("brainpy.npz"), lif([26.0])
    after = np.append(trace(result, "cells.v")[1:, 0], reading(result, "cells.v"))
    assert worst(after * 1e3, ref["lif_V"]) < 1e-9
    assert steps_of(result) == list(range(163, 2000, 174))


def test_lif_flag_of_the_original_against_the_recorded_run() -> None:
    ref = recorded("brainpy.npz")
    assert steps_of(lif([26.0], flag="brainpy1")) == np.flatnonzero(ref["lif_spikeflag"]).tolist()


@pytest.mark.parametrize("timing", ["steps", "brainpy1"])
def test_lif_on_eighty_inputs_in_three_runs(timing: str) -> None:
    result = all_inputs(timing)
    parts = mirrored(MANY, 2000, 3, float_time=timing == "brainpy1")
    V = np.concatenate([part.traces["V"] for part in parts])
    assert worst(trace(result, "cells.v")[1:] * 1e3, V[:-1]) < 1e-9
    assert same_spikes(spikes(result), np.concatenate([part.spikes for part in parts]))


def test_lif_timings_differ_where_floats_of_the_original_round_up() -> None:
    counted, floated = (spikes(all_inputs(timing)) for timing in ("steps", "brainpy1"))
    first = [[tuple(row) for row in train if row[0] < 2000] for train in (counted, floated)]
    differing = {i for i in range(len(MANY)) if [r for r in first[0] if r[1] == i] != [r for r in first[1] if r[1] == i]}
    inputs = {24.5, 27, 35, 36.5, 37.5, 38, 42, 42.5, 43.5, 45.5, 46, 46.5, 53.5, 54, 54.5}
    assert {float(MANY[i]) for i in differing} == inputs


@pytest.mark.parametrize("timing", ["steps", "brainpy1"])
@pytest.mark.parametrize("flag", ["once", "brainpy1"])
def test_lif_switches_in_all_combinations(timing: str, flag: str) -> None:
    values = np.array([21.0, 26.0, 40.0, 60.0, 300.0])
    (expected,) = mirrored(values, 2000, float_time=timing == "brainpy1", flag_persists=flag == "brainpy1")
    result = lif(values, timing=timing, flag=flag)
    raster = np.argwhere(expected.traces["spike"] > 0) if flag == "brainpy1" else expected.spikes
    assert same_spikes(spikes(result), raster)
    assert worst(trace(result, "cells.v")[1:] * 1e3, expected.traces["V"][:-1]) < 1e-9


@pytest.mark.parametrize("timing", ["steps", "brainpy1"])
def test_lif_run_from_200_to_400_goes_on_as_one_run(timing: str) -> None:
    whole = lif(MANY, runs=("400 ms",), timing=timing)
    parts = lif(MANY, runs=("200 ms", "200 ms"), timing=timing)
    if timing == "steps":
        assert same_spikes(spikes(parts), spikes(whole))
        assert (trace(parts, "cells.v") == trace(whole, "cells.v")).all()
    assert worst(trace(parts, "cells.v")[:2000], trace(whole, "cells.v")[:2000]) == 0
    chained = np.concatenate([part.spikes for part in mirrored(MANY, 2000, 2, float_time=timing == "brainpy1")])
    assert same_spikes(spikes(parts), chained)


def test_lif_continued_without_input_decays_to_rest() -> None:
    text = "POP cells, lif, 2\nINP cells.I, [26e-9, 35e-9]\nREC cells.v\nRUN 200 ms\nINP cells.I, 0 nA\nRUN 200 ms\n"
    cells = brainpy.LIF(2)
    first = brainpy.run([cells], 2000, [(cells, "input", np.array([26.0, 35.0]), "+")])[0]
    second = brainpy.run([cells], 2000, [], 2000)[0]
    V = np.concatenate([first.traces["V"], second.traces["V"]])
    assert worst(trace(run(text), "cells.v")[1:] * 1e3, V[:-1]) < 1e-9


@pytest.mark.parametrize(
    ("setting", "keywords", "current"),
    [
        ("SET cells.t_ref, 0 ms", {"t_ref": 0.0}, 40.0),
        ("SET cells.t_ref, 2.55 ms", {"t_ref": 2.55}, 40.0),
        ("SET cells.t_ref, 5 ms", {"t_ref": 5.0}, 40.0),
        ("SET cells.tau, 20 ms", {"tau": 20.0}, 40.0),
        ("SET cells.R, 2 Mohm", {"R": 2.0}, 15.0),
        ("SET cells.V_th, 10 mV", {"V_th": 10.0}, 15.0),
        ("SET cells.V_rest, -65 mV", {"V_rest": -65.0}, 90.0),
    ],
)
def test_lif_with_other_parameters(setting: str, keywords: dict[str, float], current: float) -> None:
    result = lif([current, 1.5 * current], more=setting)
    (expected,) = mirrored(np.array([current, 1.5 * current]), 2000, **keywords)
    assert worst(trace(result, "cells.v")[1:] * 1e3, expected.traces["V"][:-1]) < 1e-9
    assert len(expected.spikes)
    assert same_spikes(spikes(result), expected.spikes)


def test_lif_reset_where_it_starts() -> None:
    result = lif([40.0], more="SET cells.V_reset, -20 mV")
    (expected,) = mirrored(np.array([40.0]), 2000, V_reset=-20.0)
    assert trace(result, "cells.v")[0, 0] == pytest.approx(-0.02)
    assert worst(trace(result, "cells.v")[1:] * 1e3, expected.traces["V"][:-1]) < 1e-9


@pytest.mark.parametrize("how", ["add", "set", "scale"])
def test_lif_inputs_add_set_and_scale(how: str) -> None:
    value = {"add": "6 nA", "set": "26 nA", "scale": "1.3"}[how]
    played = literal(np.full((500, 1), 20e-9))
    text = f"POP cells, lif, 1\nPLAY cells.I, {played}, 0.1 ms\nINP cells.I, {value}, {how}\nREC cells.v\nRUN 50 ms\n"
    (expected,) = mirrored(np.array([26.0]), 500)
    assert worst(trace(run(text), "cells.v")[1:] * 1e3, expected.traces["V"][:-1]) < 1e-9


def test_lif_random_input_played() -> None:
    drive = np.random.default_rng(3).uniform(0, 80, (2000, 4))
    text = f"POP cells, lif, 4\nPLAY cells.I, {literal(drive * 1e-9)}, 0.1 ms\nREC cells.v\nRUN 200 ms\n"
    cells = brainpy.LIF(4)
    expected = brainpy.run([cells], 2000, [(cells, "input", drive, "+")])[0]
    result = run(text)
    assert worst(trace(result, "cells.v")[1:] * 1e3, expected.traces["V"][:-1]) < 1e-9
    assert len(expected.spikes)
    assert same_spikes(spikes(result), expected.spikes)


# --- Hodgkin-Huxley ---------------------------------------------------------------------------------

GATES = {"v": "V", "m": "m", "h": "h", "n": "n_gate"}


@cache
def hh(currents: tuple[float, ...], duration: str = "20 ms", compat: bool = False, parts: int = 1, more: str = "") -> Result:
    """HH neurons, one for each current in uA/cm2."""
    switches = ["SET dt, 0.1 ms", "SET cells.integrator, brainpy1"] if compat else []
    lines = [f"POP cells, hh_brainpy, {len(currents)}", *switches, more]
    lines += [f"INP cells.I, {literal(np.array(currents) * 1e-2)}", *(f"REC cells.{x}" for x in GATES)]
    return run("\n".join([*lines, *[f"RUN {duration}"] * parts, ""]))


@cache
def hh_mirror(currents: tuple[float, ...], steps: int, dt: float = 0.01, **how: Any) -> brainpy.Run:
    cells = brainpy.HH(len(currents), dt, **how)
    return brainpy.run([cells], steps, [(cells, "input", np.array(currents), "+")])[0]


@pytest.mark.parametrize(("found", "key", "unit"), [("v", "V", 1e3), ("m", "m", 1), ("h", "h", 1), ("n", "n", 1)])
def test_hh_against_the_recorded_run(found: str, key: str, unit: float) -> None:
    ref = recorded("brainpy.npz")[f"hh_dt01_{key}"]  # after every tenth step
    values = trace(hh((10.0,), "200 ms"), f"cells.{found}")[1::10, 0] * unit
    assert worst(values, ref) < 1e-9


def test_hh_spikes_of_the_recorded_run() -> None:
    found, ref = steps_of(hh((10.0,), "200 ms")), recorded("brainpy.npz")["hh_dt01_V"]
    rising = np.flatnonzero((ref[:-1] < 20) & (ref[1:] >= 20))  # between two samples, ten steps apart
    assert found[:2] == [13, 1478]
    assert [step // 10 for step in found[1:]] == rising.tolist()[-14:]


def test_hh_of_the_original_takes_a_tenth_of_each_step() -> None:
    result = hh((10.0,), "200 ms", compat=True)
    expected = hh_mirror((10.0,), 2000, 0.1, integrator_dt=0.01)
    assert steps_of(result) == [13, 1478]
    assert worst(trace(result, "cells.v")[1:, 0] * 1e3, expected.traces["V"][:-1, 0]) < 1e-9


@pytest.mark.parametrize("found", GATES)
def test_hh_on_other_inputs(found: str) -> None:
    currents = (0.0, 2.5, 7.0, 15.0, 40.0, 120.0)
    result, expected = hh(currents, "30 ms"), hh_mirror(currents, 3000)
    unit = 1e3 if found == "v" else 1
    assert worst(trace(result, f"cells.{found}")[1:] * unit, expected.traces[GATES[found]][:-1]) < 1e-9
    assert same_spikes(spikes(result), expected.spikes)


@pytest.mark.parametrize(
    ("setting", "keywords"),
    [
        ("SET cells.gL, 0.3 mS/cm2", {"gL": 0.3}),
        ("SET cells.C, 2 uF/cm2", {"C": 2.0}),
        ("SET cells.gNa, 60 mS/cm2", {"gNa": 60.0}),
        ("SET cells.EK, -90 mV", {"EK": -90.0}),
        ("SET cells.V_th, -10 mV", {"V_th": -10.0}),
    ],
)
def test_hh_with_other_parameters(setting: str, keywords: dict[str, float]) -> None:
    result, expected = hh((10.0, 30.0), "20 ms", more=setting), hh_mirror((10.0, 30.0), 2000, **keywords)
    assert worst(trace(result, "cells.v")[1:] * 1e3, expected.traces["V"][:-1]) < 1e-9
    assert same_spikes(spikes(result), expected.spikes)


def test_hh_continued_equals_one_long_run() -> None:
    parts, whole = hh((10.0, 40.0), "15 ms", parts=2), hh((10.0, 40.0), "30 ms")
    assert all((trace(parts, f"cells.{x}") == trace(whole, f"cells.{x}")).all() for x in GATES)
    assert same_spikes(spikes(parts), spikes(whole))


# --- HH and AMPA ------------------------------------------------------------------------------------


@cache
def network(
    n: int, current: float, seed: int | None, delay: float, duration: str, compat: bool = False, parts: int = 1
) -> tuple[Result, Array]:
    """HH neurons that excite each other through AMPA; a seed draws weights and currents, else all weights are 1."""
    rng = np.random.default_rng(seed)
    weights = np.ones((n, n)) if seed is None else rng.uniform(0, 2, (n, n))
    currents = np.full(n, current) if seed is None else rng.uniform(0, 40, n)
    text = "\n".join(
        [
            f"POP cells, hh_brainpy, {n}",
            "MECH ampa, ampa, cells",
            "SYN net, cells, ampa",
            f"CON net, {literal(weights)}",
            f"SET net.delay, {delay!r} ms",
            *(["SET dt, 0.1 ms", "SET cells.integrator, brainpy1", "SET ampa.integrator, brainpy1"] if compat else []),
            f"INP cells.I, {literal(currents * 1e-2)}",
            "REC cells.v",
            "REC ampa.s",
            *[f"RUN {duration}"] * parts,
            "",
        ]
    )
    return run(text), np.vstack([currents, weights])


def network_mirror(drawn: Array, delay: float, steps: int, dt: float = 0.01, compat: bool = False) -> list[brainpy.Run]:
    inner = 0.01 if compat else None
    cells = brainpy.HH(drawn.shape[1], dt, inner)
    synapse = brainpy.AMPA(cells, cells, drawn[1:], delay, dt=dt, integrator_dt=inner)
    return brainpy.run([cells, synapse], steps, [(cells, "input", drawn[0], "+")])


def test_network_against_the_recorded_run() -> None:
    ref = recorded("brainpy.npz")
    result, _ = network(10, 20.0, None, 1.5, "200 ms")
    assert worst(trace(result, "cells.v")[1::10] * 1e3, ref["net_dt01_V"][:, None]) < 1e-9
    assert worst(trace(result, "ampa.s")[1::10, 3] / 10, ref["net_dt01_s_0_1"]) < 1e-12
    assert all(steps_of(result, i) == ref["net_dt01_spike_steps"].tolist() for i in range(10))


def test_network_of_the_original() -> None:
    result, drawn = network(10, 20.0, None, 1.5, "200 ms", compat=True)
    expected = network_mirror(drawn, 1.5, 2000, 0.1, compat=True)[0]
    assert steps_of(result) == [13, 1254]
    assert worst(trace(result, "cells.v")[1:] * 1e3, expected.traces["V"][:-1]) < 1e-9


@pytest.mark.parametrize("delay", [0.0, 0.37, 1.5, 0.012])
@pytest.mark.parametrize("compat", [False, True])
def test_network_with_random_weights(delay: float, compat: bool) -> None:
    result, drawn = network(4, 0.0, 11, delay, "30 ms" if not compat else "200 ms", compat)
    expected = network_mirror(drawn, delay, 3000 if not compat else 2000, 0.1 if compat else 0.01, compat)
    assert len(expected[0].spikes) > 4
    assert same_spikes(spikes(result), expected[0].spikes)
    assert worst(trace(result, "cells.v")[1:] * 1e3, expected[0].traces["V"][:-1]) < 1e-9
    assert worst(trace(result, "ampa.s")[1:], expected[1].traces["s"].sum(axis=1)[:-1]) < 1e-9


def test_network_continued_equals_one_long_run() -> None:
    parts, _ = network(4, 0.0, 11, 1.5, "15 ms", parts=2)
    whole, _ = network(4, 0.0, 11, 1.5, "30 ms")
    assert (trace(parts, "cells.v") == trace(whole, "cells.v")).all()


@pytest.mark.parametrize("flag", ["once", "brainpy1"])
def test_lif_drives_hh_through_ampa(flag: str) -> None:
    rng = np.random.default_rng(8)
    weights, currents = rng.uniform(0, 0.5, (4, 3)), np.array([26.0, 31.0, 40.0, 0.0])
    result = run(
        "\n".join(
            [
                "POP pre, lif, 4",
                "POP post, hh_brainpy, 3",
                "MECH ampa, ampa, post",
                "SYN wire, pre, ampa",
                f"CON wire, {literal(weights)}",
                "SET wire.delay, 0.8 ms",
                "SET dt, 0.1 ms",
                "SET post.integrator, brainpy1",
                "SET pre.timing, brainpy1",
                f"SET pre.flag, {flag}",
                f"INP pre.I, {literal(currents * 1e-9)}",
                "INP post.I, 5 uA/cm2",
                "REC post.v",
                "REC ampa.s",
                "RUN 60 ms",
                "",
            ]
        )
    )
    pre, post = brainpy.LIF(4, float_time=True, flag_persists=flag == "brainpy1"), brainpy.HH(3, integrator_dt=0.01)
    synapse = brainpy.AMPA(pre, post, weights, 0.8)
    runs = brainpy.run([pre, post, synapse], 600, [(pre, "input", currents, "+"), (post, "input", 5.0, "+")])
    assert worst(trace(result, "ampa.s")[1:], runs[2].traces["s"].sum(axis=1)[:-1]) < 1e-12
    assert worst(trace(result, "post.v")[1:] * 1e3, runs[1].traces["V"][:-1]) < 1e-9
