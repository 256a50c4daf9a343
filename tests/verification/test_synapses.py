"""Synapses with states of their own do on Brian2 what they do on the compiled machine: weights, states, spikes, results."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bioasm.drivers.registry import connect
from bioasm.runtime.delays import differing_delays
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verification.deviations import Row
from bioasm.verifier.gate import verify
from tests.seeds import seeds
from tests.verification.support import compared, row
from tests.vm.synapse_programs import CELLS, LEARNED

CELL = CELLS.replace("drive = 9 mV", "drive = 6 mV")
# What each text that ships is given: more plasticity than its defaults, delays of its pathways, and weights that matter.
SHIPPED = {
    "stdp_pair": "SET s.A_pre, 0.1\nSET s.A_post, -0.12\nSET s.delay, 1.2 ms\nSET s.post_delay, 0.5 ms",
    "stdp_triplet": "SET s.A2_minus, 0.1\nSET s.A3_plus, 0.2\nSET s.delay, 0.7 ms",
    "tsodyks_markram": "SET s.U, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.5, 0.4, 0.3]\nSET s.delay, 0.3 ms",
    "homeostatic_scaling": "SET s.gain, 5\nSET s.tau, 20 ms\nSET s.post_delay, 0.2 ms",
    "stdp_reward": "SET s.rate, 20 Hz\nSET s.tau_c, 50 ms",
    "nest_stdp": "SET s.lambda, 0.2\nSET s.w, 0.4\nSET s.w_max, 1\nSET s.effect_delay, 1 ms\nSET s.post_delay, 1 ms",
}
STATE = dict.fromkeys(SHIPPED, "w") | {"tsodyks_markram": "x"}
REWARD = "PEEK r0, stdp_reward.D, 0\nADD r0, r0, 0.8\nSET stdp_reward.D, r0"


def shipped(*names: str, seconds: str) -> str:
    """Relays with random spikes, to three noisy cells for each synapse that ships."""
    lines = ["POP pre, relay, 4"]
    for name in names:
        lines += [f"POP {name}_post, cell, 3", f"SYN {name}, pre, {name}_post", f"CON {name}, all", f"VIA {name}, {name}"]
        lines += [SHIPPED[name].replace("s.", f"{name}."), f"SET {name}.weight, 3 mV"]
    lines += ["RATE pre, 150 Hz, 1", "RUN 20 ms", REWARD if "stdp_reward" in names else "", f"RUN {seconds}"]
    return "\n".join([CELL, *lines, *(f"RD {name}.pre\nRD {name}.{STATE[name]}" for name in names), ""])


def test_plasticity_and_depression_do_the_same() -> None:
    for one in _states(shipped("stdp_pair", "tsodyks_markram", seconds="30 ms")):
        assert one.deviation is not None and one.deviation <= 1e-11 * one.scale


@pytest.mark.long
@pytest.mark.parametrize("name", SHIPPED)
def test_a_synapse_that_ships_does_the_same_over_a_second(name: str) -> None:
    for one in _states(shipped(name, seconds="1 s")):
        assert one.deviation is not None and one.deviation <= 1e-11 * one.scale


def _states(text: str) -> list[Row]:
    """The compared states of connections, of two runs that agree in all and have spikes."""
    report = compared(text, lanes=2)
    assert report.agrees and report.piece is None
    assert row(report, "spikes").matched > 20
    states = [one for one in report.rows if one.name.startswith(tuple(f"{name}." for name in SHIPPED))]
    assert states
    return states


def test_pathways_and_ports_of_every_kind_do_the_same() -> None:
    report = compared(LEARNED, lanes=2)
    assert report.agrees and report.piece is None and row(report, "s.w").scale > 0.1


DELAYING = """.model cell {
  inputs:
    I : A/m2
  state:
    v = -60 mV
  step:
    dv/dt = (-60 mV - v)/(10 ms) + I/(1 uF/cm2)
  spike: v > 0 mV
  reset:
    v := -60 mV
}
POP pre, relay, 2
POP post, cell, 2
MECH late, ampa, post
SYN s, pre, late
CON s, all
VIA s, tsodyks_markram
SET s.delay, 1.2 ms
EVT pre, [[1e-3, 0], [2e-3, 1], [4e-3, 0]], 1
REC late.s, 0.1 ms
REC post.v, 0.1 ms
RUN 8 ms
RD s.x
"""


def test_a_synapse_delays_spikes_to_a_mechanism_that_delays_itself() -> None:
    """The spikes are late, by the synapse, and the mechanism's current is that of its present conductance."""
    program = DELAYING
    report = compared(program)
    assert report.agrees and report.piece is None
    with connect("cpu") as driver:
        made = driver.run(verify(assemble(program)), RunOptions(seed=1))
    s, v = (made.recordings[name].values[0, :, 0] for name in ("late.s", "post.v"))
    arrived = np.flatnonzero(s > 0)[0]
    assert made.recordings["late.s"].t[arrived] == pytest.approx(1e-3 + 1.2e-3 + 1e-4)  # a sample is of the step's beginning
    assert np.flatnonzero(v > v[0] + 1e-9)[0] == arrived + 1


def test_delays_to_a_mechanism_that_delays_itself_do_not_differ() -> None:
    more = "SYN more, pre, late\nCON more, all\nSET more.delay, {}\nEVT pre"
    for delay, wrong in (("1.2 ms", True), ("0 ms", False)):
        network = verify(assemble(DELAYING.replace("EVT pre", more.format(delay)))).network
        said = differing_delays(network, {"s.delay": 1.2e-3, "more.delay": 1.2e-3 if wrong else 0.0})
        assert (said is not None) == wrong
        assert said is None or "s (0 s: its synapse delays spikes) and more (0.0012 s)" in said


MEETING = """.synapse look {
  state:
    x = 0
  uses:
    g_pre : V
  on pre:
    x := x + 1000 + g_pre/mV
}
.synapse peek {
  state:
    x = 0
  uses:
    g_post : V
  on pre:
    x := x + 1000 + g_post/mV
    send 1
}
.model cell {
  state:
    g = 0 mV
  step:
    dg/dt = 0*g/(1 ms) using euler
  spike: t > 0.45 ms and t < 0.55 ms
  reset:
    g := g
  receive:
    weight : V
    g += (1 + (g/mV)^2)*weight
}
POP src, relay, 1
POP c, cell, 1
POP d, cell, 1
SYN plain, src, c
SYN sent, src, c
SYN looked, c, d
CON plain, all
CON sent, all
CON looked, all
VIA sent, peek
VIA looked, look
SET looked.delay, 0.5 ms
SET plain.weight, 1 mV
SET sent.weight, 16 mV
EVT src, [[1e-3, 0]], 1
EVT c, [[1e-3, 0]], 0.256
RUN 2 ms
RD c.g
RD sent.x
RD looked.x
"""


def test_what_meets_in_one_step_acts_in_the_order_that_the_docs_tell() -> None:
    """`on pre:` comes before any port, but at one where spikes act one by one what is sent acts at once; then come events."""
    report = compared(MEETING)
    assert report.agrees and report.piece is None
    with connect("cpu") as driver:
        made = driver.run(verify(assemble(MEETING)), RunOptions(seed=1))
    g = 0.0
    for weight in (16, 256, 1):
        g += (1 + g * g) * weight
    assert [float(np.ravel(reading.value)[0]) for reading in made.results] == [pytest.approx(g * 1e-3), 1000, 1016]


# --- random synapses ------------------------------------------------------------------------------------

STATES, PARAMETERS = ("a", "b", "c", "d"), ("p", "q")
EVENT_DRIVEN = ("-{x}/tau", "(p - {x})/tau", "(q - {x})/(3*tau)", "p/tau", "({y} - {x})/tau")
CLOCK_DRIVEN = (
    "(v_post/mV - {x})/tau",
    "-{x}/tau + p*v_pre/mV/tau",
    "(1 - {x}*{x})/(2*tau)",
    "(p - where({x} > q, {x}, q))/tau",
)
METHODS = ("euler", "rk4", "exponential_euler", "exact")
AT_EVENTS = (
    "{x} += {y}", "{x} := clip({x} + p*{y}, -1, 1)", "send {x}", "send p*{x} + q", "g_post += {x}*(0.1 mV)",
    "h_pre := h_pre*0.5 + {y}*(0.1 mV)", "{x} := where(t > 3 ms, {y}, {x})", "g_post := max(g_post, {x}*(0.2 mV))",
    "{x} := g_post/mV", "h_post += 0.1*h_pre", "{x} += q", "{x} := v_post/(10 mV)",
)  # fmt: skip


def synapse(dice: random.Random) -> str:
    """A synapse of two event-driven and two other states, with statements of any kind in three pathways."""
    equations = [f"d{x}/dt = {_of(dice, EVENT_DRIVEN, x, 'ab')} event-driven" for x in "ab"]
    method = dice.choice(METHODS)
    rates = CLOCK_DRIVEN[:2] if method == "exact" else CLOCK_DRIVEN
    equations.append(f"dc/dt = {dice.choice(rates).format(x='c')} using {method}")
    equations += [_of(dice, ("d := clip({y}, p, q + 2)",), "d", "c")] if dice.random() < 0.5 else []
    lines = [".synapse any {", "  parameters:", "    tau = 2 ms > 0", "    p = 0.3", "    q = 0.1", "  state:"]
    lines += [f"    {x} = {dice.uniform(-0.5, 0.5):.3f}" for x in STATES]
    lines += ["  uses:", *(f"    {name} : V" for name in ("v_post", "v_pre", "g_post", "h_post", "h_pre"))]
    lines += ["  step:", *(f"    {one}" for one in equations)]
    for event in ("pre", "post", "pre late"):
        lines += [f"  on {event}:", *(f"    {_statement(dice, event)}" for _ in range(dice.randrange(1, 6)))]
    return "\n".join([*lines, "}", ""])


def _of(dice: random.Random, forms: tuple[str, ...], x: str, others: str) -> str:
    return dice.choice(forms).format(x=x, y=dice.choice(others))


def _statement(dice: random.Random, event: str) -> str:
    forms = tuple(form for form in AT_EVENTS if event != "post" or not form.startswith("send"))
    return _of(dice, forms, dice.choice(STATES), "abcd")


def network(seed: int) -> str:
    """A random synapse between two populations, and one back to themselves, at ports of either kind."""
    dice = random.Random(seed)
    cell = CELL.replace("    g = 0 mV", "    g = 0 mV\n    h = 0 mV")
    lines = ["POP one, cell, 3", "POP two, cell, 4", "SET one.drive, 10 mV"]
    for name, ends in (("s", "one, two"), ("back", "two, two.jump")):  # brian2 refuses some autapses
        lines += [f"SYN {name}, {ends}", f'CON {name}, "probability without autapses", 0.7', f"VIA {name}, any"]
        lines += [f"SET {name}.{delay}, {dice.randrange(0, 12) / 10} ms" for delay in ("delay", "post_delay", "late_delay")]
    text = synapse(dice)
    lines += [f"SET {name}.weight, 0.5 mV" for name in ("s", "back") if "send" in text]
    middle = ["RUN 8 ms", "SET s.a, 0.2", "SET back.p, 0.5", dice.choice(["RST", "SET one.v, 2 mV", "SET s.tau, 3 ms"])]
    lines += [*middle, "RUN 8 ms", "RD s.a", "RD back.last_event", "RD s.post"]
    return "\n".join([text + cell, *lines, ""])


@pytest.mark.parametrize("seed", seeds(1, 30))
def test_random_synapses_do_the_same(seed: int) -> None:
    report = compared(network(seed), lanes=1 + seed % 2)
    assert report.agrees, network(seed)
    assert row(report, "spikes").matched > 3
