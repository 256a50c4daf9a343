"""The fault suite of tests/link over a pseudo-terminal to boards that run the firmware; some of it is in test_link.py."""

from __future__ import annotations

from inspect import signature

import pytest

from tests.link import test_line, test_session

pytestmark = pytest.mark.long

for suite in (test_line, test_session):  # every test that leaves to others what its line is
    tests = {name: test for name, test in vars(suite).items() if name.startswith("test_")}
    globals().update({name: test for name, test in tests.items() if "lines" in signature(test).parameters})
