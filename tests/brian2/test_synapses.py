"""Synapses with states of their own on Brian2: instructions, what is refused, and statements that act one after another."""

from __future__ import annotations

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.drivers import find_driver
from bioasm.verifier.gate import verify
from tests.brian2.support import assert_alike, on_brian2, on_cpu, readings
from tests.vm.synapse_programs import CELLS, LEARNED, NETWORK, RULE


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_network_that_learns_is_as_on_the_machine(lanes: int) -> None:
    assert_alike(on_brian2(LEARNED, lanes=lanes), on_cpu(LEARNED, lanes=lanes))


DRAWN = {
    "SET s.delay, 0.3 ms": "SET s.delay, normal(0.8 ms, 0.4 ms, 0 ms, 2 ms)",
    "SET s.effect_delay, 1.1 ms": "SET s.effect_delay, choice(0.2 ms, 1 ms)",
    "SET own.post_delay, 0.4 ms": "SET own.post_delay, uniform(0 ms, 1 ms)",
}


BY_FORMULA = {
    "SET s.delay, 0.3 ms": 'SET s.delay, "0.1 ms + 0.3 ms*abs(i - j)"',
    "SET s.effect_delay, 1.1 ms": 'SET s.effect_delay, "min(0.4 ms/(1 + j), 0.2 ms*i)"',
    "SET own.post_delay, 0.4 ms": 'SET own.post_delay, "0.5 ms*exp(-i/N_pre)"',
    "SET s.weight, 0.8 mV": 'SET s.weight, "0.8 mV*exp(-(i - j)^2/8)"',
    "SET s.w, 0.4": 'SET s.w, "0.4*cos(i*j/10)"',
    "SET own.gain, [0.1, 0.2, 0.3, 0.2, 0.1]": 'SET own.gain, "0.1*(1 + i)"',
    "SET own.weight, 1.25": 'SET own.weight, "1 V + 0.25 V*i/N_pre"',
}


@pytest.mark.parametrize("changed", [DRAWN, BY_FORMULA], ids=["drawn", "by formula"])
def test_values_of_each_connection_are_those_of_the_machine(changed: dict[str, str]) -> None:
    text = LEARNED
    for one, other in changed.items():
        assert one in text
        text = text.replace(one, other)
    assert_alike(on_brian2(text, seed=2, lanes=2), on_cpu(text, seed=2, lanes=2))


COUNTING = """\
.model given {
  state:
    due = 0
    seen = 1
  step:
    due := due
  spike: due > 0
  reset:
    due := due - 1
  receive:
    due += weight
}
.synapse doubling {
  state:
    was = 0
  uses:
    seen_post : 1
  on pre:
    seen_post += seen_post
    was := seen_post
}
    POP pre, given, 3
    POP post, given, 2
    SYN s, pre, post
    CON s, all
    VIA s, doubling
    EVT pre, [[1e-3, 2], [1e-3, 0], [1e-3, 1]], 1
    RUN 3 ms
    RD post.seen
    RD s.was
"""


def test_spikes_of_a_step_act_one_after_another() -> None:
    """Each arriving spike doubles what those before it left, by source and target."""
    seen, was = readings(on_brian2(COUNTING))
    assert seen[0].tolist() == [8, 8]
    assert was[0].tolist() == [2, 2, 4, 4, 8, 8]


def test_a_projection_without_connections_has_no_states() -> None:
    found = readings(on_brian2(COUNTING.replace("CON s, all", "CON s, probability, 0").replace("EVT", "REC s.was\n    EVT")))
    assert found[0][0].tolist() == [1, 1] and found[1].shape == (1, 0)


SHORT = RULE + CELLS + NETWORK


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ("SET own.w, [1, 2, 3]", "SET own.w got 3 numbers, and there are 5 connections"),
        ("SET own.tau, [1, 2, 3]", "SET own.tau got 3 numbers, and there are 5 connections"),
        ("SET own.gain, [0.2]", "SET own.gain got 1 numbers, and there are 5 connections"),
        ("SET own.w, [0.2]", "SET own.w got 1 numbers, and there are 5 connections"),
        ("REC own.w, 1 ms, [4, 5]", "own.w has no connection 5; there are 5"),
        ("RUN 1 ms\nPEEK r0, own.w, 5", "5 does not exist"),
    ],
)
def test_what_only_the_run_can_know_is_a_fault(lines: str, says: str) -> None:
    with pytest.raises(BioasmError) as raised:
        on_brian2(SHORT + lines + "\n")
    assert raised.value.diagnostics[0].code == "B402" and says in raised.value.diagnostics[0].message


def test_delays_of_another_number_are_refused_as_on_the_machine() -> None:
    told = []
    for run in (on_cpu, on_brian2):
        with pytest.raises(BioasmError) as raised:
            run(SHORT + "SET own.post_delay, [1e-3, 0]\nRUN 1 ms\n")
        told.append([(d.code, d.message, d.span) for d in raised.value.diagnostics])
    assert told[0] == told[1] and told[0][0][0] == "B106"


def test_a_state_that_leaves_the_finite_range_ends_the_run() -> None:
    with pytest.raises(BioasmError) as raised:
        on_brian2(COUNTING.replace("was := seen_post", "was := 1/(seen_post - seen_post)"))
    assert raised.value.diagnostics[0].code == "B407" and "s.was" in raised.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("target", "says"), [("cython", "can't solve the event-driven equations of rule"), ("cpp_standalone", "VIA")]
)
def test_what_is_compiled_refuses_what_it_lacks(target: str, says: str) -> None:
    with pytest.raises(BioasmError) as raised:
        on_brian2(LEARNED, target=target)
    (first, *_) = raised.value.diagnostics
    assert first.code == "B502" and any(says in d.message and d.span is not None for d in raised.value.diagnostics)


def test_states_start_as_they_are_set() -> None:
    text = SHORT + "RD s.w\nRD own.w\nRD own.still\nSET own.w, [0, 0.1, 0.2, 0.3, 0.4]\nRUN 0\nRD own.w\nRD own.pre\n"
    mine, theirs, still, again, pre = readings(on_brian2(text))
    assert (
        (mine == 0.4).all()
        and ((theirs > 0.3) & (theirs <= 0.7)).all()
        and np.ptp(theirs) > 0.1
        and pre[0].tolist() == [0, 0, 1, 2, 3]
    )
    assert np.allclose(still[0], [0.2, 0.4, 0.6, 0.4, 0.2]) and again[0].tolist() == [0, 0.1, 0.2, 0.3, 0.4]


BOTH_ENDS = """.synapse both {
  uses:
    v_pre : V
    v_post : V
  on pre:
    v_post += 1 mV
    v_pre += 2 mV
}
POP cells, lif, 3
SYN loop, cells, cells
CON loop, RULE
VIA loop, both
RUN 1 ms
"""


@pytest.mark.parametrize(("rule", "refused"), [("all", True), ("one_to_one", True), ("others", False)])
def test_autapses_that_change_one_variable_through_both_ends_are_refused(rule: str, refused: bool) -> None:
    driver = find_driver("brian2")()
    found = driver.missing(verify(bioasm.assemble(BOTH_ENDS.replace("RULE", rule))))
    assert [(d.code, d.span.line if d.span else 0) for d in found] == ([("B502", 12)] if refused else [])
    assert not refused or "change v of a neuron connected with itself" in found[0].message
