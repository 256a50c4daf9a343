"""What back ends find out from a verified program before it runs: its parameters, and the order of its random streams."""

from __future__ import annotations

from collections.abc import Mapping

from bioasm.isa.program import ConstantRef, Quantity
from bioasm.models.base import Model
from bioasm.network.network import Network
from bioasm.network.references import DT, ParameterRef, PortRef, ProjectionRef, default_port
from bioasm.verifier.gate import Verified
from bioasm.verifier.semantics.timing import whole_multiple


def default_parameters(network: Network) -> dict[str, float]:
    """All parameters with their defaults: `dt` of the program (1 for sweeps), and the others by `owner.name`."""
    found = {f"{one.name}.{p.name}": p.default for one in network.instances() for p in one.model.parameters}
    step = network.populations[0].model.parameter(DT)
    return found | {DT: step.default if step else 1.0}


def default_noise(network: Network) -> float:
    """The level of noise before any SIG: that of the first model that has noise."""
    noisy = (p.model for p in network.populations if p.model.noise_name)
    return next(noisy, network.populations[0].model).noise_default


def initial_parameters(verified: Verified, given: Mapping[str, float]) -> dict[str, float]:
    """The parameters that a run begins with: defaults, and in their place those that its options name."""
    values = default_parameters(verified.network)
    for word, value in given.items():
        found = verified.parameter(word)
        values[word if found is None else found.key] = value
    return values


def fixed_parameters(verified: Verified) -> dict[str, float]:
    """What SETs anywhere in the program say of parameters that decide how a network is built, by their keys.

    Those of the population that ALC makes are left out: they are set before it.
    """
    found, network = {}, verified.network
    bare = ("", network.populations[0].name) if network.implicit else ()
    for instruction in verified.instructions:
        if instruction.mnemonic != "SET":
            continue
        ref, value = instruction.operands
        assert isinstance(ref, ParameterRef | ProjectionRef)
        if ref.parameter.structural and ref.owner not in bare and isinstance(value, Quantity | ConstantRef):
            found[ref.key] = verified.program.quantity(value).value
    return found


def event_ports(verified: Verified) -> tuple[PortRef, ...]:
    """The ports that the program sends spikes to from outside. Their places number the streams of random spikes.

    A population with feedback that ALC made has the first place always, so that its programs share kernels.
    """
    network = verified.network
    first = default_port(network) if network.implicit and network.populations[0].model.feedback is not None else None
    sent = [i.operands[0] for i in verified.instructions if i.mnemonic in ("SPK", "POI", "EVT", "RATE")]
    return tuple(dict.fromkeys(port for port in (first, *sent) if isinstance(port, PortRef)))


# --- values that only the run knows -----------------------------------------------------------------


def rule_problem(rule: float) -> str | None:
    """What is wrong with the rule of spin flips that registers or options have set."""
    return None if rule in (0.0, 1.0) else f"rule is 0 (glauber) or 1 (metropolis), not {rule:g}"


def feedback_problem(model: Model, every: float, dt: float) -> str | None:
    """What is wrong with the interval of a feedback, in seconds, at a step of `dt` seconds."""
    assert model.feedback is not None
    if dt > 0 and whole_multiple(every, dt):
        return None
    return f"{model.feedback.every} ({every:g} s) is no whole multiple of dt ({dt:g} s)"
