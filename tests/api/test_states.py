"""Objectives at states: what is taken as one, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm import BioasmError, Problem

SPINS = Problem.polynomial({("a", "b"): 1.0, ("a",): -2.0}, spins=True)
BITS = Problem.polynomial({("a", "b"): 1.0, ("a",): -2.0})


@pytest.mark.parametrize(
    ("problem", "state", "words"),
    [
        (SPINS, [1, 0], "'b' is 0, and the problem's are spins"),
        (SPINS, [1, -1, 1], "3 values, and the problem 2"),
        (SPINS, [1], "1 values, and the problem 2"),
        (SPINS, [1, np.nan], "'b' is nan"),
        (SPINS, [[1, -1]], "2 dimensions.*best_state"),
        (SPINS, 1, "0 dimensions"),
        (SPINS, {"a": 1}, "'b' has no value"),
        (SPINS, {"a": 1, "b": 1, "c": 1}, "no variable 'c'"),
        (SPINS, {"a": 1, "b": "x"}, "no real numbers"),
        (SPINS, [1, None], "no real numbers"),
        (SPINS, [[1], [1, 2]], "no real numbers"),
        (SPINS, [1, 1j], "no real numbers"),
        (SPINS, np.ma.masked_array([1, -1], mask=[0, 1]), "no real numbers"),
        (BITS, [0, -1], "'b' is -1, and the problem's are bits"),
        (BITS, [0.5, 1], "'a' is 0.5"),
        (BITS, [2, 1], "'a' is 2"),
    ],
)
def test_what_is_no_state_is_refused(problem: Problem, state: Any, words: str) -> None:
    with pytest.raises(BioasmError, match=f"(?s)B303.*{words}"):
        problem.objective(state)


def test_spins_of_a_problem_of_bits_are_told_by_a_minus_one() -> None:
    assert BITS.objective([1, -1]) == BITS.objective([1, 0]) == -2.0
    assert BITS.objective([1, 1]) == -1.0
    assert BITS.objective({"b": -1, "a": -1}) == 0.0
    assert SPINS.objective({"b": True, "a": np.int8(-1)}) == 1.0


def test_the_best_state_of_a_result_has_the_best_energy() -> None:
    result = bioasm.solve(BITS, seed=1, set={"sweeps": 5})
    assert BITS.objective(result.best_state[0]) == result.best_energy[0] == -2.0


def test_names_are_kept_as_they_are() -> None:
    names = (np.int64(7), "z", ("q", np.int32(0)), 2.5)
    problem = Problem.ising(np.ones((4, 4)) - np.eye(4), names=names)
    found = bioasm.solve(problem, seed=1, set={"sweeps": 1}).names
    assert found == (7, "z", ("q", 0), 2.5)
    assert type(found[0]) is int
    odd = bioasm.solve(problem.renamed([frozenset([1]), 1, 2, 3]), seed=1, set={"sweeps": 1}).names
    assert odd == (frozenset({1}), 1, 2, 3)


def test_masked_entries_are_refused() -> None:
    entries = np.ma.masked_array([[-5.0, 0], [0, -7]], mask=[[0, 0], [0, 1]])
    with pytest.raises(BioasmError, match="B303.*masked"):
        Problem.of(entries)
    assert Problem.of(entries.filled(0)).objective([1, 1]) == -5


def test_a_solution_is_read_the_same_at_a_stop() -> None:
    whole = bioasm.solve(Problem.of([[-1.0]], maximize=True), seed=1, set={"sweeps": 1})
    found = bioasm.solve(Problem.of([[-1.0, 2.0], [0, 0.5]], maximize=True), seed=1, target=1.5, lanes=3)
    assert found.status == "target reached"
    assert [reading.what for reading in found.results] == [reading.what for reading in whole.results]
    assert found["objective"] == 1.5 and found["best_energy"].min() == -1.5
    assert found["best_state"].tolist() == found.best_state.tolist()


def test_a_result_tells_its_names() -> None:
    result = bioasm.solve(BITS, seed=1, set={"sweeps": 1})
    assert "best_energy" in result and "cut" not in result
    assert "best_state" in list(result) and len(result) == len(result.keys())


@pytest.mark.parametrize("suffix", ["", ".npz", ".json"])
def test_a_result_is_read_back_in_its_types(tmp_path: Path, suffix: str) -> None:
    from bioasm.results.reading import load

    result = bioasm.solve(BITS, seed=1, set={"sweeps": 1}, lanes=2)
    result.save(tmp_path / f"r{suffix}")
    found = load(tmp_path / f"r{suffix}")
    for one, two in zip(result.results, found.results, strict=True):
        assert np.asarray(one.value).dtype == np.asarray(two.value).dtype


def test_bits_are_printed_by_name() -> None:
    from bioasm.results.summary import summary

    assert "best bits    a=1 b=0\n" in summary(bioasm.solve(BITS, seed=1, set={"sweeps": 1}))
    assert "bits" not in summary(bioasm.solve(SPINS, seed=1, set={"sweeps": 1}))
