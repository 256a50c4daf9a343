"""Semantic actions of the sections of a model's text, and the expressions of each that are evaluated in a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bioasm.models.base import NEURON, SYNAPSE, Send, Threshold
from bioasm.models.dimensions import SECOND, WHITE_NOISE
from bioasm.models.syntax_tree import Evaluated, RawEquation, RawEvent, RawHandler, RawModel, RawPort, RawWeight, Word
from bioasm.units import NO_UNIT

# --- where statements go ------------------------------------------------------------------------------


def first_stage(model: RawModel, labels: tuple[Word, ...]) -> None:
    """Begin the first stage of a step."""
    model.stages.append([])


def next_stage(model: RawModel, labels: tuple[Word, ...]) -> None:
    """Begin a further stage."""
    if not model.stages:
        model.stages.append([])  # the first stage is empty
    model.stages.append([])


def to_stage(model: RawModel, said: Any) -> None:
    """Add an equation or assignment to the present stage."""
    model.stages[-1].append(said)


def port(model: RawModel, labels: tuple[Word, ...]) -> None:
    """Begin a port; its label is the name."""
    model.ports.append(RawPort(labels[0] if labels else Word("")))


def event(model: RawModel, labels: tuple[Word, ...]) -> None:
    """Begin an event; its label is the name."""
    model.events.append(RawEvent(labels[0] if labels else Word("", model.sections["event"])))


def to_event(model: RawModel, said: Any) -> None:
    """Add a summary, the condition or a statement to the present event."""
    event = model.events[-1]
    if isinstance(said, str):
        event.summary = said
    elif isinstance(said, Threshold):
        event.conditions.append(said)
    else:
        event.statements.append(said)


def handler(model: RawModel, labels: tuple[Word, ...]) -> None:
    """Begin a handler; its labels are the event and the name of a pathway."""
    event, name = (*labels, Word(""), Word(""))[:2]
    model.handlers.append(RawHandler(event, name))


def to_handler(model: RawModel, said: Any) -> None:
    """Add a statement to the present handler."""
    model.handlers[-1].statements.append(said)


def to_port(model: RawModel, said: Any) -> None:
    """Add a summary, a weight or a jump to the present port."""
    port = model.ports[-1]
    if isinstance(said, str):
        port.summary = said
    elif isinstance(said, RawWeight):
        port.weights.append(said)
    else:
        port.jumps.append(said)


# --- what is evaluated ---------------------------------------------------------------------------------


def steps(model: RawModel) -> Iterator[Evaluated]:
    """Right sides of equations and assignments of all stages."""
    noise = (("xi", WHITE_NOISE),) if model.kind == NEURON else ()
    functions = () if model.kind == SYNAPSE else ("held",)
    for item in model.step():
        if isinstance(item, RawEquation):
            yield Evaluated(f"d{item.name}/dt", item.rate, item.name, rate=True, names=noise, functions=functions)
        else:
            yield Evaluated(f"`{item.variable}`", item.value, item.variable, functions=functions)


def handled(model: RawModel) -> Iterator[Evaluated]:
    """The expressions that spike handlers assign and send."""
    for handler in model.handlers:
        for one in handler.statements:
            what = Evaluated("what is sent", one.value, unit=NO_UNIT, functions=())
            yield what if isinstance(one, Send) else Evaluated(f"`{one.variable}`", one.value, one.variable, functions=())


def resets(model: RawModel) -> Iterator[Evaluated]:
    """The expressions that a reset assigns."""
    return (Evaluated(f"`{item.variable}`", item.value, item.variable) for item in model.reset)


def jumps(model: RawModel) -> Iterator[Evaluated]:
    """The expressions that arriving spikes assign, by the weight of their port."""
    for port in model.ports:
        for jump in port.jumps:
            yield Evaluated(f"`{jump.variable}`", jump.value, jump.variable, names=(("weight", port.unit),))


def additions(model: RawModel) -> Iterator[Evaluated]:
    """The terms added to inputs of other instances."""
    late, units = () if model.kind == SYNAPSE else ("held", "delayed"), {use.name: use.unit for use in model.uses}
    for one in model.adds:
        yield Evaluated(f"`{one.target}`", one.value, unit=units.get(Word(one.target)), functions=late)


def threshold(model: RawModel) -> Iterator[Evaluated]:
    """The condition of a spike."""
    if model.threshold:
        yield Evaluated("a threshold", model.threshold.condition, condition=True)


def happenings(model: RawModel) -> Iterator[Evaluated]:
    """The conditions of events, and the expressions that they assign."""
    for event in model.events:
        for one in event.conditions:
            yield Evaluated(f"what `event {event.name}:` waits for", one.condition, condition=True)
        for item in event.statements:
            yield Evaluated(f"`{item.variable}`", item.value, item.variable)


def refractory(model: RawModel) -> Iterator[Evaluated]:
    """The refractory period, or the condition of it."""
    if model.refractory:
        lasting = model.refractory.lasting
        yield Evaluated("a refractory time", model.refractory.duration, unit=None if lasting else SECOND, condition=lasting)
