"""The work of a run: counts against what real runs did, the time against that of a processor, tables of random spikes."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bioasm.demand.footprint import SECONDS, Work, check_demand, demand
from bioasm.diagnostics import BioasmError
from bioasm.drivers import find_driver
from bioasm.isa.limits import LIMITS, Limit
from bioasm.isa.program import DataBlock, Dense
from bioasm.runtime import poisson
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify

ORDER = 20  # a factor between the estimate and the time of a processor; measured were 8 and 1/7

# Programs of half a second or so, and the states of a neuron and the entries of J in them.
RUNS = {
    "spins": ('MODEL ising\nALC 1000\nLDJ file "J"\nSIG 30\nRUN 3000 sweeps\n', 0, 1_000_000),
    "membranes": ("MODEL lif\nALC 5000\nINP I, 1 nA\nRUN 500 ms\n", 2, 0),
    "gates": ("MODEL hh\nALC 1000\nRUN 50 ms\n", 4, 0),
}


def gate(name: str) -> tuple[Verified, int, int]:
    text, states, entries = RUNS[name]
    side = np.random.default_rng(1).integers(-1, 2, (1000, 1000)).astype(np.int8)
    program = assemble(text.replace('file "J"', "[[0]]"))
    if entries:
        object.__setattr__(program, "data", (DataBlock(Dense(np.triu(side, 1) + np.triu(side, 1).T)),))
    return verify(program), states, entries


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("name", RUNS)
def test_work_is_what_a_run_does(name: str, lanes: int) -> None:
    verified, states, entries = gate(name)
    with find_driver("cpu")() as driver:
        steps = driver.run(verified, RunOptions(seed=1, threads=1)).steps
    work = demand(verified, lanes).work
    assert work == Work(steps, steps * verified.n * lanes, steps * verified.n * states * lanes, steps * entries * lanes)
    assert work.seconds == pytest.approx(sum(count * each for count, each in zip(work, SECONDS, strict=True)))


@pytest.mark.parametrize("name", RUNS)
def test_the_time_is_of_the_order_of_that_of_a_processor(name: str) -> None:
    verified = gate(name)[0]
    with find_driver("cpu")() as driver:
        driver.run(verified, RunOptions(seed=1, threads=1))  # kernels are compiled
        began = time.process_time()
        driver.run(verified, RunOptions(seed=1, threads=1))
        taken = time.process_time() - began
    assert taken / ORDER < demand(verified).work.seconds < taken * ORDER


def test_work_of_moves_counts_their_spins() -> None:
    text = """
MODEL ising
ALC 4
LDJ sparse(4) symmetric { 0 1 1 | 1 2 1 | 2 3 -1 }
MOV r0, 1000
again:
RUN 1
MERGE
CXCH 0
BLK [0, 1, -1, 2, 3, -1]
LOOP r0, again
BLK [0, 1, -1, 2, 3, -1], 1
"""
    alone, three = (demand(verify(assemble(text)), lanes).work for lanes in (1, 3))
    assert (alone.moved, alone.resampled) == (2 * 4 * 1000, 4 * 1000 + 2)
    assert (three.moved, three.resampled) == (3 * alone.moved, 3 * alone.resampled)
    assert three.seconds > alone.seconds


def test_work_of_feedback_counts_its_products() -> None:
    program = assemble("ALC 4\nLDJ [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]]\nRUN 2 ms\n")
    verified = verify(program)
    model = verified.model
    every = model.parameter(model.feedback.every).default
    assert demand(verified).work.entries == round(2e-3 / every) * 16


# --- tables of random spikes --------------------------------------------------------------------------


@pytest.mark.parametrize("low, high", [(0.0, 1e-3), (1e-3, 5.0), (0.5, 1000.0), (3.0, 3.0)])
def test_entries_of_tables_are_known_before(low: float, high: float) -> None:
    expected = np.random.default_rng(1).uniform(low, high, 3000)
    made = poisson.counts(expected)
    assert poisson.entries(expected) == pytest.approx(len(made.limit) - 1, rel=0.01, abs=3000)
    assert poisson.entries(np.repeat(expected[:1], 100)) == int((made.end - made.first)[0])


def rates(values: np.ndarray) -> Verified:
    program = assemble(f"ALC {len(values)}\nPOI [1], 1 mV\nRUN 1 ms\n")
    object.__setattr__(program, "data", (DataBlock(Dense(values)),))
    return verify(program)


def test_tables_count_by_different_rates() -> None:
    n = 20_000
    different, alike = rates(np.linspace(1e4, 2e4, n)), rates(np.full(n, 2e4))
    with_table, without = demand(different), demand(alike)
    assert without.table < 40 < 100_000 < with_table.table
    assert with_table.peak - without.peak > 4 * with_table.table


def test_too_large_a_table_is_refused_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIMITS, "poisson_table", Limit(1000, "a test"))
    needed = demand(rates(np.linspace(1e4, 2e4, 300)))
    with pytest.raises(BioasmError) as raised:
        check_demand(needed, here=False)
    (found,) = raised.value.diagnostics
    assert found.code == "B111" and "table of one POI or RATE" in found.message
    with pytest.raises(ValueError, match="has more than 1,000 entries"):
        poisson.counts(np.linspace(1.0, 2.0, 300))
