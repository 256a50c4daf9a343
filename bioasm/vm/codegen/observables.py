"""Code that reads variables: one value at a cell, and the state s of the feedback at all cells."""

from __future__ import annotations

from bioasm.models.expression import Symbol
from bioasm.network.network import CONNECTIONS
from bioasm.vm.codegen.connections import entries
from bioasm.vm.codegen.frame import CTX, OVER_CELLS, REAL, B, Frame, K
from bioasm.vm.codegen.inputs import fed_input
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.loop import over_cells
from bioasm.vm.codegen.lower import STEP
from bioasm.vm.codegen.plan import variables
from bioasm.vm.codegen.schedule import COUNT, FIRST, WIDTH
from bioasm.vm.codegen.statements import Function, If, Let, Return, Statement
from bioasm.vm.codegen.types import Space, Type
from bioasm.vm.codegen.values import Value, apply, as_value, call, field, made_of, named, read

VARIABLE, S = named("variable", Type.I64), named("s", Type.F8, Space.CELL)


def add_observables(frame: Frame) -> None:
    """Add `value_of` (context, reals, number of a variable, block, cell) and its callees."""
    body: list[Statement] = []
    for number, (p, name) in enumerate(variables(frame.plan)):
        if name in frame.plan.watched:
            body.append(If(VARIABLE.equals(number), (Return(_value(frame, number, p, name)),)))
    frame.functions.append(Function("value_of", (CTX, REAL, VARIABLE, B, K), (*body, Return(as_value(0.0))), Type.F64))
    if frame.plan.coupled is not None:
        frame.functions.append(_feedback_source(frame, frame.plan.coupled))


def _value(frame: Frame, number: int, p: int, name: str) -> Value:
    if p == CONNECTIONS:
        return _of_connection(frame, name)
    if name.endswith(".spike_count"):
        first = read("whole", f"first:{p}") * WIDTH
        return apply("spike_count", CTX, read("ctx", "N") * read("block", "LANE0") + first + K)
    if name == fed_input(frame.plan, p):
        return apply("feedback_of", CTX, B, K, read("ctx", "COUPLED_N"))
    loop = frame.steps[p].loop(hoisting=False)
    loop.give(loop.value(Symbol(name), loop.start))
    made = loop.scheduled()
    body = (Let(K, as_value(0)), *made.before, *made.each_step, *made.turn)
    frame.functions.append(Function(f"variable_{number}", OVER_CELLS, body, Type.F64))
    return call(f"variable_{number}", Type.F64, CTX, REAL, B, K, 1, read("block", "STEP"))


def _of_connection(frame: Frame, name: str) -> Value:
    """A state of a connection; K counts the lanes of connections."""
    link = next(link for link in frame.plan.links if name in link.recordable)
    p, edges = link.target.population, read("whole", f"edges:{link.name}")
    if name in link.shared:
        array = made_of("view", Type.F8, (field(name, p, "f8", "link"), as_value(0), edges))
        return array.item(apply("//", K, WIDTH))
    array, index = entries(link, _view, name, K)
    return array.item(index)


def _view(name: str, made: Field, first: Value, count: Value) -> Value:
    return made_of("view", Type(made.dtype), (field(name, made.population, made.dtype, made.per), first, count))


def _feedback_source(frame: Frame, p: int) -> Function:
    """The function that writes the state s of the feedback for all cells."""
    feedback = frame.plan.systems[p].population.model.feedback
    assert feedback is not None
    loop = frame.steps[p].loop(hoisting=False)
    loop.put(S, loop.value(Symbol(frame.plan.systems[p].population.qualified(feedback.source)), loop.start))
    made = loop.scheduled()
    body = (*made.before, *made.each_step, *over_cells(made.turn, False))
    return Function("feedback_source", (CTX, REAL, B, S, FIRST, COUNT, STEP), body)
