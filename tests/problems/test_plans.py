"""Plans for BLK: grids that are recognised, strips and grown blocks, their widths, and the programs that `strips` writes."""

from __future__ import annotations

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.problems.accounts import cut_problem
from bioasm.problems.numbers import Integers
from bioasm.problems.plans import Grid, grid_of, grown, joined_plan, strips
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial
from bioasm.problems.rudy import generate
from bioasm.problems.solvers import plan_of
from bioasm.problems.write import Account, Effort, write_program
from bioasm.runtime.blocks import blocks_of, measure


def bonds(rows: int, columns: int, ring: bool) -> Integers:
    """The bonds of a grid, closed to a torus or not."""
    at = np.arange(rows * columns).reshape(rows, columns)
    right, down = (np.stack([at, np.roll(at, -1, axis)], axis=-1) for axis in (1, 0))
    if not ring:
        right, down = right[:, :-1], down[:-1]
    return np.concatenate([right.reshape(-1, 2), down.reshape(-1, 2)])


def graph(n: int, pairs: Integers) -> tuple[Integers, Integers]:
    """Row starts and columns of a graph."""
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    ends = ends[np.argsort(ends[:, 0], kind="stable")]
    return np.searchsorted(ends[:, 0], np.arange(n + 1)), ends[:, 1]


@pytest.mark.parametrize("ring", [True, False])
@pytest.mark.parametrize(("rows", "columns"), [(5, 4), (20, 30), (30, 20), (7, 7)])
def test_grids_are_recognised(rows: int, columns: int, ring: bool) -> None:
    assert grid_of(rows * columns, bonds(rows, columns, ring)) == Grid(rows, columns)


def test_other_graphs_are_no_grids() -> None:
    pairs, chance = bonds(20, 30, True), np.random.default_rng(2)
    assert grid_of(600, chance.permutation(600)[pairs]) is None
    assert grid_of(600, np.concatenate([pairs, [[0, 31]]])) is None
    assert grid_of(601, pairs) is None
    assert grid_of(600, np.stack([np.arange(600), np.roll(np.arange(600), 1)], axis=1)) is None


@pytest.mark.parametrize(("rows", "columns"), [(100, 200), (30, 13), (5, 40), (12, 12)])
def test_strips_are_narrow_and_cover_the_grid_in_turn(rows: int, columns: int) -> None:
    grid, n = Grid(rows, columns), rows * columns
    start, column = graph(n, bonds(rows, columns, True))
    blocks = strips(grid, 8, 10)
    assert len(blocks) == 10
    for block in blocks:
        assert len(np.unique(block)) == len(block) > 0.6 * n
        assert measure(block, start, column, np.ones(len(column))).width <= 8
    assert len(np.unique(np.concatenate(blocks))) == n


@pytest.mark.parametrize("width", [2, 5, 10])
def test_grown_blocks_are_as_narrow_as_was_asked_for(width: int) -> None:
    chance = np.random.default_rng(width)
    for n, degree in ((40, 3), (300, 4), (60, 9), (3, 0)):
        pairs = np.unique(np.sort(chance.integers(0, n, (n * degree // 2, 2)), axis=1), axis=0)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        start, column = graph(n, pairs)
        blocks = grown(n, pairs, width)
        for block in blocks:
            assert len(np.unique(block)) == len(block) > 0
            assert measure(block, start, column, np.ones(len(column))).width <= width
        assert len(np.unique(np.concatenate(blocks))) == n


def test_a_tree_is_one_block_of_logarithmic_width() -> None:
    pairs = np.stack([np.arange(1, 63), (np.arange(1, 63) - 1) // 2], axis=1)
    assert max(map(len, grown(63, pairs, 6))) == 63


def test_the_text_of_a_program_has_the_plan_of_its_problem() -> None:
    problem, account = cut_problem(generate("-toroidal_grid_2D 12 10 -random 0 1 7 -times 2 -plus -1"), "g", "rudy")
    blocks = plan_of(problem.in_spins())
    program = bioasm.assemble(write_program(problem, account, "ising", Effort(solver="strips")).text)
    (plan,) = (datum.value for datum in program.data if datum.name == "P")
    assert np.array_equal(plan.array, joined_plan(blocks))
    assert all(map(np.array_equal, blocks_of(plan.array), blocks))


def test_strips_find_the_ground_state_that_one_exact_block_has() -> None:
    """An open grid 9 wide is a block of width 9 as a whole, which BLK solves exactly."""
    pairs = np.sort(bonds(20, 9, False), axis=1)
    value = np.random.default_rng(4).choice([-1.0, 1.0], len(pairs))
    energy = Polynomial(180, SPIN, 0.0, {2: Monomials(pairs, value)})
    found = bioasm.run(write_program(energy, Account("t", "s"), "ising", Effort(solver="strips")).text, seed=1)
    entries = " | ".join(f"{i} {j} {-v:g}" for (i, j), v in zip(pairs.tolist(), value.tolist(), strict=True))
    whole = f"MODEL ising\nALC 180\nLDJ sparse(180) symmetric {{ {entries} }}\nSIG 0\nBLK {list(range(180))}\n"
    assert found.best_energy == bioasm.run(whole, seed=1).best_energy


def test_terms_and_dense_problems_are_refused_by_name() -> None:
    terms = Polynomial(3, SPIN, 0.0, {3: Monomials(np.array([[0, 1, 2]]), np.ones(1))})
    i, j = np.triu_indices(40, 1)
    dense = Polynomial(40, SPIN, 0.0, {2: Monomials(np.stack([i, j], axis=1), np.ones(len(i)))})
    for problem in (terms, dense):
        with pytest.raises(BioasmError, match="B315"):
            plan_of(problem)
