"""Multicompartment cells on Brian2: one SpatialNeuron solves for the potentials of all cells of a kind in all lanes.

A morphology of Brian2 is one tree. All cells are attached to the ends of stumps, each by its root through a conductance of
1e-300, so that no current flows between them. In each step the program's NeuronGroups provide the currents into control volumes
(CVs), linearised at the old potential, and get the new potentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import brian2
import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.brian2.cell import covered, identifier
from bioasm.drivers.brian2.compartments import Compartments, Stretched
from bioasm.drivers.brian2.flows import flow_variable, slope_variable
from bioasm.drivers.brian2.population import Population
from bioasm.morphology.conventions import METHODS
from bioasm.morphology.regions import Location
from bioasm.network.cables import CM_FACTOR, POTENTIAL, Cables

Array = NDArray[Any]
PHASES = ("receive", "step", "solve", "then", "spike", "reset")  # the phases of a step of cells, in order
_APART = 1e300  # ohm: between a cell and its stump
_MODEL = """
Im = into - conductance * v : amp / meter**2
into : amp / meter**2
conductance : siemens / meter**2
"""


class Section(brian2.Section):  # type: ignore[misc]
    """A section whose compartments have given areas and resistances, in SI units.

    `inner` (n,) are the resistances before the midpoints of compartments, `last` is that after the last one. Brian2 splits
    each between two compartments into halves.
    """

    def __init__(self, areas: Array, inner: Array, last: float) -> None:
        n = len(areas)
        ones = np.full(n, 1e-6) * brian2.meter
        super().__init__(n=n, length=ones, diameter=np.full(n + 1, 1e-6) * brian2.meter)
        halves = np.concatenate([inner[:1], inner[1:] / 2.0])
        self._areas, self._before = areas, 1.0 / halves
        self._behind = 1.0 / np.append(halves[1:], last)

    def __deepcopy__(self, memo: Any) -> Section:
        return self  # a SpatialNeuron stores a copy for each level of the tree

    @property
    def area(self) -> Any:
        """The membrane of each compartment."""
        return self._areas * brian2.meter**2

    @property
    def r_length_1(self) -> Any:
        """The conductance before the midpoint of each compartment, for a resistivity of 1 ohm m."""
        return self._before * brian2.meter

    @property
    def r_length_2(self) -> Any:
        """The conductance after the midpoint of each compartment."""
        return self._behind * brian2.meter

    @property
    def distance(self) -> Any:
        """Distances from the root: zeros, which SpatialNeuron stores and no equation of ours reads."""
        return np.zeros(self.n) * brian2.meter

    @property
    def end_distance(self) -> Any:
        """The distance of the end from the root, unused as well."""
        return 0.0 * brian2.meter


class SpatialCells:
    """Cells of one kind in all lanes; `objects` are those of Brian2's network."""

    def __init__(self, cables: Cables, populations: list[Population], clock: Any) -> None:
        self.compartments, self.cell = Compartments(cables.cell), cables.cell
        self.cells, self.volumes = populations[cables.cells], populations[cables.volumes]
        seeing = zip(cables.detectors, cables.cell.detectors.values(), strict=True)
        self.seeing = [(populations[at], self.compartments.at(place)) for at, place in seeing]
        self.n, self.lanes = self.cells.n, self.cells.lanes
        places = {"": cables.cell.detector or Location(0, 0.0), **cables.cell.places}
        self.places = {name: self.compartments.seen_at(place) for name, place in places.items()}
        self._grow()
        self.neuron = brian2.SpatialNeuron(self.stumps[0], _MODEL, Ri=1.0 * brian2.ohm * brian2.meter, clock=clock)
        self.solver = self.neuron.diffusion_state_updater
        self.solver.when, self.solver.order = self.volumes.cell.slot("solve"), 1
        how = {"clock": clock, "when": self.solver.when}
        before, after = (
            brian2.NetworkOperation(act, order=order, **how) for act, order in ((self._assemble, 0), (self._spread, 2))
        )
        self.objects = [self.neuron, before, after]
        self._fill()
        self.cells.seen_at_start = self._seen_at_start
        self.cells.start()

    # --- the tree -----------------------------------------------------------------------------------

    def _grow(self) -> None:
        """Build the tree of all cells, each with a stump; `where` has the cell and the CVs of each section, by its id."""
        self.where: dict[int, tuple[int, Stretched]] = {}
        one, few = np.full(1, 1e-12), np.ones(1)
        self.stumps = [Section(one, few, 1.0) for _ in range(self.n * self.lanes)]
        self.kept: list[Section] = []
        for at, stump in enumerate(self.stumps):
            if at:
                self.stumps[(at - 1) // 2][f"stump_{at}"] = stump
            self._hang(at, stump)

    def _hang(self, tree: int, stump: Section) -> None:
        """Attach a cell to a stump."""
        made: list[Section] = []
        for at, one in enumerate(self.compartments.sections):
            inner = one.resistances[:-1].copy()
            if one.parent < 0:
                inner[0] = _APART
            section = Section(self.compartments.areas[list(one.volumes)], inner, float(one.resistances[-1]))
            (stump if one.parent < 0 else made[one.parent])[f"section_{at}"] = section
            self.where[id(section)] = tree, one
            made.append(section)
        self.kept += made

    def _sections(self) -> Iterator[Section]:
        """All sections in Brian2's preorder, parents first."""
        way = [self.stumps[0]]
        while way:
            section = way.pop()
            yield section
            way += reversed(list(section.children))

    def _fill(self) -> None:
        """Map compartments and ends of sections to neurons of the population of CVs; set capacitances and coverages."""
        self._number()
        self.compartment = np.full(self.volumes.n * self.lanes, -1)
        self.compartment[self.of] = self.at
        self.area = self._variable("area")
        each = np.tile(np.repeat(self.compartments.capacitances, self.n), self.lanes)
        self.capacity = each[self.of] / self.area[self.at]  # F/m2
        self._variable("Cm")[self.at] = self.capacity
        for part in self.volumes.cell.parts:
            if part.region:
                there = self.compartments.covered(self.cell.region(part.region) or ())
                self.volumes.store(covered(part), np.repeat(there, self.n))

    def _number(self) -> None:
        """Index maps between neurons and compartments (`of`, `at`), and between forks and ends of sections (`fork`, `end`)."""
        at, of, end, fork, first = list[int](), list[int](), list[int](), list[int](), 0
        for number, section in enumerate(self._sections()):
            if id(section) in self.where:
                tree, one = self.where[id(section)]
                at += range(first, first + section.n)
                of += [self._neuron(tree, cv) for cv in one.volumes]
                end += [number + 1] * (one.fork >= 0)  # Brian2's array of ends begins with the root
                fork += [self._neuron(tree, one.fork)] * (one.fork >= 0)
            first += section.n
        self.at, self.of, self.end, self.fork = (np.array(numbers, np.int64) for numbers in (at, of, end, fork))

    def _neuron(self, tree: int, cv: int) -> int:
        """The index of a cell's CV in the population of CVs; neurons and trees are lane-major."""
        lane, cell = divmod(tree, self.n)
        return lane * self.volumes.n + cv * self.n + cell

    def _variable(self, name: str) -> Array:
        """A view of one of the SpatialNeuron's variables."""
        values: Array = self.neuron.variables[name].get_value()
        return values

    # --- a step -------------------------------------------------------------------------------------

    def _potentials(self) -> Array:
        return self.volumes.array(identifier(self.volumes.cell.parts[0], "v"))

    def _assemble(self) -> None:
        """Set Brian2's potentials, and the linearised flows into CVs as currents and conductances."""
        v = self._potentials().ravel()
        slope = self.volumes.array(slope_variable(0)).ravel()[self.of]
        current, conductance = np.zeros(len(self.area)), np.zeros(len(self.area))
        current[self.at] = self.volumes.array(flow_variable(0)).ravel()[self.of] - slope * v[self.of]
        conductance[self.at] = -slope
        more = (self._capacity_factor() - 1.0) * self.capacity / float(self.neuron.clock.dt_)
        current[self.at] += more * v[self.of]
        conductance[self.at] += more
        for at, seen in enumerate(self.places.values()):
            here = self.compartment.reshape(self.lanes, -1, self.n)[:, seen.cv]
            slope, old = self.cells.array(slope_variable(at)), v.reshape(self.lanes, -1, self.n)[:, seen.cv]
            current[here] += (self.cells.array(flow_variable(at)) - slope * old) / self.area[here]
            conductance[here] -= slope / self.area[here]
        self._variable("v")[self.at], self._variable("into")[:] = v[self.of], current
        self._variable("conductance")[:] = conductance

    def _capacity_factor(self) -> Array:
        """The factor of each compartment's capacitance, doubled for the half step of Crank-Nicolson."""
        own = self.volumes.array(identifier(self.volumes.cell.parts[0], CM_FACTOR)).ravel()[self.of]
        return np.asarray(own * (2.0 if self.cell.method == METHODS[1] else 1.0))

    def _spread(self) -> None:
        """Read the new potentials from Brian2, those of forks from the ends of sections."""
        v, solved = self._potentials(), np.empty(self.volumes.n * self.lanes)
        solved[self.of] = self._variable("v")[self.at]
        solved[self.fork] = self.solver.variables["_B"].get_value()[self.end]
        new = solved.reshape(v.shape)
        v[:] = 2.0 * new - v if self.cell.method == METHODS[1] else new
        self.look()

    # --- places -------------------------------------------------------------------------------------

    def look(self) -> None:
        """Update the potentials at places from those of CVs."""
        v = self._potentials().reshape(self.lanes, -1, self.n)
        for population, cv in self.seeing:
            population.store(identifier(population.cell.parts[0], "v"), v[:, cv])
        for name, values in self._seen(v):
            self.cells.store(identifier(self.cells.cell.parts[0], name), values)

    def _seen(self, v: Array) -> Iterator[tuple[str, Array]]:
        """The potentials at places by name, (lanes, n), from those of CVs, (lanes, CVs, n)."""
        for name, (cv, near, far, share) in self.places.items():
            yield f"{POTENTIAL}_{name}" if name else "v", v[:, cv]
            if name:
                yield f"v_{name}", (1.0 - share) * v[:, near] + share * v[:, far]

    def _seen_at_start(self) -> dict[str, Array]:
        start = self.volumes.initial(self.volumes.cell.parts[0], "v")
        v = np.broadcast_to(start, (self.lanes, self.volumes.n)).reshape(self.lanes, -1, self.n)
        return dict(self._seen(v))
