"""LDS and SET: states that a run goes on from, on both drivers, in lanes, with clamps, cut in two, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bioasm
from bioasm.drivers import RunOptions, find_driver
from bioasm.drivers.cpu import CpuDriver
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
    program = verify(bioasm.assemble(SPINS + "RUN 3\nLDS [1, 1, 1]\nLDS [1, -1, 1]\nRUN 40\nRD\nRD energy_trace\n"))
    driver, path = find_driver("cpu")(), tmp_path / "c"
    whole = driver.run(program, RunOptions(seed=4))
    for fuel in (3, 7, 8, 9, 20):
        driver.run(program, RunOptions(seed=4, fuel=fuel, checkpoint=path))
        resumed = driver.run(program, RunOptions(seed=4, checkpoint=path, resume=True))
        for name in ("energy_trace", "best_energy", "best_state", "state"):
            assert np.array_equal(getattr(whole, name), getattr(resumed, name)), (fuel, name)


PAIR = "POP a, hh, 2\nPOP b, hh, 2\n"
LEVELS = [[-0.061, -0.055, -0.062, -0.071]]


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
@pytest.mark.parametrize("then", ["SET a.v0, -45 mV", "SET b.v0, -70 mV", "SET a.EL, [-0.06, -0.07]"])
def test_setting_a_parameter_does_not_undo_what_was_loaded(driver: str, then: str) -> None:
    """Before the first RUN, of the same population and of another; what CLAMP held and FREE let go stays as well."""
    loaded = f"{PAIR}LDS {LEVELS[0]}\n{then}\nRD a.v\nRD b.v\n"
    freed = f"{PAIR}CLAMP [0, 1, 2, 3], {LEVELS[0]}\nFREE\n{then}\nRD a.v\nRD b.v\n"
    for text in (loaded, freed):
        found = [one.value for one in bioasm.run(text, driver=driver).results]
        assert np.concatenate(found, axis=1).tolist() == LEVELS


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_what_was_not_loaded_follows_parameters_and_rst_forgets_what_was(driver: str) -> None:
    gates = f"LDS {LEVELS[0]}\nSET b.v0, -50 mV\nRD b.m\nRD b.v\nRST\nRD b.v\nSET b.v0, -70 mV\nRD b.v\n"
    m, v, first, then = [np.asarray(one.value) for one in bioasm.run(PAIR + gates, driver=driver).results]
    unloaded = bioasm.run(f"{PAIR}SET b.v0, -50 mV\nRD b.m\n", driver=driver).results[0].value
    assert np.array_equal(m, unloaded)
    assert (v.tolist(), first.tolist(), then.tolist()) == ([LEVELS[0][2:]], [[-0.05, -0.05]], [[-0.07, -0.07]])


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_set_puts_states_in_place_but_not_those_that_are_held(driver: str) -> None:
    """Of a population in all lanes; other states still follow parameters, and RST forgets what was set."""
    text = f"{PAIR}CLAMP 1, -50 mV\nSET a.v, [-0.061, -0.062]\nSET a.m, 0.25\nSET a.v0, -45 mV\nRD a.v\nRD a.m\n"
    text += "SET b.v0, -50 mV\nRD b.v\nRST\nRD a.v\nFREE\nSET a.v, -71 mV\nRD a.v\n"
    found = [np.asarray(one.value)[:, :2].tolist() for one in bioasm.run(text, driver=driver, lanes=2).results]
    rows = [[-0.061, -0.05], [0.25, 0.25], [-0.05, -0.05], [-0.045, -0.05], [-0.071, -0.071]]
    assert found == [[row] * 2 for row in rows]


@pytest.mark.parametrize("fuel", [3, 4, 5, 6, 20])
def test_a_run_that_is_cut_knows_which_states_were_set(tmp_path: Path, fuel: int) -> None:
    text = (
        f"{PAIR}SET a.v, -61 mV\nSET b.m, 0.5\nSET a.v0, -45 mV\nRUN 1 ms\nSET b.v, -75 mV\nRUN 1 ms\nRD a.v\nRD b.v\nRD b.m\n"
    )
    program, driver, path = verify(bioasm.assemble(text)), find_driver("cpu")(), tmp_path / "c"
    whole = driver.run(program, RunOptions(seed=4))
    driver.run(program, RunOptions(seed=4, fuel=fuel, checkpoint=path))
    resumed = driver.run(program, RunOptions(seed=4, checkpoint=path, resume=True))
    for a, b in zip(whole.results, resumed.results, strict=True):
        assert np.array_equal(a.value, b.value)


def test_a_checkpoint_before_the_first_run_knows_what_was_loaded(tmp_path: Path) -> None:
    program = verify(bioasm.assemble(f"{PAIR}LDS {LEVELS[0]}\nMOV r0, 0\nSET a.v0, -45 mV\nRUN 1 ms\nRD a.v\nRD b.v\n"))
    driver, path = find_driver("cpu")(), tmp_path / "c"
    whole = driver.run(program, RunOptions(seed=4))
    driver.run(program, RunOptions(seed=4, fuel=4, checkpoint=path))
    resumed = driver.run(program, RunOptions(seed=4, checkpoint=path, resume=True))
    for a, b in zip(whole.results, resumed.results, strict=True):
        assert np.array_equal(a.value, b.value)


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
    class Plain(CpuDriver):
        name, abilities = "plain", CpuDriver.abilities - {"start"}

    with pytest.raises(bioasm.BioasmError, match=r"B502.*can't run LDS \(it needs the ability start\)"):
        bioasm.run(SPINS + "LDS [1, 1, 1]\n", driver=Plain())
