"""A delay for each connection, and delays between steps: held against a loop over spikes and connections, on cpu and Brian2."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.diagnostics import BioasmError
from bioasm.drivers import find_driver
from bioasm.isa.program import Random
from bioasm.results.result import Result
from bioasm.runtime.connection_values import ConnectionValues
from bioasm.runtime.delays import in_steps, longest, steps_of
from bioasm.runtime.drawing import Values, values_of
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

Array = NDArray[np.float64]
DT, STEPS, SEED = 1e-4, 40, 3
DRIVERS = ["cpu", "brian2"]
# `sum` adds weights up; a factor that reads what the port changes makes its spikes act one after another, here in an order
# that shows in what comes out.
PORTS = {"sum": "g += weight", "in order": "g += weight * (1 - 0.3*g*g)"}
MATRIX = np.array([[0.5, 0.25, 0], [1, 0, -0.5], [0, 0.75, 0.25], [0.5, -0.25, 1]])
SPIKES = [(0, 0), (0, 3), (1, 1), (2, 3), (3, 0), (3, 2), (5, 1), (9, 0), (9, 3), (20, 2)]
VECTOR = "[0, 0.7e-3, 0.25e-3, 0.05e-3, 1.4e-3, 0.1e-3, 0.35e-3, 0.2e-3, 0]"


def program(port: str, delay: str, then: str = "") -> str:
    """Four neurons that spike when they are told to, and three that keep what arrives over nine connections."""
    return f"""
.model keeper {{
 state:
  g = 0
 step:
  g := g
 receive:
  weight : 1
  {PORTS[port]}
}}
POP a, relay, 4
POP b, keeper, 3
SYN s, a, b
SET s.delay, {delay}
CON s, {MATRIX.tolist()}
EVT a, {[[step * DT, i] for step, i in SPIKES]}, 1
REC b.g
RUN 1 ms
{then}
RUN 3 ms
"""


def run(driver: str, text: str, lanes: int = 1) -> Result:
    with find_driver(driver)() as connected:
        return connected.run(verify(assemble(text)), RunOptions(seed=SEED, lanes=lanes))


def heard(port: str, late: list[int], change: float | Array = 1.0) -> Array:
    """What the three neurons hold before each step, by the definition; weights change by a factor from step 10 on."""
    edges = np.argwhere(MATRIX != 0).tolist()
    factors = np.broadcast_to(change, MATRIX.shape)
    g, found = np.zeros(3), []
    for step in range(STEPS):
        found.append(g.copy())
        for sent, i in sorted(SPIKES):
            for (source, target), delay in zip(edges, late, strict=True):
                if source == i and sent + delay == step:
                    weight = MATRIX[source, target] * (factors[source, target] if step >= 10 else 1.0)
                    g[target] += weight * (1 - 0.3 * g[target] ** 2 if port == "in order" else 1)
    return np.array(found)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("port", PORTS)
def test_each_connection_has_its_delay(driver: str, port: str) -> None:
    late = [0, 7, 3, 1, 14, 1, 4, 2, 0]  # 0.25, 0.05 and 0.35 ms are half a step more than 2, 0 and 3
    found = run(driver, program(port, VECTOR, "SET s.weight, 0.5"), lanes=3).recordings["b.g"].values
    for lane in found:
        np.testing.assert_allclose(lane, heard(port, late, change=0.5), rtol=0, atol=1e-15)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("delay", ["normal(0.6 ms, 0.5 ms, 0 ms, 1.5 ms)", "choice(0, 0.25 ms, 1.2 ms)"])
def test_delays_are_drawn(driver: str, delay: str) -> None:
    text = program("sum", delay)
    found = run(driver, text).recordings["b.g"].values[0]
    assembled = assemble(text)
    place, block = next((k, b.value) for k, b in enumerate(assembled.data) if isinstance(b.value, Random))
    drawn = values_of(assembled, block, SEED, place).drawn(range(9))
    late = [math.floor(value / DT + 0.5) for value in drawn]
    assert len(set(late)) > 2
    assert found.tolist() == heard("sum", late).tolist()


FORMULA = '"0.3 ms*(1 + i) - 0.25 ms*j"'
ROW, COLUMN = np.indices(MATRIX.shape)
LATE = np.floor((0.3e-3 * (1 + ROW) - 0.25e-3 * COLUMN) / DT + 0.5)[MATRIX != 0].astype(int).tolist()


@pytest.mark.parametrize("driver", DRIVERS)
def test_delays_and_weights_follow_a_formula(driver: str) -> None:
    found = run(driver, program("sum", FORMULA, 'SET s.weight, "where(i == j, 0.5, 2 - i/N_pre)"')).recordings["b.g"].values[0]
    wanted = heard("sum", LATE, np.where(ROW == COLUMN, 0.5, 2 - ROW / 4))
    assert len(set(LATE)) > 4 and found.tolist() == wanted.tolist()


@pytest.mark.parametrize("fuel", [1, 12])
def test_weights_of_a_formula_are_those_of_a_run_that_is_resumed(fuel: int, tmp_path: Path) -> None:
    verified = verify(assemble(program("sum", FORMULA, 'SET s.weight, "2 - i/N_pre"')))
    for options in (RunOptions(seed=SEED, fuel=9 + fuel), RunOptions(seed=SEED, resume=True)):
        with find_driver("cpu")() as driver:
            found = driver.run(verified, replace(options, checkpoint=tmp_path / "c"))
    assert found.recordings["b.g"].values[0].tolist() == heard("sum", LATE, 2 - ROW / 4).tolist()


@pytest.mark.parametrize(
    ("delay", "code", "says"),
    [
        ("[0, 1e-3]", "B106", "s.delay is given 2 numbers, and there are 9 connections"),
        ("normal(0.5 ms, 1 ms)", "B402", "a delay is at least 0"),
        ('"0.5 ms*(1 - i)"', "B402", "its formula gives -0.0005 for the connection from 2 to 1; it must be at least 0"),
        ('"1 ms*(1 + sqrt(1.5 - i))"', "B402", "gives nan for the connection from 2 to 1; it must be finite"),
    ],
)
@pytest.mark.parametrize("driver", DRIVERS)
def test_what_only_the_run_can_know_is_a_fault(driver: str, delay: str, code: str, says: str) -> None:
    text = program("sum", delay)
    with pytest.raises(BioasmError) as raised:
        run(driver, text)
    first = raised.value.diagnostics[0]
    assert first.code == code and says in first.message
    assert first.span is not None and f"SET s.delay, {delay}" == text.splitlines()[first.span.line - 1]


# --- rounding -------------------------------------------------------------------------------------------


def test_half_a_step_goes_upwards_as_in_brian2() -> None:
    delays = np.concatenate([np.arange(0, 400) * 5e-5, np.random.default_rng(1).uniform(0, 1e-2, 1000)])
    assert in_steps(delays, DT).tolist() == [int(delay / DT + 0.5) for delay in delays]
    assert [int(in_steps(half * DT, DT)) for half in (0.5, 1.5, 2.5, 3.5)] == [1, int(1.5 * DT / DT + 0.5), 3, 4]


def test_delays_of_the_cortical_microcircuit() -> None:
    """Potjans and Diesmann: normal, a standard deviation of half the mean, not below a step."""
    given = ConnectionValues(Values("normal", (1.5e-3, 0.75e-3, DT), False, SEED, 0), "wire.delay")
    late = steps_of(given, 200_000, DT)
    assert late.dtype == np.uint8 and late.min() == 1
    assert late.max() <= in_steps(longest(given), DT) == 77
    low = (DT - 1.5e-3) / 0.75e-3
    tail = math.exp(-0.5 * low**2) / math.sqrt(2 * math.pi) / (0.5 * math.erfc(low / math.sqrt(2)))
    assert late.mean() == pytest.approx(15 + 7.5 * tail, abs=4 * 7.5 / math.sqrt(late.size))
