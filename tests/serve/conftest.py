"""Servers that tests share end with the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def servers() -> Iterator[None]:
    """Stop what the tests started."""
    yield
    from tests.serve.support import stop_all

    stop_all()
