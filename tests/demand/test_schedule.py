"""What a program will do, found without its neurons, against what runs of it did."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import bioasm
from bioasm.api.run import assemble
from bioasm.demand.schedule import MOST_EXECUTED, Schedule, schedule
from bioasm.drivers import RunOptions, find_driver
from bioasm.isa.table import BY_MNEMONIC
from bioasm.verifier.gate import verify


def found(text: str, **options) -> Schedule:
    return schedule(verify(assemble(text)), **options)


PROGRAMS = {
    "straight": "ALC 3\nRUN 1 ms\nRUN 0.33 ms\nRUN 0 ms\nRD v\nOUT 1\n",
    "loop": "ALC 3\nREC v, 0.3 ms\nMOV r0, 40\nl: RUN 1 ms\nLOOP r0, l\nRD energy\n",
    "nested": "ALC 2\nREC v\nMOV r1, 3\no: MOV r0, 5\ni: RUN 0.2 ms\nOUT r0\nLOOP r0, i\nLOOP r1, o\n",
    "schedule": "MODEL ising\nALC 4\nMOV r0, 10\nl: SIG r0\nRUN 3 sweeps\nMUL r0, r0, 0.9\nJGT r0, 0.1, l\n",
    "fraction": "ALC 3\nMOV r0, 7.5\nl: RUN 0.1 ms\nOUT r0\nLOOP r0, l\n",
    "negative": "ALC 3\nMOV r0, -1\nl: RUN 0.1 ms\nLOOP r0, l\n",
    "until": "ALC 3\nl: RUN 1 ms\nGET r0, steps\nJLT r0, 55, l\n",
    "halt": "ALC 3\nRUN 1 ms\nHLT\nRUN 1 s\n",
    "unrec": "ALC 3\nRUN 0.4 ms\nREC v, 0.2 ms, [0, 2]\nRUN 1 ms\nUNREC v\nRUN 1 ms\nREC v\nRUN 0.3 ms\n",
    "again": "ALC 3\nREC v\nRUN 1 ms\nREC v, 0.5 ms\nRUN 1 ms\n",
    "dt": "SET dt, 0.05 ms\nALC 3\nREC v, 0.1 ms\nRUN 1 ms\n",
    "network": "POP a, lif, 2\nPOP b, lif, 5\nREC b.v, 1 ms\nREC a.v\nRUN 4 ms\n",
    "owner": "ALC 3\nREC v\nRUN 1 ms\nUNREC lif_critical.v\nRUN 1 ms\n",
    "parts": "POP a, lif, 9\nREC a[0:5].v\nREC a[:5].v, 0.2 ms\nREC a.v\nRUN 1 ms\nUNREC a[ :5].v\nUNREC a[0:9].v\nRUN 1 ms\n",
    "nothing": "; comments\n",
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("lanes", [1, 3])
def test_counts_are_those_of_a_run(name: str, lanes: int) -> None:
    verified = verify(assemble(PROGRAMS[name]))
    told = schedule(verified)
    result = find_driver("cpu")().run(verified, RunOptions(seed=1, lanes=lanes))
    assert told.unknown is None
    assert told.steps == result.steps
    assert told.results == len(result.results)
    assert told.recorded * lanes == sum(recording.values.size for recording in result.recordings.values())


@pytest.mark.parametrize(("word", "numbers"), [("a.v", 2), ("b[1:4].v", 3), ("b.spike_count", 5), ("state", 7), ("time", 1)])
def test_a_reading_has_the_numbers_of_what_is_read(word: str, numbers: int) -> None:
    verified = verify(assemble(f"POP a, lif, 2\nPOP b, lif, 5\nRUN 1 ms\nRD {word}\n"))
    (reading,) = find_driver("cpu")().run(verified, RunOptions(seed=1)).results
    assert schedule(verified).read == np.size(reading.value) == numbers


def test_connections_are_estimated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("bioasm.demand.schedule.connections", lambda _, projection: asked.append(projection.name) or 7)
    text = "POP a, lif, 3\nSYN p, a, a\nVIA p, tsodyks_markram\nCON p, others\nMOV r0, 4\nMOV r1, 1\n"
    text += "l: REC p.u\nRUN 1 ms\nUNREC p.u\nADD r1, r1, 1\nLOOP r0, l\n"
    assert found(text).recorded == 4 * 10 * 7
    assert asked == ["p"]


def test_a_long_loop_is_counted_and_not_walked() -> None:
    told = found("MODEL ising\nALC 3\nREC s, 7 sweeps\nMOV r0, 1e9\nl: RUN 3 sweeps\nOUT 1\nLOOP r0, l\n")
    assert (told.steps, told.results, told.unknown) == (3 * 10**9, 10**9, None)
    assert told.executed == 4 + 3 * 10**9
    assert told.recorded == 3 * -(-3 * 10**9 // 7)


def test_a_loop_that_changes_a_register_is_walked() -> None:
    text = "MODEL ising\nALC 3\nMOV r0, {}\nMOV r1, 1\nl: RUN r1 sweeps\nADD r1, r1, 1\nLOOP r0, l\n".replace(" sweeps", "", 1)
    assert found(text.format(100)).steps == 5050
    told = found(text.format(10**9))
    assert told.unknown == f"it executes more than {MOST_EXECUTED:,} instructions"
    assert told.steps > 0


def test_a_long_loop_of_arithmetic_is_counted_and_its_registers_are_not_known() -> None:
    text = "ALC 3\nMOV r0, {}\nMOV r1, 1\nl: ADD r1, r1, 1\nOUT r1\nLOOP r0, l\nRUN 1 ms\n"
    told = found(text.format(2 * 10**6))
    assert (told.results, told.steps, told.executed, told.unknown) == (2 * 10**6, 10, 6 * 10**6 + 4, None)
    assert found(text.format(100)).executed == 304
    late = found(text.format(2 * 10**6) + "JGT r1, 5, e\nRUN 1 ms\ne: HLT\n")
    assert (late.results, late.unknown) == (2 * 10**6, "a JGT depends on what it computes")
    assert found(text.format(2 * 10**6), fuel=1000).results == 332


def test_what_an_instruction_writes_is_not_known_unless_it_is_told_here() -> None:
    """A row that is added to the table, such as MAXJ r0, needs no line in the schedule."""
    verified = verify(assemble("ALC 3\nMOV r0, 4\nGET r0, energy\nl: RUN 1 ms\nLOOP r0, l\n"))
    row = replace(BY_MNEMONIC["GET"], mnemonic="MAXJ")
    changed = tuple(replace(i, row=row) if i.mnemonic == "GET" else i for i in verified.program.instructions)
    told = schedule(replace(verified, program=replace(verified.program, instructions=changed)))
    assert (told.steps, told.unknown) == (10, "a LOOP depends on what it computes")


@pytest.mark.parametrize(
    ("text", "steps", "why"),
    [
        ("ALC 3\nRUN 1 ms\nGET r0, energy\nJGT r0, 0, l\nRUN 1 ms\nl: RUN 1 ms\n", 10, "a JGT depends on what it computes"),
        ("ALC 3\nRUN 1 ms\nPEEK r0, v, 1\nABS r0, r0\nRUN r0\n", 10, "the duration of a RUN depends on what it computes"),
        ("ALC 3\nGET r0, energy\nl: RUN 1 ms\nLOOP r0, l\n", 10, "a LOOP depends on what it computes"),
    ],
)
def test_what_depends_on_the_run_is_not_known(text: str, steps: int, why: str) -> None:
    told = found(text)
    assert (told.steps, told.unknown) == (steps, why)


@pytest.mark.parametrize("fuel", [1, 5, 40, 1000])
@pytest.mark.parametrize("name", ["loop", "nested", "schedule"])
def test_fuel_bounds_it(name: str, fuel: int) -> None:
    verified = verify(assemble(PROGRAMS[name]))
    result = find_driver("cpu")().run(verified, RunOptions(seed=1, fuel=fuel))
    assert schedule(verified, fuel=fuel).steps == result.steps


def test_a_step_that_is_set_from_outside() -> None:
    assert found("ALC 3\nRUN 1 ms\n", parameters={"dt": 1e-5}).steps == 100
    assert bioasm.run("ALC 3\nRUN 1 ms\n", parameters={"dt": 1e-5}).steps == 100


def test_endless_programs_are_no_trouble() -> None:
    assert found("ALC 3\nl: JMP l\n").unknown is not None
    assert found("ALC 3\nl: RUN 1 ms\nJMP l\n").steps > 0


def test_a_loop_of_infinitely_many_rounds_ends_with_the_fuel() -> None:
    text = "ALC 3\nMOV r0, 1e300\nMUL r0, r0, 1e300\nl: RUN 0.1 ms\nLOOP r0, l\n"
    told = schedule(verify(assemble(text)), fuel=1000)
    assert 300 <= told.steps <= 1000


def test_a_schedule_is_kept_for_the_same_question_alone() -> None:
    verified = verify(assemble("ALC 3\nl: RUN 1 ms\nJMP l\n"))
    first = schedule(verified, fuel=20)
    assert schedule(verified, {}, 20) is first
    assert schedule(verified, fuel=40).steps > first.steps
    assert schedule(verified, {"dt": 0.5e-3}, 40).steps < schedule(verified, fuel=40).steps
    assert schedule(verified, fuel=20) == first


LIGHT = r"""
import sys
from bioasm.demand.footprint import demand
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
demand(verify(assemble("ALC 3\nMOV r0, 2\nl: RUN 1 ms\nLOOP r0, l\n")))
heavy = ("numpy", "llvmlite", "bioasm.safety", "bioasm.runtime.connectivity", "bioasm.runtime.conditions")
print([m for m in (*heavy, "bioasm.models.sections") if m in sys.modules])
"""


def test_a_program_without_data_is_checked_without_heavy_modules() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True, capture_output=True)  # which keeps the model's text as parsed
    told = subprocess.run([sys.executable, "-c", LIGHT], check=True, capture_output=True, text=True)
    assert told.stdout == "[]\n"
