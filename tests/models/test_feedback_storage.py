"""The feedback J s + h of models of one's own: the result never depends on the type that J is stored in."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.program import DataBlock, Dense, Program, Sparse
from bioasm.models.expression import Binary, Call, Expression, Negation, Number, Symbol
from bioasm.models.ranges import in_unit_range, is_zero_or_one
from bioasm.models.values import evaluate
from bioasm.results import Result
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify
from bioasm.vm.couplings import Couplings
from bioasm.vm.machine import Machine

Array = NDArray[Any]
ALL = ("dense i1", "dense i2", "dense i4", "dense i8", "dense f4", "dense f8", "sparse i1", "sparse i8", "sparse f8")
SOME = ("dense i1", "dense f8", "sparse f8")  # each further storage compiles a kernel
BYTES = ("dense i1", "dense i2", "dense f8")

TEXT = """
.model fed {{
  "feedback of any state"
  parameters:
    x0 = 1
    interval = 0.1 ms fixed
    cap = 1e6 fixed
  state:
    x = x0
  inputs:
    I : 1
  definitions:
    s = {source}
  step:
    dx/dt = 0/(1 ms)
  feedback: I = J s + h every interval within cap
}}
    MODEL fed
    ALC {n}
    SET x0, {states}
    LDJ [[0]]
    REC I, 0.1 ms
    REC s, 0.1 ms
    RUN 0.2 ms
    RD energy
"""
# What s is, the same in numpy, and whether the text proves that it is in 0..1.
SOURCES: dict[str, tuple[Callable[[Array], Array], bool]] = {
    "x": (lambda x: x, False),
    "clip(x, 0, 2)": (lambda x: np.clip(x, 0, 2), False),
    "clip(x, 0, 1)": (lambda x: np.clip(x, 0, 1), True),
    "where(x > 0.5, 1, 0)": (lambda x: np.where(x > 0.5, 1.0, 0.0), True),
}


def on_cpu(program: Program, lanes: int) -> Result:
    """A run on the compiled machine."""
    with CpuDriver() as driver:
        return driver.run(verify(program), RunOptions(seed=1, lanes=lanes))


def on_brian2(program: Program, lanes: int) -> Result:
    """A run on Brian2."""
    pytest.importorskip("brian2", reason="Brian2 is not installed")
    from bioasm.drivers.brian2.driver import Brian2Driver

    with Brian2Driver(target="numpy") as driver:
        return driver.run(verify(program), RunOptions(seed=1, lanes=lanes))


def form(j: Array, name: str) -> Dense | Sparse:
    """A matrix in a type."""
    kind, dtype = name.split()
    if kind == "dense":
        return Dense(j.astype(dtype))
    row, column = np.nonzero(j)
    return Sparse((len(j), len(j)), row, column, j[row, column].astype(dtype))


def results(
    source: str, x: Array, j: Array, run: Callable[[Program, int], Result], lanes: int, forms: tuple[str, ...]
) -> dict[str, tuple[bytes, ...]]:
    """Recordings and energies as bytes for each form of J, checked against numpy: small eighths and whole J are exact."""
    text = assemble(TEXT.format(source=source, n=len(x), states=[float(value) for value in x]))
    s = SOURCES[source][0](x)
    field, energy, found = j @ s, -0.5 * s @ j @ s, {}
    for name in forms:
        blocks = tuple(DataBlock(form(j, name)) if block.value.shape == (1, 1) else block for block in text.data)
        result = run(Program(text.instructions, data=blocks, models=text.models), lanes)
        current, state = (result.recordings[each].values for each in ("I", "s"))
        for what, wanted in ((current, field), (state, s)):
            np.testing.assert_array_equal(what, np.broadcast_to(wanted, what.shape), f"{name}: {source}")
        np.testing.assert_array_equal(result.energy, np.full(lanes, energy), f"{name}: {source}")
        arrays = current, state, result.energy, result.best_energy, result.best_state
        found[name] = tuple(np.asarray(a).tobytes() for a in arrays)
    return found


@pytest.mark.parametrize("lanes", [1, 8])
@pytest.mark.parametrize(
    ("source", "forms"),
    [pytest.param("x", ALL, marks=pytest.mark.long), ("x", SOME), pytest.param("clip(x, 0, 1)", BYTES, marks=pytest.mark.long)],
)
def test_no_storage_changes_a_result(source: str, forms: tuple[str, ...], lanes: int) -> None:
    for n in (1, 9):
        rng = np.random.default_rng(n)
        x, j = rng.integers(-24, 41, n) / 8, rng.integers(-128, 128, (n, n))
        j[0, 0] = 1
        assert len(set(results(source, x, j, on_cpu, lanes, forms).values())) == 1


def test_nor_on_brian2() -> None:
    rng = np.random.default_rng(4)
    x, j = rng.integers(-24, 41, 5) / 8, rng.integers(-128, 128, (5, 5))
    cpu, brian2 = (results("x", x, j, run, 1, BYTES) for run in (on_cpu, on_brian2))
    assert set(brian2.values()) == set(cpu.values())


# --- the proof ------------------------------------------------------------------------------------------


def _expression(random: Random, depth: int = 0) -> Expression:
    """A random expression of x and y, most of them near 0..1."""
    if depth > 3 or random.random() < 0.3:
        leaves: list[Expression] = [Symbol("x"), Symbol("y"), Number(random.choice([0.0, 0.25, 1.0, 1.5, -0.5]))]
        return random.choice(leaves)
    parts = [_expression(random, depth + 1) for _ in range(3)]
    condition = Binary(">", parts[0], parts[1])
    bounds = tuple(Number(random.choice([0.0, 0.5, 1.0, 1.0, 2.0, -1.0])) for _ in range(2))
    kinds: list[Expression] = [
        Binary(random.choice("+-*"), parts[0], parts[1]),
        Negation("-", parts[0]),
        Call("clip", (parts[0], *bounds)),
        Call("clip", tuple(parts)),
        Call("where", (condition, parts[1], parts[2])),
        Call("max", tuple(parts)),
    ]
    return random.choice(kinds)


def test_what_is_proven_is_never_outside() -> None:
    random, proven = Random(5), 0
    for _ in range(4000):
        expression = _expression(random)
        if in_unit_range(expression):
            proven += 1
            for _ in range(8):
                value = evaluate(expression, {name: random.uniform(-3, 3) for name in "xy"})
                assert 0.0 <= float(value) <= 1.0, expression
    assert proven > 100


def test_what_is_proven_to_be_zero_or_one_is_nothing_else() -> None:
    random, proven = Random(6), 0
    for _ in range(4000):
        expression = _expression(random)
        if is_zero_or_one(expression):
            proven += 1
            for _ in range(4):
                assert float(evaluate(expression, {name: random.uniform(-3, 3) for name in "xy"})) in (0.0, 1.0), expression
    assert proven > 100
    assert is_zero_or_one(Call("where", (Binary(">", Symbol("x"), Number(0.0)), Number(1.0), Number(0.0))))


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_text_proves(source: str) -> None:
    """Bytes are used where they may be, and there alone."""
    machine = Machine(verify(assemble(TEXT.format(source=source, n=1, states="[1]"))), 1, 1)
    machine.model.load(Couplings(j=Dense(np.ones((1, 1), np.int8))))
    assert machine.model.storage == ("dense-i1" if SOURCES[source][1] else "dense-f4")
    machine.close()
