"""Memory that a run is said to need, against the peak of real runs, and what is refused for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse

from bioasm.api.run import assemble, load
from bioasm.demand import footprint
from bioasm.demand.footprint import PROCESS, check_demand, demand
from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions, find_driver
from bioasm.runtime.options import LaneValues
from bioasm.verifier.gate import verify
from tests.command import bioasm
from tests.seeds import rarely

FACTOR = 2
ROOT = Path(__file__).parent.parent.parent
HUGE = "ALC 1000000\nREC v\nRUN 100 s\n"
LARGE = "ALC 100000\nRUN 1 ms\nREC v\nRUN 3 s\n"

# Each of another part; all of some 100 MB beside the process.
RUNS = {
    "recordings": ("MODEL ising\nALC 500\nREC s, 1 sweeps\nRUN 40000 sweeps\n", 1),
    "recordings of lanes": ("MODEL ising\nALC 100\nREC s, 1 sweeps\nRUN 10000 sweeps\n", 16),
    "energies": ("MODEL ising\nALC 3\nRUN 7000000 sweeps\n", 1),
    "neurons": ("MODEL ising\nALC 8000000\nRUN 1 sweeps\n", 1),
    "couplings of floats": ('MODEL ising\nALC 2000\nLDJ file "f8.npy"\nRUN 1 sweeps\n', 1),
    "sparse couplings": ('MODEL ising\nALC 100000\nLDJ file "s.npz"\nRUN 1 sweeps\n', 1),
    "random spikes": ('ALC 400000\nPOI file "rates.npy", 1 mV\nRUN 0.1 ms\n', 1),
    "results": ("ALC 100000\nMOV r0, 200\nl: RUN 0.1 ms\nRD v\nLOOP r0, l\n", 1),
    "connections": ("POP a, lif, 12000\nSYN p, a, a\nCON p, indegree, 1000\nSET p.weight, uniform(1 mV, 2 mV)\nRUN 1 ms\n", 1),
}
EVERYDAY = ("recordings of lanes", "neurons", "couplings of floats", "connections")  # the others with the long tests

PEAK = """
import sys, threading, time
highest = 0
def watch():
    global highest
    while True:
        with open("/proc/self/status") as status:
            highest = max(highest, *(int(line.split()[1]) for line in status if line.startswith("RssAnon")))
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
from bioasm.cli.main import main
code = main(["run", "p.basm", "--seed", "1", "-q", "--lanes", sys.argv[1]])
with open("/proc/self/status") as status:
    mapped = max(int(line.split()[1]) for line in status if line.startswith("RssFile"))
sys.stdout.flush()
print(code, 1024 * (highest + min(mapped, 70_000)))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory of processes is read from /proc")
@pytest.mark.parametrize("name", [*EVERYDAY, *rarely(*(name for name in RUNS if name not in EVERYDAY))])
def test_the_peak_is_within_a_factor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    text, lanes = RUNS[name]
    Path("p.basm").write_text(text)
    if "f8" in text:
        upper = np.triu(np.random.default_rng(1).normal(size=(2000, 2000)), 1)
        np.save("f8.npy", upper + upper.T)
    if "s.npz" in text:
        scipy.sparse.save_npz("s.npz", scipy.sparse.random_array((100_000, 100_000), density=1e-4, rng=1))
    if "rates.npy" in text:
        np.save("rates.npy", np.linspace(2e5, 3e5, 400_000))
    needed = demand(verify(load("p.basm")), lanes).peak
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "bioasm", "run", "p.basm", "-q", "--fuel", "3"], capture_output=True, env=environment)
    line = [sys.executable, "-c", PEAK, str(lanes)]
    told = subprocess.run(line, capture_output=True, text=True, env=environment, check=True)
    code, peak = map(int, told.stdout.splitlines()[-1].split())
    assert code == 0
    assert needed > PROCESS + 100e6
    assert peak / FACTOR < needed < peak * FACTOR


def test_more_than_a_run_may_keep_in_memory_is_refused() -> None:
    Path("p.basm").write_text(HUGE)
    for line in ("run p.basm", "run p.basm -o r.csv", "verify p.basm --against cpu"):
        told = bioasm(*line.split())
        assert told.code == 1
        assert "error[B111]" in told.stderr
        assert "8,000,000,000,000 bytes" in told.stderr or line.startswith("verify")
    told = bioasm("check", "p.basm")  # a run that writes it to a file may be what is wanted
    assert told.code == 0
    assert told.stderr.startswith("p.basm:2:1: warning[B111]")
    assert "`run -o FILE.h5` without --checkpoint writes them as it runs" in told.stderr


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "MODEL ising\nALC 3\nMOV r0, 3e6\nl: RUN 1000 sweeps\nLOOP r0, l\n",  # energies
        "MODEL ising\nALC 3\nMOV r0, 2e6\nl: OUT r0\nLOOP r0, l\n",  # results
    ],
)
def test_other_limits(text: str) -> None:
    with pytest.raises(BioasmError, match="B111"):
        check_demand(demand(verify(assemble(text))), here=False)


@pytest.mark.parametrize("driver", ["cpu", "brian2"])
def test_more_than_the_machine_has_is_refused_before_a_run(driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if driver == "brian2":
        pytest.importorskip("brian2")
    monkeypatch.setattr(footprint, "memory", lambda: 10**10)
    verified = verify(assemble(LARGE))
    with pytest.raises(BioasmError, match="B403.*most of it for recordings.*this machine has 10 GB") as caught:
        find_driver(driver)().run(verified, RunOptions(seed=1))
    assert caught.value.partial is None
    assert caught.value.diagnostics[0].span.line == 3


def test_fuel_and_lanes_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "memory", lambda: 10**9)
    verified = verify(assemble("MODEL ising\nALC 1000\nREC s\nRUN 20000 sweeps\n"))
    check_demand(demand(verified), here=True)
    with pytest.raises(BioasmError, match="B403"):
        check_demand(demand(verified, lanes=6), here=True)
    check_demand(demand(verified, lanes=6, fuel=1000), here=True)


def test_check_warns_of_a_machine_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint, "memory", lambda: 10**10)
    Path("p.basm").write_text(LARGE)
    told = bioasm("check", "p.basm")
    assert told.code == 0
    assert told.stderr.startswith("p.basm:3:1: warning[B403]: a run needs about")
    assert bioasm("check", "--strict", "p.basm").code == 1


def test_info_tells_parts_and_what_is_not_known() -> None:
    Path("p.basm").write_text("ALC 1000\nREC v, 1 ms\nRUN 2 s\nGET r0, energy\nJGT r0, 0, l\nRUN 1 s\nl: RUN 1 ms\n")
    told = bioasm("info", "p.basm", "--json").json
    assert told["run"]["steps"] == 20_000
    assert told["run"]["bytes"]["recordings"] == 8 * 1000 * 2000
    assert told["run"]["unknown"] == "a JGT depends on what it computes"
    assert told["memory"] > PROCESS + 3 * 16e6
    page = bioasm("info", "p.basm").text
    assert "steps         at least 20,000 (a JGT depends on what it computes)" in page
    assert "recordings 16 MB" in page


def test_values_of_lanes_and_neurons_take_a_field_each() -> None:
    text = ".const T = 20 ms\n.const R = 5\n.const S = 2 mV\nPOP a, lif, 1000\nSET a.tau, T\nRATE a, R, S\nRUN 1 ms\n"
    verified = verify(assemble(text))

    def more(**values: tuple[float, ...]) -> int:
        return demand(verified, 32, own=LaneValues(values)).state - demand(verified, 32).state

    assert more(T=(0.01, 0.02)) == 8 * 1000 * 32
    assert more(R=(5.0, 6.0)) == 7 * 8 * 1000 * 32
    assert more(S=(0.001, 0.002)) == 7 * 8 * 1000 * 32
    of_neurons = verify(assemble(text.replace("SET a.tau, T", "SET a.tau, normal(20 ms, 1 ms)")))
    assert demand(of_neurons, 32).state - demand(verified, 32).state == 8 * 1000 * 32
    with_feedback = verify(assemble(".const T = 20 ms\n.const S = 1 mV\nSET tau, T\nALC 1000\nSIG S\nRUN 1 ms\n"))
    least = demand(with_feedback, 32).state
    assert demand(with_feedback, 32, own=LaneValues({"S": (0.01, 0.02)})).state - least == 8 * 1000 * 32
    whole = demand(with_feedback, 32, own=LaneValues({"T": (0.01, 0.02)})).state - least
    free = [p for p in with_feedback.model.parameters if not p.structural]
    assert whole == 8 * 1000 * 32 * len(free)


def test_waveforms_take_a_number_an_entry_and_those_of_parts_two() -> None:
    def bytes_of(text: str) -> int:
        return demand(verify(assemble(f"POP cells, lif, 4\n{text}"))).data

    table = "[[1, 2, 3, 4], [5, 6, 7, 8]]"
    assert bytes_of(f"PLAY cells.I, f8 {table}, 1 ms\n") == 64
    assert bytes_of(f"PLAY cells.I, i1 {table}, 1 ms\n") == 8 + 64
    assert bytes_of(f"PLAY cells.I, i1 {table}, 1 ms\nPLAY cells[1].I, f8 [[1], [2]], 1 ms\n") == 8 + 2 * 64 + 16 + 2 * 16


def wide_blocks(width: int, spins: int) -> str:
    """A block on a ladder of bonds between each spin and the one `width` before it."""
    bonds = " | ".join(f"{i} {i + width} 1" for i in range(spins - width))
    return f"MODEL ising\nALC {spins}\nLDJ sparse({spins}) symmetric {{ {bonds} }}\nBLK {list(range(spins))}\n"


def test_blocks_count_by_what_is_kept_for_their_widest() -> None:
    from bioasm.runtime.blocks import bytes_of_choices

    for width in (3, 9):
        needed = demand(verify(assemble(wide_blocks(width, 400))))
        assert needed.blocks == bytes_of_choices(width, 400) + 2 * 16 * (400 - width) + 70 * 400
        assert needed.peak > needed.blocks + PROCESS
    assert demand(verify(assemble("MODEL ising\nALC 3\nRUN 1\n"))).blocks == 0


def test_many_blocks_and_dense_couplings_are_bounded() -> None:
    chain = [[int(abs(i - j) == 1) for j in range(80)] for i in range(80)]
    dense = f"MODEL ising\nALC 80\nLDJ {chain}\nBLK {list(range(80))}\n"
    assert demand(verify(assemble(dense))).blocks >= 80 << 16 >> 2
    plan = ", -1, ".join(["0, 1, 2"] * 200)
    many = f"MODEL ising\nALC 3\nLDJ sparse(3) {{ 0 1 1 | 1 2 1 }}\nBLK [{plan}]\n"
    assert demand(verify(assemble(many))).blocks == 4 * 16 + (3 << 3 >> 2) + 70 * 3


def test_levels_that_a_formula_gives_lanes_count_untold() -> None:
    text = "MODEL ising\nALC 100\nSIG T\nRUN 1\n"
    of_lanes, alike = (demand(verify(assemble(f".const T = {t}\n{text}")), 32) for t in ('"1 + lane"', "1"))
    assert of_lanes.state == alike.state + 8 * 100 * 32
