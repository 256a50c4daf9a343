"""dimod's models as problems: objects, and the files that dimod itself reads (.bqm, .cqm, .lp)."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import numpy as np

from bioasm.diagnostics import BioasmError, error
from bioasm.isa.limits import limit
from bioasm.problems.accounts import Problem, polynomial_problem
from bioasm.problems.constraints import penalised
from bioasm.problems.numbers import Floats, Integers
from bioasm.problems.polynomial import BIT, SPIN, Monomials, Polynomial, check_neurons, collect
from bioasm.problems.remarks import remarks_in
from bioasm.problems.terms import weights_of
from bioasm.problems.write import Account

_MAXIMIZE = re.compile(rb"(?i)(\s|\\[^\n]*\n)*max")
BQM_MAGIC, CQM_MAGIC = b"DIMODBQM", b"DIMODCQM"


def quadratic_of(model: Any, source: str, maximize: bool = False, notes: tuple[str, ...] = ()) -> Problem:
    """A BinaryQuadraticModel, with its labels and offset. Raises BioasmError B304, B111."""
    names = tuple(model.variables)
    if not names:
        raise error("B304", "a problem has at least one variable")
    check_neurons(len(names), "variables")
    # The offset of the vectors has the type of the linear biases, which rounds it where those are whole numbers.
    linear, (row, column, bias), _ = model.to_numpy_vectors(variable_order=list(names))[:3]
    index: Integers = np.stack([np.asarray(row), np.asarray(column)], axis=1).astype(np.int64).reshape(-1, 2)
    pieces = [
        Monomials(np.arange(len(names))[:, None], _biases(linear, source)),
        Monomials(np.sort(index, axis=1), _biases(bias, source)),
    ]
    offset = weights_of([model.offset], f"the offset of {source}").tolist()
    energy = collect(len(names), SPIN if model.vartype.name == "SPIN" else BIT, pieces, offset)
    return polynomial_problem(energy, source, maximize, names, notes)


def _biases(given: Any, source: str) -> Floats:
    """Biases as floats; those of a model of objects (`dtype=object`) one by one. Raises BioasmError B304."""
    values = np.asarray(given)
    return weights_of(values.tolist() if values.dtype.kind != "f" else values, f"a bias of {source}")


def constrained_of(model: Any, source: str, maximize: bool = False) -> Problem:
    """A ConstrainedQuadraticModel of bits and spins, as bits, its constraints as penalties as dimod weighs them.

    Raises BioasmError B304 for variables that are whole or real numbers, B111.
    """
    odd = [v for v in model.variables if model.vartype(v).name not in ("BINARY", "SPIN")]
    if odd:
        text = f"the variable {odd[0]!r} is {model.vartype(odd[0]).name}; bits and spins can be solved"
        raise error("B304", text, hint="write it in bits: dimod.generators.binary_encoding, or declare it under Binary")
    if maximize:
        raise error("B304", "a constrained model is minimised, as it says; change the sign of its objective")
    try:
        found = penalised(model)
    except ValueError as cause:
        raise error("B304", f"the constraints can't become penalties: {cause}") from None
    if not model.constraints:
        return quadratic_of(found, source)
    note = f"{len(model.constraints):,} constraints are penalties, 10 times the largest bias each, as dimod makes them: a state"
    return quadratic_of(found, source, False, (f"{note} of low energy may still break one. Variables `slack...` are theirs.",))


# --- files ------------------------------------------------------------------------------------------


def read_bqm_file(content: bytes, source: str, maximize: bool) -> Problem:
    """dimod's own file of a binary quadratic model. Raises BioasmError B304, B312."""
    model = _loaded(source, lambda dimod: dimod.BinaryQuadraticModel.from_file(io.BytesIO(content)))
    return quadratic_of(model, source, maximize)


def read_cqm_file(content: bytes, source: str, maximize: bool) -> Problem:
    """dimod's own file of a constrained quadratic model, a zip archive. Raises BioasmError B304, B111, B312."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, ValueError, OSError) as cause:
        raise error("B304", f"{source} can't be read as a constrained model: {cause}") from None
    if size > limit("inflated_bytes"):
        raise error("B111", f"{source} holds {size:,} bytes when it is inflated; the limit is {limit('inflated_bytes'):,}")
    model = _loaded(source, lambda dimod: dimod.ConstrainedQuadraticModel.from_file(io.BytesIO(content)))
    return constrained_of(model, source, maximize)


def read_lp_file(content: bytes, source: str, maximize: bool) -> Problem:
    """An LP file with a quadratic objective and constraints, in the sense that it says. Raises BioasmError B304, B312."""
    model = _loaded(source, lambda dimod: dimod.lp.loads(content.decode("utf-8", "replace")))
    energy, account = _ordered(*constrained_of(model, source), remarks_in(content).names)
    if _MAXIMIZE.match(content) is None:  # else dimod has changed the sign of the objective
        return energy, account
    return polynomial_problem(energy.negated(), source, True, account.names, account.notes[1:])


def _ordered(energy: Polynomial, account: Account, names: tuple[Hashable, ...]) -> Problem:
    """The problem with variables x0, x1, ... in the order of their numbers and called by the names that were remarked."""
    places = {f"x{k}": k for k in range(energy.n)}
    if len(names) != energy.n or set(account.names) != set(places):
        return energy, account
    moved = np.array([places[str(name)] for name in account.names])
    pieces = [Monomials(np.sort(moved[part.index], axis=1), part.value) for part in energy.parts.values()]
    return collect(energy.n, energy.domain, pieces, [energy.constant]), replace(account, names=names)


def _loaded(source: str, load: Callable[[Any], Any]) -> Any:
    """The model that dimod loads from a file. Any failure at a damaged file is raised as BioasmError B304, in one line."""
    from bioasm.extras import require

    instead = "json.dump(bqm.to_serializable(), file) writes a file that needs no dimod" if source.endswith(".bqm") else ""
    require("dimod", "dimod", f"reading {source}", instead)
    import dimod
    import dimod.lp

    try:
        return load(dimod)
    except BioasmError:
        raise
    except Exception as cause:  # noqa: BLE001  (a damaged file can fail in any way)
        told = str(cause).split("\n")[0] or type(cause).__name__
        raise error("B304", f"dimod can't read {source}: {told}") from None
