"""LDS: states that a run goes on from, on both drivers, in lanes, with clamps, cut in two, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.drivers import RunOptions, find_driver
from bioasm.drivers.intan.driver import IntanDriver
from bioasm.verifier.gate import verify

SPINS = "MODEL ising\nALC 3\nLDJ [[0, 1, 0], [1, 0, 1], [0, 1, 0]]\nSIG 0.5\n"
TWIN = "ALC 3\nLDJ [[0, -1e-9, 0], [-1e-9, 0, 1e-9], [0, 1e-9, 0]]\n"


@pytest.mark.parametrize("lanes", [1, 3, 9])
@pytest.mark.parametrize(
    "text",
    [
        SPINS + "RUN 2\nCLAMP 1, -1\nLDS [[1, 1, -1], [-1, 1, 1]]\nRD\nRUN 5\nRD\nFREE\nLDS [1, 1, 1]\nRUN 3\nRD\n",
        TWIN + "RUN 2 ms\nLDS [[-0.06, -0.05, -0.07], [-0.055, -0.07, -0.051]]\nRD v\nRUN 5 ms\nRD v\nRD energy\n",
        "POP a, lif_critical, 2\nPOP b, lif, 3\nLDS [-0.06, -0.055, -0.06, -0.05, -0.065]\nRD\nRUN 3 ms\nRD a.v\nRD b.v\n",
    ],
)
def test_both_drivers_go_on_from_the_same_states(text: str, lanes: int) -> None:
    ours, theirs = (bioasm.run(text, driver=name, lanes=lanes, seed=5) for name in ("cpu", "brian2"))
    for a, b in zip(ours.results, theirs.results, strict=True):
        np.testing.assert_allclose(a.value, b.value, rtol=1e-9, atol=1e-12)


def test_the_best_state_is_kept_and_sees_what_was_loaded() -> None:
    text = SPINS + "LDS [1, 1, 1]\nRD best_energy\nLDS [1, -1, 1]\nRD energy\nRD best_energy\nRD best_state\n"
    found = [np.ravel(r.value).tolist() for r in bioasm.run(text, seed=1).results]
    assert found == [[-2.0], [2.0], [-2.0], [1, 1, 1]]


def test_a_run_that_is_cut_goes_on_from_loaded_states(tmp_path: Path) -> None:
    program = verify(bioasm.assemble(SPINS + "RUN 3\nLDS [1, -1, 1]\nRUN 40\nRD\nRD energy_trace\n"))
    driver, path = find_driver("cpu")(), tmp_path / "c"
    whole = driver.run(program, RunOptions(seed=4))
    driver.run(program, RunOptions(seed=4, fuel=20, checkpoint=path))
    resumed = driver.run(program, RunOptions(seed=4, checkpoint=path, resume=True))
    assert np.array_equal(whole.energy_trace, resumed.energy_trace)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (SPINS + "LDS [1, 1]\n", "B106", "what LDS loads must be a vector of 3 entries, not"),
        (SPINS + "LDS [[1, 1], [1, 1]]\n", "B106", "a matrix of 3 columns"),
        (SPINS + "LDS [1, 0, 1]\n", "B116", "LDS can set s of model ising to -1 or 1 alone"),
        (SPINS + "LDS sparse(3) { 0 0 1 }\n", "B004", "not a sparse matrix"),
        (SPINS + "LDS 1\n", "B004", ""),
        ("MODEL ising\nLDS [1]\nALC 1\n", "B101", ""),
    ],
)
def test_what_is_refused(text: str, code: str, words: str) -> None:
    with pytest.raises(bioasm.BioasmError) as caught:
        verify(bioasm.assemble(text))
    assert caught.value.diagnostics[0].code == code
    assert words in caught.value.diagnostics[0].message


def test_a_driver_without_the_ability_refuses() -> None:
    with pytest.raises(bioasm.BioasmError, match=r"B502.*can't run LDS \(it needs the ability start\)"):
        bioasm.run(SPINS + "LDS [1, 1, 1]\n", driver=IntanDriver(port="emu:rhd2132?seed=1"))
