"""Cells that are trees: Hodgkin-Huxley cables against Arbor, and a mechanism of one's own against the shipped one.

    python bench/cables.py            (in the environment of bench/README.md)

Arbor stands in an environment of its own: ARBOR_PYTHON is its interpreter (`arbor==0.12.2`); without it our side alone is
measured. The sides take turns, a process of Arbor's each; 50 ms in steps of 0.025 ms, one thread, processor time.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import common

from bioasm.drivers.cpu import CpuDriver
from bioasm.runtime.options import RunOptions
from bioasm.text.assemble import assemble
from bioasm.verifier.gate import Verified, verify

ROUNDS = 7
STEPS = 2000
SIDE = Path(__file__).parent / "sides" / "arbor_cables.py"
LIBRARY = Path(__file__).parents[1] / "bioasm" / "models" / "library"
CABLE = """
{own}
.cell cable {{
  branch tube: length {length} um, diameter 2 um
  cv: {cvs} per branch
  ra = 150 ohm*cm
  place mid = tube(0.4999)
  spikes at tube(0.001)
}}
    POP cells, cable, {cells}
    MECH channels, {channels}, cells
    MECH syn, expsyn, cells.mid
{network}
    RUN 1 ms
    INP cells.I, [{driven}]
    RUN 2 ms
    INP cells.I, 0 nA
    RUN {rest} ms
    RD spike_count
"""
NETWORK = """
    SYN net, cells, syn
    CON net, "indegree with multapses", 10
    SET net.weight, 1 nS
    SET net.delay, 5 ms
"""


def program(cells: int, cvs: int, duration: int, *, own: bool = False) -> Verified:
    """Cables of 10 um a CV, the first tenth of them stimulated; with `own` the channels are a text of the program."""
    text = (LIBRARY / "hh_channels.basm").read_text(encoding="utf-8").replace(".mechanism hh_channels ", ".mechanism mine ")
    driven = ", ".join(["1e-9"] * max(1, cells // 10) + ["0"] * (cells - max(1, cells // 10)))
    made = CABLE.format(
        own=text if own else "", length=10 * cvs, cvs=cvs, cells=cells, channels="mine" if own else "hh_channels",
        network=NETWORK if cells > 1 else "", driven=driven, rest=duration - 3,
    )  # fmt: skip
    return verify(assemble(made))


def ours(cells: int, cvs: int, *, own: bool = False) -> Callable[[], float]:
    """The processor time of 50 ms: that of 54 ms less that of 4, so that what a call costs is not in it."""
    driver, short, long = CpuDriver(), program(cells, cvs, 4, own=own), program(cells, cvs, 54, own=own)

    def spent(verified: Verified) -> float:
        before = time.process_time()
        driver.run(verified, RunOptions(seed=1, threads=1))
        return time.process_time() - before

    spent(short)  # its kernel is compiled then
    return lambda: spent(long) - spent(short)


def theirs(cells: int, cvs: int) -> Callable[[], float] | None:
    """The same of Arbor, None without an interpreter for it."""
    interpreter = os.environ.get("ARBOR_PYTHON")
    if not interpreter:
        return None
    command = [interpreter, str(SIDE), str(cells), str(cvs)]
    return lambda: float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def row(name: str, mine: Callable[[], float], peer: Callable[[], float] | None, cv_steps: int) -> tuple[str, ...]:
    """One row of the table, in nanoseconds a CV and step."""
    taken = common.in_turn({"mine": mine} | ({"peer": peer} if peer else {}), ROUNDS)
    medians = [f"{1e9 * statistics.median(values) / cv_steps:.1f} ns" for values in taken.values()]
    return (name, *medians, f"{common.ratio(taken['peer'], taken['mine']):.2f}") if peer else (name, *medians, "", "")


def main() -> None:
    """Measure everything and print a table."""
    common.start("Cells that are trees, a CV and step", "numpy", "llvmlite")
    one, many = (1, 1024), (1000, 100)
    common.table(
        ("work", "bioasm", "peer", "peer / bioasm"),
        [
            row("HH cable of 1024 CVs / Arbor", ours(*one), theirs(*one), STEPS * 1024),
            row("1000 HH cables of 100 CVs with synapses / Arbor", ours(*many), theirs(*many), STEPS * 100_000),
            row("HH cable of 1024 CVs / its channels as a text", ours(*one), ours(*one, own=True), STEPS * 1024),
        ],
    )


if __name__ == "__main__":
    main()
