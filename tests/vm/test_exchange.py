"""CXCH and COPY: exactness over all states, runs that are cut, clamps, what is refused, and the programs that use them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, find_driver
from bioasm.problems.accounts import cut_problem
from bioasm.problems.rudy import generate
from bioasm.problems.write import Effort, write_program
from bioasm.testing.definition import Landscape, all_spins
from bioasm.verifier.gate import verify

TEMPERATURES = (0.7, 1.1, 1.8, 3.0)
CHAIN = "LDJ [[0, 1, 0, 0], [1, 0, -1, 0], [0, -1, 0, 1], [0, 0, 1, 0]]\n"
START = f"MODEL ising\nALC 4\n{CHAIN}"


def lattice(rows: int, columns: int, seed: int) -> Landscape:
    """Bonds of +1 or -1 of a lattice that is closed in both directions, and biases."""
    chance, n = np.random.default_rng(seed), rows * columns
    j = np.zeros((n, n))
    for x in range(rows):
        for y in range(columns):
            for other in (columns * ((x + 1) % rows) + y, columns * x + (y + 1) % columns):
                j[columns * x + y, other] += chance.choice((-1, 1))
    return Landscape(j + j.T, chance.choice((-1, 0, 1), n).astype(float))


def surprise(landscape: Landscape, lanes: int, readings: int, how: str = "", apart: int = 10) -> list[float]:
    """The p-values of a chi-square test over all states, for each temperature of many ladders side by side."""
    text = f".const T = 1\nMODEL ising\nALC {landscape.n}\n{landscape.text}SIG T\nRUN 40\nMOV r0, {readings}\nagain:\n"
    moves = f"MOV r1, {apart}\nmove:\nRUN 2\nCXCH 0{how}\nRUN 2\nCXCH 1{how}\nLOOP r1, move\n"
    result = bioasm.run(f"{text}{moves}RD state\nLOOP r0, again\n", seed=4, lanes=lanes, set={"T": TEMPERATURES})
    seen = np.array([reading.value for reading in result.results]) > 0  # (readings, lanes, n)
    number = seen @ (1 << np.arange(landscape.n))
    states = all_spins(landscape.n)
    code = (states > 0) @ (1 << np.arange(landscape.n))
    return [_p_value(number[:, k :: len(TEMPERATURES)], code, landscape.energy(states) / t) for k, t in enumerate(TEMPERATURES)]


def _p_value(number: np.ndarray, code: np.ndarray, reduced: np.ndarray) -> float:
    """Rare states count together, so that each cell is due 10 times at least."""
    share = np.exp(reduced.min() - reduced)
    share /= share.sum()
    found = np.bincount(number.ravel(), minlength=len(code))[code]
    often = share * number.size >= 10
    due = np.append(share[often], share[~often].sum()) * number.size
    seen = np.append(found[often], found[~often].sum())
    keep = due > 0
    return float(stats.chisquare(seen[keep], due[keep]).pvalue)


@pytest.mark.parametrize("how", ["", ", whole"])
def test_all_states_come_as_often_as_they_should(how: str) -> None:
    assert min(surprise(lattice(2, 3, 1), 512, 60, how, 4)) > 1e-4


def test_mirrored_keeps_the_distribution_without_biases() -> None:
    free = lattice(2, 3, 2)
    assert min(surprise(Landscape(free.j, np.zeros(6)), 512, 60, ", mirrored", 4)) > 1e-4


@pytest.mark.long
@pytest.mark.parametrize("how", ["", ", whole"])
def test_a_million_samples_of_a_lattice_of_twelve(how: str) -> None:
    assert min(surprise(lattice(3, 4, 3), 1024, 4000, how)) > 1e-4


def test_other_temperatures_than_the_lanes_own_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: equal temperatures in the exchange alone are not the lanes' own."""
    from bioasm.vm.ising_state import Spins

    monkeypatch.setattr(Spins, "temperatures", property(lambda self: np.ones(self.lanes)))
    assert min(surprise(lattice(2, 3, 1), 512, 60, "", 4)) < 1e-12


def test_cuts_and_threads_change_nothing(tmp_path: Path) -> None:
    moves = "MOV r0, 30\nagain:\nRUN 3\nCXCH 0\nCXCH 1\nCXCH 0, whole\nLOOP r0, again\nCOPY 1\n"
    text = f'.const T = "0.5 + 0.5*lane"\n{START}SIG T\n{moves}'
    verified, driver = verify(bioasm.assemble(text)), find_driver("cpu")()
    whole = driver.run(verified, RunOptions(seed=2, lanes=20, threads=1))
    assert np.array_equal(whole.energy_trace, driver.run(verified, RunOptions(seed=2, lanes=20, threads=4)).energy_trace)
    for fuel in (60, 101, 150):
        driver.run(verified, RunOptions(seed=2, lanes=20, fuel=fuel, checkpoint=tmp_path / "c"))
        rest = driver.run(verified, RunOptions(seed=2, lanes=20, checkpoint=tmp_path / "c", resume=True))
        assert np.array_equal(whole.energy_trace, rest.energy_trace) and np.array_equal(whole.state, rest.state)


@pytest.mark.parametrize("move", ["CXCH 0", "CXCH 0, whole", "COPY 1"])
def test_clamped_spins_that_differ_stay(move: str) -> None:
    """Spin 1 is held, each lane at its own level; what hangs on it stays where it is too, but for the spins that COPY takes."""
    text = f'.const up = "2*lane - 1"\n{START}CLAMP 1, up\nSIG 1\nMOV r0, 20\nagain:\nRUN 1\n{move}\nRD state\nLOOP r0, again\n'
    result = bioasm.run(text, seed=3, lanes=2)
    states = np.array([reading.value for reading in result.results])
    assert (states[:, 0, 1] == -1).all() and (states[:, 1, 1] == 1).all()


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("MOV r0, 2\nCXCH r0", "B402", "CXCH got 2 for `phase`; it must be a whole number, at least 0 and at most 1"),
        ("LDH [1, 0, 0, 0]\nCXCH 0, mirrored", "B402", "CXCH mirrored: a bias or a term of odd order tells"),
        ("MOV r0, 0.5\nCOPY r0", "B402", "COPY got 0.5 for `shift`; it must be a whole number, at least 0 and at most 65535"),
        ("CXCH 0, half", "B004", "half"),
        ("CXCH 2", "B014", "phase"),
    ],
)
def test_what_does_not_fit_is_refused(line: str, code: str, message: str) -> None:
    with pytest.raises(BioasmError) as refused:
        bioasm.run(f"{START}{line}\n", seed=1, lanes=2)
    (found,) = refused.value.diagnostics
    assert found.code == code and message in found.message and found.span is not None


@pytest.mark.parametrize("line", ["CXCH 0", "COPY 1"])
def test_membranes_and_pieces_are_refused(line: str) -> None:
    with pytest.raises(BioasmError, match=f"can't do {line[:4]}"):
        bioasm.run(f"ALC 2\n{line}\n", seed=1)
    with pytest.raises(BioasmError, match=r"B601\].*gives a lane the states of another"):
        bioasm.run(f"{START}{line}\n", seed=1, lanes="0:2/4")


def test_results_name_the_optimisers() -> None:
    assert "optimisers" not in bioasm.run(f"{START}RUN 1\nCXCH 0\nRD\n", seed=1).about
    assert bioasm.run(f"{START}RUN 1\nCOPY 1\nMERGE\nCOPY 1\nRD\n", seed=1).about["optimisers"] == ["COPY", "MERGE"]


def test_import_writes_a_ladder() -> None:
    problem, account = cut_problem(generate("-toroidal_grid_2D 6 6 -random 0 1 7 -times 2 -plus -1"), "g", "rudy")
    result = bioasm.run(
        write_program(problem, account, "ising", Effort(solver="temper")).text, seed=1, lanes=6, set={"rounds": 40}
    )
    ladder = result.extras["lane_values"]["T_lane"]
    assert len(ladder) == 6 and sorted(ladder) == ladder and "optimisers" not in result.about
