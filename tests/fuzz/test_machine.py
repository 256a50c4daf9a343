"""What passes the gate runs: random programs end within their fuel, the same way each time, and never crash the machine."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bioasm.binary.layout import CODE
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.program import Program
from bioasm.results import Result, Spikes
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify
from tests.binary.support import Piece, put_together, take_apart
from tests.binary.test_fuzz import mutated
from tests.fuzz.generate import FLAVOURS, random_program
from tests.fuzz.support import FUZZ_RUNS

pytestmark = pytest.mark.filterwarnings("error")  # numpy's remarks are not for users' eyes
SEEDS = st.integers(0, (1 << 64) - 1)
FUEL = 2000
FAULTS = {"B111", "B402", "B407"}


def ran(verified: Verified, seed: int, lanes: int = 1, **options: Any) -> Result | str:
    """The result of a run, or the code of the fault that it ended with; nothing else may happen."""
    chosen = RunOptions(seed=seed, lanes=lanes, fuel=FUEL, threads=1, **options)
    try:
        return CpuDriver().run(verified, chosen)
    except BioasmError as fault:
        (found,) = fault.diagnostics
        assert found.code in FAULTS
        return found.code


def assert_within_fuel(outcome: Result | str) -> None:
    """A run ends; it did no more than its fuel allows, and its shapes are those of every result."""
    if isinstance(outcome, str):
        return
    assert outcome.status in ("finished", "out of fuel")
    assert outcome.steps <= FUEL
    assert len(outcome.results) <= FUEL
    shape = (outcome.lanes, outcome.n)
    assert outcome.state.shape == outcome.best_state.shape == outcome.spike_count.shape == shape
    assert outcome.energy.shape == outcome.best_energy.shape == (outcome.lanes,)
    assert len(outcome.spikes.t) == outcome.spike_count.sum()


def flat(value: Any) -> list[bytes]:
    """A value as bytes, to be compared to the last bit."""
    return [np.asarray(a).tobytes() for a in ((value.t, value.i, value.lane) if isinstance(value, Spikes) else (value,))]


def essence(outcome: Result | str) -> Any:
    """All that two runs of one program must share."""
    if isinstance(outcome, str):
        return outcome
    arrays = (outcome.state, outcome.energy, outcome.best_energy, outcome.best_state, outcome.energy_trace)
    readings = [(r.what, flat(r.value)) for r in outcome.results]
    recordings = [(name, flat(r.t), flat(r.values)) for name, r in outcome.recordings.items()]
    return outcome.status, outcome.steps, [flat(a) for a in arrays], flat(outcome.spikes), readings, recordings


@pytest.mark.parametrize("flavour", FLAVOURS)
@FUZZ_RUNS
@given(seed=SEEDS)
def test_random_programs_end_within_their_fuel(flavour: str, seed: int) -> None:
    verified = verify(assemble(random_program(flavour, seed)))
    assert_within_fuel(ran(verified, seed))


@pytest.mark.parametrize("flavour", FLAVOURS)
@FUZZ_RUNS
@given(seed=SEEDS)
def test_text_and_bytecode_run_alike(flavour: str, seed: int) -> None:
    program = assemble(random_program(flavour, seed))
    again = from_bytes(to_bytes(program))
    assert program_hash(again) == program_hash(program)
    assert essence(ran(verify(program), seed)) == essence(ran(verify(again), seed))


@pytest.mark.parametrize("flavour", FLAVOURS)
@FUZZ_RUNS
@given(seed=SEEDS)
def test_lanes_end_within_their_fuel(flavour: str, seed: int) -> None:
    verified = verify(assemble(random_program(flavour, seed)))
    assert_within_fuel(ran(verified, seed, lanes=random.Random(seed).choice((2, 3, 17))))


def spoiled_code(text: str, chance: random.Random) -> Program | None:
    """The program with its instructions changed at random behind right checksums; None where that is no bytecode."""
    pieces = take_apart(to_bytes(assemble(text)))
    for _ in range(chance.randint(1, 3)):
        k = next(k for k, piece in enumerate(pieces) if piece.kind == CODE)
        pieces[k] = Piece(CODE, pieces[k].flags, mutated(pieces[k].content, chance))
    try:
        return from_bytes(put_together(pieces))
    except BioasmError:
        return None


@pytest.mark.parametrize("flavour", FLAVOURS)
@FUZZ_RUNS
@given(seed=SEEDS)
def test_hostile_bytecode_that_passes_the_gate_ends_within_its_fuel(flavour: str, seed: int) -> None:
    program = spoiled_code(random_program(flavour, seed), random.Random(seed))
    try:
        verified = verify(program) if program is not None else None
    except BioasmError as refused:
        assert refused.diagnostics[0].code.startswith(("B0", "B1"))
        return
    if verified is not None and verified.n <= 64:
        assert_within_fuel(ran(verified, seed))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_random_programs_do_many_things(flavour: str) -> None:
    """Random programs would prove little if all of them stopped at once."""
    outcomes = [ran(verify(assemble(random_program(flavour, seed))), seed) for seed in range(40)]
    results = [o for o in outcomes if isinstance(o, Result)]
    assert len(results) > 10
    assert {o.status for o in results} == {"finished", "out of fuel"}
    assert max(o.steps for o in results) > 100
    assert any(isinstance(o, str) for o in outcomes)
