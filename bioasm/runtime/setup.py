"""Setup of back ends from a verified program before it runs: its parameters, and the order of its random streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

from bioasm.isa.program import ConstantRef, Quantity
from bioasm.models.base import Model
from bioasm.network.namespace import WEIGHT
from bioasm.network.network import Network
from bioasm.network.references import DT, EventRef, InputRef, ParameterRef, PortRef, ProjectionRef, default_port
from bioasm.runtime.options import LaneValues
from bioasm.verifier.gate import Verified
from bioasm.verifier.lane_places import names_one
from bioasm.verifier.semantics.timing import whole_multiple


def default_parameters(network: Network) -> dict[str, float]:
    """Default parameters: `dt` of the program (1 for sweeps), and all others by `owner.name`."""
    found = {f"{one.name}.{p.name}": p.default for one in network.instances() for p in one.model.parameters}
    step = network.populations[0].model.parameter(DT)
    return found | {DT: step.default if step else 1.0}


def default_noise(network: Network) -> float:
    """The noise level before any SIG: the default of the first model that has noise."""
    noisy = (p.model for p in network.populations if p.model.noise_name)
    return next(noisy, network.populations[0].model).noise_default


def initial_parameters(verified: Verified, given: Mapping[str, float]) -> dict[str, float]:
    """Initial parameters of a run: the defaults, overridden by those of its options."""
    values = default_parameters(verified.network)
    for word, value in given.items():
        found = verified.parameter(word)
        values[word if found is None else found.key] = value
    return values


def fixed_parameters(verified: Verified) -> dict[str, float]:
    """The parameters that decide how a network is built, as SETs anywhere in the program set them, by their keys.

    Those of the population that ALC makes are left out: they are set before it.
    """
    found, network = {}, verified.network
    bare = ("", network.populations[0].name) if network.implicit else ()
    for instruction in verified.instructions:
        if instruction.mnemonic != "SET":
            continue
        ref, value = instruction.operands
        if not isinstance(ref, ParameterRef | ProjectionRef):
            continue
        if ref.parameter.structural and ref.owner not in bare and isinstance(value, Quantity | ConstantRef):
            found[ref.key] = verified.program.quantity(value).value
    return found


def connections_apart(verified: Verified, own: LaneValues) -> dict[str, frozenset[str]]:
    """By projection, the parameters and states of its connections that have values of the lanes' own."""
    refs = [verified.parameter(name) for name in own.parameters]
    sets = [i.operands for i in verified.instructions if i.mnemonic == "SET"]
    refs += [ref for ref, value in sets if names_one(value, own.constants)]  # type: ignore[misc]
    found: dict[str, frozenset[str]] = {}
    for ref in refs:
        if isinstance(ref, ProjectionRef) and ref.parameter.name != WEIGHT:
            found[ref.owner] = found.get(ref.owner, frozenset()) | {ref.parameter.name}
    return found


def event_ports(verified: Verified) -> tuple[PortRef, ...]:
    """The ports that the program sends spikes to from outside. Their places number the streams of random spikes.

    A population with feedback that ALC made always has the first place, so that its programs share kernels.
    """
    network = verified.network
    first = default_port(network) if network.implicit and network.populations[0].model.feedback is not None else None
    sent = [i.operands[0] for i in verified.instructions if i.mnemonic in ("SPK", "POI", "EVT", "RATE")]
    return tuple(dict.fromkeys(port for port in (first, *sent) if isinstance(port, PortRef)))


def recorded_events(verified: Verified) -> tuple[EventRef, ...]:
    """The events that the program records, in the order of their first REC."""
    named = (i.operands[0] for i in verified.instructions if i.mnemonic == "REC")
    return tuple(dict.fromkeys(ref for ref in named if isinstance(ref, EventRef)))


def neurons_with(verified: Verified, ref: InputRef) -> range:
    """The neurons that have an input."""
    return range(verified.network.populations[verified.network.by_name[ref.owner].population].n)


def played_parts(verified: Verified) -> dict[InputRef, tuple[range, ...]]:
    """Partition of the neurons of each input that gets waveforms: each part has one waveform at any time.

    The parts are those that instructions name, cut where another begins or ends.
    """
    played = [i.operands[0] for i in verified.instructions if i.mnemonic in ("PLAY", "WAVE")]
    named: dict[InputRef, set[range]] = {}
    for ref in (ref for ref in played if isinstance(ref, InputRef)):
        named.setdefault(ref, set()).add(neurons_with(verified, ref) if ref.part is None else ref.part)
    return {ref: tuple(_cut(parts)) for ref, parts in named.items()}


def _cut(parts: set[range]) -> Iterator[range]:
    """Common refinement: disjoint parts whose unions give each of these parts."""
    edges, waiting, end = sorted({edge for p in parts for edge in (p.start, p.stop)}), sorted(parts, key=lambda p: p.start), 0
    starts = iter(waiting)
    begun = next(starts, None)
    for first, last in pairwise(edges):
        while begun is not None and begun.start <= first:
            end, begun = max(end, begun.stop), next(starts, None)
        if end > first:
            yield range(first, last)


# --- values that only the run knows -----------------------------------------------------------------


def rule_problem(rule: float) -> str | None:
    """The fault of the rule of spin flips that registers or options have set, or None."""
    return None if rule in (0.0, 1.0) else f"rule is 0 (glauber) or 1 (metropolis), not {rule:g}"


def feedback_problem(model: Model, every: float, dt: float) -> str | None:
    """The fault of the interval of a feedback, in seconds, at a step of `dt` seconds, or None."""
    assert model.feedback is not None
    if dt > 0 and whole_multiple(every, dt):
        return None
    return f"{model.feedback.every} ({every:g} s) is no whole multiple of dt ({dt:g} s)"
