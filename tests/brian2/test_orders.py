"""Orders of a step, alone and mixed, with projections of several delays and refractory times that change, are the machine's."""
# ruff: noqa: E501  (programs and equations read better whole)

from __future__ import annotations

import pytest

from tests.brian2.support import assert_alike, on_brian2, on_cpu
from tests.seeds import rarely

CELL = """.model {name} {{
  "a neuron whose ports and refractory time depend on its state"
  parameters:
    tau = 10 ms > 0
    t_ref = 0.3 ms >= 0
  state:
    x = 0.2
    y = x/2 + 0.1
  inputs:
    I : 1
  step:
    dx/dt = (I - x + y)/tau unless refractory
    dy/dt = -y/tau
  spike: x > 1
  reset:
    x := 0.3
    y := y + 0.1
  refractory: {refractory}
  receive:
    x += weight*{factor}
  receive second:
    y += 2*weight
    x += weight/2 + y*weight
  order: {order}
}}
"""
USUAL = "step, spike, receive, reset"
INPUT = "INP {0}.I, 2.5\nEVT {0}, [[1e-3, 0], [1e-3, 0], [2e-3, 1]], 0.4\nRATE {0}.second, 300 Hz, 0.05\n"


def cell(name: str, order: str = USUAL, refractory: str = "t_ref", factor: str = "1") -> str:
    """The model in an order of its own."""
    return CELL.format(name=name, order=order, refractory=refractory, factor=factor)


def looped(text: str, delay: float) -> str:
    """Three of the cells `one` that excite each other."""
    wires = f"SYN s, a, a\nCON s, others\nSET s.weight, 0.2\nSET s.delay, {delay} ms\nSYN q, a, a.second\nCON q, all\nSET q.weight, 0.01\n"
    return f"{text}POP a, one, 3\n{wires}{INPUT.format('a')}REC a.x\nREC a.y\nRUN 20 ms\n"


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.5])
@pytest.mark.parametrize(
    "order", ["receive, spike, reset, step", *rarely("spike, step, receive, reset", "spike, receive, reset, step")]
)
def test_spikes_of_every_delay_arrive_in_the_same_step(order: str, delay: float) -> None:
    text = looped(cell("one", order), delay)
    found = on_brian2(text)
    assert_alike(found, on_cpu(text))
    assert found.spikes.t.size > 10


@pytest.mark.parametrize("delay", [0.1, *rarely(0.0, 0.7)])
def test_populations_of_several_orders(delay: float) -> None:
    orders = {"a": "receive, spike, reset, step", "b": USUAL, "c": "spike, step, reset, receive"}
    text = "".join(cell(f"m{name}", order) for name, order in orders.items())
    text += "".join(f"POP {name}, m{name}, {n}\n" for name, n in zip(orders, (3, 4, 2), strict=True))
    for p, q in ((p, q) for p in orders for q in orders):
        text += f"SYN {p}{q}, {p}, {q}{'.second' if p < q else ''}\nCON {p}{q}, probability, 0.6\n"
        text += f"SET {p}{q}.weight, 0.1\nSET {p}{q}.delay, {delay} ms\n"
    text += "".join(INPUT.format(p) + f"REC {p}.x\n" for p in orders) + "RUN 20 ms\nRST\nRUN 10 ms\n"
    found = on_brian2(text, lanes=2)
    assert_alike(found, on_cpu(text, lanes=2))
    assert found.spikes.t.size > 100


def test_a_refractory_time_holds_from_its_spike_on() -> None:
    later = "SET a.t_ref, 5 ms\nRUN 20 ms\nSET a.t_ref, [1e-3, 2e-3, 0]\nRUN 20 ms\n"
    text = looped(cell("one"), 0.1) + later
    assert_alike(on_brian2(text), on_cpu(text))


@pytest.mark.parametrize("order", [USUAL, *rarely("receive, step, spike, reset")])
def test_what_changes_with_the_state_is_as_it_was_before_the_reset(order: str) -> None:
    text = looped(cell("one", order, "t_ref*(1 + 3*abs(y) + held(x))", "(1 + held(x))"), 0.1)
    assert_alike(on_brian2(text, lanes=2), on_cpu(text, lanes=2))
