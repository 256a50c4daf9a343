"""Variables of neurons for sums over connections: one for each projection and input, because each has one writer."""

from __future__ import annotations

from bioasm.drivers.brian2.cell import Part, identifier
from bioasm.network.coupling import Sum, sums
from bioasm.network.network import Network


def summed_variables(network: Network) -> dict[tuple[str, str], list[str]]:
    """The variables of sums, by the part and the input that they are added to."""
    found: dict[tuple[str, str], list[str]] = {}
    for place, projection in enumerate(network.projections):
        for at, one in enumerate(sums(network, projection)):
            found.setdefault((one.owner.name, one.input), []).append(summed_variable(place, at, one))
    return found


def summed_variable(place: int, at: int, one: Sum) -> str:
    """The variable of the `at`-th sum of a projection."""
    part = Part(one.owner.name, one.owner.model)
    return f"{identifier(part, one.input)}_sum_{place}_{at}"
