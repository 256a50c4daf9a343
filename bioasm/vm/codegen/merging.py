"""Procedure merging and loop rerolling: functions and calls for populations or projections that are alike become one.

Functions that differ only in the places they read become one function with the number of a member, and the statements that call
it for one population after another become a loop over rows. So the size of a step follows from the number of different models
and synapses, not from that of populations. Statements stay in their order, so that every number stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.vm.codegen.families import Families, Family
from bioasm.vm.codegen.layout import Layout
from bioasm.vm.codegen.rolls import Rolls
from bioasm.vm.codegen.rows import Locals, Rows, Vector, filled, place_together
from bioasm.vm.codegen.statements import Function
from bioasm.vm.codegen.types import Type
from bioasm.vm.codegen.values import named

_MEMBER = named("member", Type.I64)


class Merging:
    """The merged functions of a step: first the places that rows read are put together in the layout, then they are made."""

    def __init__(self, functions: list[Function]) -> None:
        self.families = Families(functions)
        alone = [family.first for family in self.families.all if not family.is_merged]
        self.rolls = {function.name: Rolls(function, self.families) for function in alone}

    def place(self, layout: Layout) -> None:
        """Give the places of each row consecutive indices; afterwards all others may be placed."""
        for family in self.families.all:
            place_together(layout, _vectors(family) if family.is_merged else self.rolls[family.first.name].vectors())

    def functions(self, layout: Layout) -> tuple[Function, ...]:
        """The functions, one a family, once all places are known."""
        return tuple(
            _merged(family, layout, self.families) if family.is_merged else self.rolls[family.first.name].function(layout)
            for family in self.families.all
        )


def _vectors(family: Family) -> Iterator[Vector]:
    yield from zip(*family.holes, strict=True)


def _merged(family: Family, layout: Layout, families: Families) -> Function:
    """The function of a family, with a row number, from which it first reads its places."""
    kept = Locals("at")
    body = filled(family.first.body, _vectors(family), Rows(layout, families, _MEMBER, kept), numbers=False)
    return Function(family.first.name, (*family.first.parameters, _MEMBER), (*kept.lets.values(), *body), family.first.result)
