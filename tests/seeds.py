"""Seeds as parameters of a test: the first of them each time, the others with the long tests."""

from __future__ import annotations

from typing import Any

import pytest


def seeds(everyday: int, all_of_them: int) -> list[Any]:
    """Seeds from 0 on, of which those from `everyday` on are marked long."""
    return [*range(everyday), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(everyday, all_of_them))]
