"""POP of a multicompartment cell, and MECH on a part of it: painted on a region `cells.soma`, or at a place `cells.tip`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bioasm.diagnostics import did_you_mean
from bioasm.isa.findings import Finding, Found
from bioasm.isa.limits import limit
from bioasm.models.base import SPINS, Model
from bioasm.network.cables import CURRENT, VOLUMES, Cables, cell_model, detector_model, volume_model
from bioasm.network.network import Mechanism, Population
from bioasm.units import EXPONENTS, Dimension
from bioasm.verifier.network_parts import NetworkBuilder

if TYPE_CHECKING:
    from bioasm.morphology.cell import Cell


def add_cells(builder: NetworkBuilder, name: str, cell: Cell, n: int) -> Found:
    """Add n cells under a name, and their CVs and detectors under names with the suffix `_cv` or the detector's name."""
    populations, parts = builder.populations, [name + VOLUMES, *(f"{name}_{one}" for one in cell.detectors)]
    first = populations[-1].first + populations[-1].n if populations else 0
    taken = next((one for one in parts if one in builder.instances or one in builder.projections), None)
    if taken is not None:
        what = "CVs" if taken == parts[0] else "spikes at a place"
        yield Finding("B008", f"the {what} of {name} are called {taken}, and this name stands for another part already")
    elif any(one.model.kind == SPINS for one in populations):
        yield Finding("B127", f"population {populations[0].name} is there already, and spins stand alone")
    elif len(populations) + 1 + len(parts) > limit("populations"):
        yield Finding("B111", f"a program has at most {limit('populations')} populations")
    elif cell.most_volumes > limit("volumes"):
        text = f"the cell {cell.name} has about {cell.most_volumes:.6g} CVs; the limit is {limit('volumes')}"
        yield Finding("B111", text, "fewer `per branch`, or longer ones by `at most`", operand=1)
    elif fault := cell.fault(limit("volumes")):
        yield Finding(fault.code, f"{fault.message} (cell {cell.name})", operand=1)
    elif first + max(n, 1) * (len(parts) + cell.most_volumes) > limit("neurons"):
        yield Finding("B111", f"{n} cells of about {cell.most_volumes:.6g} CVs; the limit is {limit('neurons')} neurons in all")
    else:
        at, total = len(populations), n * cell.volumes.n
        builder.cables.append(Cables(cell, at, at + 1, tuple(range(at + 2, at + 1 + len(parts)))))
        builder.add_population(Population(name, cell_model(cell), n, first))
        builder.add_population(Population(parts[0], volume_model(cell), total, first + n))
        for k, part in enumerate(parts[1:], 1):
            builder.add_population(Population(part, detector_model(cell), n, first + k * n + total, name))


def cells_and_part(builder: NetworkBuilder, word: str) -> tuple[Cables, str] | None:
    """Resolve `cells`, `cells.soma` or `cells_cv` to cells and the part; None for a word that names no cells."""
    head, _, part = word.partition(".")
    for cables in builder.cables:
        if builder.populations[cables.volumes].name == word:
            return cables, "all"
        if builder.populations[cables.cells].name == head:
            return cables, part
    return None


def detector_refusal(builder: NetworkBuilder, population: int) -> Finding | None:
    """The finding that a population is a spike detector, which takes no mechanisms."""
    cells = next((one.cells for one in builder.cables if population in one.detectors), None)
    if cells is None:
        return None
    name, whole = builder.populations[population].name, builder.populations[cells].name
    hint = f"`place` in the text of the cell names points that mechanisms of {whole} stand at"
    return Finding("B145", f"{name} sees spikes of {whole}, and no mechanism stands on it", hint, operand=2)


def add_painted(builder: NetworkBuilder, name: str, model: Model, cables: Cables, part: str) -> Found:
    """Put a mechanism at a place of cells, or paint it on a region; without a part, paint a density on the whole cell."""
    cell, cells = cables.cell, builder.populations[cables.cells].name
    if model.events:
        text = f"{model.name} has the event {model.events[0].name}, and a step of cells that are trees has none"
        yield Finding("B145", text, f"a state of {model.name} can count in its `step:`", operand=1)
        return
    if part in cell.places or (not part and _is_current(model)):
        builder.add_mechanism(Mechanism(name, model, cables.cells, part))
        return
    region = cell.region(part or "all")
    if region is None:
        known = [*cell.places, *cell.region_names]
        hint = did_you_mean(part, known) or f"there are {', '.join(known)}"
        yield Finding("B145", f"{cells} has no region or place {part!r}", hint, operand=2)
        return
    yield from _twice(builder, model, cables, part)
    whole = cell.volumes.lies_in(region)
    builder.add_mechanism(Mechanism(name, model, cables.volumes, "" if whole else part))


def _is_current(model: Model) -> bool:
    """Whether a mechanism adds a current to I and no density: a point mechanism, which needs a place."""
    from bioasm.network.composition import unit_of_value

    added = [unit_of_value(one.value, model) for one in model.adds if one.target == CURRENT]
    return EXPONENTS[Dimension.CURRENT] in added


def _twice(builder: NetworkBuilder, model: Model, cables: Cables, part: str) -> Found:
    """The finding that the mechanism is painted on an overlapping region already."""
    from bioasm.morphology.regions import shared  # most programs have no cells that are trees

    cell = cables.cell
    for other in builder.mechanisms:
        same = other.population == cables.volumes and other.model.name == model.name
        if same and shared(cell.region(part or "all") or (), cell.region(other.where or "all") or ()):
            text = f"{model.name} is painted on {other.where or 'all'} as {other.name}, which {part or 'all'} overlaps"
            yield Finding("B144", text, operand=2)
