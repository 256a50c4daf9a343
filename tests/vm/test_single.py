"""Products in single precision (LDJS): their bits against sums of float32 in numpy, what names them, and what refuses them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bioasm.api.problem_programs import problem_in
from bioasm.binary.reader import from_bytes
from bioasm.binary.writer import program_hash, to_bytes
from bioasm.diagnostics import BioasmError
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.gpu.driver import GpuDriver
from bioasm.drivers.intan.driver import IntanDriver
from bioasm.firmware.headers import ABILITIES
from bioasm.isa.program import DataBlock, Dense, Program
from bioasm.runtime.options import RunOptions
from bioasm.runtime.outcome import recordings
from bioasm.runtime.rounding import rounding
from bioasm.runtime.single import fused, rounded, single_product
from bioasm.text.assemble import assemble
from bioasm.text.disassemble import disassemble
from bioasm.verification.verify import Request, verify_drivers
from bioasm.verifier.gate import verify
from bioasm.vm.emit import emit_c
from bioasm.vm.machine import Machine
from tests.vm.support import Array, everything, finish, program, run

TEXT = "ALC {n}\nLDJS [0]\nSIG 8 mV\nCUR 0.2 nA\nREC s, 1 ms\nREC I, 1 ms\nRUN 6 ms\nRD best_energy\n"
LIMIT = 1.5e-9  # A, of the feedback current


def with_couplings(j: Array) -> Program:
    """TEXT with an array of any dtype as J."""
    return Program(program(TEXT.format(n=len(j))).instructions, data=(DataBlock(Dense(j)),))


def couplings(n: int, dtype: type, symmetric: bool) -> Array:
    raw = np.random.default_rng(n).normal(scale=20, size=(n, n))
    j = raw.round().clip(-100, 100).astype(dtype) if np.issubdtype(dtype, np.integer) else raw * 1e-10
    return (np.tril(j) + np.tril(j, -1).T) if symmetric else j


def assert_bits(j: Array, lanes: int) -> None:
    """The current of each feedback and lane has the bits of numpy's product, and the best energy is one of float64."""
    this = finish(Machine(verify(with_couplings(j)), 3, lanes))
    recorded = {name: r.values for name, r in recordings(this.model).items()}
    fields = np.array([single_product(rounded(j), s) for s in recorded["s"]])
    largest = np.abs(fields).max(axis=2, keepdims=True)
    wanted = np.where(largest > LIMIT, fields * (LIMIT / np.maximum(largest, LIMIT)), fields)
    assert recorded["I"].tobytes() == wanted.tobytes()
    best, exact = this.model.best(), np.asarray(j, np.float32).astype(np.float64)
    energies = [-0.5 * one @ exact @ one for one in best.state.astype(np.float64)]
    np.testing.assert_allclose(best.energy, energies, rtol=0, atol=1e-14 * np.abs(exact).sum())


@pytest.mark.parametrize("lanes", [1, 2, 6, 16, 64])
@pytest.mark.parametrize(("n", "symmetric"), [(1, True), (7, False), (8, True), (9, False), (40, True), (131, False)])
def test_bits_are_those_of_numpy(n: int, symmetric: bool, lanes: int) -> None:
    assert_bits(couplings(n, np.float64, symmetric), lanes)


@pytest.mark.parametrize("lanes", [1, 6])
@pytest.mark.parametrize(("n", "symmetric"), [(385, True), (392, True), (393, False)])
def test_half_of_a_large_symmetric_matrix_gives_the_same_bits_side_by_side(n: int, symmetric: bool, lanes: int) -> None:
    assert_bits(couplings(n, np.float64, symmetric), lanes)


@pytest.mark.parametrize("lanes", [1, 6])
def test_bytes_keep_their_storage(lanes: int) -> None:
    j = couplings(393, np.int8, True)
    machine = Machine(verify(with_couplings(j)), 3, lanes)
    assert finish(machine).model.storage == "single-i1"
    assert_bits(j, lanes)


def test_numpy_rounds_a_product_and_sum_once() -> None:
    """Against fractions, also where the first of two roundings would lie on a boundary of the second."""
    rng = np.random.default_rng(1)
    x, y = (rng.normal(size=4000).astype(np.float32) for _ in range(2))
    z = (-(x * y) * (1 + rng.integers(-3, 4, 4000) * 2.0**-22)).astype(np.float32)
    z[::2] *= np.float32(2.0) ** rng.integers(-30, 30, 2000)
    x[0], y[0], z[0] = 1 + 2.0**-12, 1 + 2.0**-12, 2.0**-60  # the product lies in the middle of two float32
    for a, b, c, found in zip(x, y, z, fused(x, y, z), strict=True):
        exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
        others = [np.nextafter(found, np.float32(end)) for end in (-np.inf, np.inf)]
        distance = abs(exact - Fraction(float(found)))
        assert all(distance <= abs(exact - Fraction(float(other))) for other in others)
    assert fused(x[:1], y[:1], z[:1])[0] > np.float32(x[0] * y[0])


def test_sums_are_near_those_of_float64() -> None:
    j, s = couplings(393, np.float64, True), np.random.default_rng(2).random((1, 393))
    distance = np.abs(single_product(rounded(j), s) - s @ j.T)
    assert 0 < distance.max() <= 393 * 2.0**-24 * (s @ np.abs(j).T).max()


def test_threads_slices_and_resumed_runs_have_the_same_bits(tmp_path: Path) -> None:
    verified = verify(with_couplings(couplings(40, np.float64, True)))
    whole, sliced = (finish(Machine(verified, 3, 40), budgets) for budgets in (None, iter([7] * 1000)))
    assert everything(whole) == everything(sliced)
    threads = CpuDriver().run(verified, RunOptions(seed=3, lanes=40, threads=2))
    cut = CpuDriver().run(verified, RunOptions(seed=3, lanes=40, fuel=40, checkpoint=tmp_path / "c"))
    resumed = CpuDriver().run(verified, RunOptions(seed=3, lanes=40, checkpoint=tmp_path / "c", resume=True))
    assert cut.status == "out of fuel" and 0 < cut.steps < 60
    for result in (threads, resumed):
        assert result.recordings["I"].values.tobytes() == threads.recordings["I"].values.tobytes()
        assert result.energy_trace.tobytes() == whole.outputs.energies().tobytes()


def test_lanes_do_not_see_their_neighbours_states() -> None:
    """Rows are read in whole vectors, past the end of a lane's neurons."""
    verified = verify(with_couplings(couplings(9, np.float64, False)))
    alone, beside = (Machine(verified, 3, 2) for _ in range(2))
    while "S" not in beside.model.state.arrays:
        beside._budget = 1
        beside.run_slice()
    beside.model.state["S"][:] = np.nan
    assert everything(finish(beside, iter([1] * 1000))) == everything(finish(alone))


def test_the_last_load_decides() -> None:
    """LDJ after LDJS is in float64 again, also in what a checkpoint remembers."""
    both = "ALC 3\n{}LDJ [[0, 1, 2], [1, 0, 3], [2, 3, 0]]\nRUN 1 ms\n"
    this = finish(Machine(verify(assemble(both.format("LDJS [[0, 1, 2], [1, 0, 3], [2, 3, 0]]\n"))), 1, 1))
    assert (this.model.storage, this.loaded, this.couplings.single) == ("dense-i1", {"LDJ": 2}, False)


# --- the program's form -----------------------------------------------------------------------------------


def test_text_and_bytecode_keep_it_and_results_name_it() -> None:
    double, single = (assemble(f"ALC 9\n{load} [{', '.join(['[' + ', '.join('0' * 9) + ']'] * 9)}]\nRUN 1 ms\nRD\n")
                      for load in ("LDJ", "LDJS"))  # fmt: skip
    again = from_bytes(to_bytes(single))
    assert [i.mnemonic for i in again.instructions] == ["ALC", "LDJS", "RUN", "RD"]
    assert program_hash(again) == program_hash(single) != program_hash(double)
    assert program_hash(assemble(disassemble(again))) == program_hash(single)
    assert run(disassemble(single)).about["precision"] == "single"
    assert "precision" not in run(disassemble(double)).about


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("MODEL ising\nALC 2\nLDJS [[0, 1], [1, 0]]\nRUN 1\n", "B114"),
        ("MODEL lif\nALC 2\nLDJS [[0, 1], [1, 0]]\nRUN 1 ms\n", "B114"),
        ("ALC 2\nLDJS sparse(2) { 0 1 1 }\nRUN 1 ms\n", "B004"),
        ("ALC 2\nLDJS [[0, 1e39], [1, 0]]\nRUN 1 ms\n", "B116"),
        ("ALC 2\nLDJS [[0, 1, 2], [1, 0, 2], [1, 1, 1]]\nRUN 1 ms\n", "B106"),
    ],
)
def test_what_it_does_not_take(text: str, code: str) -> None:
    with pytest.raises(BioasmError) as fault:
        verify(assemble(text))
    assert [d.code for d in fault.value.diagnostics] == [code]
    assert code == "B106" or fault.value.diagnostics[0].hint


SMALL = verify(assemble("ALC 3\nLDJS [[0, 1e-10, 3e-10], [1e-10, 0, 0], [3e-10, 0, 0]]\nSIG 2 mV\nREC v, 1 ms\nRUN 20 ms\n"))


def test_the_largest_float32_is_within_range() -> None:
    largest = float(np.finfo(np.float32).max)
    text = "ALC 2\nLDJS [[0, {0!r}], [-{0!r}, 0]]\nRUN 1 ms\n"
    for end in (largest, largest + 2.0**102):  # the second is rounded to the first
        verify(assemble(text.format(end)))
    with pytest.raises(BioasmError, match="B116"):
        verify(assemble(text.format(largest + 2.0**103)))


def test_a_target_is_missed_by_no_more_than_couplings_are_rounded() -> None:
    """Whole numbers that float32 holds are exact, and 0.1 is not."""
    text = "ALC 2\nLDJS [[0, {0}], [{0}, 0]]\nRUN 1 ms\n"
    assert rounding(verify(assemble(text.format(3 << 20))), 1.0) == 0.0
    assert 2 * abs(0.1 - float(np.float32(0.1))) <= rounding(verify(assemble(text.format(0.1))), 1.0) < 1e-8


def test_a_problem_whose_couplings_are_loaded_by_both_is_not_unique() -> None:
    both = "ALC 2\n" + "".join(f"{load} [[0, 1], [1, 0]]\n" for load in ("LDJ", "LDJS")) + "RUN 1 ms\n"
    with pytest.raises(BioasmError, match="B315"):
        problem_in(assemble(both))
    assert problem_in(assemble(both.replace("LDJ [[0, 1], [1, 0]]\n", "")))[0].n == 2


def test_drivers_that_sum_in_float64_refuse_it() -> None:
    for driver in (GpuDriver(), IntanDriver(port="emu:rhs2116?seed=1")):
        assert [(d.code, "LDJS" in d.message) for d in driver.missing(SMALL)] == [("B502", True)]
    assert "single" not in ABILITIES  # the firmware's
    with pytest.raises(BioasmError, match="B406"):
        emit_c(SMALL, 1, 1, 50)


def test_brian2_sums_alike() -> None:
    pytest.importorskip("brian2")
    assert verify_drivers(SMALL, Request("cpu", "brian2", RunOptions(seed=3), tolerance=1e-12)).agrees
