"""The one landscape in numpy: energies by their definition, and the current as minus the gradient."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bioasm.isa.program import Dense, Sparse, Terms
from bioasm.runtime.energy import Couplings, Landscape


def brute_energy(j: np.ndarray, h: np.ndarray, terms: list[tuple[tuple[int, ...], float]], s: np.ndarray) -> float:
    """E by its definition, sum by sum."""
    n = len(s)
    total = -0.5 * sum(j[a, b] * s[a] * s[b] for a in range(n) for b in range(n)) - sum(h[a] * s[a] for a in range(n))
    return total - sum(w * math.prod(s[i] for i in index) for index, w in terms)


@pytest.mark.parametrize("seed", range(4))
def test_energy_is_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    j, h, s = rng.normal(size=(4, 4)), rng.normal(size=4), rng.random(4)
    terms = Terms(4, np.array([0, 3, 5]), np.array([0, 1, 2, 1, 3]), np.array([0.7, -1.1]))
    land = Landscape(4, Couplings(Dense(j), Dense(h), terms))
    assert land.energy(s[None])[0] == pytest.approx(brute_energy(j, h, [((0, 1, 2), 0.7), ((1, 3), -1.1)], s))


@pytest.mark.parametrize("seed", range(4))
def test_current_is_minus_the_gradient(seed: int) -> None:
    rng = np.random.default_rng(seed)
    j, s = rng.normal(size=(4, 4)), rng.random(4)
    land = Landscape(4, Couplings(Dense(j + j.T), terms=Terms(4, np.array([0, 3]), np.array([0, 1, 2]), np.array([0.7]))))
    for i in range(4):
        up, down = s.copy(), s.copy()
        up[i] += 1e-6
        down[i] -= 1e-6
        assert land.slope(s[None])[0, i] == pytest.approx(-np.subtract(*land.energy(np.array([up, down]))) / 2e-6, abs=1e-6)


def test_sparse_couplings_equal_dense_ones() -> None:
    dense = Landscape(3, Couplings(Dense(np.array([[0.0, 2, 0], [2, 0, -1], [0, -1, 0]]))))
    entries = np.array([0, 1]), np.array([1, 2]), np.array([2.0, -1.0])
    sparse = Landscape(3, Couplings(Sparse((3, 3), *entries, symmetric=True)))
    assert np.array_equal(dense.j, sparse.j)
