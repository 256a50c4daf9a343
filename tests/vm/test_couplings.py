"""Couplings in the form that kernels read: narrow, never rounded, not copied, symmetric where a model needs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioasm.isa.program import Dense, Sparse, Terms
from bioasm.runtime.energy import Couplings
from bioasm.vm.couplings import is_symmetric, prepare_for_energy, prepare_for_feedback
from bioasm.vm.layout import LIMB_COLUMNS

RNG = np.random.default_rng(23)


def dense(array: np.ndarray) -> Couplings:
    return Couplings(j=Dense(array))


def of_entries(n: int, entries: list[tuple[int, int, float]], dtype: str = "f8", symmetric: bool = False) -> Couplings:
    row, column, value = (np.array(part) for part in zip(*entries, strict=True))
    return Couplings(j=Sparse((n, n), row, column, value.astype(dtype), symmetric))


def full(n: int, ready) -> np.ndarray:
    """The matrix that a kernel reads, in units of energy."""
    if ready.storage.startswith("dense"):
        return ready.values.astype(float) * ready.scale
    matrix = np.zeros((n, n))
    row = np.repeat(np.arange(n), np.diff(ready.start))
    matrix[row, ready.column] = ready.values
    return matrix * ready.scale


# --- storage -------------------------------------------------------------------------------------------

STORED = [
    ("i1", "i1"),
    ("?", "i1"),
    ("u1", "i1"),
    ("i2", "f4"),
    ("u2", "f4"),
    ("i4", "i4"),
    ("u4", "f8"),
    ("i8", "f8"),
    ("f2", "f4"),
    ("f4", "f4"),
    ("f8", "f8"),
]


@pytest.mark.parametrize(("given", "stored"), STORED)
def test_feedback_keeps_entries_narrow_and_exact(given: str, stored: str) -> None:
    high = {"?": 2, "i1": 128, "u1": 128}.get(given, 2000)
    array = RNG.integers(0, high, (5, 5)).astype(given)
    ready = prepare_for_feedback(5, dense(array))
    assert ready.storage == f"dense-{stored}"
    assert np.array_equal(ready.values.astype(float), array.astype(float))


LARGEST = [("u1", 255, "f4"), ("i2", 32767, "f4"), ("u2", 65535, "f4"), ("i4", 2**31 - 1, "i4"), ("u4", 2**32 - 1, "f8")]


@pytest.mark.parametrize(("given", "high", "stored"), LARGEST)
def test_the_largest_entries_are_exact(given: str, high: int, stored: str) -> None:
    ready = prepare_for_feedback(1, dense(np.array([[high]], given)))
    assert ready.storage == f"dense-{stored}"
    assert float(ready.values[0, 0]) == high


@pytest.mark.parametrize("dtype", ["i1", "f4", "f8"])
def test_feedback_uses_a_dense_matrix_as_it_is(dtype: str) -> None:
    array = RNG.integers(-5, 5, (40, 40)).astype(dtype)
    assert np.shares_memory(prepare_for_feedback(40, dense(array)).values, array)


@pytest.mark.parametrize("dtype", ["i1", "f4", "f8"])
def test_a_memory_mapped_matrix_is_not_copied(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "j.npy", RNG.integers(-5, 5, (40, 40)).astype(dtype))
    mapped = np.load(tmp_path / "j.npy", mmap_mode="r")
    assert np.shares_memory(prepare_for_feedback(40, dense(mapped)).values, mapped)


@pytest.mark.parametrize("n", [*range(1, 36), 63, 64, 65])
def test_bytes_are_read_within_their_memory(n: int) -> None:
    """Rows are read LIMB_COLUMNS bytes at a time; the last one stands apart, in the tails, with room behind it."""
    ready = prepare_for_feedback(n, dense(np.ones((n, n), np.int8)))
    memory = ready.values if ready.values.base is None else ready.values.base
    read = -(-n // LIMB_COLUMNS) * LIMB_COLUMNS
    assert memory.size >= (n - 2) * n + read
    assert ready.tails.size >= read
    assert np.array_equal(ready.tails[:read], [1] * n + [0] * (read - n))


@pytest.mark.parametrize("factor", [1, 2, 16])
def test_spins_use_a_symmetric_matrix_of_bytes_as_it_is(factor: int) -> None:
    array = factor * np.triu(RNG.choice([-1, 1], (40, 40)), 1)
    array = (array + array.T).astype(np.int8)
    ready = prepare_for_energy(40, dense(array))
    assert np.shares_memory(ready.values, array)
    assert (ready.whole, ready.scale) == (True, 1.0)


@pytest.mark.parametrize("dtype", ["i1", "f4", "f8"])
def test_sparse_entries_stay_narrow(dtype: str) -> None:
    ready = prepare_for_feedback(3, of_entries(3, [(0, 1, 3), (1, 0, -2), (2, 2, 5)], dtype))
    assert ready.storage == f"sparse-{dtype}"
    assert np.array_equal(full(3, ready), [[0, 3, 0], [-2, 0, 0], [0, 0, 5]])


def test_nothing_loaded_needs_no_storage() -> None:
    assert prepare_for_feedback(3, Couplings()).storage == prepare_for_energy(3, Couplings()).storage == "none"


def test_a_nearly_empty_matrix_is_kept_as_entries_for_spins() -> None:
    array = np.zeros((50, 50), np.int8)
    array[3, 7] = array[7, 3] = 2
    ready = prepare_for_energy(50, dense(array))
    assert ready.storage == "sparse-i1"
    assert np.array_equal(full(50, ready), array)


@pytest.mark.parametrize(("n", "share", "factor", "storage"), [
    (40, 0.5, 1, "dense-i1"), (40, 0.5, 0.25, "dense-i1"), (40, 0.5, 1000, "dense-i4"), (40, 0.5, 1 / 3, "sparse-f8"),
    (40, 0.1, 1, "sparse-i1"), (32, 0.5, 1, "sparse-i1"),
])  # fmt: skip
def test_a_nearly_full_list_of_entries_becomes_a_matrix_where_sums_are_exact(
    n: int, share: float, factor: float, storage: str
) -> None:
    row, column = np.nonzero(np.triu(RNG.random((n, n)) < share, 1))
    entries = [(int(i), int(j), factor * float(RNG.choice((-1, 3)))) for i, j in zip(row, column, strict=True)]
    wanted = np.zeros((n, n))
    for i, j, value in entries:
        wanted[i, j] = wanted[j, i] = value
    ready = prepare_for_energy(n, of_entries(n, entries, "f8", symmetric=True))
    assert ready.storage == storage
    assert np.array_equal(full(n, ready), wanted)


# --- symmetry ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 511, 512, 513, 1030])
def test_symmetry_is_seen_across_pieces(n: int) -> None:
    array = RNG.integers(-9, 9, (n, n))
    array = array + array.T
    assert is_symmetric(array)
    if n > 1:
        array[n - 1, 0] += 1
        assert not is_symmetric(array)


@pytest.mark.parametrize("kind", ["symmetric", "one-sided", "general", "diagonal"])
@pytest.mark.parametrize("dtype", ["i1", "f8"])
def test_spins_see_the_symmetric_part_without_its_diagonal(kind: str, dtype: str) -> None:
    array = RNG.integers(-9, 10, (6, 6)) / (1 if dtype == "i1" else 7)
    array = {
        "symmetric": array + array.T,
        "one-sided": np.triu(array, 1),
        "general": array,
        "diagonal": np.diag(np.diagonal(array)),
    }[kind].astype(dtype)
    wanted = (array.astype(float) + array.T) / 2
    ready = prepare_for_energy(6, dense(array))
    assert ready.constant == pytest.approx(-0.5 * np.trace(wanted), rel=1e-15)
    assert np.array_equal(full(6, ready), wanted - np.diag(np.diagonal(wanted)))


@pytest.mark.parametrize("symmetric", [False, True])
def test_sparse_and_dense_spins_see_the_same(symmetric: bool) -> None:
    entries = [(0, 0, 1.5), (0, 2, 3.0), (1, 2, -1.0)]
    matrix = np.zeros((3, 3))
    for i, j, w in entries:
        matrix[i, j] = w
        matrix[j, i] = w if symmetric else matrix[j, i]
    a, b = prepare_for_energy(3, of_entries(3, entries, "f8", symmetric)), prepare_for_energy(3, dense(matrix))
    assert np.array_equal(full(3, a), full(3, b))
    assert a.constant == b.constant


def test_the_given_matrix_is_not_changed() -> None:
    array = RNG.normal(size=(5, 5))
    before = array.copy()
    prepare_for_energy(5, dense(array))
    assert np.array_equal(array, before)


@pytest.mark.parametrize(
    ("entries", "symmetric", "expected"),
    [
        ([(0, 1, 1.0), (1, 0, 1.0)], False, True),
        ([(0, 1, 1.0), (1, 0, 2.0)], False, False),
        ([(0, 1, 1.0)], False, False),
        ([(0, 1, 1.0)], True, True),
        ([(1, 1, 1.0)], False, True),
    ],
)
def test_symmetry_of_entries(entries: list, symmetric: bool, expected: bool) -> None:
    assert prepare_for_feedback(2, of_entries(2, entries, "f8", symmetric)).symmetric is expected


def test_entries_of_one_place_are_added() -> None:
    ready = prepare_for_energy(3, of_entries(3, [(0, 1, 1.0), (1, 0, 2.0), (2, 1, 4.0)]))
    assert np.array_equal(full(3, ready), [[0, 1.5, 0], [1.5, 0, 2], [0, 2, 0]])


# --- whole numbers ------------------------------------------------------------------------------------------


def pair(w: float) -> np.ndarray:
    return np.array([[0.0, w], [w, 0.0]])


@pytest.mark.parametrize(
    ("j", "h", "scale"),
    [
        (pair(1.0), [0, 0], 1.0),
        (pair(0.5), [0, 0], 0.5),
        (pair(6.0), [4, 8], 2.0),
        (pair(3.0), [0.125, 0], 0.125),
        (pair(2.0**100), [0, 2.0**98], 2.0**98),
        (pair(-3 * 2.0**-200), [0, 0], 2.0**-200),
        (pair(0.0), [0, 0], 1.0),
    ],
)
def test_the_unit_is_the_lowest_bit(j: np.ndarray, h: list[float], scale: float) -> None:
    ready = prepare_for_energy(2, Couplings(j=Dense(j), h=Dense(np.array(h))))
    assert (ready.whole, ready.scale) == (True, scale)
    assert np.array_equal(full(2, ready), j)
    assert np.array_equal(ready.h * ready.scale, h)


@pytest.mark.parametrize(("w", "h"), [(0.1, 1.0), (2.0**29, 1.0), (1 + 2.0**-40, 0.0), (1e-310, 0.0), (1e308, 1.0)])
def test_what_is_no_small_multiple_of_a_unit_stays_real(w: float, h: float) -> None:
    ready = prepare_for_energy(2, Couplings(j=Dense(pair(w)), h=Dense(np.array([h, 0.0]))))
    assert not ready.whole
    assert np.array_equal(full(2, ready), pair(w))
    assert np.array_equal(ready.h, [h, 0.0])


def test_the_reach_counts_couplings_biases_and_terms() -> None:
    terms = Terms(2, np.array([0, 2]), np.array([0, 1]), np.array([2.0**28]))
    small = Couplings(j=Dense(pair(2.0**27 + 1)), h=Dense(np.array([2.0**26, 0])))
    assert prepare_for_energy(2, small).whole
    assert not prepare_for_energy(2, Couplings(j=small.j, h=Dense(np.array([2.0**27, 0])), terms=terms)).whole


@pytest.mark.parametrize(("largest", "stored"), [(127, "i1"), (128, "i4"), (100_001, "i4")])
def test_whole_numbers_are_stored_narrow(largest: int, stored: str) -> None:
    array = np.array([[0.0, 1.0, largest], [1.0, 0.0, 1.0], [largest, 1.0, 0.0]])
    ready = prepare_for_energy(3, dense(array))
    assert ready.storage == f"dense-{stored}"
    assert np.array_equal(full(3, ready), array)


@pytest.mark.parametrize(("dtype", "stored"), [("f4", "f4"), ("f8", "f8")])
def test_real_numbers_keep_their_precision(dtype: str, stored: str) -> None:
    array = np.triu(RNG.normal(size=(5, 5)) * 10.0 ** -np.arange(5), 1).astype(dtype)
    array = array + array.T
    ready = prepare_for_energy(5, dense(array))
    assert ready.storage == f"dense-{stored}"
    assert np.array_equal(ready.values, array)


def test_bytes_reach_their_whole_range() -> None:
    array = np.array([[0, -128], [-128, 0]], np.int8)
    ready = prepare_for_energy(2, dense(array))
    assert ready.whole
    assert np.array_equal(full(2, ready), array)


# --- terms --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prepare", [prepare_for_energy, prepare_for_feedback])
def test_every_neuron_knows_its_terms(prepare) -> None:
    terms = Terms(4, np.array([0, 3, 5, 6]), np.array([0, 1, 3, 1, 2, 3]), np.array([1.0, -2.0, 0.5]))
    ready = prepare(4, Couplings(terms=terms))
    of = [ready.of_term[a:b].tolist() for a, b in zip(ready.of_start[:-1], ready.of_start[1:], strict=True)]
    assert of == [[0], [0, 1], [1], [0, 2]]
    assert (ready.term_value * ready.scale).tolist() == [1.0, -2.0, 0.5]
