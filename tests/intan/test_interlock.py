"""Tests of the driver's part of the interlock: pulses after rounding, through the electrodes that they will meet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bioasm.diagnostics import Diagnostic
from bioasm.drivers import RunOptions
from bioasm.drivers.intan.driver import IntanDriver
from bioasm.drivers.intan.electrodes import default_map
from bioasm.drivers.intan.interlock import ceiling_of, over_ceilings, quantised, refused_pulses, rounded_pulses
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import Capability
from bioasm.safety import DEFAULT_LIMITS, Electrode, Limits, LimitsTable
from tests.intan.board import CEILINGS, limits_of, stimulator
from tests.intan.support import ISING, STIM, connected, gate, ran, refused

START = ".const amps = 2 uA\n.data all = [0, 1, 2, 3, 4, 5, 6, 7]\nALC 8\nMOV r1, 1e-6\n"


def found(line: str, electrode: Electrode | None = None, able: m.Capabilities | None = None, n: int = 8) -> list[Diagnostic]:
    """What the interlock says to a program that ends with this line, on a board with 16 channels."""
    sites = default_map(n, 16, electrode or Electrode.disk(100e-6))
    return refused_pulses(gate(START + line), able or stimulator(), sites.limits(), sites.channels(n))


# --- rounding ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amplitude", "width", "levels", "samples"),
    [(2e-6, 100e-6, 20, 2), (2.04e-6, 120e-6, 20, 2), (2.06e-6, 130e-6, 21, 3), (50e-9, 20e-6, 0, 1), (51e-9, 20e-6, 1, 1)],
)
def test_pulse_in_steps_and_samples_of_the_board(amplitude: float, width: float, levels: int, samples: int) -> None:
    pulse = quantised(amplitude, width, stimulator())
    assert pulse.levels == (-levels, levels)
    assert pulse.samples == (samples, samples)
    assert pulse.net == 0


def test_width_that_rounding_makes_too_long() -> None:
    assert found("STIM 0, 100 nA, 1 ms", able=stimulator(tick=700_000)) == []
    (first,) = found("STIM 0, 100 nA, 1 ms", able=stimulator(tick=1_500_000))
    assert "width of phase 1: 1.5 ms; the limit is 1 ms" in first.message


def test_less_than_half_a_step() -> None:
    (first,) = found("STIM 0, 40 nA, 100 us")
    assert first.code == "B520"
    assert "less than half a step of current" in first.message


def test_more_than_the_range_of_the_stimulator() -> None:
    (first,) = found("STIM 0, 9 uA, 20 us", able=stimulator(stim_step=10, tick=20_000))
    assert "current of phase 1: 900 steps; the limit is 255 steps" in first.message


# --- electrodes -------------------------------------------------------------------------------------


def test_charge_density_of_the_electrode_that_the_neuron_has() -> None:
    assert found("STIM 0, 3 uA, 100 us", Electrode.disk(30e-6)) == []
    (first,) = found("STIM 0, 4 uA, 100 us", Electrode.disk(30e-6))
    assert first.code == "B520"
    assert "charge density of phase 1: 56.59 uC/cm2; the limit is 50 uC/cm2" in first.message
    assert first.span is not None
    assert first.span.line == 5


def test_better_material_bears_more() -> None:
    assert found("STIM 0, 4 uA, 100 us", Electrode.disk(30e-6, "titanium nitride")) == []


def test_electrode_that_may_not_stimulate() -> None:
    (first,) = found("STIM 0, 1 uA, 100 us", replace(Electrode.disk(100e-6), allowed=False))
    assert "not allowed to stimulate" in first.message


def test_constants_by_name_are_seen() -> None:
    assert len(found("STIM 0, amps, 100 us", Electrode.disk(10e-6))) == 1


@pytest.mark.parametrize("line", ["STIM 0, r1, 100 us", "STIM 0, 2 uA, r1", "STIM r1, 2 uA, 100 us", "STIM 0, 0, 100 us"])
def test_what_is_known_on_the_board_only_is_left_to_it(line: str) -> None:
    assert found(line, Electrode.disk(1e-6)) == []


# --- several at a time ------------------------------------------------------------------------------


def test_electrodes_at_a_time() -> None:
    assert found("STIM [0, 1, 2, 3], 1 uA, 100 us") == []  # two electrodes a neuron
    (first,) = found("STIM all, 1 uA, 100 us")
    assert "electrodes that stimulate at this time: 16; the limit is 8" in first.message


def test_current_of_all_electrodes_together() -> None:
    (first,) = found("STIM [0, 1, 2], 9 uA, 100 us")
    assert "current of all electrodes at this time: 54 uA; the limit is 50 uA" in first.message


def test_each_rule_is_told_once_and_with_its_channel() -> None:
    (first,) = found("STIM [0, 1, 2], 5 uA, 100 us", Electrode.disk(30e-6))
    assert first.message.startswith("this pulse is refused by the interlock: channel 0, charge density of phase 1")


def test_every_flawed_pulse_is_told() -> None:
    lines = "STIM 0, 5 uA, 100 us\nSTIM 0, 1 uA, 100 us\nSTIM 1, 5 uA, 100 us"
    assert [d.span.line for d in found(lines, Electrode.disk(30e-6)) if d.span] == [5, 7]


# --- what rounding changes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("STIM 0, 2 uA, 20 us", "2 uA for 20 us a phase are asked for; this board gives 2 uA for 50 us"),
        ("STIM 0, 2 uA, 130 us", "this board gives 2 uA for 150 us"),
        ("STIM 0, 160 nA, 100 us", "this board gives 200 nA for 100 us"),
    ],
)
def test_pulse_that_rounding_changes_is_told(line: str, words: str) -> None:
    (note,) = rounded_pulses(gate(START + line), stimulator())
    assert (note.code, note.severity) == ("B525", "warning")
    assert words in note.message
    assert note.span is not None
    assert note.hint == "it gives whole steps of 100 nA and 50 us"


@pytest.mark.parametrize("line", ["STIM 0, 2.04 uA, 100 us", "STIM 0, 2 uA, 101 us", "STIM 0, 0, 20 us", "STIM 0, r1, 20 us"])
def test_pulse_that_rounding_hardly_changes_is_not_told(line: str) -> None:
    assert rounded_pulses(gate(START + line), stimulator()) == []


def test_warning_of_rounding_stands_in_the_result() -> None:
    with IntanDriver(port="emu:rhs2116?seed=1", substrate="culture", culture="baseline=0.05") as driver:
        result = driver.run(gate("ALC 2\nSTIM 0, 2 uA, 20 us\nRUN 10 ms\n"), RunOptions(seed=1))
    assert [d.code for d in result.diagnostics] == ["B525"]
    assert result.extras["stimulation"]["charge_nc"] == pytest.approx(8 * 0.1)  # 2 uA for 50 us on eight channels


# --- ceilings ---------------------------------------------------------------------------------------


def test_ceilings_of_a_board_as_limits() -> None:
    assert ceiling_of(CEILINGS) == DEFAULT_LIMITS


def test_table_within_the_ceilings() -> None:
    assert over_ceilings(LimitsTable(), stimulator()) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"current": 5e-6}, "max_current: 10 uA; the limit is 5 uA"),
        ({"density": 0.25}, "unknown_density: 0.5 C/m2; the limit is 0.25 C/m2"),
        ({"charge": 1e-9}, "max_charge: 3 nC; the limit is 1 nC"),
        ({"rate": 100.0}, "max_rate: 200 Hz; the limit is 100 Hz"),
        ({"gap": 1e-3}, "min_gap: 200 us; the limit is 1 ms"),
        ({"electrodes": 4}, "max_simultaneous: 8; the limit is 4"),
    ],
)
def test_board_that_allows_less(change: dict[str, float], words: str) -> None:
    able = stimulator(ceilings=replace(CEILINGS, **change))
    (first,) = refused(STIM, able=able, substrate="culture")
    assert first.code == "B521"
    assert words in first.message


# --- what the board is armed with -------------------------------------------------------------------


def test_recording_alone_arms_nothing() -> None:
    _, made = ran(ISING)
    assert not any(isinstance(request, m.Arm) for request in made.requests)
    assert m.Kind.LIMITS not in made.uploads


def test_twin_on_a_stimulating_board_is_not_armed() -> None:
    _, made = ran(ISING, able=stimulator())
    assert not any(isinstance(request, m.Arm) for request in made.requests)


def test_culture_that_is_driven_is_armed_with_the_table_of_the_map(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("neuron, channel, diameter_um, material\n0, 3, 50, platinum\n1, 4, 60, platinum\n2, 5, ,\n")
    _, made = ran(ISING, able=stimulator(), substrate="culture", map=path, watchdog=125)
    (arm,) = [request for request in made.requests if isinstance(request, m.Arm)]
    table = limits_of(made)
    assert arm == m.Arm(bytes.fromhex(table.sha256), 125)
    assert sorted(table.electrodes) == [3, 4]
    assert table.electrodes[4].area == pytest.approx(Electrode.disk(60e-6).area)
    assert table.electrodes[4].material == "platinum"


def test_board_is_disarmed_after_the_run() -> None:
    _, made = ran(ISING, able=stimulator(), substrate="culture")
    names = [type(request).__name__ for request in made.requests]
    assert names == ["Subscribe", "Arm", "Run", "Disarm"]
    assert made.mode is m.State.DISARMED


def test_culture_that_is_only_observed_is_not_armed() -> None:
    _, made = ran("ALC 2\nRUN 1 ms\nRD\n", able=stimulator(), substrate="culture")
    assert not any(isinstance(request, m.Arm) for request in made.requests)


def test_electrodes_of_unknown_size_do_not_stimulate(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("channel\n0\n1\n2\n")
    (first,) = refused(ISING, able=stimulator(), substrate="culture", map=path)
    assert first.code == "B520"
    assert "the size of the electrodes is not known" in first.message


def test_a_real_board_without_a_map_does_not_stimulate() -> None:
    real = Capability.RAW | Capability.STIMULATE
    (first,) = refused(ISING, able=stimulator(capabilities=real), substrate="culture")
    assert first.code == "B520"
    assert first.hint is not None
    assert "--map" in first.hint


def test_refused_pulse_stops_the_run_before_it_begins() -> None:
    (first,) = refused("ALC 2\nSTIM 0, 20 nA, 100 us\n", able=stimulator(), substrate="culture")
    assert first.code == "B520"


def test_tight_limits_are_not_over_loose_ceilings() -> None:
    tight = LimitsTable(Limits(max_current=1e-6, max_rate=10.0))
    assert over_ceilings(tight, stimulator()) is None


def test_driver_knows_the_board_can_stimulate() -> None:
    with connected(stimulator()) as (driver, _):
        assert "stimulation" in driver.abilities
    with connected() as (driver, _):
        assert "stimulation" not in driver.abilities
