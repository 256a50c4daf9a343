"""Files of other tools, made by them or in their published form: read with names and offsets, or refused with the way."""

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
import networkx
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from dimod.serialization import coo

import bioasm
from bioasm.api.problem_files import read_problem_file
from bioasm.diagnostics import BioasmError
from bioasm.isa.limits import LIMITS, Limit
from tests.command import bioasm as command

BQM = dimod.BinaryQuadraticModel({"a": 1.0, "b": -2.0, "c": 0.25}, {("a", "b"): 0.5, ("b", "c"): -1}, 2.5, "BINARY")
SPINS = BQM.change_vartype("SPIN", inplace=False)
GRAPH = networkx.Graph([("u", "v", {"weight": 2}), ("v", "w", {"weight": 0.5}), ("u", "w", {"weight": 1})])
NUMBERED = networkx.Graph([(1, 2), (2, 3), (3, 1)])
Q = np.array([[-1.0, 2, 0], [0, 1, -3], [0, 0, 0.5]])


def constrained() -> Any:
    """Choose one of three."""
    model = dimod.ConstrainedQuadraticModel()
    i, j, k = dimod.Binaries(["i", "j", "k"])
    model.set_objective(-i - 2 * j - k + 0.5)
    model.add_constraint(i + j + k == 1, "one")
    return model


def written(write: Any, *args: Any) -> bytes:
    stream = io.BytesIO()
    write(*args, stream)
    return stream.getvalue()


def qplib(kind: str = "QBN", sense: str = "minimize") -> bytes:
    """1/2 x'Qx + b'x + q with Q = [[2, -3], [-3, 0]] in the lower triangle, b = (1, 4), q = -0.5; the second is called y."""
    return (f"TEST_1 # a name\n{kind}\n{sense}\n2 # variables\n2 # terms\n1 1 2.0\n2 1 -3\n1.0\n1\n2 4.0\n-0.5\n1e+20\n"
            "0.0\n0\n0.0\n0\n1\n2 y\n").encode()  # fmt: skip


OPB = b"""* #variable= 3 #constraint= 2
min: +1 x1 +2 x2 -3 ~x3 x1 ;
+1 x1 +1 x2 +1 x3 >= 1 ;
-2 x1 +1 x2 <= 0 ;
"""

FILES: dict[str, bytes] = {
    # taken before
    "bqm.coo": coo.dumps(BQM.relabel_variables({"a": 0, "b": 1, "c": 2}, inplace=False)).encode(),
    "sbqm.coo": coo.dumps(SPINS.relabel_variables({"a": 0, "b": 1, "c": 2}, inplace=False), vartype_header=True).encode(),
    "general.mtx": written(lambda m, s: scipy.io.mmwrite(s, m), scipy.sparse.coo_array(Q)),
    "symmetric.mtx": written(lambda m, s: scipy.io.mmwrite(s, m, symmetry="symmetric"), scipy.sparse.coo_array(Q + Q.T)),
    "q.npy": written(lambda m, s: np.save(s, m), Q),
    "q.npz": written(lambda m, s: scipy.sparse.save_npz(s, m), scipy.sparse.csr_array(Q)),
    "maxcut.txt": b"3 3\n1 2 1\n2 3 -2\n1 3 1\n",
    "old.wcnf": b"p wcnf 2 2 10\n10 1 2 0\n3 -1 0\n",
    "uf.cnf": b"c SATLIB\np cnf 3 2\n1 -2 3 0\n-1 2 0\n%\n0\n",
    # dimod's
    "model.bqm": BQM.to_file().read(),
    "model.json": json.dumps(BQM.to_serializable()).encode(),
    "model.cqm": constrained().to_file().read(),
    "model.lp": dimod.lp.dumps(constrained()).encode(),
    # networkx's
    "graph.gml": written(networkx.write_gml, GRAPH),
    "graph.graphml": written(networkx.write_graphml, GRAPH),
    "graph.edgelist": written(networkx.write_edgelist, GRAPH),
    "weighted.edgelist": written(networkx.write_weighted_edgelist, GRAPH),
    "graph.adjlist": written(networkx.write_adjlist, NUMBERED),
    "nodelink.json": json.dumps(networkx.node_link_data(GRAPH, edges="links")).encode(),
    # benchmark libraries'
    "flat.col": b"c colouring\np edge 3 2\ne 1 2\ne 2 3\n",
    "graph.metis": b"% METIS\n3 2 1\n2 5\n1 5 3 7\n2 7\n",
    "gka.sparse": b"3 4\n1 1 -5\n1 2 6\n2 2 -3\n2 3 1\n",
    "bqp.bq": b"1\n3 2\n1 1 4\n1 3 -2\n",
    "new.wcnf": b"c MaxSAT Evaluation 2022\nh 1 2 0\n3 -1 0\n",
    "qbn.qplib": qplib(),
    "pseudo.opb": OPB,
    # by hand
    "ising.json": b'{"h": {"a": 1, "b": -1}, "J": {"a,b": 0.5}, "offset": 3}',
    "hubo.json": b'{"(0, 1, 2)": 2.5, "(0,)": -1, "()": 1}',
    "tour.tsp": b"NAME : t\nTYPE : TSP\nDIMENSION : 3\nEOF\n",
    "model.mps": b"NAME          t\nROWS\n N  OBJ\nCOLUMNS\nENDATA\n",
}
REFUSED = {"tour.tsp": "TSPLIB", "model.mps": "LP file"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with all files."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def read(path: Path, **how: Any) -> bioasm.Problem:
    return bioasm.Problem(*read_problem_file(str(path), **how))


def table(problem: bioasm.Problem) -> dict[tuple[int, ...], float]:
    """The objective of all states."""
    values = (0, 1) if problem.in_bits else (-1, 1)
    return {state: problem.objective(state) for state in product(values, repeat=problem.n)}


def lowest(problem: bioasm.Problem) -> dict[Any, int]:
    """The state of least energy by names."""
    found = table(problem)
    pick = max if problem.maximizes else min
    return dict(zip(problem.names, pick(found, key=found.__getitem__), strict=True))


def test_there_are_thirty_files() -> None:
    assert len(FILES) == 30


@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_a_file_is_read_and_becomes_a_program(name: str, folder: Path) -> None:
    told = command("import", str(folder / name))
    assert (told.code, told.stderr) == (0, "")
    assert bioasm.run(told.text, seed=1).best_energy[0] == pytest.approx(
        min((-1 if read(folder / name).maximizes else 1) * e for e in table(read(folder / name)).values())
    )


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_not_read_is_told_the_way(name: str, folder: Path) -> None:
    told = command("import", str(folder / name))
    assert (told.code, "error[B305]" in told.stderr, REFUSED[name] in told.stderr) == (1, True, True)


@pytest.mark.parametrize("name", ["model.bqm", "model.json"])
def test_models_keep_names_and_offset(name: str, folder: Path) -> None:
    problem = read(folder / name)
    assert (problem.names, problem.constant) == (("a", "b", "c"), 2.5)
    assert all(e == BQM.energy(dict(zip("abc", x, strict=True))) for x, e in table(problem).items())


@pytest.mark.parametrize("name", ["model.cqm", "model.lp"])
def test_constraints_become_penalties(name: str, folder: Path) -> None:
    problem = read(folder / name)
    best = lowest(problem)
    assert {v: best[v] for v in "ijk"} == {"i": 0, "j": 1, "k": 0}
    assert problem.objective(best) == -1.5
    assert "penalties" in str(problem)


@pytest.mark.parametrize("name", ["graph.gml", "graph.graphml", "graph.edgelist", "weighted.edgelist", "nodelink.json"])
def test_graphs_keep_names_and_weights(name: str, folder: Path) -> None:
    problem = read(folder / name)
    assert set(problem.names) == {"u", "v", "w"}
    assert max(table(problem).values()) == 3


def test_numbers_are_names_where_all_are(folder: Path) -> None:
    assert read(folder / "graph.adjlist").names == (1, 2, 3)


def test_weights_of_metis_and_dimacs(folder: Path) -> None:
    assert max(table(read(folder / "graph.metis")).values()) == 12
    assert max(table(read(folder / "flat.col")).values()) == 2


def test_a_symmetric_matrix_counts_twice_off_its_diagonal(folder: Path) -> None:
    problem = read(folder / "gka.sparse")
    assert (problem.objective([1, 1, 0]), problem.objective([0, 1, 1])) == (4, -1)
    assert read(folder / "bqp.bq", maximize=True).objective([1, 0, 1]) == 0


def test_qplib_halves_its_matrix(folder: Path, tmp_path: Path) -> None:
    problem = read(folder / "qbn.qplib")
    assert (problem.names, table(problem)) == (("x1", "y"), {(0, 0): -0.5, (0, 1): 3.5, (1, 0): 1.5, (1, 1): 2.5})
    (tmp_path / "m.qplib").write_bytes(qplib("QBB", "maximize"))
    assert lowest(read(tmp_path / "m.qplib")) == {"x1": 0, "y": 1}


def test_pseudo_boolean_constraints_are_kept(folder: Path) -> None:
    problem = read(folder / "pseudo.opb")
    states = product((0, 1), repeat=3)
    kept = [(x, x[0] + 2 * x[1] - 3 * (1 - x[2]) * x[0]) for x in states if sum(x) >= 1 and x[1] <= 2 * x[0]]
    best = lowest(problem)
    assert problem.objective(best) == min(value for _, value in kept) == -2
    assert tuple(best[v] for v in ("x1", "x2", "x3")) == (1, 0, 0)


def test_json_of_terms(folder: Path) -> None:
    glass = read(folder / "ising.json")
    assert (glass.names, glass.objective({"a": 1, "b": -1}), glass.in_bits) == (("a", "b"), 4.5, False)
    hubo = read(folder / "hubo.json")
    assert (hubo.names, hubo.objective([1, 1, 1]), hubo.in_bits) == ((0, 1, 2), 2.5, True)


@pytest.mark.parametrize(("suffix", "module"), [("gz", gzip), ("xz", lzma), ("bz2", bz2)])
def test_compressed_files(suffix: str, module: Any, tmp_path: Path) -> None:
    path = tmp_path / f"model.json.{suffix}"
    path.write_bytes(module.compress(FILES["model.json"]))
    assert read(path).names == ("a", "b", "c")


# --- what is hostile --------------------------------------------------------------------------------


@pytest.mark.parametrize(("suffix", "module"), [("gz", gzip), ("xz", lzma), ("bz2", bz2)])
def test_a_bomb_is_refused(suffix: str, module: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "inflated_bytes", Limit(1 << 16, ""))
    path = tmp_path / f"zeros.qubo.{suffix}"
    path.write_bytes(module.compress(b"c" * (1 << 20)))
    with pytest.raises(bioasm.BioasmError, match="B111.*more than 65,536 bytes"):
        read(path)


@pytest.mark.parametrize("name", [name for name in FILES if not name.endswith((".npy", ".npz", ".mtx"))])
@pytest.mark.parametrize("change", ["half", "crlf", "bom", "noise", "zero"])
def test_damage_is_told_or_read(name: str, change: str, tmp_path: Path) -> None:
    content, path = FILES[name], tmp_path / name
    noise = bytearray(content)
    noise[len(noise) // 3] ^= 0x15
    changed = {
        "half": content[: len(content) // 2],
        "crlf": content.replace(b"\n", b"\r\n"),
        "bom": b"\xef\xbb\xbf" + content,
        "noise": bytes(noise),
        "zero": content + b"\0",
    }[change]
    path.write_bytes(changed)
    told = command("import", str(path))
    assert told.code in (0, 1)
    assert ("error[" in told.stderr) == (told.code == 1)
    assert "internal error" not in told.stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("deep.json", b"[" * 100_000),
        ("deep.json", b'{"terms": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
        ("huge.sparse", b"99999999999999 1\n1 1 1\n"),
        ("huge.col", b"p edge 99999999999 1\ne 1 2\n"),
        ("huge.metis", b"99999999999 1\n2\n1\n"),
        ("huge.qplib", b"a\nQBN\nminimize\n99999999999\n0\n0\n0\n0\n"),
        ("long.qplib", b"a\nQBN\nminimize\n3\n99999999999\n"),
        ("nan.json", b'{"terms": [[["a"], NaN]]}'),
        ("odd.json", b'{"terms": [["a"]], "vartype": "SPIN"}'),
        ("odd.json", b'{"terms": 5}'),
        ("odd.json", b'{"nodes": [], "links": []}'),
        ("odd.json", b'{"nodes": 3, "links": 4}'),
        ("soft.opb", b"soft: 6 ;\nmin: 1 x1 ;\n"),
        ("none.opb", b"* nothing\n"),
        ("neg.opb", b"min: x1 ;"),
        ("many.bq", b"3\n2 1\n1 1 1\n"),
        ("real.lp", b"Minimize\n obj: x\nSubject To\n c: x >= 1\nEnd\n"),
        ("mixed.qplib", b"a\nQMN\nminimize\n3\n"),
        ("linear.qplib", b"a\nQBL\nminimize\n3\n"),
    ],
)
def test_what_no_file_should_hold(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    told = command("import", str(tmp_path / name))
    assert (told.code, told.stdout) == (1, b"")
    assert "error[B" in told.stderr


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("two.edgelist", b"a b 1\nb a 2\n", "stands twice, with the weights 1 and 2"),
        ("two.json", b'{"nodes": [{"id": 1}, {"id": 2}], "links": [{"source": 1, "target": 2}, '
         b'{"source": 2, "target": 1, "weight": 3}]}', "stands twice"),
        ("two.col", b"p edge 2 2\ne 1 2 5\ne 2 1 6\n", ":3:1: error[B304]: the edge has the weight 6, and on line 2 it has 5"),
        ("two.metis", b"2 1 1\n2 5\n1 6\n", ":3:1: error[B304]: the edge has the weight 6, and on line 2 it has 5"),
        ("lone.metis", b"2 1\n2\n\n", ":2:1: error[B304]: 2 is a neighbour here, and its line names no 1"),
        ("long.edgelist", b"a b 9007199254740993\n", "53 binary digits"),
        ("long.col", b"p edge 2 1\ne 1 2 9007199254740993\n", "53 binary digits"),
        ("two.json", b'{"(0, 1)": 1, "(0, 1)": 2}', "'(0, 1)' stands twice"),
        ("matrix.json", b'{"h": [1, 2, 3], "J": [[0, 1, 2], [1, 0, 3], [2, 3, 0]]}', "of another form"),
        ("matrix.json", b'{"J": [[0, 1], [1, 0]]}', "of another form"),
        ("orders.json", b'{"h": {"a": 1}, "J": {"a,b,c": 1}}', "of another form"),
        ("names.json", b'{"terms": [[["a"], 1]], "names": ["a", "a"]}', "2 names, 1 of them different"),
        ("names.json", b'{"terms": [[["a"], 1]], "names": 5}', "its names are no list"),
        ("sense.json", b'{"terms": [[["a"], 1]], "sense": "max"}', "neither minimize nor maximize"),
        ("never.opb", b"min: +1 x1 ;\n+1 x1 +1 ~x1 >= 2 ;\n", ":2:1: error[B304]: no state keeps the constraint"),
        ("large.opb", b"min: +99999999999999999999 x1 ;\n", "larger than 2^53"),
        ("soft.opb", b"soft: 6 ;\nmin: 1 x1 ;\n", "soft constraints are not read"),
        ("q.txt", b"2 2\n1 1 -1\n1 2 5\n", "--from bq"),
    ],
)  # fmt: skip
def test_what_would_be_read_as_something_else(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(bioasm.BioasmError) as caught:
        read(tmp_path / name)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("both.edgelist", b"a b\nb a\n"),
        ("both.col", b"p edge 2 2\ne 1 2\ne 2 1\n"),
        ("both.json", b'{"nodes": [{"id": 1}, {"id": 2}], "links": [{"source": 1, "target": 2}, {"source": 2, "target": 1}]}'),
    ],
)
def test_an_edge_in_both_directions_is_one(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert read(tmp_path / name).objective([1, -1]) == 1


def test_numbers_of_vertices_may_be_long(tmp_path: Path) -> None:
    """As those of people and posts are; weights may not, which would be rounded."""
    names = (2**60 + 1, 2**60 + 2)
    graph = networkx.node_link_data(networkx.Graph([names]), edges="links")
    model = dimod.BinaryQuadraticModel(dict.fromkeys(names, 1.0), {}, 0.0, "BINARY").to_serializable()
    terms = {"terms": [[list(names), 1.5]], "names": list(names)}
    for number, said in enumerate((graph, model, terms)):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(said))
        assert read(path).names == names
    path.write_text(json.dumps({"terms": [[["a"], 2**60 + 1]]}))
    with pytest.raises(bioasm.BioasmError, match="B115"):
        read(path)


def test_the_or_library_is_known_by_its_first_lines(tmp_path: Path) -> None:
    (tmp_path / "bqp.txt").write_bytes(FILES["bqp.bq"])
    assert read(tmp_path / "bqp.txt").objective([1, 0, 1]) == 4 + 2 * -2


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ("x + 0.5 y = 1.5", True),
        ("x + 0.5 y = 1.2", False),
        ("2 x + 4 y = 3", False),
        ("2 x + 4 y = 6", True),
        ("0.3333333333333333 x + 0.3333333333333333 y = 0.6666666666666666", True),
        ("0.3333333333333333 x + 0.3333333333333333 y = 1.5", False),
    ],
)
def test_equalities_of_fractions(rows: str, kept: bool) -> None:
    model = dimod.lp.loads(f"Minimize\n obj: x\nSubject To\n c: {rows}\nBinary\n x y\nEnd\n")
    if kept:
        solved = bioasm.solve(model, seed=1, lanes=4)
        assert [int(bit) for bit in solved.samples().states[0]] == [1, 1]
    else:
        with pytest.raises(BioasmError, match="B304.*no state keeps the constraint"):
            bioasm.solve(model, seed=1)


def test_a_missing_package_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bioasm.extras.find_spec", lambda name: None)
    for name, extra in (("model.bqm", "dimod"), ("graph.gml", "graphs")):
        with pytest.raises(bioasm.BioasmError, match=rf"(?s)B312.*pip install 'bioasm\[{extra}\]'"):
            read(folder / name)
