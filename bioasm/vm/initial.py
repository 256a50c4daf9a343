"""Expressions of model texts between two steps, when nothing is held or delayed any more."""

from __future__ import annotations

from bioasm.models.base import Model
from bioasm.models.expression import Call, Expression, Symbol, rebuilt
from bioasm.vm.codegen.lower import delayed_ring


def present(expression: Expression) -> Expression:
    """The expression between two steps: what is held is as it is now, and what is delayed the name of its ring."""
    if isinstance(expression, Call) and expression.function == "held":
        return present(expression.arguments[0])
    if isinstance(expression, Call) and expression.function == "delayed":
        return Symbol(delayed_ring(expression))
    return rebuilt(expression, present)


def definition(model: Model, name: str) -> Expression:
    """The expression that a definition of a model names, or the name itself."""
    return next((d.expression for d in model.definitions if d.name == name), Symbol(name))
