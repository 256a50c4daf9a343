"""Ising spins against their definition: every spin of every sweep, exactly; energies; and what couplings are made of."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.results import Result
from tests.vm.reference import Spins
from tests.vm.support import LANES, matrix, program, run, sparse, terms, vector

RNG = np.random.default_rng(21)
N = 11
GENERAL = RNG.normal(size=(N, N))
SYMMETRIC = (GENERAL + GENERAL.T) / 2
SIGNS = np.triu(RNG.integers(-1, 2, (N, N)), 1)
SIGNS = SIGNS + SIGNS.T
ONE_SIDED = RNG.integers(-3, 4, (N, N))
HOLES = np.where(RNG.random((N, N)) < 0.3, GENERAL, 0.0)
WHOLE_HOLES = np.where(RNG.random((N, N)) < 0.3, ONE_SIDED, 0)
WHOLE_HOLES = np.triu(WHOLE_HOLES, 1) + np.triu(WHOLE_HOLES, 1).T
H = RNG.normal(size=N)
EIGHTHS = RNG.integers(-20, 20, N) / 8
TERMS = {(0, 1, 2): 1.5, (3, 4, 5, 10): -0.75, (0, 3): 0.5, (7,): -1.0, (2, 6, 9): 2.0}
REAL_TERMS = {index: weight * 0.7310585 for index, weight in TERMS.items()}

START = f"MODEL ising\nALC {N}\nREC s\n"
METROPOLIS = START.replace("ALC", "SET rule, metropolis\nALC")
J = f"LDJ {matrix(SIGNS)}\n"
COOLING = "SIG 3\nRUN 10\nSIG 1.5\nRUN 7\nSIG 0.3\nRUN 12\n"

PROGRAMS = {
    "nothing loaded": START + "RUN 10\n",
    "whole dense": START + J + COOLING,
    "whole dense, metropolis": METROPOLIS + J + COOLING,
    "whole biases": START + J + f"LDH {vector(RNG.integers(-2, 3, N))}\n" + COOLING,
    "eighths": START + J + f"LDH {vector(EIGHTHS)}\n" + COOLING,
    "biases only": START + f"LDH {vector(H)}\n" + COOLING,
    "whole sparse": START + f"LDJ {sparse(WHOLE_HOLES, True)}\n" + COOLING,
    "whole sparse, metropolis": METROPOLIS + f"LDJ {sparse(WHOLE_HOLES)}\n" + COOLING,
    "real dense": START + f"LDJ {matrix(SYMMETRIC)}\nLDH {vector(H)}\n" + COOLING,
    "real dense, metropolis": METROPOLIS + f"LDJ {matrix(SYMMETRIC)}\n" + COOLING,
    "real sparse": START + f"LDJ {sparse(HOLES)}\n" + COOLING,
    "real sparse, metropolis": METROPOLIS + f"LDJ {sparse(HOLES)}\nLDH {vector(H)}\n" + COOLING,
    "not symmetric": START + f"LDJ {matrix(GENERAL)}\n" + COOLING,
    "whole, not symmetric, with a diagonal": START + f"LDJ {matrix(ONE_SIDED)}\n" + COOLING,
    "sparse diagonal": START + f"LDJ {sparse(np.diag(np.arange(1, N + 1)) + WHOLE_HOLES, True)}\n" + COOLING,
    "whole terms": START + f"LDT {terms(N, TERMS)}\n" + COOLING,
    "whole terms, metropolis": METROPOLIS + J + f"LDT {terms(N, TERMS)}\n" + COOLING,
    "real terms": START + f"LDJ {matrix(SYMMETRIC)}\nLDT {terms(N, REAL_TERMS)}\nLDH {vector(H)}\n" + COOLING,
    "real terms, metropolis": METROPOLIS + f"LDT {terms(N, REAL_TERMS)}\nLDH {vector(H)}\n" + COOLING,
    "clamps": START + J + "CLAMP 3, -1\nSIG 1\nRUN 8\nCLAMP [0, 5], [1, -1]\nRUN 8\nFREE 0\nRUN 8\nFREE\nRUN 8\n",
    "clamps with real fields": START + f"LDJ {matrix(SYMMETRIC)}\nCLAMP [1, 10], 1\nRUN 20\n",
    "clamped and reset": START + J + "CLAMP 2, 1\nRUN 5\nRST\nRUN 5\nFREE\nRST\nRUN 5\n",
    "no temperature": START + J + "SIG 0\nRUN 12\n",
    "no temperature, metropolis": METROPOLIS + J + "SIG 0\nRUN 12\n",
    "no temperature, real": START + f"LDJ {matrix(SYMMETRIC)}\nSIG 0\nRUN 12\n",
    "no temperature with terms": START + f"LDT {terms(N, TERMS)}\nSIG 0\nRUN 12\n",
    "sweeps one by one": START + J + "RUN 1\n" * 9,
    "odd pieces": START + J + "RUN 3\nSIG 2\nRUN 4\nRUN 0\nRUN 5\n",
    "reset": START + J + "RUN 5\nRST\nRUN 5\n",
    "couplings change": START + J + f"RUN 6\nLDJ {matrix(-SIGNS)}\nRUN 6\nLDH {vector(EIGHTHS)}\nRUN 6\n",
    "offset": START + J + "LDO -3.25\nRUN 6\nLDO 4\nRUN 6\n",
    "hot": START + J + "SIG 1e6\nRUN 10\n",
    "tiny couplings": START + f"LDJ {matrix(SIGNS * 1e-200)}\nSIG 1e-200\nRUN 20\n",
    "huge couplings": START + f"LDJ {matrix(SIGNS * 1e200)}\nSIG 1e200\nRUN 20\n",
    "couplings of all sizes": START + f"LDJ {matrix(SYMMETRIC * 10.0 ** RNG.integers(-6, 1, (N, N)))}\n" + COOLING,
}


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda name: name.replace(" ", "-"))
def both(request: pytest.FixtureRequest) -> tuple[dict[int, Result], dict[int, Spins]]:
    """A program's results with 1 and 20 lanes, and the reference of lanes 0 and 17."""
    text = PROGRAMS[request.param]
    references = {lane: Spins(program(text), 1, lane).execute() for lane in (0, 17)}
    return {lanes: run(text, lanes=lanes) for lanes in LANES}, references


def pairs(both: tuple[dict[int, Result], dict[int, Spins]]) -> list[tuple[Result, int, Spins]]:
    results, references = both
    return [(r, lane, s) for lanes, r in results.items() for lane, s in references.items() if lane < lanes]


def test_every_spin_of_every_sweep(both: tuple[dict[int, Result], dict[int, Spins]]) -> None:
    for result, lane, spins in pairs(both):
        assert np.array_equal(result.recordings["s"].values[lane], np.array(spins.recorded))
        assert np.array_equal(result.state[lane], spins.v)


def test_energies(both: tuple[dict[int, Result], dict[int, Spins]]) -> None:
    for result, lane, spins in pairs(both):
        assert result.energy_trace[lane].tolist() == pytest.approx(spins.trace, rel=1e-11, abs=1e-210)
        own = spins.energy(spins.v.astype(float)) + spins.offset
        assert result.energy[lane] == pytest.approx(own, rel=1e-11, abs=1e-210)


def test_best_states(both: tuple[dict[int, Result], dict[int, Spins]]) -> None:
    for result, lane, spins in pairs(both):
        assert result.best_energy[lane] == pytest.approx(spins.best_energy + spins.offset, rel=1e-11, abs=1e-210)
        own = spins.energy(result.best_state[lane].astype(float))
        assert own == pytest.approx(spins.best_energy, rel=1e-11, abs=1e-210)


# --- energies over long runs --------------------------------------------------------------------------------

LONG = {
    "whole": f"LDJ {matrix(SIGNS)}\nLDH {vector(EIGHTHS)}\n",
    "real": f"LDJ {matrix(SYMMETRIC)}\nLDH {vector(H)}\n",
    "whole terms": J + f"LDT {terms(N, TERMS)}\n",
    "real terms": f"LDJ {matrix(SYMMETRIC)}\nLDT {terms(N, REAL_TERMS)}\n",
}


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("kind", LONG)
def test_energies_do_not_drift(kind: str, lanes: int) -> None:
    text = START.replace("REC s\n", "") + LONG[kind] + "SIG 2\nRUN 5000\n"
    result, reference = run(text, lanes=lanes), Spins(program(text.replace("RUN 5000", "RUN 0")), 1).execute()
    for lane in range(lanes):
        own = reference.energy(result.state[lane])
        assert result.energy_trace[lane, -1] == pytest.approx(own, rel=1e-11, abs=1e-11)
        assert result.best_energy[lane] == pytest.approx(reference.energy(result.best_state[lane].astype(float)), abs=1e-11)


@pytest.mark.parametrize("lanes", LANES)
def test_whole_energies_are_exact(lanes: int) -> None:
    text = START + LONG["whole"] + "SIG 2\nRUN 3000\n"
    result, reference = run(text, lanes=lanes), Spins(program(text.replace("RUN 3000", "RUN 0")), 1).execute()
    after = result.recordings["s"].values[:, 1:]
    exact = -0.5 * np.einsum("lti,ij,ltj->lt", after, reference.j, after) - after @ reference.h
    assert np.array_equal(result.energy_trace[:, :-1], exact)


@pytest.mark.parametrize("lanes", LANES)
def test_best_energy_is_the_least_of_the_trace_and_the_start(lanes: int) -> None:
    text = START + LONG["whole"] + "RD energy\nSIG 2\nRUN 30\n"
    result = run(text, lanes=lanes)
    start = np.asarray(result.results[0].value)
    assert np.array_equal(result.best_energy, np.minimum(start, result.energy_trace.min(axis=1)))


# --- how J is stored does not matter ------------------------------------------------------------------------


def states(text: str, **options) -> bytes:
    result = run(text, lanes=20, **options)
    return result.state.tobytes() + result.energy_trace.tobytes()


def test_dense_and_sparse_are_the_same_problem() -> None:
    dense = START + f"LDJ {matrix(WHOLE_HOLES)}\n" + COOLING
    assert states(dense) == states(START + f"LDJ {sparse(WHOLE_HOLES)}\n" + COOLING)
    assert states(dense) == states(START + f"LDJ {sparse(WHOLE_HOLES, True)}\n" + COOLING)


def test_one_triangle_with_doubled_weights_is_the_same_problem() -> None:
    assert states(START + J + COOLING) == states(START + f"LDJ {matrix(2 * np.triu(SIGNS))}\n" + COOLING)


def test_scaling_by_a_power_of_two_changes_energies_only() -> None:
    small = run(START + J + "SIG 2\nRUN 30\n", lanes=20)
    large = run(START + f"LDJ {matrix(SIGNS * 1024.0)}\nSIG 2048\nRUN 30\n".replace(".0", ""), lanes=20)
    assert np.array_equal(small.state, large.state)
    assert np.array_equal(small.energy_trace * 1024, large.energy_trace)


def test_pairs_as_terms_are_couplings() -> None:
    found = {(int(i), int(j)): float(SIGNS[i, j]) for i, j in np.argwhere(np.triu(SIGNS))}
    assert states(START + J + COOLING) == states(START + f"LDT {terms(N, found)}\n" + COOLING)


def test_terms_of_one_spin_are_biases() -> None:
    found = {(i,): float(w) for i, w in enumerate(EIGHTHS)}
    assert states(START + f"LDH {vector(EIGHTHS)}\n" + COOLING) == states(START + f"LDT {terms(N, found)}\n" + COOLING)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("couplings", ["dense of bytes", "sparse", "dense of floats"])
def test_numbers_that_are_kept_for_an_odd_sweep_are_those_of_a_run_in_one_piece(couplings: str, lanes: int) -> None:
    """Each RUN of one sweep takes what the one before has drawn for both, but after other couplings and a new start too."""
    rng = np.random.default_rng(4)
    upper = np.triu(rng.integers(-3, 4, (40, 40)), 1) * (0.7 if couplings == "dense of floats" else 1)
    j = (upper + upper.T) * (rng.random((40, 40)) < 0.1) if couplings == "sparse" else upper + upper.T
    load = f"LDJ {sparse(np.triu(j, 1) + np.triu(j, 1).T, True)}" if couplings == "sparse" else f"LDJ {matrix(j)}"
    start = f"MODEL ising\nALC 40\n{load}\nSIG 2\nRUN 3\n{load}\nRST\n"
    whole, pieces = (run(f"{start}{runs}", 3, lanes) for runs in ("RUN 1\nRUN 8\nRD s\n", "RUN 1\n" * 9 + "RD s\n"))
    assert whole.state.tobytes() == pieces.state.tobytes()
    assert whole.energy_trace.tobytes() == pieces.energy_trace.tobytes()
    hotter = [run(f"{start}RUN 1\n{sig}RUN 1\nRD s\n", 3, lanes).energy_trace for sig in ("", "SIG 1e4\n")]
    assert hotter[0].tobytes() != hotter[1].tobytes()  # numbers are kept, not thresholds
