"""Names that a neuron and the mechanisms on it have both: each text means its own, and what is added goes to inputs."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from bioasm.results import Result
from tests.models.run import reading, run

TEXT = """
.model cell {
  "a cell with a parameter called as the input of a mechanism, and a noise called as a parameter of another"
  parameters:
    tau = 10 ms
    G = 3
  noise: sigma = 0.1
  state:
    x = 0
  inputs:
    I : 1
  step:
    dx/dt = (I - x)/tau + sigma*sqrt(2/tau)*xi
  observe:
    total = I "all that drives the cell"
    state = I
}
.mechanism source {
  "an input of its own"
  inputs:
    G : 1
  definitions:
    sum = G + 1
  adds:
    I += 0.1*G
}
.mechanism adder {
  "what drives the source"
  parameters:
    sigma = 5
  adds:
    G += 2
    I += sigma
}
    POP p, cell, 2
    MECH s, source, p
    MECH a, adder, p
    SIG 0
    RUN 0.1 ms
    RD p.I
    RD s.G
    RD p.x
    RD total
    RD p.total
    RD p.state
    RD s.sum
"""


@cache
def result() -> Result:
    """What the program above puts out."""
    return run(TEXT)


def test_each_text_means_its_own() -> None:
    assert np.allclose(reading(result(), "s.G"), 2, rtol=1e-15)
    assert np.allclose(reading(result(), "p.I"), 5.2, rtol=1e-15)
    assert np.allclose(reading(result(), "p.x"), 5.2 * 0.01, rtol=1e-12)


@pytest.mark.parametrize(("what", "value"), [("total", 5.2), ("p.total", 5.2), ("p.state", 5.2), ("s.sum", 3)])
def test_observables_show_what_their_model_says(what: str, value: float) -> None:
    assert np.allclose(reading(result(), what), value, rtol=1e-15)
