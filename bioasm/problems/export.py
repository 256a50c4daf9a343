"""Problems in formats of others: offset, names and sense go along, in comments where a format has no place for them."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, NoReturn

from bioasm.diagnostics import EXIT_USAGE, Diagnostic, error
from bioasm.isa.labels import names_to_text, plain_names
from bioasm.problems import ALIASES, EXPORTS
from bioasm.problems.accounts import CUT
from bioasm.problems.polynomial import BIT, SPIN, Monomials, Polynomial
from bioasm.problems.remarks import remark_lines
from bioasm.problems.write import Account
from bioasm.units import spell_number

MINIMIZED = ("bqm", "dimod", "ising")  # what can't be said to be maximised; of a cut they hold minus it
_SENSE_IN_COMMENT = ("qubo", "coo", "bq")

_SUFFIXES = {
    ".qubo": "qubo", ".coo": "coo", ".ising": "ising", ".gset": "gset", ".rud": "gset", ".rudy": "gset", ".mc": "gset",
    ".bqm": "dimod", ".lp": "lp", ".json": "terms", ".sparse": "bq", ".bq": "bq", ".wcnf": "cnf", ".opb": "opb",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Objective:
    """An objective for a file: its polynomial, whether to maximise it, and the names where they are no plain numbers."""

    polynomial: Polynomial
    maximize: bool
    names: tuple[Hashable, ...]

    def demand(self, form: str, order: int, domain: str | None = None) -> Objective:
        """The objective in bits or spins. Raises BioasmError B315 where its products are longer than a format's."""
        longest = max(self.polynomial.parts, default=0)
        if longest > order:
            _refuse(form, f"it has products of {longest} variables, and the format has {order}", "--to terms has any")
        turned = {None: lambda p: p, BIT: Polynomial.in_bits, SPIN: Polynomial.in_spins}[domain](self.polynomial)
        return replace(self, polynomial=turned)

    def remarks(self, mark: str) -> Iterator[str]:
        """The comment lines for what the format has no place for."""
        return remark_lines(mark, self.polynomial.constant or None, self.names, self.maximize)

    @property
    def linear(self) -> Iterator[tuple[int, float]]:
        """Variables and their own weights."""
        part = self.polynomial.part(1)
        return zip(part.index[:, 0].tolist(), part.value.tolist(), strict=True)

    @property
    def pairs(self) -> Iterator[tuple[int, int, float]]:
        """Pairs and their weights."""
        part = self.polynomial.part(2)
        return zip(*part.index.T.tolist(), part.value.tolist(), strict=True)


def _refuse(form: str, why: str, hint: str) -> NoReturn:
    raise error("B315", f"the problem can't be written as {form}: {why}", hint=hint, exit_code=EXIT_USAGE)


def form_of(path: str, more: Iterable[str] = ()) -> str:
    """The format that a suffix names. Raises BioasmError B305, which names all formats and `more`."""
    found = _SUFFIXES.get(PurePath(path).suffix.lower())
    if found is None:
        hint = f"name it: {', '.join((*EXPORTS, *more))}"
        raise error("B305", f"the name of {path} tells no format to write", hint=hint, exit_code=EXIT_USAGE)
    return found


def write(energy: Polynomial, account: Account, form: str) -> bytes:
    """A problem as the bytes of a file. Raises BioasmError B315 where the format can't hold it, B305 for an unknown one."""
    form = ALIASES.get(form, form)
    if form not in EXPORTS:
        hint = f"there are {', '.join(EXPORTS)}"
        raise error("B305", f"problems are not written as {form}", hint=hint, exit_code=EXIT_USAGE)
    maximize = bool(account.emits_negated)
    names = () if account.names == tuple(range(energy.n)) else account.names
    if names and names_to_text(names) is None:
        _refuse(form, "names of its variables are the same as texts, or too long", "Problem.renamed gives it others")
    if form == "gset":
        return _text(_graph_lines(Objective(energy, False, names).demand(form, 2, SPIN)))
    if form in MINIMIZED and account.emits_negated == CUT:
        return _WRITERS[form](Objective(energy, False, names))
    objective = Objective(energy.negated() if maximize else energy, maximize, names)
    return _WRITERS[form](objective)


def warnings_of(account: Account, form: str) -> Iterator[Diagnostic]:
    """Warnings for a reader of the file about what only a comment in it says, or nothing."""
    if not account.emits_negated:
        return
    if form in MINIMIZED and account.emits_negated == CUT:
        text = f"{form} holds minus the cut, to be minimised: a cut is minus the energy"
        yield Diagnostic("B316", text, severity="warning")
    elif form in _SENSE_IN_COMMENT:
        text = f"the objective is maximised, which {form} says in a comment alone: a reader that minimises finds the worst"
        hint = "--to lp or --to terms say the sense where programs read it"
        yield Diagnostic("B316", text, hint=hint, severity="warning")


def _text(lines: Iterator[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


# --- texts of pairs ---------------------------------------------------------------------------------


def _qubo(said: Objective) -> bytes:
    return _text(_qubo_lines(said.demand("qubo", 2, BIT)))


def _qubo_lines(said: Objective) -> Iterator[str]:
    yield from said.remarks("c")
    linear, pairs = list(said.linear), list(said.pairs)
    yield f"p qubo 0 {said.polynomial.n} {len(linear)} {len(pairs)}"
    yield from (f"{i} {i} {w!r}" for i, w in linear)
    yield from (f"{i} {j} {w!r}" for i, j, w in pairs)


def _coo(said: Objective) -> bytes:
    return _text(_coo_lines(said.demand("coo", 2)))


def _coo_lines(said: Objective) -> Iterator[str]:
    yield from ["# vartype=SPIN"] if said.polynomial.domain == SPIN else []
    yield from said.remarks("#")
    rows = [*((i, i, w) for i, w in said.linear), *said.pairs]
    last = said.polynomial.n - 1
    if all(j < last for _, j, _ in rows):
        yield f"{last} {last} 0"  # the largest index says how many variables there are
    yield from (f"{i} {j} {w!r}" for i, j, w in rows)


def _symmetric(said: Objective) -> bytes:
    return _text(_symmetric_lines(said.demand("bq", 2, BIT)))


def _symmetric_lines(said: Objective) -> Iterator[str]:
    if any(w / 2 * 2 != w for _, _, w in said.pairs):
        _refuse("bq", "half of a weight is too small for a 64-bit float", "--to qubo has whole weights")
    yield from said.remarks("#")
    rows = [*((i, i, w) for i, w in said.linear), *((i, j, w / 2) for i, j, w in said.pairs)]
    yield f"{said.polynomial.n} {len(rows)}"
    yield from (f"{i + 1} {j + 1} {w!r}" for i, j, w in rows)


def _ising(said: Objective) -> bytes:
    if said.maximize:
        _refuse("ising", "a spin glass has no maximum of its own", "--to coo or --to terms keeps the sense")
    return _text(_ising_lines(said.demand("ising", 2, SPIN)))


def _ising_lines(said: Objective) -> Iterator[str]:
    yield from said.remarks("#")
    rows = [*((i, i, -w) for i, w in said.linear), *((i, j, -w) for i, j, w in said.pairs)]
    yield f"{said.polynomial.n} {len(rows)}"
    yield from (f"{i + 1} {j + 1} {w!r}" for i, j, w in rows)


def _graph_lines(said: Objective) -> Iterator[str]:
    """Weights of max-cut: twice the couplings. The constant is told where it is not minus half of their sum."""
    if list(said.linear):
        _refuse("gset", "spins have biases, and a cut has none", "--to ising or --to coo has them")
    weights = [(i, j, 2 * w) for i, j, w in said.pairs]
    own = _cut_constant([w for _, _, w in weights])
    differs = said.polynomial.constant != own
    yield from remark_lines("#", said.polynomial.constant if differs else None, said.names, False)
    yield f"{said.polynomial.n} {len(weights)}"
    yield from (f"{i + 1} {j + 1} {w!r}" for i, j, w in weights)


def _cut_constant(weights: list[float]) -> float:
    from math import fsum

    return fsum(-w / 2 for w in weights)


# --- models -----------------------------------------------------------------------------------------


def _labels(said: Objective) -> list[Any]:
    return plain_names(said.names) or list(range(said.polynomial.n))


def _json(said: Objective) -> bytes:
    """The JSON of dimod's models, which says no sense: a maximised objective is written with its sign changed."""
    said = said.demand("bqm", 2)
    if said.maximize:
        _refuse("bqm", "a model of dimod is minimised", "--to coo or --to terms keeps the sense")
    pairs, biases = list(said.pairs), [0.0] * said.polynomial.n
    for i, w in said.linear:
        biases[i] = w
    found = {
        "type": "BinaryQuadraticModel", "version": {"bqm_schema": "3.0.0"}, "use_bytes": False, "index_type": "int32",
        "bias_type": "float64", "num_variables": said.polynomial.n, "num_interactions": len(pairs),
        "variable_labels": _labels(said), "variable_type": "SPIN" if said.polynomial.domain == SPIN else "BINARY",
        "offset": said.polynomial.constant, "info": {}, "linear_biases": biases, "quadratic_biases": [w for _, _, w in pairs],
        "quadratic_head": [i for i, _, _ in pairs], "quadratic_tail": [j for _, j, _ in pairs],
    }  # fmt: skip
    return json.dumps(found).encode() + b"\n"


def _dimod(said: Objective) -> bytes:
    """dimod's own file. Raises BioasmError B312 without dimod."""
    from bioasm.extras import require

    require("dimod", "dimod", "writing .bqm", "--to bqm writes a model as JSON without it")
    import dimod

    if _foreign(plain_names(said.names)):
        why = "its files hold names that are numbers (below 2^63 where they are whole), texts and tuples of these"
        _refuse("dimod", why, "--to bqm keeps others")
    return bytes(dimod.BinaryQuadraticModel.from_serializable(json.loads(_json(said))).to_file().read())


def _foreign(names: list[Any]) -> bool:
    """Whether dimod's files have no place for a name: kinds that JSON does not tell, tuples in tuples, 2^63 and more."""
    parts = [part for name in names for part in (name if isinstance(name, list) else [name])]
    return any(isinstance(part, dict | list) or (isinstance(part, int) and abs(part) >= 1 << 63) for part in parts)


def _terms(said: Objective) -> bytes:
    labels, energy = _labels(said), said.polynomial
    terms = [[[labels[i] for i in row], w] for part in energy.parts.values() for row, w in _rows(part)]
    found: dict[str, Any] = {"vartype": "SPIN" if energy.domain == SPIN else "BINARY", "names": labels, "terms": terms}
    found |= {"offset": energy.constant} | ({"sense": "maximize"} if said.maximize else {})
    return json.dumps(found).encode() + b"\n"


def _rows(part: Monomials) -> Iterator[tuple[list[int], float]]:
    return zip(part.index.tolist(), part.value.tolist(), strict=True)


def _lp(said: Objective) -> bytes:
    return _text(_lp_lines(said.demand("lp", 2, BIT)))


def _lp_lines(said: Objective) -> Iterator[str]:
    """CPLEX's LP format, variables x0, x1, ...; their names follow in a comment."""
    yield from remark_lines("\\", None, said.names or tuple(range(said.polynomial.n)), False)
    yield "Maximize" if said.maximize else "Minimize"
    squares = [f"{_signed(2 * w)} x{i} * x{j}" for i, j, w in said.pairs]
    yield f" obj: {_signed(said.polynomial.constant)}"
    yield from (f"  {_signed(w)} x{i}" for i, w in said.linear)
    yield from ["  + [", *(f"  {square}" for square in squares), "  ]/2"] if squares else []
    yield "Subject To"
    yield "Binary"
    yield from (f" x{i}" for i in range(said.polynomial.n))
    yield "End"


def _signed(value: float) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value)!r}"


# --- clauses ----------------------------------------------------------------------------------------


def _cnf(said: Objective) -> bytes:
    """Weighted clauses: what they cost where unsatisfied is the objective, but for a constant in a comment.

    A product of positive weight is a clause of negated variables; one of negative weight -w p x is -w p + w p (1 - x).
    """
    if said.maximize:
        _refuse("cnf", "unsatisfied clauses are made few", "--to terms keeps the sense")
    energy = said.demand("cnf", 12, BIT).polynomial
    clauses: dict[tuple[int, ...], float] = {}
    constant = energy.constant
    for part in energy.parts.values():
        for row, weight in _rows(part):
            constant += _as_clauses([i + 1 for i in row], weight, clauses)
    lines = [f"{spell_number(w)} {' '.join(map(str, key))} 0" for key, w in clauses.items()]
    remarks = remark_lines("c", constant or None, said.names, False)
    return _text(iter([*remarks, f"p wcnf {energy.n} {len(lines)}", *lines]))


def _as_clauses(product: list[int], weight: float, clauses: dict[tuple[int, ...], float]) -> float:
    """Add the clauses of a product; returns the constant that they leave."""
    while weight < 0 and product:
        *rest, last = product
        key = (*(-i for i in rest), last)
        clauses[key] = clauses.get(key, 0.0) - weight
        product = rest
    if product:
        key = tuple(-i for i in product)
        clauses[key] = clauses.get(key, 0.0) + weight
        return 0.0
    return weight


_WRITERS: dict[str, Callable[[Objective], bytes]] = {
    "qubo": _qubo,
    "coo": _coo,
    "bq": _symmetric,
    "ising": _ising,
    "bqm": _json,
    "dimod": _dimod,
    "terms": _terms,
    "lp": _lp,
    "cnf": _cnf,
}
