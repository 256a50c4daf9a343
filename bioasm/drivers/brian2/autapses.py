"""Synapses of a neuron with itself that reach one variable through both ends: Brian2 would keep one of two changes."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.diagnostics import Diagnostic
from bioasm.models.base import Assignment, Handler, Model
from bioasm.models.expression import symbols
from bioasm.verifier.abilities import attached
from bioasm.verifier.gate import Verified

_HINT = "`without autapses` behind the rule of CON, or driver cpu, runs it"


def autapse_problems(verified: Verified) -> Iterator[Diagnostic]:
    """Projections that can connect a neuron with itself, and whose synapse changes a variable that both ends have.

    Brian2 reads `v_pre` and `v_post` before the statements of an event and stores both behind them, as if they were two cells.
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
