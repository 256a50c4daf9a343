"""The driver passes the public conformance kit on an emulated board whose processor computes the neurons."""

from __future__ import annotations

from bioasm.drivers.intan.driver import IntanDriver
from bioasm.testing import driver_conformance_tests


def emulated() -> IntanDriver:
    """A driver with a board of its own, as `--port emu:rhd2132?seed=1` makes one."""
    return IntanDriver(port="emu:rhd2132?seed=1", substrate="twin")


@driver_conformance_tests(
    emulated,
    abilities={"core", "control", "inputs", "kbody", "record", "clamp", "start", "network", "models", "stimulation"},
)
class TestIntan:
    pass
