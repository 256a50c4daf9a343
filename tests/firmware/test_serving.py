"""How long the line, the chip and the watchdog wait for a computation: never longer than a bounded time, whatever the program.

That is counted on this computer, in basic blocks between two moments at which a board looks whether anything waits, and
measured in QEMU's virtual time by a watchdog inside the image, which tells how long it was not restarted.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from bioasm.binary.writer import canonical_bytes
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.serial_port import open_port
from bioasm.loading import from_text
from tests.firmware.boards import missing, running
from tests.firmware.conftest import make
from tests.firmware.support import executed
from tests.firmware.test_link import ended, started
from tests.firmware.test_time import CLOCK, PROCESSORS

LONGEST = 0.010  # s; docs/link.md
BLOCKS = 20_000  # at about 60 instructions each, with arithmetic in software: a hundredth of a second at 125 MHz


def _matrix(folder: Path, n: int, kind: str, symmetric: bool = True) -> None:
    j = np.random.default_rng(n).integers(-9, 9, (n, n))
    whole = j + j.T if symmetric else j
    np.save(folder / "j.npy", (whole / 8 if kind[0] == "f" else whole).astype(kind))


def _sparse(n: int, entries: int) -> str:
    """Rows of a matrix; all entries of its first row are there."""
    rng = np.random.default_rng(n)
    places = sorted({*range(n), *(int(k) for k in rng.choice(n * n, entries, replace=False))})
    return f"sparse({n}) {{\n" + "\n".join(f"{k // n} {k % n} {rng.integers(1, 99) / 64}" for k in places) + "\n}"


def _terms(n: int, count: int, order: int) -> str:
    """Terms that all have neuron 0."""
    rng = np.random.default_rng(n)
    rows = (sorted([0, *(int(k) for k in rng.choice(n - 1, order - 1, replace=False) + 1)]) for _ in range(count))
    return f"terms({n}) {{\n" + "\n".join(f"{' '.join(map(str, row))} {k / 7}" for k, row in enumerate(rows)) + "\n}"


FILES = {  # the matrix that a program reads
    "dense floats": (1000, "f4"),
    "dense floats, not symmetric": (800, "f8", False),
    "dense bytes": (1024, "i1"),
    "spins in dense floats": (1000, "f4"),
    "spins in dense whole numbers": (1000, "i2", False),
}
HEAVY = {
    "dense floats": lambda: 'ALC 1000\nLDJ file "j.npy"\nSIG 3 mV\nRUN 2 ms\nRD I\nGET r0, energy\nRST\nRD best_state\n',
    "dense floats, not symmetric": lambda: 'ALC 800\nLDJ file "j.npy"\nRUN 2 ms\nRD I\n',
    "dense bytes": lambda: 'ALC 1024\nLDJ file "j.npy"\nRUN 2 ms\nRD I\n',
    "entries": lambda: f"ALC 1000\nLDJ {_sparse(1000, 50000)}\nRUN 2 ms\nRD\n",
    "terms": lambda: f"ALC 1000\nLDT {_terms(1000, 3000, 64)}\nRUN 2 ms\nRD\nRD best_state\n",
    "spins in dense floats": lambda: 'MODEL ising\nALC 1000\nLDJ file "j.npy"\nSIG 20\nRUN 5\nRD\nRST\nGET r0, energy\n',
    "spins in dense whole numbers": lambda: 'MODEL ising\nALC 1000\nLDJ file "j.npy"\nSIG 20\nRUN 5\nRD\nRST\nGET r0, energy\n',
    "spins in entries": lambda: f"MODEL ising\nALC 1000\nLDJ {_sparse(1000, 50000)}\nSIG 9\nRUN 5\nRD best_state\n",
    "spins in terms": lambda: f"MODEL ising\nALC 1000\nLDT {_terms(1000, 3000, 64)}\nSIG 9\nRUN 5\nRD best_state\n",
    "neurons by index": lambda: f"ALC 1000\nSET tau, [{'20e-3, ' * 999}1]\nCLAMP [{'5, ' * 9000}7], -0.06\nFREE\nRD\n",
    "steps with all spikes": lambda: "ALC 1024\nSET I_offset, 1 uA\nSIG 3 mV\nRUN 20 ms\nRD spikes\n",
}
SMALL = {
    "noise": lambda: "ALC 1024\nSIG 3 mV\nRUN 2 ms\nRD v\nRD\nRD spikes\nGET r0, energy\nOUT r0\n",
    "slow instructions": lambda: (
        "MODEL ising\nALC 600\nLDH [" + "0.3, " * 599 + "1]\nMOV r1, 3e4\na:\nLOOP r1, a\nMOV r1, 40\n"
        "b:\nRST\nGET r0, energy\nLOOP r1, b\n"
    ),
    "many names": lambda: "".join(f"label{k}:\nMOV r0, {k}\n" for k in range(200)) + "MODEL ising\nALC 2\nRUN 1\n",
    "many results": lambda: "MODEL ising\nALC 2\nMOV r0, 1000\na:\nOUT r0\nRD energy_trace\nLOOP r0, a\n",
    "exponentials": lambda: "MODEL hh_brainpy\nALC 300\nRUN 0.05 ms\nRD v\n",
}


@pytest.fixture(scope="module")
def counted(builds: Path) -> Path:
    return make(builds, "counted")


@pytest.mark.parametrize("name", [*HEAVY, *SMALL])
def test_no_computation_is_long(name: str, counted: Path, tmp_path: Path) -> None:
    if name in FILES:
        _matrix(tmp_path, *FILES[name])
    program = from_text((HEAVY | SMALL)[name](), source="test", folder=tmp_path)
    done = executed(counted, canonical_bytes(program), tmp_path, 1)
    assert done.returncode == 0, done.stderr
    blocks = re.search(rb"(\d+) blocks", done.stderr)
    assert blocks is not None
    assert int(blocks[1]) < BLOCKS


@contextmanager
def board(processor: str, builds: Path, folder: Path) -> Iterator[tuple[HostLink, Callable[[], float]]]:
    """A link to a board, and the longest time so far that it did nothing but compute."""
    lack = missing(processor)
    if lack is not None:
        pytest.skip(lack)
    image, told = make(builds, f"loop-{processor}.elf"), folder / "told"

    def longest() -> float:
        data = told.read_bytes()
        rows = struct.iter_unpack("<QQ", data[: len(data) // 16 * 16])
        return max(waited for _, waited in rows) * 1e-6

    with running(processor, image, *CLOCK, second=f"file:{told}") as port:
        link = HostLink(open_port(port, 1_000_000), "tests")
        try:
            link.connect(10.0)
            yield link, longest
        finally:
            link.close()


def served(processor: str, names: list[str], builds: Path, folder: Path) -> dict[str, float]:
    """The longest time after each program."""
    found = {}
    with board(processor, builds, folder) as (link, longest):
        for name in names:
            started(link, canonical_bytes(from_text(SMALL[name](), source="test", folder=folder)))
            link.fetch(ended(link))
            found[name] = longest()
    return found


@pytest.mark.parametrize("processor", PROCESSORS)
def test_nothing_waits_for_large_steps_with_noise(processor: str, builds: Path, tmp_path: Path) -> None:
    found = served(processor, ["noise"], builds, tmp_path)
    assert max(found.values()) < LONGEST, found


@pytest.mark.long
@pytest.mark.parametrize("processor", ["m7", "m4"])
def test_nothing_waits_for_any_computation(processor: str, builds: Path, tmp_path: Path) -> None:
    found = served(processor, list(SMALL), builds, tmp_path)
    assert max(found.values()) < LONGEST, found
