"""QUBO files, entries and matrices: the energy is x'Qx exactly, and faults have their lines."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.isa.program import Dense, Sparse, Terms
from bioasm.problems.matrix import ising_from_arrays, qubo_from_matrix
from bioasm.problems.qubo import read_coo, read_qubo
from tests.problems.exact import states, value


def xqx(matrix, state):
    entries = np.asarray(matrix).tolist()
    n = len(entries)
    return sum(Fraction(entries[i][j]) * state[i] * state[j] for i in range(n) for j in range(n))


def agrees(polynomial, matrix):
    spins = polynomial.in_spins()
    for state in states(len(matrix), "bit"):
        expected = xqx(matrix, state)
        assert value(polynomial.in_bits(), state) == expected
        assert value(spins, [2 * x - 1 for x in state]) == expected


def random_matrix(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 7))
    return rng.integers(-20, 21, (n, n)) / 4 * (rng.random((n, n)) < 0.6)


@pytest.mark.parametrize("seed", range(6))
def test_a_qbsolv_file(seed):
    matrix = np.triu(random_matrix(seed))
    n = len(matrix)
    nodes = [f"{i} {i} {matrix[i, i]}" for i in range(n) if matrix[i, i]]
    couplers = [f"{i} {j} {matrix[i, j]}" for i in range(n) for j in range(i + 1, n) if matrix[i, j]]
    text = "\n".join(["c made for a test", f"p qubo 0 {n} {len(nodes)} {len(couplers)}", *nodes, "c", *couplers])
    agrees(read_qubo(text.encode(), "q"), matrix)


@pytest.mark.parametrize("seed", range(6))
def test_plain_entries_add_up_over_both_halves(seed):
    matrix = random_matrix(seed)
    n = len(matrix)
    matrix[n - 1, n - 1] = 1.5
    text = "\n".join(f"{i} {j} {matrix[i, j]}" for i in range(n) for j in range(n) if matrix[i, j])
    agrees(read_coo(text.encode(), "q"), matrix)


@pytest.mark.parametrize("seed", range(6))
def test_a_dense_matrix(seed):
    matrix = random_matrix(seed)
    agrees(qubo_from_matrix(Dense(matrix), "q"), matrix)


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_sparse_matrix(symmetric):
    row, column, entry = np.array([0, 0, 1]), np.array([0, 2, 2]), np.array([1.0, -2.0, 0.5])
    matrix = np.zeros((3, 3))
    matrix[row, column] = entry
    if symmetric:
        matrix = matrix + np.triu(matrix, 1).T
    agrees(qubo_from_matrix(Sparse((3, 3), row, column, entry, symmetric), "q"), matrix)


def test_a_matrix_of_small_integers_does_not_overflow():
    matrix = np.full((3, 3), 127, dtype=np.int8)
    agrees(qubo_from_matrix(Dense(matrix), "q"), matrix.astype(int))


def test_spins_of_dimod_keep_its_sign():
    spins = read_coo(b"# vartype=SPIN\n0 0 1.5\n0 1 -2\n", "q")
    for state in states(2, "spin"):
        assert value(spins, state) == Fraction(3, 2) * state[0] - 2 * state[0] * state[1]


def test_the_largest_index_says_how_many_variables_there_are():
    assert read_coo(b"0 7 1\n", "q").n == 8


def faults(read, text):
    with pytest.raises(BioasmError) as caught:
        read(text, "q")
    return [(d.code, d.span.line if d.span else 0, d.message) for d in caught.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        (b"", 1, "no line `p qubo"),
        (b"0 0 1\n", 1, "no line `p qubo"),
        (b"c\np qubo 0 2 1\n0 0 1\n", 2, "should be `p qubo topology"),
        (b"p qubo 0 2 x 0\n", 1, "should be `p qubo topology"),
        (b"p cnf 2 1 0 0\n", 1, "should be `p qubo topology"),
        (b"p qubo 0 0 0 0\n", 1, "at least one variable"),
        (b"p qubo 0 2 0 0\np qubo 0 2 0 0\n", 2, "stands on line 1 already"),
        (b"p qubo 0 2 1 0\n0 0\n", 2, "2 numbers"),
        (b"p qubo 0 2 1 0\n2 2 1\n", 2, "from 0 to 1, not 2 and 2"),
        (b"p qubo 0 2 0 1\n1 0 1\n", 2, "smaller variable first, not 1 0"),
        (b"p qubo 0 2 2 0\n0 0 1\n0 0 1\n", 3, "entry 0 0 stands on line 2 already"),
        (b"p qubo 0 2 0 2\n0 1 1\nc\n0 1 3\n", 4, "entry 0 1 stands on line 2 already"),
        (b"p qubo 0 2 2 0\n0 0 1\n", 1, "announces 2 nodes, but the file has 1"),
        (b"c\np qubo 0 2 0 0\n0 1 1\n", 2, "announces 0 couplers, but the file has 1"),
        (b"p qubo 0 2 1 0\n0 0 1e400\n", 2, "no finite number"),
        (b"p qubo 0 2 1 0\n0 0 one\n", 2, "'one' is no number"),
    ],
)
def test_faults_of_a_qbsolv_file(text, line, part):
    found = faults(read_qubo, text)
    assert found[0][:2] == ("B304", line)
    assert part in found[0][2]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        (b"", 1, "empty"),
        (b"# only\n", 1, "empty"),
        (b"0 1 1\n0 1\n", 2, "2 numbers"),
        (b"0 1 1\n0 -1 1\n", 2, "not 0 and -1"),
        (b"0 1 1\n0.5 1 1\n", 2, "not 0.5 and 1"),
        (b"0 1 1\n\n0 1 1\n", 3, "stands on line 1 already"),
    ],
)
def test_faults_of_plain_entries(text, line, part):
    found = faults(read_coo, text)
    assert found[0][:2] == ("B304", line)
    assert part in found[0][2]


@pytest.mark.parametrize(("read", "text"), [(read_coo, b"0 99999999999 1\n"), (read_qubo, b"p qubo 0 99999999999 0 0\n")])
def test_too_many_variables(read, text):
    assert faults(read, text)[0][0] == "B111"


@pytest.mark.parametrize(
    "data",
    [
        Dense(np.zeros(3)),
        Dense(np.zeros((2, 3))),
        Dense(np.zeros((0, 0))),
        Dense(np.array([[np.nan]])),
        Sparse((2, 3), np.array([0]), np.array([0]), np.array([1.0])),
        Sparse((2, 2), np.array([0]), np.array([0]), np.array([np.inf])),
        Terms(2, np.array([0, 1]), np.array([0]), np.array([1.0])),
    ],
)
def test_what_is_no_square_matrix_of_finite_numbers(data):
    with pytest.raises(BioasmError) as caught:
        qubo_from_matrix(data, "q.npy")
    assert caught.value.diagnostics[0].code == "B304"


@pytest.mark.parametrize("seed", range(4))
def test_ising_arrays_that_need_not_be_symmetric(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    couplings, biases = rng.integers(-8, 9, (n, n)) / 4, rng.integers(-8, 9, n) / 4
    polynomial = ising_from_arrays(Dense(couplings), Dense(biases), Dense(np.array([0.75])), "a.npz")
    for state in states(n, "spin"):
        fields = sum(Fraction(h) * s for h, s in zip(biases.tolist(), state, strict=True))
        assert value(polynomial, state) == -xqx(couplings, state) / 2 - fields + Fraction(3, 4)


def test_ising_arrays_need_only_couplings():
    polynomial = ising_from_arrays(Dense(np.array([[0, 1], [1, 0]])), None, None, "a.npz")
    assert value(polynomial, (1, 1)) == -1


@pytest.mark.parametrize("biases", [np.zeros(3), np.zeros((2, 1)), np.array([0, np.inf])])
def test_biases_that_do_not_fit(biases):
    with pytest.raises(BioasmError) as caught:
        ising_from_arrays(Dense(np.zeros((2, 2))), Dense(biases), None, "a.npz")
    assert caught.value.diagnostics[0].code == "B304"


def test_an_entry_that_stands_twice_is_not_told_as_a_wrong_count_as_well():
    with pytest.raises(BioasmError) as caught:
        read_qubo(b"p qubo 0 2 1 1\n0 0 1\n0 1 1\n0 1 1\n", "q")
    assert ["stands on line 3 already" in found.message for found in caught.value.diagnostics] == [True]
