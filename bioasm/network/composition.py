"""Checks of mechanisms against their population: name resolution, units, dependency cycles, and one time step for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from bioasm.diagnostics import did_you_mean
from bioasm.isa.findings import Finding, Found
from bioasm.models.base import Addition, Equation, Model, Use
from bioasm.models.complexity import ONE, TreeSize, combined, tree_size
from bioasm.models.expression import Expression, Number, symbols
from bioasm.network.network import Instance, Network, unit_in, usable
from bioasm.units import EXPONENTS, NO_UNIT, Dimension, Exponents, spell_unit

# A node of the dependency graph: a name in one instance.
Node = tuple[str, str]


def used_by(network: Network, mechanism: Instance, name: str) -> list[Instance]:
    """Owners of a name that a mechanism uses: its population, else the other mechanisms on the membrane that have it."""
    return _owners(network, mechanism, lambda model: unit_in(model, name) is not None)


def added_to(network: Network, mechanism: Instance, name: str) -> list[Instance]:
    """Owners of an input that a mechanism adds to: its population, else the other mechanisms on the membrane that have it."""
    return _owners(network, mechanism, lambda model: any(one.name == name for one in model.inputs))


def _owners(network: Network, mechanism: Instance, has: Callable[[Model], bool]) -> list[Instance]:
    """The population of a mechanism if it has something, else the other mechanisms on the membrane that do."""
    here = network.populations[mechanism.population]
    if has(here.model):
        return [Instance(here.name, here.model, mechanism.population)]
    return [one for one in network.neighbours(mechanism) if has(one.model)]


def check_mechanism(network: Network, mechanism: Instance) -> Found:
    """Findings about a mechanism's uses and additions: missing or ambiguous names, and units that differ."""
    for use in mechanism.model.uses:
        yield from _check_use(network, mechanism, use)
    for addition in mechanism.model.adds:
        yield from _check_addition(network, mechanism, addition)


def _check_use(network: Network, mechanism: Instance, use: Use) -> Found:
    owners = used_by(network, mechanism, use.name)
    yield from _check_owners(network, mechanism, "uses", use.name, owners)
    found = unit_in(owners[0].model, use.name) if len(owners) == 1 else None
    if found is not None and found != use.unit:
        does = f"uses {use.name} in {unit_in_words(use.unit)}"
        yield _other_unit(mechanism, does, f"{use.name} :", owners[0], found)


def _check_addition(network: Network, mechanism: Instance, addition: Addition) -> Found:
    owners = added_to(network, mechanism, addition.target)
    yield from _check_owners(network, mechanism, "adds to", addition.target, owners)
    if len(owners) != 1:
        return
    wanted = next(i.unit for i in owners[0].model.inputs if i.name == addition.target)
    given = unit_of_value(addition.value, mechanism.model)
    if given is not None and given != wanted:
        does = f"adds {unit_in_words(given)} to {addition.target}"
        yield _other_unit(mechanism, does, f"{addition.target} +=", owners[0], wanted)


def _check_owners(network: Network, mechanism: Instance, does: str, name: str, owners: list[Instance]) -> Found:
    here, said = network.populations[mechanism.population].name, f"{name} {'+=' if does == 'adds to' else ':'}"
    if not owners:
        names = {known for one in network.neighbours(mechanism) for known in _offered(one.model, does)}
        what = "input" if does == "adds to" else "variable"
        hint = did_you_mean(name, names) or (f"there are {', '.join(sorted(names))}" if names else None)
        text = f"{mechanism.model.name} {does} {name}, and on {here} there is no {what} of this name"
        yield Finding("B123", text, hint, said=said)
    elif len(owners) > 1:
        listed = " and ".join(one.name for one in owners)
        yield Finding("B123", f"{mechanism.model.name} {does} {name}, and on {here} {listed} have one each", said=said)


def _offered(model: Model, does: str) -> Iterator[str]:
    return (thing.name for thing in (model.inputs if does == "adds to" else usable(model)))


def _other_unit(mechanism: Instance, does: str, said: str, owner: Instance, unit: Exponents) -> Finding:
    text = f"{mechanism.model.name} {does}; in {owner.name} ({owner.model.name}) it is in {unit_in_words(unit)}"
    return Finding("B123", text, said=said)


def unit_in_words(unit: Exponents) -> str:
    """A unit as it is spelled in messages."""
    return "a number without unit" if unit == NO_UNIT else spell_unit(unit)


def unit_of_value(value: Expression, model: Model) -> Exponents | None:
    """The unit of an expression of a checked model."""
    from bioasm.models.dimensions import unit_of

    return unit_of(value, _units(model))


def _units(model: Model) -> Mapping[str, Exponents]:
    time = EXPONENTS[Dimension.TIME]
    own = {thing.name: thing.unit for thing in usable(model)}
    return {"dt": time, "t": time, "pi": NO_UNIT} | own | {use.name: use.unit for use in model.uses}


# --- circles ----------------------------------------------------------------------------------------


def find_circle(network: Network, population: int, *, at_start: bool = False) -> list[str] | None:
    """Cycle detection: names of a population and its mechanisms that depend on each other within a step, or None.

    With `at_start` states depend on what their initial values read. Delayed values count like others: a delay may be 0.
    """
    try:
        TopologicalSorter(_graph(network, _values(network, population, at_start=at_start))).prepare()
    except CycleError as circle:
        return [".".join(node) for node in reversed(circle.args[1])]
    return None


def find_excess(network: Network, population: int) -> str | None:
    """The first expression that is too large or deep after substitution of mechanisms' additions and uses; needs no cycles."""
    at_start = _sizes(network, population, at_start=True)
    known = _sizes(network, population, at_start=False)
    named = [(".".join(node), size) for node, size in (*known.items(), *at_start.items())]
    stepped = [
        (f"an equation of {one.name}", _size(network, one, value, known))
        for one in network.instances()
        if one.population == population
        for value in _stepped(one.model)
    ]
    return next((f"{name} {size.fault}" for name, size in (*named, *stepped) if size.fault), None)


def _sizes(network: Network, population: int, *, at_start: bool) -> dict[Node, TreeSize]:
    """The tree sizes of all names after substitution; those of inputs include all summands."""
    values, known = _values(network, population, at_start=at_start), dict[Node, TreeSize]()
    for node in TopologicalSorter(_graph(network, values)).static_order():
        summands = [_size(network, one, value, known) for one, value in values.get(node, ())]
        known[node] = combined(TreeSize(len(summands) - 1, len(summands) - 1), *summands) if summands else ONE
    return known


def _stepped(model: Model) -> Iterator[Expression]:
    """All expressions that a model computes in a step, without its definitions."""
    yield from (s.rate if isinstance(s, Equation) else s.value for stage in model.stages for s in stage)
    yield from (assignment.value for assignment in model.reset)
    yield from (factor for port in model.ports for _, factor in port.jumps)
    yield from (event.condition for event in (model.threshold,) if event is not None)
    yield from (event.duration for event in (model.refractory,) if event is not None)


def _values(network: Network, population: int, *, at_start: bool) -> dict[Node, list[tuple[Instance, Expression]]]:
    """The expressions (or summands of inputs) that define the names of a population and its mechanisms, with their owners."""
    found: dict[Node, list[tuple[Instance, Expression]]] = {}
    for one in (member for member in network.instances() if member.population == population):
        for name, value in _computed(one.model, at_start=at_start):
            found[one.name, name] = [(one, value)]
        for addition in one.model.adds:
            for owner in added_to(network, one, addition.target):
                outside = (owner, Number(0.0))
                found.setdefault((owner.name, addition.target), [outside]).append((one, addition.value))
    return found


def _computed(model: Model, *, at_start: bool) -> Iterator[tuple[str, Expression]]:
    """The definitions of a model: names with their expressions."""
    yield from ((definition.name, definition.expression) for definition in model.definitions)
    if at_start:
        yield from ((state.name, state.initial) for state in model.states)


def _graph(network: Network, values: Mapping[Node, list[tuple[Instance, Expression]]]) -> dict[Node, set[Node]]:
    """Dependency graph: the names that each name needs."""
    return {
        node: {needed for one, value in found for needed in _reads(network, one, value).values()}
        for node, found in values.items()
    }


def _reads(network: Network, instance: Instance, expression: Expression) -> dict[str, Node]:
    """The names that an expression needs, each with the instance that it belongs to."""
    used = {use.name for use in instance.model.uses}
    owners = {name: used_by(network, instance, name)[0] if name in used else instance for name in symbols(expression)}
    return {name: (owner.name, name) for name, owner in owners.items()}


def _size(network: Network, instance: Instance, expression: Expression, known: Mapping[Node, TreeSize]) -> TreeSize:
    """The size of an expression of an instance, given the sizes of its names."""
    return tree_size(expression, {name: known.get(node, ONE) for name, node in _reads(network, instance, expression).items()})


# --- time steps -------------------------------------------------------------------------------------


def different_steps(network: Network) -> tuple[Instance, Instance] | None:
    """Two parts of a network whose defaults of `dt` differ, or None."""
    first: Instance | None = None
    for one in network.instances():
        step = one.model.parameter("dt")
        if step is None:
            continue
        if first is None:
            first = one
        elif _step(first) != step.default:
            return first, one
    return None


def _step(instance: Instance) -> float:
    parameter = instance.model.parameter("dt")
    return parameter.default if parameter else 0.0
