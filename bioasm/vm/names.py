"""Names of a program's parameters, as keys under which the machine keeps their values."""

from __future__ import annotations

from dataclasses import replace

from bioasm.isa.network import Network
from bioasm.isa.program import ConstantRef, Name, Operand, Program, Quantity


def default_parameters(network: Network) -> dict[str, float]:
    """All parameters with their defaults: `dt` of the program, and the others as `instance.name`."""
    found = {f"{one.name}.{p.name}": p.default for one in network.instances() for p in one.model.parameters}
    return found | {"dt": next((p.default for p in network.populations[0].model.parameters if p.name == "dt"), 1.0)}


def parameter_key(network: Network, word: str) -> str:
    """The key of a parameter that a program calls `word`: bare names belong to the first instance that has them."""
    if word == "dt" or word.partition(".")[0] in (
        *(one.name for one in network.instances()),
        *(p.name for p in network.projections),
    ):
        return word
    owner = next((one for one in network.instances() if one.model.parameter(word) is not None), None)
    return word if owner is None else f"{owner.name}.{word}"


def without_neurons(network: Network) -> Network:
    """The same populations before anything was allocated."""
    return replace(network, populations=tuple(p._replace(n=0, first=0) for p in network.populations))


def fixed_parameters(program: Program, network: Network) -> dict[str, float]:
    """What the program sets of parameters that decide how a network is run, wherever it does so, by their keys.

    Those of the population of ALC are set before it, and are left out here.
    """
    found = {}
    for instruction in program.instructions:
        if instruction.mnemonic == "SET" and isinstance(instruction.operands[0], Name):
            value = _fixed_value(program, network, instruction.operands[0].text, instruction.operands[1])
            if value is not None:
                found[parameter_key(network, instruction.operands[0].text)] = value
    return found


def _fixed_value(program: Program, network: Network, word: str, value: Operand) -> float | None:
    head, _, name = parameter_key(network, word).partition(".")
    number = program.quantity(value).value if isinstance(value, Quantity | ConstantRef) else None
    if network.projection(head) is not None:
        return number if name == "delay" else None
    one = network.instance(head) if name else None
    if network.implicit and (one is None or one.name == network.populations[0].name):
        return None
    parameter = (one.model if one else network.populations[0].model).parameter(name or head)
    if parameter is None or not parameter.structural:
        return None
    return dict(parameter.words).get(value.text) if isinstance(value, Name) else number
