"""Names of parts of a network: parameters, inputs, ports, variables and observables, bare and with a dot."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

from .networks import MODELS, faults, passed, told

TWO = "POP a, cell, 2\nPOP b, cell, 3\n"
NET = TWO + "MECH k, leak, b\nMECH t, trace, a\nSYN s, a, b\nCON s, all\n"  # six lines
SET_UP = NET.count("\n")
END = "RUN 1 ms\n"

ACCEPTED = [
    # parameters
    "SET a.tau, 10 ms",
    "SET a.tau, [10e-3, 20e-3]",
    "SET b.tau, [1, 2, 3]",
    "SET a.rule, fast",
    "SET a.rule, 1",
    "SET dt, 0.2 ms",
    "SET k.g, 2 nS",
    "SET g, 2 nS",
    "SET k.g, [1e-9, 2e-9, 3e-9]",
    "SET decay, 1 ms",
    "SET t.decay, [1, 2]",
    "MOV r0, 1\nSET a.tau, r0",
    "SET a.v, 1 mV",
    "SET b.v, [1, 2, 3]",
    "SET x, 1",
    "MOV r0, 1\nSET t.x, r0",
    "RUN 1 ms\nSET t.x, [1, 2]",
    "SET s.weight, 5 mV",
    "SET s.weight, 0.005",
    "MOV r0, 1\nSET s.weight, r0",
    "SET s.delay, 1 ms",
    "SET s.delay, 0",
    "RUN 1 ms\nSET a.tau, 10 ms",
    "RUN 1 ms\nSET s.weight, 1 mV",
    # inputs
    "INP a.I, 1 nA",
    "INP a.I, 1e-9, add",
    "INP a.I, 1 nA, set",
    "INP a.I, 2, scale",
    "INP a.drive, 5 mV",
    "INP a.I, [1e-9, 2e-9]",
    "INP b.I, [1, 2, 3], scale",
    "INP pull, 1 nA",
    "INP t.pull, [1, 2]",
    "MOV r0, 1\nINP a.I, r0",
    "PLAY a.I, [[1, 2], [3, 4]], 1 ms",
    "PLAY a.I, [[1], [2]], 0.1 ms",
    "PLAY t.pull, [[1, 2]], 1 ms",
    "EVT a, [[0.001, 1]], 5 mV",
    "EVT a.second, [[0.001, 1]], 1",
    "EVT a.second, [[0.001, 1]], [1, 2]",
    "EVT t, [[0.001, 1]], 1",
    "RATE b, 100 Hz, 5 mV",
    "RATE b, [1, 2, 3], [1, 2, 3]",
    "RATE t, 10, 1",
    # recording and reading
    "REC a.v",
    "REC a.v, 1 ms",
    "REC b.v, 1 ms, [0, 2]",
    "REC a.half",
    "REC a.I",
    "REC x, 1 ms, [0, 1]",
    "REC t.x\nUNREC t.x",
    "REC t.twice",
    "REC pull",
    "RD",
    "RD state",
    "RD spikes",
    "RD spike_count",
    "RD time",
    "RD a.v",
    "RD a.state",
    "RD b.spike_count",
    "RD t.x",
    "RD t.twice",
    "RD a.half",
    "GET r0, spike_count",
    "GET r0, a.spike_count",
    "GET r0, steps",
    "PEEK r0, a.v, 1",
    "PEEK r0, b.v, 2",
    "PEEK r0, x, 1",
    "CLAMP 4, 1 mV",
    "CLAMP [0, 4], [1, 2]",
    "FREE 4",
    "FREE",
]


@pytest.mark.parametrize("line", ACCEPTED)
def test_accepted(line: str) -> None:
    assert told(NET + line + "\n" + END) == []


REFUSED = [
    # parameters
    ("SET tau, 10 ms", "B121"),
    ("SET a.tua, 10 ms", "B105"),
    ("SET c.tau, 10 ms", "B120"),
    ("SET taus, 10 ms", "B105"),
    ("SET a.tau, 10 mV", "B006"),
    ("SET a.tau, 0", "B116"),
    ("SET a.tau, [1, 2, 3]", "B106"),
    ("SET a.tau, [1, -2]", "B116"),
    ("SET a.rule, slowest", "B116"),
    ("SET a.rule, 2", "B116"),
    ("SET a.dt, 1 ms", "B105"),
    ("SET dt, 0", "B116"),
    ("SET dt, [1, 2]", "B004"),
    ("MOV r0, 1\nSET dt, r0", "B004"),
    ("MOV r0, 1\nSET a.rule, r0", "B004"),
    ("RUN 1 ms\nSET dt, 1 ms", "B118"),
    ("RUN 1 ms\nSET a.rule, fast", "B118"),
    ("REC a.v\nSET a.rule, fast", "B118"),
    ("INP a.I, 1 nA\nSET dt, 0.2 ms", "B118"),
    ("SET k.g, -1 nS", "B116"),
    ("SET k.v, 1 mV", "B105"),
    ("SET k.E, [1, 2]", "B106"),
    ("SET a.half, 1 mV", "B105"),
    ("SET a.I, 1 nA", "B105"),
    ("SET a.v, 1 nA", "B006"),
    ("SET a.v, fast", "B004"),
    ("SET a.v, [1, 2, 3]", "B106"),
    ("SET v, 1 mV", "B121"),
    ("SET s.weights, 1", "B105"),
    ("SET s.weight, 1 nA", "B006"),
    ("SET s.weight, [[1, 2]]", "B106"),
    ("SET s.weight, heavy", "B021"),
    ("SET s.delay, -1 ms", "B116"),
    ("SET s.delay, 1 mV", "B006"),
    ("SET s.delay, 200", "B111"),
    ("MOV r0, 1\nSET s.delay, r0", "B004"),
    ("RUN 1 ms\nSET s.delay, 1 ms", "B118"),
    # inputs
    ("INP I, 1 nA", "B121"),
    ("INP a.J, 1 nA", "B108"),
    ("INP c.I, 1 nA", "B120"),
    ("INP a.v, 1 mV", "B108"),
    ("INP a.I, 1 mV", "B006"),
    ("INP a.drive, 1 nA", "B006"),
    ("INP a.I, 1 nA, sub", "B004"),
    ("INP a.I, 1 nA, scale", "B006"),
    ("INP a.I, [1, 2, 3]", "B106"),
    ("INP a.I, [[1, 2]]", "B106"),
    ("PLAY I, [[1, 2]], 1 ms", "B121"),
    ("PLAY a.I, [[1, 2, 3]], 1 ms", "B106"),
    ("PLAY a.I, [1, 2], 1 ms", "B106"),
    ("PLAY a.I, [[1, 2]], 0.15 ms", "B014"),
    ("PLAY a.I, [[1, 2]], 0", "B014"),
    ("EVT c, [[0, 0]], 1", "B120"),
    ("EVT a.third, [[0, 0]], 1", "B108"),
    ("EVT k, [[0, 0]], 1", "B108"),
    ("EVT a, [[0, 2]], 1 mV", "B110"),
    ("EVT a, [[0, 0.5]], 1 mV", "B110"),
    ("EVT a, [[-1, 0]], 1 mV", "B014"),
    ("EVT a, [0, 1], 1 mV", "B106"),
    ("EVT a, [[0, 1]], 1 nA", "B006"),
    ("EVT a.second, [[0, 1]], 1 mV", "B006"),
    ("EVT a, [[0, 1]], [1, 2, 3]", "B106"),
    ("RATE c, 1 Hz, 1", "B120"),
    ("RATE a, 20 MHz, 1 mV", "B116"),
    ("RATE a, [1, -1], 1 mV", "B014"),
    ("RATE a, [1, 2, 3], 1 mV", "B106"),
    ("RATE a, 1 Hz, 1 nA", "B006"),
    ("RATE a.half, 1 Hz, 1", "B108"),
    # instructions that name no population
    ("CUR 1 nA", "B121"),
    ("WAVE [[1]], 1 ms", "B121"),
    ("SPK [[0, 0]], 1 mV", "B121"),
    ("POI 1 Hz, 1 mV", "B121"),
    # energy and noise
    ("LDH [1, 2]", "B114"),
    ("LDJ [[1]]", "B114"),
    ("LDT terms(2) { 0 1 1 }", "B114"),
    ("LDO 1", "B114"),
    ("SIG 1", "B114"),
    # recording and reading
    ("REC v", "B121"),
    ("REC a.w", "B108"),
    ("REC c.v", "B120"),
    ("REC s.weight", "B108"),
    ("REC k.g", "B108"),
    ("REC a.v, 1 ms, [0, 2]", "B110"),
    ("REC t.x, 1 ms, [2]", "B110"),
    ("REC a.v, 0.15 ms", "B014"),
    ("REC a.v, 2 sweeps", "B107"),
    ("UNREC v", "B121"),
    ("UNREC c.v", "B120"),
    ("RD v", "B121"),
    ("RD nothing", "B108"),
    ("RD c.v", "B120"),
    ("RD a.nothing", "B108"),
    ("RD a.spikes", "B108"),
    ("RD a.time", "B108"),
    ("RD a.best_state", "B108"),
    ("RD k.g", "B108"),
    ("GET r0, v", "B121"),
    ("GET r0, state", "B108"),
    ("GET r0, a.v", "B108"),
    ("GET r0, a.steps", "B108"),
    ("GET r0, c.spike_count", "B120"),
    ("PEEK r0, v, 0", "B121"),
    ("PEEK r0, a.v, 2", "B110"),
    ("PEEK r0, c.v, 0", "B120"),
    ("CLAMP 5, 1 mV", "B110"),
    ("CLAMP 0, 1 nA", "B006"),
    ("CLAMP [0, 4], [1, 2, 3]", "B106"),
    ("CLAMP [4, 4], 1 mV", "B110"),
    ("FREE 5", "B110"),
    ("RUN 5 sweeps", "B107"),
]


@pytest.mark.parametrize(("line", "code"), REFUSED)
def test_refused(line: str, code: str) -> None:
    assert told(NET + line + "\n" + END) == [(SET_UP + line.count("\n") + 1, code)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("SET tau, 1 ms", "write a.tau"),
        ("SET a.tua, 1 ms", "did you mean tau?"),
        ("SET a.dt, 1 ms", "write `SET dt, ...`"),
        ("SET s.wait, 1", "did you mean weight?"),
        ("SET s.weight, heavy", "the names are i, j, N_pre, N_post"),
        ("SET s.delay, far", "the names are i, j, N_pre, N_post"),
        ("INP a.driv, 1 mV", "did you mean drive?"),
        ("INP a.I, 1, ad", "did you mean add?"),
        ("EVT a.secnd, [[0, 0]], 1", "did you mean second?"),
        ("REC a.haf", "did you mean half?"),
        ("RD a.time", "write time"),
        ("CUR 1 nA", "write `INP population.input, value`"),
        ("WAVE [[1]], 1 ms", "write `PLAY population.input, table, period`"),
        ("SPK [[0, 0]], 1 mV", "write `EVT population, train, weight`"),
        ("POI 1 Hz, 1 mV", "write `RATE population, rate, weight`"),
        ("LDH [1]", "`feedback:`"),
    ],
)
def test_hints(line: str, words: str) -> None:
    assert any(words in (d.hint or "") for d in faults(NET + line + "\n" + END))


# --- programs of one population ---------------------------------------------------------------------

ALONE = "MODEL cell\nALC 2\nMECH k, leak, cell\nMECH t, trace, cell\n"


@pytest.mark.parametrize(
    "line",
    [
        "SET tau, 1 ms",
        "SET cell.tau, 1 ms",
        "SET g, 1 nS",
        "SET k.g, 1 nS",
        "INP I, 1 nA",
        "INP drive, 1 mV",
        "CUR 1 nA",
        "CUR [1, 2]",
        "WAVE [[1, 2]], 1 ms",
        "SPK [[0, 1]], 5 mV",
        "POI 10 Hz, 5 mV",
        "REC v",
        "REC x",
        "REC t.x",
        "RD x",
        "RD v",
        "RD cell.v",
        "RD half",
        "GET r0, spike_count",
        "PEEK r0, x, 1",
        "EVT cell.second, [[0, 1]], 1",
        "RATE t, 10 Hz, 1",
        "CLAMP 0, 1 mV",
    ],
)
def test_bare_names_of_one_population(line: str) -> None:
    assert told(f"{ALONE}{line}\n{END}") == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("SET dt, 0.2 ms", "B118"),
        ("SET cell.dt, 0.2 ms", "B118"),
        ("SET rule, fast", "B118"),
        ("CUR [1, 2, 3]", "B106"),
        ("SPK [[0, 2]], 5 mV", "B110"),
        ("SPK [[0, 1]], [1, 2, 3]", "B106"),
        ("POI 10 Hz, [1]", "B106"),
        ("SIG 1", "B114"),
        ("LDO 1", "B114"),
        ("RD energies", "B108"),
        ("GET r0, v", "B108"),
        ("PEEK r0, w, 1", "B108"),
    ],
)
def test_refused_of_one_population(line: str, code: str) -> None:
    assert code in [found for _, found in told(f"{ALONE}{line}\n{END}")]


def test_the_populations_name_wins_over_a_mechanisms() -> None:
    sibling = '.mechanism other {\n "a mechanism with a name of the cell\'s"\n state:\n  v = 0\n step:\n  dv/dt = -v/(1 s)\n}\n'
    alone = "MODEL cell\nALC 2\nMECH o, other, cell\nREC v\nPEEK r0, v, 1\nRD o.v\n"
    assert told(alone + END, MODELS + sibling) == []
    several = "POP a, cell, 2\nMECH o, other, a\nREC v\n"
    assert told(several + END, MODELS + sibling) == [(3, "B121")]


def test_structural_parameters_before_alc_may_come_from_registers() -> None:
    assert told("MODEL cell\nMOV r0, 2e-4\nSET dt, r0\nSET rule, fast\nALC 2\n" + END) == []


# --- models without some of it ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("SPK [[0, 0]], 1", None),
        ("POI 1 Hz, 1", None),
        ("LDH [1, 2]", "`feedback:`"),
        ("SIG 1", None),
    ],
)
def test_what_a_quiet_model_can_not_do(line: str, hint: str | None) -> None:
    (found,) = faults(f"MODEL quiet\nALC 2\n{line}\n{END}")
    assert found.code == "B114"
    assert (found.hint is None) if hint is None else (hint in (found.hint or ""))


def test_current_goes_into_the_first_input_that_is_one() -> None:
    assert told(f"MODEL quiet\nALC 2\nCUR 1 nA\n{END}") == []
    no_current = '.model dry {\n "no current"\n state:\n  u = 0\n inputs:\n  drive : V\n step:\n  du/dt = -u/(1 s)\n}\n'
    (found,) = faults(f"MODEL dry\nALC 2\nCUR 1 nA\n{END}", no_current)
    assert found.code == "B114"
    assert "INP" in (found.hint or "")


def test_spikes_into_a_port_of_another_unit() -> None:
    port = '.model m {\n "a port"\n state:\n  q = 0\n step:\n  dq/dt = -q/(1 s)\n receive:\n  q += weight\n}\n'
    assert told(f"MODEL m\nALC 2\nSPK [[0, 1]], 1\n{END}", port) == []
    assert told(f"MODEL m\nALC 2\nSPK [[0, 1]], 1 mV\n{END}", port) == [(3, "B006")]
    assert told(f"MODEL m\nALC 2\nPOI 1 Hz, 1 mV\n{END}", port) == [(3, "B006")]


# --- steps and settings -----------------------------------------------------------------------------

MIXED = "POP a, cell, 2\nPOP q, quiet, 2\n"


def test_models_share_one_step() -> None:
    (found,) = faults(MIXED + END)
    assert (found.code, found.span and found.span.line) == ("B125", MODELS.count("\n") + 2)
    assert "100 us (cell) and 500 us (quiet)" in found.message or "0.1 ms (cell) and 0.5 ms (quiet)" in found.message
    assert told(MIXED + "SET dt, 0.2 ms\n" + END) == []


def test_who_runs_it_may_say_the_step() -> None:
    made = assemble(MODELS + MIXED + "REC a.v, 0.3 ms\n" + END)
    with pytest.raises(BioasmError, match="B125"):
        verify(made)
    assert verify(made, {"dt": 1e-4}).n == 4
    with pytest.raises(BioasmError, match="no whole multiple"):
        verify(made, {"dt": 2e-4})


@pytest.mark.parametrize("step", ["0.3 ms", "1 ms"])
def test_periods_are_held_to_the_step_that_is_set(step: str) -> None:
    expected = [] if step == "0.3 ms" else [(4, "B014")]
    assert told(f"{TWO}SET dt, {step}\nREC a.v, 0.3 ms\n{END}") == expected


def test_feedback_of_a_population_is_held_to_the_step() -> None:
    text = "POP a, lif_critical, 2\nSET a.feedback_interval, 1 ms\nSET dt, 0.3 ms\n"
    assert "B116" in [code for _, code in told(text + END, "")]
    assert told("POP a, lif_critical, 2\nSET a.feedback_interval, 1.5 ms\nSET dt, 0.3 ms\n" + END, "") == []


def test_verified_programs_know_all_neurons() -> None:
    assert passed(NET + END).n == 5
