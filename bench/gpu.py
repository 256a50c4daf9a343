"""Thousands of lanes on a GPU: the driver `gpu` against the cpu driver on one core.

    python bench/gpu.py [any | cuda:NUMBER | opencl:NAME] [--quick]

Three runs on the device, each held against the same program with at most 16 lanes on one pinned core of this machine: the LIF
twin with 4096 lanes of 100 neurons, dense couplings and noise; the Ising machine on G22 with 4096 lanes; 10^5 Hodgkin-Huxley
cells in one lane. What is compared are updates of one neuron or spin a second, from `timing["run"]` of the second of two runs,
with all transfers and results, without compilation. Energies, states and spike counts of the lanes that both sides have are
compared too; where they are not the same bytes, the exit code is 1. The whole is meant to take less than five minutes on a
GPU of a data centre, where it has not been run yet. With `--quick` runs, lanes and cells are few: that is no measurement, it
tries the script and the bytes, on a device that is a processor as well.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import common
import numpy as np

from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.gpu.driver import GpuDriver
from bioasm.isa.program import Program
from bioasm.results import Result
from bioasm.runtime.options import RunOptions
from bioasm.settings import verified_program
from bioasm.text.assemble import assemble

CPU_LANES = 16


class Case(NamedTuple):
    """A program, lanes on the device, and what replaces constants of the program."""

    name: str
    program: Program
    lanes: int
    settings: dict[str, str]


def twin(seconds: float) -> Program:
    """The LIF twin with 100 neurons, a J of N(0, 1/2)/10 nA."""
    random = np.random.default_rng(1)
    j = np.triu(random.normal(0, 0.5**0.5, (100, 100)) * 1e-10, 1)
    rows = ", ".join("[" + ", ".join(map(repr, row)) + "]" for row in (j + j.T).tolist())
    return assemble(f"ALC 100\nLDJ [{rows}]\nSIG 2 mV\nRUN {seconds} s\nRD energy\n")


def cells(number: int, seconds: float) -> Program:
    """Hodgkin-Huxley cells, each with a current of its own, of 5 to 15 uA/cm2; most fire."""
    return assemble(f"POP cell, hh, {number}\nINP cell.I, uniform(0.05, 0.15)\nRUN {seconds} s\nRD spike_count\n")


def cases(quick: bool) -> list[Case]:
    """The three."""
    lanes, sweeps = (32, "2") if quick else (4096, "200")
    return [
        Case("LIF twin, 100 neurons", twin(0.004 if quick else 1.0), lanes, {}),
        Case("Ising, G22", common.instance("G22"), lanes, {"sweeps": sweeps}),
        Case("Hodgkin-Huxley", cells(200, 0.002) if quick else cells(100_000, 0.02), 1, {}),
    ]


def rate(driver: CpuDriver, case: Case, lanes: int) -> tuple[float, Result]:
    """Updates a second in the second run, and its Result."""
    verified, parameters = verified_program(case.program, case.settings)
    options = RunOptions(seed=1, lanes=lanes, threads=1, parameters=parameters)
    for _ in range(2):
        result = driver.run(verified, options)
    return result.steps * verified.n * lanes / result.timing["run"], result


def row(case: Case, device: GpuDriver) -> tuple[str, ...]:
    """One line of the table."""
    lanes = min(CPU_LANES, case.lanes)
    here, expected = rate(CpuDriver(), case, lanes)
    there, found = rate(device, case, case.lanes)
    told = (f"{case.lanes} x {found.n}", f"{there:.3g}", f"{here:.3g}", f"{there / here:.1f}")
    return (case.name, *told, "yes" if _bytes_of(found, lanes) == _bytes_of(expected, lanes) else "NO")


def _bytes_of(result: Result, lanes: int) -> list[bytes]:
    return [array[:lanes].tobytes() for array in (result.energy, result.best_energy, result.state, result.spike_count)]


def main() -> int:
    """Measure and print; 1 where bytes differ."""
    words = [word for word in sys.argv[1:] if word != "--quick"]
    common.start("the driver gpu", "pyopencl", "cuda-core", "numpy")
    device = GpuDriver(words[0] if words else "any")
    device.connect()
    print(f"{device.device.name}, float64\n", flush=True)
    rows = [row(case, device) for case in cases("--quick" in sys.argv)]
    common.table(("", "lanes x n", "updates/s on it", "on one core", "ratio", "same bytes"), rows)
    return int(any(one[-1] != "yes" for one in rows))


if __name__ == "__main__":
    sys.exit(main())
