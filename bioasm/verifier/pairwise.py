"""Checks of a formula that SET gives to a projection, its Pairwise form, and bounds of its values."""

from __future__ import annotations

import re
from math import inf

from bioasm.isa.findings import Finding, Found
from bioasm.isa.limits import limit
from bioasm.isa.program import Program, Quantity
from bioasm.models.base import Parameter
from bioasm.models.expression import symbols
from bioasm.models.intervals import bounds
from bioasm.network.layout import AXES
from bioasm.network.namespace import pathways
from bioasm.network.network import Network, Projection
from bioasm.network.pairwise import RANDOM_NUMBER, Pairwise, pairwise_names, pairwise_ranges
from bioasm.network.wiring import POSITIONS_HINT
from bioasm.units import UNITS, exponents_of
from bioasm.verifier.operands import range_words
from bioasm.verifier.semantics.timing import seconds

_U_HINT = "uniform(0, 1) in place of the formula draws a number for each connection; conditions of CON have u"
# For the hint at `0.3 m/s`: a word behind a slash is a name in expressions.
_OF_A_LETTER = {word: unit for word, unit in UNITS.items() if re.fullmatch("[A-Za-z]", word)}
_LETTERS = {word: Quantity(10.0**unit.exponent, unit.dimension) for word, unit in _OF_A_LETTER.items()}
_PLACES = frozenset(("d", *(f"{axis}_{side}" for axis in AXES for side in ("pre", "post"))))


def takes_pairwise(projection: Projection, parameter: Parameter) -> bool:
    """Whether a formula can give a parameter of connections: it has no words, and is no structural one except a delay."""
    return not parameter.words and (not parameter.structural or parameter.name in pathways(projection))


def check_pairwise(
    network: Network, program: Program, projection: Projection, parameter: Parameter, text: str, step: float | None
) -> Found:
    """Findings about a formula for a parameter of connections; `step` is the time step in seconds, None where unknown."""
    found = pairwise_by(network, program, projection, parameter, text)
    if isinstance(found, Finding):
        yield found._replace(operand=1)
    elif found.high < parameter.low or found.low > parameter.high or (parameter.open_low and found.high == parameter.low):
        allowed = range_words(parameter.low, parameter.high, parameter.open_low)
        reach = f"{found.low:.6g} to {found.high:.6g}"
        yield Finding("B116", f"{projection.name}.{parameter.name} must be {allowed}; its formula gives {reach}", operand=1)
    elif parameter.name in pathways(projection):
        yield from _check_longest(found.high, step)


def _check_longest(longest: float, step: float | None) -> Found:
    """Check that a ring buffer can hold spikes for the longest delay of a formula."""
    if longest == inf:
        text = "this formula has no upper bound that is known before connections are made, and a delay needs one"
        yield Finding("B111", text, "`min(..., 20 ms)` bounds it", operand=1)
    elif step is not None and longest / step > limit("delay_steps"):
        text = f"a delay of up to {seconds(longest)} is more than {limit('delay_steps')} steps"
        yield Finding("B111", text, "`min(..., 20 ms)` bounds it", operand=1)


def pairwise_by(
    network: Network, program: Program, projection: Projection, parameter: Parameter, text: str
) -> Pairwise | Finding:
    """Parse a formula of a projection's pairs, or return its first fault."""
    from bioasm.models.condition import ExpressionFault, formula_names, read_formula  # the parser, which few programs need here

    own = pairwise_names(network, projection)
    letters = {name: _LETTERS[name] for name in (formula_names(text) or set()) & _LETTERS.keys()}
    constants = {**letters, **program.constants}
    units = {name: exponents_of(quantity.dimension) for name, quantity in constants.items() if name not in own}
    formula = read_formula(text, own | units, exponents_of(parameter.dimension))
    if isinstance(formula, ExpressionFault):
        lacking = (formula_names(text) or set()) - own.keys() - constants.keys() if formula.code == "B021" else set()
        return Finding(formula.code, formula.message, _hint(lacking) or formula.hint)
    values = {name: constants[name].value for name in symbols(formula) - own.keys()}
    alone = {name: (value, value) for name, value in values.items()}
    return Pairwise(formula, values, *bounds(formula, {**alone, **pairwise_ranges(network, program, projection)}))


def _hint(lacking: set[str]) -> str | None:
    """The hint for a name that conditions have, but not this formula."""
    if RANDOM_NUMBER in lacking:
        return _U_HINT
    return POSITIONS_HINT if lacking & _PLACES else None
