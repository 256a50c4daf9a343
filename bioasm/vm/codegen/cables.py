"""Hines solver: code of the step of multicompartment cells, with currents into places, the tree's equations, and detectors.

C dv/dt = A I(v) + sum of axial currents is solved with implicit Euler steps and I linearised at the old potential: the matrix
has C/dt - A dI/dv and the axial conductances of a control volume on its diagonal. Hines' elimination (1984) goes from the tips
to the root and back, in order n. Crank-Nicolson is the same over half a step, extrapolated over the other half.
"""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.models.algebra import derivative, simplify
from bioasm.models.base import Assignment, Equation
from bioasm.models.expression import Binary, Expression, Symbol
from bioasm.network.cables import CM_FACTOR, CURRENT, INTO, POTENTIAL
from bioasm.vm.codegen.frame import CTX, REAL, B, Frame, cells, neurons
from bioasm.vm.codegen.layout import Field
from bioasm.vm.codegen.loop import Loop
from bioasm.vm.codegen.lower import DT, STEP
from bioasm.vm.codegen.plan import CableSites
from bioasm.vm.codegen.schedule import LANE0, WIDTH, K
from bioasm.vm.codegen.statements import Do, For, Function, Let, Return, Statement, Store
from bioasm.vm.codegen.steps import StepBuilder
from bioasm.vm.codegen.system import Instance
from bioasm.vm.codegen.types import Rate, Space, Type
from bioasm.vm.codegen.values import Value, as_value, cell, field, made_of, named, read

TREE = "tree:"  # prefix of the fields of trees
PARENT, CONDUCTANCE, AXIAL, CAPACITY, AREA = "parent", "conductance", "axial", "capacity", "area"
SITES, SHARES = "sites", "shares"  # per place: its CV and two neighbours, then detectors' CVs; the farther one's weight
DIAGONAL, RIGHT = "diagonal", "right"
PER_SITE = 3
AT, UP, HERE = (named(word, Type.I64) for word in ("cv", "up", "here"))


def tree_field(what: str, population: int) -> str:
    """The field `what` of the trees whose CVs are that population."""
    return f"{TREE}{what}:{population}"


def runs_field(mechanism: str, population: int) -> str:
    """The field with the runs of CVs that a mechanism (by its id) is painted on: first neuron and length of each."""
    return tree_field(f"runs:{mechanism}", population)


class CableSteps:
    """Builder of the functions of one kind of cells, and of the statements that call them."""

    def __init__(self, frame: Frame, cables: CableSites) -> None:
        self.frame, self.cables, self.q = frame, cables, cables.volumes
        self.cells, self.volumes = frame.steps[cables.cells], frame.steps[cables.volumes]

    def add(self) -> None:
        """Add the functions: loops over cells, over CVs and over those of painted mechanisms, and the Hines solver."""
        p, q, add = self.cables.cells, self.q, self.frame.add_loop
        add(f"inject_{p}", p, self._inject())
        for at, mechanism in enumerate(self.apart):
            add(f"paint_{q}_{at}", q, self._paint(mechanism))
        if self.apart:
            add(f"begin_sum_{q}", q, self._begin_sum())
        add(f"assemble_{q}", q, self._assemble())
        self.frame.functions.append(self._solve())
        for at, steps in ((p, self.cells), (q, self.volumes)):
            if any(_later(steps, self._together(steps))):
                add(f"advance_{at}", at, _advance(steps, self._together(steps)))
        for at, mechanism in enumerate(self.apart):
            if any(_later(self.volumes, {mechanism.id})):
                add(f"advance_{q}_{at}", q, _advance(self.volumes, {mechanism.id}))

    def statements(self) -> Iterator[Statement]:
        """One step of the potentials and of all mechanisms on cells and CVs."""
        p, q = self.cables.cells, self.q
        yield _whole(f"inject_{p}", p)
        if self.apart:
            yield _whole(f"begin_sum_{q}", q)
        for at, mechanism in enumerate(self.apart):
            yield from self._in_region(f"paint_{q}_{at}", at, mechanism)
        yield _whole(f"assemble_{q}", q)
        yield Do(f"solve_{q}", (CTX, REAL, B, STEP))
        for at, steps in ((q, self.volumes), (p, self.cells)):
            if any(_later(steps, self._together(steps))):
                yield _whole(f"advance_{at}", at)
        for at, mechanism in enumerate(self.apart):
            if any(_later(self.volumes, {mechanism.id})):
                yield from self._in_region(f"advance_{q}_{at}", at, mechanism, again=True)

    # --- mechanisms on regions ----------------------------------------------------------------------

    @property
    def apart(self) -> tuple[Instance, ...]:
        """The painted mechanisms with loops of their own."""
        return self.volumes.system.apart

    def _together(self, steps: StepBuilder) -> set[str]:
        """The ids of the instances that are stepped in loops over all cells."""
        return {one.id for one in steps.system.instances if one not in steps.system.apart}

    def _in_region(self, function: str, at: int, mechanism: Instance, *, again: bool = False) -> Iterator[Statement]:
        """Calls of a function over the runs of CVs that a mechanism is painted on."""
        count = read("whole", f"runs:{mechanism.id}", Rate.UNIFORM)
        runs, run = named(f"runs{self.q}_{at}", Type.I8), named(f"run{self.q}_{at}", Type.I64)
        if not again:
            address = field(runs_field(mechanism.id, self.q), self.q, "i8", "tree")
            yield Let(runs, made_of("view", Type.I8, (address, as_value(0), count * 2)))
        first, length = runs.item(run * 2) * WIDTH, runs.item(run * 2 + 1) * WIDTH
        call = Do(function, (CTX, REAL, B, first, length, STEP))
        yield For(run, as_value(0), count, 1, (call,), Space.COMPARTMENT)

    # --- before the solution ------------------------------------------------------------------------

    def _inject(self) -> Loop:
        """Linearised currents into places at the old potentials, and the first stage of the mechanisms there."""
        loop, system = self.cells.loop(later=True), self.cells.system
        for suffix in self.cables.suffixes:
            into = Symbol(system.population.qualified(INTO + suffix))
            potential = system.population.qualified(POTENTIAL + suffix if suffix else "v")
            slope = simplify(derivative(system.flat(into), potential))
            loop.store(tree_field(f"{CURRENT}{suffix}", self.q), loop.value(into, loop.start), Field(self.cables.cells))
            loop.store(tree_field(f"slope{suffix}", self.q), loop.value(slope, loop.start), Field(self.cables.cells))
        return _first_stage(self.cells, loop, self._together(self.cells))

    def _begin_sum(self) -> Loop:
        """Linearised current density of mechanisms in the common loop; loops of painted mechanisms add to it."""
        loop, system = self.volumes.loop(later=True), self.volumes.system
        alone = {value for mechanism in self.apart for value in system.added_by(mechanism)}
        current = system.total(system.population.qualified(CURRENT), without=alone)
        loop.store(tree_field(RIGHT, self.q), loop.value(current, loop.start))
        loop.store(tree_field(DIAGONAL, self.q), loop.value(self._slope(current), loop.start))
        return loop

    def _slope(self, current: Expression) -> Expression:
        system = self.volumes.system
        return simplify(derivative(system.flat(current), system.population.qualified("v")))

    def _paint(self, mechanism: Instance) -> Loop:
        """A painted mechanism's current density and its derivative with respect to the potential, and its first stage."""
        loop = self.volumes.loop(later=True)
        total, slope = (loop.array(tree_field(word, self.q)) for word in (RIGHT, DIAGONAL))
        for value in self.volumes.system.added_by(mechanism):
            moment = loop.start.after({"total": total, "slope": slope})
            total = loop.value(Binary("+", Symbol("total"), value), moment)
            slope = loop.value(simplify(Binary("+", Symbol("slope"), self._slope(value))), moment)
        loop.store(tree_field(RIGHT, self.q), total)
        loop.store(tree_field(DIAGONAL, self.q), slope)
        return _first_stage(self.volumes, loop, {mechanism.id})

    def _assemble(self) -> Loop:
        """Assembly of the diagonal and right side of each CV, and the first stage of mechanisms on all CVs."""
        loop, population = self.volumes.loop(later=True), self.volumes.system.population
        current, v = Symbol(population.qualified(CURRENT)), loop.value(Symbol(population.qualified("v")), loop.start)
        if self.apart:
            density, slope = (loop.array(tree_field(word, self.q)) for word in (RIGHT, DIAGONAL))
        else:
            density, slope = loop.value(current, loop.start), loop.value(self._slope(current), loop.start)
        capacity, area, axial = (cell(tree_field(w, self.q), Field(self.q), Rate.PER_CELL) for w in (CAPACITY, AREA, AXIAL))
        factor = 2.0 if self.cables.crank_nicolson else 1.0
        own = capacity * loop.value(Symbol(population.qualified(CM_FACTOR)), loop.start) * (as_value(factor) / DT)
        inner = own - area * slope
        loop.store(tree_field(RIGHT, self.q), inner * v + area * density)
        loop.store(tree_field(DIAGONAL, self.q), inner + axial)
        return _first_stage(self.volumes, loop, self._together(self.volumes))

    # --- the solution -------------------------------------------------------------------------------

    def _solve(self) -> Function:
        """Hines elimination over CVs, vectorised over the cells and lanes of a block; then the potentials at places."""
        p, q = self.cables.cells, self.q
        width, n = named("width", Type.I64), named("volumes", Type.I64)
        self._arrays: list[Statement] = [Let(width, cells(p)), Let(n, read("whole", f"volumes:{q}", Rate.UNIFORM))]
        d, r, v = (self._view(word, name, q, cells(q)) for word, name in self._vectors())
        parents, conductances = self._table("parents", PARENT, "i8", n), self._table("conductances", CONDUCTANCE, "f8", n)
        places = PER_SITE * len(self.cables.suffixes)
        sites = self._table("sites", SITES, "i8", as_value(places + len(self.cables.detectors)))
        shares = self._table("shares", SHARES, "f8", as_value(len(self.cables.suffixes)))
        turn: list[Statement] = []
        for at, suffix in enumerate(self.cables.suffixes):
            turn += self._injected(at, suffix, sites, width, (d, r, v))
        turn += self._eliminated(width, n, parents, conductances, (d, r, v))
        for at, suffix in enumerate(self.cables.suffixes):
            turn += self._gathered(at, suffix, sites, shares, width, v)
        for at, detector in enumerate(self.cables.detectors):
            turn += self._seen(at, detector, sites.item(places + at) * width, width, v)
        return Function(f"solve_{q}", (CTX, REAL, B, STEP), (*self._arrays, *turn, Return(as_value(0))))

    def _vectors(self) -> tuple[tuple[str, str], ...]:
        potential = self.volumes.system.population.qualified("v")
        return ("d", tree_field(DIAGONAL, self.q)), ("r", tree_field(RIGHT, self.q)), ("v", potential)

    def _view(self, word: str, name: str, population: int, count: Value) -> Value:
        """A local with the present block's part of a field of cells."""
        local = named(word, Type.F8)
        address = field(name, population, "f8", "cell")
        self._arrays.append(Let(local, made_of("view", Type.F8, (address, neurons(population) * LANE0, count))))
        return local

    def _table(self, word: str, what: str, dtype: str, count: Value) -> Value:
        """A local with an array that all cells share."""
        local = named(word, Type(dtype))
        address = field(tree_field(what, self.q), self.q, dtype, "tree")
        self._arrays.append(Let(local, made_of("view", Type(dtype), (address, as_value(0), count))))
        return local

    def _injected(
        self, at: int, suffix: str, sites: Value, width: Value, vectors: tuple[Value, Value, Value]
    ) -> Iterator[Statement]:
        """Add the current into a place, linearised, to the equation of its CV."""
        d, r, v = vectors
        p, count = self.cables.cells, cells(self.cables.cells)
        current = self._view(f"current{at}", tree_field(f"{CURRENT}{suffix}", self.q), p, count)
        slope = self._view(f"slope{at}", tree_field(f"slope{suffix}", self.q), p, count)
        here = named(f"site{at}", Type.I64)
        yield Let(here, sites.item(PER_SITE * at) * width)
        body = (
            Store(r, here + K, r.item(here + K) + (current.item(K) - slope.item(K) * v.item(here + K))),
            Store(d, here + K, d.item(here + K) - slope.item(K)),
        )
        yield _over(width, body)

    def _eliminated(
        self, width: Value, n: Value, parents: Value, conductances: Value, vectors: tuple[Value, Value, Value]
    ) -> Iterator[Statement]:
        """Elimination towards the root, which replaces the diagonal by its inverse, and back substitution away from it."""
        d, r, v = vectors
        g = named("g", Type.F64)
        places = (Let(g, conductances.item(AT)), Let(HERE, AT * width), Let(UP, parents.item(AT) * width))
        one, part = named("one", Type.F64), named("part", Type.F64)
        up = (
            Let(one, as_value(1.0) / d.item(HERE + K)),
            Let(part, g * one),
            Store(d, HERE + K, one),
            Store(d, UP + K, d.item(UP + K) - part * g),
            Store(r, UP + K, r.item(UP + K) + part * r.item(HERE + K)),
        )
        yield For(AT, n - 1, as_value(0), -1, (*places, _over(width, up)), Space.COMPARTMENT)
        yield _over(width, (Store(r, K, r.item(K) / d.item(K)), *self._taken(v, K, r.item(K))))
        down = (
            Store(r, HERE + K, (r.item(HERE + K) + g * r.item(UP + K)) * d.item(HERE + K)),
            *self._taken(v, HERE + K, r.item(HERE + K)),
        )
        yield For(AT, as_value(1), n, 1, (*places, _over(width, down)), Space.COMPARTMENT)

    def _taken(self, v: Value, at: Value, solved: Value) -> tuple[Statement, ...]:
        """The new potential from the solution: itself, or extrapolated for Crank-Nicolson."""
        new = as_value(2.0) * solved - v.item(at) if self.cables.crank_nicolson else solved
        return (Store(v, at, new),)

    def _gathered(self, at: int, suffix: str, sites: Value, shares: Value, width: Value, v: Value) -> Iterator[Statement]:
        """The potential of a place's CV, and the interpolated one at the place."""
        p, population = self.cables.cells, self.cells.system.population
        cv, near, far = (named(f"{word}{at}", Type.I64) for word in ("own", "near", "far"))
        for k, local in enumerate((cv, near, far)):
            yield Let(local, sites.item(PER_SITE * at + k) * width)
        share = named(f"share{at}", Type.F64)
        yield Let(share, shares.item(at))
        own = self._view(f"of_cv{at}", population.qualified(POTENTIAL + suffix if suffix else "v"), p, cells(p))
        body: list[Statement] = [Store(own, K, v.item(cv + K))]
        if suffix:
            between = self._view(f"between{at}", population.qualified(f"v{suffix}"), p, cells(p))
            mixed = (as_value(1.0) - share) * v.item(near + K) + share * v.item(far + K)
            body.append(Store(between, K, mixed))
        yield _over(width, tuple(body))

    def _seen(self, at: int, detector: int, first: Value, width: Value, v: Value) -> Iterator[Statement]:
        """The potential of the CV that contains a spike detector."""
        here, potential = named(f"seen{at}", Type.I64), self.frame.steps[detector].system.population.qualified("v")
        yield Let(here, first)
        own = self._view(f"of_detector{at}", potential, detector, cells(detector))
        yield _over(width, (Store(own, K, v.item(here + K)),))


def _over(width: Value, body: tuple[Statement, ...]) -> For:
    """A loop over the cells and lanes of a block."""
    return For(K, as_value(0), width, 1, body, Space.CELL)


def _whole(function: str, p: int) -> Do:
    """A call of a function over all cells of a population."""
    return Do(function, (CTX, REAL, B, as_value(0), cells(p), STEP))


def _first_stage(steps: StepBuilder, loop: Loop, of: set[str]) -> Loop:
    """Append the first stage of instances (by their ids) to a loop that reads the old potentials."""
    moment = loop.start
    for stage in steps.system.stages[:1]:
        moment = steps.stage(loop, _of(stage, of), moment)
    loop.save(moment)
    return loop


def _of(stage: list[Equation | Assignment], instances: set[str]) -> list[Equation | Assignment]:
    """The statements of a stage that belong to some instances."""
    return [statement for statement in stage if statement.variable.partition(".")[0] in instances]


def _later(steps: StepBuilder, of: set[str]) -> list[list[Equation | Assignment]]:
    """The further stages of instances, which read the new potentials."""
    return [_of(stage, of) for stage in steps.system.stages[1:]]


def _advance(steps: StepBuilder, of: set[str]) -> Loop:
    """A loop of the further stages of instances."""
    loop = steps.loop(later=True)
    moment = loop.start
    for stage in _later(steps, of):
        moment = steps.stage(loop, stage, moment)
    loop.save(moment)
    return loop
