"""Arrays of multicompartment cells: geometric coefficients of control volumes, and potentials at places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bioasm.network.cables import POTENTIAL, Cables, sites
from bioasm.vm.codegen.cables import AREA, AXIAL, CAPACITY, CONDUCTANCE, PARENT, SHARES, SITES, runs_field, tree_field
from bioasm.vm.codegen.system import COVERED
from bioasm.vm.network_arrays import NetworkArrays

Array = NDArray[Any]


def lay_out(arrays: NetworkArrays, cables: Cables) -> None:
    """Fill the constant arrays of the Hines solver; SI units."""
    q, cell, state = cables.volumes, cables.cell, arrays.state
    volumes, n = cell.volumes, arrays.network.populations[cables.cells].n
    state.wholes[f"volumes:{q}"] = volumes.n
    axial = volumes.conductances.copy()
    np.add.at(axial, volumes.parents[1:], volumes.conductances[1:])
    for what, values in ((AREA, volumes.areas), (CAPACITY, volumes.capacities(cell.cm)), (AXIAL, axial)):
        arrays.fill(tree_field(what, q), q, np.repeat(values, n))
    found = sites(cell)
    near = [index for site in found for index in (site.cv, site.probe.near, site.probe.far)]
    near += [volumes.at(place) for place in cell.detectors.values()]
    tables = {
        PARENT: volumes.parents,
        CONDUCTANCE: volumes.conductances,
        SITES: np.array(near, np.int64),
        SHARES: np.array([site.probe.share for site in found]),
    }
    state.fields |= {tree_field(what, q): table.copy() for what, table in tables.items()}
    for instance, mechanism in zip(arrays.names.mechanisms, arrays.network.mechanisms, strict=True):
        region = cell.region(mechanism.where) if mechanism.population == q and mechanism.where else None
        if region is not None:
            covered = volumes.covered(region)
            arrays.fill(f"{COVERED}{instance.id}#", q, np.repeat(covered, n))
            runs = n * _runs(covered > 0.0)
            state.wholes[f"runs:{instance.id}"] = len(runs)
            state.fields[runs_field(instance.id, q)] = runs.ravel()


def _runs(inside: Array) -> Array:
    """Run-length encoding of a mask: its true runs as (first, length), int64 (runs, 2)."""
    edges = np.flatnonzero(np.diff(inside.astype(np.int8), prepend=0, append=0))
    return np.column_stack([edges[::2], edges[1::2] - edges[::2]]).astype(np.int64)


def look(arrays: NetworkArrays, cables: Cables) -> None:
    """Update the potentials at places from the present ones of CVs, after the program has set these."""
    state, fields, cell = arrays.state, arrays.state.fields, cables.cell
    n = arrays.network.populations[cables.cells].n
    v = state.places_of(fields[f"p{cables.volumes}.v"]).reshape(state.places, cell.volumes.n, n)
    for at, place in zip(cables.detectors, cell.detectors.values(), strict=True):
        fields[f"p{at}.v"][:] = state.to_cells(np.ascontiguousarray(v[:, cell.volumes.at(place)]))
    for name, values in seen(cables, v):
        fields[name][:] = state.to_cells(np.ascontiguousarray(values))


def seen(cables: Cables, v: Array) -> Iterator[tuple[str, Array]]:
    """Interpolation: potentials at places of cells, by qualified name, (places, n), from those of CVs, (places, CVs, n)."""
    for site in sites(cables.cell):
        yield f"p{cables.cells}.{POTENTIAL + site.suffix if site.suffix else 'v'}", v[:, site.cv]
        if site.suffix:
            near, far, share = site.probe
            yield f"p{cables.cells}.v{site.suffix}", (1.0 - share) * v[:, near] + share * v[:, far]
