"""Programs run on Brian2 and on the compiled machine, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("brian2", reason="Brian2 is not installed")

from bioasm.drivers.brian2.driver import Brian2Driver
from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.program import Program
from bioasm.results import Result, Spikes
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "programs"
VOLTS = 1e-9


def program(name: str) -> Program:
    """A program of programs/."""
    return assemble((FOLDER / f"{name}.basm").read_text(encoding="utf-8"), source=name, folder=FOLDER)


def on_brian2(text: str | Program, seed: int = 1, lanes: int = 1, observer: Any = None, **driver: str) -> Result:
    """A run on Brian2."""
    with Brian2Driver(**driver) as it:
        return it.run(verify(assemble(text) if isinstance(text, str) else text), RunOptions(seed=seed, lanes=lanes), observer)


def on_cpu(text: str | Program, seed: int = 1, lanes: int = 1) -> Result:
    """A run on the compiled machine."""
    with CpuDriver() as it:
        return it.run(verify(assemble(text) if isinstance(text, str) else text), RunOptions(seed=seed, lanes=lanes))


def readings(result: Result) -> list[Any]:
    """What RD and OUT emitted."""
    return [reading.value for reading in result.results]


def assert_alike(found: Result, wanted: Result, tolerance: float = 1e-12) -> None:
    """All that both results hold agrees: whole things equal, numbers within `tolerance` of the largest."""
    assert (found.status, found.steps, found.n) == (wanted.status, wanted.steps, wanted.n)
    for name in ("state", "energy", "best_energy", "best_state", "energy_trace", "spike_count"):
        _near(getattr(found, name), getattr(wanted, name), tolerance, name)
    _same_spikes(found.spikes, wanted.spikes)
    assert [r.what for r in found.results] == [r.what for r in wanted.results]
    for one, other in zip(found.results, wanted.results, strict=True):
        if isinstance(one.value, Spikes) and isinstance(other.value, Spikes):
            _same_spikes(one.value, other.value)
        else:
            _near(one.value, other.value, tolerance, one.what)
    assert found.recordings.keys() == wanted.recordings.keys()
    for name, recording in found.recordings.items():
        _near(recording.values, wanted.recordings[name].values, tolerance, name)
        np.testing.assert_allclose(recording.t, wanted.recordings[name].t, rtol=1e-12, atol=0)


def _near(a: Any, b: Any, tolerance: float, name: str) -> None:
    a, b = np.asarray(a, float), np.asarray(b, float)
    assert a.shape == b.shape, name
    finite = b[np.isfinite(b)]
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(finite).max(initial=0.0), err_msg=name)


def _same_spikes(a: Spikes, b: Spikes) -> None:
    assert np.array_equal(a.i, b.i) and np.array_equal(a.lane, b.lane)
    np.testing.assert_allclose(a.t, b.t, rtol=0, atol=1e-9)
