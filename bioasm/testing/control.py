"""Checks of registers, arithmetic, jumps and loops, and of observables read into registers."""

from __future__ import annotations

import math

import numpy as np

from bioasm.isa.table import BY_MNEMONIC
from bioasm.runtime.arithmetic import COMPUTED
from bioasm.testing.kit import Subject, check, check_each_model, expect
from bioasm.testing.results import values
from bioasm.testing.samples import BEGIN, PROGRAMS, RUN, STEPS

_NAN, _INF = math.nan, math.inf
_OPERANDS = 200  # random pairs for each register instruction


def numbers(subject: Subject, text: str) -> list[float]:
    """The numbers that a program emits by OUT."""
    return [float(r.value) for r in subject.run(text).results if isinstance(r.value, float | int)]


def _agree(found: list[float], cases: list[tuple[str, float]]) -> None:
    expect(len(found) == len(cases), f"{len(cases)} numbers should be emitted, not {len(found)}")
    wrong = [
        f"{text}: {value!r}, not {wanted!r}"
        for (text, wanted), value in zip(cases, found, strict=True)
        if not (math.isclose(value, wanted, rel_tol=4e-16) or (math.isnan(value) and math.isnan(wanted)))
    ]
    expect(not wrong, f"should be otherwise: {'; '.join(wrong)}")


def _computes(subject: Subject, cases: list[tuple[str, float]]) -> None:
    lines = ["MOV r1, 7\nMOV r2, -2\nMOV r3, 0\n"]
    lines += [f"{text.replace(' ', ' r0, ', 1)}\nOUT r0\n" for text, _ in cases]
    _agree(numbers(subject, "".join(lines)), cases)


@check("control")
def arithmetic_of_two_numbers(subject: Subject) -> None:
    """ADD, SUB, MUL, DIV, MIN, MAX, POW and MOD of registers and numbers are those of 64-bit floats."""
    cases = [("ADD 0.1, 0.2", 0.1 + 0.2), ("SUB r1, r2", 9.0), ("MUL r1, r2", -14.0), ("DIV r1, r2", -3.5)]
    cases += [("MIN r1, r2", -2.0), ("MAX r1, r2", 7.0), ("POW r1, 2", 49.0), ("POW 2, 0.5", math.sqrt(2))]
    cases += [("MOD 7, 3", 1.0), ("MOD -7, 3", 2.0), ("MOD 7, -3", -2.0), ("ADD r0, r0", -4.0)]
    _computes(subject, cases)


@check("control")
def arithmetic_of_one_number(subject: Subject) -> None:
    """MOV, NEG, ABS, SQRT, EXP, LOG and FLOOR are those of 64-bit floats, and units are SI units."""
    cases = [("MOV 10 mV", 0.01), ("NEG r1", -7.0), ("ABS r2", 2.0), ("SQRT 2", math.sqrt(2)), ("EXP 1", math.e)]
    cases += [("LOG 2", math.log(2)), ("FLOOR 2.7", 2.0), ("FLOOR -2.7", -3.0), ("MOV 0.1 ms", 1e-4)]
    _computes(subject, cases)


@check("control")
def arithmetic_beyond_numbers_is_that_of_floats(subject: Subject) -> None:
    """Division by zero and the like give infinities and NaN and end no run."""
    cases = [("DIV 1, r3", _INF), ("DIV -1, r3", -_INF), ("DIV r3, r3", _NAN), ("SQRT r2", _NAN), ("LOG r3", -_INF)]
    _computes(subject, [*cases, ("EXP 1000", _INF)])


@check("control")
def arithmetic_gives_the_same_bits_everywhere(subject: Subject) -> None:
    """On random operands each register instruction gives the number of `bioasm.runtime.arithmetic`, to the last bit."""
    rng = np.random.default_rng(7)
    for mnemonic, compute in COMPUTED.items():
        operands = np.exp(rng.uniform(-3, 3, (_OPERANDS, 2))) * rng.choice([-1.0, 1.0, 1.0], (_OPERANDS, 2))
        pairs = [(float(a), float(b)) for a, b in operands]
        second = len(BY_MNEMONIC[mnemonic].slots) == 3
        text = "".join(f"{mnemonic} r0, {a!r}{f', {b!r}' if second else ''}\nOUT r0\n" for a, b in pairs)
        wanted = np.array([compute(a, b) for a, b in pairs])
        same = np.array_equal(np.array(numbers(subject, text)), wanted, equal_nan=True)
        expect(same, f"{mnemonic} gives other numbers than bioasm.runtime.arithmetic")


@check("control")
def branches_go_where_their_condition_says(subject: Subject) -> None:
    """Each conditional jump is taken exactly where its comparison holds."""
    holds = {"JEQ": (0, 1, 0), "JNE": (1, 0, 1), "JLT": (1, 0, 0), "JLE": (1, 1, 0), "JGT": (0, 0, 1), "JGE": (0, 1, 1)}
    cases, lines = [], ["MOV r1, 5\n"]
    for mnemonic, taken in holds.items():
        for value, wanted in zip((4, 5, 6), taken, strict=True):
            label = f"{mnemonic.lower()}{value}"
            lines.append(f"MOV r0, 1\n{mnemonic} {value}, r1, {label}\nMOV r0, 0\n{label}:\nOUT r0\n")
            cases.append((f"{mnemonic} {value}, 5", float(wanted)))
    _agree(numbers(subject, "".join(lines)), cases)


@check("control")
def comparisons_with_nan_are_false(subject: Subject) -> None:
    """No jump but JNE is taken where a number is NaN."""
    cases, lines = [], ["MOV r1, 0\nDIV r1, r1, r1\n"]
    for mnemonic in ("JEQ", "JNE", "JLT", "JLE", "JGT", "JGE"):
        lines.append(f"MOV r0, 1\n{mnemonic} r1, r1, {mnemonic.lower()}\nMOV r0, 0\n{mnemonic.lower()}:\nOUT r0\n")
        cases.append((f"{mnemonic} NaN, NaN", float(mnemonic == "JNE")))
    _agree(numbers(subject, "".join(lines)), cases)


@check("control")
def loops_count_down(subject: Subject) -> None:
    """A loop runs as often as its register said; nested loops multiply; the counter is seen going down."""
    text = "MOV r2, 0\nMOV r0, 3\nouter:\nMOV r1, 4\ninner:\nADD r2, r2, 1\nLOOP r1, inner\nOUT r0\nLOOP r0, outer\nOUT r2\n"
    _agree(numbers(subject, text), [("counter", 3.0), ("counter", 2.0), ("counter", 1.0), ("3 times 4", 12.0)])


@check("control")
def halt_ends_the_program(subject: Subject) -> None:
    """Nothing after HLT is done; a jump to the end does the same."""
    expect(numbers(subject, "OUT 1\nHLT\nOUT 2\n") == [1.0], "HLT should end the program")
    expect(numbers(subject, "OUT 1\nJMP end\nOUT 2\nend:\n") == [1.0], "a jump to the end should end the program")


@check_each_model("control")
def registers_read_what_results_say(subject: Subject, model: str) -> None:
    """GET reads energies, time, steps and noise as RD does."""
    names = ("energy", "best_energy", "time", "steps", "noise")
    read = "".join(f"GET r0, {name}\nOUT r0, {name}\nRD {name}\n" for name in names)
    found = [float(np.ravel(value)[0]) for value in values(subject.run(PROGRAMS[model] + read))]
    unlike = [name for name, by_get, by_rd in zip(names, found[::2], found[1::2], strict=True) if by_get != by_rd]
    expect(not unlike, f"GET and RD differ in {unlike}: {found}")


@check_each_model("control")
def peek_reads_one_neuron(subject: Subject, model: str) -> None:
    """PEEK reads a variable of the neuron that a number or a register names."""
    read = "RD state\n" + "".join(f"MOV r1, {k}\nPEEK r0, s, r1\nOUT r0\nPEEK r0, s, {k}\nOUT r0\n" for k in range(5))
    state, *peeked = values(subject.run(PROGRAMS[model] + read))
    wanted = np.repeat(np.asarray(state)[0], 2)
    expect(np.allclose(peeked, wanted, rtol=0, atol=1e-12), f"PEEK should read {wanted}, not {peeked}")


@check_each_model("control")
def durations_come_from_registers(subject: Subject, model: str) -> None:
    """RUN in a loop, for a time that a register holds, adds up."""
    duration = {"lif_critical": "30 ms", "ising": "20"}[model]
    text = f"{BEGIN[model]}MOV r1, {duration}\nDIV r1, r1, 4\nMOV r0, 4\nagain:\nRUN r1\nLOOP r0, again\n"
    found = subject.run(text).steps
    expect(found == STEPS[model], f"four quarters should be {STEPS[model]} steps, not {found}")


@check_each_model("control")
def noise_comes_from_registers(subject: Subject, model: str) -> None:
    """SIG takes a register; what it holds is the noise from then on."""
    text = f"{BEGIN[model]}MOV r1, 3e-3\nSIG r1\n{RUN[model]}RD noise\n"
    (found,) = values(subject.run(text))
    expect(found == 3e-3, f"the noise should be 3e-3, not {found}")


@check("control")
def a_negative_duration_ends_the_run(subject: Subject) -> None:
    """A register that holds what RUN can't use ends the run with B402."""
    subject.refuses("B402", "ALC 2\nMOV r0, -1\nRUN r0\n")


@check("control")
def a_neuron_that_does_not_exist_ends_the_run(subject: Subject) -> None:
    """An index in a register that names no neuron ends the run with B402."""
    subject.refuses("B402", "ALC 2\nMOV r1, 2\nPEEK r0, s, r1\n")
