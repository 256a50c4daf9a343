"""The synapse mechanisms that ship, each against its own equations solved apart, and what delays and ports do."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bioasm.results import Result
from tests.models.mirrors import Array, dynapse
from tests.models.run import run, spikes, trace
from tests.models.support import worst

DT = 1e-4
STEPS = 600
TRAIN = [30, 31, 90, 200, 201, 202, 450]  # steps in which the source spikes
POINT = ("exp_conductance", "alpha_conductance", "dpi_current")
DENSITY = ("nmda", "gaba_a", "ampa")
WEIGHTS = {"exp_conductance": 3e-9, "alpha_conductance": 4e-9, "dpi_current": 0.5, "nmda": 1.5, "gaba_a": 0.7, "ampa": 1.2}
DELAYS = {"exp_conductance": 0, "alpha_conductance": 7, "dpi_current": 3, "nmda": 10, "gaba_a": 0, "ampa": 4}


@cache
def all_synapses() -> Result:
    """One source of spikes, a LIF neuron and a membrane with three synapses each."""
    lines = ["POP source, relay, 1", "POP point, lif, 1", "POP patch, membrane, 1", "SET dt, 0.1 ms"]
    for names, where in ((POINT, "point"), (DENSITY, "patch")):
        for name in names:
            lines += [f"MECH {name}, {name}, {where}", f"SYN to_{name}, source, {name}", f"CON to_{name}, all"]
            lines += [f"SET to_{name}.weight, {WEIGHTS[name]!r}", f"SET to_{name}.delay, {DELAYS[name] / 10!r} ms"]
    lines += ["SET point.V_th, 1 V", "SET exp_conductance.E, 60 mV", "SET alpha_conductance.E, -40 mV", "SET point.R, 100 Mohm"]
    lines.append(f"EVT source, {[[k * DT, 0] for k in TRAIN]!r}, 1")
    recorded = ("point.v", "patch.v", "exp_conductance.g", "alpha_conductance.g", "dpi_current.I_syn", "nmda.x", "nmda.s")
    lines += [f"REC {name}" for name in (*recorded, "nmda.unblocked", "gaba_a.s", "ampa.s")]
    return run("\n".join([*lines, f"RUN {STEPS * DT!r} s", ""]))


def found(name: str) -> Array:
    """A trace of the run above: values before each step."""
    return trace(all_synapses(), name)[:, 0]


def arrivals(name: str) -> Array:
    """How many spikes have arrived before each step begins: those of the step before are in."""
    counts = np.zeros(STEPS)
    for k in TRAIN:
        counts[k + DELAYS[name] + 1] += 1
    return counts


def since(name: str) -> Array:
    """For each step (row) the time since each spike's arrival, infinite before it; the arrival is at the end of its step."""
    steps = np.arange(STEPS)[:, None] - (np.array(TRAIN) + DELAYS[name] + 1)
    return np.where(steps >= 0, steps * DT, np.inf)


@pytest.mark.parametrize(("name", "variable", "tau"), [("exp_conductance", "g", 5e-3), ("gaba_a", "s", 10e-3)])
def test_exponential_synapses_decay_exactly(name: str, variable: str, tau: float) -> None:
    expected = WEIGHTS[name] * np.exp(-since(name) / tau).sum(axis=1)
    assert worst(found(f"{name}.{variable}") / WEIGHTS[name], expected / WEIGHTS[name]) < 1e-12
    assert expected.max() > WEIGHTS[name]


def test_alpha_conductance_is_the_alpha_function() -> None:
    t = np.where(np.isfinite(since("alpha_conductance")), since("alpha_conductance"), 0.0)
    expected = WEIGHTS["alpha_conductance"] * (t / 2e-3 * np.exp(1 - t / 2e-3)).sum(axis=1)
    assert worst(found("alpha_conductance.g") * 1e9, expected * 1e9) < 1e-12


def test_alpha_conductance_of_one_spike_peaks_at_its_weight() -> None:
    alone = found("alpha_conductance.g")[TRAIN[-1] :]
    assert alone.max() == pytest.approx(WEIGHTS["alpha_conductance"], rel=0.01)
    assert int(alone.argmax()) == pytest.approx(DELAYS["alpha_conductance"] + 1 + 20, abs=1)


def test_dpi_current_is_the_synapse_of_the_dynapse_neuron() -> None:
    counts = np.zeros((4, STEPS))
    counts[1] = np.append(arrivals("dpi_current")[1:], 0)
    expected = dynapse.simulate(counts, (0, WEIGHTS["dpi_current"], 0, 0))
    assert worst(found("dpi_current.I_syn") / 1e-12, expected.traces["Iampa"][:, 0] / 1e-12) < 1e-9
    assert expected.traces["Iampa"].max() > 100e-12


def test_ampa_opens_at_once_and_decays_by_euler() -> None:
    s, expected = 0.0, []
    for k in range(STEPS):
        expected.append(s)
        s = s - DT * s / 2e-3 + WEIGHTS["ampa"] * (k in TRAIN)
    assert worst(found("ampa.s"), expected) < 1e-12


def test_nmda_gate_by_its_equations() -> None:
    x, s, expected, came = 0.0, 0.0, [], np.append(arrivals("nmda")[1:], 0)
    for k in range(STEPS):
        expected.append((x, s))
        b = -500 * x - 1 / 0.1  # ds/dt = 500 x (1 - s) - s/0.1
        s = s + (500 * x * (1 - s) - s / 0.1) * np.expm1(b * DT) / b
        x = x * np.exp(-DT / 2e-3) + WEIGHTS["nmda"] * came[k]
    assert worst(found("nmda.x"), np.array(expected)[:, 0]) < 1e-12
    assert worst(found("nmda.s"), np.array(expected)[:, 1]) < 1e-12
    assert 0.3 < found("nmda.s").max() < 1


def test_nmda_is_blocked_at_rest_and_open_at_zero() -> None:
    assert worst(found("nmda.unblocked"), 1 / (1 + np.exp(-62 * found("patch.v")) / 3.57)) < 1e-12
    assert found("nmda.unblocked")[0] == pytest.approx(0.0597, abs=1e-3)  # at -65 mV


def test_currents_of_three_synapses_move_a_point_neuron() -> None:
    v, expected = -5e-3, []
    for k in range(STEPS):
        expected.append(v)
        current = -found("exp_conductance.g")[k] * (v - 60e-3) - found("alpha_conductance.g")[k] * (v + 40e-3)
        v = v + DT * (-v + 1e8 * (current + found("dpi_current.I_syn")[k])) / 10e-3
    assert worst(found("point.v") * 1e3, np.array(expected) * 1e3) < 1e-9
    assert np.ptp(expected) > 5e-3


def test_currents_of_three_synapses_move_a_membrane_linearly_implicitly() -> None:
    v, expected = -65e-3, []
    for k in range(STEPS):
        expected.append(v)
        s, open_part = found("nmda.s")[k], 1 / (1 + np.exp(-62 * v) / 3.57)
        gaba, ampa = found("gaba_a.s")[k], found("ampa.s")[k - DELAYS["ampa"]] if k >= DELAYS["ampa"] else 0.0
        i = -(s * open_part * v + gaba * (v + 80e-3) + ampa * v)  # all g_max are 1 S/m2
        slope_of_open_part = 62 * open_part * (1 - open_part)
        g = s * (open_part + v * slope_of_open_part) + gaba  # AMPA's driving force is held
        v = v + DT * i / 1e-2 / (1 + DT * g / 1e-2)
    assert worst(found("patch.v") * 1e3, np.array(expected) * 1e3) < 1e-9
    assert np.ptp(expected) > 5e-3


@pytest.mark.parametrize("delay", [0, 1, 25])
def test_a_delta_jump_arrives_after_its_delay(delay: int) -> None:
    text = f"""
        POP pre, lif, 2
        POP post, lif, 3
        SYN wire, pre, post
        CON wire, [[1, 0, 2], [0, 3, 0]]
        SET wire.weight, 2 mV
        SET wire.delay, {delay / 10} ms
        SET post.V_rest, -5 mV
        INP pre.I, [26e-9, 40e-9]
        REC post.v
        RUN 30 ms
    """
    result = run(text)
    v, came = np.full(3, -5e-3), np.zeros((400, 3))
    for step, neuron in spikes(result, 0, 2):
        came[step + delay] += np.array([[1, 0, 2], [0, 3, 0]])[neuron] * 2e-3
    for k in range(300):
        assert trace(result, "post.v")[k] == pytest.approx(v, abs=1e-15)
        v = v + DT * (-(v + 5e-3)) / 10e-3 + came[k]
    assert came.any()


def test_two_synapses_of_one_kind_add() -> None:
    text = """
        POP cells, membrane, 2
        MECH one, gaba_a, cells
        MECH two, gaba_a, cells
        SET two.E, 0 mV
        EVT one, [[1e-3, 0], [1e-3, 1]], 1
        EVT two, [[1e-3, 1]], 2
        REC cells.v
        RUN 5 ms
    """
    v = trace(run(text), "cells.v")
    assert v[-1, 0] < -65e-3 < v[-1, 1]
