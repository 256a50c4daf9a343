"""Random values before the run: units, ranges, places that take none, and what `check` tells of a distribution's tail."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.isa.formulas import with_constants
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

LATE = """.mechanism late {
 state:
  g = 0
 step:
  g := g
 receive:
  weight : A
  g += weight/(1 A)
 adds:
  I += delayed(g)*(1 A)
}
"""
HEAD = f"{LATE}POP pre, lif, 3\nPOP cells, lif, 3\nMECH k, late, cells\nSYN wire, pre, cells\nCON wire, all\n"


def found(line: str, head: str = HEAD) -> list[tuple[str, str, str]]:
    """Codes, messages and hints of a program with one line more: errors, else warnings."""
    try:
        listed = verify(assemble(f"{head}{line}\n")).warnings
    except BioasmError as wrong:
        listed = wrong.diagnostics
    return [(d.code, d.message, d.hint or "") for d in listed]


@pytest.mark.parametrize(
    "line",
    [
        "SET cells.tau, normal(10 ms, 1 ms)",
        "SET cells.tau, normal(10 ms, 5 ms, 0 ms)",
        "SET cells.tau, uniform(0 ms, 5 ms)",
        "SET cells.v, uniform(-70 mV, -50 mV)",
        "SET cells.v, normal(-60 mV, 5 mV) per lane",
        "LDS uniform(-70 mV, -50 mV) per lane",
        "CLAMP [0, 4], uniform(-60 mV, -50 mV)",
        "INP cells.I, lognormal(1 nA, 1 nA)",
        "INP cells.I, uniform(0.5, 2), scale",
        "RATE cells, uniform(5 Hz, 10 Hz), choice(1 mV, 2 mV)",
        "EVT cells, [[0, 1]], normal(1 mV, 1 mV)",
        "SET wire.weight, normal(1 mV, 1 mV)",
        "SET wire.weight, [1, 2, 3, 4, 5, 6, 7, 8, 9]",
        "SET wire.delay, normal(1.5 ms, 0.75 ms, 0.1 ms)",
        "SET wire.delay, [0, 1e-3, 2e-3, 0, 0, 0, 0, 0, 1]",
    ],
)
def test_places_that_take_random_values(line: str) -> None:
    assert found(line) == []


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("SET cells.tau, normal(10 mV, 1 mV)", "B006", "is a time"),
        ("SET wire.delay, uniform(-1 ms, 1 ms)", "B116", "at least 0; uniform draws from -0.001 to 0.001"),
        ("SET wire.delay, normal(1 ms, 1 ms)", "B135", "at least 0"),
        ("SET wire.delay, [0, -1e-3]", "B116", "at least 0"),
        ("SET wire.delay, lognormal(10 s, 100 s)", "B111", "steps"),
        ("SET wire.delay, [0, 1e9]", "B111", "a delay of 1 Gs is more than 1048576 steps"),
        ("SET wire.delay, normal(1 mV, 1 mV)", "B006", "is a time"),
        ("SET wire.delay, uniform(0 ms, 1 ms) per lane", "B004", "all lanes share"),
        ("SYN to, pre, k\nCON to, all\nSET to.delay, uniform(0 ms, 1 ms)", "B004", "k delays a variable itself"),
        ("SYN to, pre, k\nCON to, all\nSET to.delay, [0, 1e-3]", "B004", "k delays a variable itself"),
        ("RUN 1 ms\nSET wire.delay, [0]", "B118", "before the network runs"),
        ("SET cells.tau, normal(10 ms, 1 mV)", "B006", "a time and a voltage"),
        ("SET cells.v, uniform(1 nA, 2 nA)", "B006", "is a voltage"),
        ("INP cells.I, uniform(1 mV, 2 mV)", "B006", "is a current"),
        ("INP cells.I, uniform(1 nA, 2 nA), scale", "B006", "is a number"),
        ("SET wire.weight, normal(1 nA, 1 nA)", "B006", "is a voltage"),
        ("RATE cells, uniform(1 ms, 2 ms), 1 mV", "B006", "is a frequency"),
        ("SET cells.tau, uniform(-1 ms, 5 ms)", "B116", "more than 0"),
        ("SET cells.tau, choice(1 ms, 0 ms)", "B116", "more than 0"),
        ("SET cells.tau, normal(-10 ms, 1 ms)", "B116", "more than 0"),
        ("RATE cells, uniform(-1 Hz, 2 Hz), 1 mV", "B116", "at least 0"),
        ("SET cells.tau, normal(10 ms, -1 ms)", "B116", "standard deviation"),
        ("SET cells.tau, normal(10 ms, 1 ms, 20 ms)", "B116", "within its bounds"),
        ("SET dt, uniform(0.1 ms, 0.2 ms)", "B004", "one number"),
        ("SET cells.tau, uniform(1 ms, 2 ms) per lane", "B004", "all lanes share"),
        ("INP cells.I, uniform(1 nA, 2 nA) per lane", "B004", "all lanes share"),
        ("SET wire.weight, uniform(1 mV, 2 mV) per lane", "B004", "all lanes share"),
        ("REC cells.v, 1 ms, uniform(0, 2)", "B004", "random values"),
        ("PLAY cells.I, uniform(0 nA, 2 nA), 1 ms", "B004", "random values"),
        ("EVT cells, uniform(0, 2), 1 mV", "B004", "random values"),
    ],
)
def test_what_is_refused(line: str, code: str, said: str) -> None:
    (first, *_) = found(line)
    assert first[0] == code
    assert said in first[1]


def test_spins_take_their_two_values_alone() -> None:
    head = "MODEL ising\nALC 3\n"
    assert found("LDS choice(-1, 1) per lane", head) == []
    assert found("LDS uniform(-1, 1)", head)[0][:2] == ("B116", "s of model ising takes -1, 1 alone")
    assert found("CLAMP 1, choice(0, 1)", head)[0][2] == "write choice(-1, 1)"


def test_matrices_are_no_random_values() -> None:
    assert found("SYN more, pre, cells\nCON more, uniform(0, 1)")[0][0] == "B004"
    assert found("LDJ uniform(0, 1)", "MODEL ising\nALC 3\n")[0][0] == "B004"


PLASTIC = HEAD + "VIA wire, stdp_pair\n"


def test_parameters_and_states_of_a_synapse_take_random_values() -> None:
    for line in ("SET wire.w, uniform(0, 1)", "SET wire.tau_pre, uniform(0 ms, 1 ms)", "SET wire.weight, normal(1 mV, 1 mV)"):
        assert found(line, PLASTIC) == []
    for name in ("delay", "post_delay"):
        assert found(f"SET wire.{name}, normal(1.5 ms, 0.75 ms, 0.1 ms)", PLASTIC) == []


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("SET wire.w, uniform(0 mV, 1 mV)", "B006", "is a number"),
        ("SET wire.A_pre, uniform(0, 1) per lane", "B004", "all lanes share"),
        ("SET wire.tau_pre, uniform(0 ms, 1 ms) per lane", "B004", "all lanes share"),
        ("SET wire.tau_pre, uniform(-1 ms, 1 ms)", "B116", "more than 0"),
        ("SET wire.tau_pre, normal(1 ms, 1 ms)", "B135", "0.16"),
        ("SET wire.post_delay, uniform(-1 ms, 1 ms)", "B116", "at least 0"),
        ("SET wire.post_delay, uniform(0 ms, 1 ms) per lane", "B004", "all lanes share"),
        ("REC wire.w, 1 ms, [-1]", "B110", "at least 0"),
    ],
)
def test_what_connections_do_not_take(line: str, code: str, said: str) -> None:
    ((first, message, _),) = found(line, PLASTIC)
    assert first == code and said in message


def test_a_tail_out_of_range_is_told_with_its_chance() -> None:
    ((code, message, hint),) = found("SET cells.tau, normal(10 ms, 5 ms)")
    assert code == "B135"
    assert "0.023" in message  # the share below 0
    assert "0.067" in hint  # of three neurons
    assert found("SET cells.tau, normal(10 ms, 2.5 ms)") == []


def test_arguments_without_a_unit_are_told() -> None:
    ((code, message, _),) = found("SET cells.tau, normal(10, 1)")
    assert (code, message) == ("B131", "10 has no unit and is taken as 10 s")
    assert found("SET cells.tau, uniform(0, 5 ms)") == []


def test_constants_are_checked_in_their_place() -> None:
    program = assemble(f".const sd = 1 ms\n{HEAD}SET cells.tau, normal(10 ms, sd, 0 ms)\n")
    verify(program)
    with pytest.raises(BioasmError, match="standard deviation must be more than 0"):
        verify(with_constants(program, {"sd": program.constants["sd"].__class__(0.0)}))
