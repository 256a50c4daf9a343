"""Problems over named variables: from arrays, graphs, models of dimod, terms and files, to programs."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bioasm.api.arguments import names_from
from bioasm.diagnostics import error
from bioasm.isa.program import Program
from bioasm.problems.polynomial import BIT, SPIN, Polynomial
from bioasm.problems.write import Account, Effort, write_code, write_program

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class Problem:
    """An objective function of bits or spins, to be minimised or maximised.

    `Problem.of` converts most objects, `Problem.ising` makes one from couplings and biases, `Problem.polynomial` from
    terms of any order. `names` are the names of its variables, `constant` is its offset, `maximizes` says that the
    objective is to be maximised. `str(problem)` is its program as a text for `bioasm.run`, and `problem.program()` the
    same without the detour through text.
    """

    def __init__(self, energy: Polynomial, account: Account) -> None:
        self.energy, self.account = energy, account
        names = account.names or tuple(range(energy.n))
        if len(names) != energy.n or len(set(names)) != energy.n:
            raise error("B304", f"{len(names)} names, {len(set(names))} of them different, for {energy.n} variables")
        self.names: tuple[Hashable, ...] = names

    @classmethod
    def of(cls, source: Any, *, maximize: bool = False, names: Iterable[Hashable] | None = None) -> Problem:
        """Convert an object to a Problem.

        A square array, nested lists or a matrix of scipy.sparse is a QUBO x'Qx; a graph of networkx is max-cut with the
        edges' `weight` (default 1); a dict of terms is a polynomial over bits; a BinaryQuadraticModel, BinaryPolynomial
        or ConstrainedQuadraticModel of dimod is taken as it is; a path is a problem file for `bioasm import`; a Program
        is the problem that it loads. `maximize` asks for the largest value. Raises BioasmError.
        """
        from bioasm.api.objects import problem_of

        found = source if isinstance(source, Problem) else cls(*problem_of(source, maximize))
        return found if names is None else found.renamed(names)

    @classmethod
    def ising(
        cls,
        couplings: ArrayLike | Any,
        biases: ArrayLike | None = None,
        offset: float = 0.0,
        *,
        names: Iterable[Hashable] | None = None,
    ) -> Problem:
        """The energy -1/2 s'Js - h's + offset over spins; J may be a matrix of scipy.sparse. Raises BioasmError."""
        from bioasm.api.objects import ising_of

        return cls(*ising_of(couplings, biases, offset, names_from(names)))

    @classmethod
    def polynomial(
        cls,
        terms: Mapping[Any, float],
        *,
        spins: bool = False,
        maximize: bool = False,
        names: Sequence[Hashable] | None = None,
    ) -> Problem:
        """The sum of weight times product, over bits or over spins.

        `terms` are weights by tuples of names, `{("a", "b", "c"): 2.0, ("a",): -1, (): 0.5}`; a key that is not a tuple
        or frozenset is one variable. A name may occur several times in a product. `names` gives the order of the
        variables, including those that occur in no term. Raises BioasmError.
        """
        from bioasm.problems.terms import polynomial_of

        return cls(*polynomial_of(terms.items(), SPIN if spins else BIT, maximize, names_from(names) or None))

    def __repr__(self) -> str:
        return f"<Problem: {self.account.title}>"

    def __str__(self) -> str:
        return write_program(self.energy, self.account, "ising").text

    @property
    def n(self) -> int:
        """The number of variables."""
        return self.energy.n

    @property
    def in_bits(self) -> bool:
        """Whether its variables are bits (0 and 1) and not spins (-1 and +1)."""
        return self.energy.domain == BIT

    @property
    def maximizes(self) -> bool:
        """Whether its objective, minus the energy, is to be maximised."""
        return bool(self.account.emits_negated)

    @property
    def constant(self) -> float:
        """The constant term of the objective: its offset."""
        return -self.energy.constant if self.maximizes else self.energy.constant

    def renamed(self, names: Iterable[Hashable]) -> Problem:
        """The same problem with other names."""
        from dataclasses import replace

        return Problem(self.energy, replace(self.account, names=names_from(names)))

    def objective(self, state: Mapping[Any, float] | ArrayLike) -> float:
        """The value of the objective at a state, given by names or as an array, in its own bits or spins.

        For a problem over bits, a state that contains a -1 is taken as spins, such as `result.best_state[0]`. Raises
        BioasmError for other values, a wrong number of variables, or unknown names.
        """
        from bioasm.api.states import values_at

        z = values_at(state, self.names, self.energy.domain)
        parts = self.energy.parts.values()
        energy = self.energy.constant + sum(float(part.value @ z[part.index].prod(axis=1)) for part in parts)
        return -energy if self.maximizes else energy

    def program(self, model: str = "ising") -> Program:
        """The program that minimises its energy, on spins (`ising`) or on the LIF twin (`lif`)."""
        return build(self, model, Effort())

    def export(self, form: str) -> bytes:
        """The problem in another format: qubo, coo, bq, ising, bqm, dimod, terms, lp, cnf or gset. Raises BioasmError."""
        from bioasm.problems.export import write

        return write(self.energy, self.account, form)

    def save(self, path: str | Path, form: str | None = None) -> None:
        """Write the problem to a file, in the format given by `form` or else by its suffix. Raises BioasmError."""
        from bioasm.files import whole
        from bioasm.problems.export import form_of

        content = self.export(form or form_of(str(path)))
        with whole(path) as stream:
            stream.write(content)


def build(problem: Problem, model: str, effort: Effort, start: Any = None) -> Program:
    """The program of a problem, its data taken as arrays. `start` are spins to go on from, a row a lane."""
    from bioasm.api.arrays import as_data
    from bioasm.text.assemble import assemble

    code = write_code(problem.energy, problem.account, model, effort._replace(start=start is not None))
    beside = {"S": start, "E": code.eliminated, "P": code.plan}
    data = data_of(code.variables) | {name: as_data(value, name) for name, value in beside.items() if value is not None}
    return assemble("\n".join(code.lines), source=problem.account.source, data=data)


def data_of(energy: Polynomial) -> dict[str, Any]:
    """J, h and T as a program loads them, the same as its text has them."""
    from bioasm.api.arrays import couplings_of, higher_of, vector_of

    parts = {"J": couplings_of(energy), "h": vector_of(energy), "T": higher_of(energy)}
    return {name: value for name, value in parts.items() if value is not None}
