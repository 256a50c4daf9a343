"""The lines of `receive:` act in order, and so do spikes that arrive in one step: against loops over single spikes.

Nothing of either driver is used to find out what is right: equations stand still, and what spikes do is written out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from bioasm.drivers.cpu import CpuDriver
from bioasm.results import Result
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

Drive = Callable[..., Result]

# Both lines read what the port changes, and the result depends on the order of spikes with different weights.
TWO = """
.model two {
  "a doubles, b takes what a has become"
  state:
    a = 1
    b = 0
  step:
    da/dt = 0/(1 ms)
    db/dt = 0/(1 ms)
  receive:
    a += a*weight
    b += (a - 0.25*b)*weight
}
"""
SENDERS = """
.model sender {
  "spikes once, in the first step"
  state:
    v = 2
  step:
    dv/dt = 0/(1 ms)
  spike: v > 1
  reset:
    v := 0
}
"""


def two(weights: list[float], a: float = 1.0, b: float = 0.0) -> tuple[float, float]:
    """What spikes of these weights make of a neuron `two`, one after another."""
    for w in weights:
        a += a * w
        b += (a - 0.25 * b) * w
    return a, b


def on_cpu(text: str, lanes: int = 1) -> Result:
    """A run on the compiled machine."""
    with CpuDriver() as driver:
        return driver.run(verify(assemble(text)), RunOptions(seed=3, lanes=lanes))


def on_brian2(text: str, lanes: int = 1) -> Result:
    """A run on Brian2."""
    pytest.importorskip("brian2", reason="Brian2 is not installed")
    from bioasm.drivers.brian2.driver import Brian2Driver

    with Brian2Driver(target="numpy") as driver:
        return driver.run(verify(assemble(text)), RunOptions(seed=3, lanes=lanes))


@pytest.fixture(params=[on_cpu, on_brian2], ids=["cpu", "brian2"])
def run(request: pytest.FixtureRequest) -> Drive:
    """One of the drivers that run model texts."""
    drive: Drive = request.param
    return drive


def readings(result: Result) -> dict[str, Any]:
    """What RD read, by name, (lanes, n)."""
    return {r.what: np.asarray(r.value) for r in result.results}


def assert_all(found: Any, wanted: Any) -> None:
    """Every lane holds the wanted values."""
    np.testing.assert_allclose(np.atleast_2d(found), np.broadcast_to(wanted, np.atleast_2d(found).shape), rtol=1e-14)


def test_one_spike_does_the_lines_in_order(run: Drive) -> None:
    got = readings(run(TWO + " POP c, two, 1\n EVT c, [[1e-4, 0]], 0.5\n RUN 1 ms\n RD a\n RD b\n"))
    assert (got["a"], got["b"]) == (1.5, 0.75)  # b takes the new a: 0.5 * 1.5


@pytest.mark.parametrize("lanes", [1, 8])
def test_spikes_of_one_step_act_one_after_another(run: Drive, lanes: int) -> None:
    """Several spikes of a train at one neuron in one step, none or one at others, and again later."""
    train = "[[1e-4, 0], [1e-4, 0], [1e-4, 0], [1e-4, 2], [5e-4, 2], [5e-4, 2]]"
    text = TWO + f" POP c, two, 3\n EVT c, {train}, [0.5, 0.25, -0.5]\n RUN 1 ms\n RD a\n RD b\n"
    got = readings(run(text, lanes))
    wanted = [two([0.5] * 3), two([]), two([-0.5] * 3)]
    assert_all(got["a"], [a for a, _ in wanted])
    assert_all(got["b"], [b for _, b in wanted])


def _orders() -> Iterator[tuple[str, list[float]]]:
    """Projections from three senders with different weights; the order of their sources is what counts."""
    for weights in itertools.permutations([0.5, -0.25, 2.0]):
        yield f"CON w, [[{weights[0]}], [{weights[1]}], [{weights[2]}]]", list(weights)


def test_spikes_of_a_projection_act_in_the_order_of_their_sources(run: Drive) -> None:
    """All orders of three weights at once: a population for each."""
    cases = list(_orders())
    text = TWO + SENDERS + "".join(f" POP c{k}, two, 1\n" for k in range(len(cases))) + " POP s, sender, 3\n"
    for k, (rule, _) in enumerate(cases):
        text += f" SYN w{k}, s, c{k}\n {rule.replace('CON w', f'CON w{k}')}\n SET w{k}.delay, {k % 3 * 0.1} ms\n"
    text += " RUN 1 ms\n" + "".join(f" RD c{k}.a\n RD c{k}.b\n" for k in range(len(cases)))
    got = readings(run(text, 2))
    for k, (_, weights) in enumerate(cases):
        a, b = two(weights)
        assert_all(got[f"c{k}.a"], a)
        assert_all(got[f"c{k}.b"], b)
    assert len({float(got[f"c{k}.b"].ravel()[0]) for k in range(len(cases))}) > 2, "the order makes a difference"


def test_sources_act_in_the_order_of_the_program(run: Drive) -> None:
    """Given spikes, then random ones, then projections as they stand in the program, whatever their delays."""
    text = (
        TWO
        + SENDERS
        + (
            " POP c, two, 2\n POP s, sender, 2\n SYN late, s, c\n CON late, [[0.5, 0], [-0.25, 1]]\n SET late.delay, 0.3 ms\n"
            " SYN soon, s, c\n CON soon, [[2, 0.125], [0, -0.5]]\n SET soon.delay, 0.3 ms\n"
            " EVT c, [[3e-4, 0], [3e-4, 0]], 0.75\n RUN 0.3 ms\n RATE c, 10000 Hz, -0.125\n RUN 0.1 ms\n RD a\n RD b\n"
        )
    )
    got = readings(run(text))
    random = _random_spikes(run)  # of the fourth step, by the same seed
    for i, (given, projected) in enumerate([([0.75, 0.75], [0.5, -0.25, 2]), ([], [1, 0.125, -0.5])]):
        a, b = two([*given, *[-0.125] * random[i], *projected])
        assert_all(got["a"][..., i : i + 1], a)
        assert_all(got["b"][..., i : i + 1], b)


def _random_spikes(run: Drive) -> list[int]:
    """How many random spikes come to each neuron in the fourth step of 10 kHz."""
    text = TWO + " POP c, two, 2\n RUN 0.3 ms\n RATE c, 10000 Hz, 1\n RUN 0.1 ms\n RD a\n"
    return [round(np.log2(a)) for a in readings(run(text))["a"].ravel()]


DEFINED = """
.model held {
  "what a port reads through definitions, inputs and mechanisms; v stands still after a spike"
  state:
    v = 0
    g = 1
  inputs:
    I : 1
  definitions:
    room = 4 - load
    load = g + 0.5*I
  step:
    dv/dt = 0/(1 ms) unless refractory
    dg/dt = 0/(1 ms)
  spike: v > 100
  refractory: 0.25 ms
  reset:
    v := v - 100
  receive:
    v += g*weight
    g += room*weight
}
.mechanism feels {
  "an input that is half of g"
  uses:
    g : 1
  adds:
    I += 0.5*g
}
"""


def defined(weights: list[float], v: float, g: float, input_: float, *, moves: bool = True) -> tuple[float, float]:
    """What spikes make of a neuron `held` with `feels` on it."""
    for w in weights:
        v += g * w if moves else 0.0
        g += (4 - (g + 0.5 * (input_ + 0.5 * g))) * w
    return v, g


def test_what_is_read_through_definitions_counts_as_read(run: Drive) -> None:
    text = DEFINED + (
        " POP c, held, 2\n MECH f, feels, c\n INP c.I, [0, 1]\n EVT c, [[1e-4, 0], [1e-4, 0], [1e-4, 1], [1e-4, 1]], 0.5\n"
        " RUN 0.3 ms\n RD v\n RD g\n"
    )
    got = readings(run(text))
    for i in range(2):
        v, g = defined([0.5, 0.5], 0.0, 1.0, float(i))
        assert_all(got["v"][..., i : i + 1], v)
        assert_all(got["g"][..., i : i + 1], g)


def test_what_stands_still_is_left_out_spike_by_spike(run: Drive) -> None:
    """v of a refractory neuron stays, g goes on; of a clamped one as well."""
    text = DEFINED + (
        " POP c, held, 2\n MECH f, feels, c\n EVT c, [[1e-4, 0], [3e-4, 0], [3e-4, 0], [3e-4, 1], [3e-4, 1]], [150, 0.5]\n"
        " CLAMP 1, 7\n RUN 0.6 ms\n RD v\n RD g\n"
    )
    got = readings(run(text))
    v, g = defined([150.0], 0.0, 1.0, 0.0)
    v, g = defined([150.0, 150.0], v - 100, g, 0.0, moves=False)
    assert_all(got["v"].ravel()[0], v)
    assert_all(got["g"].ravel()[0], g)
    v, g = defined([0.5, 0.5], 7.0, 1.0, 0.0, moves=False)
    assert_all(got["v"].ravel()[1], v)
    assert_all(got["g"].ravel()[1], g)


EARLY = TWO.replace("model two", "model early").replace("  receive:", "  order: receive, step, spike, reset\n  receive:")


def test_a_step_of_another_order_hears_spikes_one_after_another(run: Drive) -> None:
    text = (
        EARLY
        + SENDERS
        + (
            " POP c, early, 1\n POP s, sender, 2\n SYN w, s, c\n CON w, [[0.5], [-0.25]]\n EVT c, [[0, 0], [0, 0]], 2\n"
            " RUN 0.1 ms\n RD a\n RUN 0.1 ms\n RD b\n"
        )
    )
    got = readings(run(text))
    assert_all(got["a"], two([2, 2])[0])  # the senders' spikes of this step wait for the next
    assert_all(got["b"], two([2, 2, 0.5, -0.25])[1])


def test_rst_takes_back_what_is_under_way(run: Drive) -> None:
    text = (
        TWO
        + SENDERS
        + (
            " POP c, two, 1\n POP s, sender, 2\n SYN w, s, c\n CON w, [[0.5], [-0.25]]\n SET w.delay, 0.5 ms\n"
            " RUN 0.2 ms\n RST\n RUN 0.4 ms\n RD a\n RUN 0.2 ms\n RD b\n"
        )
    )
    got = readings(run(text))
    assert_all(got["a"], 1.0)  # those sent at 0 are gone
    assert_all(got["b"], two([0.5, -0.25])[1])  # those sent after RST arrive


TM = """
.mechanism tm {
  "Tsodyks and Markram's synapse as Brian2's examples write it"
  parameters:
    U = 0.5
    A = 1
    tauf = 20 ms > 0
    taud = 200 ms > 0
  state:
    u = 0
    x = 1
    i = 0
  step:
    du/dt = -u/tauf using exact
    dx/dt = (1 - x)/taud using exact
    di/dt = -i/(5 ms) using exact
  receive:
    u += U*(1 - u)*weight
    i += A*u*x*weight
    x += -u*x*weight
}
.model still {
  "nothing but what stands on it"
  state:
    v = 0
  step:
    dv/dt = 0/(1 ms)
}
"""


def test_short_term_plasticity_releases_by_the_raised_use(run: Drive) -> None:
    """Spikes 20 ms apart, two of them at once: the decay between them is exact, so that all is closed form."""
    times = [0.001, 0.021, 0.021, 0.041]
    train = ", ".join(f"[{t}, 0]" for t in times)
    text = TM + f" POP c, still, 1\n MECH s, tm, c\n EVT s, [{train}], 1\n RUN 41.1 ms\n RD s.i\n RD s.u\n RD s.x\n"
    got = readings(run(text))
    u, x, i, now = 0.0, 1.0, 0.0, 0.0
    for t in times:
        past = t - now
        u, x, i, now = u * np.exp(-past / 20e-3), 1 + (x - 1) * np.exp(-past / 0.2), i * np.exp(-past / 5e-3), t
        u += 0.5 * (1 - u)
        i += u * x
        x -= u * x
    for name, wanted in (("s.i", i), ("s.u", u), ("s.x", x)):
        np.testing.assert_allclose(got[name], wanted, rtol=1e-12)


def test_lines_that_read_nothing_changed_stay_one_sum() -> None:
    """The fast path: weights add up, and a port's code runs once a step."""
    from bioasm.models import MODELS
    from bioasm.models.text import parse_model
    from bioasm.vm.codegen.system import Instance, System

    for name, model in MODELS.items():
        one = Instance(name, model, "p0")
        assert not any(System(one, ()).spikes_interact(one, port) for port in model.ports), name
    own = parse_model(TWO)
    one = Instance("two", own, "p0")
    assert System(one, ()).spikes_interact(one, own.ports[0])


def test_a_model_with_feedback_needs_no_port(run: Drive) -> None:
    """Such models share kernels, which have a place for spikes whether any can arrive or not."""
    text = """
.model fed {
  "hears no spikes"
  parameters:
    interval = 0.1 ms fixed
    cap = 10 fixed
  state:
    s = 0.5
  inputs:
    I : 1
  step:
    ds/dt = 0/(1 ms)
  feedback: I = J s + h every interval within cap
}
    MODEL fed
    ALC 1
    LDJ [[2.5]]
    RUN 0.2 ms
    RD energy
"""
    assert_all(readings(run(text))["energy"], -0.3125)
