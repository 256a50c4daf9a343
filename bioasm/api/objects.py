"""Objects of other libraries as problems, known by what they can do, so that none of the libraries is imported."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bioasm.api.arrays import as_data
from bioasm.diagnostics import error
from bioasm.isa.program import Data, Dense
from bioasm.problems.formats import Problem as Found
from bioasm.problems.formats import arrays_problem, cut_problem, matrix_problem, polynomial_problem
from bioasm.problems.graph import Graph
from bioasm.problems.numbers import Floats, Integers
from bioasm.problems.polynomial import BIT, SPIN, Monomials, check_neurons, collect

_WANTED = "an array, a matrix of scipy.sparse, a graph of networkx, a model of dimod, a dict of terms or a path is wanted"


def problem_of(source: Any, maximize: bool) -> Found:
    """The problem that an object is. Raises BioasmError B304."""
    if isinstance(source, str | Path):
        from bioasm.api.problem_files import read_problem_file

        return read_problem_file(str(source), maximize)
    if hasattr(source, "constraints") and hasattr(source, "objective"):
        return _constrained(source, maximize)
    if hasattr(source, "vartype") and hasattr(source, "to_numpy_vectors"):
        return _quadratic(source, maximize)
    if isinstance(source, Mapping) and hasattr(source, "vartype"):
        domain = SPIN if source.vartype.name == "SPIN" else BIT
        return polynomial_of({tuple(term): weight for term, weight in source.items()}, domain, maximize, None)
    if isinstance(source, Mapping):
        return polynomial_of(source, BIT, maximize, None)
    if hasattr(source, "adj") and hasattr(source, "edges"):
        return _graph(source, maximize)
    return _matrix(source, maximize)


def _matrix(source: Any, maximize: bool) -> Found:
    if isinstance(source, bytes) or not hasattr(source, "__len__") and not hasattr(source, "tocoo"):
        raise error("B304", f"{type(source).__name__} is no problem", hint=_WANTED)
    return matrix_problem(as_data(source, "Q"), "an array", maximize)


def ising_of(couplings: Any, biases: Any, offset: float, names: tuple[Hashable, ...]) -> Found:
    """-1/2 s'Js - h's + offset. Raises BioasmError B304."""
    h: Data | None = None if biases is None else as_data(biases, "h")
    energy, account = arrays_problem(as_data(couplings, "J"), h, Dense(np.array([float(offset)])), "arrays")
    return energy, _named(account, names)


def _named(account: Any, names: Iterable[Hashable]) -> Any:
    from dataclasses import replace

    return replace(account, names=tuple(names))


# --- terms ------------------------------------------------------------------------------------------


def polynomial_of(terms: Mapping[Any, float], domain: str, maximize: bool, names: Sequence[Hashable] | None) -> Found:
    """The sum of weight times product. Raises BioasmError B304."""
    keys = [tuple(key) if isinstance(key, tuple | frozenset | list) else (key,) for key in terms]
    ordered = _in_order(dict.fromkeys(name for key in keys for name in key)) if names is None else tuple(names)
    places = {name: k for k, name in enumerate(ordered)}
    unknown = [name for key in keys for name in key if name not in places]
    if unknown:
        raise error("B304", f"the variable {unknown[0]!r} of a term is not among the names")
    if not ordered:
        raise error("B304", "a problem has at least one variable")
    check_neurons(len(ordered), "variables")
    pieces = _by_order([_reduced([places[name] for name in key], domain) for key in keys], _weights(terms))
    return polynomial_problem(collect(len(ordered), domain, pieces), "terms", maximize, ordered)


def _in_order(names: Iterable[Hashable]) -> tuple[Hashable, ...]:
    """Sorted where the names can be compared, as they came where not."""
    found = list(names)
    try:
        return tuple(sorted(found))  # type: ignore[type-var]
    except TypeError:
        return tuple(found)


def _weights(terms: Mapping[Any, float]) -> Floats:
    try:
        weights = np.array([float(weight) for weight in terms.values()], np.float64)
    except (TypeError, ValueError) as cause:
        raise error("B304", f"a weight is no real number: {cause}") from None
    if not np.isfinite(weights).all():
        raise error("B304", "a weight is not finite")
    return weights


def _reduced(variables: list[int], domain: str) -> tuple[int, ...]:
    """A product with each variable once: the square of a bit is the bit, that of a spin is 1."""
    if domain == BIT:
        return tuple(sorted(set(variables)))
    return tuple(sorted(v for v in set(variables) if variables.count(v) % 2))


def _by_order(products: list[tuple[int, ...]], weights: Floats) -> list[Monomials]:
    chosen: dict[int, list[int]] = {}
    for k, product in enumerate(products):
        chosen.setdefault(len(product), []).append(k)
    return [
        Monomials(np.array([products[k] for k in places], np.int64).reshape(len(places), order), weights[places])
        for order, places in chosen.items()
    ]


# --- dimod ------------------------------------------------------------------------------------------


def _quadratic(model: Any, maximize: bool, notes: tuple[str, ...] = ()) -> Found:
    names = tuple(model.variables)
    vectors = model.to_numpy_vectors(variable_order=list(names))
    linear, (row, column, bias), offset = vectors[:3]
    index: Integers = np.stack([np.asarray(row), np.asarray(column)], axis=1).astype(np.int64).reshape(-1, 2)
    pieces = [
        Monomials(np.arange(len(names))[:, None], np.asarray(linear, np.float64)),
        Monomials(np.sort(index, axis=1), np.asarray(bias, np.float64)),
    ]
    domain = SPIN if model.vartype.name == "SPIN" else BIT
    if not names:
        raise error("B304", "a problem has at least one variable")
    energy = collect(len(names), domain, pieces, [float(offset)])
    return polynomial_problem(energy, "a model of dimod", maximize, names, notes)


def _constrained(model: Any, maximize: bool) -> Found:
    """A constrained model of bits and spins, its constraints as penalties (Lucas 2014), as dimod makes them."""
    import dimod

    odd = [v for v in model.variables if model.vartype(v).name not in ("BINARY", "SPIN")]
    if odd:
        text = f"the variable {odd[0]!r} is {model.vartype(odd[0]).name}; bits and spins can be solved"
        raise error("B304", text, hint="write whole numbers in bits: dimod.generators.binary_encoding, or dimod.cqm_to_bqm")
    if not model.constraints:
        return _quadratic(model.objective_bqm() if hasattr(model, "objective_bqm") else dimod.cqm_to_bqm(model)[0], maximize)
    if maximize:
        raise error("B304", "a constrained model is minimised, as dimod says it; change the sign of its objective")
    try:
        found, _ = dimod.cqm_to_bqm(model)
    except ValueError as cause:
        raise error("B304", f"the constraints can't become penalties: {cause}") from None
    note = f"{len(model.constraints):,} constraints are penalties, 10 times the largest bias each, as dimod makes them: a state"
    return _quadratic(found, False, (f"{note} of low energy may still break one. Variables `slack...` are theirs.",))


# --- graphs -----------------------------------------------------------------------------------------


def _graph(graph: Any, maximize: bool) -> Found:
    names = tuple(graph.nodes)
    if graph.is_directed():
        raise error("B304", "the graph is directed, and a cut has no direction", hint="graph.to_undirected() has none")
    if maximize:
        raise error("B304", "a graph is max-cut already; without maximize= the largest cut is wanted")
    if not names:
        raise error("B304", "a graph has at least one vertex")
    places = {name: k for k, name in enumerate(names)}
    edges = [(places[u], places[v], w) for u, v, w in graph.edges(data="weight", default=1) if u != v]
    u, v = (np.array([edge[k] for edge in edges], np.int64) for k in (0, 1))
    weights = _weights({k: edge[2] for k, edge in enumerate(edges)})
    cut = Graph(len(names), np.minimum(u, v), np.maximum(u, v), weights)
    energy, account = cut_problem(cut, graph.name or "a graph", "a graph of networkx")
    return energy, _named(account, names)
