"""Whole commands on large data: processor time and peak memory of importing and assembling edges, of a dense J from a file.

    python bench/sizes.py [EDGES [NEURONS]]        (10^6 edges and a J of 20,000 neurons, 400 MB; it needs no peers)

Each command is a process of its own. Its peak is resident memory, of which 30 MB are Python with numpy.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import common
import numpy as np

_VERTICES = 200_000


def edges(count: int, file: Path) -> None:
    """Write a random graph with weights of -1 and +1 in rudy's form."""
    draw = np.random.default_rng(1)
    ends = np.sort(draw.integers(0, _VERTICES, (2 * count, 2)), axis=1)
    pairs = np.unique(ends[ends[:, 0] < ends[:, 1]], axis=0)
    pairs = pairs[np.sort(draw.permutation(len(pairs))[:count])]
    weights = draw.choice((-1, 1), len(pairs)).tolist()
    with file.open("w", encoding="ascii") as out:
        out.write(f"{_VERTICES} {len(pairs)}\n")
        out.writelines(f"{u + 1} {v + 1} {w}\n" for (u, v), w in zip(pairs.tolist(), weights, strict=True))


def dense(neurons: int, file: Path) -> None:
    """Write a symmetric J of -1 and +1 with a diagonal of 0, one byte an entry, block by block of rows."""
    j = np.lib.format.open_memmap(file, "w+", np.int8, (neurons, neurons))
    draw = np.random.default_rng(1)
    for first in range(0, neurons, 500):
        rows = slice(first, first + 500)
        block = np.triu(draw.choice(np.array([-1, 1], np.int8), (len(j[rows]), neurons - first)), 1)
        j[rows, first:] |= block
        j[first:, rows] |= block.T
    j.flush()


def process(name: str, *arguments: str) -> tuple[str, str, str]:
    """A row: processor seconds and peak of a command, started by a small process, for the peak counts that of who starts it."""
    small = (
        "import os,sys,subprocess as s; p = s.Popen(sys.argv[1:], stdout=s.DEVNULL); _, status, used = os.wait4(p.pid, 0); "
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status))"
    )
    command = [sys.executable, "-c", small, common.command(), *arguments]
    seconds, peak, status = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return name, f"{float(seconds):.2f}" if status == "0" else f"failed ({status})", f"{float(peak):.0f}"


def main() -> None:
    """Measure and print the table."""
    count, neurons = (int(given) for given in (sys.argv[1:] + ["1000000", "20000"][len(sys.argv) - 1 :])[:2])
    common.start("Large data, processor time and peak of whole commands", "numpy")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        edges(count, folder / "edges.txt")
        rows = [
            process("`--help`", "--help"),
            process(f"`import` of {count:,} edges", "import", str(folder / "edges.txt"), "-o", str(folder / "edges.basm")),
            process("`asm` of them", "asm", str(folder / "edges.basm"), "-o", str(folder / "edges.bbc")),
        ]
        os.remove(folder / "edges.txt")
        dense(neurons, folder / "J.npy")
        text = f'MODEL ising\nALC {neurons}\nLDJ file "J.npy"\nSIG 100\nRUN 3 sweeps\n'
        (folder / "dense.basm").write_text(text, encoding="utf-8")
        of_data = f"`run` of {neurons:,} spins with a dense J of {neurons**2 / 1e6:.0f} MB, 3 sweeps"
        rows.append(process(of_data, "run", str(folder / "dense.basm"), "--seed", "1", "-q"))
    common.table(("command", "s", "peak, MB"), rows)


if __name__ == "__main__":
    main()
