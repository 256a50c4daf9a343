"""Names of variables of every kind that can be told, tables with named columns, and weights of soft constraints."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.api.problem_files import read_problem_file
from bioasm.diagnostics import BioasmError
from bioasm.results.reading import load

NAMES = (frozenset({1, "a"}), b"\xff", (1, ("b", 2)), 3, "q", 2.5, float("inf"), 1j, None, (frozenset({2}),))


def named() -> bioasm.Problem:
    return bioasm.Problem.of(np.diag(np.arange(10.0) - 4), names=NAMES)


def test_names_come_back_as_they_were(tmp_path: Path) -> None:
    result = bioasm.run(named(), seed=1)
    assert result.names == NAMES
    for name in ("r.npz", "r.json"):
        result.save(tmp_path / name)
        assert load(tmp_path / name).names == NAMES


@pytest.mark.parametrize("form", ["qubo", "coo", "bq", "bqm", "terms", "lp"])
def test_formats_keep_them(form: str, tmp_path: Path) -> None:
    if form == "lp":
        pytest.importorskip("dimod")
    named().save(tmp_path / "p", form)
    assert bioasm.Problem(*read_problem_file(str(tmp_path / "p"), form=form)).names == NAMES


def test_a_format_without_a_place_for_them_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("dimod")
    with pytest.raises(BioasmError, match="B315.*names that are numbers .*, texts and tuples of these"):
        named().save(tmp_path / "p.bqm", "dimod")


@pytest.mark.parametrize("name", [{}, {"frozenset": 3}, {"bytes": "x"}, {"set": [1]}, {"bytes": "00", "float": "1"}])
def test_objects_that_are_no_names_are_refused(name: Any, tmp_path: Path) -> None:
    import json

    (tmp_path / "p.json").write_text(json.dumps({"terms": [[[name], 1]]}))
    with pytest.raises(BioasmError, match="B304.*is no name of a variable"):
        bioasm.Problem.of(tmp_path / "p.json")


def test_a_table_names_its_variables() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame([[1, 2], [0, -3.0]], index=["b", "a"], columns=["a", "b"])
    problem = bioasm.Problem.of(frame)
    assert problem.names == ("a", "b")
    assert (problem.objective({"a": 1, "b": 0}), problem.objective({"a": 0, "b": 1})) == (0.0, 2.0)
    assert problem.objective([1, 1]) == 0 - 3 + 1 + 2
    with pytest.raises(BioasmError, match="B304.*rows of the table have other names"):
        bioasm.Problem.of(frame.rename(index={"a": "c"}))


def costs(model: Any, n: int) -> dict[tuple[int, ...], float]:
    """The least objective at each state of the first n variables, over all states of slack."""
    problem = bioasm.Problem.of(model)
    slack = list(itertools.product((0, 1), repeat=problem.n - n))
    return {s: min(problem.objective([*s, *t]) for t in slack) for s in itertools.product((0, 1), repeat=n)}


def test_soft_constraints_cost_what_they_say() -> None:
    dimod = pytest.importorskip("dimod")
    model = dimod.ConstrainedQuadraticModel()
    x, y, z = dimod.Binaries(["x", "y", "z"])
    model.set_objective(-3 * x - 2 * y - z)
    model.add_constraint(x + y <= 1, weight=2.5)
    model.add_constraint(x + y + z >= 3, weight=0.25, penalty="quadratic")
    for (a, b, c), cost in costs(model, 3).items():
        assert cost == -3 * a - 2 * b - c + 2.5 * max(0, a + b - 1) + 0.25 * max(0, 3 - a - b - c) ** 2


def test_a_linear_penalty_of_more_than_one_is_refused() -> None:
    dimod = pytest.importorskip("dimod")
    model = dimod.ConstrainedQuadraticModel()
    x, y, z = dimod.Binaries(["x", "y", "z"])
    model.set_objective(-3 * x)
    model.add_constraint(x + y + z == 0, weight=1, label="far")
    with pytest.raises(BioasmError, match="B304.*the soft constraint 'far' has a linear penalty"):
        bioasm.Problem.of(model)
