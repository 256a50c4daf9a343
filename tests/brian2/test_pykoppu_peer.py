"""pykoppu itself, where it is installed: its compiler's programs run here as they are printed, and do what its own driver does.

`pip install pykoppu==0.2.34a0 brian2` in an environment with BioASM lets these tests run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("pykoppu", reason="pykoppu is not installed: pip install --pre pykoppu")

import networkx
from pykoppu.biocompiler import BioCompiler
from pykoppu.electrophysiology.cpu import CPUDriver
from pykoppu.problems import Knapsack, MaxCut

from bioasm.verification.statistics import compare_samples

SEEDS = 24


def maxcut() -> Any:
    """A problem of pykoppu's: the cut of a ring with a chord."""
    graph = networkx.cycle_graph(6)
    graph.add_edge(0, 3)
    return MaxCut(graph)


def knapsack() -> Any:
    """Another one, with biases and couplings of many sizes."""
    items = [{"weight": w, "value": v} for w, v in ((2, 3), (3, 4), (4, 8), (5, 8))]
    return Knapsack(items, 9, 2.0)


def instructions(problem: Any, milliseconds: float, sigma: float | None = None) -> list[Any]:
    """What pykoppu's compiler makes of a problem; with another noise where `sigma` is given."""
    made = BioCompiler().compile(problem, duration=milliseconds)
    for one in made:
        if sigma is not None and one.opcode.name == "SIG":
            one.operands = [sigma]
    return list(made)


def theirs(program: list[Any], seed: int) -> tuple[Any, list[float], Any]:
    """pykoppu's own driver, on Brian2: state, energies, (spike times in ms, neurons)."""
    import brian2

    brian2.prefs.codegen.target = "numpy"
    driver = CPUDriver(None)
    driver.connect()
    brian2.seed(seed)
    found = driver.execute(program)
    driver.disconnect()
    return found


def ours(program: list[Any], folder: Path, *options: str) -> dict[str, Any]:
    """`bioasm run` of the text that pykoppu's instructions print."""
    path = folder / "printed.basm"
    path.write_text("".join(f"{one!r}\n" for one in program), encoding="utf-8")
    command = [sys.executable, "-m", "bioasm", "run", str(path), "--json", *options]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


@pytest.mark.parametrize("problem", [maxcut, knapsack])
@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_without_noise_a_printed_program_does_exactly_the_same(problem: Any, driver: str, tmp_path: Path) -> None:
    program = instructions(problem(), 60, sigma=0.0)
    state, energies, (times, neurons) = theirs(program, 1)
    found = ours(program, tmp_path, "--driver", driver, "--seed", "1")
    np.testing.assert_allclose(found["state"], state, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found["energy_trace"], energies, rtol=1e-9, atol=1e-9)
    assert np.rint(np.array(found["spikes"]["t"]) * 1e4).tolist() == np.rint(np.array(times) * 10).tolist()
    assert found["spikes"]["i"] == np.asarray(neurons).tolist()


def test_with_noise_the_statistics_over_seeds_are_the_same(tmp_path: Path) -> None:
    program = instructions(maxcut(), 300)
    runs = [theirs(program, seed) for seed in range(SEEDS)]
    found = ours(program, tmp_path, "--seed", "1", "--lanes", str(4 * SEEDS))
    n = len(runs[0][0])
    pykoppu = {
        "state": np.array([state for state, _, _ in runs]),
        "energy": np.array([[np.mean(energies)] for _, energies, _ in runs]),
        "rate": np.array([np.bincount(np.asarray(i, int), minlength=n) for _, _, (_, i) in runs], float),
    }
    bioasm = {
        "state": np.array(found["state"]),
        "energy": np.array(found["energy_trace"]).mean(axis=1)[:, None],
        "rate": np.array(found["spike_count"], float),
    }
    rows = compare_samples(bioasm, pykoppu, 0.999)
    assert [row.name for row in rows if not row.agrees] == []


def test_the_statistics_would_tell_another_noise(tmp_path: Path) -> None:
    runs = [theirs(instructions(maxcut(), 150, sigma=2e-3), seed) for seed in range(SEEDS)]
    found = ours(instructions(maxcut(), 150, sigma=12e-3), tmp_path, "--seed", "1", "--lanes", str(SEEDS))
    counts = np.array([np.bincount(np.asarray(i, int), minlength=6) for _, _, (_, i) in runs], float)
    (row,) = compare_samples({"rate": np.array(found["spike_count"], float)}, {"rate": counts}, 0.999)
    assert not row.agrees
