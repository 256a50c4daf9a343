"""Programs that record their states besides: nothing else of them changes."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.drivers.cpu import CpuDriver
from bioasm.results import Result
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.verification.add_recorders import SAMPLES, instrumented, recorded, spacing, state_variables
from bioasm.verifier.gate import verify

LOOP = "MOV r0, 3\nALC 2\nagain:\nRUN 1 ms\nOUT r0\nLOOP r0, again\nJMP end\nOUT 7\nend:\nRD v\n"
PROGRAMS = {
    "a loop right behind ALC": LOOP,
    "its own recordings": "ALC 3\nREC v, 0.5 ms, [0]\nREC s\nRUN 2 ms\nUNREC v\nRUN 1 ms\nREC v\nRUN 1 ms\n",
    "a jump over a recording": "ALC 2\nMOV r0, 1\nJEQ r0, 1, on\nREC v\non:\nRUN 1 ms\nOUT r0\n",
    "a jump to a recording": "ALC 2\nMOV r0, 2\nagain:\nREC v\nRUN 1 ms\nLOOP r0, again\nOUT r0\n",
    "spins": "MODEL ising\nALC 4\nLDH [1, 1, 0, 0]\nRUN 5 sweeps\nRD spins\n",
    "populations": "POP a, lif, 2\nPOP b, lif, 3\nSYN ab, a, b\nCON ab, all\nINP a.I, 30 nA\nRUN 20 ms\nRD spike_count\n",
}


def run(program: object) -> Result:
    """A run on the compiled machine."""
    with CpuDriver() as driver:
        return driver.run(verify(program), RunOptions(seed=1))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_recorded_program_does_the_same(name: str) -> None:
    verified = verify(assemble(PROGRAMS[name]))
    variables = state_variables(verified)
    plain = run(verified.program)
    watched = run(instrumented(verified, tuple(variables), plain.seconds_per_step))
    assert [(r.what, np.asarray(r.value).tolist()) for r in watched.results] == [
        (r.what, np.asarray(r.value).tolist()) for r in plain.results
    ]
    assert watched.steps == plain.steps
    for variable, n in variables.items():
        assert watched.recordings[variable.word].values.shape == (1, plain.steps, n)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_recorded_program_can_be_printed(name: str) -> None:
    verified = verify(assemble(PROGRAMS[name]))
    printed = disassemble(instrumented(verified, tuple(state_variables(verified)), 1.0))
    assert printed.count("REC ") >= len(state_variables(verified))


def words(text: str) -> dict[str, int]:
    """The state variables of a program by the words that REC knows."""
    return {ref.word: n for ref, n in state_variables(verify(assemble(text))).items()}


def test_state_variables_are_named_as_rec_knows_them() -> None:
    assert words("ALC 2\nRUN 1 ms\n") == {"v": 2}
    assert words("MODEL ising\nALC 2\nRUN 1\n") == {"s": 2}
    text = "POP a, hh, 2\nMECH m, ampa, a\nRUN 1 ms\n"
    assert words(text) == {"a.v": 2, "a.m": 2, "a.h": 2, "a.n": 2, "m.s": 2}
    assert words("OUT 1\n") == {}


@pytest.mark.parametrize(("steps", "lanes", "every"), [(1000, 1, 1), (SAMPLES, 1, 2), (SAMPLES, 4, 8), (0, 1, 1)])
def test_long_runs_are_sampled_less_often(steps: int, lanes: int, every: int) -> None:
    assert spacing(verify(assemble("ALC 2\nRUN 1 ms\n")), lanes, steps) == every


def test_more_variables_than_can_be_recorded_are_left_out_and_counted() -> None:
    text = "".join(f"POP p{k}, lif, 1\n" for k in range(35)) + "REC p0.I\nRUN 1 ms\n"
    verified = verify(assemble(text))
    assert len(recorded(verified)) == 63 < len(state_variables(verified)) == 70
