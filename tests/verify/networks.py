"""Models and mechanisms that the tests of networks put into their programs, and what a line of such a program does."""

from __future__ import annotations

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify

CELL = """\
.model cell {
  "a neuron with a current, a drive, and two ports"
  parameters:
    tau = 20 ms > 0  "time constant"
    R = 50 Mohm >= 0  "resistance"
    dt = 0.1 ms > 0 fixed  "time step"
    rule = slow of slow = 0, fast = 1 fixed  "a word"
  state:
    v = 0 mV  "potential"
    q = 0  "charge of the second port"
  inputs:
    I : A  "current"
    drive : V  "drive"
  definitions:
    half = v/2
  step:
    dv/dt = (-v + drive + R*I)/tau
    dq/dt = -q/tau
  spike: v > 10 mV
  reset:
    v := 0 mV
  receive:
    weight : V
    v += weight
  receive second:
    q += weight
}
"""
QUIET = """\
.model quiet {
  "no spikes, no ports, one step of its own"
  parameters:
    dt = 0.5 ms > 0 fixed  "time step"
  state:
    u = 0
  inputs:
    J_in : A  "current"
  step:
    du/dt = -u/(1 s)
}
"""
LEAK = """\
.mechanism leak {
  "a leak"
  parameters:
    g = 1 nS >= 0  "conductance"
    E = -5 mV  "reversal potential"
  uses:
    v : V
  adds:
    I += -g*(v - E)
}
"""
TRACE = """\
.mechanism trace {
  "a trace of spikes"
  parameters:
    decay = 5 ms > 0  "time constant"
  state:
    x = 0
  inputs:
    pull : A
  definitions:
    twice = 2*x
  step:
    dx/dt = -x/decay
  receive:
    x += weight
}
"""
MODELS = CELL + QUIET + LEAK + TRACE
LINES = MODELS.count("\n")


def faults(text: str, models: str = MODELS) -> list[Diagnostic]:
    """What is wrong with a program that has these models before it."""
    try:
        verify(assemble(models + text))
    except BioasmError as refused:
        return list(refused.diagnostics)
    return []


def told(text: str, models: str = MODELS) -> list[tuple[int, str]]:
    """The line, counted after the models, and the code of everything that is wrong."""
    above = models.count("\n")
    return [(d.span.line - above if d.span else 0, d.code) for d in faults(text, models)]


def passed(text: str, models: str = MODELS) -> Verified:
    """The program that passed the gate."""
    return verify(assemble(models + text))
