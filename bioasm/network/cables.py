"""Multicompartment cells in a network: a population of cells, and one of their control volumes (CVs) beside it.

A cell is a neuron of the first population: its inputs are currents into places, its variables the potentials there, and its
spikes are detected where its text says. The second population has n neurons for each CV of n cells: neuron cv*n + k belongs
to cell k. Each further spike detector is a population of n neurons. Painted (density) mechanisms are on CVs, placed (point)
mechanisms on cells. The texts of all models are generated from that of the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from bioasm.models.base import Model
from bioasm.morphology.conventions import RESERVED

if TYPE_CHECKING:  # most programs have no cells that are trees
    from bioasm.morphology.cell import Cell
    from bioasm.morphology.regions import Location
    from bioasm.morphology.volumes import Probe

VOLUMES = f"_{RESERVED}"  # suffix of the population of CVs
INTO, POTENTIAL = "into", "cv"  # suffixes at a place: the total current into it, and the potential of its CV
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
    """Cells of one kind in a network: their Cell, and the indices of the populations of cells, CVs and detectors."""

    cell: Cell
    cells: int
    volumes: int
    detectors: tuple[int, ...] = ()

    @property
    def populations(self) -> tuple[int, ...]:
        """The indices of all their populations."""
        return (self.cells, self.volumes, *self.detectors)


class Site(NamedTuple):
    """A place of point mechanisms: the suffix of its variables, its location, its CV, and its voltage."""

    suffix: str
    place: Location
    cv: int
    probe: Probe


def sites(cell: Cell) -> list[Site]:
    """The place of the unnamed detector (else the root), whose suffix is empty, and all places with names."""
    from bioasm.morphology.regions import Location

    places = {"": cell.detector or Location(0, 0.0)} | {f"_{name}": place for name, place in cell.places.items()}
    return [Site(suffix, place, cell.volumes.at(place), cell.volumes.probe(place)) for suffix, place in places.items()]


def alias(word: str, place: str) -> str:
    """The cell's variable or input for `v`, `I` or `G` of a mechanism at a place."""
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
    """The model of a population of spike detectors."""
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
    """Parse generated lines as a model with the cell's name, without a clamp: its potentials follow from the whole cell."""
    from bioasm.models.text import parse_model

    model = parse_model("\n".join([".model cell {", *lines, "}"]))
    return replace(model, name=cell.name, abilities=model.abilities - {"clamp"})
