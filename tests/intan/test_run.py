"""Tests of whole runs on a board: the Result of the processor, what is sent, who is told, and how a run is stopped."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

from bioasm.binary.writer import canonical_bytes, program_hash
from bioasm.diagnostics import BioasmError
from bioasm.drivers import Progress, RunOptions
from bioasm.drivers.cpu import CpuDriver
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import Kind, State, Stream
from bioasm.results import Result
from bioasm.results.json import to_text
from bioasm.testing.results import same
from tests.intan.board import CEILINGS, TestBoard, capabilities, rewired, stimulator
from tests.intan.support import FOREVER, ISING, LIF, connected, gate, ran

# --- the result -------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [ISING, LIF])
@pytest.mark.parametrize(("seed", "lanes"), [(1, 1), ((1 << 64) - 1, 3)])
def test_result_is_that_of_the_processor(text: str, seed: int, lanes: int) -> None:
    found, _ = ran(text, seed=seed, lanes=lanes)
    assert same(found, CpuDriver().run(gate(text), RunOptions(seed=seed, lanes=lanes)))
    assert (found.driver, found.seed, found.lanes, found.status) == ("intan", seed, lanes, "finished")


def test_hash_is_that_of_the_program() -> None:
    found, _ = ran(ISING)
    assert found.program_sha256 == program_hash(gate(ISING).program)


def test_parameters_of_the_run_reach_the_board() -> None:
    with connected() as (driver, made):
        found = driver.run(gate(LIF), RunOptions(seed=1, parameters={"dt": 0.2e-3}))
    (run,) = [request for request in made.requests if isinstance(request, m.Run)]
    assert run.parameters == (m.Parameter("dt", 0.2e-3),)
    assert found.seconds_per_step == 0.2e-3


def test_parameters_of_the_mapping_reach_the_board() -> None:
    _, made = ran("ALC 2\nRUN 1 ms\n", substrate="culture", culture="window=0.2")
    (run,) = [request for request in made.requests if isinstance(request, m.Run)]
    assert run.parameters == (m.Parameter("culture.window", 0.2),)


def test_provenance_says_what_computed_and_over_which_link() -> None:
    extras = ran(ISING)[0].extras
    assert extras["substrate"] == "twin"
    assert extras["electrodes"] == "default"
    assert extras["board"] | {"boot": 0} == {
        "port": "test",
        "uid": "board-7",
        "firmware": {"name": "test", "version": "1.2"},
        "boot": 0,
        "chips": ["rhd2132"],
        "sample_rate": 20000.0,
        "simulated": True,
    }
    assert extras["link"]["frames_in"] > 0
    assert extras["link"]["lost"] == {stream.name.lower(): 0 for stream in Stream}
    assert extras["clock"]["hertz"] == 20000


def test_provenance_can_be_written_as_json() -> None:
    assert '"substrate": "twin"' in to_text(ran(ISING)[0])


def test_versions_and_timing_are_the_hosts() -> None:
    found, _ = ran(ISING)
    assert {"bioasm", "python", "numpy"} <= set(found.versions)
    assert {"upload", "run", "fetch", "total"} <= set(found.timing)
    assert all(0 <= seconds <= found.timing["total"] for seconds in found.timing.values())


def test_warnings_of_the_verifier_are_kept_and_not_doubled() -> None:
    found, _ = ran("ALC 1\nHLT\nRD\n")
    assert [d.code for d in found.diagnostics] == ["B117"]


# --- what is sent -----------------------------------------------------------------------------------


def test_board_gets_the_program_without_source_places() -> None:
    _, made = ran(ISING + "; a comment\n")
    assert made.uploads[Kind.PROGRAM] == canonical_bytes(gate(ISING).program)


def test_a_program_that_is_loaded_is_not_sent_again() -> None:
    with connected() as (driver, made):
        first = driver.run(gate(ISING), RunOptions(seed=1))
        made.uploads = dict(made.uploads)
        sent = driver.link.statistics.bytes_out if driver.link else 0
        again = driver.run(gate("  " + ISING.lower() + "\n; other layout"), RunOptions(seed=1))
        more = (driver.link.statistics.bytes_out if driver.link else 0) - sent
    assert same(first, again)
    assert more < len(canonical_bytes(gate(ISING).program)) + 300


def test_one_session_runs_several_programs() -> None:
    with connected() as (driver, _):
        first = driver.run(gate(ISING), RunOptions(seed=1))
        driver.run(gate(LIF), RunOptions(seed=1))
        assert same(first, driver.run(gate(ISING), RunOptions(seed=1)))


def test_electrodes_go_to_a_culture_only() -> None:
    assert set(ran(ISING)[1].uploads) == {Kind.PROGRAM}
    assert set(ran("ALC 2\nRUN 1 ms\n", substrate="culture")[1].uploads) == {Kind.PROGRAM, Kind.ELECTRODES}


def test_streams_that_are_asked_for() -> None:
    (asked,) = [request for request in ran(ISING)[1].requests if isinstance(request, m.Subscribe)]
    assert asked == m.Subscribe(1 << Stream.SPIKES | 1 << Stream.ENERGY)


def test_line_too_slow_for_spikes_brings_them_with_the_result() -> None:
    slow = m.Refused(reason=m.Refusal.BANDWIDTH, text="too much")
    with connected() as (driver, made):
        made.refuse_once[m.Subscribe] = slow
        found = driver.run(gate(LIF), RunOptions(seed=1))
    asked = [request.streams for request in made.requests if isinstance(request, m.Subscribe)]
    assert asked == [1 << Stream.SPIKES | 1 << Stream.ENERGY, 1 << Stream.ENERGY]
    assert same(found, CpuDriver().run(gate(LIF), RunOptions(seed=1)))


def test_refused_raw_channels_are_not_left_out_silently(tmp_path: Path) -> None:
    with connected(record=tmp_path / "r", raw="0") as (driver, made):
        made.refuse_once[m.Subscribe] = m.Refused(reason=m.Refusal.BANDWIDTH, text="too much")
        with pytest.raises(BioasmError, match="too much"):
            driver.run(gate(ISING), RunOptions(seed=1))


def test_fuel_that_no_field_holds_is_the_most_that_one_does() -> None:
    _, made = ran(ISING, fuel=10**30)
    (run,) = [request for request in made.requests if isinstance(request, m.Run)]
    assert run.fuel == (1 << 63) - 1


def test_run_out_of_fuel() -> None:
    found, _ = ran(FOREVER, fuel=1000)
    assert found.status == "out of fuel"
    assert 0 < found.steps <= 1000


# --- who is told ------------------------------------------------------------------------------------


def test_observer_is_told_how_far_it_is() -> None:
    seen: list[Progress] = []

    def observer(progress: Progress) -> bool:
        told.append(progress.message)
        if not progress.message:
            seen.append(progress)
        return len(seen) < 3

    told: list[str] = []
    found, made = ran(FOREVER, observer=observer)
    assert any(message.startswith("fetching the result: ") for message in told)
    steps = [progress.steps for progress in seen]
    assert steps == sorted(set(steps))
    assert all(progress.run_end == 400_000_000 for progress in seen)
    assert found.status == "interrupted"
    assert found.steps >= steps[-1]
    assert any(isinstance(request, m.Halt) for request in made.requests)
    assert made.estops == 0  # nothing stimulates


def test_readings_before_a_stop_are_kept() -> None:
    found, _ = ran(FOREVER, observer=lambda progress: False)
    assert [reading.what for reading in found.results] == ["state"]


# --- stopping and failing ---------------------------------------------------------------------------


def test_stop_while_armed_is_an_emergency_stop_and_leaves_no_fault() -> None:
    found, made = ran(FOREVER, able=stimulator(), observer=lambda progress: False, substrate="culture")
    assert found.status == "interrupted"
    assert made.estops >= 1  # it is sent until it is heard
    assert isinstance(made.requests[-1], m.ClearFault)
    assert made.mode is State.DISARMED


def test_a_python_interrupt_while_armed_is_an_emergency_stop() -> None:
    def observer(progress: Progress) -> bool:
        raise KeyboardInterrupt

    with connected(stimulator(), substrate="culture") as (driver, made):
        with pytest.raises(KeyboardInterrupt):
            driver.run(gate(FOREVER), RunOptions(seed=1), observer)
        assert made.estops == 1
        assert made.mode is State.FAULT  # nobody said that this was meant


def test_a_python_interrupt_halts_a_run_of_the_twin() -> None:
    def observer(progress: Progress) -> bool:
        raise KeyboardInterrupt

    with connected() as (driver, made):
        with pytest.raises(KeyboardInterrupt):
            driver.run(gate(FOREVER), RunOptions(seed=1), observer)
        assert isinstance(made.requests[-1], m.Halt)
        assert made.estops == 0


def failed(text: str, **how: Any) -> BioasmError:
    with pytest.raises(BioasmError) as caught:
        ran(text, **how)
    return caught.value


def test_fault_of_the_program_is_told_at_its_place_and_keeps_the_result() -> None:
    fault = failed("ALC 2\nMOV r0, -1\nRUN r0\n")
    (found,) = fault.diagnostics
    assert found.code == "B402"
    assert found.span is not None
    assert found.span.line == 3
    assert isinstance(fault.partial, Result)
    assert fault.partial.status == "failed"
    assert found in fault.partial.diagnostics


def test_board_that_stops_itself() -> None:
    def trip(made: TestBoard) -> None:
        if made.turns == 2:
            made.mode = State.FAULT
            made.link.send(m.Faulted(m.Fault.COMPLIANCE, made.clock(), (3, 5), "14 V were not enough"))
            made.halted = True

    fault = failed(FOREVER, able=stimulator(), script=trip, substrate="culture")
    (found,) = fault.diagnostics
    assert found.code == "B524"
    assert found.message == "the board stopped itself: compliance on channel 3, 5: 14 V were not enough"
    assert fault.partial.status == "failed"
    assert [reading.what for reading in fault.partial.results] == ["state"]


@pytest.mark.parametrize(
    ("reason", "code"), [(m.Refusal.UNSAFE, "B520"), (m.Refusal.UNABLE, "B514"), (m.Refusal.BANDWIDTH, "B514")]
)
def test_refusal_of_the_board_is_told_at_its_place(reason: m.Refusal, code: str) -> None:
    with connected() as (driver, made):
        made.refusals[m.Run] = m.Refused(reason=reason, subject="steps", value=9.0, allowed=5.0, place=4, text="not that")
        with pytest.raises(BioasmError) as caught:
            driver.run(gate(ISING), RunOptions(seed=1))
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert "not that (steps 9, allowed 5)" in found.message
    assert found.span is not None
    assert found.span.line == 5


def test_refusal_to_be_armed_starts_nothing() -> None:
    with connected(stimulator(), substrate="culture") as (driver, made):
        made.refusals[m.Arm] = m.Refused(reason=m.Refusal.BAD_LIMITS, text="above the ceiling")
        with pytest.raises(BioasmError, match="above the ceiling"):
            driver.run(gate(ISING), RunOptions(seed=1))
        assert not any(isinstance(request, m.Run) for request in made.requests)


# --- the board itself -------------------------------------------------------------------------------


def test_board_with_other_instructions_is_refused() -> None:
    session = connected(capabilities(isa_hash=bytes(32)))
    with pytest.raises(BioasmError, match="another than ours") as caught, session:
        pass
    assert caught.value.diagnostics[0].code == "B523"
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("able", "words"),
    [
        (capabilities(clock_hz=0), "a clock of 0 Hz"),
        (capabilities(sample_rate=float("nan")), "nan samples a second"),
        (stimulator(stim_step=0), "steps of 0 nA and 50000 ns"),
        (stimulator(tick=0), "steps of 100 nA and 0 ns"),
        (stimulator(ceilings=m.Ceilings()), "the limit max_rate is 0"),
        (stimulator(ceilings=replace(CEILINGS, charge=float("nan"))), "the limit max_charge is nan"),
    ],
)
def test_board_whose_greeting_can_not_be_true(able: m.Capabilities, words: str) -> None:
    session = connected(able)
    with pytest.raises(BioasmError, match=words) as caught, session:
        pass
    assert caught.value.diagnostics[0].code == "B523"
    assert caught.value.exit_code == 3


def test_board_that_waits_to_be_cleared() -> None:
    def faulty(clear: str) -> list[m.Request]:
        with connected() as (driver, made):
            driver.disconnect()
            while made.link.connected:  # the end of the session disarms, and comes a moment later
                time.sleep(0.001)
            made.mode = State.FAULT
            driver.chosen = replace(driver.chosen, clear=clear == "yes")
            with patch("bioasm.drivers.intan.driver.open_wire", lambda chosen: rewired(made)):
                driver.connect()
            return made.requests

    with pytest.raises(BioasmError, match="waits to be cleared") as caught:
        faulty("no")
    assert caught.value.diagnostics[0].code == "B523"
    assert [type(request) for request in faulty("yes")] == [m.ClearFault]


def test_connecting_twice_and_running_without_connecting() -> None:
    with connected() as (driver, _):
        link = driver.link
        driver.connect()
        assert driver.link is link
        driver.disconnect()
        driver.disconnect()
        assert driver.link is None


def test_abilities_and_models_are_those_of_the_board() -> None:
    with connected(capabilities(models=("ising",), abilities=("control",))) as (driver, _):
        assert driver.models == {"ising"}
        assert driver.abilities == {"core", "control"}


def test_a_culture_is_declared_as_not_reproducible_once_connected() -> None:
    real = m.Capability.SPIKES
    with connected(capabilities(capabilities=real)) as (driver, _):
        assert not driver.reproducible
    with connected() as (driver, _):
        assert driver.reproducible


def test_results_are_equal_to_the_last_bit() -> None:
    found, _ = ran(LIF, lanes=4)
    wanted = CpuDriver().run(gate(LIF), RunOptions(seed=1, lanes=4))
    assert found.energy_trace.tobytes() == wanted.energy_trace.tobytes()
    assert np.array_equal(found.spikes.t, wanted.spikes.t)
