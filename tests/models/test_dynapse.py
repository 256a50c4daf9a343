"""The models dpi_adex and dynapsim on the machine, against recorded runs of DynapSE and Rockpool and their mirrors."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from bioasm.results import Result
from tests.models.mirrors import Array, dynapse, rockpool
from tests.models.run import literal, reading, run, same_spikes, spikes, steps_of, trace
from tests.models.support import of_range, recorded, worst

# --- the AdEx/DPI neuron ----------------------------------------------------------------------------

PORTS = ("nmda", "ampa", "gaba_a", "gaba_b")
SPIKES = [505, 766, 827, 884]


def dpi(
    counts: Array, weights: Any = (10, 5, 1, 2), *settings: str, current: Any = 0.0, dt: float = 1e-4, parts: int = 1
) -> Result:
    """Neurons driven by spike counts (4, steps, n), one EVT for each synapse; a count of 2 is two spikes."""
    steps, n = counts.shape[1:]
    trains = [np.repeat(np.argwhere(c > 0), c[c > 0].astype(int), axis=0) * [dt, 1] for c in counts]
    lines = [f"POP cell, dpi_adex, {n}", f"SET dt, {dt!r}", *settings, f"INP cell.I, {literal(np.broadcast_to(current, n))}"]
    for port, weight, train in zip(PORTS, weights, trains, strict=True):
        given = train if len(train) else [[1e3, 0]]  # the first step of another century: no spike
        lines.append(f"EVT cell.{port}, {literal(given)}, {float(weight)!r}")
    lines += [f"REC cell.{name}" for name in dynapse.RECORDED]
    return run("\n".join([*lines, *[f"RUN {steps * dt / parts!r} s"] * parts, ""]))


def assert_as_mirror(result: Result, expected: dynapse.Run, within: float = 1e-9) -> None:
    """All six currents within 1e-9 of their value, and the same spikes."""
    for name in dynapse.RECORDED:
        found, reference = trace(result, f"cell.{name}"), expected.traces[name]
        assert (np.abs(found - reference) <= within * np.abs(reference)).all(), name
    assert same_spikes(spikes(result), expected.spikes)


@cache
def experiment() -> Result:
    """The recorded experiment."""
    ref = recorded("dynapse.npz")
    return dpi(ref["in_spikes"][:, :, None].astype(float), tuple(ref["weights"].tolist()))


@pytest.mark.parametrize("name", dynapse.RECORDED)
def test_dpi_neuron_against_the_recorded_run(name: str) -> None:
    key = {"Imem": "Isoma_mem", "Iahp": "Isoma_ahp"}.get(name, name)
    ref = recorded("dynapse.npz")[f"brian_{key}"]
    found = trace(experiment(), f"cell.{name}")[:, 0]
    assert (np.abs(found - ref) <= 1e-9 * np.abs(ref)).all()


def test_dpi_neuron_spikes_as_recorded() -> None:
    assert steps_of(experiment()) == SPIKES


@pytest.mark.parametrize("weights", [(10, 5, 1, 2), (20, 12, 0.5, 1), (14, 9, 0.5, 1), (6, 12, 0.3, 4)])
def test_dpi_neurons_on_random_spikes(weights: tuple[float, ...]) -> None:
    counts = (np.random.default_rng(4).random((4, 1500, 6)) < 0.012).astype(float)
    expected = dynapse.simulate(counts, weights)
    assert_as_mirror(dpi(counts, weights), expected)
    assert len(expected.spikes) > 3


def test_dpi_neurons_under_strong_shunting_spike_alike() -> None:
    # Imem then jumps about zero from step to step, and rounding grows: the traces part, the spikes do not
    counts = (np.random.default_rng(4).random((4, 1500, 6)) < 0.012).astype(float)
    expected = dynapse.simulate(counts, (8, 8, 3, 8))
    assert expected.traces["Imem"].min() < 0
    assert len(expected.spikes)
    assert same_spikes(spikes(dpi(counts, (8, 8, 3, 8))), expected.spikes)


@pytest.mark.parametrize("current", [0.0, 50e-12, 300e-12, 900e-12, 3e-9])
def test_dpi_neuron_under_a_constant_current(current: float) -> None:
    counts = np.zeros((4, 1500, 2))
    expected = dynapse.simulate(counts, Iconst=1e-12 + current)
    assert_as_mirror(dpi(counts, current=current), expected)


def test_dpi_neuron_under_300_pA_fires_once() -> None:
    assert steps_of(dpi(np.zeros((4, 3000, 1)), (1, 1, 1, 1), "SET cell.Iconst, 300 pA")) == [323]


PA = 1e-12
OTHER = {
    "fast": (("SET cell.Itau, 10 pA",), {"Itau": 10 * PA}),
    "no adaptation": (("SET cell.ahp_w, 0 pA",), {"ahp_w": 0.0}),
    "strong adaptation": (("SET cell.ahp_w, 20 pA",), {"ahp_w": 20 * PA}),
    "low threshold": (("SET cell.Ith, 500 pA",), {"Ith": 500 * PA}),
    "refractory": (("SET cell.t_ref, 12 ms",), {"t_ref": 12e-3}),
    "gate": (("SET cell.Inmda_thr, 100 pA",), {"Inmda_thr": 100 * PA}),
    "dark": (("SET cell.I0, 0.5 pA",), {"I0": 0.5 * PA}),
    "large": (("SET cell.C_soma, 5 pF",), {"C_soma": 5e-12}),
    "gain": (("SET cell.alpha, 2",), {"alpha": 2.0}),
    "feedback": (("SET cell.pfb_th, 600 pA", "SET cell.pfb_gain, 200 pA"), {"pfb_th": 600 * PA, "pfb_gain": 200 * PA}),
}


@pytest.mark.parametrize("case", OTHER)
def test_dpi_neuron_with_other_parameters(case: str) -> None:
    settings, keywords = OTHER[case]
    counts = (np.random.default_rng(5).random((4, 1000, 3)) < 0.015).astype(float)
    expected = dynapse.simulate(counts, (14, 9, 0.5, 1), p=dynapse.Parameters(**keywords))
    assert_as_mirror(dpi(counts, (14, 9, 0.5, 1), *settings), expected)
    assert len(expected.spikes)


def test_dpi_synapses_have_leaks_and_weights_of_their_own() -> None:
    settings = [f"SET cell.Itau_{port}, {3 + k} pA" for k, port in enumerate(PORTS)]
    settings += [f"SET cell.w0_{port}, {50 * (k + 1)} pA" for k, port in enumerate(PORTS)]
    p = dynapse.Parameters(Itau_syn=tuple((3 + k) * PA for k in range(4)), w0=tuple(50 * (k + 1) * PA for k in range(4)))
    counts = (np.random.default_rng(6).random((4, 800, 2)) < 0.01).astype(float)
    assert_as_mirror(dpi(counts, (1, 2, 3, 4), *settings), dynapse.simulate(counts, (1, 2, 3, 4), p=p))


def test_two_spikes_at_once_count_twice() -> None:
    counts = np.zeros((4, 60, 1))
    counts[1, 10, 0] = 2
    result = dpi(counts, (0, 3, 0, 0))
    assert_as_mirror(result, dynapse.simulate(counts, (0, 3, 0, 0)))
    assert trace(result, "cell.Iampa")[11, 0] == pytest.approx(1e-12 + 2 * 3 * 400e-12, rel=1e-9)


def test_dpi_neuron_continued_equals_one_long_run() -> None:
    counts = (np.random.default_rng(8).random((4, 1200, 2)) < 0.012).astype(float)
    parts, whole = (dpi(counts, (14, 9, 0.5, 1), parts=k) for k in (2, 1))
    assert len(steps_of(whole))
    assert all((trace(parts, f"cell.{x}") == trace(whole, f"cell.{x}")).all() for x in dynapse.RECORDED)
    assert same_spikes(spikes(parts), spikes(whole))


# --- DynapSim ---------------------------------------------------------------------------------------

TRACES = ("iahp", "imem", "isyn", "vmem")


def dynapsim(drive: Array, *settings: str, dt: float = 1e-3, w_rec: Array | None = None, parts: int = 1) -> Result:
    """Neurons driven by weighted input spikes (steps, n); w_rec is (from, to)."""
    steps, n = drive.shape
    lines = [
        f"POP cell, dynapsim, {n}",
        "SYN wire, cell, cell",
        f"CON wire, {literal(np.zeros((n, n)) if w_rec is None else w_rec)}",
        f"SET dt, {dt!r}",
        *settings,
        f"PLAY cell.drive, {literal(drive)}, {dt!r} s",
        *(f"REC cell.{name}" for name in (*TRACES, "counted")),
        *[f"RUN {steps * dt / parts!r} s"] * parts,
        *(f"RD cell.{name}" for name in (*TRACES, "counted")),
    ]
    return run("\n".join(lines))


def after(result: Result, name: str) -> Array:
    """A variable after each step (steps, n)."""
    return np.vstack([trace(result, f"cell.{name}")[1:], reading(result, f"cell.{name}")])


CASES: dict[str, tuple[float, tuple[str, ...]]] = {
    "exc": (1.0, ()),
    "strong": (8.0, ()),
    "dc_ahp": (0.0, ("SET cell.Idc, 2 nA", "SET cell.Iw_ahp, 1 nA")),
}


@cache
def recorded_case(case: str, charges: str) -> Result:
    """One of the recorded scenarios."""
    ref = recorded("rockpool.npz")
    factor, settings = CASES[case]
    drive = (ref["in_spikes"][:, :2].astype(np.float32) @ ref["in_weights"][:2].astype(np.float32))[:, None]
    return dynapsim(factor * drive.astype(float), f"SET cell.charges, {charges}", *settings)


@pytest.mark.parametrize("charges", ["single", "double"])
@pytest.mark.parametrize("case", CASES)
def test_dynapsim_spikes_as_recorded(case: str, charges: str) -> None:
    ref = recorded("rockpool.npz")[f"{case}_spikes"]
    assert steps_of(recorded_case(case, charges)) == np.flatnonzero(ref).tolist()


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("case", CASES)
def test_dynapsim_traces_against_the_recorded_run(case: str, name: str) -> None:
    ref = recorded("rockpool.npz")[f"{case}_{name}"]
    assert of_range(after(recorded_case(case, "single"), name)[:, 0], ref) < 1e-5


def test_dynapsim_with_double_charges_differs_in_adaptation_by_what_32_bits_lose() -> None:
    ref = recorded("rockpool.npz")["dc_ahp_iahp"]
    assert 1e-3 < of_range(after(recorded_case("dc_ahp", "double"), "iahp")[:, 0], ref) < 5e-3


P = rockpool.Parameters
SCENARIOS: dict[str, tuple[tuple[str, ...], rockpool.Parameters, float, bool, float]] = {
    "plain": ((), P(), 1.0, False, 1e-3),
    "recurrent": ((), P(), 1.0, True, 1e-3),
    "adapting": (
        ("SET cell.Iw_ahp, 200 nA", "SET cell.Idc, 1 nA", "SET cell.Igain_ahp, 1 nA"),
        P(Iw_ahp=2e-7, Idc=1e-9, Igain_ahp=1e-9),
        1.0,
        False,
        1e-3,
    ),
    "dc": (("SET cell.Idc, 50 nA",), P(Idc=5e-8), 0.0, False, 1e-3),
    "fine": ((), P(), 5.0, False, 2e-4),
    "refractory": (("SET cell.Iref, 0.3 nA",), P(Iref=1.05e-9 / 3.5), 5.0, False, 1e-3),
    "twice a step": (("SET cell.Idc, 1 uA", "SET cell.Ispkthr, 1 nA"), P(Idc=1e-6, Ispkthr=1e-9), 0.0, False, 1e-3),
}


@cache
def scenario(name: str) -> tuple[Result, rockpool.Run]:
    """Five neurons for 600 steps, on the machine and in the mirror, which agrees with the real Rockpool on them."""
    settings, p, factor, recurrent, dt = SCENARIOS[name]
    rng = np.random.default_rng(7)
    drive = (rng.random((600, 5)) < 0.08) * rng.uniform(-0.3, 3.0, 5) * factor
    w_rec = rng.uniform(-0.2, 0.6, (5, 5)) if recurrent else None
    result = dynapsim(drive, *settings, dt=dt, w_rec=w_rec)
    return result, rockpool.simulate(drive, p, dt, w_rec)


@pytest.mark.parametrize("name", SCENARIOS)
def test_dynapsim_spikes_in_other_scenarios(name: str) -> None:
    result, expected = scenario(name)
    assert same_spikes(spikes(result), expected.spikes)
    assert len(expected.spikes) > 10
    assert (after(result, "counted") == expected.traces["spikes"]).all()


@pytest.mark.parametrize("name", SCENARIOS)
def test_dynapsim_traces_in_other_scenarios(name: str) -> None:
    result, expected = scenario(name)
    assert max(of_range(after(result, x), expected.traces[x]) for x in TRACES) < 1e-3


def test_dynapsim_counts_more_than_one_spike_a_step() -> None:
    assert after(scenario("twice a step")[0], "counted").max() == 2


def test_dynapsim_takes_inhibition_for_nothing() -> None:
    none, inhibited = (dynapsim(np.full((50, 1), drive)) for drive in (0.0, -2.0))
    assert all(worst(after(none, x), after(inhibited, x)) == 0 for x in TRACES)


@pytest.mark.parametrize("name", ["Ipulse_ahp", "Itau_ahp", "Igain_ahp", "Iw_ahp", "Iref", "Ipulse"])
def test_dynapsim_takes_a_current_of_zero(name: str) -> None:
    drive = np.full((200, 1), 3.0)
    result = dynapsim(drive, f"SET cell.{name}, 0 A")
    assert all(np.isfinite(after(result, x)).all() for x in TRACES)


def test_dynapsim_continued_equals_one_long_run() -> None:
    drive = np.random.default_rng(2).uniform(0, 4, (300, 2))
    parts, whole = (dynapsim(drive, parts=k) for k in (2, 1))
    assert len(steps_of(whole))
    assert all((trace(parts, f"cell.{x}") == trace(whole, f"cell.{x}")).all() for x in TRACES)


def test_dynapsim_receives_spikes_in_the_step_that_they_come_in() -> None:
    drive = np.zeros((60, 1))
    drive[20] = 5.0
    played = dynapsim(drive)
    sent = run("POP cell, dynapsim, 1\nEVT cell, [[20e-3, 0], [20e-3, 0]], 2.5\nREC cell.isyn\nREC cell.imem\nRUN 60 ms\n")
    assert worst(trace(sent, "cell.isyn"), trace(played, "cell.isyn")) < 1e-20
    assert worst(trace(sent, "cell.imem"), trace(played, "cell.imem")) < 1e-20
