"""Conversion of other libraries' objects to problems, by duck typing, so that no library is imported."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bioasm.api.arguments import real
from bioasm.api.arrays import as_data
from bioasm.diagnostics import error
from bioasm.isa.program import Data, Dense, Program
from bioasm.problems.accounts import Problem as Found
from bioasm.problems.accounts import arrays_problem, matrix_problem
from bioasm.problems.models import constrained_of, quadratic_of
from bioasm.problems.networkx_files import graph_of
from bioasm.problems.polynomial import BIT, SPIN
from bioasm.problems.terms import polynomial_of

_WANTED = "an array, a matrix of scipy.sparse, a graph of networkx, a model of dimod, a dict of terms or a path is wanted"
_OF_DIMOD = "a model of dimod"


def problem_of(source: Any, maximize: bool) -> Found:
    """Convert an object to a problem. Raises BioasmError B304."""
    if isinstance(source, Program):
        from bioasm.api.problem_programs import problem_in

        return problem_in(source)
    if isinstance(source, str | Path):
        from bioasm.api.problem_files import read_problem_file

        return read_problem_file(str(source), maximize)
    if hasattr(source, "constraints") and hasattr(source, "objective"):
        return constrained_of(source, _OF_DIMOD, maximize)
    if hasattr(source, "vartype") and hasattr(source, "to_numpy_vectors"):
        return quadratic_of(source, _OF_DIMOD, maximize)
    if isinstance(source, Mapping) and hasattr(source, "vartype"):
        domain = SPIN if source.vartype.name == "SPIN" else BIT
        return polynomial_of(source.items(), domain, maximize, source=_OF_DIMOD)
    if isinstance(source, Mapping):
        return polynomial_of(source.items(), BIT, maximize)
    if hasattr(source, "adj") and hasattr(source, "edges"):
        return _graph(source, maximize)
    return _matrix(source, maximize)


def _matrix(source: Any, maximize: bool) -> Found:
    if isinstance(source, bytes) or not hasattr(source, "__len__") and not hasattr(source, "tocoo"):
        raise error("B304", f"{type(source).__name__} is no problem", hint=_WANTED)
    if hasattr(source, "columns") and hasattr(source, "index"):
        return _table(source, maximize)
    return matrix_problem(as_data(source, "Q"), "an array", maximize)


def _table(frame: Any, maximize: bool) -> Found:
    """A DataFrame of pandas: rows and columns of the same names are variables, in the order of the columns."""
    columns, rows = list(frame.columns), list(frame.index)
    numbered = rows == list(range(len(rows)))
    if len(set(columns)) != len(columns) or not (numbered or set(rows) == set(columns)):
        hint = "rows and columns of a QUBO have the same names, each once"
        raise error("B304", "the rows of the table have other names than its columns, or one stands twice", hint=hint)
    ordered = frame if numbered else frame.loc[columns]
    energy, account = matrix_problem(as_data(ordered.to_numpy(), "Q"), "a table", maximize)
    return energy, replace(account, names=tuple(columns))


def _graph(graph: Any, maximize: bool) -> Found:
    if maximize:
        raise error("B304", "a graph is max-cut already; without maximize= the largest cut is wanted")
    return graph_of(graph, graph.name or "a graph", "a graph of networkx")


def ising_of(couplings: Any, biases: Any, offset: float, names: tuple[Hashable, ...]) -> Found:
    """-1/2 s'Js - h's + offset. Raises BioasmError B304."""
    h: Data | None = None if biases is None else as_data(biases, "h")
    constant = Dense(np.array([real("offset", offset)]))
    energy, account = arrays_problem(as_data(couplings, "J"), h, constant, "arrays")
    return energy, replace(account, names=names)
