"""Problem formats: detection by a file's name and content, reading, and the header of the program."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from bioasm.diagnostics import error
from bioasm.problems import FORMATS
from bioasm.problems.accounts import Problem, cut_problem, ising_problem, polynomial_problem, qubo_problem
from bioasm.problems.bqm import is_bqm, read_bqm
from bioasm.problems.cnf import HARD, read_cnf, unsatisfied
from bioasm.problems.graph import Graph, read_gset
from bioasm.problems.ising import read_ising
from bioasm.problems.libraries import read_qplib, read_symmetric
from bioasm.problems.models import BQM_MAGIC, CQM_MAGIC, read_bqm_file, read_cqm_file, read_lp_file
from bioasm.problems.networkx_files import read_dimacs, read_metis, read_networkx
from bioasm.problems.opb import read_opb
from bioasm.problems.polynomial import SPIN, Polynomial
from bioasm.problems.qubo import read_coo, read_qubo
from bioasm.problems.remarks import Remarks, remarks_in
from bioasm.problems.terms import holds_terms, read_terms
from bioasm.problems.write import Account

SUFFIXES = {
    ".mc": "gset", ".rud": "gset", ".rudy": "gset", ".gset": "gset", ".qubo": "qubo", ".coo": "coo", ".cnf": "cnf",
    ".wcnf": "cnf", ".ising": "ising", ".npy": "matrix", ".npz": "matrix", ".mtx": "matrix", ".sparse": "bq", ".bq": "bq",
    ".qplib": "qplib", ".opb": "opb", ".pbo": "opb", ".lp": "lp", ".gml": "gml", ".graphml": "graphml",
    ".edgelist": "edgelist", ".edges": "edgelist", ".adjlist": "adjlist", ".col": "dimacs", ".dimacs": "dimacs",
    ".metis": "metis", ".graph": "metis", ".bqm": "dimod", ".cqm": "cqm",
}  # fmt: skip
_FIRST_LINE = re.compile(rb"(?m)^[ \t]*(?![ \t]|[#%\r\n]|c[ \t\r\n])([^\r\n]+)")
_OF_P_LINE = {b"qubo": "qubo", b"cnf": "cnf", b"wcnf": "cnf", b"edge": "dimacs", b"col": "dimacs"}
_OPENINGS = (
    (re.compile(rb"\s*\*\s*#variable=|\s*(min|max)\s*:"), "opb"),
    (re.compile(rb"\s*(minimi[sz]e|maximi[sz]e|min|max)\s*\n", re.IGNORECASE), "lp"),
    (re.compile(rb"\s*graph\s*\["), "gml"),
    (re.compile(rb"\s*<\?xml|\s*<graphml"), "graphml"),
)
_OR_LIBRARY = re.compile(rb"\s*\d+[ \t]*\n\s*\d+[ \t]+\d+[ \t]*\n\s*\d+[ \t]+\d+[ \t]+-?\d")  # a count, n m, i j q
_REFUSED = (
    (re.compile(rb"(?s)\s*NAME\b[^:\n]*\n\s*(ROWS|OBJSENSE)"), "MPS", "write the model as an LP file, as every solver does"),
    (re.compile(rb"(?s)\s*NAME\s*:.*TYPE\s*:"), "TSPLIB", "a tour takes n^2 bits and constraints: write it as LP or CQM"),
)


def find_format(name: str, content: bytes) -> str:
    """The format of a plain text by the file's suffix, or by its first line that is no comment. Raises BioasmError B305."""
    by_suffix = SUFFIXES.get(PurePath(name).suffix.lower())
    if by_suffix:
        return by_suffix
    found = _FIRST_LINE.search(content[: 1 << 16])
    words = found[1].split() if found else []
    if words[:1] == [b"p"] and len(words) > 1 and words[1] in _OF_P_LINE:
        return _OF_P_LINE[words[1]]
    if words[:1] == [HARD.encode()]:
        return "cnf"
    if opened := next((form for opening, form in _OPENINGS if opening.match(content)), None):
        return opened
    if _OR_LIBRARY.match(content[: 1 << 16]):
        return "bq"
    _refuse_others(name, content)
    if len(words) == 2 and all(word.isdigit() for word in words):
        return "gset"
    hint = f"name it with --from: {', '.join(FORMATS)}"
    raise error("B305", f"neither the name nor the first line of {name} tells its format", hint=hint)


def _refuse_others(name: str, content: bytes) -> None:
    """Refuse recognised but unsupported formats, with the format to convert to. Raises BioasmError B305."""
    for opening, form, way in _REFUSED:
        if opening.match(content[: 1 << 16]):
            raise error("B305", f"{name} is {form}, which is not read", hint=way)


def find_binary(content: bytes) -> str | None:
    """The format of a file that is no text, by the bytes it begins with; None of others."""
    return "dimod" if content.startswith(BQM_MAGIC) else "cqm" if content.startswith(CQM_MAGIC) else None


def find_json(said: Any) -> str | None:
    """The problem format of a JSON value, or None."""
    if is_bqm(said):
        return "bqm"
    if isinstance(said, dict) and "nodes" in said and ("links" in said or "edges" in said):
        return "nodelink"
    return "terms" if holds_terms(said) else None


def read_problem(content: bytes, source: str, form: str, maximize: bool = False) -> Problem:
    """The problem in a plain text of the format `form`. With `maximize` the objective of a QUBO is to be maximised.

    Raises BioasmError: B304 with what is wrong in the file, B111.
    """
    return _READERS[form](content, source, maximize)


def _cut(graph: Graph, source: str, said: Remarks = Remarks()) -> Problem:  # noqa: B008  (immutable)
    energy, account = cut_problem(graph, PurePath(source).name, source)
    return said.on(energy), said.named(account, energy.n)


def _read_clauses(content: bytes, source: str, _: bool) -> Problem:
    clauses = read_cnf(content, source)
    title = f"Satisfiability: {clauses.n:,} variables, {len(clauses.literals):,} clauses"
    notes = ["The energy is the number, or the weight, of unsatisfied clauses: 0 where all are satisfied.",
             "A variable is true where its spin is +1."]  # fmt: skip
    if clauses.hard:
        notes.append(f"A hard clause weighs {clauses.hard:g}, more than all others: below it all hard clauses are satisfied.")
    said, energy = remarks_in(content), unsatisfied(clauses)
    account = said.named(Account(title, source, tuple(notes)), energy.n)
    return replace(energy, constant=energy.constant + (said.constant or 0.0)), account


def _read_model(content: bytes, source: str, maximize: bool) -> Problem:
    energy, names = read_bqm(content, source)
    if maximize:
        return polynomial_problem(energy, source, True, names)
    kind = "spins" if energy.domain == SPIN else "variables"
    title = f"Binary quadratic model: {energy.n:,} {kind}, {len(energy.part(2).value):,} pairs"
    return energy, Account(title, source, ("The energy is that of the model, its offset included.",), None, names)


def _remarked(read: Callable[[bytes, str], Polynomial]) -> Callable[[bytes, str, bool], Problem]:
    """A reader of QUBOs whose comments may tell constant, names and sense."""

    def reader(content: bytes, source: str, maximize: bool) -> Problem:
        said = remarks_in(content)
        energy, account = qubo_problem(said.on(read(content, source)), source, maximize or said.maximize)
        return energy, said.named(account, energy.n)

    return reader


def _read_glass(content: bytes, source: str, _: bool) -> Problem:
    said = remarks_in(content)
    energy, account = ising_problem(said.on(read_ising(content, source)), source)
    return energy, said.named(account, energy.n)


def _networkx(form: str) -> Callable[[bytes, str, bool], Problem]:
    return lambda content, source, _: read_networkx(content, source, form)


_READERS: dict[str, Callable[[bytes, str, bool], Problem]] = {
    "gset": lambda content, source, _: _cut(read_gset(content, source), source, remarks_in(content)),
    "qubo": _remarked(read_qubo),
    "coo": _remarked(read_coo),
    "bq": _remarked(read_symmetric),
    "bqm": _read_model,
    "cnf": _read_clauses,
    "ising": _read_glass,
    "qplib": read_qplib,
    "opb": read_opb,
    "terms": read_terms,
    "dimod": read_bqm_file,
    "cqm": read_cqm_file,
    "lp": read_lp_file,
    "dimacs": lambda content, source, _: _cut(read_dimacs(content, source), source),
    "metis": lambda content, source, _: _cut(read_metis(content, source), source),
    **{form: _networkx(form) for form in ("gml", "graphml", "edgelist", "adjlist", "nodelink")},
}
