"""The problem formats: how each is told from a file's name and content, read, and accounted for in the program."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from pathlib import PurePath
from typing import Any

from bioasm.diagnostics import error
from bioasm.isa.program import Data
from bioasm.problems import FORMATS
from bioasm.problems.bqm import is_bqm, read_bqm
from bioasm.problems.cnf import HARD, read_cnf, unsatisfied
from bioasm.problems.graph import Graph, max_cut, read_gset
from bioasm.problems.ising import read_ising
from bioasm.problems.matrix import ising_from_arrays, qubo_from_matrix
from bioasm.problems.polynomial import SPIN, Polynomial
from bioasm.problems.qubo import read_coo, read_qubo
from bioasm.problems.write import Account

Problem = tuple[Polynomial, Account]

_SUFFIXES = {
    ".mc": "gset", ".rud": "gset", ".rudy": "gset", ".gset": "gset", ".qubo": "qubo", ".coo": "coo", ".cnf": "cnf",
    ".wcnf": "cnf", ".ising": "ising", ".npy": "matrix", ".npz": "matrix", ".mtx": "matrix",
}  # fmt: skip
_FIRST_LINE = re.compile(rb"(?m)^[ \t]*(?![ \t]|[#%\r\n]|c[ \t\r\n])([^\r\n]+)")


def find_format(name: str, content: bytes) -> str:
    """The format of a plain text by the file's suffix, or by its first line that is no comment. Raises BioasmError B305."""
    by_suffix = _SUFFIXES.get(PurePath(name).suffix.lower())
    if by_suffix:
        return by_suffix
    found = _FIRST_LINE.search(content[: 1 << 16])
    words = found[1].split() if found else []
    if words[:1] == [b"p"] and len(words) > 1:
        named = {b"qubo": "qubo", b"cnf": "cnf", b"wcnf": "cnf"}.get(words[1])
        if named:
            return named
    if words[:1] == [HARD.encode()]:
        return "cnf"
    if len(words) == 2 and all(word.isdigit() for word in words):
        return "gset"
    hint = f"name it with --from: {', '.join(FORMATS)}"
    raise error("B305", f"neither the name nor the first line of {name} tells its format", hint=hint)


def find_binary(content: bytes) -> str | None:
    """The format of a file that is no text, by the bytes it begins with; None of others."""
    return None


def find_json(said: Any) -> str | None:
    """The format of a JSON value, None of one that is of no problem."""
    return "bqm" if is_bqm(said) else None


def read_problem(content: bytes, source: str, form: str, maximize: bool = False) -> Problem:
    """The problem in a plain text of the format `form`. With `maximize` the objective of a QUBO is to be maximised.

    Raises BioasmError: B304 with what is wrong in the file, B111.
    """
    return _READERS[form](content, source, maximize)


def qubo_problem(objective: Polynomial, source: str, maximize: bool) -> Problem:
    """A QUBO's objective, which is the energy, or minus the energy where it is maximised."""
    pairs = f"{objective.n:,} variables, {len(objective.part(2).value):,} pairs"
    if maximize:
        notes = ("The energy is minus the objective; `objective`, emitted last, is the largest that was found.",)
        return objective.negated(), Account(f"QUBO, maximised: {pairs}", source, notes, "objective")
    return objective, Account(f"QUBO: {pairs}", source, ("The energy is the objective x'Qx.",))


def polynomial_problem(
    objective: Polynomial, source: str, maximize: bool, names: tuple[Hashable, ...] = (), notes: tuple[str, ...] = ()
) -> Problem:
    """Any polynomial as the energy, or minus the energy where it is maximised, offset included."""
    kind = "spins" if objective.domain == SPIN else "bits"
    products = sum(len(part.value) for order, part in objective.parts.items() if order > 1)
    title = f"Polynomial of {objective.n:,} {kind}, {products:,} products"
    if maximize:
        said = "The energy is minus the objective; `objective`, emitted last, is the largest that was found."
        return objective.negated(), Account(f"{title}, maximised", source, (said, *notes), "objective", names)
    return objective, Account(title, source, ("The energy is the objective, its offset included.", *notes), None, names)


def cut_problem(graph: Graph, name: str, source: str, best_known: int | None = None) -> Problem:
    """The max-cut problem of a graph called `name`; the best cut that is known is told in the program."""
    title = f"Max-cut of {name}: {graph.n:,} vertices, {len(graph.u):,} edges"
    notes = ["The energy is minus the cut: over spins J = -w/2 for weights w, and the offset is minus half of their sum."]
    if best_known is not None:
        notes.append(f"The best cut that the literature knows is {best_known:,}.")
    return max_cut(graph), Account(title, source, tuple(notes), "cut")


def matrix_problem(matrix: Data, source: str, maximize: bool) -> Problem:
    """The QUBO of a matrix. Raises BioasmError B304, B111."""
    return qubo_problem(qubo_from_matrix(matrix, source), source, maximize)


def arrays_problem(couplings: Data, biases: Data | None, offset: Data | None, source: str) -> Problem:
    """The Ising problem of arrays J, h and offset. Raises BioasmError B304, B111."""
    return _ising_problem(ising_from_arrays(couplings, biases, offset, source), source)


def _ising_problem(energy: Polynomial, source: str) -> Problem:
    title = f"Ising couplings: {energy.n:,} spins, {len(energy.part(2).value):,} pairs"
    return energy, Account(title, source, ("The energy is that of the file: -1/2 s'Js - h's + offset.",))


def _read_cut(content: bytes, source: str, _: bool) -> Problem:
    return cut_problem(read_gset(content, source), PurePath(source).name, source)


def _read_clauses(content: bytes, source: str, _: bool) -> Problem:
    clauses = read_cnf(content, source)
    title = f"Satisfiability: {clauses.n:,} variables, {len(clauses.literals):,} clauses"
    notes = ["The energy is the number, or the weight, of unsatisfied clauses: 0 where all are satisfied.",
             "A variable is true where its spin is +1."]  # fmt: skip
    if clauses.hard:
        notes.append(f"A hard clause weighs {clauses.hard:g}, more than all others: below it all hard clauses are satisfied.")
    return unsatisfied(clauses), Account(title, source, tuple(notes))


def _read_model(content: bytes, source: str, _: bool) -> Problem:
    energy = read_bqm(content, source)
    kind = "spins" if energy.domain == SPIN else "variables"
    title = f"Binary quadratic model: {energy.n:,} {kind}, {len(energy.part(2).value):,} pairs"
    return energy, Account(title, source, ("The energy is that of the model, its offset included.",))


_READERS: dict[str, Callable[[bytes, str, bool], Problem]] = {
    "gset": _read_cut,
    "qubo": lambda content, source, maximize: qubo_problem(read_qubo(content, source), source, maximize),
    "coo": lambda content, source, maximize: qubo_problem(read_coo(content, source), source, maximize),
    "bqm": _read_model,
    "cnf": _read_clauses,
    "ising": lambda content, source, _: _ising_problem(read_ising(content, source), source),
}
