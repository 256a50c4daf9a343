"""Mechanisms on a population: what they use and add to, units, several of them, circles."""

from __future__ import annotations

import pytest

from bioasm.network.composition import added_to, different_steps, find_circle, used_by

from .networks import MODELS, faults, passed, told

END = "RUN 1 ms\n"
POP = "POP a, cell, 2\n"


def mechanism(name: str, body: str) -> str:
    """The text of a mechanism with these sections."""
    return f'.mechanism {name} {{\n  "a mechanism"\n{body}\n}}\n'


def of(*mechanisms: tuple[str, str], used: str = "") -> list[tuple[int, str]]:
    """What is wrong where all these mechanisms stand on one population, each on its own line after POP."""
    models = MODELS + "".join(mechanism(name, body) for name, body in mechanisms)
    return told(POP + "".join(f"MECH {name}1, {name}, a\n" for name, _ in mechanisms) + used + END, models)


@pytest.mark.parametrize(
    ("name", "unit", "one"),
    [
        ("v", "V", "1 V"),  # a state
        ("q", "1", "1"),
        ("half", "V", "1 V"),  # a definition
        ("drive", "V", "1 V"),  # an input
        ("tau", "s", "1 s"),  # a parameter
        ("R", "ohm", "1 ohm"),
    ],
)
def test_what_can_be_used(name: str, unit: str, one: str) -> None:
    body = f"  uses:\n    {name} : {unit}\n  adds:\n    I += 1 pA*{name}/({one})"
    assert of(("m", body)) == []


@pytest.mark.parametrize(
    ("name", "unit"),
    [("v", "A"), ("q", "V"), ("half", "s"), ("drive", "A"), ("tau", "V"), ("R", "S")],
)
def test_other_units_are_refused(name: str, unit: str) -> None:
    assert of(("m", f"  uses:\n    {name} : {unit}\n  adds:\n    I += 1 pA*{name}/(1 {unit})")) == [
        (-3, "B123")
    ]  # in the text above


@pytest.mark.parametrize("name", ["w", "tau_x", "rules", "k"])
def test_what_is_not_there_is_refused(name: str) -> None:
    assert of(("m", f"  uses:\n    {name} : V\n  adds:\n    I += 1 pA*{name}/(1 V)")) == [(-3, "B123")]


@pytest.mark.parametrize("target", ["J", "v", "half", "tau"])
def test_what_is_no_input_is_refused(target: str) -> None:
    assert of(("m", f"  adds:\n    {target} += 1 pA")) == [(-1, "B123")]


@pytest.mark.parametrize(
    ("value", "fits"),
    [("1 pA", True), ("1 mV", False), ("1", False), ("2 mV/(1 Mohm)", True), ("1 mV*(1 nS)", True), ("1 pA/(1 s)", False)],
)
def test_units_of_what_is_added(value: str, fits: bool) -> None:
    assert of(("m", f"  adds:\n    I += {value}")) == ([] if fits else [(-1, "B123")])


def test_names_and_units_are_told() -> None:
    models = MODELS + mechanism("m", "  uses:\n    vv : V\n    tau : V\n  adds:\n    I += 1 pA*vv/tau\n    drv += 1 mV")
    found = faults(POP + "MECH m1, m, a\n" + END, models)
    assert [d.code for d in found] == ["B123"] * 3
    assert "m uses vv, and on a there is no variable of this name" in found[0].message
    assert "in a (cell) it is in s" in found[1].message
    assert found[2].hint == "did you mean drive?"


# --- several mechanisms -----------------------------------------------------------------------------

POOL = (
    "  parameters:\n    tau_c = 10 ms > 0\n  state:\n    c = 1\n  inputs:\n    flux : 1/s\n  step:\n    dc/dt = -c/tau_c + flux"
)


def test_mechanisms_share_what_one_has() -> None:
    channel = "  uses:\n    c : 1\n  adds:\n    I += c*1 pA\n    flux += 0.1/ms"
    assert of(("pool", POOL), ("channel", channel)) == []
    assert of(("channel", channel), ("pool", POOL)) == []


def test_a_mechanism_on_another_population_is_not_used() -> None:
    models = MODELS + mechanism("pool", POOL) + mechanism("m", "  uses:\n    c : 1\n  adds:\n    I += c*1 pA")
    text = "POP a, cell, 1\nPOP b, cell, 1\nMECH p, pool, a\nMECH x, m, b\n" + END
    assert told(text, models) == [(-3, "B123")]


def test_what_two_have_is_refused() -> None:
    models = MODELS + mechanism("pool", POOL) + mechanism("m", "  uses:\n    c : 1\n  adds:\n    I += c*1 pA")
    text = POP + "MECH p, pool, a\nMECH q, pool, a\nMECH x, m, a\n" + END
    (found,) = faults(text, models)
    assert found.code == "B123"
    assert "p and q have one each" in found.message


def test_the_population_comes_before_its_mechanisms() -> None:
    own = mechanism("m", "  state:\n    v = 1 A\n  step:\n    dv/dt = -v/(1 s)")
    user = mechanism("n", "  uses:\n    v : V\n  adds:\n    I += 1 pA*v/(1 V)")
    network = passed(POP + "MECH x, m, a\nMECH y, n, a\n" + END, MODELS + own + user).network
    (a, x, y) = network.instances()
    assert used_by(network, y, "v") == [a]
    assert used_by(network, x, "tau") == [a]
    assert added_to(network, y, "I") == [a]
    assert added_to(network, y, "J") == []


def test_the_same_mechanism_may_stand_twice() -> None:
    assert told(POP + "MECH k, leak, a\nMECH m, leak, a\nSET k.g, 2 nS\nSET m.g, 3 nS\n" + END) == []


def test_a_mechanism_adds_to_another() -> None:
    adder = "  adds:\n    pull += 1 pA"
    assert told(POP + "MECH t, trace, a\nMECH x, m, a\n" + END, MODELS + mechanism("m", adder)) == []


# --- circles ----------------------------------------------------------------------------------------

INPUT_OF_ITSELF = "  uses:\n    I : A\n  adds:\n    I += 0.5*I"
HALVED = "  inputs:\n    load : A\n  definitions:\n    part = load/2\n  uses:\n    I : A\n  adds:\n    I += part"


def test_an_input_that_depends_on_itself_is_refused() -> None:
    assert of(("m", INPUT_OF_ITSELF)) == [(2, "B124")]


def test_a_circle_through_definitions_of_two_mechanisms_is_refused() -> None:
    one = "  inputs:\n    p : A\n  definitions:\n    p2 = 2*p\n  adds:\n    r += p2"
    other = "  inputs:\n    r : A\n  definitions:\n    r2 = 2*r\n  adds:\n    p += r2"
    assert of(("one", one), ("other", other)) == [(3, "B124")]


def test_a_circle_is_told_by_its_names() -> None:
    models = MODELS + mechanism("m", INPUT_OF_ITSELF)
    (found,) = faults(POP + "MECH x, m, a\n" + END, models)
    assert "a.I -> a.I" in found.message


@pytest.mark.parametrize(
    "body",
    [
        "  uses:\n    v : V\n  adds:\n    I += -1 nS*v",  # through a state
        "  uses:\n    half : V\n  adds:\n    I += -1 nS*half",  # through a definition of a state
        "  uses:\n    drive : V\n  adds:\n    I += 1 nS*drive",  # another input
        "  uses:\n    I : A\n  adds:\n    drive += I*(1 Mohm)",
        "  uses:\n    I : A\n  state:\n    w = 0 A\n  step:\n    dw/dt = (I - w)/(10 ms)\n  adds:\n    I += -w",
    ],
)
def test_what_is_no_circle(body: str) -> None:
    assert of(("m", body)) == []


def test_a_delay_breaks_no_circle() -> None:
    assert of(("m", "  uses:\n    I : A\n  adds:\n    I += 0.5*delayed(I)")) == [(2, "B124")]


def test_initial_values_of_two_mechanisms_that_need_each_other_are_refused() -> None:
    one, other = "  uses:\n    b : 1\n  state:\n    a = 2*b", "  uses:\n    a : 1\n  state:\n    b = 2*a"
    assert of(("one", one), ("other", other)) == [(3, "B124")]
    assert of(("one", one), ("other", "  state:\n    b = 2")) == []


def test_an_initial_value_that_depends_on_itself_by_what_is_added_is_refused() -> None:
    models = MODELS + '.model fed {\n  "f"\n  inputs:\n    I : 1\n  state:\n    x = 2*I\n}\n'
    models += mechanism("m", "  uses:\n    x : 1\n  adds:\n    I += x")
    (found,) = faults("POP f, fed, 1\nMECH m1, m, f\n" + END, models)
    assert (found.code, "initial values" in found.message, "f.x" in found.message) == ("B124", True, True)


def test_networks_without_mechanisms_have_no_circles() -> None:
    network = passed(POP + END).network
    assert find_circle(network, 0) is None
    assert different_steps(network) is None
