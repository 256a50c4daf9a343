"""Memory of one long-lived process that runs many different programs, as a server or a notebook does.

    python bench/memory.py [PROGRAMS] [KINDS]        (2,000 programs of 36 kinds; it needs no peers)

Every program differs from all others. Programs of a kind share a kernel; there are more kinds than kernels that stay loaded, so
kernels are loaded and unloaded all the time. The first use of a kind compiles for some seconds, once on a machine. Printed are
the resident memory after each tenth of the programs, and how much it grows over the second half: 0 is a flat line.
"""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path

import bioasm
from bioasm.vm import kernel_cache

MODEL = """\
.model m{kind} {{
  "a leaky neuron"
  parameters:
    tau = 10 ms
  state:
    v = 0 mV "potential"
  inputs:
    drive : V
  step:
    dv/dt = ({factor}*drive - v)/tau
  spike: v > 20 mV
  reset:
    v := 0 mV
}}
    POP cells, m{kind}, {n}
    SET cells.tau, {tau} ms
    INP cells.drive, {drive} mV
    REC v, 1 ms
    RUN 20 ms
    RD spike_count
"""
SPINS = """\
    MODEL ising
    ALC {n}
    LDH [{fields}]
    SIG {temperature}
    RUN 50 sweeps
    RD best_energy
    RD best_state
"""


def text(number: int, kinds: int) -> str:
    """The program of that number; every eighth is one of spins."""
    n = 2 + number % 37
    if number % 8 == 7:
        fields = ", ".join(str((number * k) % 11 - 5) for k in range(n))
        return SPINS.format(n=n, fields=fields, temperature=0.1 + number / 1000)
    kind = number % kinds
    return MODEL.format(kind=kind, factor=kind + 1, n=n, tau=5 + number / 100, drive=30 + number)


def resident() -> float:
    """Megabytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main(programs: int = 2000, kinds: int = 36) -> None:
    """Run them all and print the line."""
    piece = max(1, programs // 10)
    sizes = []
    for number in range(programs):
        bioasm.run(text(number, kinds), seed=number)
        if number % piece == piece - 1:
            gc.collect()
            sizes.append(resident())
            print(f"{number + 1:6} programs  {len(kernel_cache._kept):3} kernels loaded  {sizes[-1]:7.1f} MB", flush=True)
    print(f"growth over the second half: {sizes[-1] - sizes[len(sizes) // 2 - 1]:+.1f} MB")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
