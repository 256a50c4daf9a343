"""A back end is a class and a printer: a toy of one, like a GPU, passes the kit and gives the cpu driver's bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bioasm.drivers import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.testing import driver_conformance_tests
from bioasm.testing.kit import gate
from tests.conformance import grid
from tests.conformance.grid import GridDriver

LONE = "ALC 3\nSIG 2 mV\nREC v\nCUR 0.4 nA\nPOI 400 Hz, 3 mV\nWAVE [[1e-10], [2e-10], [0]], 5 ms\nCLAMP 1, -60 mV\nRUN 40 ms\n"
NETWORK = "POP a, lif_critical, 4\nPOP b, lif, 3\nSYN s, a, b\nCON s, probability, 0.7\n"
NETWORK += "SET s.weight, 5 mV\nSET s.delay, 1 ms\nREC b.v\n"
NETWORK += "SIG 3 mV\nINP a.I, 0.3 nA\nRUN 60 ms\n"


@driver_conformance_tests(GridDriver, abilities=CpuDriver.abilities - {"coupling", "synapses", "cables", "events", "single"})
class TestGrid:
    pass


@pytest.mark.parametrize("lanes", [1, 7])
@pytest.mark.parametrize("text", [LONE, NETWORK])
def test_it_gives_the_bytes_of_the_compiled_machine(text: str, lanes: int) -> None:
    one, other = (driver().run(gate(text), RunOptions(seed=3, lanes=lanes)) for driver in (CpuDriver, GridDriver))
    assert one.spikes.t.size > 0
    for name, recorded in one.recordings.items():
        assert np.array_equal(recorded.values, other.recordings[name].values)
    assert all(np.array_equal(getattr(one.spikes, part), getattr(other.spikes, part)) for part in ("t", "i", "lane"))


def test_it_is_short() -> None:
    assert len(Path(grid.__file__).read_text().splitlines()) < 150
