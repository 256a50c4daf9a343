"""Programs, runs of pieces and folders of sweeps, and Results as the bytes of files without the times that a run took."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import bioasm
from bioasm.results import Result
from bioasm.results.files import write_json, write_npz
from bioasm.results.reading import load_npz

Writer = Callable[[Result, BinaryIO], None]

# Readings over lanes of each kind, arithmetic with them, registers that are overwritten, starts and trains of each lane.
SPINS = """
.const T = 2.5
.data S = [[1, 1, 1], [-1, 1, -1]]
MODEL ising
ALC 3
LDJ [[0, -1, -1], [-1, 0, -0.3], [-1, -0.3, 0]]
LDO 0.25
LDS S
SIG T
REC s, 3 sweeps
MOV r0, 4
MOV r2, 0
again:
RUN 3 sweeps
PEEK r1, s, 1
ADD r2, r2, r1
GET r3, energy
MUL r3, r3, 0.1
OUT r3, energies
MOV r3, r0
LOOP r0, again
DIV r2, r2, 4
OUT r2, mean
GET r2, best_energy
SQRT r4, r2
OUT r4, root
OUT r2, best
GET r2, time
OUT r2, time
RD spins
RD energy
"""
MEMBRANES = """
ALC 4
LDJ [[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]]
CUR 0.1 nA
SIG 3 mV
POI 400, 2 mV
REC v, 1 ms
RUN 30 ms
GET r0, spike_count
GET r1, time
DIV r0, r0, r1
OUT r0, rate
PEEK r2, v, 2
OUT r2, v2
PEEK r2, s, 2
OUT r2, s2
RD spikes
RD v
"""
TEXTS = {"spins": SPINS, "membranes": MEMBRANES}

# The frustrated triangle, and a grid of it in pieces.
TRIANGLE = """
.const T = 2
.const sweeps = 20 sweeps
MODEL ising
ALC 3
LDJ [[0, -1, -1], [-1, 0, -1], [-1, -1, 0]]
SIG T
RUN sweeps
GET r0, energy
OUT r0, lowest
"""
GRID: dict[str, Any] = {"set": {"T": "1:2:3"}, "seeds": 2, "lanes": 8, "pieces": 3}


def threads() -> Executor:
    return ThreadPoolExecutor(1)


def files(folder: Path) -> dict[str, bytes]:
    """What is in the folder of a sweep, but for the seconds that jobs took and what an executor keeps for itself."""
    found = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if name != "log.csv" and not name.startswith("queue")}


def written(folder: Path, text: str) -> Path:
    """The text as a file."""
    (folder / "p.basm").write_text(text)
    return folder / "p.basm"


def pieces(program: Any, lanes: int, cuts: tuple[int, ...], **options: Any) -> list[Result]:
    """The Results of the pieces between cuts."""
    edges = pairwise((0, *cuts, lanes))
    return [bioasm.run(program, lanes=f"{first}:{end}/{lanes}", seed=5, **options) for first, end in edges]


def dumped(result: Result, write: Writer = write_npz) -> bytes:
    """The bytes of a file, without the times that the run took."""
    stream = io.BytesIO()
    write(replace(result, timing={}), stream)
    return stream.getvalue()


def kept(result: Result) -> Result:
    """A Result that was written and read."""
    return load_npz(io.BytesIO(dumped(result)))


def both(result: Result) -> tuple[bytes, bytes]:
    """The bytes as .npz and as .json."""
    return dumped(result), dumped(result, write_json)
