"""Warnings of numbers without a unit for operands with a dimension: SI units are seldom what is meant.

Only a text has the spelling of numbers, so bytecode without spans gets no warnings. Programs of core instructions alone are
exempt: pykoppu prints them, always in SI units.
"""

from __future__ import annotations

from collections.abc import Callable

from bioasm.isa.findings import Finding, Found
from bioasm.isa.program import ConstantRef, Instruction, Name, Operand, Program, Quantity
from bioasm.models.base import StateVariable
from bioasm.network.namespace import INPUT, Member
from bioasm.network.network import SCALE
from bioasm.network.subgroup import whole_word
from bioasm.units import Dimension, Measured, dimension_of, likely_unit, spell_number
from bioasm.verifier.context import CheckContext
from bioasm.verifier.operands import spelled

CORE = frozenset({"ALC", "LDJ", "LDH", "LDT", "SIG", "RUN", "RST", "RD"})
_UNITLESS = (Dimension.NONE, Dimension.SWEEPS)
# Between these a number is likely in the usual unit: 1e-9 nA is unusual.
_LEAST_LIKELY, _MOST_LIKELY = 0.01, 1e5


def is_core(program: Program) -> bool:
    """Whether a program has only pykoppu's instructions."""
    return all(instruction.row.mnemonic in CORE for instruction in program.instructions)


def check_bare(context: CheckContext, instruction: Instruction) -> Found:
    """A warning for each nonzero number without a unit whose operand has a dimension."""
    if instruction.span is None:
        return
    for k, (operand, dimension) in enumerate(zip(instruction.operands, wanted_dimensions(context, instruction), strict=False)):
        if isinstance(operand, Quantity | ConstantRef):
            number = context.program.quantity(operand)
            finding = bare(operand.name if isinstance(operand, ConstantRef) else None, number, dimension)
            if finding is not None:
                yield finding._replace(operand=k)


def wanted_dimensions(context: CheckContext, instruction: Instruction) -> tuple[Measured, ...]:
    """The dimension of each operand of an instruction; none for instructions whose operands have no unit."""
    wanted = _WANTED.get(instruction.row.mnemonic)
    return wanted(context, *instruction.operands) if wanted is not None else ()


def bare(name: str | None, number: Quantity, dimension: Measured) -> Finding | None:
    """The warning of a nonzero number without a unit for a dimension; `name` is its constant, if any."""
    if dimension in _UNITLESS or number.dimension is not Dimension.NONE or number.value == 0:
        return None
    written, meant = spell_number(number.value), spelled(Quantity(number.value, dimension))
    named = f"{name} ({written})" if name else written
    other = f"{written} {likely_unit(dimension)}"
    is_likely = _LEAST_LIKELY <= abs(number.value) < _MOST_LIKELY and other != meant
    hint = f"write {meant}, or {other} where that is meant" if is_likely else f"write {meant}"
    return Finding("B131", f"{named} has no unit and is taken as {meant}", hint, "warning")


# --- what each operand measures ---------------------------------------------------------------------


def _set(context: CheckContext, name: Name, value: Operand) -> tuple[Measured, ...]:
    projection = context.names.projected(name.text)
    if projection is not None:
        parameter = context.names.projection_parameter(*projection)
        return Dimension.NONE, parameter.dimension if parameter else Dimension.NONE
    found = context.names.settable(name.text)
    if found is None:
        return ()
    thing = found.thing
    return Dimension.NONE, dimension_of(thing.unit) if isinstance(thing, StateVariable) else thing.dimension


def _input(context: CheckContext, name: Name, value: Operand, how: Operand | None = None) -> tuple[Measured, ...]:
    found = context.resolve(INPUT, name.text)
    scales = isinstance(how, Name) and how.text == SCALE
    return Dimension.NONE, dimension_of(found.thing.unit) if isinstance(found, Member) and not scales else Dimension.NONE


def _port(context: CheckContext, target: Name) -> Measured:
    head, _, port = whole_word(target.text).partition(".")
    return context.names.port_dimension(head, port)


def _clamped(context: CheckContext, neurons: Operand, value: Operand) -> tuple[Measured, ...]:
    model = context.first.model
    variable = model.variable(model.clamp)
    return Dimension.NONE, variable.dimension if variable else Dimension.NONE


def _states(context: CheckContext, states: Operand) -> tuple[Measured, ...]:
    variable = context.first.model.variable(context.first.model.clamp)
    return (variable.dimension if variable else Dimension.NONE,)


_WANTED: dict[str, Callable[..., tuple[Measured, ...]]] = {
    "RUN": lambda context, *_: (context.clock,),
    "SIG": lambda context, *_: (context.first.model.noise,),
    "SET": _set,
    "CUR": lambda *_: (Dimension.CURRENT,),
    "WAVE": lambda context, *_: (Dimension.NONE, context.clock),
    "SPK": lambda context, *_: (Dimension.NONE, context.names.port_dimension(context.first.name, "")),
    "POI": lambda context, *_: (Dimension.FREQUENCY, context.names.port_dimension(context.first.name, "")),
    "INP": _input,
    "PLAY": lambda context, *_: (Dimension.NONE, Dimension.NONE, context.clock),
    "EVT": lambda context, target, *_: (Dimension.NONE, Dimension.NONE, _port(context, target)),
    "RATE": lambda context, target, *_: (Dimension.NONE, Dimension.FREQUENCY, _port(context, target)),
    "REC": lambda context, *_: (Dimension.NONE, context.clock),
    "LDS": _states,
    "CLAMP": _clamped,
    "POS": lambda *_: (Dimension.NONE, Dimension.NONE, Dimension.LENGTH),
    "STIM": lambda *_: (Dimension.NONE, Dimension.CURRENT, Dimension.TIME),
}
