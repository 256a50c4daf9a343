"""What of a program's models this driver does not do: it is refused before anything runs, and never computed otherwise."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.isa.network import Network
from bioasm.models.base import Model
from bioasm.models.expression import Call, Expression, symbols


def not_done(network: Network) -> Iterator[str]:
    """What the driver can't do, one sentence each, to be read after its name."""
    if len({p.model.order for p in network.populations}) > 1:
        yield "runs populations of one program in one order of what happens in a step"
    for model in {one.model.name: one.model for one in network.instances()}.values():
        if any(_looks_back(factor) for port in model.ports for _, factor in port.jumps):
            yield f"has no held or delayed values in what {model.name} receives"
        if model.refractory is not None and _moves(model, model.refractory.duration):
            yield f"has no refractory time that changes with the state, as that of {model.name} does"


def _looks_back(expression: Expression) -> bool:
    """Whether an expression reads a value of another moment."""
    return any(isinstance(node, Call) and node.function in ("held", "delayed") for node in expression.walk())


def _moves(model: Model, expression: Expression) -> bool:
    """Whether an expression reads a state or an input, itself or through definitions."""
    definitions = {d.name: d.expression for d in model.definitions}
    moving = {s.name for s in model.states} | {i.name for i in model.inputs} | {"t"}
    read = symbols(expression)
    return bool(read & moving) or any(_moves(model, definitions[name]) for name in read & set(definitions))
