"""Checks of models as text and of networks: every method's formula, spikes on their way, mechanisms, inputs from outside."""

from __future__ import annotations

import math

import numpy as np

from bioasm.results import Result, Spikes
from bioasm.testing.kit import Subject, check, expect
from bioasm.testing.results import reading, values
from bioasm.verifier.abilities import COUPLING, EVENTS, MODEL_TEXTS

DT, TAU, DRIVE = 1e-3, 10e-3, 300.0
STEPS = 25
METHODS = ("euler", "rk4", "exponential_euler", "cnexp", "implicit", "exact")
DECAYS = (
    ".model decays {\n  parameters:\n    tau = 10 ms > 0\n    dt = 1 ms > 0 fixed\n  state:\n"
    + "".join(f"    x_{method} = 1\n" for method in METHODS)
    + "  step:\n"
    + "".join(f"    dx_{method}/dt = 0.3/ms - x_{method}/tau using {method}\n" for method in METHODS)
    + "}\n"
)

RELAYS = """
.model relay_of_the_kit {
  parameters:
    dt = 1 ms > 0 fixed
    t_ref = 4 ms
  state:
    x = 0
    seen = 0
  step:
    dx/dt = 0*x/(1 s) unless refractory
  spike: x > 0.5
  reset:
    x := 0
  refractory: t_ref
  receive:
    x += weight
  receive count:
    seen += 2*weight
}
    POP a, relay_of_the_kit, 3
    POP b, relay_of_the_kit, 3
    SYN one, a, b
    SYN rest, a, b.count
    SYN self, b, b.count
    SET one.delay, 3 ms
    SET self.weight, 0.25
    CON one, one_to_one
    CON rest, [[1, 2, 3], [0, 0, 4], [0.5, 0, 0]]
    CON self, others
    EVT a, [[5e-3, 0], [7e-3, 0], [11e-3, 0], [6e-3, 2]], 1
    RUN 30 ms
    RD b.seen
"""

MEMBRANE = """
.model membrane_of_the_kit {
  parameters:
    C = 2 nF > 0
    dt = 1 ms > 0 fixed
  state:
    v = -60 mV
  inputs:
    I : A
    gain : 1 = 1
  step:
    dv/dt = gain*I/C using implicit
  spike: v crosses -20 mV
}
.mechanism leak_of_the_kit {
  parameters:
    g = 50 nS
    e = -50 mV
  uses:
    v : V
  adds:
    I += -g*(v - e)
}
.mechanism gate_of_the_kit {
  parameters:
    g = 100 nS
  uses:
    v : V
  state:
    m = 0
  then:
    dm/dt = ((v + 60 mV)/(40 mV) - m)/(5 ms) using cnexp
  adds:
    I += g*m*(0 mV - held(v))
}
    POP cell, membrane_of_the_kit, 2
    MECH l, leak_of_the_kit, cell
    MECH k, gate_of_the_kit, cell
    SET l.g, [50e-9, 80e-9]
    REC cell.v
    RUN 10 ms
    INP cell.I, 1 nA
    PLAY cell.I, [[2e-9, 0], [0, 3e-9]], 5 ms
    RUN 20 ms
    INP cell.gain, 0.5, scale
    RUN 10 ms
    INP cell.I, -1 nA, set
    RUN 10 ms
    RD cell.v
    RD k.m
"""


@check("network", MODEL_TEXTS)
def equations_follow_their_methods(subject: Subject) -> None:
    """x + dt f phi(dt df/dx), with phi of the method, on dx/dt = 300/s - x/(10 ms)."""
    reads = "".join(f"    RD p.x_{method}\n" for method in METHODS)
    result = subject.run(f"{DECAYS}    POP p, decays, 2\n    RUN {STEPS} ms\n{reads}")
    z = -DT / TAU
    growth = (math.exp(z) - 1) / z
    runge = 1 + z / 2 + z * z / 6 + z**3 / 24
    phi = dict(zip(METHODS, (1.0, runge, growth, 1 / (1 - z / 2), 1 / (1 - z), growth), strict=True))
    for method in METHODS:
        x = 1.0
        for _ in range(STEPS):
            x += DT * (DRIVE - x / TAU) * phi[method]
        np.testing.assert_allclose(reading(result, f"p.x_{method}")[0], [x, x], rtol=1e-12, err_msg=method)


@check("network", MODEL_TEXTS)
def states_are_set_between_runs(subject: Subject) -> None:
    """SET of a state: a number, a vector or a register from the present time on; RST goes back to the model's own start."""
    sets = "    SET p.x_euler, 5\n    SET p.x_exact, [2, 3]\n    MOV r0, 4\n    RUN 1 ms\n"
    sets += "    SET p.x_rk4, r0\n    RD p.x_rk4\n    RUN 1 ms\n"
    reads = "".join(f"    RD p.x_{method}\n" for method in ("euler", "exact"))
    first, *rest = values(subject.run(f"{DECAYS}    POP p, decays, 2\n{sets}{reads}    RST\n{reads}"))
    euler, exact = np.full(2, 5.0), np.array([2.0, 3.0])
    for _ in range(2):
        euler += DT * (DRIVE - euler / TAU)
        exact = exact * math.exp(-DT / TAU) - DRIVE * TAU * math.expm1(-DT / TAU)
    np.testing.assert_allclose(first[0], np.full(2, 4.0), rtol=1e-12)
    for found, wanted in zip(rest, (euler, exact, np.ones(2), np.ones(2)), strict=True):
        np.testing.assert_allclose(found[0], wanted, rtol=1e-12)


@check("network", MODEL_TEXTS)
def spikes_travel_with_weights_and_delays(subject: Subject) -> None:
    """Events of step k are in x after it, fire in step k + 1, and arrive after the delay; refractory neurons ignore them."""
    result = subject.run(RELAYS)
    found = _spikes(result)
    # neuron 0: events at 5 and 11 ms; the one at 7 ms finds it refractory. Neuron 3 follows 3 + 1 steps later.
    wanted = [(6, 0), (7, 2), (10, 3), (11, 5), (12, 0), (16, 3)]
    expect(found == wanted, f"spikes should be {wanted}, not {found}")
    direct = 2 * np.array([1 + 1 + 0.5, 2 + 2, 3 + 3])  # both spikes of neuron 0 and the one of neuron 2
    within = 2 * 0.25 * np.array([1, 3, 2])  # of neurons 3 (twice) and 5, each to the others
    np.testing.assert_allclose(reading(result, "b.seen")[0], direct + within, rtol=1e-12)


@check("network", MODEL_TEXTS, "record")
def mechanisms_and_inputs_add_up(subject: Subject) -> None:
    """Mechanisms add to an input, which INP adds to, scales and sets and PLAY plays into; gates see the new potential."""
    result = subject.run(MEMBRANE)
    v, m, trace = np.full(2, -60e-3), np.zeros(2), []
    g, capacity = np.array([50e-9, 80e-9]), 2e-9
    for step in range(50):
        trace.append(v)
        row = (step - 10) // 5
        outside = (1e-9 if step >= 10 else 0.0) + (np.array([[2e-9, 0.0], [0.0, 3e-9]])[row] if 10 <= step < 20 else 0.0)
        gain, leak = (0.5 if step >= 30 else 1.0), -g
        current = outside - g * (v + 50e-3) + 100e-9 * m * (0 - v)
        if step >= 40:
            current, leak = np.full(2, -1e-9), np.zeros(2)
        v = v + DT * gain * current / capacity / (1 - DT * gain * leak / capacity)
        z = -DT / 5e-3
        m = m + DT * (((v + 60e-3) / 40e-3) - m) / 5e-3 / (1 - z / 2)
    np.testing.assert_allclose(result.recordings["cell.v"].values[0], trace, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(reading(result, "cell.v")[0], v, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(reading(result, "k.m")[0], m, rtol=1e-10, atol=1e-14)
    potentials = [*np.array(trace), v]
    crossed = [(k, i) for k in range(50) for i in range(2) if potentials[k][i] < -20e-3 <= potentials[k + 1][i]]
    expect(_spikes(result) == crossed, f"upward crossings should be {crossed}, not {_spikes(result)}")


PAIR = """
.model passive_of_the_kit {
  parameters:
    dt = 1 ms > 0 fixed
  state:
    v = 0
  inputs:
    I : 1
  step:
    dv/dt = (I - v)/(10 ms)
}
.synapse gap_of_the_kit {
  parameters:
    g = 1
  uses:
    v_pre : 1
    v_post : 1
  adds:
    I_post += g*(v_pre - v_post)
}
    POP a, passive_of_the_kit, 2
    POP b, passive_of_the_kit, 1
    SYN one, a, a
    CON one, [[0, 1], [0, 0]]
    VIA one, gap_of_the_kit
    SYN other, b, a
    CON other, all
    VIA other, gap_of_the_kit
    SET a.v, [3, -1]
    SET b.v, 8
    SET one.g, 0.5
    SET other.g, [2, 0.25]
    RUN 20 ms
    RD a.v
    RD b.v
"""


@check("network", MODEL_TEXTS, COUPLING)
def connections_are_summed_in_every_step(subject: Subject) -> None:
    """Each connection adds to an input in every step, from the values that the step begins with; several projections add up."""
    a, b = np.array([3.0, -1.0]), 8.0
    for _ in range(20):
        added = np.array([2 * (b - a[0]), 0.5 * (a[0] - a[1]) + 0.25 * (b - a[1])])
        a, b = a + DT * (added - a) / TAU, b - DT * b / TAU
    result = subject.run(PAIR)
    np.testing.assert_allclose(reading(result, "a.v")[0], a, rtol=1e-12)
    np.testing.assert_allclose(reading(result, "b.v")[0], [b], rtol=1e-12)


WARNED = """
.model warned_of_the_kit {
  parameters:
    dt = 1 ms > 0 fixed
  state:
    x = 0
    seen = 0
    crossed = 0
  step:
    x := x + 1
  spike: x > 6
  reset:
    x := 0
  event high: x > 3
    seen := seen + x
  event up: x crosses 4
    crossed += 1
}
    POP before, warned_of_the_kit, 1
    POP p, warned_of_the_kit, 2
    SET p.x, [0, 3]
    REC p.high
    REC p.up
    RUN 10 ms
    UNREC p.up
    RUN 10 ms
    RD p.seen
    RD p.crossed
"""


@check("network", MODEL_TEXTS, "record", EVENTS)
def events_happen_and_act_after_the_reset(subject: Subject) -> None:
    """An event has the values that the threshold sees, acts on what the reset left, and is recorded from REC to UNREC."""
    x, seen, crossed = np.array([0, 3]), np.zeros(2), np.zeros(2)
    high, up = [], []
    for step in range(20):
        before, x = x, x + 1
        is_high, is_up = x > 3, (x >= 4) & (before < 4)
        high += [(step, 1 + i) for i in np.flatnonzero(is_high)]
        up += [(step, 1 + i) for i in np.flatnonzero(is_up) if step < 10]
        x = np.where(x > 6, 0, x)
        seen, crossed = seen + is_high * x, crossed + is_up
    result = subject.run(WARNED)
    for name, wanted in (("p.high", high), ("p.up", up)):
        found = _times(result.events[name])
        expect(found == wanted, f"{name} should happen at {wanted}, not {found}")
    np.testing.assert_allclose(reading(result, "p.seen")[0], seen, rtol=1e-12)
    np.testing.assert_allclose(reading(result, "p.crossed")[0], crossed, rtol=1e-12)


def _spikes(result: Result) -> list[tuple[int, int]]:
    """Spikes as (step, neuron), sorted."""
    return _times(result.spikes)


def _times(found: Spikes) -> list[tuple[int, int]]:
    """Spikes or events as (step, neuron), sorted."""
    return sorted((round(t / DT), int(i)) for t, i in zip(found.t, found.i, strict=True))
