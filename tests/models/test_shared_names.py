"""Names that a neuron and the mechanisms on it have both: each text means its own, and what is added goes to inputs."""

from __future__ import annotations

import numpy as np

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
}
.mechanism source {
  "an input of its own"
  inputs:
    G : 1
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
"""


def test_each_text_means_its_own() -> None:
    result = run(TEXT)
    assert np.allclose(reading(result, "s.G"), 2, rtol=1e-15)
    assert np.allclose(reading(result, "p.I"), 5.2, rtol=1e-15)
    assert np.allclose(reading(result, "p.x"), 5.2 * 0.01, rtol=1e-12)
