"""Delays of a projection's pathways, one for each connection, rounded to whole steps.

The number of steps is floor(delay/dt + 1/2) in 64-bit floats (half a step rounds up), as in Brian2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError, Diagnostic
from bioasm.isa.distributions import drawn_range
from bioasm.isa.program import ConstantRef, DataRef, Dense, Quantity, Random
from bioasm.network.namespace import pathways
from bioasm.network.network import Network, Projection
from bioasm.network.pairwise import Pairwise
from bioasm.network.references import ProjectionRef, Resolved
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.drawing import Values, values_of
from bioasm.runtime.narrow import DELAYS, narrowed
from bioasm.runtime.pairwise import PairValues
from bioasm.runtime.patterns import Look, nothing
from bioasm.verifier.gate import Verified

Array = NDArray[Any]
_SETS: WeakKeyDictionary[Verified, dict[str, list[tuple[str, Resolved]]]] = WeakKeyDictionary()


def differing_delays(network: Network, parameters: Mapping[str, float]) -> str | None:
    """The fault of projections to one mechanism with delayed(...) that differ in their delay, or None.

    A synapse (VIA) delays the spikes of its pathways itself, so that the mechanism delays nothing on its behalf.
    """
    for target in dict.fromkeys(p.target for p in network.projections):
        instance = network.instance(target)
        mine = [p for p in network.projections if p.target == target]
        delays = {p.name: 0.0 if p.synapse else parameters.get(f"{p.name}.delay", 0.0) for p in mine}
        if instance is not None and instance.model.delays and len(set(delays.values())) > 1:
            said = {p.name: "0 s: its synapse delays spikes" if p.synapse else f"{delays[p.name]:g} s" for p in mine}
            words = " and ".join(f"{name} ({seconds})" for name, seconds in said.items())
            return f"{target} delays a value by the delay of its projection, and these differ: {words}"
    return None


def delays_of(
    verified: Verified, projection: Projection, parameters: Mapping[str, float], seed: int = 0
) -> dict[str, ConnectionValues]:
    """The delays of a projection in seconds, by pathway: those of the program, else those of `parameters`, else 0.

    They must be known before connections are made, so that they can't come from registers.
    """
    words = {name: f"{projection.name}.{name}" for name in pathways(projection)}
    found = {name: ConnectionValues(float(parameters.get(word, 0.0)), word) for name, word in words.items()}
    for name, instruction in values_set(verified).get(projection.name, ()):
        if name in words:
            found[name] = ConnectionValues(_given(verified, instruction, seed), words[name], instruction.span)
    return found


def values_set(verified: Verified) -> dict[str, list[tuple[str, Resolved]]]:
    """Index of the SETs of projections: by projection, the names that are set with their instructions."""
    if verified not in _SETS:
        found = _SETS[verified] = {}
        for instruction in (i for i in verified.instructions if i.mnemonic == "SET"):
            ref = instruction.operands[0]
            if isinstance(ref, ProjectionRef):
                found.setdefault(ref.owner, []).append((ref.parameter.name, instruction))
    return _SETS[verified]


def _given(verified: Verified, instruction: Resolved, seed: int) -> float | Array | Values | PairValues:
    """The number, vector, random values or formula of a SET."""
    program, (ref, operand) = verified.program, instruction.operands
    if isinstance(operand, Pairwise):
        assert isinstance(ref, ProjectionRef)
        return PairValues(operand, ref, verified, seed, instruction.span)
    if isinstance(operand, DataRef):
        value = program.data[operand.index].value
        if isinstance(value, Random):
            return values_of(program, value, seed, operand.index)
        assert isinstance(value, Dense)
        return np.asarray(value.array, np.float64)
    assert isinstance(operand, Quantity | ConstantRef)
    return float(program.quantity(operand).value)


def longest(delays: ConnectionValues) -> float:
    """Upper bound of the delays (s): the maximum of a vector, the largest number that can be drawn, the bound of a formula."""
    given = delays.given
    if isinstance(given, PairValues):
        return max(0.0, given.pairwise.high)
    if isinstance(given, Values):
        return max(0.0, drawn_range(given.distribution, given.arguments).high)
    return float(np.max(given, initial=0.0))


def in_steps(delay: Any, step: float) -> Any:
    """Delays (seconds, a number or an array) in whole steps of `step` seconds: float64, half a step upwards."""
    return np.floor(np.asarray(delay, np.float64) / step + 0.5)


def steps_of(delays: ConnectionValues, count: int, step: float, fewest: int = 0, look: Look = nothing) -> Array:
    """The delays of `count` connections in whole steps, at least `fewest`, (count,) in 1, 2 or 4 bytes.

    `look` is called between blocks. Raises BioasmError: B106 for a vector of another length, B402 for a drawn number below 0.
    """
    return narrowed(_steps_in_blocks(delays, count, step, fewest, look), count, DELAYS)


def _steps_in_blocks(delays: ConnectionValues, count: int, step: float, fewest: int, look: Look) -> Iterator[Array]:
    for begin, _, seconds in delays.parts(count, look):
        if seconds.min() < 0:
            first = int(np.argmax(seconds < 0))
            text = f"SET {delays.word}: number {begin + first} of those drawn is {seconds[first]:g} s; a delay is at least 0"
            hint = "normal(mean, sd, low) draws again what lies below its bound"
            raise BioasmError(Diagnostic("B402", text, delays.span, hint))
        yield np.maximum(in_steps(seconds, step), fewest).astype(np.int64)
