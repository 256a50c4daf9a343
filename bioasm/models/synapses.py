"""Semantic checks of synapses: events, variables at the two ends, and closed-form solutions of event-driven equations."""

from __future__ import annotations

from collections.abc import Mapping

from bioasm.models.base import EVENT_DRIVEN, LAST_EVENT, POST, PRE, SYNAPSE, Assignment
from bioasm.models.expression import Expression, expanded, symbols
from bioasm.models.findings import Findings
from bioasm.models.limits import MOST_COUPLED
from bioasm.models.linear_systems import coupled, linear_row
from bioasm.models.names import twice
from bioasm.models.syntax_tree import RawEquation, RawHandler, RawModel, Word, place_of

_READ = (PRE, POST, LAST_EVENT)
_OTHERWISE = "`using euler` or another method integrates it in every step"


def check_synapse(parsed: RawModel, findings: Findings) -> None:
    """Findings for unknown events, duplicate pathways, names without an end, and equations without a method."""
    if parsed.kind == SYNAPSE:
        _check_handlers(parsed, findings)
        _check_ends(parsed, findings)
        _check_marks(parsed, findings)
    else:
        for raw in _marked(parsed):
            text = "an event-driven equation stands in a synapse: a neuron is integrated in every step"
            findings.add("B029", text, raw.method.at)


def _check_handlers(parsed: RawModel, findings: Findings) -> None:
    for handler in parsed.handlers:
        if handler.event not in (PRE, POST):
            at = place_of(handler.event) if handler.event else parsed.sections["on"]
            findings.add("B028", "a synapse has events `on pre:` and `on post:`", at)
    for word in twice(_pathway(handler) for handler in parsed.handlers):
        hint = "several pathways of one event have names, such as `on pre effect:`, and a delay each"
        findings.add("B026", f"`on {word}:` stands twice", place_of(word), hint)
    known = _delays(parsed.handlers)
    for name in (*(raw.name for raw in parsed.parameters), *(raw.name for raw in parsed.states)):
        if name in known:
            findings.add("B025", f"`{name}` is the delay of a pathway of this synapse", name.at)
        elif name in _READ:
            findings.add(
                "B025", f"`{name}` is what RD reads of every connection", name.at, f"take another name, such as {name}0"
            )


def _pathway(handler: RawHandler) -> Word:
    """The word that identifies a pathway: its event, with its own name where it has one."""
    place = place_of(handler.name) if handler.name else place_of(handler.event)
    return Word(" ".join(filter(None, (handler.event, handler.name))), place)


def _delays(handlers: list[RawHandler]) -> list[str]:
    return ["delay", "post_delay", *(f"{handler.name}_delay" for handler in handlers if handler.name)]


def _check_ends(parsed: RawModel, findings: Findings) -> None:
    """Check that names in uses and additions have the suffix of an end; the hint begins with the likelier end."""
    used, added = [use.name for use in parsed.uses], [addition.target for addition in parsed.adds]
    for word, ends in (*((word, (PRE, POST)) for word in used), *((word, (POST, PRE)) for word in added)):
        name, _, end = word.rpartition("_")
        if not name or end not in ends:
            text = f"`{word}` does not say of which end it is"
            findings.add("B031", text, place_of(word), f"write {word}_{ends[0]} or {word}_{ends[1]}")


def _marked(parsed: RawModel) -> list[RawEquation]:
    """The event-driven equations."""
    return [item for item in parsed.step() if isinstance(item, RawEquation) and item.method == EVENT_DRIVEN]


def _check_marks(parsed: RawModel, findings: Findings) -> None:
    uses = {str(use.name) for use in parsed.uses}
    for item in parsed.step():
        name = item.name if isinstance(item, RawEquation) else item.variable
        if name in uses:
            text = f"`{name}` is a neuron's, and changes at spikes only: under `on pre:` and `on post:`"
            findings.add("B031", text, place_of(name))
        if isinstance(item, RawEquation) and not item.method:
            text = f"the equation of `{item.name}` does not say how it is solved"
            hint = "`event-driven` solves a linear one from event to event; " + _OTHERWISE
            findings.add("B029", text, place_of(item.name), hint)
        elif isinstance(item, RawEquation) and item.frozen:
            findings.add("B031", "a connection is never refractory", place_of(item.name))


# --- event-driven equations ---------------------------------------------------------------------------


def check_event_driven(parsed: RawModel, definitions: Mapping[str, Expression], findings: Findings) -> None:
    """Findings for event-driven equations without a closed form, and for clock-driven equations that read their states.

    Right sides are linear in the event-driven states, with coefficients made of parameters. `definitions` hold no cycle.
    """
    marked = {str(raw.name): raw for raw in _marked(parsed)}
    if parsed.kind != SYNAPSE or not marked:
        return
    constants = {str(raw.name) for raw in parsed.parameters} | {"dt"}
    rates = {name: expanded(raw.rate, definitions) for name, raw in marked.items()}
    for name, raw in marked.items():
        _check_closed_form(raw, rates[name], marked, constants, findings)
    for system in coupled(rates):
        if len(system) > MOST_COUPLED:
            text = f"{len(system)} equations are coupled; at most {MOST_COUPLED} are solved together"
            findings.add("B111", text, marked[system[0]].method.at)
    _check_readers(parsed, definitions, marked, findings)


def check_start(parsed: RawModel, definitions: Mapping[str, Expression], findings: Findings) -> None:
    """Findings for initial values of a synapse that read neurons: connections are made before any of them runs."""
    uses = {str(use.name) for use in parsed.uses} if parsed.kind == SYNAPSE else set()
    for raw in parsed.states if uses else ():
        read = sorted(symbols(expanded(raw.value, definitions)) & uses)
        if read:
            text = f"`{raw.name}` starts from `{read[0]}`; a connection starts from numbers and parameters"
            findings.add("B031", text, place_of(raw.value))


def _check_closed_form(
    raw: RawEquation, rate: Expression, marked: Mapping[str, RawEquation], constants: set[str], findings: Findings
) -> None:
    row = linear_row(rate, marked)
    if isinstance(row, str):
        text = f"an event-driven equation is linear; this one is not in `{row}`, as it is written"
        findings.add("B029", text, raw.method.at, _OTHERWISE)
        return
    moving = sorted({n for part in (row.constant, *row.coefficients.values()) for n in symbols(part)} - constants)
    if moving:
        text = f"an event-driven equation is made of parameters and event-driven states; `{moving[0]}` changes between events"
        findings.add("B029", text, raw.method.at, _OTHERWISE)


def _check_readers(
    parsed: RawModel, definitions: Mapping[str, Expression], marked: Mapping[str, RawEquation], findings: Findings
) -> None:
    for addition in parsed.adds:
        stale = sorted(symbols(expanded(addition.value, definitions)) & marked.keys())
        if stale:
            text = f"`{addition.target}` is summed in every step, and `{stale[0]}` is brought up to date at events only"
            hint = f"let `{stale[0]}` be integrated in every step too: using exact"
            findings.add("B029", text, place_of(addition.target), hint)
    for item in parsed.step():
        value = item.value if isinstance(item, Assignment) else item.rate
        name = Word(item.variable, place_of(item.variable)) if isinstance(item, Assignment) else item.name
        stale = sorted(symbols(expanded(value, definitions)) & marked.keys())
        if stale and (isinstance(item, Assignment) or item.method != EVENT_DRIVEN):
            text = f"`{name}` is computed in every step from `{stale[0]}`, which is brought up to date at events only"
            findings.add("B029", text, name.at, f"let `{stale[0]}` be integrated in every step too: using exact")
        elif isinstance(item, Assignment) and name in marked:
            findings.add("B029", f"`{name}` is event-driven and can't be assigned to in every step", name.at)
