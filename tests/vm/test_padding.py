"""Lanes that only fill a block up to the width of its arrays are no lanes: their spikes count nowhere."""

from __future__ import annotations

import pytest

from bioasm.drivers import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

# Neurons that fire alike in every lane that is computed, those that fill up among them.
FIRES = """
.model leaky {
  "a leaky membrane that is reset at 20 mV"
  parameters:
    tau = 10 ms > 0
    R = 10 Mohm
  state:
    v = 0 mV
  inputs:
    I : A
  step:
    dv/dt = (R*I - v)/tau
  spike: v > 20 mV
  reset:
    v := 0 mV
}
    POP cells, leaky, 3
    INP cells.I, [2.5e-9, 3e-9, 4e-9]
    RUN 100 ms
    GET r0, spike_count
    OUT r0
    RD spike_count
"""


@pytest.mark.parametrize("lanes", [1, 2, 3, 5, 7, 9])
def test_spikes_of_lanes_that_fill_up_are_not_counted(lanes: int) -> None:
    result = CpuDriver().run(verify(assemble(FIRES)), RunOptions(seed=1, lanes=lanes))
    assert result.spike_count.tolist() == [[6, 9, 14]] * lanes
    total, _ = result.results
    assert float(total.value) == 29 * lanes
