"""The folder of a sweep that was run in one thread, which other executors are to give as well."""

from __future__ import annotations

from pathlib import Path

import pytest

import bioasm
from tests.sweeps.support import GRID, TRIANGLE, threads


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the sweep, run in threads of this process."""
    folder = tmp_path_factory.mktemp("sweep") / "f"
    bioasm.sweep(TRIANGLE, folder, executor=threads, **GRID)
    return folder
