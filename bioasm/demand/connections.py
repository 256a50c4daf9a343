"""Memory of a network's projections, counted before they are made: connections, and rings of spikes under way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from bioasm.diagnostics import Span
from bioasm.isa.program import Dense, Name, Sparse
from bioasm.network.network import MATRIX, Projection
from bioasm.network.references import DT, ProjectionRef
from bioasm.runtime.connectivity import CONNECTION_BYTES, entries, expected
from bioasm.runtime.setup import fixed_parameters, initial_parameters
from bioasm.verifier.gate import Verified

_SPREADS = 6.0  # standard deviations above the mean: what a random number of connections is not beyond
_ROW_BYTES, _WEIGHT_BYTES = 8, 8  # of a row's start; of a weight under way


class Wires(NamedTuple):
    """What a projection holds: connections, their bytes, those of its ring, and where the program says what takes most."""

    name: str
    connections: int
    bytes: int
    ring: int
    span: Span | None

    @property
    def total(self) -> int:
        """All its bytes."""
        return self.bytes + self.ring


def wires(verified: Verified, places: int, parameters: Mapping[str, float] | None = None) -> list[Wires]:
    """What each projection holds in so many places of lanes; of delays at most, where `parameters` are those of the run."""
    values = initial_parameters(verified, parameters or {}) | fixed_parameters(verified)
    spans = _places(verified)
    return [_wires(verified, one, places, values, spans) for one in verified.network.projections]


def _wires(
    verified: Verified, one: Projection, places: int, values: Mapping[str, float], spans: Mapping[str, Span | None]
) -> Wires:
    network = verified.network
    pre, post = network.populations[one.pre].n, network.populations[network.by_name[one.target].population].n
    count = _connections(verified, one, pre, post)
    slots = math.ceil(values.get(f"{one.name}.delay", 0.0) / values[DT]) + 1 if values[DT] > 0 else 1
    ring = _WEIGHT_BYTES * post * places * slots
    made = CONNECTION_BYTES * count + _ROW_BYTES * (pre + 1)
    delay = spans.get(f"{one.name}.delay") if ring > made else None
    return Wires(one.name, count, made, ring, delay or spans.get(one.name))


def _connections(verified: Verified, one: Projection, pre: int, post: int) -> int:
    """Those of a matrix and of a rule that tells them, and at most those of a probability."""
    if one.rule == MATRIX:
        assert one.data is not None
        matrix = verified.program.data[one.data].value
        return entries(matrix) if isinstance(matrix, Dense | Sparse) else 0
    number, itself = one.number or 0.0, verified.network.by_name[one.target].population == one.pre
    mean = expected(one.rule, number, pre, post, itself)
    spread = _SPREADS * math.sqrt(mean * (1.0 - number)) if one.rule == "probability" and number < 1.0 else 0.0
    return math.ceil(mean + spread)


def _places(verified: Verified) -> dict[str, Span | None]:
    """Where the program makes each projection, by its name, and where it sets a delay, by `name.delay`."""
    return {_named(i.operands[0]): i.span for i in verified.instructions if i.mnemonic in ("CON", "SET")}


def _named(word: object) -> str:
    return word.key if isinstance(word, ProjectionRef) else word.text if isinstance(word, Name) else ""
