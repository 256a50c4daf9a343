"""Random values in a run: the same for every driver, number of lanes and threads, in a run that is cut, and as bytecode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, find_driver
from bioasm.runtime.drawing import Values
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

NETWORK = """
    POP pre, lif, 8
    POP cells, lif, 12
    SYN wire, pre, cells
    CON wire, probability, 50 %
    SET wire.weight, normal(4 mV, 1 mV, 0 mV)
    SET wire.delay, 1.5 ms
    SET cells.tau, normal(10 ms, 2 ms, 1 ms)
    SET pre.v, uniform(-70 mV, -50 mV) per lane
    INP pre.I, uniform(24 nA, 28 nA)
    INP cells.I, lognormal(18 nA, 1 nA)
    RATE cells, uniform(0 Hz, 50 Hz), choice(1 mV, -1 mV)
    RD pre.v
    RUN 20 ms
    SET wire.weight, normal(3 mV, 1 mV)
    SET cells.v, normal(-60 mV, 5 mV)
    RUN 20 ms
    RD cells.v
    RD spike_count
"""
SEED = 11


def results(driver: str = "cpu", text: str | bioasm.Program = NETWORK, **options: object) -> list[np.ndarray]:
    return [np.asarray(r.value) for r in bioasm.run(text, driver=driver, seed=SEED, **options).results]  # type: ignore[arg-type]


def same(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_brian2_draws_the_same_numbers() -> None:
    for ours, theirs in zip(results(lanes=2), results("brian2", lanes=2), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_threads_and_bytecode_change_nothing() -> None:
    whole = results(lanes=20)
    assert same(results(lanes=20, threads=2), whole)
    assert same(results(text=from_bytes(to_bytes(assemble(NETWORK))), lanes=20), whole)


def test_lanes_have_starts_of_their_own_and_share_the_rest() -> None:
    few, many = results(lanes=2), results(lanes=20)
    assert np.array_equal(many[0][:2], few[0])
    assert len(np.unique(many[0])) == many[0].size
    start = Values("uniform", (-0.07, -0.05), True, SEED, 2)
    assert np.array_equal(many[0], start.of_neurons(range(8), 20))


@pytest.mark.parametrize("fuel", [8, 60, 215, 300])
def test_a_run_that_is_resumed_goes_on_with_its_numbers(fuel: int, tmp_path: Path) -> None:
    program, driver, path = verify(assemble(NETWORK)), find_driver("cpu")(), tmp_path / "c"
    whole = driver.run(program, RunOptions(seed=SEED))
    driver.run(program, RunOptions(seed=SEED, fuel=fuel, checkpoint=path))
    resumed = driver.run(program, RunOptions(seed=SEED, checkpoint=path, resume=True))
    assert same([r.value for r in resumed.results], [r.value for r in whole.results])
    assert np.array_equal(resumed.spikes.t, whole.spikes.t)


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_a_number_out_of_range_ends_the_run_and_is_told(driver: str) -> None:
    text = "POP cells, lif, 50\nSET cells.tau, normal(10 ms, 8 ms)\nRUN 1 ms\n"
    with pytest.raises(BioasmError) as caught:
        bioasm.run(text, driver=driver, seed=SEED)
    (found,) = caught.value.diagnostics
    drawn = Values("normal", (10e-3, 8e-3), False, SEED, 0).drawn(range(50))
    first = int(np.flatnonzero(drawn <= 0)[0])
    assert found.code == "B402"
    assert f"number {first} of those drawn is {drawn[first]:g}; value must be more than 0" in found.message
    assert found.span is not None
    assert found.span.line == 2


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_a_vector_of_weights_has_a_number_for_each_connection(driver: str) -> None:
    """In connection order: by the presynaptic neuron, then by the postsynaptic one."""
    head = "POP pre, relay, 2\nPOP cells, lif, 3\nSET dt, 0.1 ms\nSYN wire, pre, cells\nCON wire, all\n"
    run = "EVT pre, [[0, {0}]], 1\nRUN 0.2 ms\nRD cells.v\n"
    weights = "SET wire.weight, [1e-3, 2e-3, 3e-3, 4e-3, 5e-3, 6e-3]\n"
    for neuron, wanted in ((0, [1e-3, 2e-3, 3e-3]), (1, [4e-3, 5e-3, 6e-3])):
        found = np.ravel(bioasm.run(head + weights + run.format(neuron), driver=driver, seed=1).results[0].value)
        np.testing.assert_allclose(np.diff(found), np.diff(wanted), rtol=0.02)
    with pytest.raises(BioasmError, match="is given 2 numbers, and there are 6 connections"):
        bioasm.run(head + "SET wire.weight, [1e-3, 2e-3]\n" + run.format(0), driver=driver, seed=1)


def test_connections_of_a_synapse_draw_in_their_order() -> None:
    text = "POP pre, relay, 20\nPOP cells, lif, 30\nSYN wire, pre, cells\nCON wire, all\nVIA wire, stdp_pair\n"
    (weights,) = results(text=f"{text}SET wire.w, uniform(0, 1)\nRD wire.w\n", lanes=2)
    assert np.array_equal(weights, [Values("uniform", (0.0, 1.0), False, SEED, 0).drawn(range(600))] * 2)
    with pytest.raises(BioasmError, match="value must be more than 0") as caught:
        results(text=f"{text}SET wire.tau_pre, normal(20 ms, 15 ms)\nRD wire.w\n")
    assert caught.value.diagnostics[0].code == "B402"
