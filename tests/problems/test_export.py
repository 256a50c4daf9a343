"""`bioasm export`: import, export and import again give the same problem bit for bit, offset, names and sense included."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from itertools import product
from pathlib import Path
from typing import Any

import dimod
import dimod.lp
import pytest
from dimod.serialization import coo
from hypothesis import given, settings
from hypothesis import strategies as st

import bioasm
from bioasm.api.problem_files import content_of, read_content, told_format
from bioasm.problems import EXPORTS
from tests.command import bioasm as command

BITS_ONLY, SPINS_ONLY = ("qubo", "bq", "lp"), ("ising", "gset")
SUFFIX = {"dimod": "bqm", "bqm": "json", "terms": "json", "gset": "rud", "cnf": "wcnf", "bq": "sparse"}
WEIGHTS = st.one_of(st.integers(-9, 9), st.floats(-1e9, 1e9, allow_subnormal=False), st.just(0.1))
LABELS = st.one_of(
    st.integers(-50, 50), st.just(2**60 + 1), st.text(max_size=5), st.tuples(st.integers(0, 5), st.text(max_size=2))
)


@st.composite
def problems(draw: Any, form: str) -> bioasm.Problem:
    """A problem that a format has place for, over the variables that it speaks of."""
    n = draw(st.integers(1, 6))
    spins = form in SPINS_ONLY or (form not in BITS_ONLY and draw(st.booleans()))
    longest = 4 if form == "terms" else 2
    least = 2 if form == "gset" else 1
    rows = st.lists(st.integers(0, n - 1), min_size=min(least, n), max_size=min(longest, n), unique=True).map(tuple)
    terms = draw(st.dictionaries(rows.filter(lambda row: len(row) >= least), WEIGHTS)) if n >= least else {}
    terms[()] = draw(WEIGHTS)
    maximize = form in ("qubo", "coo", "bq", "terms", "lp") and draw(st.booleans())
    names = draw(st.one_of(st.just(list(range(n))), st.lists(LABELS, min_size=n, max_size=n, unique=True)))
    return bioasm.Problem.polynomial(terms, spins=spins, maximize=maximize, names=range(n)).renamed(names)


def back(content: bytes, form: str) -> bioasm.Problem:
    """What import makes of a file."""
    name = f"problem.{SUFFIX.get(form, form)}"
    form, content = told_format(name, content)
    return bioasm.Problem(*read_content(content, name, form, False))


def contents(problem: bioasm.Problem) -> tuple[Any, ...]:
    """All that a problem is, to the last bit; equal where problems are the same."""
    energy = problem.energy
    parts = {k: (part.index.shape, part.index.tolist(), part.value.tolist()) for k, part in energy.parts.items()}
    return problem.n, problem.names, problem.maximizes, energy.domain, energy.constant, parts


@pytest.mark.parametrize("form", [form for form in EXPORTS if form != "cnf"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_round_trip_loses_nothing(form: str, data: Any) -> None:
    problem = data.draw(problems(form))
    again = back(problem.export(form), form)
    if form == "gset":
        assert again.maximizes  # a graph is max-cut: its cut is minus the energy
        again = bioasm.Problem(again.energy, problem.account)
    assert contents(again) == contents(problem)
    assert back(again.export(form), form).export(form) == problem.export(form)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_clauses_cost_what_the_problem_does(data: Any) -> None:
    key = st.lists(st.integers(0, 3), max_size=3, unique=True).map(tuple)
    terms = data.draw(st.dictionaries(key, st.integers(-8, 8), min_size=1))
    problem = bioasm.Problem.polynomial(terms, names=range(4)).renamed("abcd")
    again = back(problem.export("cnf"), "cnf")
    assert again.names == tuple("abcd")
    for bits in product((0, 1), repeat=4):
        assert again.objective([2 * x - 1 for x in bits]) == problem.objective(bits)


@given(data=st.data(), spins=st.booleans(), maximize=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_program_is_the_problem_that_it_loads(data: Any, spins: bool, maximize: bool) -> None:
    key = st.lists(st.integers(0, 4), max_size=4, unique=True).map(tuple)
    terms = data.draw(st.dictionaries(key, st.integers(-64, 64).map(lambda w: w / 16))) | {(0,): 1.5}
    problem = bioasm.Problem.polynomial(terms, spins=spins, maximize=maximize, names=range(5)).renamed("edcba")
    for model in ("ising", "lif") if not spins else ("ising",):
        assert contents(bioasm.Problem.of(problem.program(model))) == contents(problem)


MODEL = dimod.BinaryQuadraticModel({"a": 1.0, "b": -2.0}, {("a", "b"): 0.5}, 2.5, "BINARY")


def test_dimod_reads_what_is_written() -> None:
    problem = bioasm.Problem.of(MODEL)
    assert dimod.BinaryQuadraticModel.from_file(io.BytesIO(problem.export("dimod"))) == MODEL
    assert dimod.BinaryQuadraticModel.from_serializable(json.loads(problem.export("bqm"))) == MODEL
    assert coo.loads(problem.export("coo").decode(), vartype="BINARY").get_quadratic(0, 1) == 0.5
    objective = dimod.lp.loads(problem.export("lp").decode()).objective
    assert (objective.offset, objective.get_linear("x1"), objective.get_quadratic("x0", "x1")) == (2.5, -2, 0.5)


@pytest.mark.parametrize(("name", "form"), [(("a", ("b",)), "dimod"), (2**63, "dimod"), (frozenset("a"), "dimod"), ("a", "bq")])
def test_what_would_come_back_as_another_is_refused(name: Any, form: str) -> None:
    weight = 5e-324 if form == "bq" else 1.0  # half of which is no float
    with pytest.raises(bioasm.BioasmError, match="B315"):
        bioasm.Problem.polynomial({(name, "z"): weight}).export(form)


def test_the_command_writes_by_suffix_and_by_name(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(json.dumps(MODEL.to_serializable()))
    assert command("export", str(tmp_path / "m.json"), "-o", str(tmp_path / "m.qubo")).code == 0
    text = command("import", str(tmp_path / "m.qubo")).text
    again = command("export", "-", "--to", "terms", stdin=text.encode()).json
    assert (again["names"], again["offset"], again["vartype"]) == (["a", "b"], 2.5, "BINARY")
    assert content_of(str(tmp_path / "m.qubo")).startswith(b"c constant=2.5\nc names=")


@pytest.mark.parametrize(
    ("terms", "form", "words"),
    [
        ({("a", "b", "c"): 1}, "qubo", "products of 3 variables"),
        ({("a",): 1}, "gset", "biases"),
    ],
)
def test_what_a_format_has_no_place_for(terms: Any, form: str, words: str) -> None:
    with pytest.raises(bioasm.BioasmError, match=f"(?s)B315.*{words}.*hint: --to"):
        bioasm.Problem.polynomial(terms).export(form)


@pytest.mark.parametrize(
    ("arguments", "text", "code", "words"),
    [
        (["-", "--to", "qubo"], "ALC 2\nRUN 1 ms\n", 1, "loads no problem"),
        (["-", "--to", "qubo"], "ALC 1\nLDH [1]\nLDH [2]\nRUN 1 ms\n", 1, "twice"),
        (["-", "--to", "qubo"], "ALC 1\nLDH [1]\nMOV r0, 1\nLDO r0\nRUN 1 ms\n", 1, "in a register"),
        (["-"], "", 2, "--to names the format"),
        (["-", "-o", "x.xyz"], "", 2, "tells no format"),
        (["absent.coo", "--to", "qubo"], "", 1, "can't read absent.coo"),
    ],
)
def test_wrong_usage(arguments: list[str], text: str, code: int, words: str) -> None:
    told = command("export", *arguments, stdin=text.encode())
    assert told.code == code
    assert words in told.stderr


def test_a_maximum_is_not_written_as_a_minimum() -> None:
    problem = bioasm.Problem.of([[1.0]], maximize=True)
    for form in ("ising", "bqm", "dimod", "cnf"):
        with pytest.raises(bioasm.BioasmError, match="B315"):
            problem.export(form)


def test_a_cut_without_its_constant_stays_so() -> None:
    problem = bioasm.Problem.polynomial({(0, 1): 0.1}, spins=True)
    assert problem.export("gset") == b"# constant=0.0\n2 1\n1 2 0.2\n"
    assert back(problem.export("gset"), "gset").energy.constant == 0.0


def test_a_cut_is_a_model_of_minus_the_cut_and_told(tmp_path: Path) -> None:
    graph = bioasm.Problem(*read_content(b"3 2\n1 2 1\n2 3 2\n", "g.rud", "gset", False))
    model = dimod.BinaryQuadraticModel.from_serializable(json.loads(graph.export("bqm")))
    assert model.energy({0: 1, 1: -1, 2: 1}) == -graph.objective([1, -1, 1]) == -3
    (tmp_path / "g.basm").write_text(str(graph))
    told = command("export", str(tmp_path / "g.basm"), "--to", "bqm")
    assert json.loads(told.text) == json.loads(graph.export("bqm"))
    assert "warning[B316]: bqm holds minus the cut" in told.stderr
    assert graph.export("rudy") == graph.export("gset")


@pytest.mark.parametrize(("form", "said"), [("coo", True), ("qubo", True), ("bq", True), ("lp", False), ("terms", False)])
def test_a_sense_that_only_a_comment_tells_is_warned_of(form: str, said: bool, tmp_path: Path) -> None:
    (tmp_path / "m.basm").write_text(str(bioasm.Problem.of([[1.0]], maximize=True)))
    (tmp_path / "l.basm").write_text(str(bioasm.Problem.of([[1.0]])))
    assert ("B316" in command("export", str(tmp_path / "m.basm"), "--to", form).stderr) is said
    assert command("export", str(tmp_path / "l.basm"), "--to", form).stderr == ""


def test_compressed_files_are_known_by_their_content(tmp_path: Path) -> None:
    text = b"p qubo 0 1 1 0\n0 0 -1\n"
    for name, squeeze in (("a.qubo", gzip.compress), ("b.qubo", bz2.compress), ("c.qubo", lzma.compress)):
        (tmp_path / name).write_bytes(squeeze(text))
        assert content_of(str(tmp_path / name)) == text
    assert content_of("-", io.BytesIO(gzip.compress(text))) == text
    (tmp_path / "d.qubo").write_bytes(gzip.compress(text)[:-9])
    with pytest.raises(bioasm.BioasmError, match="B304.*damaged"):
        content_of(str(tmp_path / "d.qubo"))
