"""Small tables of the board: electrodes, settings in addresses, faults by script, pace."""

from __future__ import annotations

import pytest

from bioasm.diagnostics import EXIT_USAGE, BioasmError
from bioasm.hardware.board.electrodes import default_electrodes, pack_electrodes, unpack_electrodes
from bioasm.hardware.board.real_time import Pace
from bioasm.hardware.board.script import ACTIONS, Event, Script, parse_event
from bioasm.hardware.board.settings import BoardSettings, settings_from

# --- electrodes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("neurons", "channels", "first"),
    [(1, 4, (0, 1, 2, 3)), (4, 16, (0, 4, 8, 12)), (5, 16, (0, 5, 10)), (16, 16, (0,)), (32, 32, (0,))],
)
def test_neurons_share_the_channels(neurons: int, channels: int, first: tuple[int, ...]) -> None:
    electrodes = default_electrodes(neurons, channels)
    named = [channel for mine in electrodes for channel in mine]
    assert electrodes[0] == first
    assert len(set(named)) == len(named)
    assert max(named) < channels


@pytest.mark.parametrize("table", [(), ((0,),), ((0, 1), (2,), (15, 14, 13)), ((65535,),)])
def test_electrodes_survive_the_wire(table: tuple[tuple[int, ...], ...]) -> None:
    assert unpack_electrodes(pack_electrodes(table)) == table


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "ends too early"),
        (b"XXXX\0\0", "starts with"),
        (b"BEM1\1\0", "ends too early"),
        (b"BEM1\1\0\0", "no channel"),
        (b"BEM1\0\0x", "follow"),
        (b"BEM1\1\0\2\1\0", "ends too early"),
        (pack_electrodes([(1,), (1,)]), "twice"),
    ],
)
def test_damaged_electrodes_are_refused(data: bytes, why: str) -> None:
    with pytest.raises(BioasmError, match=why) as caught:
        unpack_electrodes(data)
    assert caught.value.diagnostics[0].code == "B522"


# --- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        ("emu:", {}),
        ("emu:rhd2132", {}),
        ("emu://rhd2132", {}),
        ("emu:rhs2116?seed=7", {"chip": "rhs2116", "seed": 7}),
        (
            "emu:rhd2164?loss=0.01&corrupt=0.02&duplicate=0.5",
            {"chip": "rhd2164", "loss": 0.01, "corrupt": 0.02, "duplicate": 0.5},
        ),
        ("emu:rhd2216?time=wall&drift=-20", {"chip": "rhd2216", "time": "wall", "drift": -20.0}),
        ("emu:rhd2132?wrong-chip", {"wrong_chip": True}),
        ("emu:rhd2132?wrong-chip=no", {}),
        ("emu:rhd2132?stuck=0xFFFF", {"stuck": "0xFFFF"}),
        ("emu:rhd2132?sample-rate=30000&baud=1000000", {"sample_rate": 30000.0, "baud": 1e6}),
        ("emu:rhd2132?fault=run%2B0.1+unplug", {"faults": (Event("run", 0.1, "unplug", 0.0),)}),
        (
            "emu:rhd2132?fault=rx%2B100+reset&fault=2+silence+3",
            {"faults": (Event("rx", 100, "reset", 0), Event("", 2, "silence", 3))},
        ),
    ],
)
def test_address_says_the_settings(url: str, changed: dict[str, object]) -> None:
    assert settings_from(url) == BoardSettings(**changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("tty:rhd2132", "begin with emu:"),
        ("emu:rhd2133", "there is no chip"),
        ("emu:rhd2132?speed=3", "no setting 'speed'"),
        ("emu:rhd2132?loss=2", "a chance is 0 to 1"),
        ("emu:rhd2132?loss=-0.1", "a chance is 0 to 1"),
        ("emu:rhd2132?loss=nan", "a chance is 0 to 1"),
        ("emu:rhd2132?loss=much", "can't be 'much'"),
        ("emu:rhd2132?time=tomorrow", "virtual or wall"),
        ("emu:rhd2132?stuck=7", "stuck at"),
        ("emu:rhd2132?sample-rate=44100", "not sampled at"),
        ("emu:rhs2116?sample-rate=1000", "not sampled at"),
        ("emu:rhd2132?baud=9", "at least 1200"),
        ("emu:rhd2132?baud=nan", "at least 1200"),
        ("emu:rhd2132?seed=-1", "seed"),
        ("emu:rhd2132?wrong-chip=perhaps", "can't be"),
        ("emu:rhd2132?faults=x", "no setting"),
        ("emu:rhd2132?fault=never", "is no fault"),
    ],
)
def test_address_that_makes_no_sense_is_refused(url: str, why: str) -> None:
    with pytest.raises(BioasmError, match=why) as caught:
        settings_from(url)
    assert caught.value.exit_code == EXIT_USAGE
    assert caught.value.diagnostics[0].code == "B530"


def test_line_rate_is_a_tenth_of_the_baud() -> None:
    assert BoardSettings(baud=1e6).line_rate == 1e5
    assert BoardSettings().line_rate is None


# --- script -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "event"),
    [
        ("0.5 unplug", Event("", 0.5, "unplug", 0.0)),
        ("run+0.1 silence 3", Event("run", 0.1, "silence", 3.0)),
        ("rx+20000 reset", Event("rx", 20000.0, "reset", 0.0)),
        ("0:stuck:0xFFFF", Event("", 0.0, "stuck", 65535.0)),
    ],
)
def test_fault_is_read(text: str, event: Event) -> None:
    assert parse_event(text) == event


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no fault"),
        ("0.5", "is no fault"),
        ("0.5 explode", "no fault 'explode'"),
        ("0.5 unplug 3", "takes no value"),
        ("0.5 silence", "takes a value"),
        ("soon unplug", "is no number"),
        ("-1 unplug", "is no time"),
        ("tx+3 unplug", "happens at"),
        ("1 2 3 4", "is no fault"),
        ("0.5 silence inf", "is no time"),
    ],
)
def test_fault_that_makes_no_sense_is_refused(text: str, why: str) -> None:
    with pytest.raises(BioasmError, match=why):
        parse_event(text)


def test_every_fault_has_its_value_explained() -> None:
    assert all(words in ("", "seconds", "bytes", "value", "channel", "microamperes") for words in ACTIONS.values())


def test_script_lets_each_event_happen_once() -> None:
    script = Script([parse_event("1 reset"), parse_event("run+0.5 unplug"), parse_event("rx+10 free")])
    assert script.due(0.5, None, 0) == []
    assert [event.action for event in script.due(1.0, None, 10)] == ["reset", "free"]
    assert script.due(9.0, 0.4, 99) == []
    assert [event.action for event in script.due(9.1, 0.5, 99)] == ["unplug"]
    assert script.due(99.0, 99.0, 999) == []


# --- pace -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("drift", "samples"), [(0.0, 20000), (100.0, 20002), (-100.0, 19998)])
def test_samples_follow_seconds_with_a_drift(drift: float, samples: int) -> None:
    pace = Pace(20000.0, True, drift)
    pace.anchor(0, 5.0)
    assert pace.behind(0, 6.0) == samples


def test_wall_time_holds_a_run_back() -> None:
    pace = Pace(1000.0, True, 0.0)
    pace.anchor(0, 0.0)
    assert not pace.due(10, 0.010)
    assert pace.due(10, 0.012)


def test_virtual_time_holds_nothing_back() -> None:
    pace = Pace(1000.0, False, 0.0)
    pace.anchor(0, 0.0)
    assert pace.due(10**9, 0.0)


def test_clock_never_goes_back() -> None:
    pace = Pace(1000.0, False, 0.0)
    pace.anchor(500, 0.0)
    assert pace.clock(700, 0.1, running=True) == 700
    assert pace.clock(700, 0.1, running=False) == 700
    assert pace.clock(700, 0.5, running=False) == 1000
