"""What tests of the firmware share: running its machine on this computer, and comparing Results to the bit."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np

from bioasm.binary.writer import canonical_bytes
from bioasm.drivers.cpu import CpuDriver
from bioasm.isa.program import Program
from bioasm.results import Result, Spikes
from bioasm.results.transfer import unpack_result
from bioasm.runtime.options import RunOptions
from bioasm.verifier.gate import verify

UNABLE, REFUSED = 4, 3  # exit codes of the machine: beyond its abilities, or no sound bytecode
_ARRAYS = ("state", "energy", "best_energy", "best_state", "energy_trace", "spikes", "spike_count")
_PLAIN = ("n", "steps", "seconds_per_step", "status", "clock", "metadata", "model", "program_sha256", "seed", "lanes")


def executed(machine: Path, data: bytes, folder: Path, *words: object) -> subprocess.CompletedProcess[bytes]:
    """The machine on bytes of a program; `words` are seed, fuel and slice."""
    file = folder / "program.bbc"
    file.write_bytes(data)
    return subprocess.run([machine, file, *map(str, words)], capture_output=True, timeout=300)


def result(
    machine: Path, program: Program, folder: Path, seed: int = 1, fuel: int = 1 << 40, piece: int = 997
) -> Result | None:
    """What the machine makes of a program; None where it is beyond its abilities."""
    done = executed(machine, canonical_bytes(program), folder, seed, fuel, piece)
    if done.returncode == UNABLE:
        return None
    assert done.returncode == 0, done.stderr.decode()
    return unpack_result(done.stdout)


def on_cpu(program: Program, seed: int = 1, fuel: int = 1 << 40) -> Result:
    """What the driver cpu makes of it."""
    return CpuDriver().run(verify(program), RunOptions(seed=seed, fuel=fuel))


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays, numbers or spikes are the same to the bit."""
    if isinstance(a, Spikes) and isinstance(b, Spikes):
        return all(same_bits(getattr(a, name), getattr(b, name)) for name in ("t", "i", "lane"))
    one, other = np.asarray(a), np.asarray(b)
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


def differences(mine: Result, theirs: Result) -> list[str]:
    """The names of everything that two Results do not have alike."""
    found = [name for name in _ARRAYS if not same_bits(getattr(mine, name), getattr(theirs, name))]
    found += [name for name in _PLAIN if getattr(mine, name) != getattr(theirs, name)]
    if [r.what for r in mine.results] != [r.what for r in theirs.results]:
        return [*found, "names of results"]
    pairs = zip(mine.results, theirs.results, strict=True)
    return found + [f"result {k}" for k, (a, b) in enumerate(pairs) if not same_bits(a.value, b.value)]
