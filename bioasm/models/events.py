"""Semantic checks of sections and events: allowed sections, repeated names, ports, feedback, clamps, the order of a step."""

from __future__ import annotations

from bioasm.diagnostics import did_you_mean
from bioasm.models.algebra import is_number, linear_in, reads
from bioasm.models.base import NEURON, ORDER, SPINS, SYNAPSE, Event, Feedback, Port
from bioasm.models.findings import Findings
from bioasm.models.names import TAKEN, Scope, twice
from bioasm.models.sections import KINDS, SECTIONS
from bioasm.models.syntax_tree import RawEquation, RawEvent, RawModel, RawObservable, RawPort, place_of
from bioasm.units import NO_UNIT


def check_sections(parsed: RawModel, findings: Findings) -> None:
    """Findings for sections that this kind of model can't have, and for missing sections that others need."""
    for section, at in parsed.sections.items():
        for kind in (parsed.kind, *((SPINS,) if parsed.spins else ())):
            having = SECTIONS[section].kinds
            if kind not in having:
                own = [KINDS[one].own for one in KINDS if one in having]
                hint = own[0] if NEURON not in having else None
                findings.add("B028", f"{KINDS[kind].called} has no section `{section}:`{KINDS[kind].reason}", at, hint)
    after = next((s for s in ("reset", "refractory") if s in parsed.sections), None)
    if after and "spike" not in parsed.sections and parsed.kind == NEURON:
        findings.add("B031", f"`{after}:` needs a threshold", parsed.sections[after], "add `spike: v > Vt`")
    frozen = [i.name for i in parsed.step() if isinstance(i, RawEquation) and i.frozen]
    if frozen and "refractory" not in parsed.sections and parsed.kind != SYNAPSE:
        text = "`unless refractory` needs a refractory time"
        findings.add("B031", text, frozen[0].at, "add `refractory: 2 ms`")
    if parsed.kind == NEURON and not parsed.states and not parsed.spins and not parsed.lost:
        findings.add("B024", f"model {parsed.name} has no state", parsed.name.at, "list its variables under `state:`")


def check_repeats(parsed: RawModel, findings: Findings) -> None:
    """Findings for duplicate names of equations, ports, jumps and observables."""
    for stage in parsed.stages:
        for word in twice(item.name for item in stage if isinstance(item, RawEquation)):
            text = f"`{word}` has two equations in one stage"
            hint = None if parsed.kind == SYNAPSE else "a second stage starts with `then:`"
            findings.add("B026", text, place_of(word), hint)
    for word in twice(port.name for port in parsed.ports):
        findings.add("B026", f"the port {word or 'without a name'} stands twice", place_of(word))
    for word in {event.name for event in parsed.events} & {port.name for port in parsed.ports} - {""}:
        findings.add("B026", f"`{word}` is a port already", next(e.name.at for e in parsed.events if e.name == word))
    for port in parsed.ports:
        for weight in port.weights[1:]:
            findings.add("B026", "the unit of a weight stands twice in one port", weight.name.at)
        for word in twice(jump.variable for jump in port.jumps):
            findings.add("B026", f"`{word}` stands twice in one port", place_of(word))
    for word in twice(o.name for o in parsed.observables):
        findings.add("B026", f"`{word}` is observed twice", place_of(word))


def port_of(raw: RawPort, findings: Findings) -> Port:
    """Lower a port: each jump is split into its factor times `weight`."""
    jumps = []
    for jump in raw.jumps:
        parts = linear_in(jump.value, "weight")
        if parts is None or not is_number(parts[0], 0) or not reads(jump.value, "weight"):
            text = f"what a spike adds to `{jump.variable}` is proportional to its weight: factor * weight"
            findings.add("B031", text, place_of(jump.value))
            continue
        jumps.append((jump.variable, parts[1]))
    return Port(raw.name, raw.unit or NO_UNIT, tuple(jumps), raw.summary)


def event_of(raw: RawEvent, findings: Findings) -> Event | None:
    """Lower an event; None, with a finding, without a name and exactly one condition."""
    if not raw.name:
        findings.add("B031", "an event has a name", raw.name.at, "write `event NAME: v > -56 mV`")
    elif not raw.conditions:
        findings.add("B031", f"event `{raw.name}` has no condition", raw.name.at, f"write `event {raw.name}: v > -56 mV`")
    elif len(raw.conditions) > 1:
        hint = "join conditions with `or`, or give the second one a name: `event NAME:`"
        findings.add("B026", f"event `{raw.name}` has a second condition", place_of(raw.conditions[1].condition), hint)
    else:
        return Event(raw.name, raw.conditions[0], tuple(raw.statements), raw.summary)
    return None


def order_of_step(parsed: RawModel, findings: Findings) -> tuple[str, ...]:
    """The order of the phases of a step."""
    if not parsed.order or parsed.kind != NEURON:
        return ORDER
    names: list[str] = [*parsed.order]
    if sorted(names) != sorted(ORDER):
        findings.add("B031", f"`order:` names each of {', '.join(ORDER)} once", parsed.order[0].at)
        return ORDER
    if names.index("reset") < names.index("spike"):
        findings.add("B031", "`order:` has the reset before the spike that it follows", parsed.order[names.index("reset")].at)
    return tuple(names)


def feedback_of(parsed: RawModel, scope: Scope, findings: Findings) -> Feedback | None:
    """The feedback, with findings for names of the wrong kind."""
    raw = parsed.feedback
    if raw is None:
        return None
    fixed = {p.name for p in parsed.parameters if p.fixed}
    wanted = (
        (raw.target, ("input",), "an input"),
        (raw.source, ("state", "definition"), "a state or a definition"),
        (raw.every, ("parameter",), "a parameter"),
        (raw.within, ("parameter",), "a parameter"),
    )
    for word, kinds, what in wanted:
        if scope.kinds.get(word) not in kinds and word not in scope.excused:
            names = [name for name, kind in scope.kinds.items() if kind in kinds]
            findings.add("B031", f"`{word}` in `feedback:` must be {what}", place_of(word), did_you_mean(word, names))
        elif kinds == ("parameter",) and word not in fixed and word not in scope.excused:
            hint = "write `fixed` behind its range"
            findings.add("B031", f"parameter `{word}` of the feedback must be fixed", place_of(word), hint)
    return raw


def check_seen(parsed: RawModel, scope: Scope, findings: Findings) -> None:
    """Findings for names of `clamp:` and `observe:` that the model lacks, and of `adds:` that are its own."""
    for addition in parsed.adds:
        kind = scope.kinds.get(addition.target, "use")
        if kind != "use" and parsed.kind != NEURON:
            text = f"`{addition.target}` is the mechanism's own {kind}; it adds to inputs of the membrane it is put on"
            findings.add("B031", text, place_of(addition.target))
    if parsed.clamp:
        _seen("clamp", parsed.clamp.variable, ("state",), scope, findings)
    for observable in parsed.observables:
        _seen("observe", observable.variable, ("state", "definition", "input"), scope, findings)
        _check_shown(observable, scope, findings)


def _check_shown(observable: RawObservable, scope: Scope, findings: Findings) -> None:
    """Findings for an observable whose name is one of the machine's observables or of another variable."""
    name, kind = observable.name, scope.kinds.get(observable.name)
    if name in TAKEN - {"state"}:
        text = f"observable `{name}`: that is a word of the language"
        findings.add("B025", text, name.at, f"take another name, such as {name}_")
    elif kind and name != observable.variable:
        findings.add("B026", f"`{name}` is a {kind} already, and shows itself", name.at)


def _seen(section: str, word: str, kinds: tuple[str, ...], scope: Scope, findings: Findings) -> None:
    if scope.kinds.get(word) in kinds or word in scope.excused:
        return
    names = [name for name, kind in scope.kinds.items() if kind in kinds]
    hint = did_you_mean(word, names) or "an expression gets a name under `definitions:` first"
    findings.add("B031", f"`{word}` in `{section}:` must be one of the model's {kinds[0]}s", place_of(word), hint)
