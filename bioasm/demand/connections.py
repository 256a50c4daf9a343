"""Memory estimate of a network's projections before they are made: connections, and ring buffers of spikes in flight."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple

from bioasm.diagnostics import Span
from bioasm.isa.program import DataRef, Dense, Name, Sparse
from bioasm.models.base import POST, PRE, Model
from bioasm.network.namespace import DELAY, WEIGHT, is_event_driven
from bioasm.network.network import MATRIX, Projection
from bioasm.network.pairwise import Pairwise
from bioasm.network.references import DT, ProjectionRef
from bioasm.runtime.options import ALIKE, LaneValues
from bioasm.runtime.setup import connections_apart, fixed_parameters, initial_parameters
from bioasm.verifier.gate import Verified

if TYPE_CHECKING:
    from bioasm.runtime.connection_values import ConnectionValues

_SPREADS = 6.0  # standard deviations above the mean: upper bound of a random number of connections
_ROW_BYTES, _WEIGHT_BYTES = 8, 8  # bytes of a row start; of a weight of the widest type, and of one in flight
_LISTED_BYTES, _INDEX_BYTES = 4, 8  # bytes of a spike in a list; of a connection in a pathway


class Wires(NamedTuple):
    """Size of a projection: connections, their bytes, those of its ring buffer, and the place in the program of the larger.

    `candidates` is the number of pairs for which its condition is evaluated, 0 without one.
    """

    name: str
    connections: int
    candidates: int
    bytes: int
    ring: int
    span: Span | None

    @property
    def total(self) -> int:
        """The total of bytes."""
        return self.bytes + self.ring


def wires(
    verified: Verified, places: int, parameters: Mapping[str, float] | None = None, own: LaneValues = ALIKE
) -> list[Wires]:
    """The size of each projection for a number of places of lanes; `own` are values of the lanes' own.

    Delays are upper bounds; `parameters` are those of the run.
    """
    values = initial_parameters(verified, parameters or {}) | fixed_parameters(verified)
    spans, apart = _places(verified), connections_apart(verified, own)
    return [_wires(verified, one, places, values, spans, apart.get(one.name, ())) for one in verified.network.projections]


def _wires(
    verified: Verified,
    one: Projection,
    places: int,
    values: Mapping[str, float],
    spans: Mapping[str, Span | None],
    apart: Collection[str],
) -> Wires:
    from bioasm.runtime.delays import delays_of, longest
    from bioasm.runtime.narrow import delay_bytes, neuron_type

    network = verified.network
    pre, post = network.populations[one.pre].n, network.populations[network.by_name[one.target].population].n
    count = connections(verified, one)
    indices = {end: neuron_type(n)().itemsize for end, n in ((PRE, pre), (POST, post))}
    kept = indices[PRE] if one.rule.kind == "indegree" else 0  # rows of targets are drawn and then transposed
    made = (indices[POST] + max(weight_bytes(verified, one), kept)) * count + _ROW_BYTES * (pre + 1)
    late = delays_of(verified, one, values)
    if one.synapse is not None:
        made += _synapse_bytes(one.synapse, count, places, apart) + indices[PRE] * count + _ROW_BYTES * (post + 1)
        ends = {PRE: pre, POST: post}
        ring = sum(
            _LISTED_BYTES * ends[handler.event] * places * _slots(values, late[handler.delay])
            for handler in one.synapse.handlers
        )
    elif late[DELAY].number is not None:
        ring = _WEIGHT_BYTES * post * places * _slots(values, late[DELAY])
    else:
        made += delay_bytes(longest(late[DELAY]) / values[DT] if values[DT] > 0 else 1) * count
        ring = _LISTED_BYTES * pre * places * _slots(values, late[DELAY])
    delay = spans.get(f"{one.name}.{DELAY}") if ring > made else None
    candidates = network.candidates(one).pairs if one.rule.condition is not None else 0
    return Wires(one.name, count, candidates, made, ring, delay or spans.get(one.name))


def _slots(values: Mapping[str, float], delay: ConnectionValues) -> int:
    from bioasm.runtime.delays import longest

    return math.ceil(longest(delay) / values[DT]) + 1 if values[DT] > 0 else 1


def _synapse_bytes(synapse: Model, count: int, places: int, apart: Collection[str]) -> int:
    """Bytes of states, which are per lane where they change or are in `apart`, and of the indices of pathways."""
    own = sum(state.name in synapse.changed or bool(apart) for state in synapse.states) + is_event_driven(synapse)
    own += sum(parameter.name in apart for parameter in synapse.parameters)
    shared = len(synapse.states) + len(synapse.parameters)
    return count * (_WEIGHT_BYTES * (own * places + shared) + _INDEX_BYTES * len(synapse.handlers))


def weight_bytes(verified: Verified, one: Projection) -> int:
    """Upper bound of the bytes of a connection's weight; 0 where all share one."""
    from bioasm.runtime.delays import values_set

    data = verified.program.data
    given = [i.operands[1] for name, i in values_set(verified).get(one.name, ()) if name == WEIGHT]
    if one.data is not None:
        return _WEIGHT_BYTES if given else _bytes_of(data[one.data].value)
    if any(isinstance(operand, Pairwise) for operand in given):
        return _WEIGHT_BYTES
    return max((_bytes_of(data[operand.index].value) for operand in given if isinstance(operand, DataRef)), default=0)


def _bytes_of(value: object) -> int:
    """Upper bound of the bytes of an entry of a datum that is used without conversion."""
    from bioasm.runtime.narrow import bytes_of

    if isinstance(value, Dense | Sparse):
        return bytes_of((value.array if isinstance(value, Dense) else value.value).dtype)
    return _WEIGHT_BYTES


def connections(verified: Verified, one: Projection) -> int:
    """Number of connections of a projection: exact for a matrix and most rules, an upper bound for a probability, an
    estimate for a condition."""
    from bioasm.runtime.conditions import estimated  # their import takes longer than the check of programs without projections
    from bioasm.runtime.connectivity import entries
    from bioasm.runtime.patterns import expected

    if one.rule.kind == MATRIX:
        assert one.data is not None
        matrix = verified.program.data[one.data].value
        return entries(matrix) if isinstance(matrix, Dense | Sparse) else 0
    if one.rule.condition is not None:
        return estimated(verified, one)
    number, among = one.number or 0.0, verified.network.candidates(one)
    mean = expected(one.rule, number, among)
    spread = _SPREADS * math.sqrt(mean * (1.0 - number)) if one.rule.kind == "probability" and number < 1.0 else 0.0
    return math.ceil(mean + spread)


def _places(verified: Verified) -> dict[str, Span | None]:
    """The instructions that make projections, by name, and that set delays, by `name.delay`."""
    return {_named(i.operands[0]): i.span for i in verified.instructions if i.mnemonic in ("CON", "SET")}


def _named(word: object) -> str:
    return word.key if isinstance(word, ProjectionRef) else word.text if isinstance(word, Name) else ""
