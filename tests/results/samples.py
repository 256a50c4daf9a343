"""Results made by hand, for tests of how they are written."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioasm.results import Reading, Recording, Result, Spikes


def spikes(lanes: int) -> Spikes:
    """Three spikes, the last in the last lane."""
    return Spikes(np.array([1e-3, 2e-3, 3e-3]), np.array([0, 2, 1]), np.array([0, 0, lanes - 1]))


def result(lanes: int = 1, **other: Any) -> Result:
    """A run of three Ising spins over four sweeps."""
    state = np.array([[1.0, -1.0, 1.0]] * lanes)
    fields: dict[str, Any] = {
        "driver": "fake",
        "model": "ising",
        "n": 3,
        "lanes": lanes,
        "seed": 7,
        "program_sha256": "ab" * 32,
        "versions": {"bioasm": "0.1.0"},
        "timing": {"total": 0.25},
        "results": (Reading("spins", state), Reading("energy", state[:, 0] * -2.5), Reading("answer", 42.0)),
        "state": state,
        "energy": -np.arange(1.0, lanes + 1),
        "best_energy": -np.arange(2.0, lanes + 2),
        "best_state": state.astype(np.int8),
        "energy_trace": np.tile(np.arange(4.0), (lanes, 1)),
        "spikes": spikes(lanes),
        "spike_count": np.array([[1, 1, 1]] * lanes),
        "recordings": {"s": Recording(np.arange(2.0), np.array([0, 2]), np.ones((lanes, 2, 2)))},
        "steps": 4,
    }
    return Result(**{**fields, **other})
