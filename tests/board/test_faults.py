"""What goes wrong with lines, boards and chips: each ends in recovery, or in a clean stop with stimulation off."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest

from bioasm.diagnostics import EXIT_DEVICE
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.frames import Frame, encode
from bioasm.hardware.link.messages import Accepted, Fault, Kind, Refusal, RunStatus, State, Substrate
from bioasm.hardware.link.session import HostSession
from bioasm.hardware.link.session import Phase as SessionPhase
from bioasm.results import Result
from tests.board.support import RING, Bench, bytecode, table

QUICK = (m.Parameter("culture.baseline", 0.05),)
BULK = "\n".join(f"OUT {k}" for k in range(400))  # makes the upload some kilobytes long
WORK = f"ALC 4\n{RING}RUN 150 ms\nRD\nHLT\n{BULK}\n"


def address(*more: str) -> str:
    """The address of an RHS board with faults."""
    return "&".join(
        ["emu:rhs2116?seed=1", *(word.replace(" ", "+").replace("run+", "run%2B").replace("rx+", "rx%2B") for word in more)]
    )


def fault(text: str) -> str:
    """A fault as part of an address."""
    return f"fault={text}"


def conduct(bench: Bench) -> Result | None:
    """What a host does: open, load, arm, run, fetch; None where the link was lost or the board refused."""
    bench.host.greet(bench.now)
    if not bench.until(lambda: bench.host.welcome is not None, 20.0) or bench.arm() is None:
        return None
    reply = bench.start(WORK, parameters=QUICK)
    if not isinstance(reply, Accepted) or not bench.until(lambda: bench.ended() is not None):
        return None
    ended = bench.ended()
    assert ended is not None
    download = bench.host.fetch(ended)
    bench.until(lambda: download.done)
    return bench.fetch(ended) if download.done else None


@pytest.fixture(scope="module")
def reference() -> Result:
    """The same work on a perfect line."""
    result = conduct(Bench(address()))
    assert result is not None
    return result


def assert_stopped(bench: Bench) -> None:
    """The link is lost with exit code 3, and within the watchdog's time nothing can flow any more."""
    assert bench.host.phase is SessionPhase.LOST
    assert bench.host.lost is not None
    assert bench.host.lost.exit_code == EXIT_DEVICE
    alone(bench, 2.5)
    assert bench.off
    assert bench.firmware.state() in (State.DISARMED, State.FAULT)
    bench.assert_harmless()


def alone(bench: Bench, seconds: float) -> None:
    """Let the board go on without a host, plugged in or not."""
    bench.silent = True
    end = bench.now + seconds
    while bench.now < end:
        bench.step()


# --- recovered from -------------------------------------------------------------------------------------

RECOVERED = {
    "loss 5 %": ["loss=0.05"],
    "loss 15 %": ["loss=0.15"],
    "bits turned": ["corrupt=0.08"],
    "ends missing": ["truncate=0.08"],
    "frames twice": ["duplicate=0.2"],
    "frames out of order": ["late=0.1"],
    "slow line": ["baud=115200"],
    "long line": ["delay=0.03"],
    "slow and lossy": ["baud=1000000", "loss=0.05"],
    "all at once": ["loss=0.04", "corrupt=0.03", "truncate=0.03", "duplicate=0.05", "late=0.05", "delay=0.01"],
    "garbage at the start": [fault("0 garbage 5000")],
    "garbage while uploading": [fault("rx+1500 garbage 5000")],
    "garbage while running": [fault("run+0.05 garbage 20000")],
    "deaf for a byte at the start": [fault("0 deaf 1")],
    "deaf for a byte while uploading": [fault("rx+1500 deaf 1")],
    "overrun while uploading": [fault("rx+1500 deaf 3000")],
    "overrun while running": [fault("run+0.05 deaf 300")],
    "late answers while uploading": [fault("rx+1500 silence 0.2")],
    "late acknowledgements while running": [fault("run+0.05 silence 0.12")],
    "many small silences": [fault(f"run+0.0{k} silence 0.05") for k in range(2, 8)],
}


@pytest.mark.parametrize("name", RECOVERED)
def test_recovered_from(name: str, reference: Result) -> None:
    bench = Bench(address(*RECOVERED[name]))
    result = conduct(bench)
    assert result is not None
    assert result.status == "finished"
    assert np.array_equal(result.state, reference.state)
    assert result.spikes.t.tolist() == reference.spikes.t.tolist()
    bench.assert_harmless()


# --- stopped cleanly ------------------------------------------------------------------------------------

STOPPED = {
    "unplugged at the start": ["0.02 unplug"],
    "unplugged while uploading": ["rx+2500 unplug"],
    "unplugged while measuring": ["run+0.02 unplug"],
    "unplugged while stimulating": ["run+0.12 unplug"],
    "board restarts while uploading": ["rx+2500 reset"],
    "board restarts while stimulating": ["run+0.12 reset"],
    "board restarts twice": ["run+0.12 reset", "run+0.13 reset"],
    "board frozen while uploading": ["rx+2500 silence 3"],
    "board frozen while stimulating": ["run+0.12 silence 4"],
    "restart with garbage": ["run+0.12 garbage 3000", "run+0.12 reset"],
    "line cut after garbage": ["run+0.12 garbage 3000", "run+0.13 unplug"],
}


@pytest.mark.parametrize("name", STOPPED)
def test_stopped_cleanly(name: str) -> None:
    bench = Bench(address(*map(fault, STOPPED[name])))
    assert conduct(bench) is None
    assert_stopped(bench)


@pytest.mark.parametrize("when", ["rx+2500", "run+0.12"])
def test_after_a_restart_the_work_can_be_done_again(when: str, reference: Result) -> None:
    bench = Bench(address(fault(f"{when} reset")))
    assert conduct(bench) is None
    bench.events.clear()
    bench.host = HostSession("bench", 77)
    result = conduct(bench)
    assert result is not None
    assert result.spikes.t.tolist() == reference.spikes.t.tolist()


def test_upload_goes_on_where_a_lost_host_left_it() -> None:
    bench = Bench(address()).open()
    data = bytecode(WORK)
    half = len(data) // 2048 * 1024
    bench.ask(m.UploadBegin(Kind.PROGRAM, len(data), sha256(data).digest()))
    for at in range(0, half, 512):
        bench.host._end.reliable(m.UploadData(at, data[at : at + 512]))
    bench.run(0.2)
    alone(bench, 3.0)
    ready = bench.reopen().ask(m.UploadBegin(Kind.PROGRAM, len(data), sha256(data).digest()))
    assert ready.offset == half


def test_loaded_program_is_not_sent_again() -> None:
    bench = Bench(address()).open()
    bench.upload(Kind.PROGRAM, bytecode(WORK))
    alone(bench, 3.0)
    data = bytecode(WORK)
    assert bench.reopen().ask(m.UploadBegin(Kind.PROGRAM, len(data), sha256(data).digest())).loaded


def test_result_waits_for_a_host_that_comes_back(reference: Result) -> None:
    bench = Bench(address()).open()
    bench.arm(watchdog_ms=2000)
    bench.start(WORK, parameters=QUICK)
    alone(bench, 2.5)
    welcome = bench.reopen().host.welcome
    result = bench.fetch(m.RunEnded(1, RunStatus.FINISHED, 0, welcome.result_bytes, welcome.result_sha256))
    assert result.spikes.t.tolist() == reference.spikes.t.tolist()
    assert bench.off


# --- faults of the chip and the electrodes --------------------------------------------------------------

LATCHED = {
    "stuck low while running": ("run+0.1 stuck 0", Fault.CHIP),
    "stuck high while running": ("run+0.1 stuck 0xFFFF", Fault.CHIP),
    "electrode off while running": ("run+0.06 compliance 5", Fault.COMPLIANCE),
    "another electrode off": ("run+0.12 compliance 15", Fault.COMPLIANCE),
    "leak while running": ("run+0.1 leak 50", Fault.CHIP),
}


@pytest.mark.parametrize("name", LATCHED)
def test_fault_of_the_chip_stops_everything_and_latches(name: str) -> None:
    text, reason = LATCHED[name]
    bench = Bench(address(fault(text)))
    result = conduct(bench)
    assert [told.reason for told in bench.of(m.Faulted)] == [reason]
    assert bench.firmware.state() is State.FAULT
    assert bench.off
    assert result is not None
    assert result.status == "interrupted"


AT_THE_START = {
    "stuck low": "stuck=0x0000",
    "stuck high": "stuck=0xFFFF",
    "wrong chip": "wrong-chip",
    "not calibrated": "uncalibrated",
    "wrong chip a moment later": "fault=0.001 wrong-chip",
    "not calibrated a moment later": "fault=0.001 uncalibrated",
    "stuck a moment later": "fault=0.001 stuck 0",
}


@pytest.mark.parametrize("name", AT_THE_START)
@pytest.mark.parametrize("chip", ["rhs2116", "rhd2132"])
def test_chip_that_is_not_right_runs_nothing(name: str, chip: str) -> None:
    bench = Bench(f"emu:{chip}?{AT_THE_START[name].replace(' ', '+')}")
    bench.host.greet(bench.now)
    bench.until(lambda: bench.host.welcome is not None)
    data = bytecode("ALC 2\nRUN 5 ms\n")
    if bench.firmware.state() is not State.FAULT:
        bench.upload(Kind.PROGRAM, data)
    refused = bench.ask(m.Run(1, sha256(data).digest(), Substrate.CULTURE, 1))
    assert refused.reason is Refusal.STATE
    assert bench.firmware.state() is State.FAULT
    assert bench.off


def test_bus_that_works_again_can_be_cleared() -> None:
    bench = Bench(address(fault("0.001 stuck 0"), fault("1 free"))).open()
    bench.start("ALC 2\nRUN 5 ms\n")
    assert bench.firmware.state() is State.FAULT
    bench.run(1.2)
    assert isinstance(bench.ask(m.ClearFault()), Accepted)
    assert bench.result("ALC 2\nRUN 5 ms\n", parameters=QUICK).status == "finished"


# --- other mishaps --------------------------------------------------------------------------------------


def test_clock_that_jumps_harms_nobody() -> None:
    bench = Bench(address(fault("run+0.1 clock-jump 5")))
    result = conduct(bench)
    assert result is not None
    assert result.status == "finished"
    bench.assert_harmless()


def test_silence_longer_than_the_watchdog_ends_the_run() -> None:
    bench = Bench(address(fault("run+0.1 silence 0.4")))
    result = conduct(bench)
    assert result is not None
    assert result.status == "interrupted"
    assert bench.firmware.state() is State.DISARMED
    assert bench.off


def test_what_was_unloaded_has_to_be_sent_again() -> None:
    bench = Bench(address(fault("0.5 unload"))).open()
    data = bytecode(WORK)
    bench.upload(Kind.PROGRAM, data)
    bench.run(0.6)
    assert bench.ask(m.Run(1, sha256(data).digest(), Substrate.TWIN, 1)).reason is Refusal.NOT_LOADED
    assert bench.upload(Kind.PROGRAM, data) is None


def test_second_host_is_told_that_the_board_is_busy() -> None:
    bench = Bench(address()).open()
    second = HostSession("other", 999)
    second.greet(bench.now)
    for _ in range(20):
        second.receive(bench.step(second.poll(bench.now)), bench.now)
    assert second.welcome is None
    assert second.rejected is not None
    assert second.rejected.reason is m.Rejection.BUSY
    assert bench.host.phase is SessionPhase.OPEN


@pytest.mark.parametrize(("oldest", "newest"), [(0, 1), (3, 9), (255, 255)])
def test_host_of_another_version_is_told_so(oldest: int, newest: int) -> None:
    bench = Bench(address())
    told = HostSession("other", 5)
    told.greet(bench.now)
    bench.silent = True
    back = bench.step(b"\0" + encode(Frame(m.Hello.TYPE, 0, 0, m.Hello(oldest, newest, 5, "other").pack())))
    back += bench.step()
    told.receive(back, bench.now)
    assert told.rejected is not None
    assert told.rejected.reason is m.Rejection.VERSION


@pytest.mark.parametrize("data", [bytes(50000), b"\xff" * 50000, b"\x01" * 50000, b"\x02\x01" * 5000, bytes(range(256)) * 40])
def test_floods_of_bytes_change_nothing(data: bytes) -> None:
    bench = Bench(address()).open()
    bench.step(data)
    bench.run(0.1)
    assert isinstance(bench.arm(), Accepted)
    assert isinstance(bench.ask(m.Disarm()), Accepted)


def test_estop_without_a_session_latches_a_board() -> None:
    bench = Bench(address())
    bench.silent = True
    bench.step(b"\0" + encode(Frame(m.Estop.TYPE, 0, 0, m.Estop(1).pack())))
    assert bench.firmware.state() is State.FAULT
    bench.silent = False
    assert bench.open().host.welcome.state is State.FAULT


def test_host_that_returns_within_the_watchdogs_time_loses_nothing(reference: Result) -> None:
    bench = Bench(address()).open()
    bench.arm(watchdog_ms=500)
    bench.start(WORK, parameters=QUICK)
    bench.silent = True
    bench.run(0.15)
    bench.silent = False
    assert bench.fetch(bench.wait()).spikes.t.tolist() == reference.spikes.t.tolist()


def test_frames_of_an_old_session_are_not_obeyed() -> None:
    bench = Bench(address()).open()
    bench.upload(Kind.LIMITS, table().to_bytes())
    arm = m.Arm(bytes.fromhex(table().sha256)).pack()
    old = bench.host._end.session
    alone(bench, 3.0)
    bench.reopen()
    for number in range(20):
        bench.step(encode(Frame(m.Arm.TYPE, old, number, arm)))
    assert bench.firmware.state() is State.DISARMED
    assert bench.off


def test_board_that_is_drifting_keeps_its_results(reference: Result) -> None:
    result = conduct(Bench(address("drift=200", "time=wall")))
    assert result is not None
    assert result.spikes.t.tolist() == reference.spikes.t.tolist()
