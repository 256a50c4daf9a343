"""Every kind of error in a model text: one finding with its code, its place, what it says and what would mend it."""

from __future__ import annotations

import pytest

from bioasm.isa.limits import limit
from bioasm.models.expression import FUNCTIONS
from bioasm.models.limits import DEEPEST, LARGEST, LONGEST
from tests.models.language.support import MECHANISM, NEURON, changed, findings, read

W_INF = "1/(1 + exp(-(v - El)/(5 mV)))"
W = "dw/dt = (w_inf - w)/tau using cnexp"

# What is replaced by what, the code, what the caret stands under, a part of the message, a part of the hint.
CASES = [
    # undefined names
    ("w_inf - w", "w_inv - w", "B021", "w_inv", "not defined", "did you mean w_inf?"),
    ("R*I)", "R*I_ext)", "B021", "I_ext", "not defined", "declare it under"),
    (W_INF, "exp", "B021", "exp", "not defined", "exp is a function"),
    (W_INF, "weight", "B021", "weight", "in `receive:` only", ""),
    ("v > -50 mV", "v > Vt", "B021", "Vt", "not defined", ""),
    ("v := El", "v := Vr", "B021", "Vr", "not defined", ""),
    ("refractory: 2 ms", "refractory: t_ref", "B021", "t_ref", "not defined", ""),
    ("v = El", "v = E", "B021", "E", "not defined", ""),
    (W, "dw/dt = (w_inf - w)*0.1/s", "B021", "s", "not defined", "(1 s)"),
    # units
    ("El - v + R*I", "El - 5 + R*I", "B022", "El - 5", "a pure number can't be subtracted from", "5 mV"),
    ("R*I)", "I)", "B022", "El - v + I", "a value in A can't be added to a value in V", ""),
    ("/tau + sigma", " + sigma", "B022", "(El - v + R*I) + sigma*sqrt(2/tau)*xi", "can't be added", ""),
    (W, "dw/dt = w_inf - w", "B022", "w_inf - w", "dw/dt is a value in 1/s; this is a pure number", ""),
    ("v := El", "v := 0", "B022", "0", "`v` is a value in V", "0 mV"),
    ("v := El", "v := -70", "B022", "-70", "`v` is a value in V", "70 mV"),
    ("v > -50 mV", "v > -50", "B022", "v > -50", "can't be compared with a pure number", "50 mV"),
    ("v > -50 mV", "v", "B022", "v", "a threshold is a condition", ""),
    ("v > -50 mV", "v crosses 20 nA", "B022", "v crosses 20 nA", "can't be compared", ""),
    ("v > -50 mV", "v > 0 and w", "B022", "w", "where a condition is wanted", "compare it"),
    (W_INF, "exp(v)", "B022", "v", "exp takes a pure number", "x/(1 mV)"),
    (W_INF, "v^w", "B022", "w", "raised to a number only", "(v/mV)^n"),
    (W_INF, "2^v", "B022", "v", "an exponent is a pure number", ""),
    (W_INF, "max(v, 1 nA)", "B022", "1 nA", "the values of max measure different things", ""),
    (W_INF, "max(w, v)", "B022", "v", "the values of max", ""),
    (W_INF, "clip(v, -70, -50 mV)", "B022", "-70", "bounds of clip", "70 mV"),
    (W_INF, "where(v > El, 1, v)", "B022", "v", "the two values of where", ""),
    (W_INF, "where(v, 1, 2)", "B022", "v", "a number stands where a condition is wanted", ""),
    (W_INF, "(v > El)*2", "B022", "v > El", "a condition stands where a number is wanted", "where(condition, 1, 0)"),
    (W_INF, "v > El", "B022", "v > El", "a condition stands where a number is wanted", ""),
    ("refractory: 2 ms", "refractory: 2 mV", "B022", "2 mV", "a refractory time is a value in s", ""),
    ("v += weight", "v += weight*R", "B022", "weight*R", "`v` is a value in V", ""),
    ("El = -70 mV", "El = -70 mV > 3 ms", "B022", "3 ms", "parameter El is a value in V", ""),
    ("I : A", "I : A = 2 mV", "B022", "2 mV", "input I is a value in A", ""),
    ("limit = 1 nA", "limit = 1 mV", "B022", "limit", "must be a value in A", ""),
    ("interval = 2 ms", "interval = 2 mV", "B022", "interval", "must be a value in s", ""),
    ("clamp: v", "clamp: v in 3", "B022", "3", "`v` is a value in V", "3 mV"),
    ("    El =", "    dt = 1 mV fixed\n    El =", "B022", "1 mV", "dt is a value in s", ""),
    # loops
    (W_INF, "w_inf + 1", "B023", "w_inf", "definitions need each other in a circle: w_inf needs w_inf", "a state"),
    (W_INF, "b\n    b = c*2\n    c = w_inf", "B023", "w_inf", "in a circle", "a state"),
    ("w = 0.5", "w = w_inf\n    x = 1", "", "", "", ""),
    ("w = 0.5", "w = 2*w", "B023", "w", "initial values need each other in a circle", "a number"),
    ("v = El", "v = w*1 mV", "", "", "", ""),
    # initial values
    ("    w = 0.5\n", "", "B024", "w", "`w` changes and has no initial value", "w = 0 mV"),
    ("v := El", "q := El", "B024", "q", "`q` changes and has no initial value", ""),
    ("v += weight", "q += weight", "B024", "q", "`q` changes and has no initial value", ""),
    ("v += weight", "tau += weight", "B024", "tau", "is a parameter and can't be changed", ""),
    ("v := El", "I := El", "B024", "I", "is an input and can't be changed", ""),
    # functions
    (W_INF, "exq(v/El)", "B027", "exq", "there is no function `exq`", "did you mean exp?"),
    (W_INF, "clip(w, 0)", "B027", "clip", "clip takes 3 values, not 2", ""),
    (W_INF, "exp()", "B027", "exp", "exp takes 1 value, not 0", ""),
    (W_INF, "min(w)", "B027", "min", "min takes two or more values", ""),
    (W_INF, "delayed(w)", "B027", "delayed(w)", "delayed stands in `adds:` of a mechanism", ""),
    # sections
    ("parameters:", "paramters:", "B028", "paramters", "there is no section `paramters:`", "did you mean parameters?"),
    ("clamp: v", "adds:\n    K += 1 nA", "B028", "adds", "a neuron model has no section `adds:`", "mechanisms"),
    ("clamp: v", "uses:\n    K : A", "B028", "uses", "a neuron model has no section `uses:`", "mechanisms"),
    ("  clamp: v", "  definitions:\n    x = 1\n  clamp: v", "B026", "definitions", "stands twice", ""),
    ("noise: sigma = 2 mV", "noise: sigma = 2 mV\n  noise: T = 1", "B026", "noise", "stands twice", ""),
    ("spike: v > -50 mV", "spike: v > -50 mV\n    v > 0 mV", "B026", "v > 0 mV", "says one thing", ""),
    ("step:", "step fast:", "B020", "fast", "nothing stands between `step` and its colon", ""),
    # methods
    ("using cnexp", "using cnexpp", "B029", "cnexpp", "there is no method", "did you mean cnexp?"),
    (W, "dw/dt = (w_inf - w*w)/tau using cnexp", "B029", "cnexp", "linear in `w`", "implicit"),
    (W, "dw/dt = -exp(w)/tau using exact", "B029", "exact", "linear in `w`", ""),
    ("using cnexp", "using exact", "B029", "exact", "this equation reads v", "cnexp"),
    ("*xi unless", "*xi using rk4 unless", "B029", "rk4", "an equation with noise is integrated by euler", ""),
    # noise
    ("*xi", "*xi*xi", "B030", "(El - v + R*I)/tau + sigma*sqrt(2/tau)*xi*xi", "can only be added", ""),
    ("*xi", "*exp(xi*sqrt(tau))", "B030", "(El - v + R*I)/tau + sigma*sqrt(2/tau)*exp(xi*sqrt(tau))", "added", ""),
    (W_INF, "xi*sqrt(tau)", "B030", "xi", "in equations of a neuron only", ""),
    ("v := El", "v := El + xi_2", "B030", "xi_2", "in equations of a neuron only", ""),
    # events
    ("  spike: v > -50 mV\n", "", "B031", "reset", "`reset:` needs a threshold", "spike: v > Vt"),
    ("  refractory: 2 ms\n", "", "B031", "v", "needs a refractory time", "refractory: 2 ms"),
    ("v += weight", "v += weight + 1 mV", "B031", "weight + 1 mV", "proportional to its weight", ""),
    ("v += weight", "v += weight^2/(1 mV)", "B031", "weight^2/(1 mV)", "proportional to its weight", ""),
    ("v += weight", "v += 1 mV", "B031", "1 mV", "proportional to its weight", ""),
    ("state = w", "state = y", "B031", "y", "in `observe:`", "an expression gets a name"),
    ("clamp: v", "clamp: I", "B031", "I", "in `clamp:`", ""),
    ("clamp: v", "clamp: w_inf in 0, 1", "B031", "w_inf", "in `clamp:`", ""),
    ("I = J w + h", "K = J w + h", "B031", "K", "must be an input", ""),
    ("I = J w + h", "I = J x + h", "B031", "x", "must be a state or a definition", ""),
    ("every interval", "every intervall", "B031", "intervall", "must be a parameter", "did you mean interval?"),
    ("every interval", "every tau", "B031", "tau", "must be fixed", "write `fixed`"),
    ("order: step, spike", "order: step, step", "B031", "step", "names each of step, spike, receive, reset once", ""),
    ("spike, receive, reset", "reset, receive, spike", "B031", "reset", "the reset before the spike", ""),
    ("clamp: v", "clamp: v\n  clock: sweeps", "B031", "sweeps", "counts in time", ""),
    # parameters
    ("El = -70 mV", "El = 2*R", "B032", "2*R", "a number is wanted here", "definitions"),
    ("sigma = 2 mV", "sigma = El", "B032", "El", "a number is wanted here", ""),
    ("tau = 20 ms > 0", "tau = 20 ms > 30 ms", "B032", "tau", "out of its range", ""),
    ("tau = 20 ms > 0", "tau = 0 ms > 0", "B032", "tau", "out of its range", ""),
    ("tau = 20 ms > 0", "tau = 20 ms < 30 ms", "B032", "<", "a range is written", ""),
    ("    El =", "    dt = 1 ms\n    El =", "B032", "dt", "write `fixed`", ""),
    ("    El =", "    a = x of y = 1\n    El =", "B032", "x", "none of the words", ""),
    # units that are none, numbers that do not fit
    ("/(5 mV)", "/(5 mVV)", "B005", "mVV", "there is no unit `mVV`", "did you mean mV?"),
    ("I : A", "I : amp", "B005", "amp", "there is no unit `amp`", ""),
    ("weight : V", "weight : v", "B005", "v", "there is no unit `v`", "did you mean V?"),
    ("v > -50 mV", "v > 2 v", "B005", "v", "there is no unit `v`", ""),
    ("w = 0.5", "w = 1e999", "B009", "1e999", "does not fit", ""),
    # the form of statements
    ("El = -70 mV", "El -70 mV", "B020", "-", "`-` can't stand here", "a parameter is"),
    ("v := El", "v = El", "B020", "=", "`=` can't stand here", "an assignment is written with :="),
    ("dw/dt", "w'", "B020", "'", "can't stand here", "dNAME/dt"),
    (W, "dw/dt = ((w_inf - w)/tau using cnexp", "B020", "using", "can't stand here", "a parenthesis is not closed"),
    (W_INF, "1)", "B020", ")", "can't stand here", "closes none"),
    (W_INF, "2 exp(w)", "B020", "exp", "can't stand here", "a product is written with *"),
    (W, "dw/dt = w_inf +", "B020", "+", "ends too early", ""),
    (W, "dw/dt = (w", "B020", "w", "ends too early", "a parenthesis is not closed"),
    (W_INF, "where(0 < w < 1, 1, 2)", "B020", "<", "can't stand here", "with `and`"),
    (W_INF, "w & 1", "B020", "&", "can't stand here", "write `and`"),
    (W_INF, "w ? 1", "B020", "?", "can't stand here", "where(condition"),
    (W_INF, "1 # why", "B020", "#", "can't stand here", "semicolon"),
    (W_INF, "5 ms^2/ms^2", "B020", "^", "whether the unit is raised", "(5 ms)^"),
    ('"a cell of the tests"', '"a cell', "B020", '"a cell', "is not closed", ""),
    ("clamp: v", "clamp: {v}", "B020", "{v}", "braces", ""),
    ("weight : V", "wait : V", "B020", "wait", "weight : unit", ""),
    ("J w + h", "J w - h", "B020", "J", "the feedback is written", ""),
    (".model", ".modell", "B020", ".modell", ".mechanism NAME", ""),
    # twice
    ("clamp: v", "clamp: v\n  receive side:\n    weight : V\n    weight : V\n", "B026", "weight", "twice", ""),
    ("tau = 20 ms > 0", "tau = 20 ms > 0 >= 1 ms", "B026", ">=", "has this side twice", ""),
    ("    state = w", "    w = v", "B026", "w", "`w` is a state already", ""),
    ("    state = w", "    energy = v", "B025", "energy", "a word of the language", "energy_"),
    ("    state = w", "    spikes = v", "B025", "spikes", "a word of the language", ""),
    ("El = -70 mV", "El = -70 mV/s", "B021", "s", "not defined", "(1 s)"),
    ("El = -70 mV", "El = -70 mv", "B005", "mv", "no unit `mv`", "did you mean mV or MV?"),
    ("El = -70 mV", "El = -70 mV*(0/0)", "B032", "-70 mV*(0/0)", "no finite value", ""),
    ("    w = 0.5\n", "    w = 0.5\n    w = 1\n", "B026", "w", "is a state already", ""),
    ("    w = 0.5\n", "    w = 0.5\n    tau = 1\n", "B026", "tau", "is a parameter already", ""),
    (f"    {W}\n", f"    {W}\n    dw/dt = -w/tau\n", "B026", "w", "two equations in one stage", "then:"),
    ("    v += weight\n", "    v += weight\n    v += 2*weight\n", "B026", "v", "stands twice in one port", ""),
    ("  observe:", "  receive:\n    w += weight\n  observe:", "B026", "", "port without a name stands twice", ""),
    ("  clamp:", "    state = v\n  clamp:", "B026", "state", "observed twice", ""),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "under", "message", "hint"), CASES)
def test_one_finding_with_its_place(old: str, new: str, code: str, under: str, message: str, hint: str) -> None:
    found = findings(changed(old, new))
    assert [f.code for f in found] == ([code] if code else [])
    for finding in found:
        assert finding.span is not None
        assert finding.excerpt is not None
        marked = finding.excerpt[finding.span.column - 1 : finding.span.end_column - 1]
        assert not under or marked == under
        assert message in finding.message
        assert hint in (finding.hint or "")


@pytest.mark.parametrize(
    "name", ["exp", "where", "t", "xi", "xi_1", "pi", "weight", "and", "using", "ms", "mV", "nA", "Hz", "m2"]
)
def test_names_that_shadow_a_builtin(name: str) -> None:
    (finding,) = findings(changed("    El = -70 mV", f"    El = -70 mV\n    {name} = 5"))
    assert finding.code in ("B020", "B025")  # words of the grammar can't even be read there
    assert finding.span is not None
    assert (finding.span.line, finding.span.column) == (8, 5)


@pytest.mark.parametrize("name", ["spike_count", "energy", "noise", "time", "state", "spikes"])
def test_names_that_the_machine_has_already(name: str) -> None:
    (finding,) = findings(changed("    w = 0.5", f"    w = 0.5\n    {name} = 5"))
    assert (finding.code, finding.message) == ("B025", f"state `{name}`: that is a word of the language")


@pytest.mark.parametrize("name", ["J", "h", "x2", "V", "A", "expo", "xis", "t_ref", "dtt", "using_", "é", "n", "s", "m"])
def test_names_that_are_free(name: str) -> None:
    assert read(changed("    w = 0.5", f"    w = 0.5\n    {name} = 5")).variable(name) is not None


@pytest.mark.parametrize(
    "section",
    ["noise: T = 1", "spike: m > 0", "reset:", "refractory: 1 ms", "clamp: m", "order: step", "clock: time", "observe:\n    m"],
)
def test_sections_that_mechanisms_lack(section: str) -> None:
    (finding,) = findings(changed("  adds:", f"  {section}\n  adds:", MECHANISM))
    assert (finding.code, section.split(":")[0] in finding.message) == ("B028", True)


def test_spins_have_no_equations() -> None:
    (finding,) = findings('.model m {\n "s"\n spins: s\n state:\n  v = 0\n}')
    assert finding.code == "B028"


def test_what_is_under_uses_is_known() -> None:
    (finding,) = findings(changed("  uses:\n    V : V\n", "", MECHANISM).replace("-V/(5 mV)", "-1"))
    assert (finding.code, finding.message) == ("B021", "`V` is not defined in this mechanism")
    assert "uses:" in (finding.hint or "")


def test_a_mechanism_has_no_noise() -> None:
    (finding,) = findings(changed("(2 ms)", "(2 ms) + xi*sqrt(1/(2 ms))", MECHANISM))
    assert finding.code == "B030"


def test_a_mechanism_adds_to_others() -> None:
    (finding,) = findings(changed("I += -g", "m += -g", MECHANISM))
    assert finding.code in ("B022", "B031")


def test_a_model_needs_a_state() -> None:
    (finding,) = findings('.model m {\n  "s"\n}')
    assert (finding.code, finding.span and finding.span.column) == ("B024", 8)


def test_several_findings_come_in_order_of_their_lines() -> None:
    text = changed("w_inf - w", "w_inf - x", changed("R*I)", "R*K)", changed("v := El", "v := 1")))
    found = findings(text)
    assert [f.code for f in found] == ["B021", "B021", "B022"]
    assert [f.span.line for f in found if f.span] == [20, 21, 24]


def test_what_follows_from_a_statement_that_is_lost_is_not_told() -> None:
    assert [f.code for f in findings(changed("    R = 50 Mohm", "    R = = 50 Mohm"))] == ["B020"]
    assert [f.code for f in findings(changed("    w = 0.5", "    w 0.5"))] == ["B020"]
    assert [f.code for f in findings(changed("  definitions:", "  definitons:"))] == ["B028"]


def test_at_most_twenty_are_told() -> None:
    lines = "\n".join(f"    a{k} = b{k}" for k in range(50))
    assert len(findings(changed("    w_inf =", f"{lines}\n    w_inf ="))) == 20


def test_lines_count_from_where_the_text_starts() -> None:
    (finding,) = findings(changed("w_inf - w", "x - w"), line=100)
    assert finding.span == ("cell.basm", 120, 14, 15)


def test_functions_are_listed_in_the_hint() -> None:
    (finding,) = findings(changed(W_INF, "zzzzz(w)"))
    assert all(name in (finding.hint or "") for name in FUNCTIONS)


@pytest.mark.parametrize(
    "text", ["", "  ", "; only a comment", "x", "{", ".model", ".model m", ".model m {", ".model 1 {}", "\0"]
)
def test_what_is_no_block(text: str) -> None:
    assert "B020" in [f.code for f in findings(text)]


def test_two_blocks_are_one_too_many() -> None:
    (finding,) = findings(NEURON + NEURON)
    assert (finding.code, finding.span and finding.span.line) == ("B020", len(NEURON.split("\n")))


# --- limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "deep", ["(" * 500 + "w" + ")" * 500, "-" * 500 + "w", "exp(" * 300 + "w" + ")" * 300, "1" + "+w" * 2000]
)
def test_depth_has_a_limit(deep: str) -> None:
    (finding,) = findings(changed(W_INF, deep))
    assert (finding.code, f"{DEEPEST} levels" in finding.message) == ("B111", True)


def test_depth_counts_with_definitions_put_in() -> None:
    lines = "\n".join(f"    a{k + 1} = sin(a{k} + 1)" for k in range(100))
    (finding,) = findings(changed("    w_inf =", f"    a0 = w\n{lines}\n    w_inf ="))
    assert (finding.code, finding.excerpt) == ("B111", "    a75 = sin(a74 + 1)")


def test_depth_counts_what_equations_put_in() -> None:
    lines = "\n".join(f"    a{k + 1} = sin(a{k} + 1)" for k in range(74))
    deep = "sin(" * 10 + "a74" + ")" * 10
    found = findings(changed(W, f"dw/dt = ({deep} - w)/tau", changed("    w_inf =", f"    a0 = w\n{lines}\n    w_inf =")))
    assert [f.code for f in found] == ["B111"]


def test_definitions_that_double_have_a_limit() -> None:
    lines = "\n".join(f"    a{k + 1} = a{k}*a{k}" for k in range(40))
    found = findings(changed("    w_inf =", f"    a0 = w\n{lines}\n    w_inf ="))
    assert {f.code for f in found} == {"B111"}


def test_limits_stand_on_the_page_of_limits() -> None:
    assert (limit("model_bytes"), limit("model_depth"), limit("model_parts")) == (LONGEST, DEEPEST, LARGEST)


def test_length_has_a_limit() -> None:
    (finding,) = findings(NEURON + ";" * (1 << 20))
    assert finding.code == "B111"
