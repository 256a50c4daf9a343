"""The interpreter takes the same path and computes the same numbers as the compiled machine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.cpu import CpuDriver
from bioasm.hardware.board.electrodes import default_electrodes
from bioasm.hardware.board.rig import Rig
from bioasm.hardware.board.substrates.culture import CultureRun
from bioasm.hardware.board.substrates.mapping import MappingParameters
from bioasm.hardware.link.messages import RunStatus
from bioasm.runtime.interpreter import Interpreter, Stop
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

RIG = Rig("rhd2132", 20000.0, 1)


def run(text: str, fuel: int = 100000) -> CultureRun:
    """A program without a RUN, interpreted to its end."""
    verified = verify(assemble(text))
    made = CultureRun(verified, RIG, default_electrodes(verified.n, 32), MappingParameters(), 1.5e-9, 1, fuel, lambda *_: None)
    while made.slice():
        pass
    return made


def on_cpu(text: str) -> list[tuple[str, Any]]:
    """What the compiled machine emits."""
    result = CpuDriver().run(verify(assemble(text)), RunOptions())
    return [(reading.what, reading.value) for reading in result.results]


NUMBERS = (0.0, -0.0, 1.0, -1.0, 2.5, -2.5, 3.0, 0.5, 1e300, -1e-300)


@pytest.mark.parametrize("mnemonic", ["ADD", "SUB", "MUL", "DIV", "MIN", "MAX", "POW", "MOD"])
def test_arithmetic_of_two_equals_the_machine(mnemonic: str) -> None:
    pairs = [(a, b) for a in NUMBERS for b in NUMBERS]
    text = "".join(f"MOV r1, {a!r}\nMOV r2, {b!r}\n{mnemonic} r0, r1, r2\nOUT r0\n" for a, b in pairs)
    mine = [reading.value for reading in run(text).interpreter.readings]
    assert np.array_equal(mine, [value for _, value in on_cpu(text)], equal_nan=True)


@pytest.mark.parametrize("mnemonic", ["MOV", "NEG", "ABS", "SQRT", "EXP", "LOG", "FLOOR"])
def test_functions_of_one_equal_the_machine(mnemonic: str) -> None:
    text = "".join(f"MOV r1, {a!r}\n{mnemonic} r0, r1\nOUT r0\n" for a in NUMBERS)
    mine = [reading.value for reading in run(text).interpreter.readings]
    assert np.array_equal(mine, [value for _, value in on_cpu(text)], equal_nan=True)


@pytest.mark.parametrize("mnemonic", ["JEQ", "JNE", "JLT", "JLE", "JGT", "JGE"])
@pytest.mark.parametrize(("a", "b"), [(1, 2), (2, 1), (2, 2), (-1, 1)])
def test_branches_equal_the_machine(mnemonic: str, a: int, b: int) -> None:
    text = f"MOV r0, {a}\n{mnemonic} r0, {b}, there\nOUT 1, not_taken\nHLT\nthere:\nOUT 2, taken\n"
    assert [(r.what, r.value) for r in run(text).interpreter.readings] == on_cpu(text)


@pytest.mark.parametrize("mnemonic", ["JEQ", "JNE", "JLT", "JGE"])
def test_branches_on_nan_equal_the_machine(mnemonic: str) -> None:
    text = f"MOV r0, 0\nDIV r0, r0, r0\n{mnemonic} r0, r0, there\nOUT 1\nHLT\nthere:\nOUT 2\n"
    assert [(r.what, r.value) for r in run(text).interpreter.readings] == on_cpu(text)


PROGRAMS = {
    "loop": "MOV r0, 3\nMOV r1, 0\nagain:\nADD r1, r1, r0\nLOOP r0, again\nOUT r1, sum\nOUT r0\n",
    "loop of zero": "MOV r0, 0\nagain:\nOUT r0\nLOOP r0, again\n",
    "jump": "JMP end\nOUT 1\nend:\nOUT 2\n",
    "halt": "OUT 1\nHLT\nOUT 2\n",
    "constants": ".const T = 3 ms\nMOV r0, T\nMUL r0, r0, 2\nOUT r0, twice\n",
    "nothing": "HLT\n",
    "fibonacci": "MOV r0,0\nMOV r1,1\nMOV r2,20\nn:\nADD r3,r0,r1\nMOV r0,r1\nMOV r1,r3\nLOOP r2,n\nOUT r0\n",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_equal_the_machine(name: str) -> None:
    assert [(r.what, r.value) for r in run(PROGRAMS[name]).interpreter.readings] == on_cpu(PROGRAMS[name])


def test_fuel_ends_an_endless_loop() -> None:
    assert run("again:\nJMP again\n", fuel=500).status is RunStatus.OUT_OF_FUEL


def test_it_comes_back_after_as_many_instructions_as_asked_for() -> None:
    made = Interpreter(verify(assemble("again:\nJMP again\n")), lambda _: pytest.fail("no neurons are asked for"), {})
    assert made.proceed(10) is Stop.MORE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ALC 2\nMOV r0, 7\nPEEK r1, s, r0\n", "neuron 7 does not exist"),
        ("ALC 2\nMOV r0, 0.5\nPEEK r1, s, r0\n", "neuron 0.5 does not exist"),
        ("ALC 2\nMOV r0, -1\nRUN r0\n", "RUN got -1"),
        ("ALC 2\nMOV r0, 1e20\nRUN r0\n", "more than"),
        ("MOV r0, -1\nSIG r0\n", "SIG got -1"),
        ("MOV r0, 1\nDIV r0, r0, 0\nLDO r0\n", "LDO got inf"),
    ],
)
def test_values_of_no_use_are_faults(text: str, why: str) -> None:
    with pytest.raises(BioasmError, match=why) as caught:
        run(text)
    assert caught.value.diagnostics[0].code == "B402"
