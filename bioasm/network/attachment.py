"""Checks of a synapse against its projection: name resolution at both ends, units, and dependencies within a step."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.diagnostics import did_you_mean
from bioasm.isa.findings import Finding, Found
from bioasm.models.base import ORDER, POST, PRE, SPINS, Model, Use
from bioasm.models.expression import Call, Symbol, expanded
from bioasm.network.cables import alias
from bioasm.network.composition import unit_in_words
from bioasm.network.network import Instance, Network, Projection, unit_in, usable


def end_of(use: str) -> tuple[str, str]:
    """The variable and the end, `pre` or `post`, of a name that a synapse uses."""
    name, _, end = use.rpartition("_")
    return name, end


def at_end(network: Network, projection: Projection, end: str) -> list[Instance]:
    """Search order of a name at one end: the projection's source or target, then all instances on the same neurons."""
    target = network.by_name[projection.target]
    if end == PRE:
        population = network.populations[projection.pre]
        first = Instance(population.name, population.model, projection.pre)
    else:
        first = target
    here = network.populations[first.population]
    whole = Instance(here.name, here.model, first.population)
    names = dict.fromkeys(one.name for one in (first, whole, *network.neighbours(whole)))
    return [network.by_name[name] for name in names]


def meanings(network: Network, projection: Projection, use: str) -> Iterator[tuple[Instance, str]]:
    """Candidates for a name of a synapse: instances in search order, each with the name there.

    For a mechanism at a place of cells, `v_post`, `I_post` and `G_post` are the potential and the inputs of that place.
    """
    word, end = end_of(use)
    place = network.place(projection.target) if end == POST else ""
    for one in at_end(network, projection, end):
        yield one, word if one.name == projection.target else alias(word, place)


def owner_of(network: Network, projection: Projection, use: str) -> tuple[Instance, str] | None:
    """Name resolution of a synapse: the first instance in search order that has a name, and its name there."""
    return next(((one, name) for one, name in meanings(network, projection, use) if unit_in(one.model, name) is not None), None)


def check_synapse(network: Network, projection: Projection, synapse: Model) -> Found:
    """Findings about a synapse: uses that are missing, of another unit or not changeable, and neurons that it can't connect."""
    for end, population in ((PRE, projection.pre), (POST, network.by_name[projection.target].population)):
        yield from _check_neurons(network.populations[population].model, end, of_cable=network.is_cable(population))
    for use in synapse.uses:
        yield from _check_use(network, projection, use, changed=use.name in synapse.changed)
    if any(h.event == POST for h in synapse.handlers):
        yield from _check_spikes(network, projection)


def _check_neurons(model: Model, end: str, *, of_cable: bool) -> Found:
    if model.kind == SPINS:
        yield Finding("B123", f"a synapse can't stand on spins ({end})")
    elif model.order != ORDER and end == POST and not of_cable:
        text = f"a synapse acts between threshold and reset of its receiving neurons, and {model.name} has another order"
        yield Finding("B123", text)


def _check_spikes(network: Network, projection: Projection) -> Found:
    population = network.populations[network.by_name[projection.target].population]
    if not population.model.spikes:
        yield Finding(
            "B114", f"`on post:` needs spikes, and {population.name} sends none: its model {population.model.name} has none"
        )


def _check_use(network: Network, projection: Projection, use: Use, *, changed: bool) -> Found:
    assert projection.synapse is not None
    (name, end), called = end_of(use.name), projection.synapse.name
    meant = owner_of(network, projection, use.name)
    if meant is None:
        parts = at_end(network, projection, end)
        names = {thing.name for one in parts for thing in usable(one.model)}
        hint = did_you_mean(name, names) or (f"there are {', '.join(sorted(names))}" if names else None)
        text = f"{called} uses {use.name}, and {parts[-1 if end == PRE else 0].name} has no variable {name}"
        yield Finding("B123", text, hint, said=f"{use.name} :")
        return
    owner, name = meant
    found = unit_in(owner.model, name)
    if found is not None and found != use.unit:
        there = f"in {owner.name} ({owner.model.name}) it is in {unit_in_words(found)}"
        yield Finding("B123", f"{called} uses {use.name} in {unit_in_words(use.unit)}; {there}", said=f"{use.name} :")
    elif changed and all(state.name != name for state in owner.model.states):
        text = f"{called} changes {use.name}, and {name} is no state of {owner.name} ({owner.model.name})"
        yield Finding("B123", text, said=f"{use.name} :")
    elif changed and network.follows_from_cable(owner, name):
        hint = f"an input of {owner.name} takes a current, and a mechanism at a place has states that can be changed"
        text = f"{called} changes {use.name}, and {owner.name}.{name} follows from the cable of the cells"
        yield Finding("B145", text, hint, said=f"{use.name} :")
    elif not changed and _is_late(owner.model, name):
        text = f"{called} uses {use.name}, and {name} of {owner.name} depends on what is held or delayed"
        yield Finding("B123", text, said=f"{use.name} :")


def _is_late(model: Model, name: str) -> bool:
    """Whether a definition of a model reads `held` or `delayed` values, which no other instance can compute."""
    whole = expanded(Symbol(name), {d.name: d.expression for d in model.definitions})
    return any(isinstance(node, Call) and node.function in ("held", "delayed") for node in whole.walk())
