"""Rewriting of model expressions for evaluation between two steps, without `held` and `delayed`."""

from __future__ import annotations

from bioasm.models.base import Model
from bioasm.models.expression import Call, Expression, Symbol, rebuilt
from bioasm.vm.codegen.lower import delayed_ring


def present(expression: Expression) -> Expression:
    """The expression between two steps: `held` is the identity, and `delayed` the name of its ring buffer."""
    if isinstance(expression, Call) and expression.function == "held":
        return present(expression.arguments[0])
    if isinstance(expression, Call) and expression.function == "delayed":
        return Symbol(delayed_ring(expression))
    return rebuilt(expression, present)


def definition(model: Model, name: str) -> Expression:
    """The expression of a definition of a model, or the name itself."""
    return next((d.expression for d in model.definitions if d.name == name), Symbol(name))
