"""Memory estimate of values that differ between neurons or lanes: each is a field of cells in place of one number."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.isa.program import DataRef
from bioasm.network.painting import Painted
from bioasm.network.references import ParameterRef, PortRef
from bioasm.runtime.options import LaneValues
from bioasm.verifier.gate import Verified
from bioasm.verifier.lane_places import names_one

_VALUE_BYTES = 8
_PORT_VALUES = 7  # values per cell of a port of external spikes: weights, rates, and bounds and position of the cell's table


def own_values_bytes(verified: Verified, own: LaneValues) -> int:
    """Bytes per lane of parameters, noise levels, and external spikes with values per neuron or lane."""
    sizes = {one.name: verified.network.populations[one.population].n for one in verified.network.instances()}
    owners = [ref.owner for ref in _with_feedback(verified, _parameters(verified, own))]
    numbers = sum(sizes[owner] for owner in owners) + verified.n * _has_levels(verified, own)
    ports = {i.operands[0] for i in verified.instructions if any(names_one(o, own.constants) for o in i.operands)}
    events = sum(sizes.get(ref.owner, verified.n) for ref in ports if isinstance(ref, PortRef))
    return _VALUE_BYTES * (numbers + _PORT_VALUES * events)


def _parameters(verified: Verified, own: LaneValues) -> set[ParameterRef]:
    """The parameters that are set to a vector, random values, a formula or values of the lanes' own."""
    found = {ref for ref in map(verified.parameter, own.parameters) if isinstance(ref, ParameterRef)}
    for ref, value in (i.operands for i in verified.instructions if i.mnemonic == "SET"):
        if isinstance(ref, ParameterRef) and (isinstance(value, DataRef | Painted) or names_one(value, own.constants)):
            found.add(ref)
    return {ref for ref in found if not ref.parameter.structural and ref.owner}


def _with_feedback(verified: Verified, found: set[ParameterRef]) -> Iterator[ParameterRef]:
    """The given parameters, and all of a population with feedback, which has a field for each once one differs."""
    yield from found
    if found:
        for one in verified.network.instances():
            others = one.model.parameters if one.model.feedback is not None else ()
            refs = (ParameterRef(one.name, p) for p in others if not p.structural)
            yield from (ref for ref in refs if ref not in found)


def _has_levels(verified: Verified, own: LaneValues) -> bool:
    return any(i.mnemonic == "SIG" and names_one(i.operands[0], own.constants) for i in verified.instructions)
