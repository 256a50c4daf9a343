"""Neurons of a lane on several work items: where no neuron looks at another, and the bytes are those of the cpu driver."""

from __future__ import annotations

import pytest

from bioasm.drivers.gpu.runner import DeviceRunner
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.machine import Machine
from tests.gpu.support import device, needs_device
from tests.vm.support import everything, finish

MODEL = """
.model unit {
  parameters:
    rise = 1
  noise:
    sigma = 0.3
  inputs:
    u : 1
  state:
    v = 0
    calm = 0
  step:
    dv/dt = (u - v)/(5 ms) + sigma*sqrt(2/(5 ms))*xi unless refractory
    dcalm/dt = -calm/(20 ms) using exact
  spike: v > 1
  reset:
    v := 0
    calm := calm + rise
  refractory: 1 ms
  event busy: calm > 2
  receive:
    weight : 1
    v += weight
}
"""
# Populations whose first neurons belong to other items than their own numbers say, more cells than a chunk has, and everything
# that comes from outside.
SEPARATE = """
SET dt, 0.1 ms
POP a, unit, 71
POP b, unit, 5
SET a.v, uniform(-1, 1)
INP a.u, 1.5
SET b.rise, [1, 2, 3, 4, 5]
PLAY a.u, [[1], [0], [2]], 2 ms
PLAY a[13:16].u, [[10, 20, 30], [40, 50, 60]], 3 ms
RATE a, 300 Hz, 0.4
EVT b, [[3e-4, 2], [4e-4, 4], [1.7e-3, 0]], 2
REC a.v, 0.5 ms, [70, 3, 17, 16]
REC b.calm, 0.3 ms
REC a.busy
RUN 7.3 ms
PEEK r1, a.v, 69
OUT r1
RUN 3 ms
RD a.v
RD spike_count
RST
SIG 0
RUN 2 ms
RD state
RD spikes
"""
HELD = MODEL.replace("  receive:", "  order: receive, spike, reset, step\n  receive:")  # steps in phases, whose noise is kept

CASES = [(MODEL, 1, 8), (MODEL, 17, 1 << 12), pytest.param(HELD, 17, 1 << 12, marks=pytest.mark.long)]


@needs_device
@pytest.mark.parametrize(("model", "lanes", "items"), CASES)
def test_any_number_of_items(model: str, lanes: int, items: int, monkeypatch: pytest.MonkeyPatch) -> None:
    verified = verify(assemble(model + SEPARATE))
    monkeypatch.setattr(device(), "items", items)
    runner = DeviceRunner(device(), None)
    there, here = finish(Machine(verified, 1, lanes, kernels=runner)), finish(Machine(verified, 1, lanes))
    assert everything(there) == everything(here)
    assert runner.memory.parts == (8 if items == 8 else 128)
