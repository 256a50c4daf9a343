"""Checks of a formula that SET gives to a parameter of control volumes, and its Painted form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bioasm.isa.findings import Finding, Found
from bioasm.isa.program import Program
from bioasm.models.base import Parameter
from bioasm.models.expression import Expression, symbols
from bioasm.network.cables import Cables
from bioasm.network.namespace import Member
from bioasm.network.network import Network
from bioasm.network.painting import Painted, painted_names
from bioasm.network.references import ParameterRef
from bioasm.units import exponents_of
from bioasm.verifier.operands import in_range, range_words

if TYPE_CHECKING:
    from bioasm.models.condition import ExpressionFault


def takes_formula(network: Network, owner: str, parameter: Parameter) -> bool:
    """Whether a formula can give a parameter: it belongs to CVs, is not structural, and has no words."""
    return not (parameter.words or parameter.structural) and _cables(network, owner) is not None


def check_formula(network: Network, program: Program, member: Member, text: str) -> Found:
    """Findings about a formula for a parameter that accepts one."""
    from bioasm.models.condition import ExpressionFault  # the parser, which few programs need here

    found = _read(network, program, member.instance.name, member.thing, text)
    if isinstance(found, ExpressionFault):
        yield Finding(found.code, found.message, found.hint, operand=1)
        return
    yield from _check_range(_painted(network, program, member.instance.name, member.thing, found), member.thing)


def painted_by(network: Network, program: Program, ref: ParameterRef, text: str) -> Painted | None:
    """The Painted of a checked text; None where the text is one of the parameter's words."""
    if not takes_formula(network, ref.owner, ref.parameter):
        return None
    from bioasm.models.condition import ExpressionFault  # the parser, which few programs need here

    found = _read(network, program, ref.owner, ref.parameter, text)
    assert not isinstance(found, ExpressionFault)
    return _painted(network, program, ref.owner, ref.parameter, found)


def _cables(network: Network, owner: str) -> Cables | None:
    population = network.by_name[owner].population if owner in network.by_name else None
    return next((one for one in network.cables if one.volumes == population), None)


def _read(network: Network, program: Program, owner: str, parameter: Parameter, text: str) -> Expression | ExpressionFault:
    from bioasm.models.condition import read_formula  # the parser, which few programs need here

    cables = _cables(network, owner)
    assert cables is not None
    units = {name: exponents_of(quantity.dimension) for name, quantity in program.constants.items()}
    return read_formula(text, painted_names(cables.cell, units), exponents_of(parameter.dimension))


def _painted(network: Network, program: Program, owner: str, parameter: Parameter, formula: Expression) -> Painted:
    cables = _cables(network, owner)
    assert cables is not None
    read = symbols(formula) - painted_names(cables.cell, {}).keys()
    constants = {name: program.constants[name].value for name in read}
    where = next((one.where for one in network.mechanisms if one.name == owner), "")
    n = network.populations[cables.cells].n
    return Painted(formula, cables.cell, n, where, constants, parameter.default)


def _check_range(painted: Painted, parameter: Parameter) -> Found:
    """Check the range of the formula's values, which the run evaluates again, with the same bits on all machines."""
    import numpy as np

    from bioasm.models.values import evaluate

    values = np.broadcast_to(evaluate(painted.formula, painted.values), painted.patches.area.shape)
    fine = np.isfinite(values) & np.vectorize(in_range)(values, parameter.low, parameter.high, parameter.open_low)
    for at in np.flatnonzero(~fine)[:1]:
        place = f"{painted.patches.distance[at] * 1e6:.6g} um from the root"
        if not np.isfinite(values[at]):
            yield Finding("B109", f"the formula for {parameter.name} has no finite value {place}", operand=1)
        else:
            allowed = range_words(parameter.low, parameter.high, parameter.open_low)
            text = f"parameter {parameter.name} must be {allowed}; its formula gives {values[at]:.6g} {place}"
            yield Finding("B116", text, operand=1)
