"""A NIR graph as a flat directed graph: subgraphs inlined, kinds and sizes of nodes checked, names for the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from bioasm.diagnostics import BioasmError, error
from bioasm.frameworks.write import Floats
from bioasm.isa.storage import check_exact
from bioasm.wholes import Rounded


class Cell(NamedTuple):
    """Population of a node with dynamics: its model, its parameters (named alike in NIR), whether it spikes."""

    model: str
    parameters: tuple[str, ...]
    spikes: bool = True


CELLS = {
    "LIF": Cell("nir_lif", ("tau", "r", "v_leak", "v_threshold", "v_reset")),
    "IF": Cell("nir_if", ("r", "v_threshold", "v_reset")),
    "CubaLIF": Cell("nir_cubalif", ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold", "v_reset", "w_in")),
    "LI": Cell("nir_li", ("tau", "r", "v_leak"), spikes=False),
}
MAPS = ("Affine", "Linear", "Scale", "Flatten", "Delay")
THROUGH = "Through"  # an input or output of a subgraph, which hands on what it gets
READ = ("Input", "Output", *CELLS, *MAPS)
MOST_DEEP = 50  # subgraphs within each other


@dataclass
class Graph:
    """Nodes by name, where each gets its values from, and the names under which nodes stand in the program."""

    nodes: Mapping[str, Any]
    kinds: Mapping[str, str]
    incoming: Mapping[str, list[str]]
    source: str
    names: dict[str, str] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> list[str]:
        """The nodes of some kinds, those near the inputs first."""
        return [name for name in self.nodes if self.kinds[name] in kinds]

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of what a node puts out."""
        (shape,) = self.nodes[name].output_type.values()
        return tuple(int(size) for size in np.atleast_1d(shape)) or (1,)

    def size(self, name: str) -> int:
        """How many values a node puts out; those of several dimensions are taken in C order."""
        return int(np.prod(self.shape(name)))

    def spikes(self, name: str) -> bool:
        """Whether a node puts out spikes."""
        kind = self.kinds[name]
        return kind == "Input" or (kind in CELLS and CELLS[kind].spikes)

    def numbers(self, name: str, what: str) -> Floats:
        """An array of a node, which has to be finite."""
        given = np.asarray(getattr(self.nodes[name], what))
        if given.dtype.kind not in "biuf" or not np.all(np.isfinite(given)):
            raise self.flaw(f"node {name!r}: {what} has a value that can't be used")
        try:
            check_exact(given)
        except Rounded as fault:
            raise error("B115", f"{self.source}: node {name!r}: {what}: {fault}", hint=fault.hint) from None
        return given.astype(np.float64)

    def flaw(self, message: str, hint: str | None = None) -> BioasmError:
        """The error B304 for a fault of the graph."""
        return error("B304", f"{self.source}: {message}", hint=hint)


def graph_of(nodes: Mapping[str, Any], edges: Iterable[tuple[str, str]], source: str, order: Iterable[str] = ()) -> Graph:
    """The flat graph of NIR's nodes and edges, nodes of `order` first. Raises BioasmError B304 where no program can hold it."""
    kinds: dict[str, str] = {}
    flat = dict(_flat_nodes(Graph(nodes, {}, {}, source), nodes, kinds))
    wires = list(dict.fromkeys(_flat_edges(nodes, edges, Graph(nodes, {}, {}, source))))  # NIR's edges are a set
    incoming: dict[str, list[str]] = {name: [] for name in flat}
    for start, end in wires:
        incoming[end].append(start)
    found = _from_the_inputs(flat, kinds, wires)
    first = {name: found[name] for name in order if name in found}
    graph = Graph(first | found, kinds, incoming, source)
    _check(graph)
    return graph


# --- subgraphs ----------------------------------------------------------------------------------------


def _is_graph(node: Any) -> bool:
    return type(node).__name__ == "NIRGraph"


def _flat_nodes(graph: Graph, nodes: Mapping[str, Any], kinds: dict[str, str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All nodes, those of subgraphs by names such as `rnn.lif`; `kinds` receives what each is."""
    if prefix.count(".") > MOST_DEEP:
        raise graph.flaw(f"more than {MOST_DEEP} subgraphs within each other")
    for name, node in nodes.items():
        if _is_graph(node):
            yield from _flat_nodes(graph, node.nodes, kinds, f"{prefix}{name}.")
            continue
        kind = type(node).__name__
        kinds[prefix + name] = THROUGH if prefix and kind in ("Input", "Output") else kind
        yield prefix + name, node


def _flat_edges(
    nodes: Mapping[str, Any], edges: Iterable[tuple[str, str]], graph: Graph, prefix: str = ""
) -> Iterator[tuple[str, str]]:
    """Edges between nodes that are no graphs: those at a subgraph go on at its outputs and inputs."""
    for start, end in edges:
        _check_edge(nodes, start, end, graph)
        for a in _doors(graph, nodes[start], start, "Output"):
            for b in _doors(graph, nodes[end], end, "Input"):
                yield prefix + a, prefix + b
    for name, node in nodes.items():
        if _is_graph(node):
            yield from _flat_edges(node.nodes, node.edges, graph, f"{prefix}{name}.")


def _check_edge(nodes: Mapping[str, Any], start: str, end: str, graph: Graph) -> None:
    for name in (start, end):
        if name not in nodes:
            raise graph.flaw(f"an edge goes from {start!r} to {end!r}, and there is no node {name!r}")
    if type(nodes[end]).__name__ == "Input":
        raise graph.flaw(f"node {end!r} is an input and gets values from {start!r}")


def _doors(graph: Graph, node: Any, name: str, kind: str) -> list[str]:
    """The nodes at which an edge to or from a node ends: the node itself, or the one input or output of a subgraph."""
    if not _is_graph(node):
        return [name]
    inner = [key for key, part in node.nodes.items() if type(part).__name__ == kind]
    if len(inner) != 1:
        raise graph.flaw(f"subgraph {name!r} has {len(inner)} nodes of type {kind}; one is read")
    return [f"{name}.{inner[0]}"]


def _from_the_inputs(nodes: Mapping[str, Any], kinds: Mapping[str, str], edges: list[tuple[str, str]]) -> dict[str, Any]:
    """The nodes by breadth-first search from the inputs; those that are not reached come last."""
    order = {name: None for name in nodes if kinds[name] == "Input"}
    following: dict[str, list[str]] = {}
    for start, end in edges:
        following.setdefault(start, []).append(end)
    for name in (queue := list(order)):
        for end in following.get(name, ()):
            if end not in order:
                order[end] = None
                queue.append(end)
    return {name: nodes[name] for name in (*order, *(name for name in nodes if name not in order))}


# --- checks -------------------------------------------------------------------------------------------


def _check(graph: Graph) -> None:
    for name in graph.nodes:
        if graph.kinds[name] not in (*READ, THROUGH):
            hint = f"nodes that are read: {', '.join(READ)}, and subgraphs of them"
            raise graph.flaw(f"node {name!r} is of type {graph.kinds[name]}, which is not read", hint)
    if not graph.of_kind(*CELLS):
        raise graph.flaw("the graph has no neurons")
