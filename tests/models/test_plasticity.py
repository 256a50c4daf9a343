"""Synapses with states against recordings of Brian2 and NEST: weights and states within 1e-9 of range, spikes the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.results import Result
from tests.models.mirrors import Array
from tests.models.run import literal, reading, run, same_spikes, spikes, trace
from tests.models.support import of_range, recorded, worst

DT = 1e-4
CLOSE = 1e-9
# Spikes when it is told to: what arrives in a step is a spike in the next.
GIVEN = """\
.model given {
  state:
    due = 0
  step:
    due := due
  spike: due > 0
  reset:
    due := due - 1
  receive:
    due += weight
}
"""
LEAKY = """\
.model leaky {
  parameters:
    bias = 0 mV
    tau_m = 10 ms
    tau_g = 5 ms
  state:
    v = -70 mV
    g = 0 mV
  step:
    dv/dt = (-70 mV - v + bias + g)/tau_m unless refractory
    dg/dt = -g/tau_g
  spike: v > -50 mV
  reset:
    v := -65 mV
  refractory: 2 ms
  receive:
    weight : V
    g += weight
}
"""


class Wire:
    """The connections of a recording, in the order of the program's, and the lines that make them."""

    def __init__(self, pre: Array, post: Array, sizes: tuple[int, int], synapse: str, target: str = "cells") -> None:
        self.order = np.lexsort((post, pre))
        matrix = np.zeros(sizes)
        matrix[pre, post] = 1
        assert matrix.sum() == len(pre)
        self.lines = [f"SYN wire, pre, {target}", f"CON wire, {matrix.astype(int).tolist()!r}", f"VIA wire, {synapse}"]

    def set(self, **values: Any) -> Wire:
        """Set parameters, states and delays: one number, or one a connection in the order of the recording."""
        for name, value in values.items():
            alike = np.ndim(value) == 0
            self.lines.append(
                f"SET wire.{name}, {float(value)!r}" if alike else f"SET wire.{name}, {literal(value[self.order])}"
            )
        return self

    def of(self, recording: Array) -> Array:
        """Columns of a recording in the program's order."""
        return np.asarray(recording)[..., self.order]


def given(name: str, i: Array, step: Array, late: int = 0) -> str:
    """The line that lets relays spike in these steps, or others that spike so many steps later."""
    rows = [[(int(k) - late) * DT, int(n)] for n, k in zip(i, step, strict=True)]
    assert min(step) >= late
    return f"EVT {name}, {rows!r}, 1"


def driven(name: str, texts: str, wire: Wire, known: Any, rest: list[str]) -> Result:
    """A run of given sources over a wire to leaky cells."""
    n = len(known["bias_mV"])
    lines = [f"POP pre, relay, {int(known['conn_pre'].max()) + 1}", f"POP cells, leaky, {n}", *wire.lines]
    lines += [f"SET cells.bias, {literal(known['bias_mV'] * 1e-3)}", f"SET cells.v, {literal(known['v0_mV'] * 1e-3)}"]
    lines += [f"SET cells.tau_g, {float(known['p_taug'])!r}", f"SET cells.tau_m, {float(known['p_taum'])!r}"]
    lines.append(given("pre", known["pre_i"], known["pre_step"]))
    return run("\n".join([texts + LEAKY, *lines, *rest, ""]))


def test_pairs_with_two_delays_a_connection() -> None:
    known = recorded("networks/brian2_stdp_pair.npz")
    tau_pre, tau_post, a_pre, a_post, w_max, duration = known["params"]
    sizes = (
        int(max(known["pre_i"].max(), known["conn_pre"].max())) + 1,
        int(max(known["post_i"].max(), known["conn_post"].max())) + 1,
    )
    wire = Wire(known["conn_pre"], known["conn_post"], sizes, "stdp_pair").set(
        w=known["w0"], delay=known["delay_pre_s"], post_delay=known["delay_post_s"], weight=0.0,
        tau_pre=tau_pre, tau_post=tau_post, A_pre=a_pre, A_post=a_post, w_max=w_max,
    )  # fmt: skip
    lines = [GIVEN, f"POP pre, relay, {sizes[0]}", f"POP cells, given, {sizes[1]}", *wire.lines]
    lines += [given("pre", known["pre_i"], known["pre_step"]), given("cells", known["post_i"], known["post_step"], 1)]
    lines += ["REC wire.w", "RUN 0.1 ms", "REC wire.apre, 1 ms", "REC wire.apost, 1 ms", f"RUN {float(duration - DT)!r} s"]
    read = [f"RD wire.{name}" for name in ("w", "last_event", "apre", "apost")]
    result = run("\n".join([*lines, *read, ""]))
    weights, each = trace(result, "wire.w"), np.arange(1, 10000, 10)
    assert worst(weights[each], wire.of(known["w_1ms"])) < CLOSE
    assert worst(weights[:, np.argsort(wire.order)[:3]], known["w_every_step_first3"]) < CLOSE
    for name in ("apre", "apost"):
        assert of_range(trace(result, f"wire.{name}"), wire.of(known[f"{name}_1ms"])) < CLOSE
    assert worst(reading(result, "wire.w"), wire.of(known["w_final"])) < CLOSE
    assert worst(reading(result, "wire.last_event"), wire.of(known["lastupdate_final_s"])) < CLOSE
    _check_end(result, wire, known, {"apre": "apre", "apost": "apost"})


def test_triplets() -> None:
    known = recorded("networks/brian2_stdp_triplet.npz")
    sizes = int(known["conn_pre"].max()) + 1, len(known["bias_mV"])
    wire = Wire(known["conn_pre"], known["conn_post"], sizes, "stdp_triplet").set(
        w=known["w0"], delay=known["delay_s"], weight=1e-3, w_max=known["p_wmax"],
        tau_plus=known["p_taup"], tau_x=known["p_taux"], tau_minus=known["p_tauq"], tau_y=known["p_tauy"],
        A2_plus=known["p_A2p"], A3_plus=known["p_A3p"], A2_minus=known["p_A2m"], A3_minus=known["p_A3m"],
    )  # fmt: skip
    states = ("w", "r1", "r2", "o1", "o2")
    rest = ["REC cells.v, 1 ms", "REC cells.g, 1 ms", "RUN 0.1 ms", *(f"REC wire.{s}, 1 ms" for s in states), "RUN 999.9 ms"]
    result = driven("triplet", "", wire, known, [*rest, *(f"RD wire.{s}" for s in states)])
    for name in states:
        assert of_range(trace(result, f"wire.{name}"), wire.of(known[f"{name}_rec"])) < CLOSE, name
    _check_end(result, wire, known, dict(zip(states, states, strict=True)))
    _check_cells(result, known, sizes[0])


def _check_end(result: Result, wire: Wire, known: Any, states: dict[str, str]) -> None:
    """States of the connections at the end of the recording, by our names and its."""
    for mine, theirs in states.items():
        assert of_range(reading(result, f"wire.{mine}"), wire.of(known[f"{theirs}_final"])) < CLOSE, mine


def _check_cells(result: Result, known: Any, first: int) -> None:
    """The same spikes, and membranes and conductances of the cells at the start of every tenth step."""
    assert same_spikes(spikes(result, first), np.stack([known["spk_step"], known["spk_i"]], axis=1))
    for name in ("v", "g"):
        assert of_range(trace(result, f"cells.{name}"), known[f"{name}_1ms"] * _unit(known[f"{name}_1ms"])) < CLOSE, name


def _unit(values: Array) -> float:
    """Recordings are in volts, or in millivolts."""
    return 1e-3 if np.abs(values).max() > 0.5 else 1.0


def test_short_term_plasticity() -> None:
    known = recorded("networks/brian2_tsodyks_markov.npz")
    sizes = int(known["conn_pre"].max()) + 1, len(known["bias_mV"])
    wire = Wire(known["conn_pre"], known["conn_post"], sizes, "tsodyks_markram").set(
        U=known["U"], delay=known["delay_s"], tau_rec=known["p_taud"], tau_facil=known["p_tauf"]
    )
    matrix = np.zeros(sizes)
    matrix[known["conn_pre"], known["conn_post"]] = known["w0"] * 1e-3
    wire.lines[1] = f"CON wire, {matrix.tolist()!r}"
    rest = ["REC cells.v, 1 ms", "REC cells.g, 1 ms", "RUN 0.1 ms", "REC wire.x, 1 ms", "REC wire.u, 1 ms", "RUN 999.9 ms"]
    result = driven("short", "", wire, known, [*rest, "RD wire.x", "RD wire.u"])
    for name in ("x", "u"):
        assert of_range(trace(result, f"wire.{name}"), wire.of(known[f"{name}_rec"])) < CLOSE, name
    _check_end(result, wire, known, {"x": "x", "u": "u"})
    _check_cells(result, known, sizes[0])


def test_reward_comes_from_a_register() -> None:
    known = recorded("networks/brian2_reward_stdp.npz")
    sizes = int(known["conn_pre"].max()) + 1, len(known["bias_mV"])
    wire = Wire(known["conn_pre"], known["conn_post"], sizes, "stdp_reward").set(
        w=known["w0"], delay=known["delay_s"], weight=1e-3, w_max=1e9, rate=known["p_lr"],
        tau_pre=known["p_taupre"], tau_post=known["p_taupost"], A_pre=known["p_Ap"], A_post=known["p_Am"],
        tau_c=known["p_taue"], tau_D=known["p_tauD"],
    )  # fmt: skip
    states = {"w": "q", "c": "elig", "D": "D", "apre": "apre", "apost": "apost"}
    rest = ["REC cells.v, 1 ms", "REC cells.g, 1 ms", "RUN 0.1 ms", *(f"REC wire.{s}, 2 ms" for s in states)]
    done = 1
    for seconds in known["reward_s"]:
        step = int(seconds / DT + 0.001) + 1  # the reward comes in the step before
        rest += [f"RUN {(step - done) * DT!r} s", "PEEK r0, wire.D, 0", f"ADD r0, r0, {float(known['reward_amp'])!r}"]
        rest.append("SET wire.D, r0")
        done = step
    rest += [f"RUN {(10000 - done) * DT!r} s", *(f"RD wire.{name}" for name in states)]
    result = driven("reward", "", wire, known, rest)
    for mine, theirs in states.items():
        assert of_range(trace(result, f"wire.{mine}"), wire.of(known[f"{theirs}_rec"])) < CLOSE, mine
    _check_end(result, wire, known, states)
    _check_cells(result, known, sizes[0])


NETWORK = """\
.model cell {
  parameters:
    bias = 0 mV
  state:
    v = -70 mV
    ge = 0 mV
    gi = 0 mV
  step:
    dv/dt = (-70 mV - v + bias + ge - gi)/(20 ms) unless refractory
    dge/dt = -ge/(5 ms)
    dgi/dt = -gi/(10 ms)
  spike: v > -50 mV
  reset:
    v := -60 mV
  refractory: 2 ms
  receive e:
    weight : V
    ge += weight
  receive i:
    weight : V
    gi += weight
}
.synapse inhibition {
  state:
    w = 0
  uses:
    gi_post : V
  on pre:
    gi_post += w*(1 mV)
}
"""


def test_a_network_that_learns() -> None:
    known = recorded("networks/brian2_plastic_net.npz")
    n_e, n_i, n = int(known["p_ne"]), int(known["p_ni"]), len(known["bias_mV"])
    lines = [NETWORK, f"POP cells, cell, {n}", f"SET cells.bias, {literal(known['bias_mV'] * 1e-3)}"]
    lines.append(f"SET cells.v, {literal(known['v0_mV'] * 1e-3)}")
    learning = {"tau_pre": known["p_taupre"], "tau_post": known["p_taupost"], "A_pre": known["p_Ap"], "A_post": known["p_Am"]}
    wires = {}
    for name, synapse, key, first in (("exc", "stdp_pair", "e", 0), ("inh", "inhibition", "i", n_e)):
        pre, post = known[f"{key}_pre"], known[f"{key}_post"]
        pre = pre + first if pre.max() < (n_e if key == "e" else n_i) else pre
        wire = wires[name] = Wire(pre, post, (n, n), synapse, f"cells.{key}")
        wire.set(w=known["e_w0"] if key == "e" else known["i_w"], delay=known[f"{key}_delay_s"])
        lines += [line.replace("wire", name).replace(" pre,", " cells,") for line in wire.lines]
    lines += [f"SET exc.{key}, {float(value)!r}" for key, value in {**learning, "w_max": known["p_wmax"]}.items()]
    lines += ["SET exc.weight, 1 mV", "REC exc.w, 5 ms", "REC cells.v, 0.5 ms", f"RUN {float(known['p_T'])!r} s"]
    result = run("\n".join([*lines, "RD exc.w", "RD exc.apre", "RD exc.apost", "RD exc.last_event", ""]))
    assert same_spikes(spikes(result), np.stack([known["spk_step"], known["spk_i"]], axis=1))
    wire = wires["exc"]
    for name, theirs in (("w", "w_final"), ("apre", "apre_final"), ("apost", "apost_final"), ("last_event", "lastupdate_s")):
        assert of_range(reading(result, f"exc.{name}"), wire.of(known[f"e_{theirs}"])) < CLOSE, name
    some = np.argsort(wire.order)[known["w_some_idx"]]
    assert of_range(trace(result, "exc.w")[:, some], known["w_some_5ms"]) < CLOSE
    some_v = known["v_some_05ms"] * _unit(known["v_some_05ms"])
    neurons = [int(np.argmin(np.abs(known["v0_mV"] * 1e-3 - start))) for start in some_v[0]]
    assert of_range(trace(result, "cells.v")[:, neurons], some_v) < CLOSE


# --- NEST ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", range(3))
def test_stdp_of_nest(which: int) -> None:
    """The weight at each sending spike; NEST's spikes of a time t are those of step t/dt - 1 here."""
    known = recorded("networks/nest_synapses.npz")
    tau_plus, tau_minus, step_size, alpha, mu_plus, mu_minus, w_max, w0, delay = known[f"stdp{which}_par"].tolist()
    pre, post = (np.rint(known[f"stdp_{side}_ms"] * 10).astype(int) for side in ("pre", "post"))
    lines = [GIVEN, "POP pre, relay, 1", "POP cells, given, 1", "SYN wire, pre, cells", "CON wire, all", "VIA wire, nest_stdp"]
    values = {"lambda": step_size, "alpha": alpha, "mu_plus": mu_plus, "mu_minus": mu_minus, "w_max": w_max, "w": w0 / w_max}
    lines += [f"SET wire.{name}, {value!r}" for name, value in values.items()]
    lines += [f"SET wire.tau_plus, {tau_plus} ms", f"SET wire.tau_minus, {tau_minus} ms", "SET wire.weight, 0"]
    lines += [f"SET wire.effect_delay, {delay} ms", f"SET wire.post_delay, {delay} ms"]
    lines += [
        given("pre", np.zeros(len(pre)), pre),
        given("cells", np.zeros(len(post)), post, 1),
        "REC wire.sent",
        "RUN 100 ms",
    ]
    sent = trace(run("\n".join([*lines, ""])), "wire.sent")[:, 0]
    assert worst(w_max * sent[pre + 1], known[f"stdp{which}_w"]) < 1e-12 * w_max


# NEST's tsodyks_synapse: what a spike releases is active (y), then inactive, then recovered (x).
TSODYKS = """\
.synapse tsodyks {
  parameters:
    U = 0.5
    tau_rec = 800 ms
    tau_psc = 3 ms
    tau_fac = 1 s
    facilitates = 1
  state:
    x = 1
    y = 0
    u = 0
    sent = 0
  step:
    dx/dt = (1 - x - y)/tau_rec event-driven
    dy/dt = -y/tau_psc event-driven
    du/dt = -u/tau_fac event-driven
  on pre:
    u := u*facilitates
    u += U*(1 - u)
    sent := u*x
    x += -sent
    y += sent
}
.synapse tsodyks2 {
  parameters:
    U = 0.1
    tau_rec = 100 ms
    tau_fac = 1 s
  state:
    x = 1
    u = 0.5
    sent = 0
    last = -1 s
  on pre:
    x := where(last < 0 s, x, 1 + (x - x*u - 1)*exp(-(t - last)/tau_rec))
    u := where(last < 0 s, u, U + u*(1 - U)*exp(-(t - last)/tau_fac))
    sent := u*x
    last := t
}
"""


def test_short_term_plasticity_of_nest() -> None:
    """What each spike of NEST's tsodyks_synapse and tsodyks2_synapse transmits, in parts of the weight 100."""
    known = recorded("networks/nest_synapses.npz")
    steps = np.rint(known["tsodyks_pre_ms"] * 10).astype(int)
    lines = [GIVEN, TSODYKS, "POP pre, relay, 1", "POP cells, given, 2"]
    for name, text, rule in (
        ("both", "tsodyks", "all"),
        ("second", "tsodyks2", "[[1, 0]]"),
        ("ours", "tsodyks_markram", "[[1, 0]]"),
    ):
        lines += [f"SYN {name}, pre, cells", f"CON {name}, {rule}", f"VIA {name}, {text}"]
    lines += ["SET both.U, [0.5, 0.1]", "SET both.facilitates, [0, 1]", "SET both.tau_rec, [0.8, 0.1]"]
    lines += ["SET ours.weight, 0", "SET ours.U, 0.1", "SET ours.tau_rec, 100 ms", "SET ours.tau_facil, 1 s"]
    begins = (0.5 - 0.1) / (1 - 0.1) * np.exp(float(steps[0]) * DT)  # a share that the first spike raises to NEST's 0.5
    lines += [f"SET ours.u, {float(begins)!r}", given("pre", np.zeros(len(steps)), steps)]
    lines += ["REC both.sent", "REC second.sent", "REC ours.x", "REC ours.u", f"RUN {(int(steps[-1]) + 2) * DT!r} s"]
    result = run("\n".join([*lines, ""]))
    for at, case in enumerate(("tsodyks_synapse_U0.5_tf0", "tsodyks_synapse_U0.1_tf1000")):
        assert worst(100 * trace(result, "both.sent")[steps + 1, at], known[f"{case}_w"]) < 1e-10
    wanted = known["tsodyks2_synapse_U0.1_tf1000_w"]
    assert worst(100 * trace(result, "second.sent")[steps + 1, 0], wanted) < 1e-10
    u, x = (trace(result, f"ours.{name}")[steps + 1, 0] for name in "ux")
    assert worst(100 * u * x / (1 - u), wanted) < 1e-10  # x is what a spike left


# --- homeostasis --------------------------------------------------------------------------------------

# The sum of the weights onto a neuron is its state, which every change of a weight changes; every 100 steps they are scaled.
SCALED = """\
.model summed {
  parameters:
    amplitude = 6 mV
    f = 8 Hz
    goal = 4
  state:
    v = -70 mV
    g = 0 mV
    total = 0
    before = 0
    factor = 1
  definitions:
    done = (t/dt - 1)/100
    due = where(abs(done - floor(done + 0.5)) < 0.001, 1, 0)
  step:
    dv/dt = (-70 mV - v + g + amplitude*sin(2*pi*f*t))/(10 ms)
    dg/dt = -g/(5 ms)
    factor := where(due > 0.5, goal/before, 1)
    total := total*factor
    before := total
  spike: v > -50 mV
  reset:
    v := -65 mV
  receive:
    weight : V
    g += weight
}
.synapse scaled {
  parameters:
    scale = 10
    eta = 0.02
  state:
    w = 0
    old = 0
  uses:
    g_post : V
    total_post : 1
    factor_post : 1
  step:
    w := w*factor_post
  on pre:
    g_post += w*scale*(1 mV)
    old := w
    w := clip(w + eta, 0, 10)
    total_post += w - old
}
"""


# One variable by two names where a neuron is connected with itself; elsewhere two.
BOTH_ENDS = """\
.synapse both {
  uses:
    x_pre : 1
    x_post : 1
  on pre:
    x_pre += 1
    x_post += 10*x_pre
    x_pre := 2*x_pre
}
.model cell {
  state:
    due = 0
    x = 0
  step:
    due := due
  spike: due > 0
  reset:
    due := 0
  receive:
    due += weight
}
    POP cells, cell, 3
    SYN wire, cells, cells
    CON wire, [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    VIA wire, both
    EVT cells, [[1e-3, 0], [1e-3, 1]], 1
    RUN 3 ms
    RD cells.x
"""


def test_a_neuron_that_is_connected_with_itself_is_one_neuron() -> None:
    found = bioasm.run(BOTH_ENDS, seed=1, lanes=3)
    assert (np.asarray(found.results[0].value) == [2 * (1 + 10), 2, 10]).all()


def test_weights_are_scaled_by_their_sum() -> None:
    known = recorded("networks/brian2_homeostasis.npz")
    sizes = int(known["conn_pre"].max()) + 1, known["v_1ms_end"].shape[1]
    wire = Wire(known["conn_pre"], known["conn_post"], sizes, "scaled")
    wire.set(w=known["w0"], delay=known["delay_s"], scale=known["p_scale"], eta=known["p_eta"])
    totals = np.bincount(known["conn_post"], known["w0"], minlength=sizes[1])
    lines = [SCALED, f"POP pre, relay, {sizes[0]}", f"POP cells, summed, {sizes[1]}", *wire.lines]
    lines += [f"SET cells.total, {literal(totals)}", f"SET cells.before, {literal(totals)}"]
    lines += [f"SET cells.goal, {float(known['p_W'])!r}", f"SET cells.f, {float(known['p_f'])!r}"]
    lines += [
        f"SET cells.amplitude, {float(known['p_amp']) * _unit(known['p_amp'])!r}",
        given("pre", known["pre_i"], known["pre_step"]),
    ]
    lines += ["RUN 0.1 ms", "REC wire.w, 1 ms", "REC cells.v, 1 ms", f"RUN {float(known['p_T']) - DT!r} s"]
    result = run("\n".join([*lines, ""]))
    assert of_range(trace(result, "wire.w"), wire.of(known["w_1ms_end"])) < CLOSE
    assert of_range(trace(result, "cells.v"), known["v_1ms_end"] * _unit(known["v_1ms_end"])) < CLOSE
    assert same_spikes(spikes(result, sizes[0]), np.stack([known["spk_step"], known["spk_i"]], axis=1))
