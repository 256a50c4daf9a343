"""One second of the LIF twin with dense couplings: `bioasm` against Brian2's compiled Cython target.

    python bench/lif.py            (in the environment of bench/README.md)

Both sides run the same model in this process, on one pinned core with one BLAS thread, in turn: dt 0.1 ms, noise
of 2 mV, feedback I = J s + h and the energy every 1 ms, all spikes recorded. J is symmetric without diagonal: either
N(0, 1/2)/sqrt(n) nA in float64, or +-1, which bioasm stores in one byte an entry and Brian2's side in float64 (numpy
has no fast product for bytes). A second table has what one lane costs among LANES, in processor time, against a lane alone and
against Brian2. A third has what a lane of one or LANES costs with J in float64 (`LDJ`) and in single precision (`LDJS`), and
what JAX takes for it in both precisions: as one compiled program on its CPU backend, in a process a round with the interpreter
of the variable JAX_PYTHON (`jax==0.10.2`); without it our side alone is measured. There processor time of the dynamics counts:
ours is the difference of a long and a short run.

Two clocks run on both sides, when everything is compiled and was run before. `call` is the whole of
`driver.run(program)` and of `network.run(1 s)`. `loop` is the dynamics alone: our `timing["run"]`, and on Brian2's
side the time from the first feedback to the last, so that its preparation of a run does not count. Brian2's side is
written as its documentation teaches: attributes with units in a network operation. As in the twin's source material,
its energy multiplies with J again.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import brian2
import common
import numpy as np
from numpy.typing import NDArray

from bioasm.drivers.cpu import CpuDriver
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

SECONDS = 1.0
LANES = 16
EQUATIONS = """
dv/dt = (El - v + R * (I_offset + I_in)) / tau + sigma * sqrt(2 / tau) * xi : volt
I_in : amp
"""
LARGEST = 1.5e-9  # A, of the feedback current
JAX_SIDE = Path(__file__).parent / "sides" / "jax_lif.py"
CONSTANTS = {
    "El": -70 * brian2.mV,
    "Vt": -50 * brian2.mV,
    "Vr": -70 * brian2.mV,
    "R": 50 * brian2.Mohm,
    "tau": 20 * brian2.ms,
    "I_offset": 0.36 * brian2.nA,
    "sigma": 2 * brian2.mV,
}


class Clock(NamedTuple):
    """Seconds of the whole call, of the dynamics in it, and of the processor in the call, for one lane."""

    call: float
    loop: float
    cpu: float


def gaussian(n: int) -> NDArray[np.float64]:
    """Symmetric couplings in amperes, N(0, 1/2)/sqrt(n) nA, (n, n)."""
    raw = np.random.default_rng(n).normal(size=(n, n)) * 1e-9 / np.sqrt(n)
    couplings = (raw + raw.T) / 2
    np.fill_diagonal(couplings, 0)
    return couplings


def signs(n: int) -> NDArray[np.int8]:
    """Symmetric couplings of -1 and +1, (n, n)."""
    upper = np.triu(np.random.default_rng(n).choice(np.array([-1, 1], dtype=np.int8), (n, n)), 1)
    return upper + upper.T


def ours(couplings: NDArray[np.generic], lanes: int = 1, seconds: float = SECONDS, load: str = "LDJ") -> Callable[[], Clock]:
    """The bioasm side: compiles and runs once, tells what that run did, and returns the run to be clocked."""
    n = len(couplings)
    driver = CpuDriver()
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "J.npy", couplings)
        text = f'ALC {n}\n{load} file "J.npy"\nSIG 2 mV\nRUN {seconds} s\n'
        program = verify(assemble(text, folder=Path(folder)))

    def run() -> Clock:
        before, busy = time.perf_counter(), time.process_time()
        result = driver.run(program, RunOptions(seed=2, threads=1, lanes=lanes))
        return Clock(time.perf_counter() - before, result.timing["run"], (time.process_time() - busy) / lanes)

    first = driver.run(program, RunOptions(seed=1, threads=1, lanes=lanes))
    tell("bioasm", n, first.spike_count.sum() / lanes / seconds, float(first.energy_trace.mean()))
    return run


def theirs(couplings: NDArray[np.float64]) -> Callable[[], Clock]:
    """The Brian2 side: compiles and runs once, tells what that run did, and returns the run to be clocked."""
    n = len(couplings)
    biases = np.zeros(n)
    low, width = CONSTANTS["El"], CONSTANTS["Vt"] - CONSTANTS["El"]
    group = brian2.NeuronGroup(n, EQUATIONS, threshold="v > Vt", reset="v = Vr", method="euler", namespace=CONSTANTS)
    group.v = low
    marks: list[float] = []
    energies: list[float] = []

    @brian2.network_operation(dt=1 * brian2.ms)
    def feedback() -> None:
        marks.append(time.perf_counter())
        state = np.asarray(np.clip((group.v - low) / width, 0, 1))
        current = couplings @ state + biases
        group.I_in = current * min(1.0, LARGEST / np.abs(current).max(initial=LARGEST)) * brian2.amp
        energies.append(float(-0.5 * state @ couplings @ state - biases @ state))

    spikes = brian2.SpikeMonitor(group)
    network = brian2.Network(group, feedback, spikes)

    def run() -> Clock:
        marks.clear()
        busy = time.process_time()
        call = common.clocked(lambda: network.run(SECONDS * brian2.second))
        return Clock(call, (marks[-1] - marks[0]) * len(marks) / (len(marks) - 1), time.process_time() - busy)

    run()
    tell("Brian2", n, spikes.num_spikes / SECONDS, float(np.mean(energies)))
    return run


def dynamics(couplings: NDArray[np.float64], load: str, lanes: int, seconds: float) -> Callable[[], float]:
    """Our processor seconds of a lane's dynamics, for a second: of a long run less a short one."""
    short, long = (ours(couplings, lanes, duration, load) for duration in (seconds, 3 * seconds))
    return lambda: (long().cpu - short().cpu) / (2 * seconds)


def jax(couplings: NDArray[np.float64], kind: str, seconds: float) -> Callable[[], float]:
    """JAX's processor seconds of the dynamics, for a second."""
    folder = tempfile.mkdtemp()
    np.save(Path(folder) / "J.npy", couplings)
    command = [os.environ["JAX_PYTHON"], str(JAX_SIDE), str(Path(folder) / "J.npy"), kind, str(round(1e3 * seconds))]

    def run() -> float:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rate, energy, busy = map(float, done.stdout.split())
        print(f"JAX     n = {len(couplings)}, {kind}: {rate:.1f} spikes/s a neuron, mean energy {energy:.3g}", flush=True)
        return busy / seconds

    return run


def tell(side: str, n: int, spikes: float, energy: float) -> None:
    """Print what a side computed (spikes a second of all neurons), so that a reader sees that both do the same work."""
    print(f"{side:7} n = {n}: {spikes / n:.1f} spikes/s a neuron, mean energy {energy:.3g}", flush=True)


def measure(name: str, couplings: NDArray[np.generic], rounds: int) -> tuple[str, ...]:
    """One row of the table: medians of both sides in milliseconds, and the ratios."""
    samples = common.in_turn({"ours": ours(couplings), "theirs": theirs(couplings.astype(np.float64))}, rounds)
    row = [str(len(couplings)), name]
    for clock in ("call", "loop"):
        mine, other = ([1e3 * getattr(sample, clock) for sample in samples[side]] for side in ("ours", "theirs"))
        row += [f"{statistics.median(mine):.2f}", f"{statistics.median(other):.1f}", f"{common.ratio(other, mine):.1f}"]
    return tuple(row)


def measure_lanes(name: str, couplings: NDArray[np.generic], rounds: int, with_brian2: bool) -> tuple[str, ...]:
    """One row of the second table: medians of processor milliseconds for a lane, and the ratios; 0.05 s without Brian2."""
    seconds = SECONDS if with_brian2 else 0.05
    sides = {"alone": ours(couplings, seconds=seconds), "many": ours(couplings, LANES, seconds)}
    if with_brian2:
        sides["theirs"] = theirs(couplings.astype(np.float64))
    cpu = {side: [1e3 * one.cpu for one in found] for side, found in common.in_turn(sides, rounds).items()}
    times = [f"{statistics.median(cpu[side]):.1f}" if side in cpu else "" for side in ("alone", "many", "theirs")]
    ratios = [f"{common.ratio(cpu[side], cpu['many']):.2f}" if side in cpu else "" for side in ("alone", "theirs")]
    return str(len(couplings)), name, *times, *ratios


def measure_precisions(n: int, rounds: int, seconds: float) -> list[tuple[str, ...]]:
    """Rows of the third table: processor milliseconds of a lane for a second in both precisions, and the ratios."""
    couplings, rows = gaussian(n), []
    sides = {(load, lanes): dynamics(couplings, load, lanes, seconds) for load in ("LDJ", "LDJS") for lanes in (1, LANES)}
    if "JAX_PYTHON" in os.environ:
        sides |= {("jax", kind): jax(couplings, kind, seconds) for kind in ("float64", "float32")}
    found = common.in_turn(sides, rounds)
    for lanes in (1, LANES):
        double, single = found["LDJ", lanes], found["LDJS", lanes]
        row = [str(n), str(lanes), *(f"{1e3 * statistics.median(one):.0f}" for one in (double, single))]
        row.append(f"{common.ratio(double, single):.2f}")
        for kind, mine in (("float64", double), ("float32", single)):
            theirs = found.get(("jax", kind))
            row += [f"{1e3 * statistics.median(theirs):.0f}", f"{common.ratio(theirs, mine):.2f}"] if theirs else ["", ""]
        rows.append(tuple(row))
    return rows


def main() -> None:
    """Measure all cases and print the table."""
    brian2.prefs.codegen.target = "cython"
    brian2.defaultclock.dt = 0.1 * brian2.ms
    common.start("LIF twin, milliseconds of wall clock for 1 s of biological time", "brian2", "numpy", "llvmlite")
    rows = [
        measure("gaussian, float64", gaussian(100), 9),
        measure("gaussian, float64", gaussian(1000), 5),
        measure("+-1, int8", signs(1000), 5),
    ]
    print()
    clocks = (f"{side}, {clock}" for clock in ("call", "loop") for side in ("bioasm", "Brian2", "ratio"))
    common.table(("neurons", "J", *clocks), rows)
    of_lanes = [
        measure_lanes("gaussian, float64", gaussian(100), 5, with_brian2=True),
        measure_lanes("gaussian, float64", gaussian(1000), 3, with_brian2=True),
        measure_lanes("+-1, int8", signs(1000), 3, with_brian2=True),
        measure_lanes("gaussian, float64, 0.05 s", gaussian(4000), 3, with_brian2=False),
    ]
    print()
    header = ("neurons", "J", "one lane, ms", f"a lane of {LANES}, ms", "Brian2, ms", "one lane / of many", "Brian2 / of many")
    common.table(header, of_lanes)
    of_precisions = [*measure_precisions(1000, 5, 0.2), *measure_precisions(4000, 5, 0.05)]
    print()
    header = ("neurons", "lanes", "float64, ms", "single, ms", "float64 / single")
    peers = ("JAX float64, ms", "JAX / float64", "JAX float32, ms", "JAX / single")
    common.table((*header, *peers), of_precisions)


if __name__ == "__main__":
    main()
