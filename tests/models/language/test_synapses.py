"""Texts of synapses: what they say, what is wrong with them, and each fault at its place."""

from __future__ import annotations

import pytest

from bioasm.models import MODELS
from bioasm.models.base import EVENT_DRIVEN, SYNAPSE, Assignment, Equation, Send
from bioasm.models.equations import equation_lines
from bioasm.models.expression import symbols
from bioasm.models.store import from_json, to_json
from tests.models.language.support import findings, read

TEXT = """\
.synapse rule {
  "a rule of the tests"
  parameters:
    tau = 20 ms > 0
  state:
    w = 0.5
    a = 0
    q = 0
  uses:
    v_post : V
    g_post : V
  definitions:
    raised = a + 1
  step:
    da/dt = -a/tau event-driven
    dq/dt = (v_post/mV - q)/tau using euler
  on pre:
    g_post += w*(1 mV)
    a := raised
  on pre effect:
    send w
  on post:
    w := clip(w + a, 0, 1)
}
"""


def test_a_text_says_what_it_says() -> None:
    model = read(TEXT)
    assert model.kind == SYNAPSE
    assert [handler.delay for handler in model.handlers] == ["delay", "effect_delay", "post_delay"]
    first, second = model.handlers[0].statements
    assert isinstance(first, Assignment) and first.variable == "g_post" and symbols(first.value) == {"g_post", "w"}
    assert isinstance(second, Assignment) and isinstance(model.handlers[1].statements[0], Send)
    assert [e.method for e in model.stages[0] if isinstance(e, Equation)] == [EVENT_DRIVEN, "euler"]
    assert model.sends and model.changed == {"a", "g_post", "w", "q"}
    assert from_json(to_json(model)) == model
    assert "on pre effect: send w" in equation_lines(model) and "da/dt = -a / tau event-driven" in equation_lines(model)


FAULTS = [
    ("-a/tau event-driven", "-a^2/tau event-driven", "B029", "event-driven", "linear"),
    ("-a/tau event-driven", "-a/tau*(v_post/mV) event-driven", "B029", "event-driven", "`v_post` changes between events"),
    ("-a/tau event-driven", "-a/tau + q/tau event-driven", "B029", "event-driven", "`q` changes between events"),
    ("-a/tau event-driven", "-a/tau + sin(t/tau)/tau event-driven", "B029", "event-driven", "`t` changes between events"),
    ("-a/tau event-driven", "-a/tau", "B029", "a", "does not say how it is solved"),
    ("(v_post/mV - q)/tau using", "(a - q)/tau using", "B029", "q", "brought up to date at events only"),
    ("using euler", "using euler unless refractory", "B031", "q", "never refractory"),
    ("g_post += w*(1 mV)", "g_post += w", "B022", "g_post += w", "can't be added"),
    ("g_post += w*(1 mV)", "h_post += w", "B024", "h_post", "changes and has no initial value"),
    ("g_post += w*(1 mV)", "tau := tau", "B024", "tau", "is a parameter and can't be changed"),
    ("send w", "send v_post", "B022", "v_post", "what is sent is a pure number"),
    ("a := raised", "a := held(a)", "B027", "held(a)", "no stages"),
    ("g_post : V\n", "g_post : V\n    u : V\n", "B031", "u", "of which end"),
    ("on post:", "on spike:", "B028", "spike", "`on pre:` and `on post:`"),
    ("on post:", "on:", "B028", "on", "`on pre:` and `on post:`"),
    ("on pre effect:", "on pre:", "B026", "pre", "`on pre:` stands twice"),
    ("on post:", "on post one two:", "B020", "", ""),
    ("q = 0", "delay = 0 ms\n    q = 0", "B025", "delay", "the delay of a pathway"),
    ("q = 0", "pre = 0\n    q = 0", "B025", "pre", "what RD reads of every connection"),
    ("q = 0", "last_event = 0 s\n    q = 0", "B025", "last_event", "what RD reads of every connection"),
    ("w = 0.5", "w = v_post/mV", "B031", "v_post/mV", "starts from `v_post`"),
]


@pytest.mark.parametrize(("old", "new", "code", "at", "says"), FAULTS, ids=[new for _, new, *_ in FAULTS])
def test_a_fault_is_told_at_its_place(old: str, new: str, code: str, at: str, says: str) -> None:
    assert TEXT.count(old) == 1
    text = TEXT.replace(old, new)
    found = findings(text)
    assert [f.code for f in found][:1] == [code] and says in found[0].message
    if at:
        (finding,) = found
        assert finding.span is not None
        line = text.splitlines()[finding.span.line - 1]
        assert line[finding.span.column - 1 :].startswith(at)


def test_a_neuron_has_no_events() -> None:
    (finding,) = findings(".model x {\n state: v = 0\n on pre:\n v := v\n}")
    assert (finding.code, finding.message) == ("B028", "a neuron model has no section `on:`")
    (finding,) = findings(".model x {\n state: v = 0\n step:\n dv/dt = -v/(1 s) event-driven\n}")
    assert finding.code == "B029"


def test_what_ships_is_listed_by_its_kind() -> None:
    assert MODELS.kind("stdp_pair") == "synapse" and MODELS["stdp_pair"].kind == SYNAPSE
