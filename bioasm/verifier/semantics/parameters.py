"""MODEL and SET: parameters of populations, mechanisms and projections, their units, words, ranges and shapes."""

from __future__ import annotations

from collections.abc import Callable

from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Name, Operand, Quantity, Register
from bioasm.models.base import Parameter
from bioasm.network.namespace import DELAY, PARAMETER, WEIGHT, Member, is_step
from bioasm.network.network import Projection
from bioasm.units import Dimension, spell_number
from bioasm.verifier.context import CheckContext
from bioasm.verifier.network_builder import unknown_model
from bioasm.verifier.operands import check_quantity, in_range, range_words, spelled
from bioasm.verifier.semantics.shapes import shape
from bioasm.verifier.semantics.timing import seconds, whole_multiple


def _check_model(context: CheckContext, name: Name) -> Found:
    if context.catalogue.neuron(name.text) is None:
        yield unknown_model(context.catalogue, name.text)


def _check_set(context: CheckContext, name: Name, value: Operand) -> Found:
    projection = context.names.projected(name.text)
    if projection is not None:
        yield from _check_projection(context, *projection, value)
        return
    found = context.resolve(PARAMETER, name.text)
    if isinstance(found, Finding):
        yield found
    elif found is not None and "." in name.text and is_step(found.thing):
        yield Finding("B105", f"all parts of a program share its time step, not {name.text}", "write `SET dt, ...`")
    elif found is not None:
        yield from _check_parameter(context, found, value)


def _check_parameter(context: CheckContext, member: Member, value: Operand) -> Found:
    parameter: Parameter = member.thing
    if isinstance(value, Name):
        yield from _check_word(parameter, value)
    elif isinstance(value, DataRef):
        yield from _check_values(context, member, value)
    elif isinstance(value, Quantity | ConstantRef):
        yield from check_value(parameter, context.program.quantity(value))
        yield from _check_feedback(context, member)
    elif isinstance(value, Register) and parameter.structural and not context.names.is_bare(member.instance):
        yield Finding("B004", f"parameter {parameter.name} is fixed before the run: it takes a number or word, not a register")


def _check_word(parameter: Parameter, value: Name) -> Found:
    words = [word for word, _ in parameter.words]
    if not words:
        yield Finding("B004", f"parameter {parameter.name} is a number; {value.text!r} is no constant, datum or word")
    elif value.text not in words:
        yield unknown("B116", f"{parameter.name}", value.text, words)


def check_value(parameter: Parameter, value: Quantity) -> Found:
    """Whether a number is one that a parameter can take."""
    flawed = list(check_quantity(parameter.name, (parameter.dimension,), value))
    yield from flawed
    if flawed:
        return
    if not in_range(value.value, parameter.low, parameter.high, parameter.open_low):
        yield _out_of_range(parameter, spelled(value))
    elif parameter.words and value.value not in [number for _, number in parameter.words]:
        words = ", ".join(f"{word} ({spell_number(number)})" for word, number in parameter.words)
        yield Finding("B116", f"parameter {parameter.name} is one of {words}, not {spelled(value)}")


def _check_values(context: CheckContext, member: Member, operand: DataRef) -> Found:
    """A vector for a parameter: one number a neuron, each in range."""
    parameter: Parameter = member.thing
    if parameter.structural:
        yield Finding("B004", f"parameter {parameter.name} is one number for all neurons, not a vector")
        return
    flawed = list(shape(context, f"the vector for {parameter.name}", operand, (context.size(member.instance),)))
    yield from flawed or context.cached_check(_check_range, operand, parameter)


def _check_range(context: CheckContext, operand: DataRef, parameter: Parameter) -> Found:
    array = context.dense(operand)
    for value in (array.min(), array.max()) if array.size else ():
        if not in_range(float(value), parameter.low, parameter.high, parameter.open_low):
            yield _out_of_range(parameter, spell_number(float(value)))
            return


def _out_of_range(parameter: Parameter, value: str) -> Finding:
    allowed = range_words(parameter.low, parameter.high, parameter.open_low)
    return Finding("B116", f"parameter {parameter.name} must be {allowed}; it is set to {value}")


def _check_feedback(context: CheckContext, member: Member) -> Found:
    """The feedback comes at steps: whichever of the two is set, one divides the other."""
    every = context.network.populations[member.instance.population].model.feedback
    name = every.every if every else "feedback_interval"
    if member.thing.name not in ("dt", name):
        return
    whole = name if context.network.implicit else f"{member.instance.name}.{name}"
    interval, step = context.parameters.get(whole), context.step
    if interval and step and min(interval, step) > 0 and not whole_multiple(interval, step):
        yield Finding("B116", f"{name} ({seconds(interval)}) is no whole multiple of dt ({seconds(step)})")


# --- projections ------------------------------------------------------------------------------------


def _check_projection(context: CheckContext, projection: Projection, name: str, value: Operand) -> Found:
    if name not in (WEIGHT, DELAY):
        yield unknown("B105", "parameter", name, (WEIGHT, DELAY), f"projection {projection.name}")
    elif isinstance(value, Name | DataRef):
        form = "a vector" if isinstance(value, DataRef) else "a word"
        yield Finding("B004", f"the {name} of a projection is one number, not {form}", "CON takes a matrix of weights")
    elif name == DELAY:
        yield from _check_delay(context, value)
    else:
        number, dimension = context.number(value), context.names.port_dimension(projection.target, projection.port)
        if number is not None:
            yield from check_quantity(WEIGHT, (dimension,), number)


def _check_delay(context: CheckContext, value: Operand) -> Found:
    number = context.number(value)
    if number is None:
        yield Finding("B004", "the delay of a projection is fixed before the run: it takes a number, not a register")
        return
    flawed = list(check_quantity(DELAY, (Dimension.TIME,), number))
    yield from flawed
    if flawed:
        return
    if number.value < 0:
        yield Finding("B116", f"a delay is at least 0, not {spelled(number)}")
    elif context.step and number.value / context.step > limit("delay_steps"):
        yield Finding("B111", f"a delay of {spelled(number)} is more than {limit('delay_steps')} steps")


CHECKERS: dict[str, Callable[..., Found]] = {"MODEL": _check_model, "SET": _check_set}
