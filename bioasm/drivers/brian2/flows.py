"""Linearised membrane currents of control volumes (CVs), and masks where states of painted mechanisms advance."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.drivers.brian2.cell import Cell, Part, identifier
from bioasm.drivers.brian2.derivative import ZERO, derivative
from bioasm.drivers.brian2.printer import spell, spell_unit
from bioasm.models.base import Equation
from bioasm.models.expression import Number, Symbol
from bioasm.network.cables import CURRENT, alias
from bioasm.network.network import usable
from bioasm.units import Exponents, quotient


def flow_variable(at: int) -> str:
    """The variable of the `at`-th flow into control volumes."""
    return f"flow_{at}"


def slope_variable(at: int) -> str:
    """The variable of its derivative with respect to the potential."""
    return f"slope_{at}"


def flow_equations(cell: Cell) -> str:
    """The declarations of the variables of flows and slopes."""
    return "".join(f"\n{name} : {spell_unit(unit)}" for name, unit in _units(cell).items())


def _units(cell: Cell) -> dict[str, Exponents]:
    units = {thing.name: thing.unit for thing in usable(cell.parts[0].model)}
    found = {}
    for at, (flow, potential) in enumerate(cell.tree.flows if cell.tree else ()):
        found[flow_variable(at)] = units[flow]
        found[slope_variable(at)] = quotient(units[flow], units[potential])
    return found


def flow_code(cell: Cell) -> str:
    """Code that computes the flows into control volumes, and their slopes, at the old potentials."""
    return "\n".join(_flow_lines(cell))


def _flow_lines(cell: Cell) -> Iterator[str]:
    own, units = cell.parts[0], _units(cell)
    for at, (flow, potential) in enumerate(cell.tree.flows if cell.tree else ()):
        total = cell.written_out(own, Symbol(flow))
        slope = derivative(total, identifier(own, potential))
        slope = Number(0.0, units[slope_variable(at)]) if slope == ZERO else slope
        yield f"{flow_variable(at)} = {spell(total)}"
        yield f"{slope_variable(at)} = {spell(slope)}"


def stands_still_elsewhere(cell: Cell, part: Part) -> bool:
    """Whether a painted mechanism's states advance on its region only: it shares no value with another mechanism."""
    if not part.region or cell.tree is None or cell.tree.together or cell.summed.get((cell.parts[0].name, CURRENT)):
        return False
    others = [one for one in cell.parts[1:] if one is not part]
    return not _met_by(cell, part) and all(part not in _met_by(cell, one) for one in others)


def _met_by(cell: Cell, part: Part) -> list[Part]:
    """The other mechanisms that a mechanism reads from or adds to."""
    model = part.model
    read = [item.rate if isinstance(item, Equation) else item.value for stage in model.stages for item in stage]
    read += [d.expression for d in model.definitions] + [a.value for a in model.adds]
    names = {node.name for value in read for node in value.walk() if isinstance(node, Symbol)}
    found = [cell.owner(part, name)[0] for name in names]
    found += [cell.input_owner(alias(addition.target, part.place)) for addition in model.adds]
    return [one for one in found if one is not None and one is not part and one is not cell.parts[0]]
