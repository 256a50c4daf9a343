"""The firmware's side of a chip: it knows the right one, and notices a stuck bus, a wrong chip and a lost step."""

from __future__ import annotations

import numpy as np
import pytest

from bioasm.hardware.board.frontend import ChipFault, FrontEnd
from bioasm.hardware.board.rig import Rig
from bioasm.hardware.board.server import wrong_chip
from bioasm.hardware.chips import CHIPS, open_chip


def front(name: str, **more: object) -> FrontEnd:
    """A front end on a chip that was not started."""
    return FrontEnd(open_chip(name, sample_rate=20000.0, seed=1), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CHIPS)
def test_right_chip_starts(name: str) -> None:
    end = front(name)
    end.start()
    assert end.chip.calibrated


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("value", [0x0000, 0xFFFF])
def test_stuck_bus_is_noticed(name: str, value: int) -> None:
    end = front(name)
    end.bus.stuck = value
    with pytest.raises(ChipFault, match="stuck or nothing is there"):
        end.start()


@pytest.mark.parametrize("name", CHIPS)
def test_wrong_chip_is_noticed(name: str) -> None:
    rig = Rig(name, 20000.0, 1)
    wrong_chip(rig)
    with pytest.raises(ChipFault, match=f"this is no {rig.chip.name}"):
        rig.start()


@pytest.mark.parametrize("name", CHIPS)
def test_missing_calibration_is_noticed(name: str) -> None:
    end = front(name)
    end.skip_calibration = True
    with pytest.raises(ChipFault, match="not calibrated"):
        end.start()


@pytest.mark.parametrize("name", CHIPS)
def test_periods_by_words_equal_blocks(name: str) -> None:
    trace = np.random.default_rng(0).normal(0, 50, (20, open_chip(name).amplifiers))
    by_words, by_blocks = front(name), front(name)
    by_words.start()
    by_blocks.start()
    assert np.array_equal([by_words.period(row, [])[0] for row in trace], by_blocks.block(trace))


@pytest.mark.parametrize("name", ["rhd2132", "rhs2116"])
def test_wrong_marker_is_noticed(name: str) -> None:
    end = front(name)
    end.start()
    end.chip.override(251 if end.stimulates else 40, 0)
    with pytest.raises(ChipFault, match="alignment marker"):
        end.period(np.zeros(end.chip.amplifiers), [])


@pytest.mark.parametrize("name", CHIPS)
def test_rig_samples_its_culture(name: str) -> None:
    rig = Rig(name, 20000.0, 1)
    rig.start()
    block = rig.run(10)
    assert block.codes.shape == (200, rig.channels)
    assert rig.clock == 200
    assert np.abs(block.codes.astype(int) - 32768).max() < 2000


def test_rig_repeats_itself() -> None:
    blocks = []
    for _ in range(2):
        rig = Rig("rhd2216", 20000.0, 7)
        rig.start()
        blocks.append(rig.run(20).codes)
    assert np.array_equal(*blocks)


def test_restarted_rig_repeats_itself() -> None:
    rig = Rig("rhs2116", 20000.0, 7)
    rig.restart(3)
    first = rig.run(20).codes
    rig.run(5)
    rig.restart(3)
    assert np.array_equal(rig.run(20).codes, first)


def test_bus_that_gets_stuck_while_sampling_is_noticed() -> None:
    rig = Rig("rhd2132", 20000.0, 1)
    rig.start()
    rig.run(5)
    rig.front.bus.stuck = 0xFFFF
    with pytest.raises(ChipFault, match="alignment marker"):
        rig.run(5)
