"""Exact elimination of spins: the energies of all states, what LDE takes, and results in the user's variables."""

from __future__ import annotations

from itertools import product
from typing import Any

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial, collect
from bioasm.problems.reduction import reduce
from bioasm.problems.write import Account, Effort, write_code, write_program
from bioasm.runtime.elimination import Elimination
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

Array = np.ndarray[Any, Any]


def all_states(n: int) -> Array:
    return np.array(list(product((-1, 1), repeat=n))).reshape(-1, n)


def energies(problem: Polynomial, states: Array) -> Array:
    parts = [states[:, part.index].prod(axis=2) @ part.value for part in problem.parts.values()]
    return np.sum(parts, axis=0) + np.full(len(states), problem.constant)


@st.composite
def problems(draw: st.DrawFn) -> Polynomial:
    """Sparse problems of up to nine spins: whole or real couplings, with and without biases and a product of three."""
    n = draw(st.integers(1, 9))
    weight = draw(st.sampled_from([st.integers(-3, 3).map(float), st.floats(-2, 2, allow_subnormal=False)]))
    pairs = list(draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), weight), max_size=2 * n)))
    pieces = [Monomials(np.array([sorted((i, j))]), np.array([w])) for i, j, w in pairs if i != j]
    if draw(st.booleans()):
        pieces.append(Monomials(np.arange(n)[:, None], np.array(draw(st.lists(weight, min_size=n, max_size=n)))))
    if n > 3 and draw(st.booleans()):
        pieces.append(Monomials(np.array([[0, 2, 3]]), np.array([1.5])))
    return collect(n, SPIN, pieces, [0.25])


@settings(max_examples=300, deadline=None)
@given(problems())
def test_what_is_left_has_the_least_energy_over_what_is_gone(problem: Polynomial) -> None:
    left, rows = reduce(problem)
    assert left.n + len(rows) == problem.n
    assert left.n >= 1
    known, states, everything = Elimination(rows, left.n), all_states(left.n), all_states(problem.n)
    whole = known.whole(states)
    assert np.array_equal(known.left(whole), states)
    np.testing.assert_allclose(energies(problem, whole), energies(left, states), rtol=0, atol=1e-12)
    found = energies(problem, everything)
    for state, energy in zip(states, energies(left, states), strict=True):
        assert abs(found[(known.left(everything) == state).all(axis=1)].min() - energy) < 1e-12


@settings(max_examples=100, deadline=None)
@given(problems())
def test_no_spin_with_few_neighbours_is_left(problem: Polynomial) -> None:
    left, _ = reduce(problem)
    near: list[set[int]] = [set() for _ in range(left.n)]
    for order, part in left.parts.items():
        for index in part.index.tolist():
            for i in index:
                near[i] |= {-1} if order == 1 else {j for j in index if j != i}
    in_higher = {int(i) for order, part in left.parts.items() if order > 2 for i in part.index.ravel()}
    assert left.n == 1 or all(len(near[i]) > 3 for i in range(left.n) if i not in in_higher)


def test_sums_that_cancel_leave_no_coupling_behind() -> None:
    pairs = np.array([[0, 1], [1, 2], [0, 3], [2, 3], *([k, m] for k in (0, 2) for m in range(4, 9))])
    pairs = np.concatenate([pairs, [[i, j] for i in range(4, 9) for j in range(i + 1, 9)]])
    value = np.r_[0.1, 0.3, 0.1, -0.3, np.ones(len(pairs) - 4)]
    left, rows = reduce(collect(9, SPIN, [Monomials(pairs, value)]))
    assert sorted(rows[:, 0].tolist()) == [1, 3]
    assert set(map(float, left.part(2).value)) == {1.0}


GRAPH = networkx.relabel_nodes(networkx.random_regular_graph(3, 60, seed=3), lambda k: f"v{k}")
GRAPH.add_edges_from((f"v{i}", f"v{j}") for i in range(12) for j in range(i + 1, 12))


def cut(graph: Any, side: dict[str, int]) -> int:
    return sum(side[a] != side[b] for a, b in graph.edges)


def test_results_are_in_the_variables_of_the_whole_problem() -> None:
    problem = bioasm.Problem.of(GRAPH)
    result = bioasm.solve(problem, seed=1, lanes=4, reduce=True)
    assert result.n == len(GRAPH)
    assert result.state.shape == result.best_state.shape == (4, len(GRAPH))
    for lane in range(4):
        side = dict(zip(problem.names, result.best_state[lane].tolist(), strict=True))
        assert cut(GRAPH, side) == -result.best_energy[lane]
        now = dict(zip(problem.names, result.state[lane].tolist(), strict=True))
        assert cut(GRAPH, now) == -result.energy[lane]
    assert result["cut"] == bioasm.solve(problem, seed=1, lanes=4)["cut"]


def test_text_and_arrays_are_one_program() -> None:
    problem, effort = bioasm.Problem.of(GRAPH), Effort(reduce=True)
    text = write_program(problem.energy, problem.account, "ising", effort).text
    assert "LDE E" in text
    by_text, by_arrays = bioasm.run(text, seed=2), bioasm.solve(problem, seed=2, lanes=1, reduce=True)
    assert np.array_equal(by_text.best_state, by_arrays.best_state)
    assert by_text.program_sha256 == by_arrays.program_sha256


@pytest.mark.parametrize(("solver", "degree", "reduced"), [("auto", 3, True), ("auto", 8, False), ("anneal", 3, False)])
def test_auto_reduces_where_many_spins_go(solver: str, degree: int, reduced: bool) -> None:
    problem = bioasm.Problem.of(networkx.random_regular_graph(degree, 40, seed=1))
    code = write_code(problem.energy, problem.account, "ising", Effort(solver=solver))
    assert (code.eliminated is not None) is reduced


def test_a_tree_is_solved_by_elimination() -> None:
    problem = bioasm.Problem.of(networkx.balanced_tree(3, 4))
    result = bioasm.solve(problem, lanes=1, seed=1, reduce=True)
    assert result["cut"] == problem.n - 1


def test_what_was_reduced_is_not_exported() -> None:
    problem = bioasm.Problem.of(GRAPH)
    text = write_program(problem.energy, Account("t", "s"), "ising", Effort(reduce=True)).text
    with pytest.raises(BioasmError, match="eliminated"):
        bioasm.Problem.of(assemble(text))


# --- LDE ---------------------------------------------------------------------------------------------

BEGIN = "MODEL ising\nALC 3\n"
ROW = "3, 0, 0, 1, 2, 1, -1, 0"


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (f"{BEGIN}LDE [[3, 0, 0, 1]]\n", "8 columns"),
        (f"{BEGIN}LDE [1, 2, 3, 4, 5, 6, 7, 8]\n", "8 columns"),
        (f"{BEGIN}LDE [[4, 0, 0, 1, 2, 1, -1, 0]]\n", "row 0 eliminates spin 4"),
        (f"{BEGIN}LDE [[2.5, 0, 0, 1, 1, 1, -1, 0]]\n", "row 0 eliminates spin 2.5"),
        (f"{BEGIN}LDE [[{ROW}], [{ROW}]]\n", "eliminated twice"),
        (f"{BEGIN}LDE [[3, 0, 0, 1, 4, 1, -1, 0]]\n", "row 0 names a spin"),
        (f"{BEGIN}LDE [[3, 0, -2, 1, 1, 1, -1, 0]]\n", "row 0 names a spin"),
        (f"{BEGIN}LDE [[3, 0, 3, 1, 1, 1, -1, 0]]\n", "row 0 follows a spin"),
        (f"{BEGIN}LDE [[{ROW}], [4, 0, 3, 1, 1, 1, -1, 0]]\n", "row 1 follows a spin"),
        (f"{BEGIN}LDE [[3, 0, 0, 1, 1, 1, -1, 2]]\n", "row 0 has a coupling to no spin"),
        (f"{BEGIN}LDE [[{ROW}]]\nLDE [[{ROW}]]\n", "another LDE"),
        (f"{BEGIN}RUN 1\nLDE [[{ROW}]]\n", "fixed already"),
        (f"ALC 3\nLDE [[{ROW}]]\n", "no spins"),
        (f"MODEL ising\nLDE [[{ROW}]]\nALC 3\n", "needs neurons"),
    ],
)
def test_tables_that_do_not_fit_are_refused(lines: str, found: str) -> None:
    with pytest.raises(BioasmError) as caught:
        verify(assemble(lines + "RD\n"))
    assert found in caught.value.diagnostics[0].message


def test_rows_follow_rows_further_down() -> None:
    rows = "[[3, 0, 4, -1, -1, 0, -1, 0], [4, 0.5, 0, 1, 1, 1, 2, 1]]"
    text = f"{BEGIN}LDE {rows}\nLDS [[1, 1, 1], [-1, -1, -1], [1, -1, -1], [-1, -1, 1]]\nRD\nRD s\n"
    result = bioasm.run(text, lanes=4)
    four = [1, -1, -1, -1]
    assert result.results[0].value[:, 4].tolist() == four
    assert result.results[0].value[:, 3].tolist() == [-s for s in four]
    assert np.array_equal(result.results[0].value, result.results[1].value)


def test_a_part_of_the_spins_is_of_those_that_are_left() -> None:
    """RD as CLAMP and PEEK count them: spin 0 of the whole problem is gone here, and number 0 of those left is its spin 1."""
    text = "MODEL ising\nALC 2\nLDE [[0, -5, 1, 1, -1, 0, -1, 0]]\nLDH [1, 1]\nSIG 0.01\nCLAMP ising[0:1], 1\n"
    found = bioasm.run(text + "RD\nRD ising[0:1].spins\nPEEK r0, ising[0:1].s, 0\nOUT r0\n")
    whole, part, peeked = (np.ravel(result.value).tolist() for result in found.results)
    assert (whole[:2], part, peeked) == ([-1, 1], [1], [1.0])
