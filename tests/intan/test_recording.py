"""Tests of a recorded run: signals with their names and values, events beside them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bioasm.diagnostics import BioasmError, error
from bioasm.drivers import RunOptions
from bioasm.hardware.link import messages as m
from bioasm.hardware.recordings.events import EventWriter, read_events
from bioasm.hardware.recordings.reader import read_rhd
from bioasm.hardware.recordings.writers import SignalWriter
from tests.intan.board import TestBoard, capabilities, stimulator
from tests.intan.support import FOREVER, ISING, connected, gate, ran

SCANS = np.arange(60, dtype="<i2").reshape(20, 3) - 10


def telling(*messages: Callable[[TestBoard], m.Message]) -> Callable[[TestBoard], None]:
    """A script that tells these messages once, then ends the run."""

    def script(made: TestBoard) -> None:
        if made.turns == 2:
            for message in messages:
                made.link.send_telemetry(message(made))
        made.early = made.turns >= 3

    return script


def raw(first: int) -> Callable[[TestBoard], m.Message]:
    return lambda made: m.Raw(first, 3, SCANS.tobytes())


def recorded(
    folder: Path, script: Callable[[TestBoard], None], able: m.Capabilities | None = None, **options: object
) -> list[dict]:
    """The events of a run that was recorded."""
    ran(FOREVER, able or capabilities(), script, record=folder, **options)
    return read_events(folder if (folder / "info.rhd").exists() else folder / "events.jsonl")


def test_samples_are_those_that_the_board_sent(tmp_path: Path) -> None:
    recorded(tmp_path / "r", telling(raw(5000), raw(5020)), raw="1,4,9")
    found = read_rhd(tmp_path / "r")
    assert [c.native for c in found.info.channels] == ["A-001", "A-004", "A-009"]
    assert found.info.sample_rate == 20000.0
    assert found.jumps == 0
    assert found.microvolts.shape == (3, 40)
    assert np.allclose(found.microvolts[:, :20], SCANS.T * 0.195)


def test_names_tell_the_neurons(tmp_path: Path) -> None:
    recorded(tmp_path / "r", telling(raw(0)), raw="0,3,4")
    assert [c.custom for c in read_rhd(tmp_path / "r").info.channels] == ["n0", "n0.1", "n1.1"]


def test_samples_that_were_lost_are_a_gap(tmp_path: Path) -> None:
    events = recorded(tmp_path / "r", telling(raw(5000), raw(5050)), raw="0-2")
    (gap,) = [event for event in events if event["kind"] == "gap"]
    assert (gap["sample"], gap["count"]) == (5020, 30)
    assert read_rhd(tmp_path / "r").codes[:, 25].tolist() == [32768] * 3


def test_samples_that_came_before_are_left_out(tmp_path: Path) -> None:
    recorded(tmp_path / "r", telling(raw(5000), raw(4000), raw(5010), raw(5020)), raw="0-2")
    assert read_rhd(tmp_path / "r").codes.shape[1] == 40


def test_clock_in_other_ticks_than_samples(tmp_path: Path) -> None:
    recorded(tmp_path / "r", telling(raw(50_000), raw(50_200)), capabilities(clock_hz=200_000), raw="0-2")
    assert read_rhd(tmp_path / "r").jumps == 0
    assert read_rhd(tmp_path / "r").codes.shape[1] == 40


def test_events_beside_the_signals(tmp_path: Path) -> None:
    told = telling(
        raw(100),
        lambda made: m.Spikes(110, (m.SpikeEvent(0, 2, -400), m.SpikeEvent(7, 5, -300))),
        lambda made: m.Stim(120, 3, m.StimOutcome.REFUSED, "charge per phase", (-1e-9, 1e-9)),
        lambda made: m.Log(130, m.LogLevel.WARNING, "warm"),
        lambda made: m.Energy(0, 0, (-1.0, -2.0)),
    )
    events = recorded(tmp_path / "r", told, stimulator(), substrate="culture", raw="0-2")
    by_kind = {event["kind"]: event for event in events}
    spikes = [e for e in events if e["kind"] == "spike"]
    assert [(e["sample"], e["channel"], round(e["peak_uV"], 6)) for e in spikes] == [
        (110, "A-002", -78.0),
        (117, "A-005", -58.5),
    ]
    stimulus = by_kind["stimulus"]
    assert (stimulus["sample"], stimulus["channel"], stimulus["outcome"]) == (120, "A-003", "refused")
    assert (stimulus["limit"], stimulus["charges_C"]) == ("charge per phase", [-1e-9, 1e-9])
    assert (by_kind["log"]["text"], by_kind["log"]["level"]) == ("warm", "warning")
    assert [e["values"] for e in events if e["kind"] == "energy"][0] == [-1.0, -2.0]
    assert by_kind["run"]["substrate"] == "culture"
    assert by_kind["ended"]["status"] == "finished"
    assert by_kind["link"]["lost"]["raw"] == 0


def test_spikes_of_the_twin_are_those_of_neurons(tmp_path: Path) -> None:
    events = recorded(tmp_path / "r", telling(lambda made: m.Spikes(made.clock(), (m.SpikeEvent(0, 1, 0),))), raw="none")
    (spike,) = [event for event in events if event["kind"] == "spike"]
    assert spike["neuron"] == 1
    assert "channel" not in spike


def test_all_channels_are_recorded_where_none_are_named(tmp_path: Path) -> None:
    with connected(record=tmp_path / "r") as (driver, made):
        driver.run(gate(ISING), RunOptions(seed=1))
    first, last = [request for request in made.requests if isinstance(request, m.Subscribe)]
    assert first.raw_channels == tuple(range(32))
    assert last == m.Subscribe(0)  # nothing goes on streaming behind the run


def test_nothing_is_subscribed_without_a_recording() -> None:
    (asked,) = [request for request in ran(ISING, raw="0-3")[1].requests if isinstance(request, m.Subscribe)]
    assert asked.raw_channels == ()


def test_recording_is_never_replaced(tmp_path: Path) -> None:
    recorded(tmp_path / "r", telling(raw(0)), raw="0-2")
    with connected(record=tmp_path / "r", raw="0-2") as (driver, made):
        with pytest.raises(BioasmError) as caught:
            driver.run(gate(ISING), RunOptions(seed=1))
        assert made.uploads == {}
    assert caught.value.diagnostics[0].code == "B302"


@pytest.mark.parametrize("raw_channels", ["0-2", "none"])
def test_recording_that_can_not_be_made(tmp_path: Path, raw_channels: str) -> None:
    (tmp_path / "file").write_text("")
    with connected(record=tmp_path / "file", raw=raw_channels) as (driver, made):
        with pytest.raises(BioasmError) as caught:
            driver.run(gate(ISING), RunOptions(seed=1))
        assert made.uploads == {}
    assert caught.value.diagnostics[0].code == "B302"


def test_raw_channels_that_do_not_fit_are_refused_before_a_file_is_made(tmp_path: Path) -> None:
    slow = capabilities(line_rate=100_000)
    with connected(slow, record=tmp_path / "r") as (driver, _), pytest.raises(BioasmError, match="32 raw channels") as caught:
        driver.run(gate(ISING), RunOptions(seed=1))
    assert caught.value.diagnostics[0].hint == "1 channels fit, as in --driver-option raw=0"
    assert not (tmp_path / "r").exists()


def full_disk(*_: object) -> None:
    raise error("B302", "can't write here: no space left on device")


@pytest.mark.parametrize("chosen", [{"raw": "0-2"}, {"raw": "none"}])
@pytest.mark.parametrize("kind", ["spike", "ended"])
def test_full_disk_costs_the_recording_and_not_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: dict[str, str], kind: str
) -> None:
    put, full = EventWriter.put, []

    def filling(self: EventWriter, values: dict) -> None:
        full.extend([True] * (values["kind"] == kind))
        return full_disk() if full else put(self, values)

    monkeypatch.setattr(EventWriter, "put", filling)
    spike = telling(raw(0), lambda made: m.Spikes(110, (m.SpikeEvent(0, 1, 0),)), lambda made: m.Energy(0, 0, (-1.0, -2.0)))
    opened = connected(script=spike, record=tmp_path / "r", **chosen)
    with opened as (driver, _), pytest.raises(BioasmError, match="no space left") as caught:
        driver.run(gate(FOREVER), RunOptions(seed=1))
    assert caught.value.partial.status == "failed"
    assert [d.code for d in caught.value.partial.diagnostics] == ["B302"]
    assert read_events(tmp_path / "r" / "events.jsonl")[-1]["kind"] != "end"


def test_signals_on_a_full_disk_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SignalWriter, "append", full_disk)
    with connected(script=telling(raw(0)), record=tmp_path / "r", raw="0-2") as (driver, made):
        with pytest.raises(BioasmError, match="no space left") as caught:
            driver.run(gate(FOREVER), RunOptions(seed=1))
        assert any(isinstance(request, m.Halt) for request in made.requests)
    assert caught.value.partial.status == "failed"
    assert read_events(tmp_path / "r")[-1]["kind"] == "end"
