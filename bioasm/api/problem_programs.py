"""Extraction of the problem of a program: its J, h, T and offset, with its description in the metadata."""

from __future__ import annotations

from typing import Any

import numpy as np

from bioasm.diagnostics import error
from bioasm.isa.labels import BITS, MAXIMIZE, SENSE, VALUES, names_of
from bioasm.isa.program import DataRef, Dense, Name, Program, Sparse, Terms
from bioasm.models.base import SPINS
from bioasm.problems.accounts import CUT, Problem
from bioasm.problems.numbers import Floats, Integers
from bioasm.problems.polynomial import BIT, SPIN, Monomials, collect
from bioasm.problems.write import Account
from bioasm.runtime.energy import PARTS
from bioasm.verifier.gate import verify

_LOADS = (*PARTS, "LDO")


def problem_in(program: Program) -> Problem:
    """The problem that a program minimises. Raises BioasmError B315 where it is not unique."""
    verified = verify(program)
    loads = [i for i in program.instructions if i.mnemonic in _LOADS]
    found = {i.mnemonic: i.operands[0] for i in loads}
    if not found or len({PARTS.get(m, m) for m in found}) < len(loads):
        why = "loads no problem" if not found else "loads a part of its problem twice"
        raise error("B315", f"the program {why}", hint="LDJ, LDH, LDT and LDO say one each")
    if verified.network.eliminated is not None:
        why = "the program holds what is left of a problem after spins were eliminated"
        raise error("B315", why, hint="take the problem's own file, or import it without --reduce and --solver auto")
    domain = SPIN if verified.model.kind == SPINS else BIT
    data: dict[str, Any] = {m: program.data[o.index].value for m, o in found.items() if isinstance(o, DataRef)}
    pieces = [*_pairs(data.get("LDJ", data.get("LDJS")), domain), *_biases(data.get("LDH")), *_products(data.get("LDT"))]
    energy = collect(verified.n, domain, pieces, [_offset(program, found.get("LDO"))])
    words = program.metadata
    if words.get(VALUES) == BITS:
        energy = energy.in_bits()
    negated = _emitted(program) if words.get(SENSE) == MAXIMIZE else None
    return energy, Account(words.get("title", "a program"), words.get("source", ""), (), negated, names_of(words))


def _emitted(program: Program) -> str:
    """The name that a program gives the objective that is maximised."""
    emitted = [i.operands[1] for i in program.instructions if i.mnemonic == "OUT"]
    return CUT if any(isinstance(name, Name) and name.text == CUT for name in emitted) else "objective"


def _offset(program: Program, operand: Any) -> float:
    if operand is None:
        return 0.0
    try:
        return float(program.quantity(operand).value)
    except (AttributeError, KeyError):
        raise error("B315", "the offset of the program is in a register", hint="LDO with a number can be told") from None


def _entries(value: Any) -> tuple[Integers, Integers, Floats]:
    """Row, column and value of all entries of a matrix, mirrored ones included."""
    if isinstance(value, Dense):
        i, j = np.nonzero(value.array)
        return i, j, value.array[i, j].astype(np.float64)
    assert isinstance(value, Sparse)
    i, j, w = value.row.astype(np.int64), value.column.astype(np.int64), value.value.astype(np.float64)
    more = (i != j) & value.symmetric
    return np.concatenate([i, j[more]]), np.concatenate([j, i[more]]), np.concatenate([w, w[more]])


def _pairs(value: Any, domain: str) -> list[Monomials]:
    """-1/2 z'Jz, where the square of a bit is the bit and that of a spin is 1."""
    if value is None:
        return []
    i, j, w = _entries(value)
    same = i == j
    diagonal = i[same][:, None] if domain == BIT else np.zeros((int(same.sum()), 0), np.int64)
    pairs = np.sort(np.stack([i, j], axis=1)[~same], axis=1)
    return [Monomials(pairs, -w[~same] / 2), Monomials(diagonal, -w[same] / 2)]


def _biases(value: Any) -> list[Monomials]:
    if value is None:
        return []
    return [Monomials(np.arange(len(value.array))[:, None], -value.array.astype(np.float64))]


def _products(value: Any) -> list[Monomials]:
    if value is None:
        return []
    assert isinstance(value, Terms)
    orders = np.diff(value.start)
    return [_of_order(value, orders, int(order)) for order in np.unique(orders)]


def _of_order(value: Terms, orders: Integers, order: int) -> Monomials:
    chosen = orders == order
    index = value.index[value.start[:-1][chosen][:, None] + np.arange(order)]
    return Monomials(index.astype(np.int64), -value.value[chosen].astype(np.float64))
