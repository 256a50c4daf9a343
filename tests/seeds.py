"""Parameters of a test of which some are taken each time, and the others with the long tests."""

from __future__ import annotations

from typing import Any

import pytest


def rarely(*values: Any) -> list[Any]:
    """Values, or tuples of several, that only the long tests take."""
    return [pytest.param(*(one if isinstance(one, tuple) else (one,)), marks=pytest.mark.long) for one in values]


def seeds(everyday: int, all_of_them: int) -> list[Any]:
    """Seeds from 0 on, of which those from `everyday` on are marked long."""
    return [*range(everyday), *rarely(*range(everyday, all_of_them))]
