"""BLK: what plans are refused, runs that are cut, agreement of the drivers, and long chi-square tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bioasm
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, find_driver
from bioasm.runtime.blocks import blocks_of, measure
from bioasm.testing.blocks import RING
from bioasm.testing.definition import boltzmann
from bioasm.verifier.gate import verify

Array = np.ndarray[Any, Any]
BEGIN = f"MODEL ising\nALC 6\n{RING.text}"


def run(text: str, driver: str = "cpu", **options: Any) -> Any:
    """The result of a program on a driver, with seed 1 unless it is said."""
    return find_driver(driver)().run(verify(bioasm.assemble(text)), RunOptions(**{"seed": 1, **options}))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        (f"{BEGIN}BLK [0, 6]\n", "B106", "6 at place 1, which is no spin of the 6"),
        (f"{BEGIN}BLK [0, 1.5]\n", "B106", "1.5 at place 1"),
        (f"{BEGIN}BLK [0, -2, 1]\n", "B106", "-2 at place 1"),
        (f"{BEGIN}BLK [-1, -1]\n", "B106", "has no spins"),
        (f"{BEGIN}BLK [0, 1, -1, 2, 3, 2]\n", "B106", "spin 2 stands twice"),
        (f"{BEGIN}BLK [[0, 1], [2, 3]]\n", "B106", "is a vector"),
        (f"{BEGIN}LDT terms(6) {{ 0 1 2 1 }}\nBLK [0, 1]\n", "B114", "have terms"),
        ("ALC 2\nBLK [0, 1]\n", "B114", "can't do BLK"),
        (f"{BEGIN}MOV r0, -1\nBLK [0, 1], r0\n", "B402", "BLK got -1 for `block`; it must be a whole number, at least 0"),
        (f"{BEGIN}MOV r0, 0.5\nBLK [0, 1], r0\n", "B402", "BLK got 0.5 for `block`"),
    ],
)
def test_plans_that_are_none_are_refused(text: str, code: str, words: str) -> None:
    with pytest.raises(BioasmError) as refused:
        run(text)
    found = refused.value.diagnostics[0]
    assert found.code == code and words in found.message and found.span is not None


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_a_block_that_is_too_wide_is_a_fault_before_its_table_is_made(driver: str) -> None:
    couplings = np.ones((20, 20)) - np.eye(20)
    with pytest.raises(BioasmError, match=r"B111.*table of 2\^19 entries; the limit is 2\^16"):
        run(f"MODEL ising\nALC 20\nLDJ {couplings.tolist()}\nBLK {list(range(20))}\n", driver)


def random_program(seed: int, temperature: float, whole: bool) -> str:
    """Blocks in random orders on a random graph of 12 spins, one of them clamped, with sweeps in between."""
    chance = np.random.default_rng(seed)
    values = chance.integers(-2, 3, (12, 12)) if whole else chance.normal(size=(12, 12))
    upper = np.triu(values * (chance.random((12, 12)) < 0.3), 1)
    h = chance.integers(-1, 2, 12) if whole else chance.normal(size=12)
    text = f"MODEL ising\nALC 12\nLDJ {(upper + upper.T).tolist()}\nLDH {h.tolist()}\nCLAMP 3, 1\nSIG {temperature}\n"
    for _ in range(3):
        plan = [*chance.permutation(12).tolist(), -1, *chance.permutation(12)[:7].tolist()]
        text += f"BLK {plan}\nRD state\nRUN 1\nRD energy\n"
    return text


@pytest.mark.parametrize("temperature", [0.0, 0.001, 0.7, 3.0])
@pytest.mark.parametrize("whole", [True, False])
def test_drivers_draw_the_same_spins(temperature: float, whole: bool) -> None:
    text = random_program(5, temperature, whole)
    ours, other = run(text, lanes=7), run(text, "brian2", lanes=7)
    for mine, its in zip(ours.results, other.results, strict=True):
        np.testing.assert_allclose(np.asarray(mine.value), np.asarray(its.value), rtol=1e-12, atol=1e-12)


def test_a_run_that_is_cut_or_threaded_ends_with_the_same_bytes(tmp_path: Path) -> None:
    text, path = random_program(8, 0.7, True), tmp_path / "c"
    whole = run(text, lanes=40)
    runs = [run(text, lanes=40, threads=3)]
    for fuel in (7, 9, 12):
        run(text, lanes=40, fuel=fuel, checkpoint=path)
        runs.append(run(text, lanes=40, checkpoint=path, resume=True))
    for other in runs:
        assert np.array_equal(whole.state, other.state) and np.array_equal(whole.best_energy, other.best_energy)


@pytest.mark.parametrize("temperature", [0, 1e-310, 1, 1e308])
def test_clamped_spins_stay_at_every_temperature(temperature: float) -> None:
    found = run(f"{BEGIN}CLAMP [1, 3, 4], 1\nSIG {temperature}\nBLK [0, 1, 2, 3, -1, 3, 2, 4, 5]\nRD spins\n", lanes=64)
    spins = np.asarray(found.results[0].value)
    assert (spins[:, [1, 3, 4]] == 1).all() and (temperature < 1e300 or 0.2 < (spins[:, 0] > 0).mean() < 0.8)


def test_a_run_that_is_stopped_between_two_blocks_goes_on_with_the_same_bytes(tmp_path: Path) -> None:
    text, path = f"{BEGIN}SIG 1\nRUN 3\nBLK [0, 1, 2, -1, 3, 4, 5, -1, 2, 3]\nRD state\nRUN 3\n", tmp_path / "c"
    whole, verified, driver = run(text, lanes=8), verify(bioasm.assemble(text)), find_driver("cpu")()
    halt = driver.run(
        verified, RunOptions(seed=1, lanes=8, checkpoint=path), lambda progress: progress.message != "drawing blocks"
    )
    assert halt.status == "interrupted" and not halt.results
    rest = run(text, lanes=8, checkpoint=path, resume=True)
    assert np.array_equal(whole.results[0].value, rest.results[0].value) and np.array_equal(whole.state, rest.state)


def test_energies_never_rise_at_temperature_zero() -> None:
    blocks = "\n".join(f"BLK {plan}\nRD energy" for plan in ([0, 1, 2, 3], [5, 2, 4], [3, 4, 0, -1, 1, 2, 5]))
    result = run(f"{BEGIN}SIG 0\n{blocks}\n{blocks}\n", lanes=64)
    energies = np.array([one.value for one in result.results])
    assert (np.diff(energies, axis=0) <= 0).all() and (np.diff(energies, axis=0) < 0).any()


def test_a_cost_that_was_cut_off_before_its_table_was_rescaled_does_not_win() -> None:
    """Two visits raise the lowest entry by 220 before it is subtracted, so that entries of 255 are 35 above it."""
    couplings = "0 1 100 | 0 2 60 | 0 3 1 | 1 2 -60 | 1 3 1 | 2 3 100"
    text = f"MODEL ising\nALC 4\nLDJ sparse(4) symmetric {{ {couplings} }}\nLDH [-1000, 1000, 1000, -1000]\n"
    found = run(f"{text}SIG 0\nBLK [0, 1, 2, 3]\nRD spins\nRD energy\n")
    assert np.ravel(found.results[0].value).tolist() == [-1, 1, 1, -1] and found.results[1].value == -3680


# --- measures -----------------------------------------------------------------------------------------


def test_a_measure_is_what_a_walk_over_the_block_finds() -> None:
    chance = np.random.default_rng(3)
    for _ in range(40):
        linked = np.triu(chance.random((14, 14)) < 0.25, 1)
        linked |= linked.T
        row, column = np.nonzero(linked)
        start, size = np.searchsorted(row, np.arange(15)), np.ones(len(row))
        order = chance.permutation(14)[: chance.integers(1, 15)]
        found = measure(order, start, column, size)
        assert found.width == walked_width(order.tolist(), linked)
        assert found.spread >= walked_spread(order.tolist(), linked)


def walked_width(order: list[int], linked: Array) -> int:
    """The most spins that stand in a table, visit by visit; one that ends makes room for the one that is visited."""
    live, widest = set[int](), 0
    for k, v in enumerate(order):
        to_come = order[k + 1 :]
        ending = {u for u in live if not linked[u, to_come].any()}
        widest = max(widest, len(live) + (not ending))
        live = {u for u in (live - ending) | {v} if linked[u, to_come].any()}
    return widest


def walked_spread(order: list[int], linked: Array) -> int:
    """The most bonds between spins visited and spins to come."""
    return max(int(linked[np.ix_(order[:k], order[k:])].sum()) for k in range(len(order)))


def test_blocks_stand_between_minus_ones() -> None:
    assert [b.tolist() for b in blocks_of(np.array([3, 1, -1, -1, 0, -1]))] == [[3, 1], [0]]


# --- statistics ---------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("temperature", [0.7, 1.1, 1.8, 3.0])
def test_a_million_samples_of_overlapping_blocks_are_boltzmann_distributed(temperature: float) -> None:
    """All 64 states with fields, from the states of 10^4 lanes after each tenth move, 100 times."""
    moves = "MOV r0, 10\n{at}: BLK [0, 1, 2, -1, 3, 5, -1, 1, 4, 2, 3]\nLOOP r0, {at}\nRD state\n"
    text = f"{BEGIN}SIG {temperature}\nBLK [0, 1, 2, 3, 4, 5]\n" + "".join(moves.format(at=f"a{k}") for k in range(100))
    states = np.concatenate([np.asarray(one.value) for one in run(text, lanes=10_000).results])
    observed = np.bincount((states > 0) @ (1 << np.arange(5, -1, -1)), minlength=64)
    due = len(states) * boltzmann(RING, temperature)
    assert len(states) == 1_000_000
    rare = due < 20
    seen, wanted = (np.append(one[~rare], one[rare].sum()) for one in (observed, due))
    statistic, freedom = float(((seen - wanted) ** 2 / np.maximum(wanted, 1.0)).sum()), len(seen) - 1
    assert abs(statistic - freedom) < 4 * np.sqrt(2 * freedom)
