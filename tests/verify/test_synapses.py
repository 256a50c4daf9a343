"""VIA at the gate: which synapses fit which projections, and what of them can be set, recorded and read."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.network.references import ProjectionRef, VariableRef
from bioasm.text.assemble import assemble
from bioasm.verifier.abilities import lacking
from bioasm.verifier.gate import verify

NETWORK = """\
.synapse counting {
  parameters:
    gain = 2 >= 0
    start = 1 ms >= 0.5 ms fixed
    own_delay = 1 ms
  state:
    w = 0.5
    n = 0
  uses:
    v_post : V
    w_post : V
  step:
    dn/dt = -n/(10 ms) event-driven
  on pre:
    send w
    w_post += w*(1 mV)
    n += gain*(v_post/mV)
  on post after:
    w := w + n
}
.model cell {
  parameters:
    tau = 10 ms
  state:
    v = 0 mV
    w = 0 mV
  definitions:
    twice = 2*v
  step:
    dv/dt = -v/tau
    dw/dt = -w/tau
  spike: v > 1 mV
  receive:
    weight : V
    v += weight
}
.model quiet {
  state:
    v = 0 mV
    w = 0 mV
  receive:
    weight : V
    v += weight
}
    POP a, cell, 2
    POP b, cell, 3
    POP silent, quiet, 3
    SYN s, a, b
    CON s, all
    SYN plain, a, b
    CON plain, all
    SYN deaf, a, silent
    CON deaf, all
"""

SOUND = [
    "VIA s, counting\nSET s.w, uniform(0, 1) per lane",
    "VIA s, counting",
    "VIA s, stdp_pair",
    "VIA s, counting\nSET s.gain, 3\nSET s.w, 0.1\nSET s.weight, 1 mV\nSET s.delay, 1 ms\nSET s.after_delay, 2 ms",
    "VIA s, counting\nSET s.gain, [1, 2, 3, 4, 5, 6]\nSET s.w, [1, 2, 3, 4, 5, 6]\nSET s.delay, [1e-3, 0, 0, 0, 0, 2e-3]",
    "VIA s, counting\nREC s.w, 1 ms, [0, 5]\nREC s.n\nRUN 1 ms\nSET s.w, 1\nRD s.w\nRD s.pre\nRD s.last_event\nUNREC s.w",
    "VIA s, counting\nRUN 1 ms\nMOV r0, 1\nSET s.w, r0\nPEEK r0, s.w, 5",
    "VIA s, counting\nSET s.delay, uniform(0 ms, 1 ms)\nSET s.after_delay, normal(1 ms, 0.5 ms, 0 ms)",
    'VIA s, counting\nSET s.after_delay, "0.1 ms*(i + j)"\nSET s.gain, "1 + i"\nSET s.w, "j/N_post"\nSET s.weight, "1 mV*i"',
    "VIA s, counting\nSET s.start, 1000 s\nRUN 1 ms\nSET s.own_delay, 2 ms",
]
REFUSED = [
    ("VIA s, nothing", "B103"),
    ("VIA s, cell", "B103"),
    ("VIA s, ampa", "B103"),
    ("MECH m, counting, a", "B103"),
    ("POP c, counting, 2", "B103"),
    ("VIA t, counting", "B120"),
    ("VIA a, counting", "B120"),
    ("VIA s, counting\nVIA s, counting", "B122"),
    ("VIA deaf, counting", "B114"),
    ("VIA s, counting\nSET s.loss, 1", "B105"),
    ("VIA s, counting\nSET s.post_delay, 1 ms", "B105"),
    ("VIA s, counting\nSET s.gain, uniform(1, 2) per lane", "B004"),
    ("VIA s, counting\nSET s.gain, -1", "B116"),
    ("VIA s, counting\nSET s.gain, [1, 2, -1, 4, 5, 6]", "B116"),
    ("VIA s, counting\nSET s.gain, 1 mV", "B006"),
    ("VIA s, counting\nSET s.w, 1 mV", "B006"),
    ("VIA s, counting\nSET s.w, high", "B021"),
    ("VIA s, counting\nSET s.weight, 1 nS", "B006"),
    ("VIA s, counting\nSET s.delay, -1 ms", "B116"),
    ("VIA s, counting\nSET s.delay, [1e-3, 0, 0, -1e-3, 0, 0]", "B116"),
    ("VIA s, counting\nSET s.delay, [1e9, 0, 0, 0, 0, 0]", "B111"),
    ("VIA s, counting\nRUN 1 ms\nSET s.after_delay, 1 ms", "B118"),
    ("VIA s, counting\nSET s.after_delay, lognormal(10 s, 100 s)", "B111"),
    ("VIA s, counting\nRUN 1 ms\nSET s.start, 1 ms", "B118"),
    ("VIA s, counting\nSET s.start, 0.1 ms", "B116"),
    ("VIA s, counting\nMOV r0, 1\nSET s.start, r0", "B004"),
    ("VIA s, counting\nSET s.start, [1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3]", "B004"),
    ("VIA s, counting\nSET s.start, uniform(1 ms, 2 ms)", "B004"),
    ('VIA s, counting\nSET s.start, "1 ms*(1 + i)"', "B004"),
    ('VIA s, counting\nSET s.gain, "-1 - i"', "B116"),
    ('VIA s, counting\nSET s.w, "i*(1 mV)"', "B022"),
    ("VIA s, counting\nREC s.x", "B108"),
    ("VIA s, counting\nREC s.pre", "B108"),
    ("VIA s, stdp_pair\nRD s.nothing", "B108"),
    ("REC plain.w", "B108"),
    ("RD plain.w", "B108"),
    ("RUN 1 ms\nVIA s, counting", "B119"),
]


@pytest.mark.parametrize("lines", SOUND)
def test_let_through(lines: str) -> None:
    verified = verify(assemble(NETWORK + lines))
    assert not verified.warnings and verified.network.projections[0].synapse is not None


@pytest.mark.parametrize(("lines", "code"), REFUSED)
def test_refused(lines: str, code: str) -> None:
    with pytest.raises(BioasmError) as raised:
        verify(assemble(NETWORK + lines))
    (found,) = raised.value.diagnostics
    assert found.code == code
    assert found.span is not None


ATTACHED = [
    ("v_post : V", "u_post : V", "has no variable u"),
    ("v_post : V", "v_post : A", "uses v_post in A; in b (cell) it is in V"),
    ("w_post += w*(1 mV)", "v_post := v_post", ""),
    ("w_post : V", "twice_post : V", "changes twice_post, and twice is no state of b (cell)"),
]


@pytest.mark.parametrize(("old", "new", "says"), ATTACHED)
def test_names_and_units_are_those_of_the_neurons(old: str, new: str, says: str) -> None:
    text = NETWORK.replace(old, new)
    name = new.partition(" ")[0]
    text = text.replace(old.partition(" ")[0], name) if says else text
    if not says:
        verify(assemble(text + "VIA s, counting"))
        return
    text = text.replace("(v_post/mV)", "(v_post/nA)") if " : A" in new else text
    with pytest.raises(BioasmError) as raised:
        verify(assemble(text + "VIA s, counting"))
    (found,) = raised.value.diagnostics
    assert found.code == "B123" and says in found.message
    assert found.span is not None and text.split("\n")[found.span.line - 1].strip().startswith(f"{name} :")


def test_references_say_what_is_meant() -> None:
    verified = verify(assemble(NETWORK + "VIA s, counting\nSET s.gain, 3\nREC s.w\n"))
    given, recorded = (i.operands[0] for i in verified.instructions[-2:])
    assert isinstance(given, ProjectionRef) and given.key == "s.gain"
    assert recorded == VariableRef("s", "w")
    projection = verified.network.projection("s")
    assert projection is not None and projection.synapse is not None and projection.synapse.name == "counting"


def test_a_driver_without_synapses_refuses_them_by_name() -> None:
    verified = verify(assemble(NETWORK + "VIA s, counting"))
    (found,) = lacking("some", {"core", "network", "models"}, (), verified)
    assert found.code == "B502" and "VIA" in found.message
