"""NeuroML's channels: a passive one is `pas`, one with gates of Hodgkin and Huxley a mechanism with the same equations."""

from __future__ import annotations

from collections.abc import Iterator

from bioasm.frameworks.neuroml.document import Element
from bioasm.frameworks.neuroml.values import RATE, VOLTAGE, number, quantity, spelled

_NOTES = ("notes", "annotation", "property")
_GATES = ("gateHHrates", "gate")
_CHANNELS = ("ionChannel", "ionChannelHH", "ionChannelPassive")
# The rates of NeuroML 2 (Cannon et al., Front. Neuroinform. 8:79, 2014), over x = (v - midpoint)/scale.
_FORMS = {
    "HHExpRate": "{rate}*exp({x})",
    "HHSigmoidRate": "{rate}/(1 + exp(-{x}))",
    "HHExpLinearRate": "{rate}*exprelr(-{x})",
}


def channels_of(document: Element) -> dict[str, Element]:
    """The channels that a document describes, by their ids."""
    return {one.get("id"): one for one in document.all(*_CHANNELS)}


def is_passive(channel: Element) -> bool:
    """Whether a channel has no gates."""
    return not any(one.name not in _NOTES for one in channel.inner)


def mechanism(channel: Element, name: str) -> Iterator[str]:
    """The lines of the mechanism of a channel with gates."""
    gates = [one for one in channel.inner if one.name not in _NOTES]
    names = [one.get("id") for one in gates]
    for gate in gates:
        _check_gate(channel, gate, names)
    yield f".mechanism {name} {{"
    yield from ("  parameters:", "    gbar = 1 mS/cm2 >= 0", "    erev = 0 mV", "  uses:", "    v : V", "  state:")
    for gate in gates:
        yield f"    {gate.get('id')} = alpha_{gate.get('id')}/(alpha_{gate.get('id')} + beta_{gate.get('id')})"
    yield "  definitions:"
    for gate in gates:
        yield f"    alpha_{gate.get('id')} = {_rate(gate, 'forwardRate')}"
        yield f"    beta_{gate.get('id')} = {_rate(gate, 'reverseRate')}"
    yield from ("  step:", "", "  then:")
    for one in names:
        yield f"    d{one}/dt = alpha_{one} - (alpha_{one} + beta_{one})*{one} using exponential_euler"
    powers = "".join(f"*{gate.get('id')}^{_instances(gate)}" for gate in gates)
    yield from ("  adds:", f"    I += -gbar{powers}*(v - erev)", "}")


def _check_gate(channel: Element, gate: Element, names: list[str]) -> None:
    kind = gate.attributes.get("type", gate.name)
    if gate.name not in _GATES or kind not in ("gateHHrates", "gate"):
        text = f"channel {channel.get('id')} has a <{gate.name}>" + (f" of the type {kind}" if kind != gate.name else "")
        raise gate.fault(f"{text}, which is not read", "gates are of the type gateHHrates")
    name = gate.get("id")
    reserved = name in ("v", "t", "dt", "pi", "gbar", "erev") or name.startswith(("alpha_", "beta_"))
    if reserved or not name.isidentifier() or names.count(name) > 1:
        raise gate.fault(f"a gate can't be called {name!r} here")
    strange = next((one for one in gate.inner if one.name not in ("forwardRate", "reverseRate", *_NOTES)), None)
    if strange is not None:
        raise strange.fault(f"<{strange.name}> of a gate is not read", "a gate has a forwardRate and a reverseRate")


def _instances(gate: Element) -> int:
    found = number(gate, "instances", "1")
    if not (1.0 <= found <= 100.0 and found == int(found)):
        raise gate.fault(f"instances is {found:g}; it is a whole number from 1 to 100")
    return int(found)


def _rate(gate: Element, which: str) -> str:
    """A rate as an expression."""
    element = gate.first(which)
    if element is None:
        raise gate.fault(f"the gate {gate.get('id')} has no <{which}>")
    form = _FORMS.get(element.get("type"))
    if form is None:
        raise element.fault(f"a rate of the type {element.get('type')} is not read", f"rates are {', '.join(_FORMS)}")
    value, per = quantity(element, "rate", RATE)
    middle, scale = spelled(element, "midpoint", VOLTAGE), spelled(element, "scale", VOLTAGE)
    return form.format(rate=f"({value}/{per})", x=f"((v - ({middle}))/({scale}))")
