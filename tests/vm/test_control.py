"""Registers, jumps, loops, fuel and faults of the compiled loop."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bioasm.network.references import VariableRef
from bioasm.vm.layout import Status
from tests.vm.support import fault, finish, machine, outs, run

INF, NAN = math.inf, math.nan
# Values that can't be written as operands are made by instructions.
MADE = {INF: "DIV {r}, 1, 0", -INF: "DIV {r}, -1, 0"}


def make(register: str, value: float) -> str:
    """An instruction that writes a value into a register."""
    if math.isnan(value):
        return f"DIV {register}, 0, 0"
    return MADE[value].format(r=register) if math.isinf(value) else f"MOV {register}, {value!r}"


def same(found: float, expected: float) -> bool:
    """Equal to the last bit, signs of zeros included."""
    if math.isnan(expected):
        return math.isnan(found)
    return found == expected and math.copysign(1, found) == math.copysign(1, expected)


BINARY = [
    ("ADD", 2, 3, 5),
    ("ADD", 0.1, 0.2, 0.1 + 0.2),
    ("ADD", INF, -INF, NAN),
    ("ADD", 1e308, 1e308, INF),
    ("ADD", -0.0, 0.0, 0.0),
    ("SUB", 2, 3, -1),
    ("SUB", INF, INF, NAN),
    ("SUB", 0.0, 0.0, 0.0),
    ("MUL", -2, 3, -6),
    ("MUL", INF, 0, NAN),
    ("MUL", -0.0, 5, -0.0),
    ("MUL", 1e200, 1e200, INF),
    ("DIV", 1, 3, 1 / 3),
    ("DIV", 1, 0, INF),
    ("DIV", -1, 0, -INF),
    ("DIV", 1, -0.0, -INF),
    ("DIV", 0, 0, NAN),
    ("DIV", INF, INF, NAN),
    ("DIV", 1, INF, 0.0),
    ("MIN", 2, 3, 2),
    ("MIN", 3, 2, 2),
    ("MIN", -INF, 2, -INF),
    ("MIN", NAN, 1, NAN),
    ("MIN", 1, NAN, NAN),
    ("MAX", 2, 3, 3),
    ("MAX", 3, 2, 3),
    ("MAX", INF, 2, INF),
    ("MAX", NAN, 1, NAN),
    ("MAX", 1, NAN, NAN),
    ("POW", 2, 10, 1024),
    ("POW", 2, 0.5, math.nextafter(math.sqrt(2), 1)),
    ("POW", 2, -1, 0.5),
    ("POW", -8, 3, -512),
    ("POW", -8, 0.5, NAN),
    ("POW", 0, 0, 1),
    ("POW", 0, -1, INF),
    ("POW", 10, 400, INF),
    ("POW", NAN, 0, 1),
    ("POW", INF, -1, 0.0),
    ("MOD", 7, 3, 1),
    ("MOD", -7, 3, 2),
    ("MOD", 7, -3, -2),
    ("MOD", -7, -3, -1),
    ("MOD", 6, 3, 0.0),
    ("MOD", 5.5, 2, 1.5),
    ("MOD", 1, 0.1, 1 % 0.1),
    ("MOD", 1e17, 3, 1e17 % 3),
    ("MOD", 1e300, 7, 1e300 % 7),
    ("MOD", 5, 0, NAN),
    ("MOD", 5, INF, 5),
    ("MOD", -5, INF, INF),
    ("MOD", INF, 3, NAN),
    ("MOD", NAN, 3, NAN),
]


@pytest.mark.parametrize(("mnemonic", "a", "b", "expected"), BINARY)
def test_arithmetic(mnemonic: str, a: float, b: float, expected: float) -> None:
    text = f"{make('r1', a)}\n{make('r2', b)}\n{mnemonic} r0, r1, r2\nOUT r0\n"
    assert same(outs(run(text))[0], expected)


UNARY = [
    ("MOV", -0.0, -0.0),
    ("NEG", 2, -2),
    ("NEG", 0.0, -0.0),
    ("NEG", INF, -INF),
    ("ABS", -2.5, 2.5),
    ("ABS", -0.0, 0.0),
    ("ABS", -INF, INF),
    ("SQRT", 2, math.sqrt(2)),
    ("SQRT", 0, 0.0),
    ("SQRT", -1, NAN),
    ("SQRT", INF, INF),
    ("SQRT", NAN, NAN),
    ("EXP", 0, 1),
    ("EXP", 1, math.nextafter(math.e, 3)),  # own functions: within 1 unit in the last place, 2 for POW
    ("EXP", 1000, INF),
    ("EXP", -1000, 0.0),
    ("EXP", NAN, NAN),
    ("LOG", 1, 0.0),
    ("LOG", 2, math.log(2)),
    ("LOG", 0, -INF),
    ("LOG", -1, NAN),
    ("LOG", INF, INF),
    ("LOG", NAN, NAN),
    ("FLOOR", 2.7, 2),
    ("FLOOR", -2.2, -3),
    ("FLOOR", -0.0, -0.0),
    ("FLOOR", 1e300, 1e300),
    ("FLOOR", INF, INF),
    ("FLOOR", NAN, NAN),
]


@pytest.mark.parametrize(("mnemonic", "a", "expected"), UNARY)
def test_functions(mnemonic: str, a: float, expected: float) -> None:
    assert same(outs(run(f"{make('r1', a)}\n{mnemonic} r0, r1\nOUT r0\n"))[0], expected)


# --- jumps ------------------------------------------------------------------------------------------------

VALUES = [(1, 2), (2, 2), (2, 1), (NAN, 1), (1, NAN), (-0.0, 0.0), (INF, INF), (-INF, INF)]
CONDITIONS = {
    "JEQ": lambda a, b: a == b,
    "JNE": lambda a, b: a != b,
    "JLT": lambda a, b: a < b,
    "JLE": lambda a, b: a <= b,
    "JGT": lambda a, b: a > b,
    "JGE": lambda a, b: a >= b,
}


@pytest.mark.parametrize("mnemonic", CONDITIONS)
@pytest.mark.parametrize(("a", "b"), VALUES)
def test_conditional_jumps(mnemonic: str, a: float, b: float) -> None:
    text = f"{make('r1', a)}\n{make('r2', b)}\n{mnemonic} r1, r2, yes\nOUT 0\nHLT\nyes:\nOUT 1\n"
    assert outs(run(text)) == [float(CONDITIONS[mnemonic](a, b))]


def test_a_jump_leads_back_too() -> None:
    text = "MOV r0, 0\nJMP in\nback:\nOUT r0\nHLT\nin:\nADD r0, r0, 5\nJMP back\n"
    assert outs(run(text)) == [5]


def test_a_jump_to_the_end_ends() -> None:
    assert outs(run("OUT 1\nJMP end\nOUT 2\nend:\n")) == [1]


@pytest.mark.parametrize(("count", "turns"), [("1", 1), ("3", 3), ("0", 1), ("-5", 1), ("2.5", 3), ("0.5", 1), ("1000", 1000)])
def test_loop_counts(count: str, turns: int) -> None:
    text = f"MOV r0, {count}\nMOV r1, 0\nagain:\nADD r1, r1, 1\nLOOP r0, again\nOUT r1\n"
    assert outs(run(text)) == [turns]


def test_a_loop_that_counts_nan_ends() -> None:
    assert outs(run("DIV r0, 0, 0\nagain:\nOUT 1\nLOOP r0, again\nOUT 2\n")) == [1, 2]


def test_nested_loops() -> None:
    text = (
        "MOV r3, 0\nMOV r0, 4\nouter:\nMOV r1, 5\nmiddle:\nMOV r2, 6\ninner:\nADD r3, r3, 1\n"
        "LOOP r2, inner\nLOOP r1, middle\nLOOP r0, outer\nOUT r3\nOUT r0\n"
    )
    assert outs(run(text)) == [120, 0]


def test_all_registers_are_apart() -> None:
    text = "".join(f"MOV r{k}, {k * k}\n" for k in range(32)) + "".join(f"OUT r{k}\n" for k in range(32))
    assert outs(run(text)) == [k * k for k in range(32)]


def test_registers_live_through_alc() -> None:
    text = "MOV r7, 3\nOUT 1\nLDO -4\nALC 5\nOUT r7\nGET r0, energy\nOUT r0\nGET r1, steps\nOUT r1\n"
    assert outs(run(text)) == [1, 3, -4, 0]


def test_a_constant_is_an_operand() -> None:
    assert outs(run(".const A = 7 mV\nMOV r0, A\nADD r0, r0, A\nOUT r0\nOUT A\n")) == [0.014, 0.007]


# --- fuel ---------------------------------------------------------------------------------------------------

ENDLESS = "again:\nMOV r0, 1\nJMP again\n"


@pytest.mark.parametrize("fuel", [1, 2, 1000, 123_457])
def test_an_endless_loop_ends_with_its_fuel(fuel: int) -> None:
    result = run(ENDLESS, fuel=fuel)
    assert result.status == "out of fuel"


@pytest.mark.parametrize(
    "text", ["MOV r0, 1\nOUT r0\nOUT r0\n", "ALC 3\nSIG 0\nRUN 1 ms\nRD\n", "MODEL ising\nALC 3\nRUN 4\nRUN 0\nRD\n"]
)
def test_fuel_is_instructions_and_steps(text: str) -> None:
    lines = text.splitlines()
    need = len(lines) + run(text).steps
    assert run(text, fuel=need).status == "finished"
    assert run(text, fuel=need - 1).status == "out of fuel"
    assert len(run(text, fuel=need - 1).results) == len(run(text).results) - 1


@pytest.mark.parametrize("lanes", [1, 40])
@pytest.mark.parametrize("threads", [1, 2])
def test_fuel_cuts_a_run_at_its_step(lanes: int, threads: int) -> None:
    result = run("ALC 3\nRUN 1 s\n", fuel=2 + 777, lanes=lanes, threads=threads)
    assert (result.status, result.steps) == ("out of fuel", 777)


def test_a_machine_out_of_fuel_stays_there() -> None:
    this = machine(ENDLESS, fuel=10)
    assert [this.run_slice() for _ in range(3)] == [Status.FUEL] * 3


def test_a_halted_machine_stays_halted() -> None:
    this = finish(machine("OUT 1\nHLT\nOUT 2\n"))
    assert this.run_slice() is Status.HALT
    assert len(this.outputs.readings) == 1


def test_many_slices_of_registers() -> None:
    text = "MOV r0, 300000\nMOV r1, 0\nagain:\nADD r1, r1, r0\nLOOP r0, again\nOUT r1\n"
    assert outs(run(text)) == [300000 * 300001 / 2]


# --- what is read into registers ------------------------------------------------------------------------------

ISING = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nLDO 0.5\n"


@pytest.mark.parametrize("lanes", [1, 20])
@pytest.mark.parametrize("what", ["energy", "best_energy", "time", "steps", "noise"])
def test_get_reads_what_the_result_holds(what: str, lanes: int) -> None:
    result = run(ISING + f"SIG 2\nRUN 7\nGET r0, {what}\nOUT r0\n", lanes=lanes)
    expected = {
        "energy": result.energy.min(),
        "best_energy": result.best_energy.min(),
        "time": 7,
        "steps": 7,
        "noise": 2,
    }
    assert outs(result) == [expected[what]]


def test_get_best_energy_before_any_energy_was_seen() -> None:
    assert math.isnan(outs(run("ALC 2\nGET r0, best_energy\nOUT r0\n"))[0])


def test_get_best_energy_before_a_sweep_is_that_of_the_start() -> None:
    result = run(ISING + "GET r0, best_energy\nGET r1, energy\nOUT r0\nOUT r1\n")
    assert outs(result) == [result.energy[0]] * 2


@pytest.mark.parametrize("lanes", [1, 20])
def test_get_counts_the_spikes_of_all_lanes(lanes: int) -> None:
    result = run("ALC 5\nCUR 1 nA\nRUN 100 ms\nGET r0, spike_count\nOUT r0\n", lanes=lanes)
    assert outs(result) == [result.spike_count.sum()]
    assert result.spike_count.sum() == len(result.spikes.t) > 0


@pytest.mark.parametrize("lanes", [1, 20])
@pytest.mark.parametrize("variable", ["v", "s", "I", "spike_count"])
def test_peek_is_the_mean_over_lanes(variable: str, lanes: int) -> None:
    text = "ALC 3\nLDJ [[0, 1, 2], [1, 0, 3], [2, 3, 0]]\nSIG 5 mV\nREC {0}, 0.1 ms\nRUN 50 ms\n"
    text += "MOV r1, 2\nPEEK r0, {0}, r1\nOUT r0\nRUN 0.1 ms\n"
    result = run(text.format(variable), lanes=lanes)
    samples = result.recordings[variable].values[:, -1, 2]
    if variable != "I":  # the feedback of that moment comes before the sample
        assert outs(result)[0] == pytest.approx(samples.mean(), rel=1e-12, abs=1e-15)
    else:
        assert outs(result)[0] == pytest.approx(result.recordings["I"].values[:, -2, 2].mean(), rel=1e-12)


def test_peek_reads_spins() -> None:
    result = run(ISING + "RUN 3\nPEEK r0, s, 1\nOUT r0\nRD\n", lanes=20)
    assert outs(result)[0] == result.state[:, 1].mean()


# --- results ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1023, 1024, 1025, 5000])
def test_any_number_of_outputs(count: int) -> None:
    text = f"MOV r0, {count}\nagain:\nOUT r0, n\nLOOP r0, again\n"
    assert outs(run(text)) == list(range(count, 0, -1))


def test_results_stand_in_the_order_of_the_program() -> None:
    result = run("OUT 1, a\nALC 2\nOUT 2, b\nRD v\nOUT 3\nRD time\nRUN 1 ms\nRD steps\nOUT 4, c\n")
    assert [r.what for r in result.results] == ["a", "b", "v", "value", "time", "steps", "c"]


@pytest.mark.parametrize(
    ("what", "expected"), [("time", 0.003), ("steps", 30.0), ("noise", 2e-3), ("energy", 0.0), ("best_energy", NAN)]
)
def test_reading_numbers(what: str, expected: float) -> None:
    assert outs(run(f"ALC 2\nRUN 3 ms\nRD {what}\n")) == [pytest.approx(expected, nan_ok=True)]


# --- faults -----------------------------------------------------------------------------------------------------

FAULTS = {
    "negative duration": ("MOV r0, -1\nALC 1\nRUN r0\n", 3, "-1"),
    "endless duration": ("DIV r0, 1, 0\nALC 1\nRUN r0\n", 3, "inf"),
    "duration is nan": ("DIV r0, 0, 0\nALC 1\nRUN r0\n", 3, "nan"),
    "too many steps": ("MOV r0, 1e9\nALC 1\nRUN r0\n", 3, "steps"),
    "negative noise": ("MOV r0, -1\nSIG r0\n", 2, "-1"),
    "noise is nan": ("DIV r0, 0, 0\nSIG r0\n", 2, "nan"),
    "noise is infinite": ("DIV r0, 1, 0\nSIG r0\n", 2, "inf"),
    "no such neuron": ("MOV r0, 3\nALC 3\nPEEK r1, v, r0\n", 3, "3"),
    "neuron below 0": ("MOV r0, -1\nALC 3\nPEEK r1, v, r0\n", 3, "-1"),
    "half a neuron": ("MOV r0, 0.5\nALC 3\nPEEK r1, v, r0\n", 3, "0.5"),
    "neuron is nan": ("DIV r0, 0, 0\nALC 3\nPEEK r1, v, r0\n", 3, "nan"),
    "clamp of no neuron": ("MOV r0, 3\nALC 3\nCLAMP r0, -60 mV\n", 3, "3"),
    "clamp of half a neuron": ("MOV r0, 0.5\nALC 3\nCLAMP r0, -60 mV\n", 3, "0.5"),
    "clamp at nan": ("DIV r0, 0, 0\nALC 3\nCLAMP 0, r0\n", 3, "nan"),
    "spin held at 0": ("MODEL ising\nMOV r0, 0\nALC 3\nCLAMP 0, r0\n", 4, "0"),
    "free no neuron": ("MOV r0, 7\nALC 3\nFREE r0\n", 3, "7"),
    "current is nan": ("DIV r0, 0, 0\nALC 3\nCUR r0\n", 3, "nan"),
    "negative rate": ("MOV r0, -1\nALC 3\nPOI r0, 1 mV\n", 3, "-1"),
    "more random spikes a step than drawn": ("MOV r0, 2e7\nALC 3\nPOI r0, 1 mV\n", 3, "2e+07"),
    "jump is infinite": ("DIV r0, 1, 0\nALC 3\nPOI 1 Hz, r0\n", 3, "inf"),
    "tau of 0": ("MOV r0, 0\nALC 3\nSET tau, r0\n", 3, "0"),
    "negative resistance": ("MOV r0, -1\nALC 3\nSET R, r0\n", 3, "-1"),
    "dt longer than the feedback interval": ("MOV r0, 1\nSET dt, r0\nALC 2\nRUN 10\n", 3, "feedback_interval"),
    "dt that does not divide the interval": ("MOV r0, 3e-4\nSET dt, r0\nALC 2\n", 3, "0.0003"),
    "dt too small": ("MOV r0, 1e-300\nSET dt, r0\nALC 2\n", 3, "1e-300"),
    "interval too long": ("MOV r0, 1e300\nSET feedback_interval, r0\nALC 2\n", 3, "1e+300"),
    "half a rule": ("MODEL ising\nMOV r0, 0.5\nSET rule, r0\nALC 2\n", 4, "0.5"),
    "period that is no whole number of steps": (
        "MOV r0, 5e-5\nSET dt, r0\nALC 2\nWAVE [[1e-9]], 0.12 ms\n",
        4,
        "period",
    ),
}


@pytest.mark.parametrize("case", FAULTS, ids=lambda name: name.replace(" ", "-"))
def test_faults_have_code_place_and_value(case: str) -> None:
    text, line, words = FAULTS[case]
    code, at, message = fault(lambda: run(text))
    assert (code, at) == ("B402", line)
    assert words in message


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize("lanes", [1, 20])
def test_membranes_out_of_the_finite_range(lanes: int) -> None:
    code, _, message = fault(lambda: run("ALC 2\nCUR -1e308\nRUN 1 ms\n", lanes=lanes))
    assert code == "B407"
    assert "membrane" in message


def test_energies_out_of_the_finite_range() -> None:
    text = "MODEL ising\nALC 3\nLDJ [[0, 1e308, 1e308], [1e308, 0, 1e308], [1e308, 1e308, 1e-300]]\nRUN 5\n"
    assert fault(lambda: run(text))[0] == "B407"


def test_what_was_computed_before_a_fault_can_be_read() -> None:
    this = machine("ALC 2\nOUT 5\nRUN 2 ms\nMOV r0, -1\nRUN r0\n")
    assert fault(lambda: finish(this))[0] == "B402"
    assert this.steps == 20
    assert np.isfinite(this.model.read(VariableRef("lif_critical", "v"))).all()
