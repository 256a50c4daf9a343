"""Checks of random values against their operand: units of arguments, and the probability of values out of range."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from bioasm.isa.distributions import drawn_range, share_outside
from bioasm.isa.findings import Finding, Found
from bioasm.isa.program import ConstantRef, DataRef, Instruction, Name, Random
from bioasm.models.base import Model, Parameter, StateVariable
from bioasm.network.network import CONNECTIONS
from bioasm.units import Dimension, Measured, spell_number
from bioasm.verifier.context import CheckContext
from bioasm.verifier.operands import check_quantity, range_words
from bioasm.verifier.random_values import numbers
from bioasm.verifier.semantics.bare import bare, wanted_dimensions

_LIKELY = 0.01  # least probability of a run that fails for a number out of range at which `check` warns


class _Allowed(NamedTuple):
    """The range of an operand, its name in messages, and the number of neurons (None: not known)."""

    name: str
    low: float = -inf
    high: float = inf
    open_low: bool = False
    size: int | None = None


def check_drawn(context: CheckContext, instruction: Instruction) -> Found:
    """Findings about the random values of one instruction."""
    for k, operand in enumerate(instruction.operands):
        value = context.program.data[operand.index].value if isinstance(operand, DataRef) else None
        if isinstance(value, Random):
            dimensions = wanted_dimensions(context, instruction)
            dimension = dimensions[k] if k < len(dimensions) else Dimension.NONE
            found = [*_lanes(context, instruction, value), *_units(context, instruction, value, dimension)]
            found = found or list(_levels(context, instruction, value))
            yield from (
                finding._replace(operand=k) for finding in found or _range(context, _allowed(context, instruction, k), value)
            )


def _lanes(context: CheckContext, instruction: Instruction, value: Random) -> Found:
    own = instruction.row.mnemonic == "LDS" or _is_state(context, instruction) or _learns(context, instruction)
    if value.per_lane and not own:
        what = "states that change have values of their own in each lane; all else is drawn once for all lanes"
        yield Finding("B004", "here all lanes share the numbers that are drawn", f"{what}: leave `per lane` out")


def _is_state(context: CheckContext, instruction: Instruction) -> bool:
    name = instruction.operands[0]
    found = context.names.settable(name.text) if instruction.row.mnemonic == "SET" and isinstance(name, Name) else None
    return found is not None and isinstance(found.thing, StateVariable) and found.instance.population != CONNECTIONS


def _learns(context: CheckContext, instruction: Instruction) -> bool:
    """Whether SET gives connections a state that their synapse changes: only these may differ between lanes."""
    name = instruction.operands[0]
    projected = context.names.projected(name.text) if instruction.row.mnemonic == "SET" and isinstance(name, Name) else None
    synapse = projected[0].synapse if projected else None
    return projected is not None and synapse is not None and projected[1] in {s.name for s in synapse.states} & synapse.changed


def _units(context: CheckContext, instruction: Instruction, value: Random, dimension: Measured) -> Found:
    for argument in value.arguments:
        number = context.program.quantity(argument)
        flawed = list(check_quantity(value.distribution, (dimension,), number))
        yield from flawed
        if flawed:
            return
    for argument in value.arguments if instruction.span is not None else ():
        number = context.program.quantity(argument)
        found = bare(argument.name if isinstance(argument, ConstantRef) else None, number, dimension)
        if found is not None:
            yield found
            return


def _levels(context: CheckContext, instruction: Instruction, value: Random) -> Found:
    """Check that a variable with a finite set of values, such as a spin, is given only these."""
    for model in _placed(context, instruction):
        allowed = model.clamp_values
        if allowed and not (value.distribution == "choice" and set(numbers(context.program, value)) <= set(allowed)):
            words = ", ".join(spell_number(level) for level in allowed)
            yield Finding("B116", f"{model.clamp} of model {model.name} takes {words} alone", f"write choice({words})")
            return


def _placed(context: CheckContext, instruction: Instruction) -> list[Model]:
    """The models whose clampable variable the instruction sets."""
    if instruction.row.mnemonic in ("LDS", "CLAMP"):
        return [population.model for population in context.network.populations]
    name = instruction.operands[0]
    found = context.names.settable(name.text) if isinstance(name, Name) and _is_state(context, instruction) else None
    return [found.instance.model] if found is not None and found.thing.name == found.instance.model.clamp else []


# --- ranges -------------------------------------------------------------------------------------------


def _allowed(context: CheckContext, instruction: Instruction, k: int) -> _Allowed:
    """The range of an operand."""
    mnemonic, operands = instruction.row.mnemonic, instruction.operands
    slot = instruction.row.slots[k]
    if mnemonic != "SET" or not isinstance(operands[0], Name):
        return _Allowed(slot.name, slot.kind.low, slot.kind.high)
    name = operands[0].text
    projected = context.names.projected(name)
    if projected is not None:
        parameter = context.names.projection_parameter(*projected)
        return _Allowed(name) if parameter is None else _Allowed(name, parameter.low, parameter.high, parameter.open_low)
    found = context.names.settable(name)
    if found is None or not isinstance(found.thing, Parameter):
        return _Allowed(name)
    parameter = found.thing
    return _Allowed(name, parameter.low, parameter.high, parameter.open_low, context.count(found))


def _range(context: CheckContext, allowed: _Allowed, value: Random) -> Found:
    """Range check: an error where most numbers or the bounds are out of range, a warning where a tail is."""
    arguments = numbers(context.program, value)
    drawn = drawn_range(value.distribution, arguments)
    above = drawn.low > allowed.low or (drawn.low == allowed.low and (drawn.open_low or not allowed.open_low))
    if above and drawn.high <= allowed.high:
        return
    share = share_outside(value.distribution, arguments, allowed.low, allowed.high)
    words = range_words(allowed.low, allowed.high, allowed.open_low)
    if value.distribution in ("uniform", "choice") or share > 0.5:
        reach = f"{spell_number(drawn.low)} to {spell_number(drawn.high)}"
        yield Finding("B116", f"{allowed.name} must be {words}; {value.distribution} draws from {reach}")
    elif (chance := 1.0 - (1.0 - share) ** (allowed.size or 1)) >= _LIKELY:
        text = f"{allowed.name} must be {words}, and a share of {share:.2g} of this {value.distribution} distribution is not"
        hint = f"such a number ends the run (B402), with a chance of {chance:.2g}; normal(mean, sd, low, high) has bounds"
        yield Finding("B135", text, hint, "warning")
