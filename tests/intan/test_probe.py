"""Tests of looking for boards: what is told of one, and that asking does nothing to it."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from bioasm.diagnostics import BioasmError, error
from bioasm.drivers.intan import probe
from bioasm.hardware.link.messages import State
from bioasm.hardware.link.transport import Transport
from tests.intan.board import TestBoard, board, capabilities, stimulator


def asked(made: TestBoard, wire: object) -> probe.Found:
    with patch.object(probe, "open_wire", lambda options: wire()):  # type: ignore[operator]
        (found,) = probe.probe([("/dev/x", "a bridge")], timeout=0.5)
    return found


def test_what_is_told_of_a_board() -> None:
    with board(stimulator()) as (made, wire):
        found = asked(made, wire).as_dict()
    assert found == {
        "port": "/dev/x",
        "description": "a bridge",
        "trouble": None,
        "board": {
            "uid": "board-7",
            "firmware": "test 1.2",
            "chips": ["rhs2116"],
            "channels": 16,
            "sample_rate": 20000.0,
            "stimulates": True,
            "simulated": True,
            "substrates": ["twin", "culture"],
            "neurons": 128,
            "lanes": 64,
            "state": "disarmed",
        },
    }


@pytest.mark.parametrize("state", [State.DISARMED, State.FAULT])
def test_asking_does_nothing_to_a_board(state: State) -> None:
    with board(stimulator()) as (made, wire):
        made.mode = state
        assert asked(made, wire).as_dict()["board"]["state"] == state.name.lower()
    assert made.requests == []
    assert made.uploads == {}
    assert made.estops == 0
    assert made.mode is (State.DISARMED if made.lost else state)  # the end of its session disarms a board


def test_port_where_nobody_answers() -> None:
    with board(capabilities()) as (made, wire):
        made.muted = True
        found = asked(made, wire)
    assert found.welcome is None
    assert found.trouble == "no board answered"
    assert found.as_dict()["board"] is None


def test_port_that_can_not_be_opened() -> None:
    def broken(options: object) -> Transport:
        raise error("B511", "port x can't be opened: no")

    with patch.object(probe, "open_wire", broken):
        (found,) = probe.probe([("x", "")])
    assert found.trouble == "port x can't be opened: no"


def test_one_port_does_not_keep_another_from_being_asked() -> None:
    def broken(options: object) -> Transport:
        raise error("B511", "no")

    with patch.object(probe, "open_wire", broken):
        assert [found.port for found in probe.probe([("x", ""), ("y", "")])] == ["x", "y"]


def test_ports_of_this_machine_need_pyserial() -> None:
    with patch.dict("sys.modules", {"serial": None}), pytest.raises(BioasmError) as caught:
        probe.serial_ports()
    assert caught.value.diagnostics[0].code == "B503"
