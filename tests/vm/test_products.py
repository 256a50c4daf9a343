"""J s for every storage and size, by the energies that it gives, and the currents that it drives."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.isa.program import DataBlock, Dense, Program
from bioasm.runtime.outcome import recordings
from bioasm.verifier.gate import verify
from bioasm.vm.machine import Machine
from tests.vm.support import LANES, Array, finish, program

TEXT = "ALC {n}\nLDJ [0]\nSIG 8 mV\nCUR 0.2 nA\nREC s, 1 ms\nREC I, 1 ms\nRUN 26 ms\n"
SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 31, 32, 33, 47, 63, 64, 65, 100, 127, 128, 129, 257]


def with_couplings(n: int, j: Array) -> Program:
    """TEXT with an array of any dtype as J."""
    text = program(TEXT.format(n=n))
    return Program(text.instructions, data=(DataBlock(Dense(j)),))


def assert_products(n: int, j: Array, lanes: int) -> None:
    """E = -1/2 s'Js at each feedback, and the current in the direction of J s."""
    this = finish(Machine(verify(with_couplings(n, j)), 3, lanes))
    recorded = {name: r.values for name, r in recordings(this.model).items()}
    s, exact = recorded["s"], j.astype(np.float64)
    field = s @ exact.T
    size = np.abs(exact).sum() * s.max() ** 2
    assert np.abs(this.outputs.energies() + 0.5 * (s * field).sum(axis=2)).max() <= 1e-14 * size
    largest = np.abs(field).max(axis=2, keepdims=True)
    wanted = np.where(largest > 1.5e-9, 1.5e-9 / np.maximum(largest, 1e-300), 1.0) * field
    assert np.abs(recorded["I"] - wanted).max() <= 1e-12 * 1.5e-9 * max(1.0, n / 16)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("n", SIZES)
def test_bytes(n: int, lanes: int) -> None:
    assert_products(n, np.random.default_rng(n).integers(-128, 128, (n, n)).astype(np.int8), lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("n", SIZES)
def test_doubles(n: int, lanes: int) -> None:
    assert_products(n, np.random.default_rng(n).normal(size=(n, n)), lanes)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("n", [1, 7, 8, 9, 33, 64, 100])
def test_singles(n: int, lanes: int) -> None:
    assert_products(n, np.random.default_rng(n).normal(size=(n, n)).astype(np.float32), lanes)


@pytest.mark.parametrize("lanes", [1, 17])
@pytest.mark.parametrize("fill", [127, -128, -1])
@pytest.mark.parametrize("n", [33, 1000])
def test_bytes_that_are_all_alike(n: int, fill: int, lanes: int) -> None:
    """The largest sums that there can be: 1000 times 128 is just below 2**17."""
    assert_products(n, np.full((n, n), fill, np.int8), lanes)


def test_a_zero_matrix() -> None:
    assert_products(40, np.zeros((40, 40), np.int8), 1)


def test_rows_in_fortran_order_are_the_same_matrix() -> None:
    j = np.asfortranarray(np.random.default_rng(1).normal(size=(9, 9)))
    assert not j.flags.c_contiguous
    assert_products(9, j, 1)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("dtype", [np.int8, np.float32, np.float64])
@pytest.mark.parametrize("n", [9, 385, 393])
def test_a_lane_has_the_same_bits_in_any_company(n: int, dtype: type, symmetric: bool) -> None:
    """Five lanes are advanced one by one, seventeen side by side; a large symmetric J is read by half in a single lane."""
    j = np.random.default_rng(n).normal(scale=20, size=(n, n)).round(0 if dtype is np.int8 else 9).clip(-100, 100).astype(dtype)
    j = (np.tril(j) + np.tril(j, -1).T) if symmetric else j
    few, many = (finish(Machine(verify(with_couplings(n, j)), 3, lanes)) for lanes in (5, 17))
    assert few.outputs.energies().tobytes() == many.outputs.energies()[:5].tobytes()
    for name in ("s", "I"):
        alone, together = (recordings(this.model)[name].values for this in (few, many))
        assert alone.tobytes() == together[:5].tobytes()
    assert few.model.best().energy.tobytes() == many.model.best().energy[:5].tobytes()
