"""The lines that the fault suite runs over: here in virtual time, in tests/firmware to boards that run the firmware."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.link.support import Line


@pytest.fixture
def lines() -> Callable[..., Line]:
    """What makes a line of two channels, or of clean ones."""
    return Line
