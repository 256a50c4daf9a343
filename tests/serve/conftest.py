"""Servers that tests share end with the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def servers() -> Iterator[None]:
    """Stop what the tests started."""
    yield
    support = sys.modules.get("tests.serve.support")
    if support is not None:  # without the extra it can't be imported
        support.stop_all()
