"""What each section of a model text says."""

from __future__ import annotations

import dataclasses
import re
from math import inf

import pytest

from bioasm.models.algebra import spell
from bioasm.models.base import MECHANISM as MECHANISM_KIND
from bioasm.models.base import NEURON as NEURON_KIND
from bioasm.models.base import ORDER, SPINS, Assignment, Equation, Feedback, Input, Parameter
from bioasm.units import EXPONENTS, NO_UNIT, Dimension, dimension_of, quotient
from tests.models.language.support import MECHANISM, NEURON, changed, findings, read

V, A, S = (EXPONENTS[d] for d in (Dimension.VOLTAGE, Dimension.CURRENT, Dimension.TIME))


def test_head() -> None:
    model = read(NEURON)
    assert (model.name, model.kind, model.source) == ("cell", NEURON_KIND, "these tests")
    assert (model.summary, model.prose) == ("a cell of the tests", "with a paragraph")
    assert (model.clock, model.spikes) == (Dimension.TIME, True)


def test_text_is_that_of_the_block() -> None:
    assert read(f"; before\n\n{NEURON}\n; after\n").text == NEURON.rstrip()


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_of_all_systems(ending: str) -> None:
    assert read(NEURON.replace("\n", ending)) == read(NEURON)


def test_byte_order_mark_is_no_text() -> None:
    assert read("\ufeff" + NEURON) == read(NEURON)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("a = 5 mV", Parameter("a", 5e-3, Dimension.VOLTAGE, "", unit=V)),
        ('a = -5.5e1 mV "said"', Parameter("a", -55e-3, Dimension.VOLTAGE, "said", unit=V)),
        ("a = 2*3", Parameter("a", 6.0, Dimension.NONE, "")),
        ("a = 3 > 0", Parameter("a", 3.0, Dimension.NONE, "", 0.0, inf, True)),
        ("a = 3 >= 0 <= 7", Parameter("a", 3.0, Dimension.NONE, "", 0.0, 7.0)),
        ("a = 3 ms >= 1 ms <= 1 s", Parameter("a", 3e-3, Dimension.TIME, "", 1e-3, 1.0, unit=S)),
        ("a = 3 ms >= 0 fixed", Parameter("a", 3e-3, Dimension.TIME, "", 0.0, structural=True, unit=S)),
        (
            'a = two of one = 1, two = 2 fixed "which"',
            Parameter("a", 2.0, Dimension.NONE, "which", 1.0, 2.0, structural=True, words=(("one", 1.0), ("two", 2.0))),
        ),
        ("a = 120 mS/cm2", Parameter("a", 1200.0, Dimension.CONDUCTANCE_DENSITY, "",
                                     unit=EXPONENTS[Dimension.CONDUCTANCE_DENSITY])),
        ("a = 1/nA", Parameter("a", 1e9, dimension_of(quotient(NO_UNIT, A)), "", unit=quotient(NO_UNIT, A))),
    ],
)  # fmt: skip
def test_parameter(line: str, wanted: Parameter) -> None:
    assert read(changed("    El = -70 mV", f"    El = -70 mV\n    {line}")).parameter("a") == wanted


def test_a_neuron_without_a_step_has_the_usual_one() -> None:
    step = read(NEURON).parameters[-1]
    assert (step.name, step.default, step.structural, step.open_low, step.low) == ("dt", 1e-4, True, True, 0)


def test_a_neuron_names_its_step() -> None:
    model = read(changed("    El =", "    dt = 25 us > 0 fixed\n    El ="))
    assert [p.default for p in model.parameters if p.name == "dt"] == [25e-6]


def test_mechanisms_have_no_step_of_their_own() -> None:
    assert read(MECHANISM).parameter("dt") is None


def test_noise() -> None:
    model = read(NEURON)
    assert (model.noise, model.noise_default, model.noise_name) == (Dimension.VOLTAGE, 2e-3, "sigma")
    (equation,) = (e for e in model.stages[0] if isinstance(e, Equation) and e.noise)
    assert spell(equation.rate) == "(El - v + R * I) / tau"
    assert [(name, spell(factor)) for name, factor in equation.noise] == [("xi", "sigma * sqrt(2 / tau)")]


def test_several_noises_are_told_apart_in_order_of_their_names() -> None:
    model = read(changed("*xi unless", "*xi_b - sigma/sqrt(tau)*xi_a unless"))
    (equation,) = (e for e in model.stages[0] if isinstance(e, Equation) and e.noise)
    assert [(name, spell(factor)) for name, factor in equation.noise] == [
        ("xi_a", "-(sigma / sqrt(tau))"),
        ("xi_b", "sigma * sqrt(2 / tau)"),
    ]


def test_without_noise() -> None:
    model = read(changed("  noise: sigma = 2 mV\n", "", changed(" + sigma*sqrt(2/tau)*xi", "")))
    assert (model.noise, model.noise_default, model.noise_name) == (Dimension.NONE, 0.0, "")


def test_states_have_units_of_their_initial_values() -> None:
    states = read(NEURON).states
    assert [(s.name, spell(s.initial), s.unit, s.summary) for s in states] == [
        ("v", "El", V, "potential"),
        ("w", "0.5", NO_UNIT, ""),
    ]


def test_initial_values_may_need_each_other() -> None:
    model = read(changed("    w = 0.5", "    w = w_inf"))
    assert spell(model.states[1].initial) == "w_inf"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ('K : A "other"', Input("K", 0.0, A, "other")),
        ("K : nA = 2 pA", Input("K", 2e-12, A)),
        ("K : 1", Input("K", 0.0, NO_UNIT)),
        ("K : 1 = 0.5", Input("K", 0.5, NO_UNIT)),
        ("K : 1/ms", Input("K", 0.0, EXPONENTS[Dimension.FREQUENCY])),
        ("K : mS/cm2", Input("K", 0.0, EXPONENTS[Dimension.CONDUCTANCE_DENSITY])),
        ("K : V*A^2", Input("K", 0.0, tuple(a + 2 * b for a, b in zip(V, A, strict=True)))),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_input(line: str, wanted: Input) -> None:
    assert read(changed("    I : A", f"    {line}\n    I : A")).inputs[0] == wanted


def test_definitions_follow_those_that_they_need() -> None:
    model = read(changed("    w_inf =", "    c = b + 1\n    a = 1\n    b = a*w_inf\n    w_inf ="))
    names = [d.name for d in model.definitions]
    assert sorted(names) == ["a", "b", "c", "w_inf"]
    assert names.index("a") < names.index("b") < names.index("c")
    assert names.index("w_inf") < names.index("b")


def test_stages() -> None:
    model = read(
        changed(
            "    dv/dt",
            "    w := 2*w\n    dv/dt",
            changed("  spike:", "  then:\n    w := w/2\n  then:\n    dw/dt = -w/tau using rk4\n  spike:"),
        )
    )
    assert [[(type(c), c.variable) for c in stage] for stage in model.stages] == [
        [(Equation, "v"), (Equation, "w"), (Assignment, "w")],  # equations come first
        [(Assignment, "w")],
        [(Equation, "w")],
    ]


def test_methods_and_freezing() -> None:
    first, second = read(NEURON).stages[0]
    assert isinstance(first, Equation)
    assert isinstance(second, Equation)
    assert (first.method, first.frozen, second.method, second.frozen) == ("euler", True, "cnexp", False)


def test_equations_can_be_broken_into_lines_in_parentheses() -> None:
    broken = changed("(El - v + R*I)", "(El ; the leak\n    - v\n\n    + R*I)")
    assert read(broken).stages == read(NEURON).stages


def test_thresholds() -> None:
    plain, crossing = read(NEURON).threshold, read(changed("v > -50 mV", "v crosses -50 mV")).threshold
    assert plain is not None
    assert crossing is not None
    assert (spell(plain.condition), plain.crossing) == ("v > -50 mV", False)
    assert (spell(crossing.condition), crossing.crossing) == ("v >= -50 mV", True)


@pytest.mark.parametrize(("said", "inclusive"), [("2 ms", False), ("2 ms inclusive", True), ("tau/2 inclusive", True)])
def test_refractory(said: str, inclusive: bool) -> None:
    found = read(changed("refractory: 2 ms", f"refractory: {said}")).refractory
    assert found is not None
    assert found.inclusive is inclusive


def test_reset() -> None:
    model = read(changed("    v := El\n", "    v := El\n    w := w + 0.1\n"))
    assert [(a.variable, spell(a.value)) for a in model.reset] == [("v", "El"), ("w", "w + 0.1")]


@pytest.mark.parametrize(
    ("said", "factor"),
    [
        ("weight", "1"),
        ("2*weight", "2"),
        ("weight*w", "w"),
        ("-weight/(1 + w)", "-1 / (1 + w)"),
        ("weight - 3*weight", "1 - 3"),
    ],
)
def test_jumps_are_factors_of_the_weight(said: str, factor: str) -> None:
    (port,) = read(changed("v += weight", f"v += {said}")).ports
    assert [(name, spell(found)) for name, found in port.jumps] == [("v", factor)]
    assert (port.name, port.unit) == ("", V)


def test_ports_have_names_units_and_summaries() -> None:
    model = read(changed("  observe:", '  receive slow:\n    "slow ones"\n    w += 2*weight\n  observe:'))
    port = model.port("slow")
    assert port is not None
    assert (port.unit, port.summary, len(port.jumps)) == (NO_UNIT, "slow ones", 1)
    assert model.port("fast") is None


def test_feedback() -> None:
    assert read(NEURON).feedback == Feedback("w", "I", "interval", "limit")


@pytest.mark.parametrize("said", ["receive, spike, reset, step", "spike, reset, receive, step"])
def test_order(said: str) -> None:
    assert read(changed("order: step, spike, receive, reset", f"order: {said}")).order == tuple(said.split(", "))


def test_usual_order() -> None:
    assert read(changed("  order: step, spike, receive, reset\n", "")).order == ORDER


@pytest.mark.parametrize(
    ("said", "name", "values"),
    [("clamp: w", "w", ()), ("clamp: w in -1, 1", "w", (-1.0, 1.0)), ("clamp: v in -70 mV", "v", (-70e-3,)), ("", "v", ())],
)
def test_clamp(said: str, name: str, values: tuple[float, ...]) -> None:
    model = read(changed("clamp: v", said))
    assert (model.clamp, model.clamp_values) == (name, values)


def test_variables() -> None:
    assert [(v.name, v.dimension) for v in read(NEURON).variables] == [
        ("v", Dimension.VOLTAGE),
        ("w", Dimension.NONE),
        ("w_inf", Dimension.NONE),
        ("I", Dimension.CURRENT),
        ("spike_count", Dimension.NONE),
    ]


def test_observables() -> None:
    shown = {o.name: (o.shape, o.variable, o.dimension) for o in read(NEURON).observables}
    assert list(shown)[:5] == ["state", "v", "w", "spikes", "spike_count"]
    assert shown["state"] == ("neurons", "w", Dimension.NONE)
    assert shown["v"] == ("neurons", "v", Dimension.VOLTAGE)
    assert {"energy", "best_state", "time", "noise"} <= shown.keys()


@pytest.mark.parametrize(
    ("old", "new", "lacking"),
    [
        ("  feedback: I = J w + h every interval within limit\n", "", "kbody"),
        ("", "", "nothing"),
    ],
)
def test_abilities_of_a_neuron(old: str, new: str, lacking: str) -> None:
    assert read(changed(old, new)).abilities == {"clamp", "inputs", "kbody", "record"} - {lacking}


def test_mechanism() -> None:
    model = read(MECHANISM)
    assert (model.kind, model.name, model.clamp, model.observables) == (MECHANISM_KIND, "channel", "", ())
    assert model.abilities == {"inputs", "record"}
    assert [(u.name, u.unit) for u in model.uses] == [("V", V)]
    assert [(a.target, spell(a.value)) for a in model.adds] == [("I", "-g * delayed(m) * (held(V) - E)")]


def test_mechanism_that_only_adds() -> None:
    text = '.mechanism leak {\n "l"\n parameters:\n  g = 1 nS\n uses:\n  V : V\n adds:\n  I += -g*V\n}'
    assert (read(text).states, read(text).abilities) == ((), frozenset())


def test_spins() -> None:
    model = read('.model glass {\n  "spins"\n  noise: T = 1\n  spins: s "up or down"\n  clock: sweeps\n}')
    assert (model.kind, model.clock, model.clamp, model.clamp_values) == (SPINS, Dimension.SWEEPS, "s", (-1.0, 1.0))
    assert (model.abilities, model.parameters, model.states) == ({"kbody", "record", "clamp"}, (), ())
    assert [o.name for o in model.observables][:2] == ["state", "spins"]


def test_sections_stand_in_any_order() -> None:
    head, *parts = re.split(r"\n  (?=[a-z])", NEURON.removesuffix("}\n").rstrip())
    turned = "\n  ".join([head, *reversed(parts)]) + "\n}\n"
    assert dataclasses.replace(read(turned), text="") == dataclasses.replace(read(NEURON), text="")


@pytest.mark.parametrize("said", ["(", "a\n  b", 'a \\"quoted\\" b', "; no comment", "} no end", "x { y"])
def test_texts_in_quotes(said: str) -> None:
    wanted = said.replace('\\"', '"').replace("\n  ", "\n")
    assert read(changed('"with a paragraph"', f'"{said}"')).prose == wanted


def test_paragraphs_stand_apart() -> None:
    assert read(changed('"with a paragraph"', '"one\n     line"\n\n  "two"')).prose == "one\nline\n\ntwo"


@pytest.mark.parametrize("said", ["w' = 1", "dw/dx = 1", "d/dt = 1", "w = 1", "w += 1", "dw/dt := 1"])
def test_what_is_no_equation(said: str) -> None:
    (finding,) = findings(changed("    dw/dt = (w_inf - w)/tau using cnexp", f"    {said}"))
    assert (finding.code, finding.span and finding.span.line) == ("B020", 21)
