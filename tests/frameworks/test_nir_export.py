"""`bioasm export --to nir`: import, export and import again give the same program text; what is refused, and where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.api.network_programs import write_nir
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.frameworks import read_network
from tests.command import bioasm as command
from tests.frameworks.record_nir import CASES, graph
from tests.frameworks.test_nir import lif, program, source, two_layers

nir = pytest.importorskip("nir", reason="the package nir is not installed")

KINDS = {
    "LIF": ("tau", "r", "v_leak", "v_threshold", "v_reset"),
    "IF": ("r", "v_threshold", "v_reset"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in"),
}
NAMES = ("a", "A", "a-b", "a_b", "a_b_", "pop", "r7", "output", "x1", "x_1", "n", "sparse", "a_to_b", "in", "n_late1")


def again(text: str) -> str:
    """The program that comes back from the graph of a program."""
    content, warnings = write_nir(bioasm.assemble(text))
    assert not warnings
    return read_network(content, "graph.nir", "nir")


def cells(rng: np.random.Generator, kind: str, n: int) -> Any:
    """Neurons of parameters of any size, alike or each of its own."""
    values = {what: 10.0 ** rng.uniform(-7, 3) * rng.random(n if rng.random() < 0.7 else 1) + 1e-9 for what in KINDS[kind]}
    return getattr(nir, kind)(**{what: np.broadcast_to(value, (n,)).copy() for what, value in values.items()})


def link(rng: np.random.Generator, n: int, m: int) -> list[Any]:
    """Maps from n values to m: none where a direct edge will do."""
    weights = rng.choice([rng.normal(size=(m, n)), rng.integers(-3, 4, (m, n)).astype(float), np.zeros((m, n))])
    matrix = [nir.Linear(weights), nir.Affine(weights, rng.normal(size=m))][int(rng.integers(2))]
    delays = rng.choice([0.001, 0.0, 1 / 3e3], m) if rng.random() < 0.3 else np.full(m, 2e-3)
    choices = [[matrix], [matrix, nir.Delay(delays)], [nir.Scale(rng.random(n)), matrix], [matrix, nir.Linear(np.eye(m))]]
    if n == m:
        choices += [[], [nir.Delay(delays)], [nir.Scale(rng.random(n))], [nir.Flatten(np.array([n]))]]
    return choices[int(rng.integers(len(choices)))]


def random_graph(seed: int) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Neurons of all kinds, joined in any way: loops, skips, edges side by side, neurons that nothing comes to."""
    rng = np.random.default_rng(seed)
    names = rng.permutation(NAMES).tolist()
    nodes: dict[str, Any] = {names.pop(): source(int(rng.integers(1, 4))) for _ in range(int(rng.integers(3)))}
    for _ in range(int(rng.integers(1, 5))):
        nodes[names.pop()] = cells(rng, str(rng.choice(list(KINDS))), int(rng.integers(1, 4)))
    senders = list(nodes)
    neurons = [name for name in senders if not isinstance(nodes[name], nir.Input)]
    ends = [*neurons, *(names.pop() for _ in range(int(rng.integers(3))))]
    edges: list[tuple[str, str]] = []
    for end in ends:
        for start in rng.choice(senders, int(rng.integers(0 if end in nodes else 1, 4))).tolist():
            n = int(np.prod(nodes[start].output_type["output"]))
            m = int(np.prod(nodes[end].output_type["output"])) if end in nodes else n
            chain = link(rng, n, m)
            if end not in nodes:
                nodes[end] = nir.Output(np.array([m]))
            keys = [f"map{len(nodes) + k}" for k in range(len(chain))]
            nodes |= dict(zip(keys, chain, strict=True))
            way = [start, *keys, end]
            edges += zip(way, way[1:], strict=False)
    return nodes, edges


@pytest.mark.parametrize("seed", range(16))
def test_any_graph_comes_back_as_the_same_text(seed: int, tmp_path: Path) -> None:
    text = program(*random_graph(seed), tmp_path)
    assert again(text) == text


@pytest.mark.parametrize("case", CASES[::5], ids=str)
def test_graphs_that_frameworks_ran_come_back(case: tuple[Any, ...], tmp_path: Path) -> None:
    text = program(*graph(*case), tmp_path)
    assert again(text) == text


def special(name: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Graphs of nodes that stand in few places."""
    li = nir.LI(tau=np.array([0.01]), r=np.array([1.5]), v_leak=np.array([-0.1]))
    alone, out = nir.Affine(np.zeros((1, 1)), np.array([0.25])), nir.Output(np.array([1]))
    sub = nir.NIRGraph({"in": source(1), "lif": lif(1), "out": out}, [("in", "lif"), ("lif", "out")], type_check=False)
    flat = {f"flat{k}": nir.Flatten(np.array([1])) for k in range(2)}
    twice = [("in", "flat0"), ("in", "flat1"), ("flat0", "n"), ("flat1", "n")]
    return {
        "a leaky integrator": ({"in": source(1), "li": li, "out": out}, [("in", "li"), ("li", "out")]),
        "a bias alone": ({"b": alone, "n": lif(1)}, [("b", "n")]),
        "a sum of a bias": ({"b": alone, "n": lif(1), "out": out}, [("b", "out"), ("n", "out")]),
        "a subgraph": ({"in": source(1), "rnn": sub}, [("in", "rnn")]),
        "edges side by side": ({"in": source(1), "n": lif(1)} | flat, twice),
    }[name]


@pytest.mark.parametrize("name", ["a leaky integrator", "a bias alone", "a sum of a bias", "a subgraph", "edges side by side"])
def test_rare_nodes_come_back(name: str, tmp_path: Path) -> None:
    text = program(*special(name), tmp_path)
    assert again(text) == text


def test_nir_reads_what_is_written_and_finds_the_types_right(tmp_path: Path) -> None:
    text = program(*two_layers(), tmp_path)
    (tmp_path / "out.nir").write_bytes(write_nir(bioasm.assemble(text))[0])
    graph = nir.read(tmp_path / "out.nir")
    assert {type(node).__name__ for node in graph.nodes.values()} == {"Input", "Affine", "Linear", "LIF", "IF", "Output"}
    assert np.array_equal(graph.nodes["lif1"].tau, np.full(4, 0.01))
    assert ("lif1", "lif1_to_lif1") in graph.edges


def test_bytecode_is_written_alike(tmp_path: Path) -> None:
    text = program(*two_layers(), tmp_path)
    written = bioasm.assemble(text)
    assert write_nir(from_bytes(to_bytes(written)))[0] == write_nir(written)[0]


def test_what_a_graph_says_nothing_of_is_told(tmp_path: Path) -> None:
    text = program(*two_layers(), tmp_path)
    changed = text.replace("duration = 100 ms", "duration = 50 ms").replace("RATE input, rate,", "EVT input, [[1e-3, 0]],")
    content, warnings = write_nir(bioasm.assemble(changed))
    assert [(found.code, found.severity) for found in warnings] == [("B316", "warning")] * 2
    assert read_network(content, "graph.nir", "nir") == text


CHANGES = {
    "cells is a population of lif_critical": ("POP if2, nir_if, 2", "POP cells, lif_critical, 2\n    POP if2, nir_if, 2"),
    "rule 'all'": ("CON lif1_to_if2, lif1_to_if2_weights", "CON lif1_to_if2, all"),
    "a part or a port": ("SYN lif1_to_if2, lif1, if2", "SYN lif1_to_if2, lif1[0:4], if2"),
    "leaves tau to the model": ("    SET lif1.tau, 10 ms\n", ""),
    "no place for this REC": ("    RUN duration", "    REC lif1.v\n    RUN duration"),
    "no place for this SET": ("    SET if2.latency", "    SET if2.time_unit, second\n    SET if2.latency"),
    "no place for this OUT": ("    RD spikes", "    OUT 1\n    RD spikes"),
    "it ends before": ("    RD spikes\n", ""),
}


@pytest.mark.parametrize("message", CHANGES)
def test_a_program_that_no_graph_gives_is_refused_at_its_place(message: str, tmp_path: Path) -> None:
    text = program(*two_layers(), tmp_path)
    old, new = CHANGES[message]
    assert old in text
    changed = text.replace(old, new, 1)
    with pytest.raises(BioasmError) as caught:
        write_nir(bioasm.assemble(changed))
    (found,) = caught.value.diagnostics
    assert (found.code, caught.value.exit_code) == ("B315", 2)
    assert message in found.message
    if found.span is not None:
        line = changed.splitlines()[found.span.line - 1]
        assert line not in text.splitlines() or "lif1" in line


def test_spikes_that_are_sent_after_the_run_are_no_driving_though_bytecode_tells_no_places(tmp_path: Path) -> None:
    text = program(*two_layers(), tmp_path)
    line = next(line for line in text.splitlines() if line.startswith("    RATE input"))
    changed = bioasm.assemble(text.replace("    RUN duration", f"    RUN duration\n{line}"))
    placeless = replace(changed, instructions=tuple(replace(one, span=None) for one in changed.instructions))
    with pytest.raises(BioasmError, match="no place for this RATE"):
        write_nir(placeless)


@pytest.mark.parametrize("text", ["ALC 2\nRUN 1 ms\n", "MODEL ising\nALC 2\nLDJ [[0, 1], [1, 0]]\nRUN 1\n", ""])
def test_a_program_without_a_network_is_refused(text: str) -> None:
    with pytest.raises(BioasmError, match="no population of a NIR node"):
        write_nir(bioasm.assemble(text))


@pytest.mark.parametrize("words", [["--to", "nir", "-o", "out.h5"], ["-o", "out.nir"]])
def test_the_command_writes_graphs(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = program(*two_layers(), tmp_path)
    (tmp_path / "network.basm").write_text(text)
    told = command("export", "network.basm", *words)
    assert (told.code, told.stderr) == (0, "")
    assert read_network((tmp_path / words[-1]).read_bytes(), "graph.nir", "nir") == text


def test_a_problem_is_no_network(tmp_path: Path) -> None:
    told = command("export", "-", "--from", "gset", "--to", "nir", stdin=b"2 1\n1 2 1\n")
    assert told.code == 2
    assert "--from is for problems" in told.stderr


def test_an_order_that_a_file_does_not_tell_in_words_is_not_used(tmp_path: Path) -> None:
    nodes, edges = two_layers()
    for said in ("[", '{"a": 1}', '["nobody", 3, "if2"]', "[" * 100_000, np.ones(3)):
        graph = nir.NIRGraph(nodes=nodes, edges=edges, metadata={"bioasm_order": said})
        nir.write(tmp_path / "graph.nir", graph)
        assert "POP input, relay, 3" in read_network((tmp_path / "graph.nir").read_bytes(), "graph.nir", "nir")
