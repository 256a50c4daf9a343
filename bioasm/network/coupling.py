"""Sums over connections: the terms that synapses add in every step, their target inputs, and the variables that they read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from bioasm.isa.findings import Finding, Found
from bioasm.models.base import Model
from bioasm.models.expression import Expression, expanded, symbols
from bioasm.network.attachment import at_end, end_of, meanings, owner_of
from bioasm.network.composition import unit_in_words, unit_of_value
from bioasm.network.network import Instance, Network, Projection


class Sum(NamedTuple):
    """A term that each connection of a projection adds to an input of the neuron at one end, in names of the synapse's text."""

    end: str
    owner: Instance
    input: str
    value: Expression


def sums(network: Network, projection: Projection) -> list[Sum]:
    """All sums of a checked projection's synapse; none without a synapse."""
    synapse = projection.synapse
    if synapse is None:
        return []
    found = []
    for addition in synapse.adds:
        meant = input_owner(network, projection, addition.target)
        assert meant is not None
        found.append(Sum(end_of(addition.target)[1], *meant, expanded(addition.value, _definitions(synapse))))
    return found


def reads(network: Network, projection: Projection) -> dict[str, tuple[str, Instance, str]]:
    """The neurons' variables that the sums read: by the name in the synapse's text, the end, the owner and its name there."""
    found, read = {}, _read(projection.synapse)
    for use in projection.synapse.uses if projection.synapse else ():
        meant = owner_of(network, projection, use.name)
        if use.name in read and meant is not None:
            found[use.name] = (end_of(use.name)[1], *meant)
    return found


def _read(synapse: Model | None) -> set[str]:
    added = [expanded(a.value, _definitions(synapse)) for a in synapse.adds] if synapse else []
    return {name for value in added for name in symbols(value)}


def _definitions(synapse: Model) -> Mapping[str, Expression]:
    return {d.name: d.expression for d in synapse.definitions}


def input_owner(network: Network, projection: Projection, target: str) -> tuple[Instance, str] | None:
    """Owner and name of the input that a synapse adds to: of the target or population, else of the first mechanism with it."""
    found = meanings(network, projection, target)
    return next(((one, name) for one, name in found if any(i.name == name for i in one.model.inputs)), None)


# --- whether they fit ---------------------------------------------------------------------------------


def check_sums(network: Network, projection: Projection, synapse: Model) -> Found:
    """Findings about sums: missing inputs, units that differ, and reads of variables that depend on inputs within the step."""
    for addition in synapse.adds:
        yield from _check_target(network, projection, synapse, addition.target, addition.value)
    for word, (_, owner, name) in reads(network, projection).items():
        through = next(_inputs_behind(owner.model, name), None)
        if through is not None:
            text = f"{synapse.name} sums over {word}, which depends on the input {through} of {owner.name}"
            yield Finding(
                "B124", text, "sums over connections read states, parameters and what is made of these", said=f"{word} :"
            )


def _check_target(network: Network, projection: Projection, synapse: Model, target: str, value: Expression) -> Found:
    (name, end), meant = end_of(target), input_owner(network, projection, target)
    if meant is None:
        parts = at_end(network, projection, end)
        names = sorted({i.name for one in parts for i in one.model.inputs})
        hint = f"there are {', '.join(names)}" if names else None
        text = f"{synapse.name} adds to {target}, and {parts[0].name} has no input {name}"
        yield Finding("B123", text, hint, said=f"{target} +=")
        return
    owner, name = meant
    wanted = next(i.unit for i in owner.model.inputs if i.name == name)
    given = unit_of_value(value, synapse)
    if given is not None and given != wanted:
        there = f"in {owner.name} ({owner.model.name}) it is in {unit_in_words(wanted)}"
        yield Finding("B123", f"{synapse.name} adds {unit_in_words(given)} to {target}; {there}", said=f"{target} +=")


def _inputs_behind(model: Model, name: str) -> Iterator[str]:
    """Inputs of a model that a name depends on: itself, or those that its definition needs."""
    if any(i.name == name for i in model.inputs):
        yield name
    for definition in model.definitions:
        if definition.name == name:
            for other in sorted(symbols(definition.expression)):
                yield from _inputs_behind(model, other)
