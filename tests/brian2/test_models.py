"""Models as texts on Brian2: every kind of equation, event, port and connection does what it does on the compiled machine."""
# ruff: noqa: E501  (programs and equations read better whole)

from __future__ import annotations

import numpy as np
import pytest

from tests.brian2.support import assert_alike, on_brian2, on_cpu
from tests.seeds import rarely

LEAKY = """.model leaky {{
  "a neuron to try things on"
  parameters:
    tau = 10 ms > 0 "time constant"
    theta = 1 "threshold"
    t_ref = 2 ms >= 0 "refractory time"
  noise: sigma = 0.1
  state:
    x = 0.2 "first variable"
    y = x/2 + 0.1 "second variable"
  inputs:
    I : 1 "input"
  definitions:
    z = clip(x + y, -2, 2)
    big = where(z > 0.5, 1, 0)
  step:
    {step}
  {rest}
}}
"""
FIRES = "spike: x > theta\n  reset:\n    x := 0\n    y := y + 0.1\n  receive:\n    x += weight\n  receive second:\n    y += 2*weight\n    x += weight/2\n"
STEPS = {
    "euler": "dx/dt = (I - x + y)/tau\n    dy/dt = -y/tau",
    "noise": "dx/dt = (I - x)/tau + sigma*sqrt(2/tau)*xi\n    dy/dt = -y/tau + x*sqrt(1/tau)*xi_b + 0.1*sqrt(1/tau)*xi_a",
    "rk4": "dx/dt = (I - x + y*y)/tau using rk4\n    dy/dt = (x - y)/tau using rk4",
    "cnexp": "dx/dt = (I - x*(1 + y))/tau using cnexp\n    dy/dt = -y/tau using cnexp",
    "exact": "dx/dt = (I - 2*x)/tau using exact\n    dy/dt = (I - x)/tau using euler",
    "exponential_euler": "dx/dt = (I - x^3 + tanh(y))/tau using exponential_euler\n    dy/dt = (exp(-y) - y)/tau using exponential_euler",
    "implicit": "dx/dt = (I - x*abs(x) + sin(y))/tau using implicit\n    dy/dt = (cos(y) - exprelr(y))/tau using implicit",
    "mixed": "dx/dt = (I - x)/tau using rk4\n    dy/dt = (sqrt(abs(x)) - y)/tau using cnexp\n  then:\n    x := x + 0.001*big",
    "assigned": "dx/dt = (I - x)/tau\n    y := max(y - 0.01, min(x, 0.3, y), -1)",
    "stages": "dx/dt = (I - x)/tau\n  then:\n    dy/dt = (x - y)/tau\n    x := x + 0.001*floor(10*y)",
    "time": "dx/dt = (I*where(t > 5 ms and not (t > 12 ms), 1, 0) - x)/tau using rk4\n    dy/dt = log(1 + t/(1 ms))/tau - y/dt*0.01",
}
RUN = "INP cells.I, [0.5, 1.5, 3]\nEVT cells, [[3e-3, 0], [3e-3, 0], [8e-3, 2]], 0.4\nEVT cells.second, [[5e-3, 1]], 0.3\nREC cells.x\nREC cells.y\nRUN 30 ms\nRD cells.z\n"


def leaky(step: str, rest: str = FIRES, n: int = 3) -> str:
    """A program of the leaky model."""
    return LEAKY.format(step=step, rest=rest) + f"POP cells, leaky, {n}\n"


@pytest.mark.parametrize("name", STEPS)
def test_equations_and_methods(name: str) -> None:
    text = leaky(STEPS[name]) + RUN
    found = on_brian2(text)
    assert_alike(found, on_cpu(text))
    assert found.spikes.t.size > 0


@pytest.mark.parametrize(
    "rest",
    [
        "spike: x >= theta\n  reset:\n    x := 0",
        "spike: x crosses theta",
        "spike: x > theta\n  reset:\n    x := 0\n  refractory: t_ref",
        "spike: x > theta\n  reset:\n    x := 0\n  refractory: 1.05*t_ref",
        "spike: x > theta\n  reset:\n    x := 0\n  refractory: 1.05*t_ref inclusive",
    ],
)
def test_thresholds_resets_and_refractory_times(rest: str) -> None:
    receive = "\n  receive:\n    x += weight\n  receive second:\n    y += weight\n"
    frozen = " unless refractory" if "refractory" in rest else ""
    text = leaky(f"dx/dt = (I - x)/tau{frozen}\n    dy/dt = (x - y)/tau", rest + receive) + RUN
    found = on_brian2(text)
    assert_alike(found, on_cpu(text))
    assert found.spikes.t.size > 0


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.15, 1.0, 7.3])
def test_spikes_under_way_arrive_after_their_delay(delay: float) -> None:
    wiring = f"SYN loop, cells, cells\nCON loop, others\nSET loop.weight, 0.3\nSET loop.delay, {delay} ms\n"
    text = leaky(STEPS["euler"]) + wiring + RUN
    assert_alike(on_brian2(text, lanes=2), on_cpu(text, lanes=2))


@pytest.mark.parametrize(
    "rule",
    ["all", "others", "one_to_one", "probability, 0.4", "indegree, 2", "outdegree, 1", "[[0, 0.5, 0], [1, 0, 0], [0, 0, 2]]",
     "sparse(3) { 0 1 0.5 | 2 2 1 }", "total, 4", '"total with multapses", 8', '"indegree with multapses without autapses", 3',
     '"i != j and exp(-i) > u"'],
)  # fmt: skip
def test_connections(rule: str) -> None:
    text = leaky(STEPS["euler"]) + f"SYN loop, cells, cells.second\nCON loop, {rule}\nSET loop.weight, 0.2\n" + RUN
    assert_alike(on_brian2(text, seed=5, lanes=2), on_cpu(text, seed=5, lanes=2))


def test_parts_of_a_population_are_connected() -> None:
    text = leaky(STEPS["euler"]) + "SYN loop, cells[1:], cells[:2].second\nCON loop, all\nSET loop.weight, 0.2\n" + RUN
    assert_alike(on_brian2(text, seed=5, lanes=2), on_cpu(text, seed=5, lanes=2))


def test_spikes_under_way_are_forgotten_by_a_reset() -> None:
    wiring = "SYN loop, cells, cells\nCON loop, all\nSET loop.weight, 0.3\nSET loop.delay, 5 ms\n"
    text = leaky(STEPS["euler"]) + wiring + RUN + "RST\nRUN 10 ms\nRD cells.x\n"
    assert_alike(on_brian2(text), on_cpu(text))


@pytest.mark.parametrize("how", ["add", "set", "scale"])
def test_inputs_are_added_set_and_scaled(how: str) -> None:
    play = "PLAY cells.I, [[0.5], [0], [-0.2]], 4 ms\n"
    later = f"INP cells.I, [0.1, 2, 0.7], {how}\nRUN 10 ms\nINP cells.I, 0.3\nRUN 5 ms\nRD cells.I\n"
    text = leaky(STEPS["euler"]) + play + RUN + later
    assert_alike(on_brian2(text), on_cpu(text))


def test_random_spikes_to_several_ports_are_those_of_the_machine() -> None:
    text = (
        leaky(STEPS["euler"]) + "RATE cells, 200 Hz, 0.2\nRATE cells.second, [50, 100, 150], 0.3\n" + RUN.replace("EVT", ";EVT")
    )
    assert_alike(on_brian2(text, lanes=3), on_cpu(text, lanes=3))


@pytest.mark.parametrize("name", ["rk4", "stages"])
def test_clamped_neurons_hold(name: str) -> None:
    text = leaky(STEPS[name]) + "CLAMP [0, 2], [0.4, 5]\n" + RUN + "FREE 2\nRUN 5 ms\nRD cells.x\n"
    assert_alike(on_brian2(text), on_cpu(text))


GATE = """.mechanism gate {
  "a mechanism that reads and drives what it stands on"
  parameters:
    g = 0.5 "strength"
  uses:
    x : 1
    theta : 1
  state:
    m = x/4 "gate"
  step:
    dm/dt = (x - m)/(3 ms) using exact
  receive:
    m += weight
  adds:
    I += -g*m*(held(x) - theta) + 0.1*delayed(m)
}
"""


@pytest.mark.parametrize("name", ["rk4", "implicit", "mixed"])
@pytest.mark.parametrize("delay", [0, 2])
def test_mechanisms_share_a_membrane(name: str, delay: int) -> None:
    wiring = (
        f"MECH a, gate, cells\nMECH b, gate, cells\nSYN s, cells, a\nCON s, all\nSET s.weight, 0.1\nSET s.delay, {delay} ms\n"
    )
    text = GATE + leaky(STEPS[name]) + wiring + "SET b.g, 0.2\nREC a.m\n" + RUN
    assert_alike(on_brian2(text), on_cpu(text))


SHIPPED = {
    "lif": "POP c, lif, 3\nINP c.I, [26e-9, 30e-9, 50e-9]\nREC c.v\nEVT c, [[5e-3, 0], [20e-3, 1]], 30 mV\nRUN 100 ms\n",
    "hh": "POP c, hh, 2\nINP c.I, [0.1, 0.2]\nREC c.v\nREC c.m\nRUN 20 ms\n",
    "hh_brainpy": "POP c, hh_brainpy, 2\nINP c.I, [0.1, 0.2]\nREC c.v\nREC c.m\nRUN 20 ms\n",
    "ampa": "POP c, hh, 3\nMECH s, ampa, c\nSYN l, c, s\nCON l, all\nSET l.delay, 1.5 ms\nINP c.I, 0.2\nREC c.v\nREC s.s\nRUN 20 ms\n",
    "dpi_adex": "POP c, dpi_adex, 2\nRATE c.ampa, 80 Hz, 5\nRATE c.gaba_a, 50 Hz, 1\nINP c.I, [300e-12, 0]\nREC c.Imem\nREC c.Iahp\nRUN 100 ms\n",
    "membrane": "POP c, membrane, 2\nMECH h, hh_channels, c\nMECH p, pas, c\nINP c.I_clamp, [11e-12, 22e-12]\nREC c.v\nREC h.m\nRUN 20 ms\n",
    "dynapsim": "POP c, dynapsim, 3\nRATE c, 300 Hz, 20\nREC c.imem\nREC c.isyn\nRUN 200 ms\n",
    "arbor_lif": "POP c, arbor_lif, 2\nEVT c, [[1e-3, 0], [1.5e-3, 0], [2e-3, 1], [5e-3, 0]], 110e-15\nREC c.v\nRUN 10 ms\n",
    "olive_soma": "POP c, olive_soma, 2\nINP c.I_clamp, [0, 1e-12]\nREC c.v\nRUN 10 ms\n",
}


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_models(name: str) -> None:
    assert_alike(on_brian2(SHIPPED[name]), on_cpu(SHIPPED[name]))


def test_two_populations_and_their_names() -> None:
    text = (
        "POP a, lif_critical, 3\nPOP b, lif, 4\nSIG 4 mV\nSYN ab, a, b\nCON ab, indegree, 2\nSET ab.weight, 5 mV\n"
        "SYN ba, b, a\nCON ba, [[1e-3,0,2e-3],[0,1e-3,0],[0,0,0],[5e-3,0,0]]\nSET ba.delay, 0.5 ms\nINP a.I, 0.1 nA\n"
        "INP b.I, 24 nA\nINP a.I, 0.5, scale\nPLAY b.I, [[1e-8],[0]], 5 ms\nREC a.v\nREC b.v\nRUN 50 ms\nINP a.I, 0.2 nA, set\n"
        "RST\nRUN 50 ms\nRD b.v\nRD spike_count\nRD a.spike_count\nGET r1, spike_count\nOUT r1\nRD best_state\nPEEK r2, b.v, 3\nOUT r2\n"
    )
    assert_alike(on_brian2(text, lanes=2), on_cpu(text, lanes=2))


@pytest.mark.parametrize(
    "step", ["dx/dt = (I - x)/tau\n  then:\n    dy/dt = (x - y)/tau", *rarely("x := x + 0.01*I\n    y := 0.3*x")]
)
def test_what_is_clamped_does_not_move_between_stages(step: str) -> None:
    text = leaky(step) + "CLAMP [0, 2], [0.4, 5]\n" + RUN + "FREE 2\nRUN 5 ms\nRD cells.y\n"
    assert_alike(on_brian2(text), on_cpu(text))


def test_what_is_frozen_stands_still_inside_rk4() -> None:
    step = "dx/dt = (I - x + y*y)/tau using rk4 unless refractory\n    dy/dt = (x - y)/tau using rk4"
    text = leaky(step, FIRES + "  refractory: t_ref\n") + RUN
    assert_alike(on_brian2(text), on_cpu(text))


ORDERS = ["receive, spike, reset, step", "receive, step, spike, reset", "spike, reset, step, receive"]
ALIKE = [("", ""), (" unless refractory", " inclusive")]  # of each half the other two have


@pytest.mark.parametrize("order", [ORDERS[0], *rarely(*ORDERS[1:])])
@pytest.mark.parametrize(
    ("frozen", "ends"),
    [(" unless refractory", ""), *rarely(("", " inclusive"), *ALIKE)],
)
def test_refractory_times_in_every_order(order: str, ends: str, frozen: str) -> None:
    rest = FIRES.replace("x := 0\n", "x := 0.9\n") + f"  refractory: 0.25 ms{ends}\n  order: {order}\n"
    arriving = ", ".join(f"[{k}e-4, 1]" for k in range(20, 100, 3))
    text = leaky(f"dx/dt = (I - x)/tau{frozen}\n    dy/dt = (x - y)/tau", rest)
    text += f"EVT cells, [{arriving}], 0.07\nINP cells.I, [0.5, 15, 30]\nREC cells.x\nRUN 10 ms\n"
    assert_alike(on_brian2(text), on_cpu(text))


@pytest.mark.parametrize("later", ["", "SIG 0.2\nRUN 5 ms\nRD b.x\n"])
def test_each_population_has_the_noise_of_its_model_before_any_sig(later: str) -> None:
    loud = leaky(STEPS["noise"])
    calm = loud.split("POP")[0].replace(".model leaky", ".model calm").replace("sigma = 0.1", "sigma = 0.03")
    text = calm + loud + "POP b, calm, 2\nREC b.x\nRUN 10 ms\n" + later
    assert_alike(on_brian2(text), on_cpu(text))


@pytest.mark.parametrize("name", ["zellä", "_a", "lambda", "N", "a_pre"])
def test_names_that_brian2_would_not_take(name: str) -> None:
    text = SHIPPED["lif"].replace("POP c", f"POP {name}").replace(" c", f" {name}")
    assert_alike(on_brian2(text), on_cpu(text))


def test_names_that_would_be_one_when_joined() -> None:
    step = "dx/dt = (I_set*I - b_c*x + y)/tau\n    dy/dt = -y/tau"
    model = leaky(step, FIRES.replace("second", "port")).replace("theta = 1", "b_c = 2\n    I_set = 1\n    theta = 1")
    model = model.replace("POP cells", "POP a")
    gate = GATE.replace("gate {", "r {").replace("g = 0.5", "c = 0.5").replace("-g*m", "-c*m")
    text = gate + model + "MECH a_b, r, a\nEVT a, [[1e-3, 0]], 0.4\nEVT a.port, [[2e-3, 1]], 0.3\nREC a.x\nRUN 5 ms\n"
    assert_alike(on_brian2(text), on_cpu(text))


def test_neurons_start_as_their_parameters_are_when_they_first_run() -> None:
    text = "POP a, membrane, 2\nMECH k, hh_channels, a\nSET a.v0, {v0}\nREC a.v\nREC k.m\n{late}RUN 0.2 ms\n"
    for v0, late in (("-50 mV", ""), ("[-0.05, -0.06]", ""), ("-50 mV", "RUN 0.1 ms\nSET a.v0, 0 mV\n")):
        program = text.format(v0=v0, late=late)
        assert_alike(on_brian2(program), on_cpu(program))
        assert on_brian2(program).recordings["a.v"].values[0, 0, 0] == -0.05


def test_parts_of_a_population_are_read() -> None:
    text = leaky(STEPS["euler"]) + RUN + "RD cells[1:].x\nRD cells[:2].spike_count\nRD cells.x\n"
    for found in (on_brian2(text, seed=5, lanes=2), on_cpu(text, seed=5, lanes=2)):
        part, count, whole = (found.results[k].value for k in (-3, -2, -1))
        assert np.array_equal(part, whole[:, 1:]) and part.shape == (2, 2)
        assert count.shape == (2, 2)
        assert found.results[-3].what == "cells[1:].x"
