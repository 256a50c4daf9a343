"""MERGE: runs that are cut, what registers may hold, and the programs that `import --solver` writes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, find_driver
from bioasm.problems.accounts import cut_problem
from bioasm.problems.polynomial import Monomials
from bioasm.problems.rudy import generate
from bioasm.problems.solvers import chosen_solver, is_lattice
from bioasm.problems.write import Effort, write_program
from bioasm.verifier.gate import verify

TORUS = "-toroidal_grid_2D 40 30 -random 0 1 7 -times 2 -plus -1"
RANDOM = "-rnd_graph 1200 0.4 3"


def program(line: str, solver: str, reduce: bool = False) -> str:
    """A max-cut program of a generated graph."""
    return write_program(*cut_problem(generate(line), "g", "rudy"), "ising", Effort(solver=solver, reduce=reduce)).text


def test_a_run_that_is_cut_ends_with_the_same_bytes(tmp_path: Path) -> None:
    text = program(TORUS, "merge")
    constants = [line for line in text.splitlines() if line.startswith((".const first", ".const cycles"))]
    for line, value in zip(constants, (40, 6), strict=True):
        text = text.replace(line, f"{line.partition('=')[0]}= {value}")
    verified, driver, path = verify(bioasm.assemble(text)), find_driver("cpu")(), tmp_path / "c"
    whole = driver.run(verified, RunOptions(seed=2))
    for fuel in (300, 700, 1100):
        driver.run(verified, RunOptions(seed=2, fuel=fuel, checkpoint=path))
        rest = driver.run(verified, RunOptions(seed=2, checkpoint=path, resume=True))
        for name in ("energy_trace", "best_energy", "best_state", "state"):
            assert np.array_equal(getattr(whole, name), getattr(rest, name)), (fuel, name)


@pytest.mark.parametrize(("value", "shown"), [("-1", "-1"), ("0.5", "0.5"), ("1e9", "1e+09")])
def test_a_register_that_is_no_number_of_lanes_is_a_fault(value: str, shown: str) -> None:
    with pytest.raises(BioasmError) as refused:
        bioasm.run(f"MODEL ising\nALC 2\nMOV r0, {value}\nMERGE r0\n", seed=1)
    (found,) = refused.value.diagnostics
    assert (found.code, found.message) == (
        "B402",
        f"MERGE got {shown} for `shift`; it must be a whole number, at least 0 and at most 65535",
    )
    assert found.span is not None and found.span.line == 4


def test_without_couplings_nothing_is_merged() -> None:
    result = bioasm.run("MODEL ising\nALC 3\nLDS [1, 1, 1]\nLDS [-1, 1, -1]\nMERGE\nRD\n", seed=1)
    assert np.asarray(result.results[0].value).tolist() == [[-1, 1, -1]]


def test_membranes_have_nothing_to_merge() -> None:
    with pytest.raises(BioasmError, match="can't do MERGE"):
        bioasm.run("ALC 2\nMERGE\n", seed=1)


def test_auto_takes_what_suits_the_graph() -> None:
    torus = cut_problem(generate(TORUS), "g", "rudy")[0].in_spins()
    assert is_lattice(torus)
    assert not is_lattice(cut_problem(generate(RANDOM), "g", "rudy")[0].in_spins())
    for line, solver, reduce in ((TORUS, "strips", False), (RANDOM, "anneal", True)):
        assert program(line, "auto") == program(line, solver, reduce)
    others = np.random.default_rng(1).permutation(torus.n)[torus.part(2).index]
    unknown = replace(torus, parts={2: Monomials(np.sort(others, axis=1), torus.part(2).value)})
    assert chosen_solver(unknown, "auto") == "merge"
    assert "    MERGE\n" in program(TORUS, "merge") and "    MERGE\n" not in program(TORUS, "anneal")
