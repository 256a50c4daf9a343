"""A driver that shares nothing with the cpu driver passes the kit, too: the kit asks for the contract and no more."""

from __future__ import annotations

from bioasm.testing import driver_conformance_tests
from tests.conformance.tiny import TinyDriver


@driver_conformance_tests(TinyDriver, abilities={"core"})
class TestTiny:
    pass
