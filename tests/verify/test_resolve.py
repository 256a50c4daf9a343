"""Behind the gate names are references: what each word means, and that no instruction is left with a name to resolve."""

from __future__ import annotations

import pytest

from bioasm.isa.program import Name
from bioasm.isa.table import ROWS
from bioasm.network.references import ALL, InputRef, ParameterRef, PortRef, ProjectionRef, RunRef, VariableRef
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify

ALONE = "ALC 2\n"
TWO = "SET dt, 0.1 ms\nPOP a, lif, 2\nPOP b, lif_critical, 3\nSYN s, a, b\nCON s, all\n"
KEYWORDS = {"add", "set", "scale"}  # of INP
COMPOSES = {
    "POS",
    "MODEL",
    "POP",
    "MECH",
    "SYN",
    "CON",
    "VIA",
    "OUT",
}  # names that nobody looks up again: of what is made, and of outputs


def gate(text: str) -> Verified:
    return verify(assemble(text))


@pytest.mark.parametrize(
    ("before", "line", "wanted"),
    [
        (ALONE, "RD", [VariableRef(ALL, "state")]),
        (ALONE, "RD state", [VariableRef(ALL, "state")]),
        (ALONE, "RD spike_count", [VariableRef(ALL, "spike_count")]),
        (ALONE, "RD energy", [RunRef("energy")]),
        (ALONE, "RD best_state", [RunRef("best_state")]),
        (ALONE, "RD v", [VariableRef("lif_critical", "v")]),
        (ALONE, "RD lif_critical.v", [VariableRef("lif_critical", "v")]),
        (ALONE, "REC v", [VariableRef("lif_critical", "v")]),
        (ALONE, "CUR 1 nA", [InputRef("lif_critical", "I")]),
        (ALONE, "INP I, 1 nA", [InputRef("lif_critical", "I")]),
        (ALONE, "SPK [[0, 0]], 1 mV", [PortRef("lif_critical", "")]),
        (ALONE, "EVT lif_critical, [[0, 0]], 1 mV", [PortRef("lif_critical", "")]),
        (TWO, "RD b.state", [VariableRef("b", "s")]),
        (TWO, "RD b.spike_count", [VariableRef("b", "spike_count")]),
        (TWO, "PEEK r0, b.v, 1", [VariableRef("b", "v")]),
        (TWO, "GET r0, b.spike_count", [VariableRef("b", "spike_count")]),
        (TWO, "RATE b, 1 Hz, 1 mV", [PortRef("b", "")]),
    ],
)
def test_a_word_means(before: str, line: str, wanted: list[object]) -> None:
    found = gate(f"{before}{line}\n").instructions[-1].operands
    named = [o for o in found if isinstance(o, VariableRef | RunRef | InputRef | PortRef)]
    assert named == wanted


def test_parameters_have_keys() -> None:
    verified = gate("ALC 2\nSET tau, 10 ms\n")
    found = verified.instructions[-1].operands[0]
    assert isinstance(found, ParameterRef)
    assert (found.key, found.word) == ("lif_critical.tau", "tau")
    assert verified.parameter("lif_critical.tau") == found
    dt = verified.parameter("dt")
    assert dt is not None
    assert dt.key == "dt"
    assert verified.parameter("nothing") is None


def test_weights_and_delays_are_parameters_of_projections() -> None:
    verified = gate("POP a, lif_critical, 2\nSYN s, a, a\nCON s, all\nSET s.delay, 1 ms\n")
    found = verified.instructions[-1].operands[0]
    assert isinstance(found, ProjectionRef)
    assert (found.key, found.parameter.structural) == ("s.delay", True)
    assert verified.parameter("s.nothing") is None


def test_a_word_of_a_parameter_is_its_number() -> None:
    assert gate("MODEL ising\nSET rule, metropolis\nALC 2\n").instructions[1].operands[1].value == 1.0  # type: ignore[union-attr]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_no_instruction_is_left_with_a_name(row) -> None:
    for instruction in gate(row.example).instructions:
        left = [o.text for o in instruction.operands if isinstance(o, Name)]
        assert instruction.mnemonic in COMPOSES or set(left) <= KEYWORDS


def test_a_slot_is_called_as_in_the_table() -> None:
    current, given = gate("ALC 2\nCUR 1 nA\nINP I, 1 nA\n").instructions[1:]
    assert (current.slot(1), given.slot(1)) == ("current", "value")
