"""Checks of the energy landscape and the noise: LDJ, LDH, LDT, LDO and SIG."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bioasm.isa.findings import Finding, Found
from bioasm.isa.program import DataRef, Dense, Operand, Sparse, Terms
from bioasm.models.base import SPINS
from bioasm.network.network import Population
from bioasm.units import Dimension
from bioasm.verifier.context import CheckContext
from bioasm.verifier.data import pieces
from bioasm.verifier.operands import spelled
from bioasm.verifier.semantics.shapes import shape

_BEYOND = (2 - 2.0**-24) * 2.0**127  # the least magnitude that float32 rounds to infinity


def _landscape(context: CheckContext) -> Population | None:
    place = context.network.landscape
    return None if place is None else context.network.populations[place]


def _loads(check: Callable[[CheckContext, int | None, Any], Found]) -> Callable[[CheckContext, Any], Found]:
    """A checker of a load for the neurons that have an energy, with a finding where none have."""

    def checked(context: CheckContext, operand: Any) -> Found:
        population = _landscape(context)
        if population is None:
            model = context.first.model.name
            hint = "models with a `feedback:` and models of spins have one"
            yield Finding("B114", f"model {model} has no energy that couplings could be loaded for", hint)
        else:
            yield from check(context, population.n or None, operand)

    return checked


def _check_couplings(context: CheckContext, n: int | None, operand: DataRef) -> Found:
    value = context.program.data[operand.index].value
    if isinstance(value, Terms):
        yield Finding("B004", "couplings are a matrix, not terms", "terms are loaded by LDT")
    elif isinstance(value, Dense):
        yield from shape(context, "the matrix of couplings", operand, (n, n))
    elif n is not None and isinstance(value, Sparse) and value.shape != (n, n):
        yield Finding("B106", f"the matrix of couplings must be {n} x {n}, not {value.shape[0]} x {value.shape[1]}")


def _check_single(context: CheckContext, n: int | None, operand: DataRef) -> Found:
    """LDJS: as LDJ, for a dense J within float32 of a model with a feedback."""
    population, value = _landscape(context), context.program.data[operand.index].value
    if population is not None and population.model.kind == SPINS:
        text = f"the fields of {population.model.name} are exact or in float64: spins take no J in single precision"
        yield Finding("B114", text, "load it by LDJ; float32 would gather rounding errors flip by flip")
    elif isinstance(value, Sparse):
        yield Finding("B004", "LDJS takes a dense matrix", "a sparse J is summed in float64: load it by LDJ")
    else:
        yield from _check_couplings(context, n, operand)
        if isinstance(value, Dense) and not _within_float32(value):
            yield Finding("B116", f"the couplings reach beyond float32, which ends at {_BEYOND:.3g}", "load them by LDJ")


def _within_float32(value: Dense) -> bool:
    return all(abs(float(end)) < _BEYOND for piece in pieces(value.array) for end in (piece.min(), piece.max()))


def _check_biases(context: CheckContext, n: int | None, operand: DataRef) -> Found:
    yield from shape(context, "the vector of biases", operand, (n,))


def _check_terms(context: CheckContext, n: int | None, operand: DataRef) -> Found:
    value = context.program.data[operand.index].value
    if not isinstance(value, Terms):
        yield Finding("B004", "LDT takes terms, not a matrix", "terms are written terms(n) { i j k weight ... }")
    elif n is not None and value.size != n:
        yield Finding("B106", f"the terms must be over {n} variables, not {value.size}")


def _check_offset(context: CheckContext, n: int | None, operand: Operand) -> Found:
    yield from ()


def _check_noise(context: CheckContext, level: Operand) -> Found:
    number = context.number(level)
    noisy = [p.model for p in context.network.populations if p.model.noise_name]
    if not noisy:
        yield Finding("B114", f"model {context.first.model.name} has no noise that SIG could set")
    for model in noisy if number is not None else ():
        assert number is not None
        if number.dimension not in (Dimension.NONE, model.noise):
            meaning = "a temperature, a number without unit" if model.noise is Dimension.NONE else f"a {model.noise}"
            yield Finding("B006", f"the noise of model {model.name} is {meaning}; {spelled(number)} is not")
            return


CHECKERS: dict[str, Callable[..., Found]] = {
    "LDJ": _loads(_check_couplings),
    "LDJS": _loads(_check_single),
    "LDH": _loads(_check_biases),
    "LDT": _loads(_check_terms),
    "LDO": _loads(_check_offset),
    "SIG": _check_noise,
}
