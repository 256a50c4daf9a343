"""Linear maps between neurons, multiplied along each path: weights, delays, and the biases that they add."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from bioasm.frameworks.nir.graph import MAPS, THROUGH, Graph
from bioasm.frameworks.write import Floats

MOST_MAPS = 100  # in a row
MOST_PATHS = 1000  # to one node; maps side by side can double them again and again


class Path(NamedTuple):
    """A path for spikes of `source`: weights (targets, sources), None for each to its own, and a delay in s."""

    source: str
    weights: Floats | None
    delay: float = 0.0


class Arriving(NamedTuple):
    """Inputs of a node: paths, and the constant sum of biases (values,), None where there is none."""

    paths: list[Path]
    offset: Floats | None


def arriving(graph: Graph, name: str) -> Arriving:
    """The inputs of a node, in sizes that fit it. Raises BioasmError B304."""
    found = _through_maps(graph, name, ())
    for path in found.paths:
        if (size := _size(graph, path)) != graph.size(name):
            raise graph.flaw(f"node {name!r} has {graph.size(name)} neurons and gets {size} values")
    if found.offset is not None and found.offset.shape != (graph.size(name),):
        raise graph.flaw(f"node {name!r} has {graph.size(name)} neurons and gets {found.offset.size} values")
    return found


def _size(graph: Graph, path: Path) -> int:
    return graph.size(path.source) if path.weights is None else len(path.weights)


def _through_maps(graph: Graph, name: str, seen: tuple[str, ...]) -> Arriving:
    """Depth-first search against the edges, up to the nodes with dynamics."""
    paths: list[Path] = []
    total: Floats | None = None
    for start in graph.incoming[name]:
        _check_search(graph, start, (name, *seen), len(paths))
        if graph.kinds[start] not in (*MAPS, THROUGH):
            paths.append(Path(start, None))
            continue
        inner = _through_maps(graph, start, (name, *seen))
        paths += [mapped for path in inner.paths for mapped in _map(graph, start, path)]
        total = _sum(graph, name, total, _constant(graph, start, inner.offset))
    return Arriving(paths, total)


def _check_search(graph: Graph, start: str, seen: tuple[str, ...], found: int) -> None:
    if start in seen and graph.kinds[start] in (*MAPS, THROUGH):
        raise graph.flaw(f"node {start!r} feeds itself through linear maps alone")
    if len(seen) > MOST_MAPS or found > MOST_PATHS:
        most = f"{MOST_MAPS} linear maps in a row" if len(seen) > MOST_MAPS else f"{MOST_PATHS} ways through linear maps"
        raise graph.flaw(f"more than {most} lead to node {seen[-1]!r}")


def _sum(graph: Graph, name: str, total: Floats | None, added: Floats | None) -> Floats | None:
    if total is None or added is None:
        return added if total is None else total
    if total.shape != added.shape:
        raise graph.flaw(f"node {name!r} gets {total.size} and {added.size} values")
    return total + added


# --- one map ------------------------------------------------------------------------------------------


def _map(graph: Graph, name: str, path: Path) -> Iterator[Path]:
    """A path through one more map; a delay that differs among the values splits it."""
    kind = graph.kinds[name]
    if kind in ("Linear", "Affine"):
        yield path._replace(weights=_product(graph, name, path))
    elif kind == "Scale":
        yield path._replace(weights=_scaled(graph, name, path))
    elif kind == "Delay":
        yield from _delayed(graph, name, path)
    else:
        yield path


def _product(graph: Graph, name: str, path: Path) -> Floats:
    weights = _matrix(graph, name)
    if weights.shape[1] != (size := _size(graph, path)):
        raise graph.flaw(f"node {name!r} takes {weights.shape[1]} values and gets {size}")
    return weights if path.weights is None else weights @ path.weights


def _matrix(graph: Graph, name: str) -> Floats:
    weights = graph.numbers(name, "weight")
    if weights.ndim != 2:
        raise graph.flaw(f"node {name!r} has weights of the shape {list(weights.shape)} instead of a matrix")
    return weights


def _scaled(graph: Graph, name: str, path: Path) -> Floats:
    factors = _values(graph, name, "scale", _size(graph, path))
    return np.diag(factors) if path.weights is None else factors[:, None] * path.weights


def _delayed(graph: Graph, name: str, path: Path) -> Iterator[Path]:
    size = _size(graph, path)
    delays = _values(graph, name, "delay", size)
    if np.any(delays < 0):
        raise graph.flaw(f"node {name!r}: delay has a value that can't be used")
    different = np.unique(delays)
    for delay in different.tolist():
        if len(different) == 1:
            yield path._replace(delay=path.delay + delay)
        else:
            weights = np.eye(size) if path.weights is None else path.weights
            yield Path(path.source, np.where((delays == delay)[:, None], weights, 0.0), path.delay + delay)


def _values(graph: Graph, name: str, what: str, size: int) -> Floats:
    """One number for each value that comes to a node."""
    given = graph.numbers(name, what).ravel()
    if given.size not in (1, size):
        raise graph.flaw(f"node {name!r} has a {what} of {given.size} values and gets {size}")
    return np.broadcast_to(given, (size,))


def _constant(graph: Graph, name: str, before: Floats | None) -> Floats | None:
    """The constant that a map sends on: the one that comes to it, mapped, and the map's own bias; None where there is none."""
    kind = graph.kinds[name]
    if kind == "Scale":
        return None if before is None else before * _values(graph, name, "scale", before.size)
    if kind not in ("Linear", "Affine"):
        return before
    weights = _matrix(graph, name)
    carried = None if before is None else _carried(graph, name, weights, before)
    return carried if kind == "Linear" else _sum(graph, name, carried, _bias(graph, name, len(weights)))


def _carried(graph: Graph, name: str, weights: Floats, before: Floats) -> Floats:
    if weights.shape[1] != before.size:
        raise graph.flaw(f"node {name!r} takes {weights.shape[1]} values and gets {before.size}")
    return weights @ before


def _bias(graph: Graph, name: str, n: int) -> Floats:
    added = graph.numbers(name, "bias")
    if added.shape != (n,):
        raise graph.flaw(f"node {name!r} has a bias of {added.size} values for {n} rows of weights")
    return added
