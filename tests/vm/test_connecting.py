"""Connections that are made block by block: the same as in one piece, and a run that is stopped among them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bioasm.drivers import find_driver
from bioasm.isa.program import Dense
from bioasm.network.wiring import Candidates, Rule, read_rule
from bioasm.runtime import patterns, sampling
from bioasm.runtime.connectivity import from_matrix, from_rule
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm import background

ROOT = Path(__file__).parent.parent.parent
RULES = [("all", 0), ("others", 0), ("probability", 0.3), ("indegree", 9), ("outdegree", 9), ("indegree", 40)]
RULES += [("all without autapses", 0), ("total", 700), ("total without autapses", 1500), ("total with multapses", 2000)]
TEXT = "POP a, lif, 50\nSYN p, a, a\nCON p, indegree, 20\nSET p.weight, 1 mV\nINP I, 1 nA\nRUN 20 ms\n"


@pytest.mark.parametrize("block", [1, 7, 500])
@pytest.mark.parametrize(("rule", "number"), RULES)
def test_blocks_change_nothing(rule: str, number: float, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    said = read_rule(rule)
    assert isinstance(said, Rule)
    among = Candidates(40, 40, 0, said.autapses)
    whole = from_rule(said, number, among, 3, 1)
    monkeypatch.setattr(patterns, "_BLOCK", block)
    monkeypatch.setattr(sampling, "_DRAWS", block)
    found = from_rule(said, number, among, 3, 1, lambda: looks.append(1))
    assert all((one == other).all() and one.dtype == other.dtype for one, other in zip(found, whole, strict=True))
    assert len(looks) >= min(40, 1600 * 0.1 // block)  # a block has a row at least


@pytest.mark.parametrize("kind", [np.int8, np.float32])
def test_blocks_of_a_matrix_change_nothing(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = Dense(np.random.default_rng(1).integers(-1, 2, (31, 17)).astype(kind))
    whole = from_matrix(matrix)
    monkeypatch.setattr(patterns, "_BLOCK", 20)
    assert all((one == other).all() for one, other in zip(from_matrix(matrix), whole, strict=True))
    row, column = np.nonzero(matrix.array)
    assert (whole[1] == column).all() and (np.repeat(np.arange(31), np.diff(whole[0])) == row).all()


def test_a_run_given_up_while_it_connects_can_be_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verified, driver = verify(assemble(TEXT)), find_driver("cpu")
    whole = driver().run(verified, RunOptions(seed=1))
    monkeypatch.setattr(background, "_LOOK_EVERY", 0.0)
    told: list[str] = []

    def observer(progress) -> bool:
        told.append(progress.message)
        return not progress.message.startswith("connecting p")

    cut = driver().run(verified, RunOptions(seed=1, checkpoint=tmp_path / "c"), observer)
    assert (cut.status, cut.steps) == ("interrupted", 0)
    assert "connecting p" in told
    resumed = driver().run(verified, RunOptions(seed=1, checkpoint=tmp_path / "c", resume=True))
    assert (resumed.status, resumed.steps) == ("finished", whole.steps)
    assert (resumed.state == whole.state).all()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_while_connections_are_made(tmp_path: Path, number: str) -> None:
    script = """
import sys
from bioasm.runtime import patterns
real = patterns.PATTERNS["indegree"]
def told(*given):
    print("connecting", file=sys.stderr, flush=True)
    return real(*given)
patterns.PATTERNS["indegree"] = told
from bioasm.__main__ import start
sys.argv = ["bioasm", "run", "x.basm", "--seed", "1", "--json"]
sys.exit(start())
"""
    (tmp_path / "x.basm").write_text(TEXT.replace("lif, 50", "lif, 200000").replace("indegree, 20", "indegree, 1000"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # fmt: skip
        assert process.stderr is not None
        assert process.stderr.readline() == "connecting\n"
        process.send_signal(getattr(signal, number))
        began = time.monotonic()
        out, _ = process.communicate(timeout=120)
        seconds = time.monotonic() - began
    assert process.returncode == 130
    assert '"status": "interrupted"' in out
    assert seconds < 10  # 200 million connections take half a minute and more
