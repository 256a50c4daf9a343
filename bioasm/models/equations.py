"""Pretty printer: a model's equations and events as lines in the notation of the model language."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.models.algebra import spell
from bioasm.models.base import EVENT_DRIVEN, Assignment, Equation, Model, Port, Send
from bioasm.models.expression import Number


def equation_lines(model: Model) -> list[str]:
    """The definitions, equations, spike and reset, ports and additions of a model, one line each."""
    return [*_defined(model), *_stepped(model), *_spiking(model), *_received(model), *_added(model), *_handled(model)]


def _defined(model: Model) -> Iterator[str]:
    for definition in model.definitions:
        yield f"{definition.name} = {spell(definition.expression)}"


def _stepped(model: Model) -> Iterator[str]:
    for number, stage in enumerate(model.stages):
        yield from ["then:"] if number else []
        for one in stage:
            yield _equation(one) if isinstance(one, Equation) else _assignment(one)


def _equation(one: Equation) -> str:
    noise = "".join(f" + {_times(spell(factor), name)}" for name, factor in one.noise)
    frozen = " unless refractory" if one.frozen else ""
    method = one.method if one.method == EVENT_DRIVEN else f"using {one.method}"
    return f"d{one.variable}/dt = {spell(one.rate)}{noise} {method}{frozen}"


def _times(factor: str, name: str) -> str:
    return f"({factor})*{name}" if any(sign in factor for sign in "+- ") else f"{factor}*{name}"


def _assignment(one: Assignment) -> str:
    return f"{one.variable} := {spell(one.value)}"


def _spiking(model: Model) -> Iterator[str]:
    if model.threshold is not None:
        upward = " (and did not before the step)" if model.threshold.crossing else ""
        yield f"spike: {spell(model.threshold.condition)}{upward}"
    for assignment in model.reset:
        yield f"reset: {_assignment(assignment)}"
    if model.refractory is not None:
        yield f"refractory: {spell(model.refractory.duration)}{' inclusive' if model.refractory.inclusive else ''}"


def _received(model: Model) -> Iterator[str]:
    for port in model.ports:
        for jump in _jumps(port):
            yield f"receive{f' {port.name}' if port.name else ''}: {jump}"


def _jumps(port: Port) -> Iterator[str]:
    for variable, factor in port.jumps:
        plain = isinstance(factor, Number) and factor.value == 1
        yield f"{variable} += {'weight' if plain else _times(spell(factor), 'weight')}"


def _added(model: Model) -> Iterator[str]:
    for addition in model.adds:
        yield f"{addition.target} += {spell(addition.value)}"
    if model.feedback is not None:
        target, source, every, within = (
            model.feedback.target,
            model.feedback.source,
            model.feedback.every,
            model.feedback.within,
        )
        yield f"feedback: {target} = J {source} + h every {every} within {within}"


def _handled(model: Model) -> Iterator[str]:
    for handler in model.handlers:
        head = " ".join(filter(None, ("on", handler.event, handler.name)))
        for one in handler.statements:
            yield f"{head}: {f'send {spell(one.value)}' if isinstance(one, Send) else _assignment(one)}"
