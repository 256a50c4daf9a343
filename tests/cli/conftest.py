"""What tests of the command line share: a folder to work in, small programs, and a driver made for tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.fake_driver import FakeDriver, _nothing

SMALL = """\
; a small program
.const T0 = 3.0
MODEL ising
ALC 3
LDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
SIG T0
RUN 4 sweeps
RD spins
"""
WRONG = "ALC 3\nRAN 5\nSIG 10 ms\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the current one, with a good and a wrong program."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.basm").write_text(SMALL)
    (tmp_path / "wrong.basm").write_text(WRONG)
    return tmp_path


@pytest.fixture
def fake(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> type[FakeDriver]:
    """The fake driver, installed the way another package would install its own."""
    home = tmp_path_factory.mktemp("installed")
    metadata = home / "bioasm_fake-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: bioasm-fake\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[bioasm.drivers]\nfake = tests.cli.fake_driver:FakeDriver\nbroken = no_such_module_anywhere:Driver\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(home)])
    monkeypatch.setattr(FakeDriver, "calls", [])
    monkeypatch.setattr(FakeDriver, "script", staticmethod(_nothing))
    return FakeDriver
