"""Each rule of the verifier: a program that breaks it and a neighbour that keeps it."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.isa.table import ROWS
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from tests.verify.support import codes

ISING = "MODEL ising\n"
LOOP = "MOV r0, 3\nagain:\n"

# rule, code, a text that breaks it, a text that keeps it
RULES = [
    # --- neurons first
    ("run needs neurons", "B101", "RUN 1", "ALC 1\nRUN 1"),
    ("read needs neurons", "B101", "RD", "ALC 1\nRD"),
    ("allocation on one branch only", "B101",
     "MOV r0, 1\nJEQ r0, 1, on\nALC 2\non: RUN 1", "MOV r0, 1\nALC 2\nJEQ r0, 1, on\non: RUN 1"),
    ("allocation is jumped over", "B101", "JMP on\nALC 2\non: RD", "JMP on\non: ALC 2\nRD"),
    ("vector for a parameter needs neurons", "B101", "SET tau, [1, 2]\nALC 2", "ALC 2\nSET tau, [1, 2]"),
    # --- once
    ("allocated twice in a row", "B102", "ALC 1\nALC 1", "ALC 1"),
    ("allocated in a loop", "B102", LOOP + "ALC 1\nLOOP r0, again", "ALC 1\n" + LOOP + "RUN 1\nLOOP r0, again"),
    ("allocated on a branch and after it", "B102", "MOV r0, 1\nJEQ r0, 1, on\nALC 2\non: ALC 2",
     "MOV r0, 1\nJEQ r0, 1, other\nALC 2\nJMP on\nother: ALC 2\non: RD"),
    ("branches allocate differently", "B102", "MOV r0, 1\nJEQ r0, 1, other\nALC 2\nJMP on\nother: ALC 3\non: RD",
     "MOV r0, 1\nJEQ r0, 1, other\nALC 3\nJMP on\nother: ALC 3\non: RD"),
    # --- the model
    ("unknown model", "B103", "MODEL isin\nALC 1", "MODEL ising\nALC 1"),
    ("model after ALC", "B104", "ALC 1\nMODEL lif_critical", "MODEL lif_critical\nALC 1"),
    ("model twice", "B104", ISING + ISING + "ALC 1", ISING + "ALC 1"),
    ("model in a loop", "B104", LOOP + ISING + "LOOP r0, again\nALC 1", ISING + LOOP + "LOOP r0, again\nALC 1"),
    ("model on one branch", "B104", "MOV r0, 1\nJEQ r0, 1, on\nMODEL ising\non: ALC 1",
     "MOV r0, 1\nJEQ r0, 1, other\nMODEL ising\nJMP on\nother: MODEL ising\non: ALC 1"),
    ("branches choose different models", "B104",
     "MOV r0, 1\nJEQ r0, 1, other\nMODEL ising\nJMP on\nother: MODEL lif_critical\non: ALC 1",
     "MOV r0, 1\nJEQ r0, 1, other\nMODEL ising\nJMP on\nother: MODEL ising\non: ALC 1"),
    # --- parameters
    ("unknown parameter", "B105", "SET tua, 1", "SET tau, 1"),
    ("parameter of another model", "B105", ISING + "SET tau, 1", ISING + "SET rule, metropolis"),
    ("structural parameter after ALC", "B118", "ALC 1\nSET dt, 0.2 ms", "SET dt, 0.2 ms\nALC 1"),
    ("structural parameter after ALC by a jump back", "B118",
     "MOV r0, 2\nJMP first\nagain: SET dt, 0.2 ms\nHLT\nfirst: ALC 1\nLOOP r0, again", "ALC 1\nSET El, -71 mV"),
    ("word after ALC", "B118", ISING + "ALC 1\nSET rule, glauber", ISING + "SET rule, glauber\nALC 1"),
    ("unknown word", "B116", ISING + "SET rule, glaubre", ISING + "SET rule, glauber"),
    ("number that is no choice", "B116", ISING + "SET rule, 0.5", ISING + "SET rule, 1"),
    ("word for a number", "B004", "SET tau, quick", "SET tau, 20 ms"),
    ("parameter below its range", "B116", "SET R, -1", "SET R, 0"),
    ("parameter at its open end", "B116", "SET tau, 0", "SET tau, 1e-9"),
    ("parameter in another unit", "B006", "SET tau, 20 mV", "SET tau, 20 ms"),
    ("vector for a structural parameter", "B004", "ALC 2\nSET I_max, [1, 2]", "SET I_max, 1 nA\nALC 2"),
    ("state before there are neurons", "B101", "SET v, -60 mV\nALC 2", "ALC 2\nSET v, -60 mV"),
    ("register for a state before there are neurons", "B101", "MOV r0, 1\nSET v, r0\nALC 2", "MOV r0, 1\nALC 2\nSET v, r0"),
    ("vector of values out of range", "B116", "ALC 2\nSET tau, [1, 0]", "ALC 2\nSET tau, [1, 2]"),
    ("vector of values of wrong length", "B106", "ALC 2\nSET tau, [1, 2, 3]", "ALC 2\nSET tau, [1, 2]"),
    ("feedback between steps", "B116", "SET dt, 0.3 ms\nALC 1", "SET dt, 0.2 ms\nALC 1"),
    ("feedback between steps, set itself", "B116", "SET feedback_interval, 0.25 ms", "SET feedback_interval, 0.3 ms"),
    # --- shapes
    ("couplings of wrong size", "B106", "ALC 3\nLDJ [[0, 1], [1, 0]]", "ALC 2\nLDJ [[0, 1], [1, 0]]"),
    ("couplings not square", "B106", "ALC 2\nLDJ [[0, 1]]", "ALC 1\nLDJ [[0]]"),
    ("couplings a vector", "B106", "ALC 2\nLDJ [0, 1]", "ALC 2\nLDJ [[0, 1], [1, 0]]"),
    ("sparse couplings of wrong size", "B106", "ALC 3\nLDJ sparse(2) { 0 1 1 }", "ALC 2\nLDJ sparse(2) { 0 1 1 }"),
    ("sparse couplings not square", "B106", "ALC 2\nLDJ sparse(2, 3) { 0 1 1 }", "ALC 2\nLDJ sparse(2, 2) { 0 1 1 }"),
    ("couplings are no terms", "B004", "ALC 2\nLDJ terms(2) { 0 1 1 }", "ALC 2\nLDT terms(2) { 0 1 1 }"),
    ("terms are no matrix", "B004", "ALC 2\nLDT [[0, 1], [1, 0]]", "ALC 2\nLDT terms(2) { 0 1 1 }"),
    ("terms of wrong size", "B106", "ALC 3\nLDT terms(2) { 0 1 1 }", "ALC 3\nLDT terms(3) { 0 1 1 }"),
    ("biases of wrong length", "B106", "ALC 2\nLDH [1, 2, 3]", "ALC 2\nLDH [1, 2]"),
    ("biases a matrix", "B106", "ALC 2\nLDH [[1, 2]]", "ALC 2\nLDH [1, 2]"),
    ("biases sparse", "B004", "ALC 2\nLDH sparse(2) { 0 1 1 }", "ALC 2\nLDH [1, 2]"),
    ("currents of wrong length", "B106", "ALC 2\nCUR [1, 2, 3]", "ALC 2\nCUR [1, 2]"),
    ("wave with two of three columns", "B106", "ALC 3\nWAVE [[1, 2]], 1 ms", "ALC 3\nWAVE [[1], [2]], 1 ms"),
    ("wave is a vector", "B106", "ALC 2\nWAVE [1, 2], 1 ms", "ALC 2\nWAVE [[1, 2]], 1 ms"),
    ("train with three columns", "B106", "ALC 2\nSPK [[0, 1, 1]], 1 mV", "ALC 2\nSPK [[0, 1]], 1 mV"),
    ("jumps of wrong length", "B106", "ALC 2\nSPK [[0, 1]], [1, 2, 3]", "ALC 2\nSPK [[0, 1]], [1, 2]"),
    ("rates of wrong length", "B106", "ALC 2\nPOI [1], 1 mV", "ALC 2\nPOI [1, 2], 1 mV"),
    ("values of wrong length", "B106", "ALC 3\nCLAMP [0, 1], [1, 2, 3]", "ALC 3\nCLAMP [0, 1], [1, 2]"),
    ("two values for one neuron", "B106", "ALC 3\nCLAMP 0, [1, 2]", "ALC 3\nCLAMP 0, [1]"),
    # --- indices
    ("clamped neuron there is not", "B110", "ALC 3\nCLAMP 3, 0", "ALC 3\nCLAMP 2, 0"),
    ("clamped neurons there are not", "B110", "ALC 3\nCLAMP [0, 3], 0", "ALC 3\nCLAMP [0, 2], 0"),
    ("negative neuron", "B110", "ALC 3\nFREE [-1]", "ALC 3\nFREE [1]"),
    ("half a neuron", "B110", "ALC 3\nFREE [0.5]", "ALC 3\nFREE [0]"),
    ("neuron named twice", "B110", "ALC 3\nREC v, 1 ms, [0, 2, 0]", "ALC 3\nREC v, 1 ms, [0, 2, 1]"),
    ("peek beyond", "B110", "ALC 3\nPEEK r0, v, 3", "ALC 3\nPEEK r0, v, 2"),
    ("recorded neuron there is not", "B110", "ALC 3\nREC v, 1 ms, [3]", "ALC 3\nREC v, 1 ms, [2]"),
    ("spike into a neuron there is not", "B110", "ALC 2\nSPK [[0, 2]], 1 mV", "ALC 2\nSPK [[0, 1]], 1 mV"),
    ("spike into half a neuron", "B110", "ALC 2\nSPK [[0, 0.5]], 1 mV", "ALC 2\nSPK [[0.5, 0]], 1 mV"),
    # --- time
    ("sweeps for a model of time", "B107", "ALC 1\nRUN 5 sweeps", "ALC 1\nRUN 5 ms"),
    ("time for a model of sweeps", "B107", ISING + "ALC 1\nRUN 5 ms", ISING + "ALC 1\nRUN 5 sweeps"),
    ("half a sweep", "B014", ISING + "ALC 1\nRUN 2.5", ISING + "ALC 1\nRUN 2"),
    ("period in sweeps", "B107", "ALC 1\nREC v, 1 sweeps", "ALC 1\nREC v, 1 ms"),
    ("period of half a sweep", "B014", ISING + "ALC 1\nREC s, 0.5", ISING + "ALC 1\nREC s, 2"),
    ("period between steps", "B014", "ALC 1\nREC v, 0.25 ms", "ALC 1\nREC v, 0.3 ms"),
    ("period between steps that were set", "B014",
     "SET dt, 0.5 ms\nALC 1\nREC v, 0.7 ms", "SET dt, 0.5 ms\nALC 1\nREC v, 1.5 ms"),
    ("period of nothing", "B014", "ALC 1\nREC v, 0", "ALC 1\nREC v, 0.1 ms"),
    ("wave between steps", "B014", "ALC 1\nWAVE [[1]], 0.25 ms", "ALC 1\nWAVE [[1]], 0.2 ms"),
    ("more steps than a run has", "B111", ISING + "ALC 1\nRUN 1e10", ISING + "ALC 1\nRUN 8e9"),
    # --- what the model has and can do
    ("state of another model", "B108", "ALC 1\nRD spins", ISING + "ALC 1\nRD spins"),
    ("unknown observable", "B108", "ALC 1\nRD enrgy", "ALC 1\nRD energy"),
    ("vector into a register", "B108", "ALC 1\nGET r0, state", "ALC 1\nGET r0, energy"),
    ("unknown observable into a register", "B108", "ALC 1\nGET r0, enrgy", "ALC 1\nGET r0, time"),
    ("variable of another model", "B108", ISING + "ALC 1\nREC v", ISING + "ALC 1\nREC s"),
    ("unknown variable ends", "B108", "ALC 1\nUNREC w", "ALC 1\nUNREC v"),
    ("unknown variable peeked", "B108", "ALC 1\nPEEK r0, w, 0", "ALC 1\nPEEK r0, I, 0"),
    ("currents into spins", "B114", ISING + "ALC 1\nCUR 1 nA", "ALC 1\nCUR 1 nA"),
    ("Poisson into spins", "B114", ISING + "ALC 1\nPOI 1, 1", "ALC 1\nPOI 1, 1"),
    # --- values
    ("temperature in volts", "B006", ISING + "ALC 1\nSIG 1 mV", ISING + "ALC 1\nSIG 1"),
    ("negative noise", "B014", "SIG -1 mV", "SIG 0 mV"),
    ("spin at zero", "B116", ISING + "ALC 2\nCLAMP 0, 0", ISING + "ALC 2\nCLAMP 0, -1"),
    ("spins at zero", "B116", ISING + "ALC 2\nCLAMP [0, 1], [1, 0]", ISING + "ALC 2\nCLAMP [0, 1], [1, -1]"),
    ("membrane in amperes", "B006", "ALC 1\nCLAMP 0, 1 nA", "ALC 1\nCLAMP 0, -60 mV"),
    ("negative rate", "B014", "ALC 2\nPOI [1, -1], 1", "ALC 2\nPOI [1, 0], 1"),
    ("too many spikes a step", "B116", "ALC 2\nPOI 10.25 MHz, 1", "ALC 2\nPOI 10.24 MHz, 1"),
    ("too many spikes a step in one", "B116", "ALC 2\nPOI [1, 1.03e7], 1", "ALC 2\nPOI [1, 1.02e7], 1"),
    ("spike in the past", "B014", "ALC 1\nSPK [[-1e-3, 0]], 1", "ALC 1\nSPK [[0, 0]], 1"),
    # --- registers
    ("never written", "B113", "OUT r0", "MOV r0, 1\nOUT r0"),
    ("written on one branch", "B113", "MOV r1, 1\nJEQ r1, 1, on\nMOV r0, 1\non: OUT r0",
     "MOV r1, 1\nMOV r0, 0\nJEQ r1, 1, on\nMOV r0, 1\non: OUT r0"),
    ("counter never written", "B113", "again: OUT 1\nLOOP r0, again", "MOV r0, 2\nagain: OUT 1\nLOOP r0, again"),
    ("written only by what it is read for", "B113", "ADD r0, r0, 1", "MOV r0, 0\nADD r0, r0, 1"),
    ("noise from nowhere", "B113", "SIG r3", "MOV r3, 1\nSIG r3"),
    ("duration from nowhere", "B113", "ALC 1\nRUN r31", "MOV r31, 1\nALC 1\nRUN r31"),
    ("written behind", "B113",
     "again: OUT r0\nMOV r0, 1\nJEQ r0, 2, again", "MOV r0, 0\nagain: OUT r0\nMOV r0, 1\nJEQ r0, 2, again"),
    # --- the table's own ranges
    ("no neurons at all", "B014", "ALC 0", "ALC 1"),
    ("half a neuron allocated", "B014", "ALC 1.5", "ALC 2"),
    ("more neurons than there may be", "B014", "ALC 16777217", "ALC 16777216"),
    ("negative duration", "B014", "ALC 1\nRUN -1", "ALC 1\nRUN 0"),
    ("a constant is held to the range", "B014", ".const n = 0\nALC n", ".const n = 1\nALC n"),
    ("a constant is held to the unit", "B006", ".const t = 1 mV\nALC 1\nRUN t", ".const t = 1 ms\nALC 1\nRUN t"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "text"), [(r[1], r[2]) for r in RULES], ids=[r[0] for r in RULES])
def test_a_broken_rule_is_refused_with_its_code(code: str, text: str) -> None:
    assert set(codes(text)) == {code}


@pytest.mark.parametrize("text", [r[3] for r in RULES], ids=[r[0] for r in RULES])
def test_the_neighbour_passes(text: str) -> None:
    assert codes(text) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.mnemonic)
def test_every_example_of_the_table_passes(row: object) -> None:
    assert codes(row.example) == []  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text",
    [
        "ALC 4\nLDJ [[0, -1, 0, 0], [-1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]\nLDH [0.0, -0.0, 1, 1]\nSIG 0.01\n"
        "RUN 0.3333333333333333\nRUN 0.3333333333333333\nRUN 0.3333333333333333\nRD ",
        "MODEL ising\nALC 3\nMOV r0, 3\nagain: SIG r0\nRUN 1\nLOOP r0, again\nRD best_energy",
        "MOV r1, 0.25\nALC 1\nRUN r1\nREC v, 1 ms, [0]\nPEEK r2, v, 0\nSET tau, r2\nCLAMP r1, r2\nFREE r1",
        "",
        "HLT",
    ],
)
def test_programs_that_pass(text: str) -> None:
    assert codes(text) == []


def test_the_gate_says_model_and_size() -> None:
    verified = verify(assemble("MODEL ising\n.const n = 7\nALC n\nRUN 1"))
    assert (verified.model.name, verified.n, verified.warnings) == ("ising", 7, ())


def test_without_model_and_neurons_there_is_the_default() -> None:
    verified = verify(assemble("OUT 1"))
    assert (verified.model.name, verified.n) == ("lif_critical", 0)


def test_unreachable_stretches_are_warned_of_once_each() -> None:
    verified = verify(assemble("JMP a\nOUT 1\nOUT 2\na: JMP b\nOUT 3\nb: HLT\nOUT 4"))
    assert [(w.code, w.severity, w.span.line) for w in verified.warnings if w.span] == [
        ("B117", "warning", 2),
        ("B117", "warning", 5),
        ("B117", "warning", 7),
    ]


def test_unreachable_instructions_are_still_held_to_shapes_but_not_to_paths() -> None:
    assert codes("ALC 2\nHLT\nALC 3\nOUT r9") == []
    assert codes("ALC 2\nHLT\nLDH [1, 2, 3]") == ["B106"]


def test_a_lack_is_reported_once_and_not_at_every_later_use() -> None:
    assert codes("RUN 1\nRUN 1\nRD\nOUT r0\nOUT r0") == ["B101", "B113"]


def test_several_errors_are_reported_in_the_order_of_the_program() -> None:
    assert codes("ALC 2\nLDH [1]\nSIG r0\nRD spins\nRUN 1 sweeps") == ["B106", "B113", "B108", "B107"]


def test_errors_stand_at_their_line() -> None:
    with pytest.raises(BioasmError) as refused:
        verify(assemble("ALC 2\n\n  LDH [1]\n", source="p.basm"))
    (found,) = refused.value.diagnostics
    assert found.span is not None
    assert (found.span.source, found.span.line) == ("p.basm", 3)


def test_a_replaced_default_decides_where_steps_are() -> None:
    program = assemble("ALC 1\nREC v, 0.25 ms\nRUN 1 ms")
    assert verify(program, {"dt": 0.05e-3}).n == 1
    assert codes(program) == ["B014"]


@pytest.mark.parametrize(
    "setting",
    [
        "MOV r0, 1\nSET dt, r0",
        "MOV r0, 1\nJEQ r0, 1, on\nSET dt, 0.2 ms\non:",
        "SET dt, 0.2 ms\nSET dt, 0.05 ms",
    ],
    ids=["by a register", "on one branch", "to two values"],
)
def test_where_the_step_is_not_known_the_period_is_left_to_the_run(setting: str) -> None:
    assert codes(f"{setting}\nALC 1\nREC v, 0.25 ms") == []
