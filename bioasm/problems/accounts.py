"""Headers of programs by kind of problem: title, source, meaning of the energy, emitted values."""

from __future__ import annotations

from collections.abc import Hashable

from bioasm.isa.program import Data
from bioasm.problems.graph import Graph, max_cut
from bioasm.problems.matrix import ising_from_arrays, qubo_from_matrix
from bioasm.problems.polynomial import SPIN, Polynomial
from bioasm.problems.write import Account

Problem = tuple[Polynomial, Account]

CUT = "cut"  # what programs of graphs emit


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
    """The max-cut problem of the graph `name`; the program states the best known cut."""
    title = f"Max-cut of {name}: {graph.n:,} vertices, {len(graph.u):,} edges"
    notes = ["The energy is minus the cut: over spins J = -w/2 for weights w, and the offset is minus half of their sum."]
    if best_known is not None:
        notes.append(f"The best cut that the literature knows is {best_known:,}.")
    return max_cut(graph), Account(title, source, tuple(notes), CUT)


def matrix_problem(matrix: Data, source: str, maximize: bool) -> Problem:
    """The QUBO of a matrix. Raises BioasmError B304, B111."""
    return qubo_problem(qubo_from_matrix(matrix, source), source, maximize)


def arrays_problem(couplings: Data, biases: Data | None, offset: Data | None, source: str) -> Problem:
    """The Ising problem of arrays J, h and offset. Raises BioasmError B304, B111."""
    return ising_problem(ising_from_arrays(couplings, biases, offset, source), source)


def ising_problem(energy: Polynomial, source: str) -> Problem:
    """A spin glass, whose energy is that of its file or arrays."""
    title = f"Ising couplings: {energy.n:,} spins, {len(energy.part(2).value):,} pairs"
    return energy, Account(title, source, ("The energy is that of the file: -1/2 s'Js - h's + offset.",))
