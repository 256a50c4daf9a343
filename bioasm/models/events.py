"""What happens to a neuron beside its equations: thresholds, ports, feedback, clamps, the order of a step."""

from __future__ import annotations

from bioasm.diagnostics import did_you_mean
from bioasm.models.algebra import is_number, linear_in, reads
from bioasm.models.base import NEURON, ORDER, Feedback, Port
from bioasm.models.findings import Findings
from bioasm.models.names import TAKEN, Scope, twice
from bioasm.models.statements import place_of
from bioasm.models.syntax_tree import RawEquation, RawModel, RawObservable, RawPort, Word
from bioasm.units import NO_UNIT

_NEURON_ONLY = ("noise", "spike", "reset", "refractory", "observe", "clamp", "feedback", "order", "spins", "clock")
_SPINS = frozenset({"source", "parameters", "noise", "spins", "clock", "observe", "clamp"})
_MECHANISM_ONLY = ("uses", "adds")


def check_sections(parsed: RawModel, findings: Findings) -> None:
    """Note sections that this kind of model can't have, and events that need another section."""
    for section, at in parsed.sections.items():
        if parsed.kind != NEURON and section in _NEURON_ONLY:
            findings.add("B028", f"a mechanism has no section `{section}:`", at)
        elif parsed.kind == NEURON and section in _MECHANISM_ONLY:
            hint = "mechanisms use and add to the variables of the neuron that they are put on"
            findings.add("B028", f"a neuron model has no section `{section}:`", at, hint)
        elif parsed.spins and section not in _SPINS:
            findings.add("B028", f"a model of spins has no section `{section}:`; the machine knows their dynamics", at)
    after = next((s for s in ("reset", "refractory") if s in parsed.sections), None)
    if after and "spike" not in parsed.sections and parsed.kind == NEURON:
        findings.add("B031", f"`{after}:` needs a threshold", parsed.sections[after], "add `spike: v > Vt`")
    frozen = [i.name for stage in parsed.stages for i in stage if isinstance(i, RawEquation) and i.frozen]
    if frozen and "refractory" not in parsed.sections:
        text = "`unless refractory` needs a refractory time"
        findings.add("B031", text, frozen[0].at, "add `refractory: 2 ms`")
    if parsed.kind == NEURON and not parsed.states and not parsed.spins and not parsed.lost:
        findings.add("B024", f"model {parsed.name.text} has no state", parsed.name.at, "list its variables under `state:`")


def check_repeats(parsed: RawModel, findings: Findings) -> None:
    """Note equations, jumps and ports that stand twice."""
    for stage in parsed.stages:
        for word in twice(item.name for item in stage if isinstance(item, RawEquation)):
            text = f"`{word.text}` has two equations in one stage"
            findings.add("B026", text, word.at, "a second stage starts with `then:`")
    for word in twice(port.name for port in parsed.ports):
        findings.add("B026", f"the port {word.text or 'without a name'} stands twice", word.at)
    for port in parsed.ports:
        for word in twice(jump.name for jump in port.jumps):
            findings.add("B026", f"`{word.text}` stands twice in one port", word.at)
    for word in twice(o.name for o in parsed.observables):
        findings.add("B026", f"`{word.text}` is observed twice", word.at)


def port_of(raw: RawPort, findings: Findings) -> Port:
    """The port, with the factor of the weight in each jump."""
    jumps = []
    for jump in raw.jumps:
        parts = linear_in(jump.value, "weight")
        if parts is None or not is_number(parts[0], 0) or not reads(jump.value, "weight"):
            text = f"what a spike adds to `{jump.name.text}` is proportional to its weight: factor * weight"
            findings.add("B031", text, place_of(jump.value))
            continue
        jumps.append((jump.name.text, parts[1]))
    return Port(raw.name.text, raw.unit or NO_UNIT, tuple(jumps), raw.summary)


def order_of_step(parsed: RawModel, findings: Findings) -> tuple[str, ...]:
    """The order of what happens in a step."""
    if not parsed.order or parsed.kind != NEURON:
        return ORDER
    names = [word.text for word in parsed.order]
    if sorted(names) != sorted(ORDER):
        findings.add("B031", f"`order:` names each of {', '.join(ORDER)} once", parsed.order[0].at)
        return ORDER
    if names.index("reset") < names.index("spike"):
        findings.add("B031", "`order:` has the reset before the spike that it follows", parsed.order[names.index("reset")].at)
    return tuple(names)


def feedback_of(parsed: RawModel, scope: Scope, findings: Findings) -> Feedback | None:
    """The feedback, its names looked up."""
    raw = parsed.feedback
    if raw is None:
        return None
    fixed = {p.name.text for p in parsed.parameters if p.fixed}
    wanted = (
        (raw.target, ("input",), "an input"),
        (raw.source, ("state", "definition"), "a state or a definition"),
        (raw.every, ("parameter",), "a parameter"),
        (raw.within, ("parameter",), "a parameter"),
    )
    for word, kinds, what in wanted:
        if scope.kinds.get(word.text) not in kinds and word.text not in scope.excused:
            names = [name for name, kind in scope.kinds.items() if kind in kinds]
            findings.add("B031", f"`{word.text}` in `feedback:` must be {what}", word.at, did_you_mean(word.text, names))
        elif kinds == ("parameter",) and word.text not in fixed and word.text not in scope.excused:
            hint = "write `fixed` behind its range"
            findings.add("B031", f"parameter `{word.text}` of the feedback must be fixed", word.at, hint)
    return Feedback(raw.source.text, raw.target.text, raw.every.text, raw.within.text)


def check_seen(parsed: RawModel, scope: Scope, findings: Findings) -> None:
    """Note names of `clamp:` and `observe:` that are none of the model, and of `adds:` that are not of another."""
    for addition in parsed.adds:
        kind = scope.kinds.get(addition.name.text, "use")
        if kind != "use" and parsed.kind != NEURON:
            text = f"`{addition.name.text}` is the mechanism's own {kind}; it adds to inputs of the membrane it is put on"
            findings.add("B031", text, addition.name.at)
    if parsed.clamp:
        _seen("clamp", parsed.clamp[0], ("state",), scope, findings)
    for observable in parsed.observables:
        _seen("observe", observable.variable, ("state", "definition", "input"), scope, findings)
        _check_shown(observable, scope, findings)


def _check_shown(observable: RawObservable, scope: Scope, findings: Findings) -> None:
    """Note an observable whose name is taken: by what the machine counts, or by anything else than what it shows."""
    name, kind = observable.name, scope.kinds.get(observable.name.text)
    if name.text in TAKEN - {"state"}:
        text = f"observable `{name.text}`: that is a word of the language"
        findings.add("B025", text, name.at, f"take another name, such as {name.text}_")
    elif kind and name.text != observable.variable.text:
        findings.add("B026", f"`{name.text}` is a {kind} already, and shows itself", name.at)


def _seen(section: str, word: Word, kinds: tuple[str, ...], scope: Scope, findings: Findings) -> None:
    if scope.kinds.get(word.text) in kinds or word.text in scope.excused:
        return
    names = [name for name, kind in scope.kinds.items() if kind in kinds]
    hint = did_you_mean(word.text, names) or "an expression gets a name under `definitions:` first"
    findings.add("B031", f"`{word.text}` in `{section}:` must be one of the model's {kinds[0]}s", word.at, hint)
