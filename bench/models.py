"""Models as text: the DynapSE experiment, Hodgkin-Huxley against BrainPy and Arbor, a user's own text against a built-in one.

    python bench/models.py            (in the environment of bench/README.md)

BrainPy 1.0.3 and Arbor need other versions of numpy and Python packages than we do. Set BRAINPY_PYTHON and ARBOR_PYTHON to
interpreters of environments that have them (`brain-py==1.0.3 numpy==1.24.4 numba==0.58.1`; `arbor==0.12.2`); a side without
one is left out. The sides take turns, one process each a round, on one pinned core; what is compiled is compiled before.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import common

from bioasm.drivers.cpu import CpuDriver
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify

ROUNDS = 15
REPEATS = 9
SIDES = Path(__file__).parent / "sides"
PROGRAMS = Path(__file__).parents[1] / "programs"
LIBRARY = Path(__file__).parents[1] / "bioasm" / "models" / "library"
HH = "    POP a, {model}, 100\n    INP a.I, 10 uA/cm2\n    RUN 20 ms\n"
MEMBRANE = """
    POP a, membrane, 1
    MECH k, hh_channels, a
    SET a.ena, 55 mV
    SET k.el, -65 mV
    REC a.v
    RUN 10 ms
    INP a.I, 10 uA/cm2
    RUN 50 ms
    INP a.I, 0 uA/cm2
    RUN 40 ms
"""


def own(name: str, renamed: str) -> str:
    """A shipped model's text under another name, as a program would hold it."""
    text = (LIBRARY / f"{name}.basm").read_text(encoding="utf-8")
    return text.replace(f".model {name} ", f".model {renamed} ")


def ours(program: Verified) -> Callable[[], float]:
    """The seconds that the dynamics of a program take, when its kernel is there."""
    driver = CpuDriver()
    driver.run(program, RunOptions(seed=1, threads=1))
    return lambda: driver.run(program, RunOptions(seed=1, threads=1)).timing["run"]


def theirs(variable: str, script: str) -> Callable[[], float] | None:
    """The median seconds of a peer's rounds in a process of its own, None without an interpreter for it."""
    interpreter = os.environ.get(variable)
    if not interpreter:
        return None

    def side() -> float:
        command = [interpreter, str(SIDES / script), str(REPEATS)]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
        return statistics.median(float(line) for line in told.stdout.split())

    return side


def row(name: str, mine: Callable[[], float], peer: Callable[[], float] | None, rounds: int) -> tuple[str, ...]:
    """One row of the table."""
    if peer is None:
        samples = [mine() for _ in range(rounds)]
        return name, f"{1e3 * statistics.median(samples):.3f} ms", "", ""
    taken = common.in_turn({"mine": mine, "peer": peer}, rounds)
    medians = {side: 1e3 * statistics.median(values) for side, values in taken.items()}
    return (
        *(name, f"{medians['mine']:.3f} ms", f"{medians['peer']:.3f} ms"),
        f"{common.ratio(taken['peer'], taken['mine']):.2f}",
    )


def process(command: list[str]) -> Callable[[], float]:
    """The seconds of a whole process."""
    return lambda: common.clocked(lambda: subprocess.run(command, check=True, capture_output=True))


def main() -> None:
    """Measure everything and print two tables."""
    common.start("Models as text", "numpy", "llvmlite", "numba")
    dynapse = PROGRAMS / "dynapse.basm"
    experiment = ours(verify(assemble(dynapse.read_text(encoding="utf-8"), folder=PROGRAMS)))
    built_in = ours(verify(assemble(HH.format(model="hh_brainpy"))))
    custom = ours(verify(assemble(own("hh_brainpy", "mine") + HH.format(model="mine"))))
    membrane = ours(verify(assemble(MEMBRANE)))
    rows = [
        row("DynapSE neuron, 1000 steps, 4 spike trains", experiment, None, ROUNDS),
        row("HH 100 x 2000 RK4 steps / the same text in the program", built_in, custom, ROUNDS),
        row("HH 100 x 2000 RK4 steps / BrainPy 1.0.3 on Numba", built_in, theirs("BRAINPY_PYTHON", "brainpy_hh.py"), 3),
        row("Arbor's HH compartment, 4000 steps / Arbor", membrane, theirs("ARBOR_PYTHON", "arbor_hh.py"), 3),
    ]
    common.table(("work", "bioasm", "peer", "peer / bioasm"), rows)
    whole = process([common.command(), "run", str(dynapse), "-q", "--seed", "1"])
    numba = process([sys.executable, "-c", "import numba"])
    whole()
    time.sleep(0.1)
    taken = common.in_turn({"run": whole, "numba": numba}, ROUNDS)
    share = common.ratio(taken["run"], taken["numba"])
    common.table(
        ("process", "median"),
        [(name, f"{1e3 * statistics.median(values):.0f} ms") for name, values in taken.items()]
        + [("run / import numba", f"{share:.2f}")],
    )


if __name__ == "__main__":
    main()
