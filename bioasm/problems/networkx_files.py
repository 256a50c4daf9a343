"""Graphs for max-cut: objects of networkx, the files that it reads, DIMACS edges and METIS."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import numpy as np

from bioasm.diagnostics import BioasmError, error
from bioasm.plain import read_json
from bioasm.problems.accounts import Problem, cut_problem
from bioasm.problems.graph import Graph, report_repeats
from bioasm.problems.numbers import Faults, Floats, Integers, read_numbers, whole, without_comments
from bioasm.problems.polynomial import check_neurons
from bioasm.problems.terms import weights_of

_NUMBER = re.compile(r"-?\d{1,15}\Z")


def graph_of(graph: Any, title: str, source: str) -> Problem:
    """Max-cut of a graph of networkx with the edges' `weight`; loops are never cut. Raises BioasmError B304."""
    names = tuple(graph.nodes)
    if graph.is_directed():
        raise error("B304", "the graph is directed, and a cut has no direction", hint="graph.to_undirected() has none")
    if not names:
        raise error("B304", "a graph has at least one vertex")
    check_neurons(len(names), "vertices")
    places = {name: k for k, name in enumerate(names)}
    edges = [(places[u], places[v], w) for u, v, w in graph.edges(data="weight", default=1) if u != v]
    u, v = (np.array([edge[k] for edge in edges], np.int64) for k in (0, 1))
    weights: Floats = weights_of(edge[2] for edge in edges)
    energy, account = cut_problem(Graph(len(names), np.minimum(u, v), np.maximum(u, v), weights), title, source)
    return energy, replace(account, names=names)


def read_networkx(content: bytes, source: str, form: str) -> Problem:
    """A file of networkx: `gml`, `graphml`, `edgelist`, `adjlist` or `nodelink`. Raises BioasmError B304, B312."""
    from bioasm.extras import require

    require("networkx", "graphs", f"reading {source}")
    try:
        graph = _LOADERS[form](content, source)
    except BioasmError:
        raise
    except Exception as cause:  # noqa: BLE001  (a damaged file can fail in any way)
        told = str(cause).split("\n")[0] or type(cause).__name__
        raise error("B304", f"networkx can't read {source} as {form}: {told}") from None
    return graph_of(graph, PurePath(source).name, source)


def _gml(content: bytes, _: str) -> Any:
    import networkx

    return networkx.read_gml(io.BytesIO(content))


def _graphml(content: bytes, _: str) -> Any:
    import networkx

    return networkx.read_graphml(io.BytesIO(content))


def _edges(content: bytes, _: str) -> Any:
    """Lines `u v`, `u v weight` or `u v {'weight': 1}`."""
    import networkx

    first = next((line for line in content.splitlines() if line.strip() and not line.lstrip().startswith(b"#")), b"")
    weighted = len(first.split()) == 3 and b"{" not in first
    data = (("weight", str),) if weighted else True  # numbers that would be rounded are told by `weights_of`
    return _numbered(_single(networkx.read_edgelist(io.BytesIO(content), data=data, create_using=networkx.MultiGraph)))


def _single(several: Any) -> Any:
    """The graph of a list in which an edge may stand twice, as in both directions.

    Raises BioasmError B304 where it has two weights.
    """
    import networkx

    for u, v in {(u, v) for u, v, number in several.edges(keys=True) if number}:
        weights = weights_of(data.get("weight", 1) for data in several[u][v].values())
        if (weights != weights[0]).any():
            raise _differing(f"{u} {v}", weights[0], weights[weights != weights[0]][0])
    return networkx.Graph(several)


def _differing(edge: str, one: float, other: float) -> BioasmError:
    hint = "values of one pair are not added up; keep one"
    return error("B304", f"the edge {edge:.40} stands twice, with the weights {one:g} and {other:g}", hint=hint)


def _neighbours(content: bytes, _: str) -> Any:
    import networkx

    return _numbered(networkx.read_adjlist(io.BytesIO(content)))


def _node_link(content: bytes, source: str) -> Any:
    import networkx

    said = read_json(content, source)
    several = said.get("multigraph") or said.get("directed")
    edges = "links" if "links" in said else "edges"
    graph = networkx.node_link_graph(said if several else {**said, "multigraph": True}, edges=edges)
    return graph if several else _single(graph)


def _numbered(graph: Any) -> Any:
    """The graph with whole numbers as numbers, where all its names are such."""
    import networkx

    numbers: dict[str, Hashable] = {name: int(name) for name in graph.nodes if _NUMBER.match(name)}
    return networkx.relabel_nodes(graph, numbers) if len(set(numbers.values())) == len(graph.nodes) else graph


_LOADERS: dict[str, Callable[[bytes, str], Any]] = {
    "gml": _gml,
    "graphml": _graphml,
    "edgelist": _edges,
    "adjlist": _neighbours,
    "nodelink": _node_link,
}


# --- DIMACS and METIS -------------------------------------------------------------------------------


def read_dimacs(content: bytes, source: str) -> Graph:
    """DIMACS: `p edge n m` (or col, max), lines `e u v [weight]`, vertices from 1; n lines may name vertices and are left out.

    An edge that stands twice with the same weight, as in both directions, counts once. Raises BioasmError B304, B111.
    """
    faults = Faults(source, content)
    lines = content.decode("latin-1").split("\n")
    header = next(((k, line.split()) for k, line in enumerate(lines, 1) if line.startswith("p ")), (1, []))
    words = header[1]
    if len(words) < 4 or not words[2].isdecimal() or len(words[2]) > 15 or int(words[2]) < 1:
        faults.add(header[0], "the line should be `p edge vertices edges`")
        faults.stop()
    n = int(words[2])
    check_neurons(n, "vertices")
    found = {k: line.split()[1:] for k, line in enumerate(lines, 1) if line.startswith("e ")}
    return _edges_of(n, found, faults)


def _edges_of(n: int, rows: dict[int, list[str]], faults: Faults) -> Graph:
    for line, words in rows.items():
        ends = [int(word) for word in words[:2] if word.isdecimal() and len(word) < 16]
        if len(words) not in (2, 3) or len(ends) < 2 or not all(1 <= end <= n for end in ends) or ends[0] == ends[1]:
            faults.add(line, f"the line should be `e u v` with two different vertices from 1 to {n}")
    faults.stop()
    ends_of = np.array([words[:2] for words in rows.values()], np.int64).reshape(-1, 2) - 1
    weights = weights_of(words[2] if len(words) == 3 else 1.0 for words in rows.values())
    lines = np.array(list(rows), np.int64)
    return Graph(n, *_each_once(ends_of, weights, lines, faults))


def _each_once(ends: Integers, weights: Floats, lines: Integers, faults: Faults) -> tuple[Integers, Integers, Floats]:
    """Unique edges in the order of the file. Raises BioasmError B304 for a duplicate with another weight."""
    pairs, first, same = np.unique(np.sort(ends, axis=1), axis=0, return_index=True, return_inverse=True)
    kept = first[same.ravel()]
    faults.add_each(
        weights != weights[kept],
        lines,
        lambda k: f"the edge has the weight {weights[k]:g}, and on line {lines[kept[k]]} it has {weights[kept[k]]:g}",
        "values of one pair are not added up; keep one",
    )
    faults.stop()
    order = np.argsort(first)
    return pairs[order, 0], pairs[order, 1], weights[first[order]]


def read_metis(content: bytes, source: str) -> Graph:
    """METIS: `n m [fmt]`, then for each vertex a line with its neighbours, counted from 1, each with a weight where fmt is 1.

    Raises BioasmError B304, B111.
    """
    faults = Faults(source, content)
    lines = read_numbers(without_comments(content, b"%"), faults)
    head = lines.values[: lines.count[0]] if len(lines.line) else np.zeros(0)
    if not 2 <= len(head) <= 3 or not whole(head, 0, 1 << 53).all() or head[0] < 1:
        faults.add(1, "the first line should be how many vertices and edges there are, and perhaps a format")
        faults.stop()
    form = int(head[2]) if len(head) == 3 else 0
    if form not in (0, 1):
        text = f"the format {form:03} has weights of vertices, which a cut does not know"
        faults.add(int(lines.line[0]), text, "0 and 1 are read")
        faults.stop()
    check_neurons(int(head[0]), "vertices")
    return _neighbour_lists(content, int(head[0]), int(head[1]), form, faults)


def _neighbour_lists(content: bytes, n: int, m: int, weighted: int, faults: Faults) -> Graph:
    """The edges below the header; a blank line is a vertex without neighbours."""
    rows = [(k, line.split()) for k, line in enumerate(content.split(b"\n"), 1) if not line.lstrip().startswith(b"%")]
    first = next(k for k, (_, words) in enumerate(rows) if words)
    ends_of, weight_of, line_of = [], [], []
    for vertex, (line, words) in enumerate(rows[first + 1 : first + 1 + n]):
        numbers = [float(word) for word in words]
        ends, weights = (numbers[::2], numbers[1::2]) if weighted else (numbers, [1.0] * len(numbers))
        if len(ends) != len(weights) or not all(end == int(end) and 1 <= end <= n and end != vertex + 1 for end in ends):
            faults.add(line, f"the line should hold other vertices from 1 to {n}{' and their weights' if weighted else ''}")
            continue
        ends_of += [(vertex, int(end) - 1) for end in ends]
        weight_of += weights
        line_of += [line] * len(ends)
    faults.stop()
    both, lines = np.array(ends_of, np.int64).reshape(-1, 2), np.array(line_of, np.int64)
    _check_both_ways(both, lines, faults)
    u, v, weight = _each_once(both, np.array(weight_of, np.float64), lines, faults)
    if len(u) != m:
        faults.add(rows[first][0], f"the header announces {m:,} edges, but {len(u):,} follow")
    faults.stop()
    return Graph(n, u, v, weight)


def _check_both_ways(ends: Integers, lines: Integers, faults: Faults) -> None:
    """Each vertex names its neighbours once, and each neighbour names it. Raises BioasmError B304."""
    report_repeats(ends[:, 0], ends[:, 1], lines, faults, "edge", first=1)
    faults.stop()
    known = set(map(tuple, ends.tolist()))
    lonely = np.array([(v, u) not in known for u, v in ends.tolist()], np.bool_)
    faults.add_each(lonely, lines, lambda k: f"{ends[k, 1] + 1} is a neighbour here, and its line names no {ends[k, 0] + 1}")
    faults.stop()
