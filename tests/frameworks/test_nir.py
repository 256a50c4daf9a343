"""`bioasm import nir`: graphs as programs, against a simulation of the same graph in NumPy; what is refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.frameworks import read_network
from bioasm.verifier.gate import verify
from tests.command import bioasm as command

nir = pytest.importorskip("nir", reason="the package nir is not installed")

DT = 1e-4
DRIVERS = ["cpu", pytest.param("brian2", marks=pytest.mark.skipif(not find_spec("brian2"), reason="Brian2 is not installed"))]
RNG = np.random.default_rng(5)
W1, W2, WR = RNG.uniform(0, 3, (4, 3)), RNG.uniform(0, 0.09, (2, 4)), RNG.uniform(-1, 1, (4, 4))


def lif(n: int, **more: Any) -> Any:
    """A LIF node of n alike neurons."""
    values = {"tau": 0.01, "r": 100.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | more
    return nir.LIF(**{name: np.full(n, value) for name, value in values.items()})


def if_node(n: int, **more: Any) -> Any:
    """An IF node of n alike neurons."""
    values = {"r": 10.0, "v_threshold": 1.0, "v_reset": 0.25} | more
    return nir.IF(**{name: np.full(n, value) for name, value in values.items()})


def written(nodes: dict[str, Any], edges: list[tuple[str, str]], folder: Path) -> bytes:
    """A .nir file."""
    graph = nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)
    nir.write(str(folder / "graph.nir"), graph)
    return (folder / "graph.nir").read_bytes()


def program(nodes: dict[str, Any], edges: list[tuple[str, str]], folder: Path) -> str:
    """The text of the program of a graph."""
    return read_network(written(nodes, edges, folder), "graph.nir", "nir")


def two_layers() -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Input, LIF with recurrence and bias, IF."""
    nodes = {
        "input": nir.Input(np.array([3])),
        "fc1": nir.Affine(W1, np.array([0.0, 0.004, 0.0, 0.002])),
        "lif1": lif(4),
        "rec": nir.Linear(WR),
        "fc2": nir.Linear(W2),
        "if2": if_node(2),
        "output": nir.Output(np.array([2])),
    }
    chain = ["input", "fc1", "lif1", "fc2", "if2", "output"]
    return nodes, [*zip(chain, chain[1:], strict=False), ("lif1", "rec"), ("rec", "lif1")]


def with_trains(text: str, spikes: np.ndarray, dt: float = DT) -> str:
    """The program with these spikes (steps, inputs) in place of random ones, and as long as they are."""
    train = [[float(k * dt), int(i)] for k, i in np.argwhere(spikes)]
    given = f"    EVT input, {train}, 1 " if train else "    RATE input, 0, 1 "
    text = text.replace("    RATE input, rate, 1 ", given)
    return text.replace(".const duration = 100 ms", f".const duration = {len(spikes) * dt} s")


def simulated(spikes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spikes (steps, neurons) of both layers of `two_layers` as frameworks compute them: all layers in one step, the
    recurrent weights on the spikes of the step before."""
    v1, v2, z1 = np.zeros(4), np.zeros(2), np.zeros(4)
    bias = np.array([0.0, 0.004, 0.0, 0.002])
    first, second = [], []
    for arriving in spikes:
        v1 = v1 + DT / 0.01 * (-v1 + 100 * (W1 @ arriving + bias + WR @ z1))
        z1 = (v1 > 1).astype(float)
        v1 = np.where(z1 > 0, 0.0, v1)
        v2 = v2 + 10 * (W2 @ z1)
        z2 = v2 > 1
        v2 = np.where(z2, 0.25, v2)
        first.append(z1 > 0)
        second.append(z2)
    return np.array(first), np.array(second)


def raster(result: Any, first: int, n: int, late: int, steps: int, dt: float = DT) -> np.ndarray:
    """The spikes (steps, neurons) of a population that computes `late` steps later."""
    shown = np.zeros((steps + late + 50, n), bool)
    mine = (result.spikes.i >= first) & (result.spikes.i < first + n)
    shown[np.round(result.spikes.t[mine] / dt).astype(int), result.spikes.i[mine] - first] = True
    return shown[late : late + steps]


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_graph_runs_step_for_step_as_in_frameworks(driver: str, tmp_path: Path) -> None:
    spikes = (np.random.default_rng(2).random((1000, 3)) < 0.02).astype(float)
    text = with_trains(program(*two_layers(), tmp_path), spikes)
    result = bioasm.run(text, seed=1, driver=driver)
    for found, expected in zip((raster(result, 3, 4, 1, 1000), raster(result, 7, 2, 2, 1000)), simulated(spikes), strict=True):
        assert expected.sum() > 5
        assert np.array_equal(found, expected)


def test_the_program_passes_the_gate_without_a_warning(tmp_path: Path) -> None:
    text = program(*two_layers(), tmp_path)
    assert verify(bioasm.assemble(text)).warnings == ()
    assert "RD if2.spike_count" in text and "RD lif1.spike_count" not in text


def test_parameters_of_each_neuron_are_kept(tmp_path: Path) -> None:
    node = nir.LIF(*(np.array(x) for x in ([0.01, 0.02], [1.0, 2.0], [0.0, 0.1], [1.0, 3.0], [0.0, -1.0])))
    text = program({"a": node, "out": nir.Output(np.array([2]))}, [("a", "out")], tmp_path)
    for line in ("tau, [0.01, 0.02]", "r, [1, 2]", "v_leak, [0, 0.1]", "v_threshold, [1, 3]", "v_reset, [0, -1]"):
        assert f"SET a.{line}" in text


def test_linear_maps_in_a_row_are_multiplied_and_biases_carried_through(tmp_path: Path) -> None:
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    nodes = {
        "in": nir.Input(np.array([2])),
        "a": nir.Affine(a, np.array([1.0, 1.0])),
        "b": nir.Affine(b, np.array([0.5, 0.0])),
        "n": lif(2),
    }
    text = program(nodes, [("in", "a"), ("a", "b"), ("b", "n")], tmp_path)
    found = bioasm.assemble(text)
    (weights,) = [block.value.array for block in found.data if block.name == "in_to_n_weights"]
    assert weights.tolist() == (b @ a).T.tolist()
    assert "INP n.I, [11.5, 15]" in text


def test_maps_side_by_side_are_projections_of_their_own(tmp_path: Path) -> None:
    nodes = {"in": nir.Input(np.array([2])), "a": nir.Linear(np.eye(2)), "b": nir.Linear(2 * np.eye(2)), "n": lif(2)}
    text = program(nodes, [("in", "a"), ("in", "b"), ("a", "n"), ("b", "n")], tmp_path)
    assert {"SYN in_to_n, in, n", "SYN in_to_n_1, in, n"} <= {line.strip() for line in text.splitlines()}


def test_neurons_without_a_map_between_them_are_connected_one_to_one(tmp_path: Path) -> None:
    text = program({"in": nir.Input(np.array([2])), "n": lif(2)}, [("in", "n")], tmp_path)
    assert "CON in_to_n, one_to_one" in text
    assert verify(bioasm.assemble(text)).n == 4


def test_names_become_names_of_programs(tmp_path: Path) -> None:
    nodes = {"0": lif(1), "a-b": lif(1), "a_b": lif(1), "pop": lif(1), "r7": lif(1), "sparse": lif(1)}
    text = program(nodes, [("0", "a-b"), ("a-b", "a_b"), ("a_b", "pop")], tmp_path)
    assert [line.split()[1].rstrip(",") for line in text.splitlines() if line.startswith("    POP")] == [
        "node_0",
        "a_b",
        "a_b_2",
        "pop_2",
        "r7_2",
        "sparse_2",
    ]
    assert verify(bioasm.assemble(text)).n == 6


def source(n: int) -> Any:
    """An Input node."""
    return nir.Input(np.array([n]))


def two_outputs() -> Any:
    """A subgraph that one edge can't leave."""
    nodes = {"in": source(2), "n": lif(2), "a": nir.Output(np.array([2])), "b": nir.Output(np.array([2]))}
    return nir.NIRGraph(nodes, [("in", "n"), ("n", "a"), ("n", "b")], type_check=False)


FLAWED: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "of type Threshold": ({"x": nir.Threshold(np.ones(2)), "n": lif(2)}, []),
    "does not spike": ({"x": nir.LI(*(np.ones(2) for _ in range(3))), "n": lif(2)}, [("x", "n")]),
    "delay has a value": ({"d": nir.Delay(np.array([-1.0, 0.0])), "in": source(2), "n": lif(2)}, [("in", "d"), ("d", "n")]),
    "a scale of 3 values": ({"s": nir.Scale(np.ones(3)), "in": source(2), "n": lif(2)}, [("in", "s"), ("s", "n")]),
    "has 2 nodes of type Output": ({"sub": two_outputs(), "n": lif(2)}, [("sub", "n")]),
    "no neurons": ({"x": source(2)}, []),
    "takes 3 values and gets 2": ({"x": nir.Linear(np.eye(3)), "in": source(2), "n": lif(3)}, [("in", "x"), ("x", "n")]),
    "2 neurons and gets 3 values": ({"in": source(3), "n": lif(2)}, [("in", "n")]),
    "has 2 neurons and gets 3": ({"x": nir.Linear(np.ones((3, 2))), "in": source(2), "n": lif(2)}, [("in", "x"), ("x", "n")]),
    "feeds itself": (
        {"a": nir.Linear(np.eye(2)), "b": nir.Linear(np.eye(2)), "n": lif(2)},
        [("a", "b"), ("b", "a"), ("b", "n")],
    ),
    "node 'o' has 3 neurons and gets 2": (
        {"n": lif(2), "w": nir.Linear(np.eye(2)), "o": nir.Output(np.array([3]))},
        [("n", "w"), ("w", "o")],
    ),
    "tau has a value": ({"n": lif(2, tau=0.0)}, []),
    "v_threshold has a value": ({"n": lif(2, v_threshold=np.nan)}, []),
    "weight has a value": ({"w": nir.Linear(np.full((2, 2), np.nan)), "n": lif(2)}, [("w", "n")]),
    "no node 'nowhere'": ({"n": lif(2)}, [("n", "nowhere")]),
    "is an input and gets values from 'n'": ({"in": source(2), "n": lif(2)}, [("in", "n"), ("n", "in")]),
    "bias of 3 values for 2 rows": ({"w": nir.Affine(np.eye(2), np.ones(3)), "n": lif(2)}, [("w", "n")]),
    "100 linear maps in a row": (
        {"n": lif(1), **{f"w{k}": nir.Linear(np.eye(1)) for k in range(200)}},
        [("w0", "n"), *((f"w{k + 1}", f"w{k}") for k in range(199))],
    ),
    "1000 ways": (
        {"n": lif(1), "in": source(1), **{f"{x}{k}": nir.Linear(np.eye(1)) for x in "abc" for k in range(12)}},
        [("in", "c11"), ("c0", "n")]
        + [(f"{x}{k}", f"c{k}") for x in "ab" for k in range(11)]
        + [(f"c{k + 1}", f"{x}{k}") for x in "ab" for k in range(11)],
    ),
}


@pytest.mark.parametrize("message", FLAWED)
def test_a_graph_that_a_program_can_not_hold_is_refused(message: str, tmp_path: Path) -> None:
    with pytest.raises(BioasmError) as caught:
        program(*FLAWED[message], tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == "B304"
    assert message in found.message


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "it is no HDF5 file"), (b"{}", "it is no HDF5 file"), (b"\x89HDF\r\n\x1a\n" + b"\0" * 64, "is no NIR graph: ")],
)
def test_a_file_that_is_no_graph_is_refused(content: bytes, why: str) -> None:
    with pytest.raises(BioasmError, match=f"B304.*{why}"):
        read_network(content, "graph.nir", "nir")


@pytest.mark.parametrize("words", [["nir", "graph.nir"], ["graph.nir"], ["--from", "nir", "-"]])
def test_the_command_reads_graphs(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = written(*two_layers(), tmp_path)
    monkeypatch.chdir(tmp_path)
    told = command("import", *words, stdin=content)
    assert (told.code, told.stderr) == (0, "")
    assert told.text == read_network(content, "<stdin>" if words[-1] == "-" else "graph.nir", "nir")


def test_without_the_package_it_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = written(*two_layers(), tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "nir", None)
    with pytest.raises(BioasmError) as caught:
        read_network(content, "graph.nir", "nir")
    assert caught.value.exit_code == 2
    assert "bioasm[nir]" in (caught.value.diagnostics[0].hint or "")
