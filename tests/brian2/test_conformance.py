"""The conformance kit, on the reference driver."""

from __future__ import annotations

import pytest

pytest.importorskip("brian2", reason="Brian2 is not installed")

from bioasm.drivers.brian2.driver import Brian2Driver
from bioasm.testing import driver_conformance_tests


@driver_conformance_tests(
    Brian2Driver,
    abilities={
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
        "synapses",
        "coupling",
        "cables",
        "events",
        "models",
        "single",
    },
)
class TestBrian2:
    pass
