"""Tests of a lost board: when it goes, exit code 3, what is kept, and that nothing stimulates on."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError
from bioasm.drivers import Progress, RunOptions
from bioasm.drivers.intan import run_session
from bioasm.drivers.intan.driver import IntanDriver
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.errors import LinkLost
from bioasm.hardware.link.messages import Kind, State
from bioasm.hardware.recordings.events import read_events
from bioasm.results import Result
from tests.intan.board import TestBoard, board, capabilities, rewired, stimulator
from tests.intan.support import FOREVER, ISING, LIF, connected, gate


def lost(text: str, able: m.Capabilities | None, script: object, **options: object) -> tuple[LinkLost, TestBoard]:
    """What a run ends with whose board goes away, and the board."""
    with connected(able, script, **options) as (driver, made):  # type: ignore[arg-type]
        driver.chosen = _emulated(driver)
        with pytest.raises(LinkLost) as caught:
            driver.run(gate(text), RunOptions(seed=1))
    assert caught.value.exit_code == 3
    assert [d.code for d in caught.value.diagnostics] == ["B504"]
    return caught.value, made


def _emulated(driver: IntanDriver) -> object:
    from dataclasses import replace

    return replace(driver.chosen, port="emu:of the test")  # such a board does not outlive its link


def after(turns: int) -> object:
    """Unplugs the board in the middle of a run."""

    def script(made: TestBoard) -> None:
        if made.turns == turns:
            made.link.send_telemetry(m.Energy(0, 0, (-1.0, -2.0)))
            made.link.send_telemetry(m.Energy(3, 0, (-1.5,)))
            made.link.send_telemetry(
                m.Spikes(made.clock(), (m.SpikeEvent(0, 1, 0), m.SpikeEvent(5, 0, 0), m.SpikeEvent(9, 77, 0)))
            )
            made._serve(0.0)
            made.cut()

    return script


# --- during the run ---------------------------------------------------------------------------------


def test_unplugged_in_the_middle_of_a_run_keeps_what_was_told() -> None:
    fault, _ = lost(FOREVER, None, after(3))
    found = fault.partial
    assert isinstance(found, Result)
    assert (found.status, found.driver, found.model, found.n, found.seed) == ("lost", "intan", "ising", 3, 1)
    assert found.energy_trace.shape == (1, 4)
    assert found.energy_trace[0].tolist()[:2] == [-1.0, -2.0]
    assert np.isnan(found.energy_trace[0, 2])
    assert found.energy_trace[0, 3] == -1.5
    assert found.best_energy.tolist() == [-2.0]
    assert found.steps > 0
    assert [d.code for d in found.diagnostics] == ["B504"]


def test_time_and_best_energy_of_a_lost_run_are_those_of_its_substrate() -> None:
    def told(made: TestBoard) -> None:
        if made.turns == 3:
            made.link.send_telemetry(m.Status(0, State.RUNNING, run=made.requests[-1].run, steps=10**6, best_energy=-4.0))
        after(3)(made)  # type: ignore[operator]

    for substrate, step in (("twin", 1e-4), ("culture", 1e-3)):
        found = lost("ALC 2\nRUN 1000 s\n", None, told, substrate=substrate)[0].partial
        assert (found.steps, found.seconds_per_step) == (10**6, step)
        assert found.best_energy.tolist() == [-4.0]  # the trace's -2 is of a state between 0 and 1


def test_spikes_that_were_told_are_kept_with_their_neurons() -> None:
    found = lost("ALC 2\nRUN 1000 s\n", None, after(2))[0].partial
    assert found.spikes.i.tolist()[:2] == [1, 0]
    assert (np.diff(found.spikes.t) >= 0).all()
    assert found.spike_count.tolist() == [[1, 1]]
    assert found.seconds_per_step == 1e-4


def test_spikes_of_a_culture_are_those_of_its_channels() -> None:
    found = lost("ALC 2\nRUN 1000 s\n", None, after(2), substrate="culture")[0].partial
    # channels 0, 2, ... are neuron 0, channels 1, 3, ... neuron 1; there is no channel 77
    assert found.spikes.i.tolist() == [1, 0]


def test_what_is_not_known_is_not_made_up() -> None:
    found = lost(FOREVER, None, after(3))[0].partial
    assert np.isnan(found.state).all()
    assert np.isnan(found.energy).all()
    assert "state" in found.extras["not_received"]


def test_lost_run_of_an_armed_board_disarms_it() -> None:
    _, made = lost(FOREVER, stimulator(), after(3), substrate="culture")
    assert made.mode is State.ARMED  # unplugged, it can't know yet
    made.link.poll(1e9)
    assert made.mode is State.DISARMED
    assert made.lost


def test_board_that_never_tells_the_end_counts_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_session, "_END", 0.2)

    def script(made: TestBoard) -> None:
        made.silent_end = True

    with connected(None, script) as (driver, _):
        driver.chosen = _emulated(driver)  # type: ignore[assignment]
        with pytest.raises(LinkLost, match="did not tell the end") as caught:
            driver.run(gate(FOREVER), RunOptions(seed=1), lambda progress: False)
    assert caught.value.partial.status == "lost"


def test_fault_without_an_end_counts_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_session, "_FAULT_END", 0.2)

    def script(made: TestBoard) -> None:
        if made.turns == 2:
            made.silent_end = made.halted = True
            made.link.send(m.Faulted(m.Fault.CHIP, made.clock()))

    with connected(stimulator(), script, substrate="culture") as (driver, _):
        driver.chosen = _emulated(driver)  # type: ignore[assignment]
        with pytest.raises(LinkLost):
            driver.run(gate(FOREVER), RunOptions(seed=1))


@pytest.mark.parametrize(
    ("able", "options", "waited"),
    [(capabilities(), {}, "2 s"), (stimulator(), {"substrate": "culture", "watchdog": 125}, "125 ms")],
)
def test_run_that_the_board_ended_for_want_of_a_host(able: m.Capabilities, options: dict[str, object], waited: str) -> None:
    def script(made: TestBoard) -> None:
        if made.turns == 2:
            made.host_lost("the host was silent")

    fault, _ = lost(FOREVER, able, script, **options)
    assert f"it hears nothing for {waited}" in fault.diagnostics[0].message
    assert fault.partial.status == "lost"
    assert [reading.what for reading in fault.partial.results] == ["state"]
    assert not np.isnan(fault.partial.state).any()


# --- before and after it ----------------------------------------------------------------------------


def test_lost_before_the_run_has_no_result() -> None:
    with connected() as (driver, made):
        made.cut()
        with pytest.raises(LinkLost) as caught:
            driver.run(gate(ISING), RunOptions(seed=1))
    assert caught.value.partial is None
    assert caught.value.exit_code == 3


def test_no_answer_at_the_port() -> None:
    with board() as (made, wire):
        made.muted = True
        opening = patch("bioasm.drivers.intan.driver.open_wire", lambda chosen: wire())
        waiting = patch("bioasm.drivers.intan.driver._GREETING", 0.3)
        with opening, waiting, pytest.raises(BioasmError) as caught:
            IntanDriver(port="x").connect()
    assert caught.value.diagnostics[0].code == "B510"
    assert caught.value.exit_code == 3


# --- a board that outlives the link -----------------------------------------------------------------


class Resumed:
    """A board whose wire breaks in the middle of a run, and which a new wire leads to."""

    def __init__(self, restart: bool = False) -> None:
        self.restart = restart
        self.wires = 0

    def opened(self, made: TestBoard, first: object) -> object:
        self.wires += 1
        if self.wires == 1:
            return first
        wire = rewired(made)
        made.link._end_session("the wire broke")  # what 2 s of silence do
        if self.restart:
            made.link.boot += 1
        return wire


def rescued(restart: bool) -> tuple[Result, TestBoard]:
    """What is left of a run whose wire broke while the board went on to its end."""

    def script(made: TestBoard) -> None:
        if made.turns == 2:
            made.wire.close()

    again = Resumed(restart)
    with board(None, script) as (made, wire):
        opening = patch("bioasm.drivers.intan.driver.open_wire", lambda chosen: again.opened(made, wire()))
        with opening, IntanDriver(port="test") as driver, pytest.raises(LinkLost) as caught:
            driver.run(gate(FOREVER), RunOptions(seed=1))
    return caught.value.partial, made


def test_result_that_the_board_kept_is_fetched_from_it() -> None:
    found, _ = rescued(restart=False)
    assert found.status == "lost"
    assert found.extras["rescued"] == "the result that the board kept"
    assert [reading.what for reading in found.results] == ["state"]
    assert not np.isnan(found.state).any()
    assert [d.code for d in found.diagnostics] == ["B504"]


def test_board_that_started_anew_kept_nothing() -> None:
    found, _ = rescued(restart=True)
    assert found.status == "lost"
    assert "rescued" not in found.extras
    assert np.isnan(found.state).all()


# --- stopping before the run ------------------------------------------------------------------------


def test_stop_while_the_program_is_sent() -> None:
    told: list[str] = []

    def observer(progress: Progress) -> bool:
        told.append(progress.message)
        return False

    big = (
        "MODEL ising\nALC 128\n" + f"LDJ [{', '.join('[' + ', '.join(['0.25'] * 128) + ']' for _ in range(128))}]\n" + "RUN 5\n"
    )
    with connected(capabilities()) as (driver, made):
        driver.link._session._end.line_rate = None  # type: ignore[union-attr]
        with patch.object(type(driver.link), "upload", _slow):
            found = driver.run(gate(big), RunOptions(seed=1), observer)
        assert not any(isinstance(request, m.Run) for request in made.requests)
    assert told == ["sending the program: 50 %"]
    assert found.status == "interrupted"
    assert found.steps == 0


def _slow(link: object, kind: Kind, data: bytes, progress: object) -> bool:
    progress(50, 100)  # type: ignore[operator]
    return True


# --- recordings -------------------------------------------------------------------------------------


def test_recording_of_a_lost_run_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "rec"
    lost(FOREVER, None, after(3), record=folder, raw="none")
    kinds = [event["kind"] for event in read_events(folder / "events.jsonl")]
    assert kinds[:2] == ["start", "run"]
    assert kinds[-3:] == ["ended", "link", "end"]
    assert "energy" in kinds
    assert "spike" in kinds


def test_result_of_a_lost_run_does_not_need_the_board() -> None:
    found = lost(LIF + "RUN 1000 s\n", None, after(2))[0].partial
    assert found.program_sha256
    assert found.extras["substrate"] == "twin"
    assert found.timing["total"] > 0
