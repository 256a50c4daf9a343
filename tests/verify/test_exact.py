"""Whole numbers beyond 2^53: taken where a 64-bit float is that number, refused at the gate where none is, on every driver."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.storage import are_floats, narrow
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify

EXACT = [10**16, -(10**16), 10**17, 2**53, 2**62 + 2**10, -(2**63)]
INEXACT = [2**53 + 1, -(2**53) - 1, 10**16 + 1, 2**63 - 1, 2**62 + 2**9]
ISING = "MODEL ising\nALC 2\n"
LOADS = {
    "LDJ": "LDJ [[0, {0}], [{0}, 0]]",
    "sparse LDJ": "LDJ sparse(2) symmetric {{ 0 1 {0} }}",
    "LDH": "LDH [{0}, 0]",
    "LDT": "LDT terms(2) {{ 0 1 {0} }}",
}
END = "\nSIG 0\nRUN 20 sweeps\nRD best_energy\n"


def gate(text: str) -> Verified:
    return verify(assemble(text))


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
@pytest.mark.parametrize("value", INEXACT)
def test_what_no_float_is_is_refused_at_the_gate(value: int, load: str) -> None:
    with pytest.raises(BioasmError) as raised:
        gate(ISING + load.format(value) + END)
    (found,) = raised.value.diagnostics
    assert found.code == "B115"
    assert str(value) in found.message and found.span is not None and found.span.line == 3
    assert found.hint == f"the nearest number that is a 64-bit float is {int(float(value))}"


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
@pytest.mark.parametrize("value", EXACT)
def test_what_a_float_is_runs_and_has_its_energy(value: int, load: str) -> None:
    verified = gate(ISING + load.format(value) + END)
    energy = CpuDriver().run(verified, RunOptions(seed=1, threads=1)).best_energy
    assert float(np.ravel(energy)[0]) == -abs(value)


def test_brian2_takes_and_refuses_the_same() -> None:
    driver = pytest.importorskip("bioasm.drivers.brian2.driver")
    for load in LOADS.values():
        result = driver.Brian2Driver().run(gate(ISING + load.format(10**16) + END), RunOptions(seed=1))
        assert float(np.ravel(result.best_energy)[0]) == -(10**16)


def test_membranes_take_couplings_of_any_size() -> None:
    verified = gate(f"ALC 2\nLDH [{10**17}, 1]\nRUN 2 ms\nRD energy\n")
    assert np.isfinite(CpuDriver().run(verified, RunOptions(seed=1, threads=1)).results[0].value).all()


FILES = [("i8", 10**17, True), ("u8", 10**19, True), ("u8", 2**63 + 1, False), ("i8", 2**53 + 1, False)]


@pytest.mark.parametrize(("dtype", "value", "exact"), FILES)
def test_whole_numbers_of_files(dtype: str, value: int, exact: bool, tmp_path: Path) -> None:
    np.save(tmp_path / "h.npy", np.array([value, 0], dtype))
    (tmp_path / "p.basm").write_text(f'.data h = file "h.npy"\n{ISING}LDH h{END}')
    from bioasm.api.run import load

    if exact:
        energy = CpuDriver().run(verify(load(tmp_path / "p.basm")), RunOptions(seed=1, threads=1)).best_energy
        assert float(np.ravel(energy)[0]) == -value
    else:
        with pytest.raises(BioasmError) as raised:
            verify(load(tmp_path / "p.basm"))
        assert raised.value.diagnostics[0].code in ("B115", "B303")


def test_exactness_of_floats_is_that_of_python() -> None:
    values = np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 4000) >> np.arange(4000) % 63
    values = np.concatenate([values, values << 9, [0, 2**63 - 1, -(2**63), 2**53, 2**53 + 1]])
    assert are_floats(values).tolist() == [int(float(int(v))) == int(v) for v in values]
    assert narrow(np.array([10**19], np.uint64)).dtype == np.float64


def test_an_unknown_model_brings_no_further_findings() -> None:
    text = "MODEL isng\nALC 2\nSIG 1\nSET rule, metropolis\nRUN 1 sweeps\nRD spins\n"
    with pytest.raises(BioasmError) as raised:
        gate(text)
    assert [d.code for d in raised.value.diagnostics] == ["B103"]
