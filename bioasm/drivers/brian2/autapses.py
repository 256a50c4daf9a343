"""Alias check of autapses: synapses that change one variable through both ends, of which Brian2 would lose a change."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.diagnostics import Diagnostic
from bioasm.models.base import Assignment, Handler, Model
from bioasm.models.expression import symbols
from bioasm.verifier.abilities import attached
from bioasm.verifier.gate import Verified

_HINT = "`without autapses` behind the rule of CON, or driver cpu, runs it"


def autapse_problems(verified: Verified) -> Iterator[Diagnostic]:
    """Diagnostics of projections that allow autapses and whose synapse changes a variable that both ends access.

    Brian2 loads `v_pre` and `v_post` before the statements of an event and stores both after them, as if they were distinct.
    """
    for instruction in verified.instructions:
        projection = attached(verified, instruction)
        if projection is None or projection.synapse is None:
            continue
        among = verified.network.candidates(projection)
        twice = _reached_twice(projection.synapse)
        if twice and among.shift is not None and among.autapses:
            text = f"driver brian2 can't let {projection.synapse.name} change {twice} of a neuron connected with itself"
            yield Diagnostic("B502", text, instruction.span, hint=_HINT)


def _reached_twice(model: Model) -> str:
    """A variable that statements of one event change through one end and name through the other as well; else nothing."""
    return next((name for handler in model.handlers if (name := _in_handler(handler))), "")


def _in_handler(handler: Handler) -> str:
    changed = {s.variable for s in handler.statements if isinstance(s, Assignment)}
    named = changed.union(*(symbols(statement.value) for statement in handler.statements))
    ends = (("_pre", "_post"), ("_post", "_pre"))
    both = {
        name.removesuffix(one) for name in changed for one, other in ends
        if name.endswith(one) and name.removesuffix(one) + other in named
    }  # fmt: skip
    return min(both, default="")
