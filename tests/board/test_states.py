"""The states of a board: what each allows, the watchdog, the emergency stop, subscriptions and pulses by hand."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from bioasm.hardware.link import messages as m
from bioasm.hardware.link.messages import (
    Accepted,
    Capability,
    Fault,
    Kind,
    Refusal,
    Refused,
    RunStatus,
    State,
    StimOutcome,
    Stream,
    Substrate,
)
from bioasm.safety import DEFAULT_LIMITS, Limits
from tests.board.support import DRIVE, OBSERVE, STEP, Bench, armed, bytecode, table

LONG = "ALC 4\nLDH [1,1,1,1]\nRUN 60\n"
PULSE = (m.Phase(-5000, 200_000), m.Phase(5000, 200_000))
QUICK = (m.Parameter("culture.baseline", 0.05),)


def stimulate(
    channels: tuple[int, ...], phases: tuple[m.Phase, ...], count: int = 1, period: int = 0, at: int = m.NOW
) -> m.Stimulate:
    """A request for pulses."""
    return m.Stimulate(channels=channels, phases=phases, count=count, period=period, at=at)


def running(url: str = "emu:rhs2116?seed=1", watchdog_ms: int = 250) -> Bench:
    """A bench whose culture is being stimulated."""
    bench = Bench(url).open()
    bench.arm(watchdog_ms=watchdog_ms)
    assert isinstance(bench.start(LONG, parameters=QUICK), Accepted)
    assert bench.until(lambda: len(bench.phases) > 0)
    assert bench.firmware.state() is State.RUNNING
    return bench


# --- what a board says of itself ----------------------------------------------------------------------


@pytest.mark.parametrize(("chip", "channels"), [("rhd2132", 32), ("rhd2216", 16), ("rhd2164", 64), ("rhs2116", 16)])
def test_board_says_what_it_is(chip: str, channels: int) -> None:
    told = Bench(f"emu:{chip}").open().host.welcome.capabilities
    assert told.chips == (m.Chip(chip, channels),)
    assert told.channels == channels
    assert (Capability.STIMULATE in told.capabilities) == (chip == "rhs2116")
    assert ("stimulation" in told.abilities) == (chip == "rhs2116")
    assert told.substrates == Substrate.TWIN | Substrate.CULTURE
    assert (told.ceilings.current > 0) == (chip == "rhs2116")


def test_board_starts_disarmed() -> None:
    bench = Bench("emu:rhs2116").open()
    assert bench.host.welcome.state is State.DISARMED
    assert bench.off


# --- arming -------------------------------------------------------------------------------------------


def test_arming_writes_the_magic_words() -> None:
    bench = armed()
    assert bench.chip.armed


def test_disarming_takes_them_away() -> None:
    bench = armed()
    assert isinstance(bench.ask(m.Disarm()), Accepted)
    assert bench.firmware.state() is State.DISARMED
    assert bench.off


def test_arming_needs_the_limits_it_names() -> None:
    bench = Bench("emu:rhs2116").open()
    assert bench.ask(m.Arm(bytes(32))).reason is Refusal.NOT_LOADED
    bench.upload(Kind.LIMITS, table().to_bytes())
    assert bench.ask(m.Arm(bytes(32))).reason is Refusal.NOT_LOADED
    assert bench.off


@pytest.mark.parametrize("chip", ["rhd2132", "rhd2216", "rhd2164"])
def test_recording_chip_has_nothing_to_arm(chip: str) -> None:
    refused = Bench(f"emu:{chip}").open().arm()
    assert refused.reason is Refusal.UNABLE
    assert "can't stimulate" in refused.text


def test_arming_twice_is_refused() -> None:
    bench = armed()
    assert bench.ask(m.Arm(bytes.fromhex(table().sha256))).reason is Refusal.STATE


LOOSER = {
    "max_current": 20e-6,
    "max_charge": 4e-9,
    "cic_fraction": 0.6,
    "unknown_density": 1.0,
    "shannon_k": 1.85,
    "min_width": 10e-6,
    "max_width": 2e-3,
    "min_phases": 1,
    "net_fraction": 0.1,
    "net_cap": 0.5,
    "max_rate": 300.0,
    "max_duty": 0.5,
    "max_simultaneous": 16,
    "max_total_current": 100e-6,
    "min_gap": 0.0,
}


@pytest.mark.parametrize("name", LOOSER)
def test_limits_beyond_the_compiled_ceiling_are_refused(name: str) -> None:
    bench = Bench("emu:rhs2116").open()
    refused = bench.upload(Kind.LIMITS, table(replace(DEFAULT_LIMITS, **{name: LOOSER[name]})).to_bytes())
    assert refused.reason is Refusal.BAD_LIMITS
    assert refused.subject == name
    assert refused.value == pytest.approx(LOOSER[name])


@pytest.mark.parametrize("data", [b"", b"junk", table().to_bytes()[:-1], table().to_bytes() + b"x"])
def test_damaged_limits_are_refused(data: bytes) -> None:
    assert Bench("emu:rhs2116").open().upload(Kind.LIMITS, data).reason is Refusal.BAD_LIMITS


def test_tighter_limits_are_taken_and_hold() -> None:
    bench = Bench("emu:rhs2116").open()
    assert isinstance(bench.arm(table(Limits(max_current=1e-6))), Accepted)
    refused = bench.ask(stimulate((0,), PULSE))
    assert refused.reason is Refusal.UNSAFE
    assert refused.allowed == pytest.approx(1e-6)


# --- what states forbid -------------------------------------------------------------------------------


def test_program_that_stimulates_needs_arming() -> None:
    bench = Bench("emu:rhs2116").open()
    refused = bench.start(DRIVE)
    assert refused.reason is Refusal.STATE
    assert "not armed" in refused.text


def test_one_program_at_a_time() -> None:
    bench = running()
    assert bench.ask(m.Run(9, sha256(bytecode(LONG)).digest(), Substrate.CULTURE, 1)).reason is Refusal.STATE


def test_nothing_is_uploaded_under_a_running_program() -> None:
    assert running().upload(Kind.PROGRAM, bytecode(OBSERVE)).reason is Refusal.STATE


def test_halt_ends_a_run_with_what_it_had() -> None:
    bench = running()
    bench.run(0.3)
    assert isinstance(bench.ask(m.Halt()), Accepted)
    result = bench.fetch(bench.wait())
    assert result.status == "interrupted"
    assert result.steps >= 200
    assert bench.firmware.state() is State.ARMED
    bench.assert_harmless()


@pytest.mark.parametrize("request_", [m.Halt(), m.ClearFault()])
def test_there_is_nothing_to_halt_or_clear(request_: m.Request) -> None:
    assert Bench().open().ask(request_).reason is Refusal.STATE


def test_program_must_be_the_one_that_was_loaded() -> None:
    bench = Bench().open()
    assert bench.ask(m.Run(1, bytes(32), Substrate.CULTURE, 1)).reason is Refusal.NOT_LOADED


# --- faults -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_", [m.Disarm(), m.Arm(bytes(32)), m.Run(1, bytes(32), Substrate.TWIN, 1), stimulate((0,), PULSE)]
)
def test_fault_latches(request_: m.Request) -> None:
    bench = armed()
    bench.host.estop(bench.now)
    bench.until(lambda: bench.host.stopped is not None)
    refused = bench.ask(request_)
    assert refused.reason is Refusal.STATE
    assert bench.firmware.state() is State.FAULT


def test_cleared_fault_leaves_the_board_disarmed() -> None:
    bench = armed()
    bench.host.estop(bench.now)
    bench.run(0.05)
    assert isinstance(bench.ask(m.ClearFault()), Accepted)
    assert bench.firmware.state() is State.DISARMED
    assert isinstance(bench.arm(), Accepted)


def test_fault_that_is_still_there_is_not_cleared() -> None:
    bench = Bench("emu:rhd2132?wrong-chip").open()
    assert bench.host.welcome.state is State.FAULT
    assert bench.ask(m.ClearFault()).reason is Refusal.STATE


def test_emergency_stop_is_acknowledged_and_ends_stimulation_at_once() -> None:
    bench = running()
    bench.run(0.2)
    begun, pulses_before = bench.now, bench.rig.clock
    bench.host.estop(bench.now)
    assert bench.until(lambda: bench.host.stopped is not None, 1.0)
    assert bench.now - begun <= 2 * STEP
    assert bench.host.stopped.state is State.FAULT
    assert bench.rig.clock - pulses_before <= 0.010 * 20000
    assert bench.off
    bench.assert_harmless()


def test_emergency_stop_keeps_the_result() -> None:
    bench = running()
    bench.run(0.2)
    bench.host.estop(bench.now)
    ended = bench.wait()
    assert ended.status is RunStatus.INTERRUPTED
    assert bench.fetch(ended).steps > 0
    assert [fault.reason for fault in bench.of(m.Faulted)] == [Fault.ESTOP]


def test_emergency_stop_works_for_anyone() -> None:
    bench = running()
    from bioasm.hardware.link.frames import Frame, encode

    bench.step(b"\0" + encode(Frame(m.Estop.TYPE, 0, 0, m.Estop(7).pack())))
    bench.step()
    assert bench.firmware.state() is State.FAULT
    assert bench.off


# --- watchdog -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("watchdog_ms", [50, 100, 250, 800])
def test_watchdog_stops_stimulation_in_time(watchdog_ms: int) -> None:
    bench = running(watchdog_ms=watchdog_ms)
    bench.silent = True
    silent = bench.now
    assert bench.until(lambda: bench.off, 5.0)
    assert bench.now - silent <= watchdog_ms / 1000 + 2 * STEP
    assert bench.firmware.state() is State.DISARMED
    bench.assert_harmless()


def test_upload_that_finds_a_hole_in_the_firmware_stops_all(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = armed()
    bench.ask(stimulate((0,), PULSE, count=50, period=20_000_000))
    bench.run(0.1)

    def broken(_: bytes) -> None:
        raise MemoryError("no room")

    monkeypatch.setattr(bench.firmware.programs, "take_program", broken)
    refused = bench.upload(Kind.PROGRAM, bytecode(OBSERVE))
    assert refused.text == "internal error: MemoryError: no room"
    assert bench.firmware.fault is Fault.INTERNAL
    assert bench.off


def test_limits_that_are_gone_arm_nothing() -> None:
    bench = Bench("emu:rhs2116").open()
    bench.upload(Kind.LIMITS, table().to_bytes())
    bench.firmware.link.loaded.clear()
    assert bench.ask(m.Arm(bytes.fromhex(table().sha256), 250)).reason is Refusal.NOT_LOADED


def test_echo_of_the_boards_own_frames_is_no_host() -> None:
    bench = running()
    bench.silent, said = True, b""
    silent = bench.now
    while bench.firmware.state() is not State.DISARMED and bench.now < silent + 5:
        said = bench.step(said)  # a line that sends everything back
    assert bench.now - silent <= 0.25 + 2 * STEP
    assert bench.off


def test_watchdog_ends_the_run_and_keeps_its_result() -> None:
    bench = running()
    bench.silent = True
    bench.run(3.0)
    kept = bench.reopen().host.welcome
    assert kept.result_run == 1
    assert kept.state is State.DISARMED
    ended = m.RunEnded(1, RunStatus.INTERRUPTED, 0, kept.result_bytes, kept.result_sha256)
    assert bench.fetch(ended).status == "interrupted"


@pytest.mark.parametrize("watchdog_ms", [0, 49, 2001, 65535])
def test_watchdog_outside_of_its_range_is_refused(watchdog_ms: int) -> None:
    bench = Bench("emu:rhs2116").open()
    assert bench.arm(watchdog_ms=watchdog_ms).reason is Refusal.UNSAFE
    assert bench.off


def test_a_host_that_lives_is_not_stopped() -> None:
    bench = running()
    bench.run(0.8)
    assert bench.firmware.state() is State.RUNNING


def test_leaving_host_disarms() -> None:
    bench = armed()
    bench.host.close()
    bench.run(0.1)
    assert bench.off


# --- pulses by hand -----------------------------------------------------------------------------------


def test_pulse_by_hand_is_given_and_told() -> None:
    bench = armed()
    assert isinstance(bench.ask(stimulate((3,), PULSE)), Accepted)
    bench.run(0.1)
    (told,) = bench.of(m.Stim)
    assert (told.channel, told.outcome) == (3, StimOutcome.DELIVERED)
    assert told.charges == pytest.approx((-1e-9, 1e-9))
    assert len(bench.phases) == 2


def test_train_by_hand_has_its_period() -> None:
    bench = armed()
    bench.ask(stimulate((0, 1), PULSE, 5, 10_000_000))
    bench.run(0.2)
    told = [t.clock for t in bench.of(m.Stim) if t.channel == 0]
    assert len(told) == 5
    assert set(np.diff(told)) == {200}


def test_pulse_at_a_time_starts_then() -> None:
    bench = armed()
    at = bench.rig.clock + 3000
    assert bench.ask(stimulate((0,), PULSE, at=at)).value == at
    bench.run(0.4)
    assert [t.clock for t in bench.of(m.Stim)] == [at]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (stimulate((), PULSE), Refusal.MALFORMED),
        (stimulate((1, 1), PULSE), Refusal.MALFORMED),
        (stimulate((0,), PULSE, 0), Refusal.MALFORMED),
        (stimulate((0,), PULSE, 3, 0), Refusal.MALFORMED),
        (stimulate((0,), ()), Refusal.UNSAFE),
        (stimulate((0,), (m.Phase(-5000, 200_000),)), Refusal.UNSAFE),
        (stimulate((0,), (m.Phase(-5000, 200_000), m.Phase(4000, 200_000))), Refusal.UNSAFE),
        (stimulate((0,), (m.Phase(-11_000, 50_000), m.Phase(11_000, 50_000))), Refusal.UNSAFE),
        (stimulate((0,), (m.Phase(-5001, 200_000), m.Phase(5001, 200_000))), Refusal.UNSAFE),
        (stimulate((0,), (m.Phase(-5000, 210_000), m.Phase(5000, 210_000))), Refusal.UNSAFE),
        (stimulate((16,), PULSE), Refusal.UNSAFE),
        (stimulate((65535,), PULSE), Refusal.UNSAFE),
        (stimulate((0,), PULSE, at=1), Refusal.UNABLE),
        (stimulate((0,), PULSE, at=2**64 - 1), Refusal.UNABLE),
        (stimulate((0, 1), PULSE, 65535, 10_000_000), Refusal.TOO_LARGE),
    ],
)
def test_pulse_by_hand_that_is_refused(request_: m.Stimulate, reason: Refusal) -> None:
    bench = armed()
    assert bench.ask(request_).reason is reason
    bench.run(0.05)
    assert not bench.phases


def test_pulse_by_hand_needs_arming() -> None:
    assert Bench("emu:rhs2116").open().ask(stimulate((0,), PULSE)).reason is Refusal.STATE


def test_too_fast_a_train_is_thinned_and_told() -> None:
    bench = armed()
    bench.ask(stimulate((0,), PULSE, 10, 1_000_000))
    bench.run(0.1)
    outcomes = [t.outcome for t in bench.of(m.Stim)]
    assert outcomes.count(StimOutcome.DELIVERED) == 2
    assert outcomes.count(StimOutcome.REFUSED) == 8
    assert any("pulses per second" in t.limit for t in bench.of(m.Stim))
    bench.assert_harmless()


# --- telemetry ----------------------------------------------------------------------------------------


def test_raw_samples_come_whole() -> None:
    bench = Bench().open()
    bench.ask(m.Subscribe(1 << Stream.RAW, (0, 5, 31)))
    bench.start(OBSERVE, parameters=QUICK)
    bench.wait()
    raw = bench.of(m.Raw)
    samples = np.concatenate([frame.samples() for frame in raw])
    assert samples.shape[1] == 3
    firsts = [frame.first for frame in raw]
    assert np.array_equal(np.diff(firsts), [len(frame.samples()) for frame in raw[:-1]])


def test_spikes_come_with_their_clock() -> None:
    bench = Bench().open()
    bench.ask(m.Subscribe(1 << Stream.SPIKES))
    reply = bench.start("ALC 4\nRUN 500 ms\nRD spikes\n", parameters=QUICK)
    result = bench.fetch(bench.wait())
    told = [(frame.base + event.delta - reply.value) / 20000 for frame in bench.of(m.Spikes) for event in frame.events]
    assert [t for t in told if 0 <= t < 0.5] == pytest.approx(result.spikes.t.tolist())


def test_energies_come_while_it_runs() -> None:
    bench = armed()
    bench.ask(m.Subscribe(1 << Stream.ENERGY))
    result = bench.result(DRIVE, parameters=QUICK)
    told = [value for frame in bench.of(m.Energy) for value in frame.values]
    assert told == pytest.approx(result.energy_trace[0].tolist())


def test_status_comes_ten_times_a_second() -> None:
    bench = Bench().open()
    bench.run(2.0)
    assert 18 <= len(bench.of(m.Status)) <= 22


def test_what_is_not_subscribed_does_not_come() -> None:
    bench = Bench().open()
    bench.result(OBSERVE, parameters=QUICK)
    assert not bench.of(m.Raw)
    assert not bench.of(m.Spikes)


@pytest.mark.parametrize(("baud", "fits"), [(115200, 0), (1_000_000, 1), (3_000_000, 5), (10_000_000, 18)])
def test_subscription_over_the_line_is_refused_with_what_fits(baud: int, fits: int) -> None:
    bench = Bench(f"emu:rhd2132?baud={baud}").open()
    refused = bench.ask(m.Subscribe(1 << Stream.RAW, tuple(range(32))))
    assert refused.reason is Refusal.BANDWIDTH
    assert refused.allowed == pytest.approx(fits, abs=1)
    assert isinstance(bench.ask(m.Subscribe(1 << Stream.RAW, tuple(range(int(refused.allowed))))), Accepted)


@pytest.mark.parametrize("channels", [(32,), (0, 0), (65535,)])
def test_channels_that_there_are_not_can_not_be_subscribed(channels: tuple[int, ...]) -> None:
    assert Bench().open().ask(m.Subscribe(1 << Stream.RAW, channels)).reason is Refusal.UNABLE


def test_raw_samples_come_while_nothing_runs() -> None:
    bench = Bench().open()
    bench.ask(m.Subscribe(1 << Stream.RAW, (0,)))
    bench.run(0.5)
    assert sum(len(frame.samples()) for frame in bench.of(m.Raw)) == pytest.approx(10000, rel=0.1)
    assert isinstance(bench.ask(m.Subscribe(0)), Accepted)


def test_refusal_is_a_message() -> None:
    assert isinstance(Bench().open().ask(m.Halt()), Refused)


def test_run_that_falls_behind_real_time_counts_it() -> None:
    bench = Bench("emu:rhd2132?time=wall").open()
    bench.start("ALC 4\nRUN 500 ms\n", parameters=QUICK)
    bench.run(0.1)
    assert bench.of(m.Status)[-1].overruns == 0
    bench.now += 0.2
    bench.run(0.2)
    assert bench.of(m.Status)[-1].overruns == 1
    assert bench.wait().steps == 500
