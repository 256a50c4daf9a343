"""`bioasm import`: formats told apart, wrong usage, and programs that run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.problems import FORMATS, MAXIMIZABLE
from bioasm.problems.formats import find_format
from bioasm.text.assemble import assemble
from tests.command import bioasm
from tests.problems.exact import energy, states
from tests.problems.test_qubo import xqx
from tests.problems.test_write import TEXTS

Q = np.array([[-1, 2, 0], [0, 1, -3], [0, 0, 0.5]])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the current one, with a problem file of each kind."""
    monkeypatch.chdir(tmp_path)
    for form, text in TEXTS.items():
        (tmp_path / f"problem.{form}").write_bytes(text)
    np.save(tmp_path / "q.npy", Q)
    np.savez(tmp_path / "q.npz", Q=Q, other=np.zeros(3))
    np.savez(tmp_path / "one.npz", matrix=Q)
    np.savez(tmp_path / "two.npz", a=Q, b=Q)
    np.savez(tmp_path / "ising.npz", J=np.array([[0, 1], [1, 0]]), h=np.array([0.5, 0]), offset=2)
    (tmp_path / "q.mtx").write_text("%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 3\n2 1 -1\n")
    return tmp_path


def program(*args, **settings):
    told = bioasm("import", *args, **settings)
    assert (told.code, told.stderr) == (0, "")
    return assemble(told.text, source="imported")


# --- which format -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.qubo", b"", "qubo"),
        ("a.QUBO", b"", "qubo"),
        ("a.cnf", b"", "cnf"),
        ("a.wcnf", b"", "cnf"),
        ("a.coo", b"", "coo"),
        ("a.rud", b"", "gset"),
        ("a.ising", b"3 1\n", "ising"),
        ("a.txt", b"3 2\n1 2 1\n", "gset"),
        ("-", b"3 2 \r\n1 2 1\n", "gset"),
        ("G1", b"# graph\n\n  3 2\n", "gset"),
        ("a.txt", b"c comment\nc\np qubo 0 1 1 0\n", "qubo"),
        ("a.txt", b"c comment\np cnf 1 1\n", "cnf"),
        ("-", b"p wcnf 1 1 2\n", "cnf"),
    ],
)
def test_formats_are_told_apart(name, content, form):
    assert find_format(name, content) == form


@pytest.mark.parametrize("content", [b"", b"\n", b"hello\n", b"0 1 0.5\n", b"p tour 3 2\n", b"p\n", b"1.5 2\n", b"\x00\x01"])
def test_what_can_not_be_told_is_asked_for(content):
    with pytest.raises(BioasmError) as caught:
        find_format("a.txt", content)
    found = caught.value.diagnostics[0]
    assert found.code == "B305"
    assert all(form in found.hint for form in FORMATS)


def test_the_formats_that_can_be_maximised_are_formats():
    assert set(MAXIMIZABLE) < set(FORMATS)


# --- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", sorted(TEXTS))
def test_a_file_is_read_by_its_suffix_and_from_standard_input_by_name(form):
    by_suffix = bioasm("import", f"problem.{form}")
    from_input = bioasm("import", "-", "--from", form, stdin=TEXTS[form])
    assert by_suffix.code == from_input.code == 0
    assert by_suffix.text.replace(f"problem.{form}", "<stdin>") == from_input.text


def test_the_program_goes_to_a_file():
    told = bioasm("import", "problem.gset", "-o", "x.basm")
    assert (told.code, told.stdout, told.stderr) == (0, b"", "")
    assert Path("x.basm").read_text() == bioasm("import", "problem.gset").text


@pytest.mark.parametrize("name", ["q.npy", "q.npz", "one.npz"])
def test_a_matrix_is_a_qubo(name):
    found = program(name)
    for state in states(3, "bit"):
        assert energy(found, [2 * x - 1 for x in state]) == xqx(Q, state)


def test_a_symmetric_matrix_counts_both_halves():
    found = program("q.mtx")
    for state in states(2, "bit"):
        assert energy(found, [2 * x - 1 for x in state]) == xqx([[3, -1], [-1, 0]], state)


@pytest.mark.parametrize("options", [[], ["--from", "ising"]])
def test_arrays_are_couplings_of_spins(options):
    found = program("ising.npz", *options)
    assert [energy(found, s) for s in ((1, 1), (1, -1), (-1, -1))] == [0.5, 2.5, 1.5]


def test_maximize():
    lowest = min(energy(program("q.npy", "--maximize"), s) for s in states(3, "spin"))
    assert -lowest == max(xqx(Q, state) for state in states(3, "bit"))


@pytest.mark.parametrize("model", ["ising", "lif"])
def test_every_program_passes_the_gate(model):
    for form in TEXTS:
        bioasm("import", f"problem.{form}", "--model", model, "-o", f"{form}.basm")
        assert bioasm("check", f"{form}.basm").code == 0


# --- generated graphs -------------------------------------------------------------------------------


def test_a_name_and_its_arguments_make_the_same_program():
    named = bioasm("import", "--generate", "g11").text
    spelled = bioasm("import", "--rudy", "-toroidal_grid_2D 100 8 -random 0 1 8001 -times 2 -plus -1").text
    assert "Max-cut of G11: 800 vertices, 1,600 edges" in named
    assert "is 564." in named
    assert named.partition(".const")[2] == spelled.partition(".const")[2]


# --- what is wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "code", "part"),
    [
        ([], 2, "give one of FILE, --generate and --rudy"),
        (["problem.gset", "--generate", "G1"], 2, "give one of"),
        (["--generate", "G1", "--rudy", "-clique 3"], 2, "give one of"),
        (["--generate", "G1", "--from", "gset"], 2, "--from is for a FILE"),
        (["--generate", "G14"], 2, "error[B406]"),
        (["--rudy", "-planar 5 5 5"], 2, "error[B406]"),
        (["--generate", "G1", "--maximize"], 2, "--maximize is for a QUBO"),
        (["problem.cnf", "--maximize"], 2, "not for cnf"),
        (["problem.gset", "--maximize"], 2, "not for gset"),
        (["ising.npz", "--maximize"], 2, "not for ising"),
        (["problem.gset", "--from", "sudoku"], 2, "'sudoku' is not one of"),
        (["problem.gset", "--model", "adex"], 2, "'adex' is not one of"),
        (["missing.txt"], 1, "error[B301]"),
        (["missing.npy"], 1, "error[B301]"),
        (["."], 1, "error[B301]"),
        (["two.npz"], 1, "error[B303]"),
        (["one.npz", "--from", "ising"], 1, "error[B303]"),
        (["q.npy", "--from", "ising"], 1, "error[B303]"),
        (["problem.gset", "--from", "matrix"], 1, "error[B305]"),
        (["-", "--from", "matrix"], 1, "error[B305]"),
        (["-"], 1, "error[B016]"),
        (["problem.gset", "--from", "cnf"], 1, "problem.gset:1:1: error[B304]"),
        (["problem.gset", "-o", "no/such/folder.basm"], 1, "error[B302]"),
    ],
)
def test_what_is_wrong_is_said(args, code, part):
    told = bioasm("import", *args)
    assert (told.code, told.stdout) == (code, b"")
    assert part in told.stderr
    assert "Traceback" not in told.stderr


def test_a_fault_in_a_file_shows_its_line():
    Path("bad.txt").write_text("3 2\n1 2 1\n1 7 1\n")
    told = bioasm("import", "bad.txt")
    assert told.code == 1
    assert "bad.txt:3:1: error[B304]: 7 is none of the vertices, which are 1 to 3" in told.stderr
    assert "1 7 1" in told.stderr


@pytest.mark.parametrize("name", ["bad.npy", "bad.npz", "bad.mtx"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense", b"\x93NUMPY\x01\x00", b"%%MatrixMarket tensor\n"])
def test_damaged_arrays_are_refused(name, content):
    Path(name).write_bytes(content)
    told = bioasm("import", name)
    assert told.code == 1
    assert "error[B303]" in told.stderr


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([[1j]]), np.zeros((2, 3)), np.zeros((2, 2, 2))])
def test_arrays_that_are_no_matrix_are_refused(array):
    np.save("bad.npy", array)
    told = bioasm("import", "bad.npy")
    assert told.code == 1
    assert "error[B30" in told.stderr


@pytest.mark.parametrize("biases", [np.zeros(3), np.array(["a", "b"]), np.array([np.nan, 0])])
def test_biases_that_do_not_fit_are_refused(biases):
    np.savez("bad.npz", J=np.zeros((2, 2)), h=biases)
    told = bioasm("import", "bad.npz")
    assert told.code == 1
    assert "error[B30" in told.stderr


# --- runs -------------------------------------------------------------------------------------------


def objective(text: str, *args) -> dict:
    Path("run.basm").write_text(text)
    told = bioasm("run", "run.basm", "--seed", "1", "--json", *args)
    assert told.code == 0, told.stderr
    return told.json


def test_a_run_reports_the_cut_and_minus_it_as_energy():
    told = objective(bioasm("import", "--rudy", "-toroidal_grid_2D 6 6").text)
    assert told["best_energy"] == -72
    assert [r for r in told["results"] if r["what"] == "cut"] == [{"what": "cut", "value": 72}]


def test_a_run_finds_the_least_value_of_a_qubo():
    told = objective(bioasm("import", "q.npy").text)
    assert told["best_energy"] == min(xqx(Q, state) for state in states(3, "bit"))


WIDE = {
    "qubo": b"p qubo 0 4 4 1\n0 0 -1\n1 1 -2\n2 2 -1\n3 3 -1\n0 1 1000000\n",
    "coo": b"0 0 -1\n1 1 -2\n2 2 -1\n3 3 -1\n0 1 1000000\n",
    "gset": b"6 3\n1 2 1000000\n3 4 1\n5 6 1\n",
    "ising": b"5 5\n1 2 1000000\n2 3 1\n3 4 1\n4 5 1\n1 1 1\n",
    "cnf": b"p wcnf 4 4\n1000000 1 2 3 0\n1 -1 0\n1 -2 0\n1 -3 4 0\n",
}


@pytest.mark.parametrize(("form", "least"), [("qubo", -4), ("coo", -4), ("gset", -1000002), ("ising", -1000004), ("cnf", 0)])
def test_a_wide_range_is_told_and_resolved_by_every_format(form, least):
    told = bioasm("import", "-", "--from", form, stdin=WIDE[form])
    assert (told.code, "warning[B311]" in told.stderr) == (0, True)
    assert objective(told.text)["best_energy"] == least


def test_a_run_satisfies_clauses():
    told = objective(bioasm("import", "problem.cnf").text)
    assert told["best_energy"] == 0


def test_a_run_of_the_twin_reports_the_same_objective():
    told = objective(bioasm("import", "problem.gset", "--model", "lif").text, "--set", "stage=0.05")
    assert -3.5 <= told["best_energy"] <= 0
    assert told["best_energy"] == -[r for r in told["results"] if r["what"] == "cut"][0]["value"]


@pytest.mark.parametrize("h", [np.array([None, 1], dtype=object), np.array([0.25, 0.75])], ids=["objects", "damaged"])
def test_array_beside_the_couplings_that_can_not_be_read(h: np.ndarray) -> None:
    np.savez("odd.npz", J=np.zeros((2, 2)), h=h)
    content = Path("odd.npz").read_bytes()
    Path("odd.npz").write_bytes(content.replace(h.tobytes(), bytes(len(h.tobytes()))) if h.dtype != object else content)
    told = bioasm("import", "odd.npz")
    assert told.code == 1
    assert "error[B303]: h of odd.npz can't be read" in told.stderr


def test_name_that_is_too_long() -> None:
    told = bioasm("import", "x" * 5000 + ".npz")
    assert told.code == 1
    assert "error[B301]" in told.stderr
