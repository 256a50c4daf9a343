"""Cells that are trees as parts of a network: a population of cells, and one of their control volumes (CVs) beside it.

A cell is a neuron of the first: its inputs are currents into places, its variables the potentials there, and its spikes are
seen where its text says. Of n cells the second has n neurons for each CV: neuron cv*n + k is that of cell k. Each further place
that sees spikes is a population of n neurons that send them. Mechanisms that are painted stand on CVs, those that are placed on
cells. The texts of all models follow from that of the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from bioasm.models.base import Model
from bioasm.morphology.cell import RESERVED, Cell
from bioasm.morphology.regions import Location

if TYPE_CHECKING:
    from bioasm.morphology.volumes import Probe  # numpy, which most commands do not need

VOLUMES = f"_{RESERVED}"  # what follows the name of a population in that of its CVs
INTO, POTENTIAL = "into", "cv"  # of a place: the whole current into it, and the potential of its CV
CURRENT, SHUNT = "I", "G"  # the inputs of a place: a current, and a conductance to 0 mV
CM_FACTOR = "cm_factor"  # the parameter of CVs that multiplies the capacitance of the cell's text
_ORDER = "receive, step, spike, reset"

_DETECTOR = (
    "parameters:",
    "dt = 0.025 ms > 0 fixed",
    'threshold = 0 mV "level whose upward crossing is a spike"',
    "state:",
    'v = 0 mV "potential of the CV where spikes are seen"',
    'crossing_time = -1 s "time of the last spike, interpolated; negative before the first"',
)
_SPIKES = ("spike: v crosses threshold", "reset:", "crossing_time := t + dt*(threshold - held(v))/(v - held(v))")
_OBSERVED = (f"order: {_ORDER}", "observe:", 'v = v "potentials where spikes are seen"')


class Cables(NamedTuple):
    """Cells of one kind in a network: their text, and the indices of the populations of cells, of CVs and of detectors."""

    cell: Cell
    cells: int
    volumes: int
    detectors: tuple[int, ...] = ()

    @property
    def populations(self) -> tuple[int, ...]:
        """The indices of all populations that they are."""
        return (self.cells, self.volumes, *self.detectors)


class Site(NamedTuple):
    """A place as mechanisms see it: what follows the names of its variables, where it is, its CV, and its voltage."""

    suffix: str
    place: Location
    cv: int
    probe: Probe


def sites(cell: Cell) -> list[Site]:
    """The place where spikes are seen (the root without one), whose names have nothing behind them, and those with names."""
    places = {"": cell.detector or Location(0, 0.0)} | {f"_{name}": place for name, place in cell.places.items()}
    return [Site(suffix, place, cell.volumes.at(place), cell.volumes.probe(place)) for suffix, place in places.items()]


def alias(word: str, place: str) -> str:
    """The name behind `v`, `I` or `G` of a mechanism at a place: the potential of that CV, or what goes into it."""
    there = {"v": POTENTIAL, CURRENT: CURRENT, SHUNT: SHUNT}
    return f"{there[word]}_{place}" if place and word in there else word


def cell_model(cell: Cell) -> Model:
    """The model of the population of cells."""
    named = [f"_{name}" for name in cell.places]
    lines = ['"cells that are trees: their places and spikes"', *_DETECTOR]
    for name in named:
        lines += [f'v{name} = 0 mV "potential at {name[1:]}"', f'{POTENTIAL}{name} = 0 mV "potential of the CV of {name[1:]}"']
    lines += ["inputs:", *(line for name in ("", *named) for line in _inputs(name))]
    lines += ["definitions:", f"{INTO} = {CURRENT} - {SHUNT}*v"]
    lines += [f"{INTO}{name} = {CURRENT}{name} - {SHUNT}{name}*{POTENTIAL}{name}" for name in named]
    return _parsed(cell, [*lines, *(_SPIKES if cell.detector is not None else ()), *_OBSERVED])


def detector_model(cell: Cell) -> Model:
    """The model of a population of places that see spikes."""
    return _parsed(cell, ['"places of cells that are trees, which see their spikes"', *_DETECTOR, *_SPIKES, *_OBSERVED])


def _inputs(suffix: str) -> Iterator[str]:
    where = suffix[1:] or "the place where spikes are seen"
    yield f'{CURRENT}{suffix} : A "current into the CV of {where}"'
    yield f'{SHUNT}{suffix} : S "conductance to 0 mV there, solved with the cable: of gap junctions"'


def volume_model(cell: Cell) -> Model:
    """The model of the population of CVs."""
    lines = ['"control volumes of cells that are trees"', "parameters:"]
    lines += ["dt = 0.025 ms > 0 fixed", 'v0 = -65 mV "potential that v starts at"']
    lines += ['ena = 50 mV "reversal potential of sodium"', 'ek = -77 mV "reversal potential of potassium"']
    lines += [f'{CM_FACTOR} = 1 > 0 "what multiplies the capacitance that the text of the cell gives"']
    lines += ["state:", 'v = v0 "membrane potential"', "inputs:", 'I : A/m2 "current density into the membrane"']
    lines += [f"order: {_ORDER}", "observe:", 'v = v "membrane potentials"']
    return _parsed(cell, lines)


def _parsed(cell: Cell, lines: list[str]) -> Model:
    """The model of these lines under the cell's name, whose potential nothing can hold: it follows from all of the cell."""
    from bioasm.models.text import parse_model

    model = parse_model("\n".join([".model cell {", *lines, "}"]))
    return replace(model, name=cell.name, abilities=model.abilities - {"clamp"})
