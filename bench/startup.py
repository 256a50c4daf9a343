"""Start-up of the command: whole processes against bare imports of what they are made of.

    python bench/startup.py        (in the environment of bench/README.md)

Medians of whole processes that run in turn, with warm disk and warm kernel cache. The yardsticks are `import click` and
`import numba`, for no command line in Python starts before its parser is loaded, and no kernel of numba before numba is.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import common

ROUNDS = 11
SMALL = """\
.data J = [[0, -0.5, 0, -0.5], [-0.5, 0, -0.5, 0], [0, -0.5, 0, -0.5], [-0.5, 0, -0.5, 0]]
    MODEL ising
    ALC 4
    LDJ J
    SIG 0.5
    RUN 20 sweeps
    RD spins
"""
TARGETS = {
    "--help": ("click", 1.8),
    "asm": ("click", 4),
    "disasm": ("click", 4),
    "check": ("click", 4),
    "run": ("numba", 1),
}


def commands(folder: Path) -> dict[str, list[str]]:
    """What is started: the yardsticks and our commands, by name."""
    python, bioasm = sys.executable, common.command()
    text, code = str(folder / "small.basm"), str(folder / "small.bbc")
    Path(text).write_text(SMALL, encoding="utf-8")
    subprocess.run([bioasm, "asm", text, "-o", code], check=True)
    return {
        "python": [python, "-c", "pass"],
        "click": [python, "-c", "import click"],
        "numba": [python, "-c", "import numba"],
        "--help": [bioasm, "--help"],
        "asm": [bioasm, "asm", text, "-o", str(folder / "again.bbc")],
        "disasm": [bioasm, "disasm", code],
        "check": [bioasm, "check", text],
        "run": [bioasm, "run", text, "--driver", "cpu", "--seed", "1"],
    }


def process(command: list[str]) -> Callable[[], float]:
    """A call that starts the command, waits for it and returns its seconds."""
    # modules of installed packages are compiled ahead; ours must be allowed to keep theirs, too
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return lambda: common.clocked(lambda: subprocess.run(command, check=True, capture_output=True, env=environment))


def million(folder: Path) -> list[str]:
    """A command that assembles a dense matrix of 10^6 numbers from text."""
    import numpy as np

    text = folder / "million.basm"
    rows = np.random.default_rng(1).normal(size=(1000, 1000)).round(4).tolist()
    text.write_text(f".data J = {rows}\nALC 1000\nLDJ J\n", encoding="utf-8")
    return [common.command(), "asm", str(text), "-o", str(folder / "million.bbc")]


def main() -> None:
    """Measure and print the ratios, then the text of a million numbers."""
    common.start("Start-up, whole processes", "click", "lark", "numpy", "llvmlite", "numba")
    with tempfile.TemporaryDirectory() as name:
        sides = {side: process(command) for side, command in commands(Path(name)).items()}
        for side in sides.values():
            side()  # warms the disk and the kernel cache
        samples = common.in_turn(sides, ROUNDS)
        large = statistics.median(process(million(Path(name)))() for _ in range(3))
    rows = []
    for side, values in samples.items():
        yardstick, target = TARGETS.get(side, ("click", None))
        times = f"{common.ratio(values, samples[yardstick]):.2f} x import {yardstick}"
        rows.append((side, f"{statistics.median(values) * 1e3:.0f}", times, f"<= {target}" if target else ""))
    common.table(("process", "ms", "ratio", "target"), rows)
    print(f"asm of 10^6 numbers in text: {large:.2f} s")


if __name__ == "__main__":
    main()
