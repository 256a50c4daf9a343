"""Every fault of line and board ends in recovery, or in a clean stop with what was told and stimulation off."""

from __future__ import annotations

import time
from urllib.parse import quote

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers import RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.drivers.intan.driver import IntanDriver
from bioasm.hardware.board.emulated import EmulatedTransport
from bioasm.hardware.board.server import Station
from bioasm.hardware.link.errors import LinkLost
from bioasm.hardware.link.messages import State
from bioasm.results import Result
from bioasm.testing.results import same
from tests.intan.support import ISING, gate

# Long enough for something to happen while it runs, short enough to be fetched soon.
WIDE = "MODEL ising\nALC 3000\nLDJ sparse(3000) { 0 1 1 | 1 0 1 }\nSIG 1\nRUN 4000\nRD energy\n"
ENDLESS = WIDE.replace("RUN 4000", "RD energy\nRUN 400000000")
CELLS = "ALC 4\nLDJ [[0,-1,0,0],[-1,0,-1,0],[0,-1,0,-1],[0,0,-1,0]]\nSIG 5 mV\nRD energy\nRUN 2 s\n"


def emu(chip: str = "rhd2132", *faults: str, **settings: object) -> str:
    """The address of a board with faults."""
    parts = [f"{name.replace('_', '-')}={value}" for name, value in {"seed": 1, **settings}.items()]
    return f"emu:{chip}?{'&'.join([*parts, *(f'fault={quote(f)}' for f in faults)])}"


def station_of(driver: IntanDriver) -> Station:
    assert driver.link is not None
    assert isinstance(driver.link.transport, EmulatedTransport)
    return driver.link.transport.station


def run(port: str, text: str, substrate: str = "twin") -> tuple[Result | BioasmError, Station]:
    """What a run ends with, and the board."""
    with IntanDriver(port=port, substrate=substrate) as driver:
        station = station_of(driver)
        try:
            return driver.run(gate(text), RunOptions(seed=5)), station
        except BioasmError as fault:
            return fault, station


def is_off(station: Station) -> bool:
    """Whether no current flows, at the latest after the watchdog's time and a little."""
    firmware = station.firmware
    for k in range(60):  # 300 ms that nobody serves the board any more
        firmware.hear(b"", time.monotonic() + 0.005 * k)
        firmware.turn(time.monotonic() + 0.005 * k)
    chip = firmware.rig.chip
    return not chip.can_stimulate or (not chip.armed and not np.any(chip.stim_current))


# --- recovery ---------------------------------------------------------------------------------------

RECOVERED = [
    (emu(loss=0.01), ISING),
    (emu(loss=0.05), ISING),
    (emu(loss=0.2), ISING),
    (emu(corrupt=0.05), ISING),
    (emu(corrupt=0.2), ISING),
    (emu(truncate=0.05), ISING),
    (emu(truncate=0.2, seed=2), ISING),
    (emu(duplicate=0.1), ISING),
    (emu(duplicate=0.5), ISING),
    (emu(late=0.05), ISING),
    (emu(late=0.2), ISING),
    (emu(delay=0.01), ISING),
    (emu(delay=0.05), ISING),
    (emu(loss=0.05, corrupt=0.05, duplicate=0.05, late=0.05, delay=0.005), ISING),
    (emu(baud=115200), ISING),
    (emu(baud=1000000, loss=0.05), ISING),
    (emu(drift=200), ISING),
    (emu("rhd2132", "0 garbage 1"), ISING),
    (emu("rhd2132", "0 garbage 5000"), ISING),
    (emu("rhd2132", "rx+100 garbage 300"), ISING),
    (emu("rhd2132", "rx+400 garbage 300"), ISING),
    (emu("rhd2132", "rx+20 deaf 1"), ISING),
    (emu("rhd2132", "rx+150 deaf 60"), ISING),
    (emu("rhd2132", "rx+300 deaf 400"), ISING),
    (emu("rhd2132", "rx+300 silence 0.3"), ISING),
    (emu("rhd2132", "run+0.05 silence 0.4"), WIDE),
    (emu("rhd2132", "run+0.05 garbage 3000"), WIDE),
    (emu("rhd2132", "run+0.05 deaf 200"), WIDE),
    (emu("rhd2132", "run+0.05 clock-jump 3"), WIDE),
    (emu("rhd2164", loss=0.05), ISING),
    (emu("rhd2216", corrupt=0.05), ISING),
    (emu("rhs2116", late=0.05), ISING),
]


@pytest.mark.parametrize(("port", "text"), RECOVERED, ids=[port.partition("&")[2] or port for port, _ in RECOVERED])
def test_line_that_is_bad_changes_no_result(port: str, text: str) -> None:
    found, station = run(port, text)
    assert isinstance(found, Result), found
    assert same(found, CpuDriver().run(gate(text), RunOptions(seed=5)))
    assert is_off(station)


# --- a clean stop -----------------------------------------------------------------------------------

LOST = [
    ("rx+120 unplug", False),
    ("rx+500 unplug", False),
    ("run+0.05 unplug", True),
    ("rx+120 reset", False),
    ("rx+500 reset", False),
    ("run+0.05 reset", True),
    ("run+0.05 silence 9", True),
]


@pytest.mark.parametrize(("fault", "started"), LOST)
def test_board_that_goes_away(fault: str, started: bool) -> None:
    found, _ = run(emu("rhd2132", fault), ENDLESS)
    assert isinstance(found, LinkLost)
    assert found.exit_code == 3
    assert (found.partial is not None) is started
    if started:
        assert (found.partial.status, found.partial.n) == ("lost", 3000)


@pytest.mark.parametrize("fault", ["unplug", "reset", "silence 9"])
def test_board_that_goes_away_while_it_stimulates(fault: str) -> None:
    for later in (0.3, 1, 3, 9):  # on a busy machine it takes longer until something was stimulated
        found, station = run(emu("rhs2116", f"run+{later} {fault}"), CELLS.replace("2 s", "1000 s"), "culture")
        assert isinstance(found, LinkLost)
        assert found.partial.status == "lost"
        assert is_off(station)
        if found.partial.extras["stimuli"].get("delivered"):  # those that the loss dropped are told as well
            break
    assert found.partial.extras["stimuli"]["delivered"] > 0


STOPPED = [
    ("run+0.3 stuck 0", "chip"),
    ("run+0.3 stuck 1", "chip"),
    ("run+0.3 compliance 2", "compliance"),
    ("run+0.3 leak 50", "chip"),
]


@pytest.mark.parametrize(("fault", "reason"), STOPPED)
def test_board_that_stops_itself(fault: str, reason: str) -> None:
    found, station = run(emu("rhs2116", fault), CELLS, "culture")
    assert isinstance(found, BioasmError), found.status
    (told,) = found.diagnostics
    assert told.code == "B524"
    assert f"the board stopped itself: {reason}" in told.message
    assert found.partial.status == "failed"
    # on a busy machine it may come before the program's first instruction
    assert [reading.what for reading in found.partial.results] in ([], ["energy"])
    assert is_off(station)
    assert station.firmware.state() is State.FAULT


@pytest.mark.parametrize("settings", [{"loss": 0.05}, {"corrupt": 0.1}, {"duplicate": 0.2, "late": 0.1}])
def test_bad_line_does_not_stop_a_culture(settings: dict[str, float]) -> None:
    found, station = run(emu("rhs2116", **settings), CELLS.replace("2 s", "500 ms"), "culture")
    assert isinstance(found, Result), found
    assert found.status == "finished"
    assert found.extras["stimulation"]["refused"] == 0
    assert is_off(station)
