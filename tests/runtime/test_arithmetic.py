"""One arithmetic: what Python interpreters compute and where they jump equals the compiled loop, bit for bit."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.isa.table import ROWS, Trait
from bioasm.runtime.arithmetic import COMPUTED, HOLDS
from bioasm.vm.layout import Ctx, Status
from tests.vm.support import machine

Array = NDArray[Any]
OPERANDS = 100_000
AT_A_TIME = 24  # instructions of one program, each with a register for its result
EDGES = (
    *(0.0, 5e-324, 2.2250738585072014e-308, 1e-300, 0.5, 1.0, 1.0000000000000002, 2.0, 3.0, 709.782712893384, 745.2),
    *(1e15 + 0.5, 2.0**53, 2.0**53 + 2, 1e300, 1.7976931348623157e308, float("inf"), float("nan")),
)

AT_THE_EDGES = (2 * len(EDGES)) ** 2  # so many of the operands are pairs of edges
SLOW = ("EXP", "LOG", "POW")  # of 50 to 400 us in Python


@cache
def operands() -> tuple[Array, Array]:
    """Pairs of numbers: all of the edges with both signs, any bits at all, numbers of ordinary size, and whole ones."""
    rng = np.random.default_rng(20261129)
    edges = np.array(list(product([*EDGES, *(-e for e in EDGES)], repeat=2))).T
    count = OPERANDS - edges.shape[1]
    bits = rng.integers(0, 1 << 64, (2, count // 4), np.uint64).view(np.float64)
    scaled = np.exp(rng.uniform(-8, 8, (2, count // 4))) * rng.choice([-1.0, 1.0], (2, count // 4))
    positive = np.stack([rng.uniform(0, 30, count // 4), rng.uniform(-20, 20, count // 4)])
    whole = rng.integers(-40, 41, (2, count - 3 * (count // 4))).astype(np.float64)
    a, b = np.concatenate([edges, bits, scaled, positive, whole], axis=1)
    return a, b


def plain(values: Array) -> Array:
    """The bits of numbers, those of every NaN alike."""
    return np.where(np.isnan(values), np.nan, values).view(np.int64)


def on_the_machine(mnemonic: str, a: Array, b: Array) -> Array:
    """What the compiled loop computes: one program again and again, with other numbers in the place of its constants."""
    both = len({row.mnemonic: row for row in ROWS}[mnemonic].slots) == 3
    text = "".join(f"{mnemonic} r{k}, 1{', 2' if both else ''}\n" for k in range(AT_A_TIME))
    this = machine(text)
    assert this.run_slice() is Status.HALT
    values, ctx, found = this.state["VALUES"], this.state.ctx, np.empty(len(a))
    for first in range(0, len(a), AT_A_TIME):
        count = min(AT_A_TIME, len(a) - first)
        given = np.stack([a, b], axis=1)[first : first + count] if both else a[first : first + count]
        values[32 : 32 + given.size] = given.ravel()
        ctx[[Ctx.PC, Ctx.FUEL, Ctx.BUDGET]] = 0, AT_A_TIME, AT_A_TIME
        this.kernels.machine(ctx.ctypes.data, this.state.real.ctypes.data, 0)
        found[first : first + count] = values[:count]
    return found


def test_every_register_instruction_has_its_function() -> None:
    written = {row.mnemonic for row in ROWS if Trait.WRITES in row.traits} - {"GET", "PEEK"}
    compared = {row.mnemonic for row in ROWS if Trait.JUMPS in row.traits and len(row.slots) == 3}
    assert (set(COMPUTED), set(HOLDS)) == (written, compared)


def compare(mnemonic: str, every: int = 1) -> None:
    """Both machines get the same numbers: all of the edges, and each so many-th of the others."""
    a, b = (np.concatenate([x[:AT_THE_EDGES], x[AT_THE_EDGES::every]]) for x in operands())
    compute = COMPUTED[mnemonic]
    found = np.array([compute(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)])
    wanted = on_the_machine(mnemonic, a, b)
    wrong = np.flatnonzero(plain(found) != plain(wanted))
    assert not [(a[k], b[k], found[k], wanted[k]) for k in wrong[:5]]


@pytest.mark.parametrize("mnemonic", [each for each in COMPUTED if each not in SLOW])
def test_a_hundred_thousand_operands_give_the_bits_of_the_compiled_loop(mnemonic: str) -> None:
    compare(mnemonic)


@pytest.mark.parametrize("mnemonic", SLOW)
def test_each_tenth_operand_gives_the_bits_of_the_compiled_loop(mnemonic: str) -> None:
    compare(mnemonic, 10)


@pytest.mark.long
@pytest.mark.parametrize("mnemonic", SLOW)
def test_all_operands_of_slow_functions_give_the_bits_of_the_compiled_loop(mnemonic: str) -> None:
    compare(mnemonic)


@pytest.mark.parametrize("mnemonic", HOLDS)
def test_jumps_are_taken_where_the_compiled_loop_takes_them(mnemonic: str) -> None:
    values = [*EDGES, *(-e for e in EDGES)]
    this = machine(f"MOV r0, 1\nMOV r1, 1\n{mnemonic} r0, r1, there\nMOV r2, 1\nthere:\n")
    assert this.run_slice() is Status.HALT
    for a, b in product(values, repeat=2):
        this.state["VALUES"][:3] = a, b, 0.0
        this.state.ctx[[Ctx.PC, Ctx.FUEL, Ctx.BUDGET]] = 2, 9, 9
        this.kernels.machine(this.state.ctx.ctypes.data, this.state.real.ctypes.data, 0)
        assert HOLDS[mnemonic](a, b) == (this.state["VALUES"][2] == 0.0), (a, b)
