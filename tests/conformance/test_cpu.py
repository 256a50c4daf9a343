"""The cpu driver passes the public conformance kit, the way a driver of another package would."""

from __future__ import annotations

from bioasm.drivers.cpu import CpuDriver
from bioasm.testing import driver_conformance_tests

ABILITIES = {
    "core",
    "control",
    "inputs",
    "kbody",
    "record",
    "clamp",
    "start",
    "merge",
    "exchange",
    "blocks",
    "eliminated",
    "network",
    "cables",
    "coupling",
    "events",
    "synapses",
    "models",
    "single",
}


@driver_conformance_tests(CpuDriver, abilities=ABILITIES)
class TestCpu:
    pass
