"""CLAMP in networks of several populations: each neuron is asked for the values of its own model, on every driver."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.cpu import CpuDriver
from bioasm.results import Result
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

MODELS = """
.model free {
  "may be held anywhere"
  state:
    v = 1
  step:
    dv/dt = -v/(1 ms)
}
.model two {
  "may be held at 0 and 10"
  state:
    v = 1
  step:
    dv/dt = -v/(1 ms)
  clamp: v in 0, 10
}
"""
ORDERS = {"free first": " POP a, free, 2\n POP b, two, 2\n", "two first": " POP b, two, 2\n POP a, free, 2\n"}
FIRST = {"free first": {"a": 0, "b": 2}, "two first": {"a": 2, "b": 0}}


def on_cpu(text: str) -> Result:
    """A run on the compiled machine."""
    with CpuDriver() as driver:
        return driver.run(verify(assemble(text)), RunOptions(seed=1))


def on_brian2(text: str) -> Result:
    """A run on Brian2."""
    pytest.importorskip("brian2", reason="Brian2 is not installed")
    from bioasm.drivers.brian2.driver import Brian2Driver

    with Brian2Driver(target="numpy") as driver:
        return driver.run(verify(assemble(text)), RunOptions(seed=1))


Drive = Callable[[str], Result]


@pytest.fixture(params=[on_cpu, on_brian2], ids=["cpu", "brian2"])
def run(request: pytest.FixtureRequest) -> Drive:
    """One of the drivers that run networks."""
    drive: Drive = request.param
    return drive


def held(order: str, clamps: str, run: Drive) -> dict[str, list[float]]:
    """What two steps leave of both populations."""
    result = run(MODELS + ORDERS[order] + clamps + " RUN 0.2 ms\n RD a.v\n RD b.v\n")
    return {r.what[0]: np.ravel(r.value).tolist() for r in result.results}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("how", ["a number", "a register", "neurons of a vector", "a vector of each"])
def test_each_neuron_is_held_where_its_own_model_allows(order: str, how: str, run: Drive) -> None:
    a, b = FIRST[order]["a"], FIRST[order]["b"]
    clamps = {
        "a number": f" CLAMP {a}, 5\n CLAMP {b}, 10\n",
        "a register": f" SET r0, 5\n SET r1, {a}\n CLAMP r1, r0\n SET r0, 10\n SET r1, {b}\n CLAMP r1, r0\n",
        "neurons of a vector": f" SET r0, 5\n CLAMP [{a}], r0\n SET r0, 10\n CLAMP [{b}], r0\n",
        "a vector of each": f" CLAMP [{b}, {a}], [10, 5]\n",
    }[how].replace(" SET r", " MOV r")
    decayed = 0.9**2
    got = held(order, clamps, run)
    assert got["a"] == pytest.approx([5, decayed], rel=1e-14)
    assert got["b"] == pytest.approx([10, decayed], rel=1e-14)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "clamp", ["MOV r0, 5\n CLAMP {b}, r0", "CLAMP [{a}, {b}], [5, 5]", "MOV r0, 5\n MOV r1, {b}\n CLAMP r1, r0"]
)
def test_a_value_that_the_neurons_model_does_not_take_is_refused(order: str, clamp: str, run: Drive) -> None:
    with pytest.raises(BioasmError) as raised:
        held(order, f" {clamp.format(**FIRST[order])}\n", run)
    (found,) = raised.value.diagnostics
    assert found.code in ("B402", "B116")
    assert "two" in found.message and "free" not in found.message
