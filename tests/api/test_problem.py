"""Problems from objects: what their energies are, that text and arrays give the same bytes, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import dimod
import networkx
import numpy as np
import pandas
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import bioasm
from bioasm.api.problem_files import read_content
from bioasm.binary.writer import to_bytes
from bioasm.isa.labels import names_of
from bioasm.problems.write import write_program

Q = np.array([[-1, 2, 0], [0, 1, -3], [0, 0, 0.5]])
BQM = dimod.BinaryQuadraticModel({"a": 1.0, "b": -2.0, "c": 0.25}, {("a", "b"): 0.5, ("b", "c"): -1}, 1.5, "SPIN")


def states(problem: bioasm.Problem) -> list[tuple[int, ...]]:
    """All states of a small problem."""
    return list(product((0, 1) if problem.in_bits else (-1, 1), repeat=problem.n))


@pytest.mark.parametrize("form", [Q, Q.tolist(), scipy.sparse.coo_array(Q), scipy.sparse.csr_matrix(Q)], ids=type)
def test_a_matrix_is_a_qubo(form: Any) -> None:
    problem = bioasm.Problem.of(form)
    assert [problem.objective(x) for x in states(problem)] == [x @ Q @ x for x in map(np.array, states(problem))]
    assert bioasm.Problem.of(form, maximize=True).objective([1, 0, 1]) == -0.5


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_a_model_of_dimod_is_what_it_says(vartype: str) -> None:
    model = BQM.change_vartype(vartype, inplace=False)
    problem = bioasm.Problem.of(model)
    assert (problem.names, problem.in_bits) == (("a", "b", "c"), vartype == "BINARY")
    assert problem.constant == model.offset
    for state in states(problem):
        named = dict(zip("abc", state, strict=True))
        assert problem.objective(named) == problem.objective(state) == model.energy(named)


def test_a_polynomial_of_dimod_is_what_it_says() -> None:
    model = dimod.BinaryPolynomial({"abc": 1.5, "ab": -1, "c": 2, "": 0.5}, "SPIN")
    problem = bioasm.Problem.of(model)
    assert [problem.objective(s) for s in states(problem)] == [
        model.energy(dict(zip("abc", s, strict=True))) for s in states(problem)
    ]


def test_a_graph_is_max_cut() -> None:
    graph = networkx.petersen_graph()
    graph.add_edge(0, 0)
    problem = bioasm.Problem.of(networkx.relabel_nodes(graph, str))
    assert problem.names == tuple("0123456789")
    result = bioasm.solve(problem, seed=1)
    assert (result.best_energy.min(), result.results[-1].what, result.results[-1].value) == (-12, "cut", 12)


def test_constraints_become_penalties() -> None:
    model = dimod.ConstrainedQuadraticModel()
    i, j, k = dimod.Binaries("ijk")
    model.set_objective(-i - 2 * j - k)
    model.add_constraint(i + j + k == 1, "one")
    problem = bioasm.Problem.of(model)
    result = bioasm.solve(problem, seed=1)
    best = dict(zip(result.names, result.best_state[0].tolist(), strict=True))
    assert best == {"i": -1, "j": 1, "k": -1}
    assert result.best_energy.min() == -2


def constrained() -> dimod.ConstrainedQuadraticModel:
    """x + y + z of at most 2 and another, without labels, and with a spin."""
    model = dimod.ConstrainedQuadraticModel()
    x, y, z = dimod.Binaries("xyz")
    s = dimod.Spin("s")
    model.set_objective(-x - 2 * y - 3 * z + 0.5 - s + s * x)
    model.add_constraint(x + y + z <= 2)
    model.add_constraint(x + y + z >= 1, "some")
    return model


def test_constraints_and_spins_are_the_same_bits_each_time() -> None:
    problem = bioasm.Problem.of(constrained())
    assert problem.in_bits
    assert set(problem.names) == {*"xyzs", "slack_0_0", "slack_0_1", "slack_some_0", "slack_some_1"}
    assert str(problem) == str(bioasm.Problem.of(constrained()))
    model = constrained()
    penalty, _ = dimod.cqm_to_bqm(model.spin_to_binary(inplace=False))
    best = dimod.ExactSolver().sample(penalty).first.energy
    assert min(problem.objective(state) for state in states(problem)) == best


@pytest.mark.parametrize(
    ("constraint", "holds"),
    [
        (lambda x, y, z: x + 0.5 * y + 0.1 * z <= 1.2, lambda x, y, z: 10 * x + 5 * y + z <= 12),
        (lambda x, y, z: 2.5 * x - 0.3 * y - 0.25 * z + 0.4 >= 0.2, lambda x, y, z: 250 * x - 30 * y - 25 * z >= -20),
        (lambda x, y, z: 7.5 * x + 2.5 * y + 5 * z <= 10, lambda x, y, z: 3 * x + y + 2 * z <= 4),
        (lambda x, y, z: x + y + z >= 0, lambda x, y, z: True),
    ],
)
@pytest.mark.filterwarnings("error")
def test_constraints_of_decimal_fractions_are_exact(constraint: Any, holds: Any) -> None:
    model = dimod.ConstrainedQuadraticModel()
    bits = list(dimod.Binaries("xyz"))
    model.set_objective(sum(bits) - 1.5)
    model.add_constraint(constraint(*bits), "c")
    least: dict[tuple[int, ...], float] = {}
    problem = bioasm.Problem.of(model)
    for state in states(problem):
        own = state[:3]
        least[own] = min(least.get(own, np.inf), problem.objective(state))
    for own, energy in least.items():
        assert (abs(energy - (sum(own) - 1.5)) < 1e-9) == holds(*own)


def test_a_model_of_objects_keeps_its_offset() -> None:
    model = dimod.BinaryQuadraticModel({"a": 1}, {("a", "b"): 2}, 0.5, "SPIN", dtype=object)
    assert bioasm.Problem.of(model).constant == 0.5
    halves = dimod.BinaryQuadraticModel({"a": Fraction(1, 4)}, {}, Fraction(1, 8), "BINARY", dtype=object)
    assert bioasm.Problem.of(halves).objective([1]) == 0.375


@pytest.mark.parametrize("form", [pandas.DataFrame(Q, dtype="Float64"), Q.astype(object)], ids=["nullable", "objects"])
def test_numbers_may_be_objects(form: Any) -> None:
    assert bioasm.Problem.of(form).objective([1, 1, 1]) == Q.sum()


@pytest.mark.parametrize("spins", [False, True])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_terms_are_their_sum(spins: bool, data: Any) -> None:
    key = st.lists(st.sampled_from("abcd"), max_size=5).map(tuple)
    terms = data.draw(st.dictionaries(key, st.integers(-8, 8).map(lambda w: w / 4), min_size=1))
    problem = bioasm.Problem.polynomial(terms, spins=spins, names="dcba")
    for state in states(problem):
        values = dict(zip("dcba", state, strict=True))
        assert problem.objective(state) == sum(w * np.prod([values[v] for v in key]) for key, w in terms.items())


@given(data=st.data(), n=st.integers(1, 8), spins=st.booleans(), maximize=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_text_gives_the_same_bytes(data: Any, n: int, spins: bool, maximize: bool) -> None:
    key = st.lists(st.integers(0, n - 1), max_size=4, unique=True).map(tuple)
    weight = st.one_of(st.integers(-3, 3), st.floats(-1e6, 1e6, allow_subnormal=False))
    terms = data.draw(st.dictionaries(key, weight))
    problem = bioasm.Problem.polynomial(terms, spins=spins, maximize=maximize, names=range(n))
    problem = problem.renamed(f'x "{k}"\n' for k in range(n))
    for model in ("ising", "lif"):
        text = write_program(problem.energy, problem.account, model).text
        assert to_bytes(bioasm.assemble(text)) == to_bytes(problem.program(model))


def test_couplings_are_an_energy() -> None:
    J = np.array([[0, 1.0], [1, 0]])
    for form in (J, scipy.sparse.csr_array(J)):
        problem = bioasm.Problem.ising(form, [0.5, 0], 2, names=["up", "down"])
        for s in map(np.array, states(problem)):
            assert problem.objective(s) == -0.5 * s @ J @ s - 0.5 * s[0] + 2
    assert problem.names == ("up", "down")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (object(), "object is no problem"),
        (b"12", "bytes is no problem"),
        (5, "int is no problem"),
        (np.zeros((2, 3)), "no square matrix"),
        ([[1, np.nan], [0, 1]], "not finite"),
        ([["a"]], "no real numbers"),
        ({}, "at least one variable"),
        ({("a",): "x"}, "no real number"),
        ({("a",): float("inf")}, "not finite"),
        ({("a",): 2**53 + 1}, "53 binary digits"),
        (networkx.Graph(), "at least one vertex"),
        (networkx.DiGraph([(0, 1)]), "directed"),
        (dimod.BinaryQuadraticModel("SPIN"), "at least one variable"),
        (dimod.BinaryQuadraticModel({"a": 1}, {}, np.inf, "SPIN"), "the offset of a model of dimod is not finite"),
        (dimod.BinaryQuadraticModel({"a": 2**53 + 1}, {}, 0, "SPIN", dtype=object), "53 binary digits"),
        (pandas.DataFrame([[1, None], [2, 3]], dtype="Int64"), "no real numbers (<NA> among them)"),
        (np.array([[2**53 + 1]], object), "53 binary digits"),
        ("absent.coo", "can't read absent.coo"),
    ],
)
def test_what_is_no_problem(source: Any, words: str) -> None:
    with pytest.raises(bioasm.BioasmError) as caught:
        bioasm.Problem.of(source)
    assert words in str(caught.value)


@pytest.mark.parametrize("names", [["a"], ["a", "a", "b"], []])
def test_names_that_do_not_fit(names: list[str]) -> None:
    with pytest.raises(bioasm.BioasmError, match="names, .* of them different, for 3 variables"):
        bioasm.Problem.of(Q, names=names or ["x"] * 4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"offset": "a"}, "offset is 'a'; it is a number"),
        ({"names": 5}, "names is 5"),
        ({"names": [["a"], "b"]}, "it is a list of texts, numbers or tuples"),
    ],
)
def test_arguments_of_another_kind(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(bioasm.BioasmError, match=f"B406.*{words}"):
        bioasm.Problem.ising(np.eye(2), **arguments)


@pytest.mark.parametrize("relation", ["==", ">=", "<="])
def test_constraints_that_no_state_keeps_are_refused(relation: str) -> None:
    model = dimod.ConstrainedQuadraticModel()
    for name in "xy":
        model.add_variable("BINARY", name)
    model.add_constraint_from_iterable([("x", 1), ("y", 1)], relation, -1 if relation == "<=" else 5, label="odd")
    with pytest.raises(bioasm.BioasmError, match="no state keeps the constraint 'odd'"):
        bioasm.Problem.of(model)


def test_integers_are_refused() -> None:
    model = dimod.ConstrainedQuadraticModel()
    model.set_objective(dimod.Integer("i") * 2)
    with pytest.raises(bioasm.BioasmError, match="'i' is INTEGER"):
        bioasm.Problem.of(model)


# --- solving ----------------------------------------------------------------------------------------


def test_a_solution_has_the_names_the_offset_and_the_sense() -> None:
    result = bioasm.solve(BQM, seed=1, lanes=2)
    assert (result.names, result.lanes, result.in_bits, result.maximizes) == (("a", "b", "c"), 2, False, False)
    assert result.best_energy.min() == min(BQM.energy(dict(zip("abc", s, strict=True))) for s in product((-1, 1), repeat=3))
    largest = bioasm.solve(Q, maximize=True, seed=1)
    assert (largest.maximizes, largest.in_bits, largest.results[-1].value) == (True, True, 2.0)


def test_a_target_ends_the_search() -> None:
    result = bioasm.solve(Q, target=-1.5, seed=1)
    assert (result.status, result.best_energy.min(), result.energy_trace.shape) == ("target reached", -1.5, (8, 0))
    assert bioasm.solve(Q, maximize=True, target=2, seed=1).status == "target reached"


def test_a_time_limit_ends_the_search() -> None:
    result = bioasm.solve(networkx.gnp_random_graph(60, 0.5, seed=1), time_limit=0.3, seed=1)
    assert result.status == "time limit"
    assert result.steps > 0


def test_constants_of_the_schedule_can_be_set() -> None:
    assert bioasm.solve(Q, set={"sweeps": 2, "steps": 3}, seed=1).steps == 2 * 3 + 20


class Node:
    """A vertex that looks like every other."""

    def __repr__(self) -> str:
        return "node"


def test_names_are_the_objects_themselves_and_different_texts_in_files() -> None:
    names = (frozenset("a"), range(3), Node(), Node(), "node", "\ud800")
    problem = bioasm.Problem.of(np.eye(6), names=names)
    texts = (frozenset("a"), "range(0, 3)", "node #2", "node #3", "node", "\ud800")
    for result in (bioasm.solve(problem, seed=1), bioasm.run(problem, seed=1)):
        assert result.names == names
        assert dict(result.samples()[0].state).keys() == set(names)
        assert bioasm.run(str(problem), seed=1).names == texts == names_of(result.metadata)
    for form in ("terms", "coo", "bqm"):
        assert bioasm.Problem(*read_content(problem.export(form), "x", form, False)).names == texts


def test_names_that_no_text_tells_apart_are_not_written() -> None:
    problem = bioasm.Problem.of(np.eye(2), names=[(Node(), 1), (Node(), 1)])
    assert bioasm.solve(problem, seed=1).names == problem.names
    with pytest.raises(bioasm.BioasmError, match="B315.*the same as texts"):
        problem.export("terms")
