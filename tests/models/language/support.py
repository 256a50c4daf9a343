"""Texts that tests start from, and what is found in them when something is changed."""

from __future__ import annotations

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.models.base import Model
from bioasm.models.expression import Expression
from bioasm.models.parse import read_model

NEURON = """\
.model cell {
  "a cell of the tests"
  "with a paragraph"
  source: "these tests"
  parameters:
    tau = 20 ms > 0 "time constant"
    El = -70 mV
    R = 50 Mohm >= 0 <= 1 Gohm
    interval = 2 ms fixed
    limit = 1 nA fixed
  noise: sigma = 2 mV
  state:
    v = El "potential"
    w = 0.5
  inputs:
    I : A "current"
  definitions:
    w_inf = 1/(1 + exp(-(v - El)/(5 mV))) "goal of w"
  step:
    dv/dt = (El - v + R*I)/tau + sigma*sqrt(2/tau)*xi unless refractory
    dw/dt = (w_inf - w)/tau using cnexp
  spike: v > -50 mV
  reset:
    v := El
  refractory: 2 ms
  receive:
    weight : V
    v += weight
  observe:
    state = w "the state"
  clamp: v
  feedback: I = J w + h every interval within limit
  order: step, spike, receive, reset
}
"""

MECHANISM = """\
.mechanism channel {
  "a channel of the tests"
  parameters:
    g = 1 mS/cm2
    E = 20 mV
  uses:
    V : V
  state:
    m = 0
  step:
    dm/dt = (1/(1 + exp(-V/(5 mV))) - m)/(2 ms) using exponential_euler
  receive:
    m += 0.1*weight
  adds:
    I += -g*delayed(m)*(held(V) - E)
}
"""


def read(text: str) -> Model:
    """The model of a text; nothing is kept between tests."""
    return read_model(text, "cell.basm", 1)


def changed(old: str, new: str, text: str = NEURON) -> str:
    """The text with its first `old` replaced."""
    assert old in text
    return text.replace(old, new, 1)


def findings(text: str, line: int = 1) -> tuple[Diagnostic, ...]:
    """What is wrong with a text; empty where nothing is."""
    try:
        read_model(text, "cell.basm", line)
    except BioasmError as fault:
        return fault.diagnostics
    return ()


def expression(spelled: str) -> Expression:
    """An expression of pure numbers p, q, r and voltages v, u."""
    text = f"""\
.model holder {{
  "holds an expression"
  parameters:
    p = 1
    q = 2
    r = 3
    v = 1 mV
    u = 2 mV
    tau = 5 ms
  state:
    x = {spelled}
}}
"""
    return read(text).states[0].initial
