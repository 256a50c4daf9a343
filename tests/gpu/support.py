"""What the tests of the gpu driver share: the device, where there is one, and runs on it."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.gpu.choice import open_device
from bioasm.drivers.gpu.device import Device
from bioasm.drivers.gpu.runner import DeviceRunner
from bioasm.isa.program import Program
from bioasm.verifier.gate import Verified, verify
from bioasm.vm.layout import Status
from bioasm.vm.machine import Machine
from tests.vm.support import everything, finish

TWIN = """
ALC 12
LDJ [[0, 1e-9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2e-9], [1e-9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]%s]
SIG 2 mV
REC v, 0.5 ms
RUN 20 ms
RD energy
RUN 10 ms
RD spikes
""" % (", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]" * 9 + ", [2e-9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]")


@cache
def why_none() -> str | None:
    """Why there is no device of OpenCL; None where there is one."""
    if find_spec("pyopencl") is None:
        return "pyopencl is not installed"
    try:
        device()
    except BioasmError as fault:
        return fault.diagnostics[0].message
    return None


def device() -> Device:
    """A device of OpenCL."""
    return open_device("opencl:p")  # PoCL's are called pthread-... or cpu-...


needs_device = pytest.mark.skipif(why_none() is not None, reason=str(why_none()))


def on_device(program: Program, seed: int = 1, lanes: int = 1) -> Machine:
    """A machine with its dynamics on the device."""
    return Machine(verify(program), seed, lanes, kernels=DeviceRunner(device(), None))


def assert_same(program: Program, lanes: int) -> None:
    """Everything that a run leaves is the same bytes on the device, or what ends it the same diagnostic."""
    assert _left(on_device(program, 1, lanes)) == _left(Machine(verify(program), 1, lanes))


def _left(this: Machine) -> Any:
    try:
        return everything(finish(this))
    except BioasmError as fault:
        return str(fault)


def assert_same_beginning(verified: Verified, lanes: int, updates: int) -> None:
    """The same after so many updates of a neuron, or at the end where it comes before."""
    there = Machine(verified, 1, lanes, kernels=DeviceRunner(device(), None))
    here = Machine(verified, 1, lanes)
    steps = max(1, updates // (verified.n * lanes))
    assert everything(_begun(there, steps)) == everything(_begun(here, steps))


def _begun(this: Machine, steps: int) -> Machine:
    status = Status.SLICE
    while status is Status.SLICE and this.steps < steps:
        this._budget = steps - this.steps
        status = this.run_slice()
    this.close()
    return this
