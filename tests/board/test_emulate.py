"""`bioasm emulate` as a process, and boards within this process: lines, signals and what is printed where."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import pytest

from bioasm.diagnostics import BioasmError
from bioasm.hardware.board.emulated import open_emulated
from bioasm.hardware.board.serve import SocketServer
from bioasm.hardware.link import messages as m
from bioasm.hardware.link.errors import LinkLost
from bioasm.hardware.link.host import HostLink
from bioasm.hardware.link.messages import Kind, State, Stream, Substrate
from bioasm.results import Result
from bioasm.results.transfer import unpack_result
from tests.board.support import OBSERVE, bytecode
from tests.command import bioasm

QUICK = (m.Parameter("culture.baseline", 0.05),)
ROOT = Path(__file__).resolve().parents[2]
needs_pty = pytest.mark.skipif(not hasattr(os, "openpty"), reason="this system has no pseudo-terminals")


@contextmanager
def emulating(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A board as a process, and the first line that it printed."""
    command = [sys.executable, "-m", "bioasm", "emulate", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            with suppress(ProcessLookupError):
                process.kill()


def ended(process: subprocess.Popen[str], sign: int) -> tuple[int, str, str]:
    """Send a signal; the exit code, and what else was printed."""
    process.send_signal(sign)
    rest, said = process.communicate(timeout=20)
    return process.returncode, rest, said


def ran(link: HostLink, text: str = OBSERVE, substrate: Substrate = Substrate.CULTURE) -> Result:
    """Load and run a program."""
    data = bytecode(text)
    link.upload(Kind.PROGRAM, data)
    link.request(m.Run(3, sha256(data).digest(), substrate, 1, parameters=QUICK))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        event = link.next_event(1.0)
        if event is not None and isinstance(event.message, m.RunEnded):
            return unpack_result(link.fetch(event.message))
    raise AssertionError("the run did not end")


@needs_pty
def test_first_line_is_a_port_that_answers() -> None:
    serial_port = pytest.importorskip("bioasm.hardware.link.serial_port")
    pytest.importorskip("serial", reason="pyserial is not installed")
    with emulating("--seed", "1") as (process, port):
        with HostLink(serial_port.open_port(port)) as link:
            assert link.connect().capabilities.chips == (m.Chip("rhd2132", 32),)
            assert ran(link).status == "finished"
        code, rest, said = ended(process, signal.SIGINT)
    assert (code, rest) == (130, "")
    assert "rhd2132, seed 1" in said
    assert "Traceback" not in said


@needs_pty
def test_terminated_board_ends_cleanly() -> None:
    with emulating("-q") as (process, port):
        assert port.startswith("/dev/")
        assert ended(process, signal.SIGTERM) == (0, "", "")


def test_board_on_a_port_of_this_computer() -> None:
    serial_port = pytest.importorskip("bioasm.hardware.link.serial_port")
    pytest.importorskip("serial", reason="pyserial is not installed")
    with emulating("--socket", "0", "--chip", "rhd2216") as (process, port):
        assert port.startswith("socket://127.0.0.1:")
        for _ in range(2):  # a host that left makes room for the next
            with HostLink(serial_port.open_port(port)) as link:
                assert link.connect().capabilities.channels == 16
        assert ended(process, signal.SIGINT)[0] == 130


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--chip", "rhd9"], "there is no chip"),
        (["--loss", "2"], "0<=x<=1"),
        (["--sample-rate", "44100"], "not sampled at"),
        (["--fault", "never"], "is no fault"),
        (["--fault", "1 unplugged"], "did you mean unplug"),
        (["--stuck", "3"], "stuck at"),
        (["--drift", "1e9"], "drift is 1e+09"),
        (["--drift", "nan"], "drift is nan"),
        (["--baud", "inf"], "baud is inf"),
        (["--baud", "1e12"], "baud is 1e+12"),
        (["--baud", "5"], "baud is 5"),
        (["--delay", "inf"], "delay is inf"),
        (["--fault", "0.1 garbage 1e13"], "from 0 to 1e+06"),
        (["--fault", "0.1 clock-jump 1e300"], "from 0 to 1e+06"),
        (["--fault", f"0x1{'0' * 300} unplug"], "is no number"),
        (["--socket", "99999999"], "--socket"),
        (["--speed", "3"], "No such option"),
    ],
)
def test_option_of_no_use_is_refused(options: list[str], words: str) -> None:
    told = bioasm("emulate", *options)
    assert told.code == 2
    assert words in told.stderr
    assert not told.text


def test_port_that_is_taken_is_told() -> None:
    server = SocketServer(0)
    try:
        told = bioasm("emulate", "--socket", server.name.rpartition(":")[2])
    finally:
        server.close()
    assert told.code == 1
    assert "B530" in told.stderr


def test_help_has_every_option() -> None:
    told = bioasm("emulate", "--help").text
    for option in (
        "--chip",
        "--seed",
        "--loss",
        "--corrupt",
        "--duplicate",
        "--delay",
        "--baud",
        "--drift",
        "--stuck",
        "--wrong-chip",
    ):
        assert option in told


# --- within this process --------------------------------------------------------------------------------


def test_board_within_this_process_runs_programs() -> None:
    with HostLink(open_emulated("emu:rhd2132?seed=2")) as link:
        link.connect()
        assert ran(link).extras["chip"] == "rhd2132"
        assert ran(link, "ALC 2\nRUN 10 ms\nRD\n", Substrate.TWIN).steps == 100


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("emu:rhd1", "no chip"),
        ("emu://[", "is no address"),
        ("emu:rhd2132?baud=inf", "baud is inf"),
        ("emu:?seed=-1", "seed is -1"),
    ],
)
def test_address_of_no_use_is_refused(url: str, words: str) -> None:
    with pytest.raises(BioasmError, match=words):
        open_emulated(url)


def test_unplugged_board_is_a_lost_link() -> None:
    with HostLink(open_emulated("emu:rhd2132?fault=run%2B0.02+unplug")) as link:
        link.connect()
        with pytest.raises(LinkLost) as caught:
            ran(link)
    assert caught.value.exit_code == 3


def test_emergency_stop_through_threads() -> None:
    with HostLink(open_emulated("emu:rhs2116?time=wall")) as link:
        link.connect()
        assert link.estop().state is State.FAULT


def test_virtual_telemetry_waits_for_its_host() -> None:
    with HostLink(open_emulated("emu:rhd2132?seed=1")) as link:
        link.connect()
        link.request(m.Subscribe(1 << Stream.RAW, tuple(range(16))))
        result = ran(link, "ALC 4\nRUN 400 ms\n")
        assert result.steps == 400
        assert sum(link.statistics.lost) == 0


def test_closed_board_ends_its_thread() -> None:
    wire = open_emulated("emu:rhd2132")
    wire.close()
    assert not wire._thread.is_alive()  # type: ignore[attr-defined]
