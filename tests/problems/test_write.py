"""The programs that are written: they assemble, verify, and their energy is the problem's."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.problems.accounts import cut_problem
from bioasm.problems.cnf import read_cnf
from bioasm.problems.formats import read_problem
from bioasm.problems.graph import Graph
from bioasm.problems.polynomial import SPIN, Monomials, Polynomial, collect
from bioasm.problems.rudy import generate
from bioasm.problems.write import Account, Effort, write_program
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.problems.exact import energy, states, value
from tests.problems.test_cnf import cost

DOMAINS = {"ising": "spin", "lif": "bit"}
ACCOUNT = Account("a test", "nowhere")

QUBO = b"p qubo 0 4 2 3\n0 0 -1\n3 3 2.5\n0 1 2\n1 2 -3\n2 3 0.25\n"
CNF = b"p cnf 4 4\n1 -2 3 0\n-1 2 0\n4 0\n-3 -4 1 2 0\n"
ISING = b"3 3\n1 2 0.5\n2 3 -1\n1 1 2\n"
COO = b"0 0 1\n0 2 -3\n2 0 1\n"
GSET = b"4 4\n1 2 1\n2 3 2\n3 4 -1\n4 1 0.5\n"
TEXTS = {"qubo": QUBO, "cnf": CNF, "ising": ISING, "coo": COO, "gset": GSET}


def written(problem, account=ACCOUNT, model="ising"):
    program = assemble(write_program(problem, account, model).text, source="written")
    verify(program)
    return program


@pytest.mark.parametrize("model", ["ising", "lif"])
@pytest.mark.parametrize("form", sorted(TEXTS))
def test_the_programs_energy_is_the_problems(form, model):
    problem, account = read_problem(TEXTS[form], f"a.{form}", form)
    program = written(problem, account, model)
    exact = problem.in_spins() if model == "ising" else problem.in_bits()
    for state in states(problem.n, DOMAINS[model]):
        assert energy(program, state) == value(exact, state)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("model", ["ising", "lif"])
def test_random_polynomials(seed, model):
    rng = np.random.default_rng(seed)
    n, pieces = 6, []
    for order in range(1, 5):
        if rng.random() < 0.7:
            index = np.array([np.sort(rng.choice(n, order, replace=False)) for _ in range(5)])
            pieces.append(Monomials(index, rng.normal(size=5) * 10.0 ** rng.integers(-8, 8)))
    problem = collect(n, "spin" if model == "ising" else "bit", pieces, [float(rng.normal())])
    program = written(problem, model=model)
    for state in states(n, DOMAINS[model]):
        assert energy(program, state) == value(problem, state)


def test_clauses_from_the_file_to_the_program():
    problem, account = read_problem(CNF, "a.cnf", "cnf")
    clauses, program = read_cnf(CNF, "a.cnf"), written(problem, account)
    for state in states(4, "spin"):
        assert energy(program, state) == cost(clauses, state)


@pytest.mark.parametrize("model", ["ising", "lif"])
def test_a_max_cut_program_emits_the_cut(model):
    text = write_program(*cut_problem(generate("-rnd_graph 30 20 1"), "G", "nowhere"), model).text
    assert "    GET r0, best_energy\n    NEG r0, r0\n    OUT r0, cut\n" in text


def test_the_couplings_of_max_cut_are_minus_half_of_the_weights():
    graph = Graph(3, np.array([0, 1]), np.array([1, 2]), np.array([1.0, -3.0]))
    text = write_program(*cut_problem(graph, "a triangle", "nowhere"), "ising").text
    assert "0 1 -0.5\n1 2 1.5\n" in text
    assert "LDO 1\n" in text


def test_the_best_known_cut_is_told():
    text = write_program(*cut_problem(generate("-clique 3"), "G1", "rudy", 11624), "ising").text
    assert "; The best cut that the literature knows is 11,624.\n" in text


def test_a_file_that_has_a_graphs_name_need_not_be_it():
    assert "literature" not in write_program(*read_problem(GSET, "G1", "gset"), "ising").text


def test_a_maximised_qubo_emits_its_objective_and_has_its_negative_as_energy():
    minimised, _ = read_problem(QUBO, "q", "qubo")
    problem, account = read_problem(QUBO, "q", "qubo", maximize=True)
    program = written(problem, account)
    for state in states(4, "spin"):
        assert energy(program, state) == -value(minimised.in_spins(), state)
    assert program.instructions[-2].mnemonic == "OUT"


@pytest.mark.parametrize(("density", "dense"), [(100, True), (60, True), (30, False)])
def test_couplings_of_most_pairs_are_written_as_a_matrix(density, dense):
    graph = generate(f"-rnd_graph 20 {density} 3 -random -2 2 5")
    problem, account = cut_problem(graph, "G", "nowhere")
    assert (".data J = [\n[" in write_program(problem, account, "ising").text) is (dense and len(problem.part(2).value) > 100)
    program = written(problem, account)
    rng = np.random.default_rng(0)
    for state in rng.choice([-1, 1], (20, 20)).tolist():
        assert energy(program, state) == value(problem, state)


def test_constants_can_be_replaced():
    program = written(*cut_problem(generate("-clique 8"), "K8", "rudy"))
    assert list(program.constants) == ["T0", "T1", "steps", "sweeps", "descent"]
    lif = written(*cut_problem(generate("-clique 8"), "K8", "rudy"), model="lif")
    assert [lif.constants[name].value for name in ("hot", "warm", "cold")] == [0.01, 0.005, 0.002]


def test_what_a_program_comes_from_stands_in_its_metadata():
    program = written(*cut_problem(generate("-clique 8"), "K8", "rudy -clique 8"))
    assert program.metadata["source"] == "rudy -clique 8"
    assert program.metadata["title"] == "Max-cut of K8: 8 vertices, 28 edges"


@pytest.mark.parametrize("name", ['a"b\\c', "a\nHLT\n", "a\r\tb", "\u2028x", "ü; HLT", "a\x00b"])
def test_no_name_breaks_out_of_the_text(name):
    program = written(collect(2, SPIN, [Monomials(np.array([[0, 1]]), np.array([1.0]))]), Account(name, name))
    assert [i.mnemonic for i in program.instructions].count("HLT") == 1
    assert program.metadata["title"] == name


@pytest.mark.parametrize("model", ["ising", "lif"])
def test_a_problem_without_couplings(model):
    program = written(Polynomial(3, "spin", 2.0, {}), model=model)
    assert not program.data
    assert energy(program, (1, 1, 1)) == 2


@pytest.mark.parametrize("numbers", [[0.1, 1e-300, 1e300], [1 / 3, -2.5e-7, 12345678.9], [2.0**-40, 3.0**30, 1e16]])
def test_numbers_are_written_so_that_they_read_back(numbers):
    problem = collect(3, SPIN, [Monomials(np.array([[0], [1], [2]]), np.array(numbers))])
    program = written(problem)
    assert energy(program, (1, 0, 0)) == Fraction(numbers[0])
    assert energy(program, (0, 1, 0)) == Fraction(numbers[1])
    assert energy(program, (0, 0, 1)) == Fraction(numbers[2])


def test_many_biases_go_over_several_lines():
    problem = collect(50, SPIN, [Monomials(np.arange(50)[:, None], np.arange(1.0, 51.0))])
    text = write_program(problem, ACCOUNT, "ising").text
    assert max(len(line) for line in text.splitlines()) < 121
    assert energy(written(problem), (1,) * 50) == 51 * 25


# --- several falls of the temperature ------------------------------------------------------------------


def test_a_large_dense_problem_is_annealed_several_times(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, account = cut_problem(generate("-clique 12 -random 0 1 1 -times 2 -plus -1"), "g", "rudy")
    assert "tries" not in write_program(problem, account, "ising", Effort(solver="auto")).text
    monkeypatch.setattr("bioasm.problems.solvers._LEAST_SPINS", 12)
    program = assemble(write_program(problem, account, "ising", Effort(solver="auto")).text)
    settings = {name: program.constants[name].value for name in ("tries", "steps", "sweeps", "descent")}
    result = bioasm.run(program, seed=1)
    assert result.steps == settings["tries"] * (settings["steps"] * settings["sweeps"] + settings["descent"])
    assert result["cut"] == max(-value(problem, s) for s in states(12, SPIN))


# --- particles ----------------------------------------------------------------------------------------


def test_particles_find_the_best_cut_and_tell_it_in_bits() -> None:
    problem, account = cut_problem(generate("-clique 12 -random 0 1 1 -times 2 -plus -1"), "g", "rudy")
    written = write_program(problem, account, "ising", Effort(solver="bifurcation")).text
    result = bioasm.run(written, seed=1, set={"tries": 4})
    assert "MODEL bifurcation" in written
    best = max(-value(problem, s) for s in states(12, SPIN))
    assert result["cut"] == best
    assert -value(problem, tuple(2 * np.asarray(result.best_state[0], int) - 1)) == best


def test_particles_are_not_eliminated() -> None:
    problem, account = cut_problem(generate("-clique 4"), "g", "rudy")
    with pytest.raises(BioasmError, match="B315"):
        write_program(problem, account, "ising", Effort(solver="bifurcation", reduce=True))
