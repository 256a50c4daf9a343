"""The LIF twin against its definition: recorded runs of the source material, and `reference.Twin` with the same noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioasm.results import Result
from tests.vm.reference import Twin
from tests.vm.support import LANES, matrix, program, run, sparse, terms, vector

RECORDED = Path(__file__).resolve().parents[2] / "../shared/refs/pykoppu_twin.npz"


# --- recorded runs --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded() -> dict[str, np.ndarray]:
    if not RECORDED.exists():
        pytest.skip("the recorded runs of pykoppu's twin are not on this machine")
    with np.load(RECORDED, allow_pickle=False) as file:
        return dict(file)


def ran_as_recorded(recorded: dict[str, np.ndarray], case: str) -> Result:
    schedule = "".join(f"SIG {sigma!r}\nRUN {duration!r}\n" for sigma, duration in recorded[f"{case}_sched"].tolist())
    j, h = recorded[f"{case}_J"], recorded[f"{case}_h"]
    return run(f"ALC {len(h)}\nLDJ {matrix(j)}\nLDH {vector(h)}\nREC v, 1 ms\n{schedule}RD\n")


CASES = ["det_h", "det_J0"]


@pytest.mark.parametrize("case", CASES)
def test_states_are_those_recorded(recorded: dict[str, np.ndarray], case: str) -> None:
    result = ran_as_recorded(recorded, case)
    assert np.abs(result.state[0] - recorded[f"{case}_state"]).max() * 20e-3 < 1e-12


@pytest.mark.parametrize("case", CASES)
def test_membranes_are_those_recorded(recorded: dict[str, np.ndarray], case: str) -> None:
    expected = recorded[f"{case}_V_mirror_every10"]  # after every tenth step
    found = ran_as_recorded(recorded, case).recordings["v"].values[0]
    assert np.abs(found[1:] - expected[: len(found) - 1]).max() < 1e-12


@pytest.mark.parametrize("case", CASES)
def test_energies_are_those_recorded(recorded: dict[str, np.ndarray], case: str) -> None:
    expected = recorded[f"{case}_energy"]
    assert ran_as_recorded(recorded, case).energy_history == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("case", CASES)
def test_spikes_are_those_recorded(recorded: dict[str, np.ndarray], case: str) -> None:
    times, index = ran_as_recorded(recorded, case).spike_data
    order = np.lexsort((recorded[f"{case}_spk_i"], recorded[f"{case}_spk_t"]))
    assert np.abs(times - recorded[f"{case}_spk_t"][order]).max(initial=0.0) < 1e-9
    assert index.tolist() == recorded[f"{case}_spk_i"][order].tolist()


# --- the definition once more, with noise -----------------------------------------------------------------

RNG = np.random.default_rng(20)
N = 13
GENERAL = RNG.normal(size=(N, N))
SYMMETRIC = (GENERAL + GENERAL.T) / 2
SIGNS = np.triu(RNG.integers(-1, 2, (N, N)), 1)
SIGNS = SIGNS + SIGNS.T
ONE_SIDED = RNG.integers(-3, 4, (N, N))
SINGLE = GENERAL.astype(np.float32)
HOLES = np.where(RNG.random((N, N)) < 0.3, GENERAL, 0.0)
BOTH_HOLES = np.triu(HOLES) + np.triu(HOLES, 1).T
H = RNG.normal(size=N)
TERMS = {(0, 1, 2): 1.5, (3, 4, 5, 12): -0.75, (0, 3): 0.5, (7,): -1.0, (2, 6, 9): 2.0}
OWN = f"SET tau, {vector(RNG.uniform(10e-3, 30e-3, N))}\n"
DRIVEN = "CUR 0.1 nA\n"
START = f"ALC {N}\nSIG 4 mV\n"

J = f"LDJ {matrix(SYMMETRIC)}\n"
PROGRAMS = {
    "no couplings": START + DRIVEN + "RUN 40 ms\n",
    "symmetric": START + J + "RUN 60 ms\n",
    "biases only": START + f"LDH {vector(H)}\nRUN 60 ms\n",
    "symmetric and biases": START + J + f"LDH {vector(H)}\nRUN 60 ms\n",
    "not symmetric": START + f"LDJ {matrix(GENERAL)}\nRUN 60 ms\n",
    "signs": START + f"LDJ {matrix(SIGNS)}\nRUN 60 ms\n",
    "whole, one-sided": START + f"LDJ {matrix(ONE_SIDED)}\nLDH {vector(H)}\nRUN 60 ms\n",
    "single precision": START + f"LDJ {matrix(SINGLE)}\nRUN 60 ms\n",
    "sparse": START + OWN + f"LDJ {sparse(HOLES)}\nRUN 60 ms\n",
    "sparse and symmetric": START + OWN + f"LDJ {sparse(BOTH_HOLES, True)}\nLDH {vector(H)}\nRUN 60 ms\n",
    "weak couplings": START + f"LDJ {matrix(SYMMETRIC * 1e-10)}\nLDH {vector(H * 1e-10)}\nRUN 60 ms\n",
    "diagonal": START + f"LDJ {matrix(SYMMETRIC + np.diag(RNG.normal(size=N)))}\nRUN 60 ms\n",
    "terms": START + f"LDT {terms(N, TERMS)}\nRUN 60 ms\n",
    "everything": START + J + f"LDH {vector(H)}\nLDT {terms(N, TERMS)}\nLDO -2.5\nRUN 60 ms\n",
    "own time constants": START + OWN + J + "RUN 60 ms\n",
    "own thresholds": START + f"SET Vt, {vector(-0.05 - 0.005 * RNG.random(N))}\n" + J + "RUN 60 ms\n",
    "own resets": START + f"SET Vr, {vector(-0.06 - 0.005 * RNG.random(N))}\n" + J + "RUN 60 ms\n",
    "own rest": START + f"SET El, {vector(-0.07 + 0.005 * RNG.random(N))}\n" + J + "RUN 20 ms\nRST\nRUN 20 ms\n",
    "own resistances": START + f"SET R, {vector(5e7 * (1 + RNG.random(N)))}\n" + J + "RUN 60 ms\n",
    "other offset current": "SET I_offset, 0.39 nA\n" + START + J + "RUN 60 ms\n",
    "other limit": "SET I_max, 0.4 nA\n" + START + J + "RUN 60 ms\n",
    "current for each": START + J + f"CUR {vector(RNG.normal(size=N) * 1e-10)}\nRUN 30 ms\nCUR 0\nRUN 30 ms\n",
    "wave for all": START + "RUN 0.7 ms\nWAVE [[2e-10], [-2e-10], [4e-10]], 1.3 ms\nRUN 20 ms\n",
    "wave for each": START + J + f"RUN 3 ms\nWAVE {matrix(RNG.normal(size=(6, N)) * 3e-10)}, 0.4 ms\nRUN 10 ms\n",
    "wave replaced": START + "WAVE [[1e-9], [0], [1e-9]], 5 ms\nRUN 7 ms\nWAVE [[-1e-9], [5e-10]], 2 ms\nRUN 7 ms\n",
    "spike train": START + "SPK [[1e-3, 0], [1e-3, 0], [1.1e-3, 3], [0, 12], [4.05e-3, 5]], 9 mV\nRUN 10 ms\n",
    "spike train with feedback": START + J + f"SPK [[0, 0], [3e-3, 1], [3e-3, 2]], {vector(RNG.random(N) / 50)}\nRUN 10 ms\n",
    "spike train later": START + "RUN 5 ms\nSPK [[0, 1], [2e-4, 2]], -8 mV\nRUN 5 ms\n",
    "poisson": START + "POI 500 Hz, 1.5 mV\nRUN 30 ms\nPOI 0, 0\nRUN 10 ms\n",
    "poisson for each": START + J + f"POI {vector(1000 * RNG.random(N))}, {vector(RNG.normal(size=N) / 500)}\nRUN 30 ms\n",
    "clamps": START + J + "RUN 5 ms\nCLAMP [0, 4], [-0.055, -0.04]\nRUN 20 ms\nFREE 4\nRUN 20 ms\nFREE\nRUN 20 ms\n",
    "clamps and inputs": START + J + "CLAMP 3, -60 mV\nPOI 900 Hz, 3 mV\nSPK [[1e-3, 3], [1e-3, 4]], 5 mV\nRUN 20 ms\n",
    "reset": START + J + "RUN 10.5 ms\nRST\nRUN 10 ms\nSIG 0\nRST\nRUN 20 ms\n",
    "reset with clamps": START + J + "CLAMP 2, -52 mV\nRUN 5 ms\nRST\nRUN 5 ms\n",
    "other steps": "SET dt, 0.05 ms\n" + START + J + "RUN 20 ms\n",
    "long steps": "SET dt, 0.25 ms\nSET feedback_interval, 0.75 ms\n" + START + J + "RUN 30 ms\n",
    "feedback at every step": "SET feedback_interval, 0.1 ms\n" + START + J + "RUN 10 ms\n",
    "feedback at odd steps": "SET feedback_interval, 0.7 ms\n" + START + J + "RUN 20 ms\n",
    "runs of odd lengths": START + J + "RUN 0.3 ms\nRUN 0.1 ms\nRUN 1.5 ms\nRUN 7.7 ms\n",
    "noise changes": START + J + "RUN 5.3 ms\nSIG 0\nRUN 5.1 ms\nSIG 10 mV\nRUN 10 ms\n",
    "couplings change": START + J + f"RUN 20.3 ms\nLDJ {matrix(-SYMMETRIC)}\nRUN 20 ms\nLDH {vector(H)}\nRUN 10 ms\n",
    "no noise": START.replace("4 mV", "0") + J + f"LDH {vector(H)}\nRUN 60 ms\n",
    "default noise": f"ALC {N}\n" + J + "RUN 60 ms\n",
}


@pytest.fixture(scope="module", params=PROGRAMS, ids=lambda name: name.replace(" ", "-"))
def both(request: pytest.FixtureRequest) -> tuple[dict[int, Result], dict[int, Twin]]:
    """A program's results with 1 and 20 lanes, and the reference of lanes 0 and 17."""
    text = PROGRAMS[request.param].replace(f"ALC {N}\n", f"ALC {N}\nREC v\n")
    references = {lane: Twin(program(text), 1, lane).execute() for lane in (0, 17)}
    return {lanes: run(text, lanes=lanes) for lanes in LANES}, references


def pairs(both: tuple[dict[int, Result], dict[int, Twin]]) -> list[tuple[Result, int, Twin]]:
    results, references = both
    return [(r, lane, t) for lanes, r in results.items() for lane, t in references.items() if lane < lanes]


def test_membranes(both: tuple[dict[int, Result], dict[int, Twin]]) -> None:
    for result, lane, twin in pairs(both):
        assert np.abs(result.recordings["v"].values[lane] - np.array(twin.recorded)).max() < 1e-12
        assert np.abs(result.state[lane] - twin.s).max() < 1e-10


def test_spikes(both: tuple[dict[int, Result], dict[int, Twin]]) -> None:
    for result, lane, twin in pairs(both):
        mine = result.spikes.lane == lane
        steps = np.rint(result.spikes.t[mine] / twin.dt).astype(int)
        assert list(zip(steps.tolist(), result.spikes.i[mine].tolist(), strict=True)) == twin.spikes
        assert result.spike_count[lane].tolist() == np.bincount([i for _, i in twin.spikes], minlength=N).tolist()


def test_energies(both: tuple[dict[int, Result], dict[int, Twin]]) -> None:
    for result, lane, twin in pairs(both):
        assert result.energy_trace[lane].tolist() == pytest.approx(twin.trace, rel=1e-9, abs=1e-12)
        assert result.energy[lane] == pytest.approx(twin.energy(twin.s) + twin.offset, rel=1e-9, abs=1e-12)


def test_best_states(both: tuple[dict[int, Result], dict[int, Twin]]) -> None:
    for result, lane, twin in pairs(both):
        if twin.trace:
            assert result.best_energy[lane] == pytest.approx(twin.best_energy + twin.offset, rel=1e-9, abs=1e-12)
            assert twin.energy(result.best_state[lane].astype(float)) == pytest.approx(twin.best_energy, rel=1e-9, abs=1e-12)
        else:
            assert np.isnan(result.best_energy[lane])


def test_a_lane_does_not_depend_on_the_number_of_lanes(both: tuple[dict[int, Result], dict[int, Twin]]) -> None:
    """To the last bit: all sums have one order."""
    alone, many = both[0][1], both[0][20]
    for a, b in [
        (alone.recordings["v"].values[0], many.recordings["v"].values[0]),
        (alone.energy_trace[0], many.energy_trace[0]),
        (alone.best_energy, many.best_energy[:1]),
    ]:
        np.testing.assert_array_equal(a, b)
    assert np.array_equal(alone.best_state[0], many.best_state[0])
