"""Fields of 16 bits against those of 32, bit for bit: at the edge of their bound, with clamps, in cut runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bioasm.isa.program import Dense
from bioasm.runtime.energy import Couplings
from bioasm.vm import narrow
from bioasm.vm.couplings import prepare_for_energy
from bioasm.vm.layout import NARROW_BITS, NARROW_BYTES, Ctx
from bioasm.vm.state import State
from tests.vm.support import everything, finish, machine, matrix, run, sparse, terms, vector

Array = NDArray[Any]
WIDE_FIELDS = 0


def symmetric(n: int, largest: int, seed: int) -> Array:
    """Whole couplings up to `largest`, without a diagonal."""
    upper = np.triu(np.random.default_rng(seed).integers(-largest, largest + 1, (n, n)), 1)
    return upper + upper.T


def of_two(n: int, low: int, high: int) -> Array:
    """Whole couplings that are one of two."""
    upper = np.triu(np.random.default_rng(n).choice([low, high], (n, n)), 1)
    return upper + upper.T


def biases(n: int, seed: int) -> Array:
    return np.random.default_rng(seed).integers(-9, 10, n)


def with_reach(bound: int) -> tuple[Array, Array]:
    """Couplings and biases by which the largest field is the bound, in spin 40."""
    j, h = symmetric(70, 127, 5), np.zeros(70, int)
    h[40] = bound - np.abs(j[40]).sum()
    return j, h


RUN = "SIG 40\nRUN 7\nCLAMP [0, 33], [1, -1]\nSIG 6\nRUN 4\nRUN 1\nFREE 0\nSIG 0.5\nRUN 6\nRST\nSIG 4000\nRUN 5\nSIG 0\nRUN 3\n"
START = "MODEL ising\nSET rule, metropolis\nALC {n}\nREC s\n"


def text(j: Array, h: Array, form: Callable[[Array], str] = matrix) -> str:
    return START.format(n=len(j)) + f"LDJ {form(j)}\nLDH {vector(h)}\n" + RUN


def kind_of_fields(program: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The kind of a machine's fields at its end; its observables are those of a machine that may have no narrow ones."""
    own = finish(machine(program, seed=3))
    with monkeypatch.context() as changed:
        changed.setattr(narrow, "NARROW_BOUND", 0)
        other = finish(machine(program, seed=3))
    assert other.state.ctx[Ctx.NARROW] == WIDE_FIELDS
    assert own.state["FIELD"].tobytes() == other.state["FIELD"].tobytes()
    assert everything(own) == everything(other)
    return int(own.state.ctx[Ctx.NARROW])


@pytest.mark.parametrize("n", [34, 64, 97])
@pytest.mark.parametrize("largest", [1, 127])
def test_narrow_fields_give_the_same_bits(n: int, largest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind_of_fields(text(symmetric(n, largest, n), biases(n, n)), monkeypatch) == NARROW_BYTES


TWO_VALUES = [(-1, 1), (0, 1), (-1, 0), (-7, 3), (5, 5), (-127, 120), (-128, 0), (-128, 127), (-128, -128)]


@pytest.mark.parametrize("n", [34, 64, 97])
@pytest.mark.parametrize("values", TWO_VALUES)
def test_couplings_of_two_values_give_the_same_bits(n: int, values: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind_of_fields(text(of_two(n, *values), biases(n, n)), monkeypatch) == NARROW_BITS


def test_what_is_written_sparse_and_what_has_a_unit_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    j, h = of_two(50, -1, 1), biases(50, 2)
    assert kind_of_fields(text(j, h, sparse), monkeypatch) == NARROW_BITS
    assert kind_of_fields(text(j / 8, h / 16), monkeypatch) == NARROW_BITS  # in units of a 16th entries are 2
    assert kind_of_fields(text(j + symmetric(50, 1, 3), h, sparse), monkeypatch) == NARROW_BYTES


def test_the_lowest_byte_is_no_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """The magnitude of -128 is no byte."""
    j = symmetric(50, 1, 3)
    j[3, 7] = j[7, 3] = -128
    assert kind_of_fields(text(j, biases(50, 2)), monkeypatch) == NARROW_BYTES


@pytest.mark.parametrize(("bound", "expected"), [(32765, 1), (32766, 1), (32767, 0), (32768, 0), (32769, 0)])
def test_the_bound_of_fields_is_exact(bound: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for sign in (1, -1):
        j, h = with_reach(bound)
        assert kind_of_fields(text(j, sign * h), monkeypatch) == expected


def test_a_field_at_the_bound_is_reached_and_beaten(monkeypatch: pytest.MonkeyPatch) -> None:
    """At an endless temperature thresholds go beyond all fields: spins flip, or stay, whatever their field is."""
    j, h = with_reach(32766)
    aligned = np.where(j[40] * np.sign(h[40]) < 0, -1, 1)
    held = f"CLAMP {vector(np.delete(np.arange(70), 40))}, {vector(np.delete(aligned, 40))}\n"
    program = START.format(n=70) + f"LDJ {matrix(j)}\nLDH {vector(h)}\n{held}SIG 1e5\nRUN 40\n"
    assert kind_of_fields(program, monkeypatch) == NARROW_BYTES
    found = finish(machine(program, seed=3))
    assert np.abs(found.state["FIELD"]).max() == 32766
    assert len(set(run(program, seed=3).recordings["s"].values[0, :, 40])) == 2


def test_terms_and_lanes_side_by_side_have_wide_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    j, h = symmetric(40, 1, 1), biases(40, 1)
    with_terms = text(j, h).replace("SIG 40\n", f"LDT {terms(40, {(0, 1, 2): 1.0})}\nSIG 40\n", 1)
    assert kind_of_fields(with_terms, monkeypatch) == WIDE_FIELDS
    assert finish(machine(text(j, h), lanes=20)).state.ctx[Ctx.NARROW] == WIDE_FIELDS


def test_couplings_that_change_change_the_kind_of_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = [(of_two(40, -1, 1), 0), (symmetric(40, 90, 2), 1), (symmetric(40, 1, 3), 1 << 15), (of_two(40, 0, 3), 3)]
    loads = [f"LDJ {matrix(j)}\nLDH {vector(np.full(40, h))}\nSIG 30\nRUN 5\n" for j, h in kinds]
    program = START.format(n=40) + "".join(loads)
    assert kind_of_fields(program, monkeypatch) == NARROW_BITS


@pytest.mark.parametrize("largest", [1, 100])
def test_a_checkpoint_goes_on_with_the_other_kind_of_fields(
    largest: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = text(of_two(70, -largest, 1), biases(70, 7))
    whole = run(program, seed=4, lanes=3)
    for first, second in ((0, narrow.NARROW_BOUND), (narrow.NARROW_BOUND, 0)):
        for fuel in (9, 17, 23):
            monkeypatch.setattr(narrow, "NARROW_BOUND", first)
            run(program, seed=4, lanes=3, fuel=fuel, checkpoint=tmp_path / "c")
            monkeypatch.setattr(narrow, "NARROW_BOUND", second)
            rest = run(program, seed=4, lanes=3, threads=2, checkpoint=tmp_path / "c", resume=True)
            assert rest.energy_trace.tobytes() == whole.energy_trace.tobytes()
            assert rest.state.tobytes() == whole.state.tobytes()


def test_lanes_one_by_one_and_their_threads_have_scratch_of_their_own() -> None:
    program = text(of_two(64, -1, 1), biases(64, 8)).replace("RUN 7", "RUN 700")
    results = [run(program, seed=6, lanes=5, threads=threads) for threads in (1, 2)]
    assert results[0].energy_trace.tobytes() == results[1].energy_trace.tobytes()
    alone = run(program, seed=6)
    assert alone.energy_trace[0].tobytes() == results[0].energy_trace[0].tobytes()


def test_the_higher_value_is_packed_as_bits() -> None:
    for low, high in ((-1, 1), (-3, 0), (0, 2)):
        j = of_two(37, low, high).astype(np.int8)
        state = State(37, 1, 0)
        narrow.bind_narrow(state, prepare_for_energy(37, Couplings(j=Dense(j))))
        assert state.ctx[[Ctx.NARROW, Ctx.NARROW_LOW, Ctx.NARROW_STEP]].tolist() == [NARROW_BITS, low, high - low]
        bits = (state["J_BITS"][:, :, None] >> np.arange(32, dtype=np.uint32) & 1).reshape(37, -1)
        assert np.array_equal(bits[:, :37], (j == high) & ~np.eye(37, dtype=bool))
        assert not bits[:, 37:].any()


def test_the_lower_value_counts_for_the_bound_of_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    j = of_two(70, -90, 100)
    for bound, expected in ((32676, NARROW_BITS), (32677, NARROW_BYTES)):
        h = np.zeros(70, int)
        h[40] = bound - np.abs(j[40]).sum()
        for sign in (1, -1):
            assert kind_of_fields(text(j, sign * h), monkeypatch) == expected
