"""Checks of MODEL and SET: parameters of populations, mechanisms and projections, their units, words, ranges and shapes."""

from __future__ import annotations

from collections.abc import Callable

from bioasm.isa.distributions import DISTRIBUTIONS, drawn_range
from bioasm.isa.findings import Finding, Found, unknown
from bioasm.isa.limits import limit
from bioasm.isa.program import ConstantRef, DataRef, Name, Operand, Quantity, Random, Register
from bioasm.models.base import NEURON, Parameter, StateVariable
from bioasm.network.cables import VOLUMES
from bioasm.network.namespace import DELAY, INPUT, SETTABLE, VARIABLE, WEIGHT, Member, is_step, pathways
from bioasm.network.network import Projection
from bioasm.units import Dimension, dimension_of, spell_number
from bioasm.verifier.context import CheckContext
from bioasm.verifier.network_builder import unlisted
from bioasm.verifier.operands import check_quantity, in_range, range_words, spelled
from bioasm.verifier.painting import check_formula, takes_formula
from bioasm.verifier.pairwise import check_pairwise, takes_pairwise
from bioasm.verifier.random_values import numbers
from bioasm.verifier.semantics.shapes import shape
from bioasm.verifier.semantics.timing import seconds, whole_multiple


def _check_model(context: CheckContext, name: Name) -> Found:
    if context.catalogue.neuron(name.text) is None:
        yield unlisted(context.catalogue, NEURON, name.text)


def _check_set(context: CheckContext, name: Name, value: Operand) -> Found:
    projection = context.names.projected(name.text)
    if projection is not None:
        yield from _check_projection(context, *projection, value)
        return
    found = context.names.settable(name.text) or context.resolve(SETTABLE, name.text)
    if isinstance(found, Finding):
        yield found._replace(hint=_instead(context, name.text) or found.hint)
    elif found is not None and isinstance(found.thing, StateVariable):
        yield from _check_state(context, found, value)
    elif found is not None and "." in name.text and is_step(found.thing):
        yield Finding("B105", f"all parts of a program share its time step, not {name.text}", "write `SET dt, ...`")
    elif found is not None:
        yield from _check_parameter(context, found, value)


def _instead(context: CheckContext, word: str) -> str | None:
    """A hint for SET of a name that is neither a parameter nor a state."""
    if context.names.member(INPUT, word) is not None:
        return f"{word} is an input: INP sets it"
    if context.names.member(VARIABLE, word) is not None:
        return f"{word} is computed from other values; SET takes parameters and states"
    return None


def _check_state(context: CheckContext, member: Member, value: Operand) -> Found:
    """Check a number or vector for a state: its unit, length, and allowed values."""
    state, name = member.thing, member.thing.name
    if context.network.follows_from_cable(member.instance, name):
        cells = next(one.cells for one in context.network.cables if member.instance.population in one.populations)
        hint = f"`SET {context.network.populations[cells].name}{VOLUMES}.v` sets the potentials of CVs"
        yield Finding("B145", f"{member.instance.name}.{name} follows from the cable of the cells", hint)
        return
    allowed = member.instance.model.clamp_values if name == member.instance.model.clamp else ()
    if isinstance(value, Name):
        yield Finding("B004", f"the state {name} is a number; {value.text!r} is no constant or datum")
    elif isinstance(value, DataRef):
        flawed = list(shape(context, f"the vector for {name}", value, (context.count(member),)))
        known = allowed and not context.is_drawn(value)
        yield from flawed or (context.cached_check(_check_allowed, value, name, allowed) if known else ())
    elif isinstance(value, Quantity | ConstantRef):
        number = context.program.quantity(value)
        flawed = list(check_quantity(name, (dimension_of(state.unit),), number))
        yield from flawed
        if not flawed and allowed and number.value not in allowed:
            yield _not_allowed(name, allowed, spelled(number))


def _check_allowed(context: CheckContext, operand: DataRef, name: str, allowed: tuple[float, ...]) -> Found:
    wrong = next((float(v) for v in context.dense(operand).flat if float(v) not in allowed), None)
    if wrong is not None:
        yield _not_allowed(name, allowed, spell_number(wrong))


def _not_allowed(name: str, allowed: tuple[float, ...], value: str) -> Finding:
    return Finding("B116", f"the state {name} can be {' or '.join(map(spell_number, allowed))}, not {value}")


def _check_parameter(context: CheckContext, member: Member, value: Operand) -> Found:
    parameter: Parameter = member.thing
    if parameter.structural and member.part is not None:
        yield Finding("B004", f"parameter {parameter.name} is one number for all neurons, not one of a part of them")
    elif isinstance(value, Name) and takes_formula(context.network, member.instance.name, parameter):
        yield from check_formula(context.network, context.program, member, value.text)
    elif isinstance(value, Name):
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
    """Check that a number is in a parameter's range."""
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
    """Check a vector for a parameter: one number a neuron, each in range."""
    parameter: Parameter = member.thing
    if parameter.structural:
        yield Finding("B004", f"parameter {parameter.name} is one number for all neurons, not one for each")
        return
    if context.is_drawn(operand):
        return
    flawed = list(shape(context, f"the vector for {parameter.name}", operand, (context.count(member),)))
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
    """Check that the interval of the feedback is a multiple of the time step, whichever of the two is set."""
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
    if projection.synapse is not None:
        yield from _check_synapse(context, projection, name, value)
    elif projection.name in context.lost_synapses:
        return  # the members of a rejected synapse are unknown
    elif name not in (WEIGHT, DELAY):
        yield unknown("B105", "parameter", name, (WEIGHT, DELAY), f"projection {projection.name}")
    elif isinstance(value, Name):
        yield from _check_formula(context, projection, name, value.text)
    elif isinstance(value, DataRef) and name == DELAY:
        yield from _check_delays(context, projection, value)
    elif isinstance(value, DataRef):
        yield from shape(context, "the vector of weights", value, (None,))
    elif name == DELAY:
        yield from _check_delay(context, value)
    else:
        number, dimension = context.number(value), context.names.port_dimension(projection.target, projection.port)
        if number is not None:
            yield from check_quantity(WEIGHT, (dimension,), number)


def _check_synapse(context: CheckContext, projection: Projection, name: str, value: Operand) -> Found:
    """Check a parameter, state or delay of a synapse: one number, or one for each connection."""
    parameter = context.names.projection_parameter(projection, name)
    if parameter is None:
        yield _unknown_of(context, projection, name)
    elif isinstance(value, Name) and takes_pairwise(projection, parameter):
        yield from _check_formula(context, projection, name, value.text)
    elif isinstance(value, Name):
        yield from _check_word(parameter, value)
    elif name in pathways(projection):
        yield from _check_connections(context, parameter, value) if isinstance(value, DataRef) else _check_delay(context, value)
    elif parameter.structural and isinstance(value, DataRef | Register):
        form = "a register" if isinstance(value, Register) else "one for each connection"
        yield Finding("B004", f"parameter {name} is fixed before the run: it takes a number or word, not {form}")
    elif isinstance(value, DataRef):
        yield from _check_connections(context, parameter, value)
    elif (number := context.number(value)) is not None:
        yield from check_value(parameter, number)


def _unknown_of(context: CheckContext, projection: Projection, name: str) -> Finding:
    """The finding for a name that is unknown to a projection's connections."""
    synapse = projection.synapse
    if synapse is not None and name == WEIGHT:
        text = f"projection {projection.name} has no weight: the connections of {synapse.name} send nothing"
        return Finding("B105", text, "`send` multiplies the weight; states and parameters of a synapse are set by their names")
    known = context.names.synapse_parameters(projection, synapse) if synapse else ()
    return unknown("B105", "parameter", name, known, f"projection {projection.name}")


def _check_connections(context: CheckContext, parameter: Parameter, value: DataRef) -> Found:
    """Check a vector or random values with a number for each connection; a structural parameter here is a delay."""
    flawed = list(shape(context, f"the vector for {parameter.name}, with one number for each connection,", value, (None,)))
    yield from flawed
    if flawed:
        return
    if not context.is_drawn(value):
        yield from context.cached_check(_check_range, value, parameter)
    if parameter.structural and context.step:
        yield from context.cached_check(_check_longest, value, context.step)


def _check_formula(context: CheckContext, projection: Projection, name: str, text: str) -> Found:
    """Check a formula that gives each connection a weight, a delay, or a parameter or state of its synapse."""
    alike = list(_check_alike(context, projection)) if name == DELAY and projection.synapse is None else []
    yield from alike
    parameter = context.names.projection_parameter(projection, name)
    if parameter is not None and not alike:
        yield from check_pairwise(context.network, context.program, projection, parameter, text, context.step)


def _check_alike(context: CheckContext, projection: Projection) -> Found:
    """The finding that connections can't have delays of their own: a mechanism with delayed(...) has one delay."""
    target = context.network.instance(projection.target)
    if target is not None and target.model.delays:
        text = f"{target.name} delays a variable itself, by one delay for all connections of {projection.name}"
        yield Finding("B004", text, "give one number, or let spikes arrive at a mechanism without delayed(...)")


def _check_delays(context: CheckContext, projection: Projection, value: DataRef) -> Found:
    """Check a delay for each connection, which only spikes can have."""
    alike = list(_check_alike(context, projection))
    if alike:
        yield from alike
        return
    parameter = context.names.projection_parameter(projection, DELAY)
    assert parameter is not None
    yield from _check_connections(context, parameter, value)


def _check_longest(context: CheckContext, operand: DataRef, step: float) -> Found:
    value = context.program.data[operand.index].value
    hint: str | None = None
    if isinstance(value, Random):
        if DISTRIBUTIONS[value.distribution].fault(arguments := numbers(context.program, value)) is not None:
            return  # reported with the values
        longest, hint = drawn_range(value.distribution, arguments).high, "normal(mean, sd, low, high) has an upper bound"
    else:
        longest = float(context.dense(operand).max(initial=0.0))
    if longest / step > limit("delay_steps"):
        yield Finding("B111", f"a delay of {seconds(longest)} is more than {limit('delay_steps')} steps", hint)


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
