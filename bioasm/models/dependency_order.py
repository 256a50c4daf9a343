"""Topological sort of definitions and initial values, with findings for cycles."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter

from bioasm.models.expression import Expression, symbols
from bioasm.models.findings import Findings
from bioasm.models.syntax_tree import RawModel, RawValue


def order_of(parsed: RawModel, findings: Findings) -> tuple[list[str], set[str]]:
    """Topological sort of definitions and states by the names that their values and initial values need; also those in cycles.

    A cycle gives one finding.
    """
    raw: dict[str, RawValue] = {item.name: item for item in (*parsed.definitions, *parsed.states)}
    definitions = {item.name for item in parsed.definitions}
    needs = {name: symbols(item.value) & raw.keys() for name, item in raw.items()}
    circular: set[str] = set()
    while True:
        try:
            return list(_sorted(needs)), circular
        except CycleError as fault:
            circle = list(reversed(fault.args[1]))
            what = "definitions" if definitions.issuperset(circle) else "initial values"
            text = f"{what} need each other in a circle: {' needs '.join(circle)}"
            hint = "one of them must be a state with an equation" if what == "definitions" else "give one of them a number"
            findings.add("B023", text, raw[min(circle, key=lambda n: raw[n].name.at)].name.at, hint)
            circular |= {*circle}
            needs = {name: found - circular for name, found in needs.items()}


def _sorted(needs: Mapping[str, set[str]]) -> list[str]:
    return list(TopologicalSorter({name: sorted(found) for name, found in needs.items()}).static_order())


def definition_order(values: Mapping[str, Expression]) -> list[str]:
    """Topological sort of definitions without cycles."""
    return _sorted({name: symbols(value) & values.keys() for name, value in values.items()})
