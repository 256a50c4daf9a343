"""What a call costs beside its dynamics: calls after the first, instructions of the host, recordings, threads, compilation.

    python bench/calls.py [--quick]        (it needs no peers; --quick leaves out compilation, and takes half a minute)

Processor time of one process on one core, but for threads, whose sides run on two cores by the clock. Sides take turns; figures
are medians, and those of differences and ratios medians over neighbouring runs. Compilation is that of whole processes with an
empty cache of kernels, with the process that compiles.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import common
import numpy as np

from bioasm.drivers.cpu import CpuDriver
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import verify

ROUNDS, TURNS = 9, 2000
PROGRAMS = Path(__file__).parents[1] / "programs"
POPULATIONS = (1, 2, 10, 50, 200)
J = np.random.default_rng(1).normal(size=(100, 100)).round(3).tolist()
TWIN = f".data J = {J}\nALC 100\nLDJ J\nSIG 2 mV\nRUN 1 ms\n"
LOOP = f"ALC 10\nSIG 2 mV\nMOV r1, 0\nMOV r0, {TURNS}\nx: RUN 0.1 ms\n%s\nLOOP r0, x\n"
HOST = ("CUR r1", "RD v", "OUT r1, a", "SIG r1", "PEEK r2, v, 3")
RECORDED = {
    "none": "",
    "one neuron, every step": "REC v, 0.1 ms, [3]",
    "all, every 1 ms": "REC v, 1 ms",
    "all, every step": "REC v, 0.1 ms",
}


NOISY = """.model noisy {
  noise:
    sigma = 2 mV
  state:
    v = -70 mV
  step:
    dv/dt = (-55 mV - v)/(20 ms) + sigma*sqrt(2/(20 ms))*xi unless refractory
  spike: v > -50 mV
  refractory: 2 ms
  reset:
    v := -70 mV
  receive:
    weight : V
    v += weight
}
"""


def populations(count: int, model: str = "lif") -> str:
    """A program of so many populations of one model."""
    current = {"lif": "25 nA", "hh": "10 uA/cm^2"}[model]
    made = "".join(f"POP p{k}, {model}, 10\nINP p{k}.I, {current}\n" for k in range(count))
    return f"{made}RUN 1 ms\n"


def ring(count: int) -> str:
    """A program of so many populations with noise, each of which sends spikes to the next."""
    made = "".join(f"POP p{k}, noisy, 10\n" for k in range(count))
    for k in range(count):
        made += f"SYN w{k}, p{k}, p{(k + 1) % count}\nCON w{k}, probability, 0.3\n"
        made += f"SET w{k}.weight, 0.5 mV\nSET w{k}.delay, 1 ms\n"
    return f"{NOISY}{made}RUN 1 ms\n"


def networks() -> dict[str, str]:
    """The programs whose compilation is measured: of one model each, in ever more populations."""
    found = {"twin of 100 neurons": TWIN}
    for count in POPULATIONS:
        found[f"lif in {count}"] = populations(count)
        found[f"with noise, in a ring of {count}"] = ring(count)
        found[f"hh in {count}"] = populations(count, "hh")
    return found


CALLS = {
    "4 spins, 1 sweep": "MODEL ising\nALC 4\nSIG 0.5\nRUN 1 sweeps\nRD spins\n",
    "one neuron, 1 ms": "POP a, lif, 1\nINP a.I, 25 nA\nRUN 1 ms\n",
    "twin of 100 neurons, 1 ms": TWIN,
    "10 populations of a model, 1 ms": populations(10),
}


def side(text: str, lanes: int = 1, threads: int = 1, clock: Callable[[], float] = time.process_time) -> Callable[[], float]:
    """A run of a program that was compiled and run before; it returns its seconds."""
    program, driver, options = verify(assemble(text)), CpuDriver(), RunOptions(seed=1, lanes=lanes, threads=threads)

    def run() -> float:
        before = clock()
        driver.run(program, options)
        return clock() - before

    run()
    return run


def calls() -> None:
    """Calls after the first, of programs whose dynamics take no time to speak of."""
    samples = common.in_turn({name: side(text) for name, text in CALLS.items()}, 5 * ROUNDS)
    rows = [(name, f"{1e3 * statistics.median(found):.2f}", "1") for name, found in samples.items()]
    common.table(("a call after the first", "ms", "aim"), rows)


def instructions() -> None:
    """What an instruction adds to a loop of RUNs of one step."""
    sides = {"none": side(LOOP % "")} | {one: side(LOOP % one) for one in HOST}
    samples = common.in_turn(sides, ROUNDS)
    cost = {one: [(a - b) / TURNS for a, b in zip(samples[one], samples["none"], strict=True)] for one in HOST}
    rows = [(one, f"{1e6 * statistics.median(found):.1f}", "2") for one, found in cost.items()]
    common.table(("an instruction between RUNs", "us", "aim"), rows)


def recordings() -> None:
    """What a recording of 1000 neurons over 1 s adds to its run."""
    samples = common.in_turn({name: side(f"ALC 1000\nSIG 2 mV\n{text}\nRUN 1 s\n") for name, text in RECORDED.items()}, ROUNDS)
    rows = []
    for name, found in samples.items():
        aim = "0.3" if name == "all, every step" else ""
        rows.append((name, f"{1e3 * statistics.median(found):.1f}", f"{common.ratio(found, samples['none']) - 1:.2f}", aim))
    common.table(("v of 1000 neurons recorded", "ms", "added, parts of the run", "aim"), rows)


def threads() -> None:
    """32 lanes on two threads against one, by the clock."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, range(os.cpu_count() or 1))
    text = TWIN.replace("RUN 1 ms", "RUN 1 s")
    sides = {str(count): side(text, 32, count, time.perf_counter) for count in (1, 2)}
    samples = common.in_turn(sides, ROUNDS)
    row = ("twin of 100 neurons, 32 lanes", f"{common.ratio(samples['1'], samples['2']):.2f}", "1.8")
    common.table(("two threads", "times as fast as one", "aim"), [row])
    common.pin()


def compilation() -> None:
    """The first run of a program on a machine: its process and the one that compiles, with an empty cache."""
    texts = {"4 spins": CALLS["4 spins, 1 sweep"]} | networks()
    texts |= {name: (PROGRAMS / f"{name}.basm").read_text(encoding="utf-8") for name in ("brainpy_hh", "brunel", "olive_cell")}
    rows = []
    for name, text in texts.items():
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "program.basm"
            program.write_text(text, encoding="utf-8")
            environment = os.environ | {"BIOASM_CACHE_DIR": folder}
            command = [common.command(), "run", str(program), "--seed", "1", "-q"]
            used = [_children()]
            for _ in range(2):
                subprocess.run(command, check=True, capture_output=True, env=environment)
                used.append(_children())
        rows.append((name, f"{used[1] - used[0]:.1f}", f"{used[2] - used[1]:.2f}", "3"))
    common.table(("a program as a process", "first, s", "again, s", "aim"), rows)


def _children() -> float:
    """Processor seconds of all processes that this one has started and that have ended, with theirs."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def main() -> None:
    """Measure and print the tables."""
    common.start("What calls cost, processor time", "numpy", "llvmlite")
    calls()
    instructions()
    recordings()
    threads()
    if "--quick" not in sys.argv[1:]:
        compilation()


if __name__ == "__main__":
    main()
