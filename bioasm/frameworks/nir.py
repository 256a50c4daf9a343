"""NIR graphs: neurons become populations, the linear maps between them projections, biases constant inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np

from bioasm.diagnostics import EXIT_USAGE, error
from bioasm.frameworks import write
from bioasm.frameworks.write import Floats
from bioasm.isa.modeltext import instance_fault
from bioasm.isa.table import BY_MNEMONIC

# Nodes that are neurons: the model of each, and its parameters by their names in NIR, which the model has as well.
NEURONS = {
    "LIF": ("nir_lif", ("tau", "r", "v_leak", "v_threshold", "v_reset")),
    "IF": ("nir_if", ("r", "v_threshold", "v_reset")),
}
MAPS = ("Affine", "Linear")
HDF5 = b"\x89HDF\r\n\x1a\n"  # what every HDF5 file holds, mostly at its start
MOST_MAPS = 100  # in a row
MOST_PATHS = 1000  # to one node; maps side by side can double them again and again


class Path(NamedTuple):
    """What spikes of `source` go through on their way: weights (targets, sources), None for each to its own."""

    source: str
    weights: Floats | None


@dataclass
class Graph:
    """Nodes by name, where each gets its values from, and the names under which nodes stand in the program."""

    nodes: Mapping[str, Any]
    incoming: dict[str, list[str]]
    source: str
    names: dict[str, str] = field(default_factory=dict)

    def kind(self, name: str) -> str:
        """What a node is, as NIR calls it."""
        return type(self.nodes[name]).__name__

    def of_kind(self, *kinds: str) -> list[str]:
        """The nodes of some kinds, those near the inputs first."""
        return [name for name in self.nodes if self.kind(name) in kinds]


def read_graph(content: bytes, source: str) -> str:
    """The text of a program for the graph in a .nir file. Raises BioasmError: B304, B305 without the package nir."""
    try:
        import nir
    except ImportError as cause:
        text, hint = "NIR graphs need the package nir, which is not installed", "pip install 'bioasm[nir]'"
        raise error("B305", text, hint=hint, exit_code=EXIT_USAGE) from cause
    try:
        graph = nir.read(BytesIO(content), type_check=False)  # sizes are checked here, in words of ours
    except Exception as fault:  # what is wrong in a file can fail in any way inside of nir and h5py
        why = fault or type(fault).__name__ if HDF5 in content else "it is no HDF5 file"
        raise error("B304", f"{source} is no NIR graph: {why}") from fault
    return program(graph_of(graph.nodes, graph.edges, source))


def graph_of(nodes: Mapping[str, Any], edges: list[tuple[str, str]], source: str) -> Graph:
    """The graph of NIR's nodes and edges. Raises BioasmError B304 where a program can't hold it."""
    incoming: dict[str, list[str]] = {name: [] for name in nodes}
    graph = Graph({}, incoming, source)
    for start, end in edges:
        _check_edge(graph, nodes, start, end)
        incoming[end].append(start)
    graph.nodes = _from_the_inputs(nodes, edges)
    known = ("Input", "Output", *NEURONS, *MAPS)
    for name in nodes:
        if graph.kind(name) not in known:
            hint = f"nodes that are read: {', '.join(known)}"
            raise _flaw(graph, f"node {name!r} is of type {graph.kind(name)}, which is not read", hint)
        if np.ndim(_shape(graph, name)) != 0:
            raise _flaw(graph, f"node {name!r} is no vector of neurons: it has the shape {_shape(graph, name)}")
    if not graph.of_kind(*NEURONS):
        raise _flaw(graph, "the graph has no neurons")
    _name(graph)
    return graph


def _check_edge(graph: Graph, nodes: Mapping[str, Any], start: str, end: str) -> None:
    for name in (start, end):
        if name not in nodes:
            raise _flaw(graph, f"an edge goes from {start!r} to {end!r}, and there is no node {name!r}")
    if type(nodes[end]).__name__ == "Input":
        raise _flaw(graph, f"node {end!r} is an input and gets values from {start!r}")


def _from_the_inputs(nodes: Mapping[str, Any], edges: list[tuple[str, str]]) -> dict[str, Any]:
    """The nodes in the order in which they are reached from the inputs; those that are not reached come last."""
    order = [name for name, node in nodes.items() if type(node).__name__ == "Input"]
    for name in order:  # grows while it is walked
        order += dict.fromkeys(end for start, end in edges if start == name and end not in order)
    return {name: nodes[name] for name in dict.fromkeys((*order, *nodes))}


def _flaw(graph: Graph, message: str, hint: str | None = None) -> Exception:
    return error("B304", f"{graph.source}: {message}", hint=hint)


def _shape(graph: Graph, name: str) -> Any:
    """How many values a node puts out; a list of several dimensions where it is no vector."""
    (shape,) = graph.nodes[name].output_type.values()
    sizes = [int(size) for size in np.atleast_1d(shape)]
    return sizes if len(sizes) > 1 else sum(sizes) or 1


def _name(graph: Graph) -> None:
    """Names that a program can have: letters, digits and underscores, each once."""
    taken = {mnemonic.lower() for mnemonic in BY_MNEMONIC}
    for name in graph.of_kind("Input", *NEURONS):
        plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in name)
        plain = plain if plain[:1].isalpha() else f"node_{plain}"
        while plain.lower() in taken or instance_fault(plain):
            plain += "_"
        taken.add(plain.lower())
        graph.names[name] = plain


# --- what neurons get ---------------------------------------------------------------------------------


def paths_to(graph: Graph, name: str, seen: tuple[str, ...] = ()) -> tuple[list[Path], Floats | None]:
    """Where a node's values come from, through linear maps, and the sum of what these add (biases), or None."""
    found: list[Path] = []
    total: Floats | None = None
    for start in graph.incoming[name]:
        if start in seen:
            raise _flaw(graph, f"node {start!r} feeds itself through linear maps alone")
        if len(seen) > MOST_MAPS or len(found) > MOST_PATHS:
            most = f"{MOST_MAPS} linear maps in a row" if len(seen) > MOST_MAPS else f"{MOST_PATHS} ways through linear maps"
            raise _flaw(graph, f"more than {most} lead to node {(name, *seen)[-1]!r}")
        if graph.kind(start) not in MAPS:
            found.append(Path(start, None))
            continue
        weights = _numbers(graph, start, "weight")
        inner, offset = paths_to(graph, start, (*seen, start))
        found += [Path(p.source, _through(graph, weights, p, start)) for p in inner]
        added = _bias(graph, start, len(weights))
        total = (0.0 if total is None else total) + added + (0.0 if offset is None else weights @ offset)
    return found, total


def _numbers(graph: Graph, name: str, what: str) -> Floats:
    """An array of a node."""
    given = np.asarray(getattr(graph.nodes[name], what))
    if given.dtype.kind not in "biuf" or not np.all(np.isfinite(given)):
        raise _flaw(graph, f"node {name!r}: {what} has a value that can't be used")
    return given.astype(np.float64)


def _bias(graph: Graph, name: str, n: int) -> Floats:
    """What a map of n rows adds."""
    added = _numbers(graph, name, "bias") if graph.kind(name) == "Affine" else np.zeros(n)
    if added.shape != (n,):
        raise _flaw(graph, f"node {name!r} has a bias of {added.size} values for {n} rows of weights")
    return added


def _through(graph: Graph, weights: Floats, path: Path, name: str) -> Floats:
    size = _shape(graph, path.source) if path.weights is None else len(path.weights)
    if weights.shape[1] != size:
        raise _flaw(graph, f"node {name!r} takes {weights.shape[1]} values and gets {size}")
    return weights if path.weights is None else weights @ path.weights


def _checked(graph: Graph, name: str) -> tuple[list[Path], Floats | None]:
    """The paths to a neuron, whose sizes are found to fit."""
    n = _shape(graph, name)
    paths, offset = paths_to(graph, name)
    for path in paths:
        size = _shape(graph, path.source) if path.weights is None else len(path.weights)
        if size != n:
            raise _flaw(graph, f"node {name!r} has {n} neurons and gets {size} values")
    return paths, offset


# --- the program --------------------------------------------------------------------------------------


def program(graph: Graph) -> str:
    """The text of a program that runs the graph, with random spikes in its inputs."""
    neurons = graph.of_kind(*NEURONS)
    inputs = graph.of_kind("Input")
    wires = {name: _checked(graph, name) for name in neurons}
    count = sum(_shape(graph, name) for name in neurons)
    lines = list(write.head(f"NIR graph: {count} neurons", graph.source, _notes(), _constants(bool(inputs))))
    lines += [f"    POP {graph.names[name]}, relay, {_shape(graph, name)}" for name in inputs]
    for name in neurons:
        lines += _population(graph, name)
    data: list[str] = []
    for name, (paths, _) in wires.items():
        for k, path in enumerate(paths):
            lines += _projection(graph, name, k, path)
            data += [] if path.weights is None else write.matrix(_wire(graph, name, k, path), path.weights.T)
    for name, (_, offset) in wires.items():
        if offset is not None and np.any(offset):
            lines += write.constant_input(f"{graph.names[name]}.I", offset)
    lines += [f"    RATE {graph.names[name]}, rate, 1   ; or EVT {graph.names[name]}, TRAIN, 1" for name in inputs]
    lines += ["    RUN duration", *_results(graph)]
    return "\n".join([*lines, *data, ""])


def _notes() -> Iterator[str]:
    yield "A spike is a current of its weight for one time step. Spikes of one layer reach the next in the same step, whose"
    yield "threshold sees them in the one after. Another time step: bioasm run FILE --set dt=1ms"


def _constants(driven: bool) -> Iterator[str]:
    yield ".const duration = 100 ms"
    if driven:
        yield ".const rate = 100 Hz             ; of the random spikes in each input"


def _population(graph: Graph, name: str) -> Iterator[str]:
    model, parameters = NEURONS[graph.kind(name)]
    n = _shape(graph, name)
    yield f"    POP {graph.names[name]}, {model}, {n}"
    for parameter in parameters:
        values = np.broadcast_to(_numbers(graph, name, parameter), (n,))
        if parameter == "tau" and np.any(values <= 0):
            raise _flaw(graph, f"node {name!r}: {parameter} has a value that can't be used")
        yield from write.setting(f"{graph.names[name]}.{parameter}", values)


def _wire(graph: Graph, name: str, k: int, path: Path) -> str:
    return f"{graph.names[path.source]}_to_{graph.names[name]}{f'_{k}' if k else ''}"


def _projection(graph: Graph, name: str, k: int, path: Path) -> Iterator[str]:
    wire, pre, post = _wire(graph, name, k, path), graph.names[path.source], graph.names[name]
    if path.weights is None:
        yield f"    SYN {wire}, {pre}, {post}"
        yield f"    CON {wire}, one_to_one"
        return
    yield from write.connection(wire, pre, post)


def _results(graph: Graph) -> Iterator[str]:
    """Counts of the neurons that lead to an output, of all where there is none; and all spikes."""
    shown: list[str] = []
    for name in graph.of_kind("Output"):
        paths, _ = paths_to(graph, name)
        if any(path.weights is not None for path in paths):
            hint = "end the graph with neurons, or take the last map out of it"
            raise _flaw(graph, f"output {name!r} is a weighted sum of spikes, which a program does not put out", hint)
        shown += [path.source for path in paths if path.source not in shown and graph.kind(path.source) in NEURONS]
    for name in shown or graph.of_kind(*NEURONS):
        yield f"    RD {graph.names[name]}.spike_count"
    yield "    RD spikes"
